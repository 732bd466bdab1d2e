//! Evidence: what was printed and what the engine says, bounded and redacted before anybody sees it.
//!
//! Text is data. It can name a class of failure; it never chooses a target, and it never reaches a terminal or the log
//! before it went through [`from_text`].

use repair_classification::cleaning::{REDRAW, cleaned};
use repair_classification::redaction::Redactor;
pub use repair_classification::redaction::{REDACTED, redacted};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::limits::{EVIDENCE_BYTES_MAX, EVIDENCE_LINE_BYTES_MAX};

/// Makes evidence of raw output: terminal sequences removed, redrawn lines reduced to their last state, secrets redacted,
/// bounded from the start, because the last failure decides.
pub fn from_text(provenance: Provenance, raw: &[u8]) -> Evidence {
    let cut = raw.len().saturating_sub(EVIDENCE_BYTES_MAX);
    let text = cleaned(&raw[cut..]);
    let mut redactor = Redactor::default();
    let lines = String::from_utf8_lossy(&text)
        .split('\n')
        .map(|line| redactor.line(bounded(last_redraw(line))))
        .collect::<Vec<_>>();
    let lines_before = raw[..cut].iter().filter(|byte| **byte == b'\n').count();
    Evidence {
        provenance,
        lines: without_blank_end(lines),
        truncated: cut > 0,
        lines_before: u64::try_from(lines_before).unwrap_or(u64::MAX),
    }
}

/// Progress displays redraw a line after a carriage return; only what is left standing counts.
fn last_redraw(line: &str) -> &str {
    line.rsplit(char::from(REDRAW)).find(|part| !part.trim().is_empty()).unwrap_or("")
}

fn bounded(line: &str) -> &str {
    if line.len() <= EVIDENCE_LINE_BYTES_MAX {
        return line;
    }
    let mut end = EVIDENCE_LINE_BYTES_MAX;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

fn without_blank_end(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_redraws_leave_plain_lines() {
        let raw = b"\x1b[1A\x1b[2K\x1b[31m Container a  Error\x1b[0m\r\npulling 1%\rpulling 2%\rdone\n\x1b]0;title\x07end\n\n";
        let evidence = from_text(Provenance::Command, raw);
        assert_eq!(evidence.lines, [" Container a  Error", "done", "end"]);
    }

    #[test]
    fn the_end_is_kept_and_the_cut_is_said() {
        let mut raw = b"one\ntwo\n".to_vec();
        raw.extend(vec![b'x'; EVIDENCE_BYTES_MAX]);
        raw.extend(b"\nlast line\n");
        let evidence = from_text(Provenance::Command, &raw);
        assert!(evidence.truncated);
        assert_eq!(evidence.lines_before, 2);
        assert_eq!(evidence.lines.last().map(String::as_str), Some("last line"));
        assert!(evidence.lines.iter().all(|line| line.len() <= EVIDENCE_LINE_BYTES_MAX));
    }

    #[test]
    fn no_secret_gets_through_even_over_several_lines() {
        let raw = b"DB_PASSWORD=hunter2\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\nend";
        let text = from_text(Provenance::Command, raw).lines.join("\n");
        assert!(!text.contains("hunter2") && !text.contains("MIIE") && text.ends_with("end"), "{text}");
    }
}

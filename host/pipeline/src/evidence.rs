//! Evidence: what was printed and what the engine says, bounded and redacted before anybody sees it.
//!
//! Text is data. It can name a class of failure; it never chooses a target, and it never reaches a terminal or the log
//! before it went through [`from_text`].

use std::sync::LazyLock;

use regex::Regex;
use repair_model::evidence::{Evidence, Provenance};
use repair_model::limits::{EVIDENCE_BYTES_MAX, EVIDENCE_LINE_BYTES_MAX};

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Makes evidence of raw output: terminal sequences removed, redrawn lines reduced to their last state, secrets redacted,
/// bounded from the start, because the last failure decides.
pub fn from_text(provenance: Provenance, raw: &[u8]) -> Evidence {
    let cut = raw.len().saturating_sub(EVIDENCE_BYTES_MAX);
    let text = String::from_utf8_lossy(&raw[cut..]);
    let plain = TERMINAL_SEQUENCE.replace_all(&text, "");
    let lines = plain
        .split('\n')
        .map(|line| last_redraw(line.trim_end_matches('\r')))
        .map(|line| redacted(bounded(line)))
        .collect::<Vec<_>>();
    Evidence { provenance, lines: without_blank_end(lines), truncated: cut > 0 }
}

/// `line` without the values that look like secrets.
pub fn redacted(line: &str) -> String {
    let mut safe = line.to_owned();
    for (pattern, replacement) in SECRETS.iter() {
        if pattern.is_match(&safe) {
            safe = pattern.replace_all(&safe, *replacement).into_owned();
        }
    }
    safe
}

/// CSI and OSC sequences and lone escapes, by ECMA-48.
static TERMINAL_SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]").expect("a valid pattern")
});

static SECRETS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // `password=…`, `"apiKey": "…"`, `MYSQL_ROOT_PASSWORD: …`
        (
            r#"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|credential)s?["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"',;&]+)"#,
            "${1}[redacted]",
        ),
        // user:password@host in URLs and connection strings
        (r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]+:)[^\s@/]+@", "${1}[redacted]@"),
        (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_=.-]{8,}", "${1} [redacted]"),
        // signatures of shared access tokens
        (r"(?i)([?&;]sig=)[^&\s]+", "${1}[redacted]"),
        // JSON Web Tokens
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "[redacted]"),
        // well-known prefixes of tokens
        (r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|dckr_pat_[A-Za-z0-9_-]{16,})", "[redacted]"),
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", "[redacted]"),
    ]
    .into_iter()
    .map(|(pattern, replacement)| (Regex::new(pattern).expect("a valid pattern"), replacement))
    .collect()
});

/// Progress displays redraw a line after a carriage return; only what is left standing counts.
fn last_redraw(line: &str) -> &str {
    line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or("")
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
        let mut raw = vec![b'x'; EVIDENCE_BYTES_MAX];
        raw.extend(b"\nlast line\n");
        let evidence = from_text(Provenance::Command, &raw);
        assert!(evidence.truncated);
        assert_eq!(evidence.lines.last().map(String::as_str), Some("last line"));
        assert!(evidence.lines.iter().all(|line| line.len() <= EVIDENCE_LINE_BYTES_MAX));
    }

    #[test]
    fn secrets_do_not_get_through() {
        for (line, gone) in [
            ("MYSQL_ROOT_PASSWORD=hunter2hunter2", "hunter2"),
            ("  password: 'with space inside'", "space"),
            (r#"{"apiKey": "abc123"}"#, "abc123"),
            ("postgres://app:s3cr3t@db:5432/x", "s3cr3t"),
            ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
            ("https://x.blob/y?sv=1&sig=AbC%2F123&se=2", "AbC"),
            ("AccountKey=Zm9vYmFyYmF6;EndpointSuffix=x", "Zm9v"),
            ("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_d", "eyJzdWIi"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ", "ghp_0123"),
        ] {
            assert!(!redacted(line).contains(gone), "{} still shows {gone}", redacted(line));
        }
    }

    #[test]
    fn decisive_lines_are_left_alone() {
        for line in [
            "Bind for 0.0.0.0:9090 failed: port is already allocated",
            "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
            "pull access denied for private/thing, repository does not exist",
        ] {
            assert_eq!(redacted(line), line);
        }
    }
}

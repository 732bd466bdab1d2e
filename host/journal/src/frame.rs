//! The grammar of a line.
//!
//! ```text
//! log      = segment+
//! segment  = line+
//! line     = envelope "\n"
//! envelope = {"v":4,"seq":N,"prev":"<leaf>","session":null|"<id>","epoch":E,"time":"<RFC 3339>","event":{…}}
//! leaf     = SHA-256(0x00 ‖ the exact bytes of the line, without its end)        RFC 6962, section 2.1
//! prev     = leaf of the line before, in whichever segment; 64 zeros in the first line
//! ```
//!
//! A line is accepted only if it is, byte for byte, what this version would write: no other spacing, no unknown or
//! repeated field, no other spelling of a value. So nothing can hide in a line that its reader does not see.
//! Hashes are over the stored bytes; the comparison only decides whether to accept them.

use std::io::Write as _;

use jiff::Timestamp;
use repair_model::event::{Event, FORMAT_VERSION, Record};
use repair_model::ids::{Digest, SessionId};
use repair_model::limits::LOG_LINE_BYTES_MAX;
use repair_model::text::escaped;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What stands where the first line has no line before it.
pub const NO_LEAF: Digest = Digest::from_bytes([0; 32]);

/// The RFC 6962 leaf hash of a line, given without its end.
pub fn leaf_hash(line: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(line);
    Digest::from_bytes(hasher.finalize().into())
}

/// A line as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    pub(crate) v: u32,
    pub(crate) seq: u64,
    pub(crate) prev: Digest,
    pub(crate) session: Option<SessionId>,
    pub(crate) epoch: u64,
    pub(crate) time: Timestamp,
    pub(crate) event: Event,
}

impl Envelope {
    /// What the reader of the log hands out.
    pub(crate) fn into_record(self) -> Record {
        Record { sequence: self.seq, session: self.session, epoch: self.epoch, time: self.time, event: self.event }
    }
}

/// Why bytes are no line of this format.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NotALine {
    /// Longer than any line may be.
    #[error("the line is longer than {LOG_LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Not what an envelope looks like.
    #[error("the line cannot be understood ({0})")]
    Grammar(String),
    /// Another format.
    #[error(
        "the line is of format version {0}, but this `repair` reads version {FORMAT_VERSION}; use the `repair` that wrote it"
    )]
    Version(u64),
    /// Understood, but not what would be written.
    #[error("the line is not exactly what `repair` writes: it has an unknown field or another spelling")]
    Spelling,
}

/// What a line begins with, up to and without its session: enough to check its place in the chain without understanding
/// the rest.
pub(crate) fn write_prefix(prefix: &mut Vec<u8>, sequence: u64, previous: &Digest) {
    let mut digits = [0; 64];
    // Two digits for each byte, so this cannot fail.
    let _ = hex::encode_to_slice(previous.as_bytes(), &mut digits);
    prefix.clear();
    // Nor can writing into memory.
    let _ = write!(prefix, "{{\"v\":{FORMAT_VERSION},\"seq\":{sequence},\"prev\":\"");
    prefix.extend_from_slice(&digits);
    prefix.extend_from_slice(b"\",");
}

/// The bytes of a line, without its end.
///
/// # Errors
/// When it would be longer than a line may be, or holds a path that is not text.
pub(crate) fn encode(envelope: &Envelope) -> Result<Vec<u8>, NotALine> {
    let line = serde_json::to_vec(envelope).map_err(|error| NotALine::Grammar(error.to_string()))?;
    if line.len() > LOG_LINE_BYTES_MAX { Err(NotALine::TooLong) } else { Ok(line) }
}

/// Reads a line, given without its end.
///
/// # Errors
/// When it is not exactly what [`encode`] writes.
pub(crate) fn decode(line: &[u8]) -> Result<Envelope, NotALine> {
    if line.len() > LOG_LINE_BYTES_MAX {
        return Err(NotALine::TooLong);
    }
    let envelope: Envelope = serde_json::from_slice(line).map_err(|error| match version(line) {
        Some(other) if other != u64::from(FORMAT_VERSION) => NotALine::Version(other),
        _ => NotALine::Grammar(escaped(&error.to_string())),
    })?;
    if envelope.v != FORMAT_VERSION {
        return Err(NotALine::Version(envelope.v.into()));
    }
    match serde_json::to_vec(&envelope) {
        Ok(written) if written == line => Ok(envelope),
        _ => Err(NotALine::Spelling),
    }
}

/// Whether `line`, which [`encode`] made of `envelope`, is read as that again: the same value has the same spelling.
///
/// # Errors
/// When it is not.
pub(crate) fn check_reads_back(line: &[u8], envelope: &Envelope) -> Result<(), NotALine> {
    match serde_json::from_slice::<Envelope>(line) {
        Ok(read) if read == *envelope => Ok(()),
        Ok(_) => Err(NotALine::Spelling),
        Err(error) => Err(NotALine::Grammar(escaped(&error.to_string()))),
    }
}

/// The leaf that a line claims to follow, whatever else is wrong with it.
pub(crate) fn claimed_previous(line: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Previous {
        prev: Digest,
    }
    serde_json::from_slice(line).ok().map(|Previous { prev }| prev)
}

fn version(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    serde_json::from_slice(line).ok().map(|Version { v }| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(event: Event) -> Envelope {
        let time = "2026-01-31T23:59:59.123456789Z".parse().expect("a time");
        Envelope { v: FORMAT_VERSION, seq: 7, prev: NO_LEAF, session: None, epoch: 3, time, event }
    }

    fn noted(note: &str) -> Envelope {
        envelope(Event::Noted { note: note.to_owned() })
    }

    #[test]
    fn a_line_has_exactly_the_documented_form() {
        let line = String::from_utf8(encode(&noted("hello")).expect("a line")).expect("text");
        let zeros = "0".repeat(64);
        let expected = format!(
            r#"{{"v":4,"seq":7,"prev":"{zeros}","session":null,"epoch":3,"time":"2026-01-31T23:59:59.123456789Z","event":{{"kind":"noted","note":"hello"}}}}"#
        );
        assert_eq!(line, expected);
        assert_eq!(decode(line.as_bytes()), Ok(noted("hello")));
        let mut prefix = Vec::new();
        write_prefix(&mut prefix, 7, &NO_LEAF);
        assert!(line.as_bytes().starts_with(&prefix) && prefix.ends_with(b"\","));
    }

    #[test]
    fn the_leaf_hash_is_the_one_of_rfc_6962() {
        // The hash of an empty leaf, as the test vectors of Certificate Transparency have it.
        let empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(leaf_hash(b"").to_string(), empty);
    }

    #[test]
    fn a_line_end_inside_a_text_does_not_end_the_line() {
        let line = encode(&noted("two\nlines\u{0}")).expect("a line");
        assert!(!line.contains(&b'\n') && !line.contains(&0));
    }

    #[test]
    fn anything_but_the_exact_spelling_is_refused() {
        let line = String::from_utf8(encode(&noted("hello")).expect("a line")).expect("text");
        let refused = |from: &str, to: &str| {
            let changed = line.replacen(from, to, 1);
            assert_ne!(changed, line, "{from}");
            decode(changed.as_bytes()).expect_err(to)
        };
        assert_eq!(refused(r#""note":"hello""#, r#""note":"hello","more":1"#), NotALine::Spelling);
        assert!(matches!(refused(r#""epoch":3"#, r#""epoch":3,"more":1"#), NotALine::Grammar(_)));
        assert!(matches!(refused(r#""epoch":3"#, r#""epoch":3,"epoch":3"#), NotALine::Grammar(_)));
        assert_eq!(refused(r#""session":null,"#, ""), NotALine::Spelling);
        assert_eq!(refused(r#""epoch":3"#, r#""epoch": 3"#), NotALine::Spelling);
        assert_eq!(refused("hello", r"hell\u006f"), NotALine::Spelling);
        assert_eq!(refused("59.123456789Z", "59.123456789+00:00"), NotALine::Spelling);
        assert_eq!(refused(r#""v":4"#, r#""v":1"#), NotALine::Version(1));
        assert!(refused(r#""kind":"noted""#, r#""kind":"from-the-future""#).to_string().contains("future"));
        assert!(matches!(decode(b""), Err(NotALine::Grammar(_))));
    }

    #[test]
    fn a_newer_format_is_named_even_when_nothing_else_is_understood() {
        assert_eq!(decode(br#"{"v":9,"tree":"?"}"#), Err(NotALine::Version(9)));
    }

    #[test]
    fn a_line_beyond_the_limit_is_never_written() {
        assert_eq!(encode(&noted(&"x".repeat(LOG_LINE_BYTES_MAX))), Err(NotALine::TooLong));
    }
}

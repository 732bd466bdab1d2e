//! Keeps lines that hold a secret out of edits, because the log keeps what an edit replaces and a diff shows whole
//! lines.
//!
//! A simple look at names: it refuses too much rather than too little, and a refused edit has another way.

use std::sync::LazyLock;

use regex::Regex;
use repair_model::plan::Hunk;

use crate::compose::source::line_of;

/// A name that stands for a secret, given a value on the same line.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(password|passwd|secret|token|api[_-]?key)[\w.-]*["']?\s*[:=]\s*["']?[^\s"',}\]]"#)
        .expect("it is constant")
});

/// The first line, counted from 1 in the text before, that hunks change and that holds a secret before or afterwards.
pub fn line_with_secret(before: &str, after: &str, hunks: &[Hunk]) -> Option<u32> {
    let (mut read, mut written) = (0, 0);
    for hunk in hunks {
        let start = usize::try_from(hunk.offset_bytes).ok()?;
        let new_start = written + (start - read);
        (read, written) = (start + hunk.before.len(), new_start + hunk.after.len());
        let stretches = [(before, start, read), (after, new_start, written)];
        if stretches.into_iter().any(|(text, from, to)| SECRET.is_match(lines_of(text, from, to))) {
            return Some(line_of(before, start));
        }
    }
    None
}

/// The whole lines that a stretch of a text touches.
fn lines_of(text: &str, from: usize, to: usize) -> &str {
    let start = text[..from].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[to..].find('\n').map_or(text.len(), |length| to + length);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_secrets_with_a_value_count() {
        for line in [
            "DB_PASSWORD: x",
            "- API_KEY=1",
            "\"token\": \"x\"",
            "{MYSQL_ROOT_PASSWD: 'y'}",
            "apikey=1",
            "MY_SECRET_VALUE: z",
        ] {
            assert!(SECRET.is_match(line), "{line}");
        }
        for line in ["secrets:", "- 8080:80 # token", "TOKEN:", "PASSWORD=", "ports: [80:80]", "secret"] {
            assert!(!SECRET.is_match(line), "{line}");
        }
    }
}

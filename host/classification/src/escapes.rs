//! Undoes what carries an error from one tool's output into another's: JSON escapes, nested several times over, and colour
//! codes whose escape character was lost or spelt out.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Levels of escaped JSON within JSON that are undone. ARM nests its errors as text up to four levels deep.
const DEPTH_MAX: usize = 8;

/// One line, readable: colour residue gone, escapes undone, and each key of compact JSON that says something of an error
/// at the beginning of a line of its own.
pub(crate) fn readable(line: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(line);
    if line.contains('[') && COLOUR_RESIDUE.is_match(line) {
        text = Cow::Owned(COLOUR_RESIDUE.replace_all(line, "").into_owned());
    }
    for _ in 0..DEPTH_MAX {
        if !is_escaped(&text) {
            break;
        }
        text = Cow::Owned(undone_once(&text));
    }
    if text.contains("ode") || text.contains("essage") {
        let parts = ERROR_KEY.replace_all(&text, "$1\n$2");
        if let Cow::Owned(parts) = parts {
            text = Cow::Owned(parts);
        }
    }
    text
}

/// `\u001b[31m` written out, `^[[31m`, or `[31m` whose escape character was lost on the way.
static COLOUR_RESIDUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\\u001[bB]|\\x1[bB]|\\033|\\e|\^\[|\u{241b}|\u{fffd})?\[(?:\d{1,3}(?:;\d{1,3}){0,4})?m")
        .expect("a valid pattern")
});

/// Where one statement of a compact JSON error ends and the next begins.
static ERROR_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"([{,])[ \t]*(["'](?:code|message|error|innererror|details|target|statusMessage|additionalInfo)["']\s*:)"#,
    )
    .expect("a valid pattern")
});

/// A lone backslash proves nothing: paths of Windows have them.
fn is_escaped(text: &str) -> bool {
    text.contains("\\\"")
        || text.contains("\\r\\n")
        || text.contains("\\u00")
        || (text.contains("\\n") && text.contains('{'))
}

fn undone_once(text: &str) -> String {
    let mut undone = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        undone.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some('n') => undone.push('\n'),
            Some('r') => {}
            Some('t') => undone.push(' '),
            Some('u') => match rest.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
                Some(code) => {
                    // Halves of a surrogate pair have no meaning for any rule.
                    undone.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                    after = rest[at + 6..].chars();
                }
                None => undone.push_str("\\u"),
            },
            Some(other @ ('"' | '\\' | '/' | '\'')) => undone.push(other),
            Some(other) => {
                undone.push('\\');
                undone.push(other);
            }
            None => undone.push('\\'),
        }
        rest = after.as_str();
    }
    undone.push_str(rest);
    undone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_escapes_become_lines_that_can_be_read() {
        let line = r#"{"code":"DeploymentFailed","details":[{"message":"{\r\n  \"error\": {\r\n    \"code\": \"ConflictError\",\r\n    \"message\": \"A vault with the name \\u0027kv\\u0027\"}}"}]}"#;
        let readable = readable(line);
        assert!(readable.lines().any(|line| line.trim() == r#""code": "ConflictError","#), "{readable}");
        assert!(readable.contains("the name 'kv'"), "{readable}");
    }

    #[test]
    fn a_path_of_windows_is_left_alone() {
        assert_eq!(readable(r"C:\new\tools: not found"), r"C:\new\tools: not found");
    }

    #[test]
    fn colour_codes_without_their_escape_character_vanish() {
        assert_eq!(readable("[31mERROR[0m: x ^[[1;33mwarn^[[0m \\u001b[2mdim"), "ERROR: x warn dim");
    }

    #[test]
    fn the_depth_is_bounded() {
        let line = format!("{}\"", "\\".repeat(4096));
        assert!(readable(&line).len() <= line.len());
    }
}

//! Measures how deep a policy text is nested, before Cedar's parser sees it; and takes it apart into its tokens.
//!
//! That parser recurses once for each bracket and each `if`, without a limit, so that a few kilobytes would end the
//! process by a stack overflow. Strings and comments do not count; they are told apart as Cedar's lexer does.

use repair_model::limits::POLICY_NESTING_MAX;

/// Where the text first gets nested deeper than [`POLICY_NESTING_MAX`], in bytes.
pub(super) fn nested_too_deep(text: &str) -> Option<usize> {
    // The `if`s directly within each open bracket, outermost first: they end with it.
    let mut ifs = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens(text) {
        match token {
            b"(" | b"[" | b"{" => {
                ifs.push(0);
                depth += 1;
            }
            b")" | b"]" | b"}" => depth -= ifs.pop().map_or(0, |within: usize| within + 1),
            b"if" => {
                if let Some(within) = ifs.last_mut() {
                    *within += 1;
                    depth += 1;
                }
            }
            _ => {}
        }
        if depth > POLICY_NESTING_MAX {
            return Some(at);
        }
    }
    None
}

/// The strings, comments and words of a policy text, and each other byte by itself; each with its place in bytes.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (usize, &[u8])> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at += match *bytes.get(at)? {
            b'"' => string_bytes(&bytes[at..]),
            b'/' if bytes.get(at + 1) == Some(&b'/') => count(&bytes[at..], |byte| !matches!(byte, b'\n' | b'\r')),
            byte if byte == b'_' || byte.is_ascii_alphabetic() => count(&bytes[at..], is_word),
            _ => 1,
        };
        Some((start, &bytes[start..at]))
    })
}

/// The length of a string with its quotes; without a closing quote, of the rest.
fn string_bytes(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    end.map_or(bytes.len(), |end| end + 2)
}

fn count(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| belongs(**byte)).count()
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(open: &str, close: &str, times: usize) -> String {
        format!("{}true{}", open.repeat(times), close.repeat(times))
    }

    #[test]
    fn brackets_count_while_they_are_open() {
        assert_eq!(nested_too_deep(&nested("(", ")", POLICY_NESTING_MAX)), None);
        assert_eq!(nested_too_deep(&nested("(", ")", POLICY_NESTING_MAX + 1)), Some(POLICY_NESTING_MAX));
        assert_eq!(nested_too_deep(&"([{}])".repeat(POLICY_NESTING_MAX)), None);
        assert_eq!(nested_too_deep(&")".repeat(9)), None, "what closes nothing is for the parser to refuse");
    }

    #[test]
    fn a_chain_of_ifs_counts_until_its_bracket_closes() {
        let chain = "{ if a then b else 1if a then b else c }";
        assert_eq!(nested_too_deep(&chain.repeat(POLICY_NESTING_MAX)), None);
        assert!(nested_too_deep(&format!("{{ {} c }}", "if a then b else ".repeat(POLICY_NESTING_MAX))).is_some());
        assert_eq!(nested_too_deep(&format!("{{ {} }}", "iffy _if if_ ".repeat(POLICY_NESTING_MAX))), None);
    }

    #[test]
    fn strings_and_comments_do_not_count_and_hide_nothing() {
        let deep = "(".repeat(POLICY_NESTING_MAX + 1);
        assert_eq!(nested_too_deep(&format!("\"{deep}\\\"{deep}\" // {deep}\n")), None);
        for before in ["\"\\\\\"", "// \n", "// \r", "/ /", "\"\n\""] {
            assert!(nested_too_deep(&format!("{before}{deep}")).is_some(), "{before:?}");
        }
    }
}

//! Words for a POSIX shell, in commands that a person reads, copies and runs. Nothing here is ever run by `repair`.

/// `word` as one word of a POSIX shell (Shell Command Language, section 2.2.2).
pub fn shell_quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The same for what stands as an argument; `None` for a word that would be read as an option, or that an eye cannot see
/// whole.
pub(crate) fn argument(word: &str) -> Option<String> {
    let plain = !word.is_empty() && !word.starts_with('-') && !word.contains(char::is_control);
    plain.then(|| shell_quoted(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_odd_words_are_quoted() {
        assert_eq!(shell_quoted(""), "''");
        assert_eq!(shell_quoted("a-b_c.d/e"), "a-b_c.d/e");
        assert_eq!(shell_quoted("$(x)"), "'$(x)'");
        assert_eq!(shell_quoted("we'b"), r"'we'\''b'");
        assert_eq!(shell_quoted("ünder"), "'ünder'");
    }

    #[test]
    fn an_argument_is_never_an_option_and_never_hides() {
        assert_eq!(argument("rg (old)").as_deref(), Some("'rg (old)'"));
        for wrong in ["", "--yes", "a\nb", "\u{1b}[2J"] {
            assert_eq!(argument(wrong), None, "{wrong:?}");
        }
    }
}

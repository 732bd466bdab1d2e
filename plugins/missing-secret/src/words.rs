//! Whether a text names a variable, as a whole word.

/// Whether `name` stands in `line` with nothing on either side that could belong to a longer name.
pub(crate) fn names(line: &str, name: &str) -> bool {
    let belongs = |character: Option<char>| character.is_some_and(|other| other.is_alphanumeric() || other == '_');
    !name.is_empty()
        && line.match_indices(name).any(|(at, found)| {
            !belongs(line[..at].chars().next_back()) && !belongs(line[at + found.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_counts_only_as_a_whole_word() {
        for line in
            ["APP_KEY", "APP_KEY is empty", "set $APP_KEY!", "missing:APP_KEY", "MY_APP_KEY or APP_KEY", "é-APP_KEY"]
        {
            assert!(names(line, "APP_KEY"), "{line}");
        }
        for line in ["", "MY_APP_KEY", "APP_KEYS", "APP_KEY_FILE", "app_key", "APP KEY", "éAPP_KEY", "APP_KEYé"] {
            assert!(!names(line, "APP_KEY"), "{line}");
        }
        assert!(!names("anything", ""));
    }
}

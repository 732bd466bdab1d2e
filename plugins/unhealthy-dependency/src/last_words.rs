//! The lines of a log that say why its service ended, as far as words can tell. They are foreign text: they are quoted to
//! a person, and decide nothing.

/// Lines that are quoted.
const QUOTED_MAX: usize = 3;
/// Characters of a line that are quoted.
const LINE_CHARS_MAX: usize = 200;
/// Words of lines that say what failed, in lower case.
const DECISIVE: [&str; 16] = [
    "abort",
    "cannot",
    "can't",
    "corrupt",
    "could not",
    "denied",
    "error",
    "exception",
    "fail",
    "fatal",
    "invalid",
    "is empty",
    "missing",
    "no such",
    "panic",
    "refused",
];

/// The last lines that say what failed, else the last lines; oldest first.
pub(crate) fn last_words(lines: &[String]) -> Vec<String> {
    let says_something = |line: &&String| !line.trim().is_empty();
    let is_decisive = |line: &&String| {
        let line = line.to_ascii_lowercase();
        DECISIVE.iter().any(|word| line.contains(word))
    };
    let decisive: Vec<&String> = lines.iter().filter(is_decisive).collect();
    let chosen = if decisive.is_empty() { lines.iter().filter(says_something).collect() } else { decisive };
    chosen[chosen.len().saturating_sub(QUOTED_MAX)..].iter().map(|line| shortened(line.trim())).collect()
}

/// As a sentence that follows another one.
pub(crate) fn in_a_sentence(service: &str, words: &[String]) -> String {
    match words {
        [] => format!(" `{service}` has said nothing."),
        words => format!(" `{service}` said last: {}.", words.join(" / ")),
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[&str]) -> Vec<String> {
        last_words(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn lines_that_say_what_failed_come_before_the_mere_last_ones() {
        assert_eq!(words(&["FATAL: no such table", "cleaning up", "", "bye"]), ["FATAL: no such table"]);
        assert_eq!(words(&["a", "b", " ", "c", "d"]), ["b", "c", "d"]);
        assert_eq!(words(&["error 1", "error 2", "error 3", "error 4"]), ["error 2", "error 3", "error 4"]);
        assert!(words(&["", "  "]).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let cut = words(&[&"é".repeat(500)]);
        assert_eq!(cut[0].chars().count(), LINE_CHARS_MAX + 1);
        assert!(cut[0].ends_with('…'));
    }
}

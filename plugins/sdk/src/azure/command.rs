//! Words of Azure and of foreign texts in what a person reads and copies.
//!
//! A command that a decline prints is copied into a shell, so only what no shell and no eye can misread is filled in.

/// Bytes of a word that is filled into a command; ids of resources are that long.
const WORD_BYTES_MAX: usize = 256;
/// Bytes of a foreign text that is quoted.
const EXCERPT_BYTES_MAX: usize = 400;

/// `value`, if it consists of what names, addresses and paths consist of and is neither an option nor leads upwards; else
/// `place`, for a person to fill in.
pub fn word<'a>(value: &'a str, place: &'a str) -> &'a str {
    let begins = value.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '/'));
    let goes_on = value.chars().all(|next| next.is_ascii_alphanumeric() || "_./:@-".contains(next));
    let is_harmless = begins && goes_on && value.len() <= WORD_BYTES_MAX && !value.contains("..");
    if is_harmless { value } else { place }
}

/// A foreign text on one line and within bounds, without the back-ticks that set off commands.
pub fn excerpt(text: &str) -> String {
    let words: Vec<&str> = text.split(|each: char| each.is_whitespace() || each.is_control()).collect();
    let mut line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").replace('`', "'");
    if line.len() > EXCERPT_BYTES_MAX {
        line.truncate(line.floor_char_boundary(EXCERPT_BYTES_MAX));
        line.push('…');
    }
    line
}

/// Heals the newest deployment of the group once more, in back-ticks.
pub fn repair_again(group: &str) -> String {
    format!("`repair --self-heal=preview --azure {}`", word(group, "GROUP"))
}

/// The same with files of which a person knows the names.
pub fn repair_with_files(group: &str) -> String {
    format!("`repair --self-heal=preview --azure {} --template FILE --parameters FILE`", word(group, "GROUP"))
}

/// Next steps in their order, as the end of a sentence: `Two next steps: (1) …; (2) ….`
pub fn next_steps<S: AsRef<str>>(steps: impl IntoIterator<Item = S>) -> String {
    const COUNTS: [&str; 7] = ["No", "One", "Two", "Three", "Four", "Five", "Six"];
    let each: Vec<String> =
        steps.into_iter().enumerate().map(|(at, step)| format!("({}) {}", at + 1, step.as_ref())).collect();
    let count = COUNTS.get(each.len()).copied().unwrap_or("Some");
    let word = if each.len() == 1 { "step" } else { "steps" };
    format!("{count} next {word}: {}.", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_words_reach_a_command() {
        let scope = "/subscriptions/5b0a/resourceGroups/rg-shop";
        for harmless in ["kv-shop", "Standard_B1ms", "Microsoft.KeyVault", "ann@contoso.example", scope] {
            assert_eq!(word(harmless, "NAME"), harmless);
        }
        for hostile in ["", "x; rm -rf /", "$(id)", "--help", "a b", "`id`", "../../x", "x\n", "\u{202e}kv", "rg(1)"] {
            assert_eq!(word(hostile, "NAME"), "NAME", "{hostile:?}");
        }
        assert_eq!(word(&"x".repeat(WORD_BYTES_MAX + 1), "NAME"), "NAME");
    }

    #[test]
    fn a_run_on_a_group_names_it_or_leaves_its_place() {
        assert_eq!(repair_again("rg-shop"), "`repair --self-heal=preview --azure rg-shop`");
        assert_eq!(repair_again("$(id)"), "`repair --self-heal=preview --azure GROUP`");
        let with_files = "`repair --self-heal=preview --azure rg-shop --template FILE --parameters FILE`";
        assert_eq!(repair_with_files("rg-shop"), with_files);
    }

    #[test]
    fn next_steps_are_counted_and_numbered() {
        assert_eq!(next_steps(["look"]), "One next step: (1) look.");
        assert_eq!(next_steps(["look", "ask"]), "Two next steps: (1) look; (2) ask.");
        assert_eq!(next_steps([""; 9]).get(..15), Some("Some next steps"));
    }

    #[test]
    fn a_foreign_text_becomes_one_line_within_bounds() {
        assert_eq!(excerpt("  a\r\n\tb `az login`\u{1b} c "), "a b 'az login' c");
        let long = excerpt(&"é ".repeat(EXCERPT_BYTES_MAX));
        assert!(long.len() <= EXCERPT_BYTES_MAX + '…'.len_utf8() && long.ends_with('…'), "{long}");
    }
}

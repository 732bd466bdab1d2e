//! Making foreign text safe to show.

use std::fmt::Write as _;

/// Escapes what could move the cursor, colour the screen, hide text or reorder it: control characters, the Unicode
/// bidirectional controls, zero-width and other invisible characters, line and paragraph separators.
///
/// The result is one line for eyes; it is never parsed, so a backslash is left as it is.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => safe.push_str("  "),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            _ if is_unsafe(character) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Like [`escaped`], and cut to at most `characters_max` characters with a mark that says so.
pub fn escaped_short(text: &str, characters_max: usize) -> String {
    cut(escaped(text), characters_max)
}

/// Like [`escaped_short`], for the words of somebody who could want to deceive whoever reads them: space is one blank,
/// however wide it is, because padding would draw rows of its own where a screen breaks the line.
pub fn escaped_words(text: &str, characters_max: usize) -> String {
    let safe = escaped(text);
    cut(safe.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "), characters_max)
}

fn cut(safe: String, characters_max: usize) -> String {
    match safe.char_indices().nth(characters_max) {
        Some((cut, _)) => format!("{}…", &safe[..cut]),
        None => safe,
    }
}

/// Whether all its space is single blanks between words.
pub fn is_spaced_plainly(text: &str) -> bool {
    text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

/// JSON text with the same characters written as `\uXXXX`, so that a document can be shown at a terminal and still says
/// the same to a program. JSON itself asks for this only below U+0020; line ends between values stay.
pub fn escaped_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_unsafe(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Control and formatting characters by Unicode 16, sections 23.1, 23.2 and 23.5 to 23.9.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(escaped("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escaped("a\u{202e}b\u{2066}c\u{200b}"), "a\\u{202e}b\\u{2066}c\\u{200b}");
        assert_eq!(escaped("C1: \u{9b}2J"), "C1: \\u{9b}2J");
        assert_eq!(escaped("two\nlines\r"), "two\\nlines\\r");
    }

    #[test]
    fn json_is_made_safe_and_says_the_same() {
        let said = "Größe\u{202e}\u{9b}2J\u{e0001}\u{1b}";
        let json = serde_json::to_string_pretty(&[said]).expect("text is JSON");
        let safe = escaped_json(&json);
        assert_eq!(safe, "[\n  \"Größe\\u202e\\u009b2J\\udb40\\udc01\\u001b\"\n]");
        assert_eq!(serde_json::from_str::<[String; 1]>(&safe).expect("JSON"), [said]);
    }

    #[test]
    fn ordinary_text_stays() {
        let text = "Größe 12 µs — “ok” 日本";
        assert_eq!(escaped(text), text);
        assert_eq!(escaped_short("abcdef", 3), "abc…");
        assert_eq!(escaped_short("abc", 3), "abc");
    }

    #[test]
    fn no_space_is_wide_enough_to_draw_with() {
        for wide in ["a  b", "a\tb", " a b", "a b ", "a\u{3000}b", "a\u{a0}b"] {
            assert!(!is_spaced_plainly(wide), "{wide:?}");
            assert_eq!(escaped_words(wide, 10), "a b", "{wide:?}");
        }
        assert!(is_spaced_plainly("a b") && !is_spaced_plainly(""));
        assert_eq!(escaped_words("", 10), "");
        assert_eq!(escaped_words("a  bc", 3), "a b…");
        assert_eq!(escaped_short("a  b", 10), "a  b");
    }
}

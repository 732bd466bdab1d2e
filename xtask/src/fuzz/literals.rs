//! The texts that stand in Rust sources as string literals: Compose files, policies and settings of the tests, which are the
//! best beginning for a search.
//!
//! It reads literals as the compiler does, as far as the sources of this repository use them; a brace pair of `format!`
//! becomes a brace, and a placeholder a word.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// All literals in the sources below a folder, or in one file, that hold one of these words.
pub(super) fn with_word(place: &Path, words: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if place.is_dir() {
        for entry in fs::read_dir(place).with_context(|| format!("cannot list {}", place.display()))? {
            found.extend(with_word(&entry?.path(), words)?);
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") {
        let source = fs::read_to_string(place).with_context(|| format!("cannot read {}", place.display()))?;
        found.extend(literals(&source).into_iter().filter(|text| words.iter().any(|word| text.contains(word))));
    }
    Ok(found)
}

fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, here) = rest.split_at(at);
        let hashes = before.len() - before.trim_end_matches('#').len();
        let is_raw = before.trim_end_matches('#').ends_with('r');
        rest = match here.as_bytes() {
            [b'"', ..] if is_raw => {
                let end = format!("\"{}", "#".repeat(hashes));
                let Some((text, behind)) = here[1..].split_once(end.as_str()) else { break };
                found.push(filled(text));
                behind
            }
            [b'"', ..] => {
                let Some(length) = closing(&here[1..]) else { break };
                found.push(filled(&unescaped(&here[1..=length])));
                &here[length + 2..]
            }
            // A quote as a character, or a comment, begins no text.
            [b'\'', b'"', b'\'', ..] | [b'\'', b'\\', b'"', ..] => &here[3..],
            [b'/', b'/', ..] => here.split_once('\n').map_or("", |(_, behind)| behind),
            _ => &here[1..],
        };
    }
    found
}

/// The length of a text up to its closing quote.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = behind.chars();
        match characters.next() {
            Some('\n') => {
                rest = behind.trim_start();
                continue;
            }
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('0') => plain.push('\0'),
            Some(other) => plain.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    plain + rest
}

/// The text with something in the place of what `format!` would put in.
fn filled(text: &str) -> String {
    let mut filled = text.to_owned();
    let mut from = 0;
    while let Some(open) = filled[from..].find('{').map(|at| from + at) {
        let close = filled[open..].find('}').map(|length| open + length);
        let is_name = |name: &str| name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_');
        if let Some(close) = close.filter(|close| is_name(&filled[open + 1..*close]) && !filled[..open].ends_with('$'))
        {
            filled.replace_range(open..=close, "web");
        }
        from = open + 1;
    }
    filled.replace("{{", "{").replace("}}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_the_compiler_reads_them() {
        let source =
            "let a = \"one \\\"1\\\"\\n  \\\n     two\"; // \"no\"\nlet q = '\"'; let b = r#\"raw \"x\" \\n\"#;";
        assert_eq!(literals(source), ["one \"1\"\n  two", "raw \"x\" \\n"]);
        assert_eq!(filled("image: {WEB} ${{PORT:-1}} ${PORT} {{a: {}}}"), "image: web ${PORT:-1} ${PORT} {a: web}");
    }
}

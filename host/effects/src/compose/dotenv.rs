//! `.env` files as Compose reads them, with the place of every value, so that one value can be replaced byte for byte.
//!
//! Measured on Compose 2.40: `export ` is skipped, `:` separates like `=`, a value ends at ` #` or at the end of its
//! line, quoted values may span lines and what follows the closing quote is read as if it stood on its own line, the
//! last of several assignments wins, single quotes keep `$`. Refused as there: a name with a space in it, an open
//! quote. Invariant: `range` of an assignment holds the value without quotes, surrounding blanks and comment.

use std::collections::BTreeMap;
use std::ops::Range;

use repair_model::limits::DOTENV_VALUES_BYTES_MAX;

use super::interpolation::{Template, Variables};

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The bytes of the value in the file.
    pub range: Range<usize>,
    /// The quote around it, if any.
    pub quote: Option<char>,
    /// Counted from 1.
    pub line: u32,
}

/// Why a `.env` file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// Counted from 1.
    pub line: u32,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// The assignments of one file, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dotenv<'t> {
    text: &'t str,
    assignments: Vec<Assignment>,
}

impl<'t> Dotenv<'t> {
    /// Reads a file.
    ///
    /// # Errors
    /// When Compose would refuse it.
    pub fn read(text: &'t str) -> Result<Self, DotenvError> {
        let mut assignments = Vec::new();
        let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while at < text.len() {
            let rest = &text[at..];
            let blank = rest.len() - rest.trim_start().len();
            at += blank;
            let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
            if blank == 0 && at >= text.len() || text[at..line_end].is_empty() {
                at = line_end + 1;
                continue;
            }
            if text[at..].starts_with('#') {
                at = line_end;
                continue;
            }
            let (assignment, next) = statement(text, at, line_end)?;
            assignments.extend(assignment);
            at = next;
        }
        Ok(Self { text, assignments })
    }

    /// All assignments, in order.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// The assignment of that variable that counts.
    pub fn assignment(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rev().find(|assignment| assignment.name == name)
    }

    /// The bytes of a value as they stand in the file.
    pub fn raw(&self, assignment: &Assignment) -> &'t str {
        &self.text[assignment.range.clone()]
    }

    /// Adds the values of this file to those of earlier files; `$NAME` inside a value is replaced, the shell first. Where a
    /// few lines would make values without end out of each other, they stay as they are written.
    pub fn add_values(&self, shell: &BTreeMap<String, String>, values: &mut BTreeMap<String, String>) {
        let mut bytes: usize = values.values().map(String::len).sum();
        for assignment in &self.assignments {
            let raw = self.raw(assignment);
            let value = match assignment.quote {
                Some('\'') => raw.replace("\\'", "'"),
                quote => {
                    let variables = Variables { shell, dotenv: values };
                    let expanded = Template::parse(raw).and_then(|template| template.evaluate(&variables));
                    let value = expanded.ok().map(|evaluated| evaluated.value);
                    let value = value.filter(|value| bytes + value.len() <= DOTENV_VALUES_BYTES_MAX);
                    let value = value.unwrap_or_else(|| raw.to_owned());
                    if quote.is_some() { unescaped(&value) } else { value }
                }
            };
            bytes += value.len();
            values.insert(assignment.name.clone(), value);
        }
    }
}

/// One assignment and where to read on; no assignment for a name alone, which takes its value from the shell.
fn statement(text: &str, start: usize, line_end: usize) -> Result<(Option<Assignment>, usize), DotenvError> {
    let line = 1 + text[..start].matches('\n').count() as u32;
    let statement = &text[start..line_end];
    let after_export = statement.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let start = after_export.map_or(start, |rest| line_end - rest.trim_start().len());
    let Some(length) = text[start..line_end].find(['=', ':']) else {
        return Ok((None, line_end));
    };
    let name = text[start..start + length].trim_end();
    if name.contains([' ', '\t', '"', '\'']) {
        let message = format!("`{name}` is no name of a variable; write `NAME=value`");
        return Err(DotenvError { line, message });
    }
    let after = start + length + 1;
    let value = after + (text[after..line_end].len() - text[after..line_end].trim_start().len());
    let quote = text[value..line_end].chars().next().filter(|first| matches!(first, '"' | '\''));
    let (range, next) = match quote {
        Some(quote) => {
            let end = closing_quote(text, value + 1, quote).ok_or_else(|| DotenvError {
                line,
                message: format!("the quote of `{name}` is not closed; add {quote}"),
            })?;
            (value + 1..end, end + 1)
        }
        None => {
            // A comment needs a space before it, and a tab does not count; the space may be the one after the `=`.
            let end = text[value..line_end].find(" #").map_or(line_end, |length| value + length);
            (value..value + text[value..end].trim_end().len(), line_end)
        }
    };
    let next = if quote.is_some() { skip_comment(text, next) } else { next };
    Ok((Some(Assignment { name: name.to_owned(), range, quote, line }), next))
}

fn closing_quote(text: &str, start: usize, quote: char) -> Option<usize> {
    let mut escaped = false;
    text[start..].char_indices().find_map(|(at, character)| {
        let closes = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        closes.then_some(start + at)
    })
}

/// Behind a closing quote: a comment runs to the end of the line.
fn skip_comment(text: &str, at: usize) -> usize {
    let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    if text[at..line_end].trim_start().starts_with('#') { line_end } else { at }
}

/// What the backslashes of a double-quoted value stand for.
fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(other @ ('"' | '\\' | '$')) => value.push(other),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            (character, false) => value.push(character),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        Dotenv::read(text).unwrap().add_values(&BTreeMap::new(), &mut values);
        values
    }

    #[test]
    fn every_form_of_a_line_has_the_value_that_compose_gives_it() {
        // Measured on Compose 2.40.3: the line, then the value of A.
        let table = [
            ("A=8081", "8081"),
            ("export A=8081", "8081"),
            ("export  A=8081", "8081"),
            ("  A=8081", "8081"),
            ("A = 8081", "8081"),
            ("A: 8081", "8081"),
            ("A:=1", "=1"),
            ("A==1", "=1"),
            ("A=", ""),
            ("A=8081   ", "8081"),
            ("A=\t1", "1"),
            ("A=8081 # comment", "8081"),
            ("A=1 #a #b", "1"),
            ("A=1  # c", "1"),
            ("A=1#", "1#"),
            ("A=8081\t# tab", "8081\t# tab"),
            ("A=\"8081\"", "8081"),
            ("A=\"8081\" # c", "8081"),
            ("A=\"8081\"#c", "8081"),
            ("A=\"1 # no\" # x=y", "1 # no"),
            ("A='8081'", "8081"),
            ("A='$B'", "$B"),
            ("A=\"1\n2\"", "1\n2"),
            ("A=\"a\\\"b\"", "a\"b"),
            ("A=${X:-81}", "81"),
            ("A=1\nA=2", "2"),
            ("B=7\nA=$B", "7"),
            ("A=\"1\"B=2", "1"),
            ("A=x'y'", "x'y'"),
            ("\u{feff}A=1", "1"),
            ("# A=2\r\n\r\nA=1\r\n", "1"),
        ];
        for (text, expected) in table {
            assert_eq!(values(text).get("A").map(String::as_str), Some(expected), "{text:?}");
        }
        for text in ["# A=2", "  # A=2", "A", "export A", "exportA=1", "", "\n\n"] {
            assert_eq!(values(text).get("A"), None, "{text:?}");
        }
        assert_eq!(values("A=\"1\"B=2").get("B").map(String::as_str), Some("2"));
    }

    #[test]
    fn the_place_of_a_value_leaves_quotes_comments_and_line_ends_out() {
        for (before, after) in
            ["A=", "export A = \"", "# c\r\nA: '", "A=1\nA=", "\u{feff}A="].into_iter().flat_map(|before| {
                let closing = before
                    .chars()
                    .last()
                    .filter(|last| matches!(last, '"' | '\''))
                    .map_or("", |quote| if quote == '"' { "\"" } else { "'" });
                ["", " ", "  # c", "\r\nB=2\r\n", "\n\n"].map(|tail| (before, format!("{closing}{tail}")))
            })
        {
            let text = format!("{before}8080{after}");
            let file = Dotenv::read(&text).unwrap();
            let assignment = file.assignment("A").unwrap();
            assert_eq!(assignment.range, before.len()..before.len() + 4, "{text:?}");
        }
    }

    #[test]
    fn values_that_would_grow_without_end_stay_as_they_are_written() {
        let doubled = format!("A=xxxxxxxx\n{}", "A=$A$A\n".repeat(64));
        assert_eq!(values(&doubled).get("A").map(String::as_str), Some("$A$A$A$A"), "written, then doubled again");
        let long = "x".repeat(100_000);
        let many: String = (0..1000).map(|number| format!("B{number}=$A\n")).collect();
        let all = values(&format!("A={long}\n{many}"));
        assert_eq!((all["B0"].len(), all["B999"].as_str()), (100_000, "$A"));
        assert!(all.values().map(String::len).sum::<usize>() <= DOTENV_VALUES_BYTES_MAX + 1_000_000);
    }

    #[test]
    fn what_compose_refuses_is_refused_with_its_line() {
        assert_eq!(Dotenv::read("X=1\nA=\"8081\n").unwrap_err().line, 2);
        assert_eq!(Dotenv::read("A B=1").unwrap_err().line, 1);
        assert_eq!(Dotenv::read("\"A\"=1").unwrap_err().line, 1);
    }
}

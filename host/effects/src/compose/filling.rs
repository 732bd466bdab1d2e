//! The one place of a `.env` file where a value is missing, and what the file is with a value in it.
//!
//! It never replaces a value: an assignment that has one is refused. Invariant: everything but the value itself is known
//! before the value is drawn, so that a plan can show all the rest.

use repair_model::env_value::EnvValue;
use repair_model::ids::Digest;
use repair_model::plan::SecretEdit;
use repair_model::secret::Secret;
use serde_json::Value;

use super::dotenv::Dotenv;
use super::patch;

/// Where a value goes: at `offset`, `replaced` becomes `prefix`, the value and `suffix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// In bytes.
    pub offset: usize,
    /// What stands there: an empty assignment, or nothing.
    pub replaced: String,
    /// What stands before the value then.
    pub prefix: String,
    /// What stands behind it.
    pub suffix: String,
}

/// Finds the place for a variable's value; `text` is `None` for a file that does not exist.
///
/// # Errors
/// Says in one sentence why there is none.
pub fn hole(text: Option<&str>, variable: &str) -> Result<Hole, String> {
    let text = text.unwrap_or_default();
    let file = Dotenv::read(text).map_err(|error| error.to_string())?;
    let Some(assignment) = file.assignment(variable) else {
        return Ok(at_the_end(text, variable));
    };
    if !file.raw(assignment).is_empty() {
        return Err(format!("line {} gives `{variable}` a value already", assignment.line));
    }
    let start = text[..assignment.range.start].rfind(variable).unwrap_or(assignment.range.start);
    let separator = start + variable.len();
    let separator = separator + text[separator..].find(['=', ':']).map_or(0, |length| length + 1);
    let (value, end) = match assignment.quote {
        Some(quote) => (assignment.range.start, assignment.range.end + quote.len_utf8()),
        // Right behind the sign, so that blanks before a comment stay before the comment.
        None => (separator, separator),
    };
    let (prefix, suffix) = (text[start..value].to_owned(), text[value..end].to_owned());
    Ok(Hole { offset: start, replaced: text[start..end].to_owned(), prefix, suffix })
}

fn at_the_end(text: &str, variable: &str) -> Hole {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
    Hole {
        offset: text.len(),
        replaced: String::new(),
        prefix: format!("{before}{variable}="),
        suffix: line_end.to_owned(),
    }
}

/// The edit that fills the hole of a text.
pub fn edit_of(value: &EnvValue, text: Option<&str>, hole: Hole) -> SecretEdit {
    SecretEdit {
        file: value.file.clone(),
        before: text.map(patch::digest),
        offset_bytes: hole.offset as u64,
        replaced: hole.replaced,
        prefix: hole.prefix,
        suffix: hole.suffix,
        bytes: value.bytes,
        encoding: value.encoding,
    }
}

/// The text after an edit with `value` in its hole; `None` if the edit does not fit.
pub fn filled(text: Option<&str>, edit: &SecretEdit, value: &str) -> Option<String> {
    let text = text.unwrap_or_default();
    let start = usize::try_from(edit.offset_bytes).ok()?;
    let rest = text.get(start..)?.strip_prefix(edit.replaced.as_str())?;
    Some(format!("{}{}{value}{}{rest}", text.get(..start)?, edit.prefix, edit.suffix))
}

/// Whether the text gives the variable some value.
pub fn has_value(text: &str, variable: &str) -> bool {
    Dotenv::read(text).is_ok_and(|file| file.assignment(variable).is_some_and(|found| !file.raw(found).is_empty()))
}

/// A file that values were written into: it is seen as the plan sees it, with its holes empty, as long as nobody else
/// changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    actual: Digest,
    planned: Digest,
    /// Offset in the planned text, and length of the value.
    holes: Vec<(usize, usize)>,
}

impl Filled {
    /// The digest that the plan knows the file by; `None` if the file is another one by now.
    pub fn planned(&self, actual: Digest) -> Option<Digest> {
        (actual == self.actual).then_some(self.planned)
    }

    /// The text with its holes empty; `None` if it is another one by now.
    pub fn emptied(&self, text: &str) -> Option<String> {
        if patch::digest(text) != self.actual {
            return None;
        }
        let mut emptied = String::with_capacity(text.len());
        let mut at = 0;
        for (offset, length) in &self.holes {
            let end = at + (offset - emptied.len());
            emptied.push_str(text.get(at..end)?);
            at = end + length;
        }
        emptied.push_str(text.get(at..)?);
        Some(emptied)
    }

    /// What is known of a file again when the process that wrote its values is gone: with nothing where they stand, and one
    /// edit after the other taken back, it is the file that each of `edits`, in their order, was made for. `None` if
    /// anything else differs as well.
    pub fn recalled(actual: &str, edits: &[SecretEdit]) -> Option<Self> {
        let mut holes = Vec::new();
        let mut planned = String::with_capacity(actual.len());
        let mut at = 0;
        for place in places(edits)? {
            let value = at + place.checked_sub(planned.len())?;
            planned.push_str(actual.get(at..value)?);
            // What every encoding is made of; see `ValueEncoding`.
            let drawn = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            let length = actual.get(value..)?.bytes().take_while(|byte| drawn(byte)).count();
            holes.push((place, length));
            at = value + length;
        }
        planned.push_str(actual.get(at..)?);
        let mut text = planned.clone();
        for edit in edits.iter().rev() {
            text = taken_back(&text, edit)?;
        }
        let is_known = !holes.is_empty() && holes.iter().all(|(_, length)| *length > 0);
        is_known.then(|| Self { actual: patch::digest(actual), planned: patch::digest(&planned), holes })
    }

    /// The text of a file after one more edit, and what is known of it then. `before` is what was known until then, and
    /// `actual` the text with all values; `None` if the edit does not fit.
    pub fn after(
        before: Option<&Self>,
        actual: Option<&str>,
        edit: &SecretEdit,
        value: &str,
    ) -> Option<(String, Self)> {
        let earlier = before.map(|before| before.holes.as_slice()).unwrap_or_default();
        let planned = match (before, actual) {
            (Some(before), Some(actual)) => Some(before.emptied(actual)?),
            (_, actual) => actual.map(str::to_owned),
        };
        let at = usize::try_from(edit.offset_bytes).ok()?;
        let shift: usize = earlier.iter().filter(|(offset, _)| *offset <= at).map(|(_, length)| length).sum();
        let moved = SecretEdit { offset_bytes: (at + shift) as u64, ..edit.clone() };
        let text = filled(actual, &moved, value)?;
        let planned = filled(planned.as_deref(), edit, "")?;
        let later = |offset: usize| offset + edit.prefix.len() + edit.suffix.len() - edit.replaced.len();
        let kept =
            earlier.iter().map(|(offset, length)| (if *offset <= at { *offset } else { later(*offset) }, *length));
        let mut holes: Vec<_> = kept.chain([(at + edit.prefix.len(), value.len())]).collect();
        holes.sort_unstable();
        let filled = Self { actual: patch::digest(&text), planned: patch::digest(&planned), holes };
        Some((text, filled))
    }
}

/// Where the values of `edits` stand when all of them are made and nothing is in any hole, from the first one on.
fn places(edits: &[SecretEdit]) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = Vec::new();
    for edit in edits {
        let at = usize::try_from(edit.offset_bytes).ok()?;
        let grows = (edit.prefix.len() + edit.suffix.len()).checked_sub(edit.replaced.len())?;
        places.iter_mut().filter(|place| **place > at).for_each(|place| *place += grows);
        places.push(at + edit.prefix.len());
    }
    places.sort_unstable();
    Some(places)
}

/// The text that `edit` was made for, from the one with its hole empty.
fn taken_back(text: &str, edit: &SecretEdit) -> Option<String> {
    let start = usize::try_from(edit.offset_bytes).ok()?;
    let behind = text.get(start..)?.strip_prefix(edit.prefix.as_str())?.strip_prefix(edit.suffix.as_str())?;
    let before = format!("{}{}{behind}", &text[..start], edit.replaced);
    let is_it = edit.before.map_or(before.is_empty(), |digest| digest == patch::digest(&before));
    is_it.then_some(before)
}

/// Checks what Compose makes of a project before and after `variable` has got `value`; where Compose refused the project
/// before, `stand_in` stood for the value. Returns whether anything has the value; a service of a profile that is not
/// active has it unseen.
///
/// # Errors
/// Names the first thing that differs in more than this value. Never shows it.
pub fn filled_only(
    before: &Value,
    after: &Value,
    variable: &str,
    stand_in: &str,
    value: &Secret,
) -> Result<bool, String> {
    let only = Only { variable, stand_in, value: value.expose() };
    match only.difference("", before, after) {
        Some(place) => Err(format!("it would also change `{place}`")),
        None => Ok(only.is_in(after)),
    }
}

struct Only<'v> {
    variable: &'v str,
    stand_in: &'v str,
    value: &'v str,
}

impl Only<'_> {
    fn difference(&self, place: &str, before: &Value, after: &Value) -> Option<String> {
        let inner = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => {
                let changed = before.iter().find_map(|(key, one)| match after.get(key) {
                    Some(other) => self.difference(&inner(key), one, other),
                    None => Some(inner(key)),
                });
                let added = || after.iter().find(|(key, value)| !before.contains_key(*key) && !self.is_it(key, value));
                changed.or_else(|| added().map(|(key, _)| inner(key)))
            }
            (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
                before.iter().zip(after).find_map(|(one, other)| self.difference(place, one, other))
            }
            (Value::Null, after) if after.as_str() == Some(self.value) => None,
            (Value::String(before), Value::String(after))
                if before.replace(self.stand_in, "") == after.replace(self.value, "") =>
            {
                None
            }
            (before, after) => (before != after).then(|| place.to_owned()),
        }
    }

    /// The variable itself, as a service gets it from a file that sets nothing else anew.
    fn is_it(&self, key: &str, value: &Value) -> bool {
        key == self.variable && value.as_str() == Some(self.value)
    }

    fn is_in(&self, config: &Value) -> bool {
        match config {
            Value::Object(entries) => entries.values().any(|value| self.is_in(value)),
            Value::Array(items) => items.iter().any(|item| self.is_in(item)),
            Value::String(text) => text.contains(self.value),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use repair_model::env_value::ValueEncoding;
    use serde_json::json;

    use super::*;

    fn edit(text: Option<&str>, variable: &str) -> SecretEdit {
        let value = EnvValue {
            variable: variable.to_owned(),
            file: ".env".to_owned(),
            bytes: 16,
            encoding: ValueEncoding::Hex,
        };
        edit_of(&value, text, hole(text, variable).expect("a place"))
    }

    #[test]
    fn only_the_value_comes_into_the_file() {
        // The file before, and with `abc` as the value of A; nothing for a file that does not exist.
        let table = [
            (None, "A=abc\n"),
            (Some(""), "A=abc\n"),
            (Some("B=1\n"), "B=1\nA=abc\n"),
            (Some("B=1"), "B=1\nA=abc\n"),
            (Some("B=1\r\nC=2\r\n"), "B=1\r\nC=2\r\nA=abc\r\n"),
            (Some("A="), "A=abc"),
            (Some("A=\nB=1\n"), "A=abc\nB=1\n"),
            (Some("# A=\nexport A=\n"), "# A=\nexport A=abc\n"),
            (Some("A = \r\nB=1"), "A =abc \r\nB=1"),
            (Some("A=\"\" # c\n"), "A=\"abc\" # c\n"),
            (Some("A=''\n"), "A='abc'\n"),
            (Some("A:\nAA=2\n"), "A:abc\nAA=2\n"),
            (Some("A=1\nA=\n"), "A=1\nA=abc\n"),
            (Some("AA=\nA\n"), "AA=\nA\nA=abc\n"),
        ];
        for (text, after) in table {
            let edit = edit(text, "A");
            assert_eq!(filled(text, &edit, "abc").as_deref(), Some(after), "{text:?}");
            assert!(has_value(after, "A") && !text.is_some_and(|text| has_value(text, "A")), "{text:?}");
        }
    }

    #[test]
    fn a_file_is_known_again_after_the_process_that_wrote_its_value_is_gone() {
        let texts =
            [None, Some(""), Some("B=1"), Some("B=1\r\nC=2\r\n"), Some("A="), Some("A=\"\" # c\n"), Some("A=\nB=\n")];
        for text in texts {
            let edit = edit(text, "A");
            let (actual, known) = Filled::after(None, text, &edit, "aB3-_").expect("it fits");
            let edits = [edit];
            assert_eq!(Filled::recalled(&actual, &edits), Some(known), "{text:?}");
            let before = text.unwrap_or_default();
            for other in [format!("{actual}# mine\n"), format!("# mine\n{actual}"), before.to_owned()] {
                assert_eq!(Filled::recalled(&other, &edits), None, "{other:?}");
            }
        }
    }

    #[test]
    fn a_value_that_stands_is_never_replaced() {
        for text in ["A=1", "A=\nA=$B\n", "export A='x'", "A: \"1\"", "A= # not a comment"] {
            assert!(hole(Some(text), "A").expect_err(text).contains("a value already"), "{text}");
        }
        assert!(hole(Some("A=\"open"), "A").is_err());
    }

    #[test]
    fn several_holes_of_one_file_are_seen_empty_until_somebody_else_changes_it() {
        for (text, first, second) in [
            (Some("A=\nB=\n"), "A", "B"),
            (Some("A=\nB=\n"), "B", "A"),
            (Some("x=1\nA="), "A", "B"),
            (Some("B=\"\"\nx=1"), "A", "B"),
            (None, "B", "A"),
        ] {
            let one = edit(text, first);
            let planned = filled(text, &one, "").expect("it fits");
            let two = edit(Some(&planned), second);
            let planned_end = filled(Some(&planned), &two, "").expect("it fits");

            let (actual, known) = Filled::after(None, text, &one, "first").expect("it fits");
            assert_eq!(known.emptied(&actual).as_deref(), Some(planned.as_str()));
            assert_eq!(known.planned(patch::digest(&actual)), Some(patch::digest(&planned)));
            let (actual, known) = Filled::after(Some(&known), Some(&actual), &two, "second one").expect("it fits");
            assert_eq!(known.emptied(&actual).as_deref(), Some(planned_end.as_str()), "{text:?}");
            assert!(actual.contains(&format!("{first}=")) && has_value(&actual, first) && has_value(&actual, second));
            // A process that was not there knows it again from both edits, and from neither alone.
            let (drawn, _) = Filled::after(None, text, &one, "aB3-_").expect("it fits");
            let known_one = Filled::recalled(&drawn, std::slice::from_ref(&one)).expect("one value");
            let (drawn, known_both) = Filled::after(Some(&known_one), Some(&drawn), &two, "x9").expect("it fits");
            assert_eq!(Filled::recalled(&drawn, &[one.clone(), two.clone()]), Some(known_both), "{text:?}");
            assert_eq!(Filled::recalled(&drawn, &[one]), None, "{text:?}");
            assert_eq!(Filled::recalled(&drawn, &[two]), None, "{text:?}");

            let other = format!("{actual}# mine\n");
            assert_eq!((known.emptied(&other), known.planned(patch::digest(&other))), (None, None));
        }
    }

    fn config(web: Value, tag: &str) -> Value {
        json!({"services": {"web": {"environment": web}, "db": {"image": tag}}})
    }

    #[test]
    fn a_value_may_change_nothing_but_where_it_is_used() {
        let value = Secret::new("v4lu3");
        let check = |before: &Value, after: &Value| filled_only(before, after, "A", "standin", &value);
        let after = config(json!({"A": "v4lu3", "URL": "x://u:v4lu3@db"}), "y");
        for before in [
            config(json!({"A": "", "URL": "x://u:@db"}), "y"),
            config(json!({"A": "standin", "URL": "x://u:standin@db"}), "y"),
            config(json!({"A": null, "URL": "x://u:@db"}), "y"),
            config(json!({"URL": "x://u:@db"}), "y"),
        ] {
            assert_eq!(check(&before, &after), Ok(true), "{before}");
        }
        for (before, place) in [
            (config(json!({"A": "", "URL": "x://u:@db"}), "z"), "services.db.image"),
            (config(json!({"A": "old", "URL": "x://u:@db"}), "y"), "services.web.environment.A"),
            (config(json!({"A": "", "B": "", "URL": "x://u:@db"}), "y"), "services.web.environment.B"),
            (config(json!({"A": ""}), "y"), "services.web.environment.URL"),
        ] {
            assert_eq!(check(&before, &after), Err(format!("it would also change `{place}`")));
        }
        let without = config(json!({"A": ""}), "y");
        assert_eq!(check(&without, &without), Ok(false));
    }
}

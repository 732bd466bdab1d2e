//! What another YAML parser says of a file before and after an edit.
//!
//! The editor reads YAML with a parser of its own choice. Where this other one, which follows the specification, takes the
//! file before, it has to take it afterwards, and see one scalar changed in place, or nothing taken away by an override.

use repair_model::plan::EditMethod;
use saphyr_parser::{Event, Parser, ScalarStyle};

/// Whether this parser takes the text.
pub fn is_yaml(text: &str) -> bool {
    events(text).is_some()
}

/// Checks a Compose file against itself before an edit.
pub fn check(before: Option<&str>, after: &str, method: EditMethod) {
    let was = before.map_or(Some(Vec::new()), events).expect("it is YAML");
    let Some(is) = events(after) else { panic!("no longer YAML:\n{after}") };
    let one_scalar = was.len() == is.len() && was.iter().zip(&is).filter(|(was, is)| was != is).count() == 1;
    match method {
        EditMethod::InPlace => assert!(one_scalar, "more than one scalar has changed:\n{after}"),
        // An override either adds to the file, or changes what it says itself.
        _ => assert!(one_scalar || is_subsequence(&was, &is), "something of the file is gone:\n{after}"),
    }
}

/// The document as a list, one text for each event; `None` where it is no YAML.
fn events(text: &str) -> Option<Vec<String>> {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        match event.ok()?.0 {
            // An override may put a tag before the list that it extends, and a mapping where nothing stood.
            Event::SequenceStart(anchor, _) => events.push(format!("[ &{anchor}")),
            Event::Scalar(value, ScalarStyle::Plain, ..) if matches!(&*value, "" | "~") => {}
            other => events.push(format!("{other:?}")),
        }
    }
    Some(events)
}

fn is_subsequence(few: &[String], many: &[String]) -> bool {
    let mut many = many.iter();
    few.iter().all(|one| many.any(|other| one == other))
}

//! A template, or parameters of one, that Azure or Bicep refuses.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_with_files};
use repair_tool_sdk::case::Case;

use crate::messages::{Messages, between, group, name_after, number_after, said};

const WORDS: [&str; 8] = [
    "template validation failed",
    "template parameter",
    "template language",
    "circular dependency",
    "error bcp",
    "could not be deserialized",
    "api-version",
    "is not valid",
];

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let message = messages.about(&WORDS);
    let text = message.map_or("", |message| message.text.as_str());
    format!(
        "The template or its parameters are wrong, and nobody but its author knows what was meant, so nothing is changed.{}{} {}",
        place(text).map_or_else(String::new, |place| format!(" The place is {place}.")),
        said(message),
        next_steps([
            "read that place in the source; where there is Bicep, correct that and not the JSON made from it"
                .to_owned(),
            "check it here: `bicep build FILE --stdout` (or `az bicep build --file FILE --stdout`) for Bicep"
                .to_owned(),
            format!(
                "let Azure check it without deploying: `az deployment group validate --resource-group {group} --template-file \
                 FILE --parameters FILE`",
                group = group(case)
            ),
            format!("run `repair` again with the corrected files: {}", repair_with_files(group(case))),
        ])
    )
}

/// Where the fault is, as Resource Manager or Bicep says it.
fn place(text: &str) -> Option<String> {
    if let Some(file) = text.split(' ').find(|word| word.contains(".bicep(")) {
        return Some(format!("`{}`", excerpt(file)));
    }
    let lines = || Some((number_after(text, &["at line"])?, number_after(text, &["and column", "column"])?));
    let at = lines().map_or_else(String::new, |(line, column)| format!(" at line {line} and column {column}"));
    let parameter = between(text, "template parameter '", "'").map(|name| format!("the parameter `{}`", excerpt(name)));
    let missing = || {
        name_after(text, &["Missing input parameters"]).map(|name| format!("the missing parameter `{}`", excerpt(name)))
    };
    let resource = || between(text, "template resource '", "'").map(|name| format!("the resource `{}`", excerpt(name)));
    let what = parameter.or_else(missing).or_else(resource);
    match what {
        Some(what) => Some(format!("{what}{at}")),
        None if at.is_empty() => None,
        None => Some(format!("the template{at}")),
    }
}

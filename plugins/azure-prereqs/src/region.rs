//! A region that has no room for something, or does not offer it.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_with_files, word};
use repair_tool_sdk::azure::{MYSQL_TYPE, same_id};
use repair_tool_sdk::case::Case;

use crate::messages::{Messages, between, group, name_after, region, said};

const WORDS: [&str; 10] = [
    "not available in",
    "is not supported",
    "not allowed in your subscription",
    "restricted",
    "high demand",
    "capacity",
    "not accepting",
    "different region",
    "availability zone",
    "operational threshold",
];
const LISTED_BYTES_MAX: usize = 200;

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let message = messages.about(&WORDS);
    let text = message.map_or("", |message| message.text.as_str());
    let named = case.fact("region").or_else(|| region_in(text));
    let place = region(named);
    let size = size_in(text);
    let kind = message
        .and_then(|message| message.resource.clone())
        .or_else(|| type_in(text).map(|kind| (kind.to_owned(), String::new())));
    let asked = asked_for(size, kind.as_ref(), named);
    let offered = [
        "available VM sizes are",
        "List of available regions for the resource type is",
        "supported zones for location",
    ]
    .iter()
    .find_map(|label| name_after(text, &[label]))
    .filter(|list| list.len() <= LISTED_BYTES_MAX)
    .map_or_else(String::new, |list| format!(" Offered instead: {}.", excerpt(list)));
    format!(
        "{asked} is not to be had. Waiting rarely helps, and deploying again as it is would fail in the same way.{offered}{} {}",
        said(message),
        next_steps([
            format!("see what is offered: {}", list_command(kind.as_ref().map(|(kind, _)| kind.as_str()), size, &place)),
            "choose a size, a zone or a region of that list in the template's parameters; what exists already stays where it is"
                .to_owned(),
            format!(
                "if it has to be {}, ask for access by a support request of the kind Service and subscription limits, or at \
                 https://aka.ms/mysql-quota for MySQL",
                named.map_or_else(|| "this region".to_owned(), excerpt)
            ),
            format!("run `repair` again with the changed parameters: {}", repair_with_files(group(case))),
        ])
    )
}

fn asked_for(size: Option<&str>, kind: Option<&(String, String)>, region: Option<&str>) -> String {
    let what = match (size, kind) {
        (Some(size), _) => format!("The size `{}`", excerpt(size)),
        (None, Some((kind, name))) if !name.is_empty() => format!("`{}` for `{}`", excerpt(kind), excerpt(name)),
        (None, Some((kind, _))) => format!("`{}`", excerpt(kind)),
        (None, None) => "What the template asks for".to_owned(),
    };
    match region {
        Some(region) => format!("{what} in `{}`", excerpt(region)),
        None => what,
    }
}

fn list_command(kind: Option<&str>, size: Option<&str>, place: &str) -> String {
    let (namespace, resource) = kind.and_then(|kind| kind.split_once('/')).unwrap_or_default();
    if kind.is_some_and(|kind| same_id(kind, MYSQL_TYPE)) {
        return format!("`az mysql flexible-server list-skus --location {place} --output table`");
    }
    if namespace.is_empty() || same_id(namespace, "Microsoft.Compute") || size.is_some() {
        let size = word(size.unwrap_or("Standard_"), "SIZE");
        return format!("`az vm list-skus --location {place} --size {size} --all --output table`");
    }
    format!(
        "`az provider show --namespace {} --query \"resourceTypes[?resourceType=='{}'].locations\"`",
        word(namespace, "NAMESPACE"),
        word(resource, "TYPE")
    )
}

fn region_in(text: &str) -> Option<&str> {
    between(text, "high demand in ", " region")
        .or_else(|| name_after(text, &["in location", "provided location", "in region"]))
}

/// `Standard_B2s` and the like.
fn size_in(text: &str) -> Option<&str> {
    text.split(|each: char| !each.is_ascii_alphanumeric() && each != '_')
        .find(|word| word.len() > "Standard_".len() && word.get(..9).is_some_and(|start| same_id(start, "Standard_")))
}

fn type_in(text: &str) -> Option<&str> {
    name_after(text, &["for resource type"]).filter(|kind| kind.contains('/'))
}

//! An Azure policy that forbids something: which assignment, and what it forbids.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_with_files, word};
use repair_tool_sdk::azure::same_id;
use repair_tool_sdk::case::Case;

use crate::messages::{Messages, between, group, name_after, position, said, subscription};

const WORDS: [&str; 4] = ["disallowed by", "policy violation", "azurepolicy-", "policy"];
/// Longer lists are cut.
const LISTED_MAX: usize = 4;

/// A policy assignment that a message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: Option<&'a str>,
}

/// The assignments of `Policy identifiers: '[{"policyAssignment":{"name":…,"id":…},"policyDefinition":{…}}]'`.
pub(crate) fn assignments(text: &str) -> Vec<Assignment<'_>> {
    const KEY: &str = "\"policyAssignment\"";
    let mut found: Vec<Assignment<'_>> = Vec::new();
    let mut rest = text;
    while let Some(at) = position(rest, KEY) {
        rest = rest.get(at + KEY.len()..).unwrap_or_default();
        // An id of another object is not this one's.
        let object = rest.split('}').next().unwrap_or_default();
        let id = name_after(object, &["\"id\""]);
        if let Some(name) = name_after(object, &["\"name\""]).or(id) {
            let assignment = Assignment { name, id };
            if !found.contains(&assignment) {
                found.push(assignment);
            }
        }
    }
    found
}

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let message = messages.about(&WORDS);
    let named =
        messages.find(|message| Some(assignments(&message.text)).filter(|named| !named.is_empty())).unwrap_or_default();
    let resource = messages
        .find(|message| between(&message.text, "resource '", "' was disallowed"))
        .or_else(|| case.fact("resource"))
        .map_or_else(String::new, |resource| format!(" `{}`", excerpt(resource)));
    if message.is_some_and(|message| same_id(&message.code, "RequestDisallowedByAzure"))
        || messages.say("disallowed by Azure")
    {
        return format!(
            "Azure itself does not let this subscription deploy{resource} there; it is no policy that somebody could change.{} {}",
            said(message),
            next_steps([
                "see where it may: `az policy assignment list --disable-scope-strict-match --query \
                 \"[?contains(displayName || '', 'region')].{name:displayName, allowed:parameters}\"`"
                    .to_owned(),
                "choose one of those regions in the template's parameters".to_owned(),
                "if it has to be this one, open a support request for the subscription".to_owned(),
                format!("run `repair` again with the changed parameters: {}", repair_with_files(group(case))),
            ])
        );
    }
    let names: Vec<String> = named.iter().take(LISTED_MAX).map(|one| format!("`{}`", excerpt(one.name))).collect();
    let by =
        if names.is_empty() { "an assignment that the message does not name".to_owned() } else { names.join(", ") };
    let look = match named.first().and_then(|first| first.id) {
        Some(id) => {
            let name = word(id.rsplit('/').next().unwrap_or_default(), "NAME");
            let scope =
                position(id, "/providers/Microsoft.Authorization").and_then(|at| id.get(..at)).unwrap_or_default();
            format!("`az policy assignment show --name {name} --scope {}`", word(scope, "SCOPE"))
        }
        None => format!(
            "`az policy assignment list --resource-group {} --disable-scope-strict-match --output table`",
            group(case)
        ),
    };
    format!(
        "A policy forbids{resource}: {by}.{} {}",
        said(message),
        next_steps([
            format!("read what it asks for, and who is behind it: {look}"),
            "change the template so that it does so: another location or size, the tags that are missing, no public access"
                .to_owned(),
            format!(
                "see what it says of a change without deploying: `az deployment group what-if --resource-group {} --template-file \
                 FILE --parameters FILE`",
                group(case)
            ),
            format!(
                "if this one needs an exception, ask the policy's owners, who can make it: `az policy exemption create` (in the \
                 subscription {})",
                subscription(case)
            ),
        ])
    )
}

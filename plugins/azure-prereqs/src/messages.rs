//! What Azure and the tools around it said, and short ways to find numbers and names in it.
//!
//! All of it is foreign text. What is found here is shown to a person, and no action rests on it.

use std::cmp::Reverse;

use repair_tool_sdk::azure::command::{excerpt, word};
use repair_tool_sdk::azure::{ArmError, ResourceId, same_id};
use repair_tool_sdk::case::Case;

/// Messages that are read, innermost first, and bytes of each: what does not fit explains nothing more, and a tool's time is
/// limited.
const MESSAGES_MAX: usize = 24;
const MESSAGE_BYTES_MAX: usize = 2 * 1024;
/// Bytes of a name that is found between quotes; what is longer is none.
const NAME_BYTES_MAX: usize = 256;

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Empty where only a text is known.
    pub(crate) code: String,
    /// Without the backslashes of JSON within JSON.
    pub(crate) text: String,
    /// Type and name of the resource that failed, where that is known.
    pub(crate) resource: Option<(String, String)>,
}

/// Everything that was said, what Azure says of the deployment itself first, the innermost error before its envelopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Messages(Vec<Message>);

impl Messages {
    pub(crate) fn of(case: &Case) -> Self {
        let mut errors: Vec<_> =
            case.arm_deployment().map(|deployment| deployment.errors.iter().collect()).unwrap_or_default();
        errors.sort_by_key(|error: &&ArmError| Reverse(error.depth));
        let said = errors.into_iter().take(MESSAGES_MAX).map(|error| Message {
            code: error.code.clone(),
            text: plain(&error.message),
            resource: error
                .resource_id
                .as_deref()
                .and_then(|id| ResourceId::new(id).type_and_name().map(|(kind, name)| (kind, name.to_owned()))),
        });
        // The lines belong together: a message that was wrapped is one message.
        let proof = plain(&case.finding.proof.join(" "));
        let proof = (!proof.is_empty()).then_some(Message { code: String::new(), text: proof, resource: None });
        Self(said.chain(proof).collect())
    }

    /// The first for which `find` finds something, and what it finds.
    pub(crate) fn find<'a, T>(&'a self, find: impl Fn(&'a Message) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(find)
    }

    /// The first that holds one of these words, else the first that is no envelope, else the first.
    pub(crate) fn about(&self, words: &[&str]) -> Option<&Message> {
        let holds = |message: &&Message| words.iter().any(|word| position(&message.text, word).is_some());
        self.0
            .iter()
            .find(holds)
            .or_else(|| self.0.iter().find(|message| !message.is_envelope()))
            .or_else(|| self.0.first())
    }

    /// Whether any says so.
    pub(crate) fn say(&self, words: &str) -> bool {
        self.0.iter().any(|message| position(&message.text, words).is_some() || same_id(&message.code, words))
    }
}

impl Message {
    /// Whether it only says that something within it failed.
    fn is_envelope(&self) -> bool {
        ["DeploymentFailed", "InvalidTemplateDeployment", "ResourceDeploymentFailure", "ValidationForResourceFailed"]
            .iter()
            .any(|code| same_id(code, &self.code))
    }

    /// For a person: its code and its words.
    pub(crate) fn quoted(&self) -> String {
        if self.code.is_empty() {
            excerpt(&self.text)
        } else {
            format!("{}: {}", excerpt(&self.code), excerpt(&self.text))
        }
    }
}

/// What was said, where anything was, as a sentence of its own.
pub(crate) fn said(message: Option<&Message>) -> String {
    message.map_or_else(String::new, |message| {
        let who = if message.code.is_empty() { "The failure says" } else { "Azure says" };
        format!(" {who}: \"{}\".", message.quoted().trim_end_matches('.'))
    })
}

/// The subscription for a command.
pub(crate) fn subscription(case: &Case) -> &str {
    word(case.azure_account().map_or("", |account| account.subscription.as_str()), "SUBSCRIPTION")
}

/// The group for a command: by the observations, else by what the text says.
pub(crate) fn group(case: &Case) -> &str {
    word(case.azure_group().or_else(|| case.fact("resource-group")).unwrap_or_default(), "GROUP")
}

/// The region for a command.
pub(crate) fn region(named: Option<&str>) -> String {
    let letters: String = named.unwrap_or_default().chars().filter(|each| *each != ' ').collect();
    word(&letters.to_ascii_lowercase(), "REGION").to_owned()
}

/// The whole number right behind one of these labels. Between label and number may stand quotes, a colon, an equals sign and
/// what is in parentheses.
pub(crate) fn number_after(text: &str, labels: &[&str]) -> Option<u64> {
    labels.iter().find_map(|label| {
        let mut rest = text.get(position(text, label)? + label.len()..)?.trim_start();
        if let Some(inner) = rest.strip_prefix('(') {
            rest = inner.split_once(')')?.1;
        }
        let rest = rest.trim_start_matches([' ', ':', '=', '\'', '"']);
        let digits = rest.find(|each: char| !each.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse().ok()
    })
}

/// What stands between quotes behind one of these labels, or is the word there.
pub(crate) fn name_after<'a>(text: &'a str, labels: &[&str]) -> Option<&'a str> {
    labels.iter().find_map(|label| {
        let rest = text.get(position(text, label)? + label.len()..)?.trim_start_matches([' ', ':', '=']);
        let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let name = match quote {
            Some(quote) => rest.get(1..)?.split(quote).next()?,
            None => rest.split([' ', ',', ';', ')', ']', '}', '\'', '"']).next()?.trim_end_matches('.'),
        };
        (!name.is_empty() && name.len() <= NAME_BYTES_MAX).then_some(name)
    })
}

/// What stands between two words.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = text.get(position(text, before)? + before.len()..)?;
    let name = rest.get(..position(rest, after)?)?.trim();
    (!name.is_empty() && name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// Where `word` begins, without regard to the case of ASCII letters.
pub(crate) fn position(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let is_there = |part: &[u8]| part.eq_ignore_ascii_case(word);
    (!word.is_empty()).then(|| text.windows(word.len()).position(is_there)).flatten()
}

fn plain(text: &str) -> String {
    text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)].replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_behind_its_label_however_it_is_set_off() {
        for text in [
            "Current Limit: 10, Current Usage: 8",
            "current limit (Basic VMs): 10 ",
            "Limit: '10', Current Limit = \"10\"",
            "Current Limit:10.",
        ] {
            assert_eq!(number_after(text, &["Current Limit"]), Some(10), "{text}");
        }
        assert_eq!(number_after("Maximum allowed: 7", &["Current Limit", "Maximum allowed"]), Some(7));
        for text in
            ["", "Current Limit", "Current Limit: none", "Current Limit (10", "Current Limit: 99999999999999999999999"]
        {
            assert_eq!(number_after(text, &["Current Limit"]), None, "{text}");
        }
    }

    #[test]
    fn a_name_ends_with_its_quotes_or_with_the_word() {
        assert_eq!(name_after("over scope '/subscriptions/5b0a' or", &["scope"]), Some("/subscriptions/5b0a"));
        assert_eq!(name_after("Location: westeurope, Current", &["location"]), Some("westeurope"));
        assert_eq!(name_after("in region \"East US\".", &["region"]), Some("East US"));
        assert_eq!(name_after("in region ''", &["region"]), None);
        assert_eq!(name_after("regions", &["scope"]), None);
        assert_eq!(
            between("exceeding approved standardBSFamily Cores quota. x", "approved ", " quota"),
            Some("standardBSFamily Cores")
        );
        assert_eq!(between("approved é", "approved ", " quota"), None);
    }
}

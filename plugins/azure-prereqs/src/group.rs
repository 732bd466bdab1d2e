//! A resource group that is not there, or not yet.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::case::Case;

use crate::messages::{self, Messages, region, said, subscription};

const WORDS: [&str; 2] = ["resource group", "ResourceGroupNotFound"];

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    // The failure's word counts here: it is about the group that is missing, which need not be the one that is looked at.
    let named = case.fact("resource-group").or_else(|| case.azure_group()).unwrap_or_default();
    let which = if named.is_empty() {
        "The resource group".to_owned()
    } else {
        format!("The resource group `{}`", excerpt(named))
    };
    let group = word(named, "GROUP");
    let place = case.azure_account().map_or_else(
        |_| String::new(),
        |account| format!(" in the subscription `{}` ({})", account.name, account.subscription),
    );
    format!(
        "{which} does not exist{place}, or not yet. It is not made here, because its place is a person's decision.{} {}",
        said(messages.about(&WORDS)),
        next_steps([
            format!("see whether it is there: `az group exists --name {group} --subscription {}`", subscription(case)),
            "if another subscription is meant: `az account list --output table`, then `az account set --subscription SUBSCRIPTION`"
                .to_owned(),
            "if it was made only a moment ago, wait half a minute: it is not known everywhere at once".to_owned(),
            format!("if it is missing, make it where it is meant to be: `az group create --name {group} --location {}`", region(case.fact("region"))),
            format!("run `repair` again: {}", repair_again(messages::group(case))),
        ])
    )
}

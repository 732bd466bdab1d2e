//! Why nothing is deployed, and what a person could do next.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::azure::{Repetition, same_id};
use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::patience::{Patience, WAIT_SECONDS_MAX};
use repair_tool_sdk::reply::{Reply, by_count};

/// The failure is an old one.
pub(crate) fn succeeded(again: &Repetition<'_>) -> Option<Reply> {
    again.deployment.succeeded().then(|| {
        Reply::decline(format!(
            "The deployment `{}` has succeeded, so there is nothing to repeat. If another deployment failed, run `repair` for \
             that one.",
            again.deployment.name
        ))
    })
}

/// What somebody ended on purpose is not begun again.
pub(crate) fn cancelled(again: &Repetition<'_>) -> Option<Reply> {
    let is_cancelled = ["Canceled", "Cancelled"].iter().any(|state| same_id(state, &again.deployment.state));
    is_cancelled.then(|| {
        let (group, name) = (again.group(), word(&again.deployment.name, "NAME"));
        Reply::decline(format!(
            "The deployment `{}` was cancelled, so it is not begun again by itself. {}",
            again.deployment.name,
            next_steps([
                format!(
                    "find out who cancelled it: `az monitor activity-log list --resource-group {group} --offset 1d --query \
                     \"[?contains(operationName.value, 'cancel')].{{who:caller, when:eventTimestamp}}\" --output table`"
                ),
                format!(
                    "if it shall go on, deploy it: `az deployment group create --resource-group {group} --name {name} \
                     --template-file FILE --parameters FILE`"
                ),
            ])
        ))
    })
}

/// No further deployment is made, or Azure asks for more time than this tool waits.
pub(crate) fn exhausted(case: &Case, patience: &Patience, again: &Repetition<'_>) -> Option<Reply> {
    let group = again.group();
    if patience.is_exhausted {
        let last = excerpt(patience.last_outcome.as_deref().unwrap_or_default());
        return Some(Reply::decline(format!(
            "{} {} within an hour did not help (last: {last}), and no more are made. {}",
            patience.tries,
            by_count(patience.tries, "deployment", "deployments"),
            by_hand(case, again, group)
        )));
    }
    let seconds = patience.asks_for_more?;
    Some(Reply::decline(format!(
        "Azure asks to come back after {seconds} s, and no longer than {WAIT_SECONDS_MAX} s are waited here. {}",
        next_steps([
            format!("wait {seconds} s; asking sooner begins the time anew"),
            "find who else asks so often: other pipelines, monitors or scripts of the same login and subscription"
                .to_owned(),
            format!("run `repair` again: {}", repair_again(group)),
        ])
    )))
}

fn by_hand(case: &Case, again: &Repetition<'_>, group: &str) -> String {
    let name = word(&again.deployment.name, "NAME");
    let errors = format!(
        "read what failed: `az deployment operation group list --resource-group {group} --name {name} --query \
         \"[?properties.provisioningState=='Failed'].properties.statusMessage\"`"
    );
    let correlation = word(again.deployment.correlation.as_deref().unwrap_or_default(), "ID");
    match FailureClass::from_name(&case.finding.class) {
        Some(FailureClass::AzureThrottled) => next_steps([
            errors,
            "find who else asks so often: other pipelines, monitors or scripts of the same login and subscription".to_owned(),
            "let the template make less at once: `@batchSize(1)` on loops in Bicep".to_owned(),
            format!("run `repair` again in an hour: {}", repair_again(group)),
        ]),
        Some(FailureClass::AzureDeploymentActiveConflict) => next_steps([
            errors,
            format!(
                "see what runs: `az deployment group list --resource-group {group} --query \
                 \"[?properties.provisioningState=='Running'].name\"`"
            ),
            "let pipelines of one environment run one after the other".to_owned(),
            format!("run `repair` again: {}", repair_again(group)),
        ]),
        _ => next_steps([
            errors,
            "look at the health of the region and of the subscription: https://azure.status.microsoft and `az rest --method get \
             --url https://management.azure.com/subscriptions/SUBSCRIPTION/providers/Microsoft.ResourceHealth/events?api-version=2022-10-01`"
                .to_owned(),
            format!("open a support request with the correlation id `{correlation}`"),
            format!("run `repair` again in an hour: {}", repair_again(group)),
        ]),
    }
}

/// Something has the name; deploying again never frees it.
pub(crate) fn name_taken(case: &Case) -> Reply {
    let said = case.fact("resource").unwrap_or_default();
    let which = if said.is_empty() { "A name".to_owned() } else { format!("The name `{}`", excerpt(said)) };
    let name = word(said.rsplit('/').next().unwrap_or_default(), "NAME");
    let group = word(case.azure_group().unwrap_or_default(), "GROUP");
    Reply::decline(format!(
        "{which} that the template wants is taken by something else, and deploying again would fail in the same way. {}",
        next_steps([
            format!("find out whether it is yours: `az resource list --name {name} --output table`"),
            format!(
                "if it is yours and the right one, deploy into its own resource group and location instead of `{group}`, or \
                 refer to it with `existing` in Bicep"
            ),
            "if a deleted one of yours holds it, restore that; each service has its own list, such as `az cognitiveservices \
             account list-deleted`, `az apim deletedservice list` and `az appconfig list-deleted`"
                .to_owned(),
            "else choose another name; a part from `uniqueString(resourceGroup().id)` keeps names apart and stable".to_owned(),
        ])
    ))
}

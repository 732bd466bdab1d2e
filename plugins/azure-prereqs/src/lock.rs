//! A lock that forbids an operation: which, of what level, and on what.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::azure::{ManagementLock, ResourceId, same_id};
use repair_tool_sdk::case::{Case, Query};

use crate::messages::{Messages, group, said, subscription};

const WORDS: [&str; 3] = ["are locked", "is locked", "lock"];
/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 6;

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let said = said(messages.about(&WORDS));
    let group = group(case);
    let Ok(locks) = case.locks() else {
        return format!(
            "A lock forbids it, and the locks of the group could not be looked at.{said} {}",
            next_steps([
                format!("see them with their notes: `az lock list --resource-group {group} --output table`"),
                "ask whoever set the lock whether this deployment is meant to be possible".to_owned(),
                format!("run `repair` again when it is: {}", repair_again(group)),
            ])
        );
    };
    if locks.is_empty() {
        return format!(
            "A lock forbids it, and none is on the group or on what is in it, so it is one of the subscription, or was lifted \
             since.{said} {}",
            next_steps([
                format!(
                    "see those of the subscription: `az lock list --subscription {} --output table`",
                    subscription(case)
                ),
                "if there is one, ask whoever set it".to_owned(),
                "if there is none any more, run again what failed".to_owned(),
            ])
        );
    }
    let each: Vec<String> = locks.iter().take(LISTED_MAX).map(described).collect();
    let more = if locks.len() > LISTED_MAX || case.is_cut(&Query::Locks) { " and more" } else { "" };
    // A lock that only keeps things from being deleted does not stop a deployment that writes them.
    let strictest = locks.iter().find(|lock| same_id(&lock.level, "ReadOnly")).unwrap_or(&locks[0]);
    format!(
        "A lock forbids it: {}{more}. A lock is somebody's decision, so it stays.{said} {}",
        each.join("; "),
        next_steps([
            format!("read its note, which says why it is there: {}", command("show", strictest)),
            "ask whoever set it whether this deployment is meant to be possible".to_owned(),
            format!("only its owner lifts it, for as long as it takes: {}", command("delete", strictest)),
            format!("run `repair` again: {}", repair_again(group)),
            format!(
                "its owner sets it again: {} --lock-type {}`",
                command("create", strictest).trim_end_matches('`'),
                word(&strictest.level, "LEVEL")
            ),
        ])
    )
}

fn described(lock: &ManagementLock) -> String {
    format!("`{}` ({}) on `{}`", excerpt(&lock.name), excerpt(&lock.level), excerpt(&lock.scope))
}

/// The command for a lock of the group, of something in it, or of the whole subscription.
fn command(verb: &str, lock: &ManagementLock) -> String {
    let scope = ResourceId::new(&lock.scope);
    let name = word(&lock.name, "NAME");
    let group = word(scope.group().unwrap_or_default(), "GROUP");
    let place = match (scope.type_and_name(), scope.group()) {
        (Some((kind, resource)), Some(_)) => format!(
            " --resource-group {group} --resource-type {} --resource {}",
            word(&kind, "TYPE"),
            word(resource, "RESOURCE")
        ),
        (_, Some(_)) => format!(" --resource-group {group}"),
        (_, None) => String::new(),
    };
    format!("`az lock {verb} --name {name}{place}`")
}

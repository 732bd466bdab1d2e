//! Why no value is drawn, and what a person could do next.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::env_value::EmptyVariable;
use repair_tool_sdk::reply::{Reply, by_count};

use crate::decide::VARIABLES_MAX;

/// Older failures belong to another incident.
const FRESH_SECONDS: u32 = 60 * 60;
/// Failures to write one value before a person has to look.
const FAILURES_MAX: usize = 2;

/// A list that was cut may hide another variable that is missing.
pub(crate) fn incomplete(case: &Case) -> Option<Reply> {
    let cut = [Query::EmptyVariables, Query::ComposeModel, Query::Containers].iter().any(|query| case.is_cut(query));
    cut.then(|| {
        Reply::decline(
            "The project is larger than `repair` can look at, so it does not tell all variables that are empty. See them with \
             `docker compose config --variables`.",
        )
    })
}

/// The failure names a variable that is not observed to be empty.
pub(crate) fn named_otherwise(case: &Case, empty: &[EmptyVariable]) -> Option<Reply> {
    let named = case.fact("variable")?;
    (!empty.iter().any(|one| one.variable == named)).then(|| {
        Reply::decline(format!(
            "The failure names the variable `{named}`, which this project does not use or which has a value by now, so nothing \
             is set. If the failed command was for another project or with another env file, run `repair` for that one."
        ))
    })
}

/// Whatever Compose refuses, it is not for a value that is missing.
pub(crate) fn nothing_required(empty: &[EmptyVariable]) -> Reply {
    let optional: Vec<String> = empty.iter().map(|one| format!("`{}`", one.variable)).collect();
    let also = match optional.as_slice() {
        [] => String::new(),
        some => format!(" Empty, but not required: {}.", some.join(", ")),
    };
    Reply::decline(format!(
        "No required variable is empty, so Compose refuses the file for another reason; `docker compose config` says \
         which.{also}"
    ))
}

/// Nothing that the services which end use is empty.
pub(crate) fn nothing_empty(crashing: &[&str]) -> Reply {
    match crashing {
        [] => Reply::decline("No service of this project ends with an error, so no secret is missing."),
        some => Reply::decline(format!(
            "No variable that {} {} is empty, so this is not about a missing secret.",
            listed(some),
            by_count(some.len(), "uses", "use")
        )),
    }
}

/// Something is empty, and nobody says that it matters.
pub(crate) fn not_named(unnamed: &[&EmptyVariable], concerned: &[&str]) -> Reply {
    let empty: Vec<String> = unnamed.iter().map(|one| one.variable.clone()).collect();
    let logs: Vec<String> =
        concerned.iter().map(|service| format!("`docker compose logs --tail 50 {service}`")).collect();
    Reply::decline(format!(
        "Empty: {}. But the last words of {} do not name {}. Read them: {}.",
        empty.join(", "),
        listed(concerned),
        by_count(empty.len(), "it, so it need not be the cause", "them, so they need not be the cause"),
        logs.join(", ")
    ))
}

/// Why no value is drawn for this one, and what a person does.
pub(crate) fn why_not(one: &EmptyVariable) -> Option<String> {
    let name = &one.variable;
    if one.shell {
        return Some(format!(
            "The calling shell sets {name} to nothing, which beats every file: `unset {name}`, or export a value; then run the \
             command again."
        ));
    }
    (!one.secret_like).then(|| {
        format!(
            "{name} is empty, and its name does not say that any random value will do. A person has to set it in `{}`: \
             `{name}=…`.",
            one.file
        )
    })
}

/// What only a person can set.
pub(crate) fn for_a_person(all: &[&EmptyVariable]) -> Option<Reply> {
    let words: Vec<String> = all.iter().filter_map(|one| why_not(one)).collect();
    (!words.is_empty()).then(|| Reply::decline(words.join(" ")))
}

/// So many secrets are the beginning of an installation.
pub(crate) fn too_many(set: &[&EmptyVariable]) -> Reply {
    Reply::decline(format!(
        "{} secrets are missing, more than the {VARIABLES_MAX} that one plan sets. Was the project's example of an env file \
         copied, such as `.env.example` to `.env`?",
        set.len()
    ))
}

/// Nothing would be started with it.
pub(crate) fn no_service(set: &[&EmptyVariable]) -> Reply {
    let names: Vec<&str> = set.iter().map(|one| one.variable.as_str()).collect();
    Reply::decline(format!(
        "No service uses {}, so a person has to tell what {}.",
        names.join(", "),
        by_count(names.len(), "it is for and set it", "they are for and set them")
    ))
}

/// The same value could not be written twice within the hour, and would not be a third time.
pub(crate) fn failed_before(case: &Case, values: &[Action]) -> Option<Reply> {
    let failures: Vec<&Attempt> = case
        .history
        .iter()
        .filter(|attempt| attempt.seconds_ago < FRESH_SECONDS && attempt.outcome.starts_with("failed"))
        .filter(|attempt| attempt.actions.iter().any(|action| values.contains(action)))
        .collect();
    let last = failures.first().filter(|_| failures.len() >= FAILURES_MAX)?;
    Some(Reply::decline(format!(
        "The value could not be written twice ({}), so a third try would fail too. Set it by hand, for example with what \
         `openssl rand -hex 32` prints.",
        last.outcome
    )))
}

fn listed(services: &[&str]) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(", ")
}

//! Why nothing is removed, and what a person could do next.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::project::StaleContainer;
use repair_tool_sdk::reply::{Reply, by_count};

use crate::decide::{described, holds_a_name, is_at_rest, state_in_words};

/// Older failures belong to another incident.
const FRESH_SECONDS: u32 = 60 * 60;
/// Failures of one removal before a person has to look.
const FAILURES_MAX: usize = 2;

/// The class is shared with the tool for networks.
pub(crate) fn about_a_network() -> Reply {
    Reply::decline("The failure is about a network, and no container is removed because of one.")
}

/// A list that was cut may hide who else holds a name.
pub(crate) fn incomplete(case: &Case) -> Option<Reply> {
    let cut = [Query::StaleContainers, Query::ComposeModel, Query::Containers].iter().any(|query| case.is_cut(query));
    cut.then(|| {
        Reply::decline(
            "There are more containers than `repair` can look at, so nothing is removed. See them with \
             `docker ps --all --format '{{.Names}} {{.Status}}'`.",
        )
    })
}

/// The failure names a container that the engine does not show in this project's way.
pub(crate) fn named_otherwise(case: &Case, stale: &[StaleContainer]) -> Option<Reply> {
    let named = case.fact("container")?;
    let is_named = |one: &StaleContainer| one.container.ref_.name == named || one.container.ref_.id.starts_with(named);
    (!stale.iter().any(is_named)).then(|| {
        Reply::decline(format!(
            "The failure names the container `{named}`, which is not in the way of this project, so nothing is removed. \
             If the failed command was for another project, run `repair` in that project's directory; if the name is \
             free by now, try `docker compose up --detach` again."
        ))
    })
}

/// Somebody holds a wanted name and may not be removed: the project would not come up without that name.
pub(crate) fn stands_in_the_way(stale: &[StaleContainer]) -> Option<Reply> {
    let holders = || stale.iter().filter(|one| holds_a_name(one));
    let words: Vec<String> = holders()
        .filter(|one| one.foreign)
        .map(foreign_holder)
        .chain(holders().filter(|one| !one.foreign && !is_at_rest(&one.container)).map(busy_holder))
        .collect();
    (!words.is_empty()).then(|| Reply::decline(words.join(" ")))
}

fn foreign_holder(one: &StaleContainer) -> String {
    let container = &one.container.ref_;
    let whose = match &container.project {
        Some(project) => format!("belongs to the project `{project}` or to another checkout of it"),
        None => "belongs to no Compose project".to_owned(),
    };
    format!(
        "The container `{}` holds a name that this project wants. It {whose} and {}, so it is left alone. Give the service \
         another `container_name` in the Compose file, or none, so that Compose makes up a free one; or give this project \
         another name: `COMPOSE_PROJECT_NAME` in `.env`, or `docker compose --project-name`.",
        container.name,
        state_in_words(&one.container.state),
    )
}

fn busy_holder(one: &StaleContainer) -> String {
    let container = &one.container.ref_;
    let of = container.service.as_ref().map(|service| format!(" of `{service}`")).unwrap_or_default();
    format!(
        "The container `{name}`{of} holds a name that another service of this project wants, and it {}. Only a container \
         at rest is removed. If nobody needs it, stop it with `docker stop {name}` and run `repair` again; else give one of \
         the two services another `container_name`.",
        state_in_words(&one.container.state),
        name = container.name,
    )
}

/// Nothing stale may go.
pub(crate) fn nothing_to_remove(left: &[&StaleContainer]) -> Reply {
    if left.is_empty() {
        return Reply::decline(
            "No container is in the way of this project or left over from it. If the name was let go meanwhile, try \
             `docker compose up --detach` again.",
        );
    }
    let each: Vec<String> = left.iter().map(|one| described(one)).collect();
    Reply::decline(format!(
        "{}: {}. See what is left over with `docker compose ps --all --orphans`; if none is needed: `docker compose up --detach \
         --remove-orphans` (volumes stay).",
        by_count(
            left.len(),
            "This is left over and is not removed, because it is not the cause or may be in use",
            "These are left over and are not removed, because they are not the cause or may be in use",
        ),
        each.join("; ")
    ))
}

/// So many leftovers are no accident.
pub(crate) fn too_many(removed: &[&StaleContainer], removals_max: u16) -> Reply {
    Reply::decline(format!(
        "{} containers are in the way or left over, more than the {removals_max} that one plan removes. See whether this is \
         the right project: `docker compose ps --all --orphans`. `removals_max` in `[tools.stale-containers]` of \
         repair.toml raises the number.",
        removed.len()
    ))
}

/// The engine has refused the same removal twice within the hour, and would again.
pub(crate) fn failed_before(case: &Case, removed: &[&StaleContainer]) -> Option<Reply> {
    removed.iter().find_map(|one| {
        let removal = Action::remove_stale_container(&one.container.ref_);
        let failures: Vec<&Attempt> = case
            .history
            .iter()
            .filter(|attempt| attempt.seconds_ago < FRESH_SECONDS && attempt.outcome.starts_with("failed"))
            .filter(|attempt| attempt.actions.contains(&removal))
            .collect();
        let last = failures.first().filter(|_| failures.len() >= FAILURES_MAX)?;
        Some(Reply::decline(format!(
            "The engine did not remove `{name}` twice ({}), so a third try would fail too. See what it says: \
             `docker inspect {name}`.",
            last.outcome,
            name = one.container.ref_.name,
        )))
    })
}

/// Leftovers that keep nobody from running.
pub(crate) fn all_up(removed: &[&StaleContainer]) -> Reply {
    let names: Vec<String> = removed.iter().map(|one| format!("`{}`", one.container.ref_.name)).collect();
    Reply::decline(format!(
        "Every service of this project is up, so {} {} in nobody's way. What is not needed goes with \
         `docker compose up --detach --remove-orphans` (volumes stay).",
        names.join(", "),
        by_count(names.len(), "stands", "stand")
    ))
}

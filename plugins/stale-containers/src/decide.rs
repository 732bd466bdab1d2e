//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::project::{Container, ContainerState, StaleContainer, Staleness};
use repair_tool_sdk::reply::{Reply, Stop, by_count};

use crate::{Params, declines};

/// That the project comes up once nothing holds its names, in permille: the engine itself shows what stands in the way.
const CONFIDENCE_IN_THE_WAY: u16 = 930;
/// The same where containers are only left over.
const CONFIDENCE_LEFT_OVER: u16 = 750;

/// Removes what is stale, at rest and the project's own, then starts what is down.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    if is_about_a_network(case) {
        return Ok(declines::about_a_network());
    }
    case.ask([Query::StaleContainers, Query::ComposeModel, Query::Containers])?;
    let stale = case.stale_containers()?;
    let project = case.project()?;
    if let Some(reply) = declines::incomplete(case)
        .or_else(|| declines::named_otherwise(case, stale))
        .or_else(|| declines::stands_in_the_way(stale))
    {
        return Ok(reply);
    }
    let (removed, left): (Vec<&StaleContainer>, Vec<&StaleContainer>) =
        stale.iter().partition(|one| is_meant(case, one) && is_at_rest(&one.container));
    if removed.is_empty() {
        return Ok(declines::nothing_to_remove(&left));
    }
    if removed.len() > usize::from(params.removals_max) {
        return Ok(declines::too_many(&removed, params.removals_max));
    }
    if let Some(reply) = declines::failed_before(case, &removed) {
        return Ok(reply);
    }
    let up = project.to_start();
    if up.is_empty() {
        return Ok(declines::all_up(&removed));
    }
    let confidence =
        if removed.iter().all(|one| holds_a_name(one)) { CONFIDENCE_IN_THE_WAY } else { CONFIDENCE_LEFT_OVER };
    let removals = removed.iter().map(|one| Action::remove_stale_container(&one.container.ref_));
    let actions: Vec<Action> = removals.chain([Action::compose_up(up)]).collect();
    let reply = Reply::propose(reason(&removed), confidence, actions);
    Ok(left.iter().fold(reply, |reply, one| reply.note(format!("{} stays", described(one)))))
}

/// A failure that names a network is left to the tool for networks.
fn is_about_a_network(case: &Case) -> bool {
    is_about_leftovers(case) && case.fact("network").is_some()
}

fn is_about_leftovers(case: &Case) -> bool {
    case.finding.class == FailureClass::DockerOrphansOrStaleNetwork.as_str()
}

/// Whether the failure is about containers of this kind. One whose service is gone, and that holds no name, is in nobody's
/// way where a name is in conflict. What is not the project's own is never meant.
fn is_meant(case: &Case, one: &StaleContainer) -> bool {
    let by_kind = match one.why {
        Staleness::HoldsWantedName | Staleness::InterruptedReplacement => true,
        Staleness::NoSuchService => is_about_leftovers(case),
    };
    by_kind && !one.foreign
}

pub(crate) fn holds_a_name(one: &StaleContainer) -> bool {
    one.why == Staleness::HoldsWantedName
}

/// Whether it neither runs nor is about to: only such a container is removed.
pub(crate) fn is_at_rest(container: &Container) -> bool {
    matches!(container.state, ContainerState::Created | ContainerState::Exited | ContainerState::Dead)
}

/// For the person who has to approve the plan.
fn reason(removed: &[&StaleContainer]) -> String {
    let each: Vec<String> = removed.iter().map(|one| described(one)).collect();
    format!(
        "In the way or left over: {}. {}; volumes stay, and so does every other container.",
        each.join("; "),
        by_count(
            removed.len(),
            "It is this project's own and does not run",
            "They are this project's own and do not run",
        )
    )
}

/// The container, and why it is stale.
pub(crate) fn described(one: &StaleContainer) -> String {
    let container = &one.container.ref_;
    let of = container.service.as_ref().map(|service| format!(" of `{service}`")).unwrap_or_default();
    let why = match one.why {
        Staleness::HoldsWantedName => "holds the name that another service wants",
        Staleness::NoSuchService => "its service is not in the Compose file any more",
        Staleness::InterruptedReplacement => "was left over when Compose replaced a container",
    };
    format!("`{}`{of} ({}): {why}", container.name, state_in_words(&one.container.state))
}

pub(crate) fn state_in_words(state: &ContainerState) -> &str {
    match state {
        ContainerState::Created => "never started",
        ContainerState::Running => "runs",
        ContainerState::Paused => "is paused",
        ContainerState::Restarting => "is restarting",
        ContainerState::Removing => "is being removed",
        ContainerState::Exited => "has ended",
        ContainerState::Dead => "is dead",
        ContainerState::Unknown(_) => "is in a state that is not known here",
    }
}

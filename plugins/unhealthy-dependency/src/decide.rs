//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case, Missing, Query};
use repair_tool_sdk::project::{ByService, Project};
use repair_tool_sdk::reply::{Reply, Stop, by_count};
use repair_tool_sdk::tool::Tool;

use crate::culprit::{Culprit, culprits, deepest};
use crate::last_words::{in_a_sentence, last_words};
use crate::order::Order;
use crate::{Params, UnhealthyDependency, declines};

/// Lines of the culprit's log that are looked at.
const LOG_LINES: u16 = 80;
/// Confidence of the first try, in permille.
const CONFIDENCE_FIRST: u16 = 750;
/// By how much each try in vain lowers it.
const CONFIDENCE_LOST: u16 = 70;
/// How long to wait at once for what is still starting, in seconds.
const WAIT_SECONDS: u32 = 20;
/// The waits at which another one follows. A wait that the host made shorter is the last, and so is the second one: every
/// look costs a round of questions, and two of them are needed to decide afterwards.
const WAITS_AFTER: [u32; 2] = [0, WAIT_SECONDS];

/// Restarts the deepest service that has failed and that others wait for, then starts those others.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    let project = case.project()?;
    if case.is_cut(&Query::ComposeModel) || case.is_cut(&Query::Containers) {
        return Ok(declines::incomplete());
    }
    let order = Order::of(&project);
    let containers = project.by_service();
    let all = culprits(&project, &containers, &order);
    let Some(culprit) = deepest(case, &all, &order) else {
        return Ok(without_culprit(case, &project, &containers, &order));
    };
    let words = match case.container_log(culprit.name(), LOG_LINES) {
        Ok(lines) => in_a_sentence(culprit.name(), &last_words(lines)),
        Err(Missing::Refused { .. }) => format!(" The log of `{}` cannot be read.", culprit.name()),
        Err(missing) => return Err(missing.into()),
    };
    if let Some(why) = culprit.hopeless() {
        return Ok(declines::given_up(&culprit, why, &words));
    }
    let tries = tries(case, culprit.name());
    if tries >= params.restarts_max as usize || (tries > 0 && !culprit.is_unhealthy()) {
        return Ok(declines::tried(&culprit, tries, &words));
    }
    Ok(propose(&project, &order, &culprit, &all, tries, &words))
}

fn propose(
    project: &Project<'_>,
    order: &Order<'_>,
    culprit: &Culprit<'_>,
    all: &[Culprit<'_>],
    tries: usize,
    words: &str,
) -> Reply {
    let name = culprit.name();
    let up = to_start(project, order, name, all);
    let others: Vec<&str> = up.iter().map(String::as_str).filter(|other| *other != name).collect();
    let mut actions = Vec::new();
    if culprit.is_unhealthy() {
        actions.push(Action::restart_service(name));
    }
    // One that has ended is started by `up` itself, which then waits until it is healthy.
    if !culprit.is_unhealthy() || !others.is_empty() {
        actions.push(Action::compose_up(up.clone()));
    }
    let made = u16::try_from(tries).unwrap_or(u16::MAX);
    let confidence = CONFIDENCE_FIRST.saturating_sub(made.saturating_mul(CONFIDENCE_LOST));
    let then = match others.as_slice() {
        [] => String::new(),
        others => format!(" Then start, in this order: {}.", listed(others)),
    };
    let waiting = order.waiting_for(name);
    let reason = format!(
        "`{name}` {}, and {} {} for it. It is started anew, which is try {}.{then}{words}",
        culprit.in_words(),
        listed(waiting),
        by_count(waiting.len(), "waits", "wait"),
        tries + 1,
    );
    let later = all.iter().filter(|other| other.name() != name);
    later.fold(Reply::propose(reason, confidence, actions), |reply, other| {
        reply.note(format!("`{}` has failed too, and comes later", other.name()))
    })
}

/// The culprit and what is down, in order of dependency; without whatever else has failed and what waits for that.
fn to_start(project: &Project<'_>, order: &Order<'_>, culprit: &str, all: &[Culprit<'_>]) -> Vec<String> {
    let others: BTreeSet<&str> = all.iter().map(Culprit::name).filter(|other| *other != culprit).collect();
    let held_up = order.held_up_by(others.iter().copied());
    let is_later = |name: &str| others.contains(name) || held_up.contains(name);
    let mut names: Vec<String> = project.to_start().into_iter().filter(|name| !is_later(name)).collect();
    if !names.iter().any(|name| name == culprit) {
        names.push(culprit.to_owned());
    }
    order.sorted(names)
}

/// Nothing that others wait for has failed: it is still starting, has ended by itself, or is well by now.
fn without_culprit(case: &Case, project: &Project<'_>, containers: &ByService<'_>, order: &Order<'_>) -> Reply {
    let waited_for = || project.services.iter().filter(|service| !order.waiting_for(&service.name).is_empty());
    let starting = waited_for().find(|service| containers.of(&service.name).iter().any(|one| one.is_starting()));
    if let Some(service) = starting {
        return match WAITS_AFTER.contains(&case.waited_seconds) {
            true => Reply::wait_seconds(WAIT_SECONDS).note(format!("`{}` is still starting", service.name)),
            false => declines::still_starting(&service.name, case.waited_seconds),
        };
    }
    let ended = waited_for()
        .filter(|service| !service.one_shot)
        .find(|service| containers.of(&service.name).iter().any(|one| one.completed()));
    match ended {
        Some(service) => declines::ended_by_itself(&service.name),
        None => declines::nothing_failed(project, containers),
    }
}

/// How often this tool has started `name` anew within the hour, since it last healed. What was abandoned does not count.
fn tries(case: &Case, name: &str) -> usize {
    let is_own = |attempt: &&Attempt| attempt.tool == UnhealthyDependency::ID && !attempt.was_abandoned();
    let own: Vec<&Attempt> = case.recent_tries().filter(is_own).collect();
    let count = |does: fn(&Action, &str) -> bool| {
        own.iter().filter(|attempt| attempt.actions.iter().any(|action| does(action, name))).count()
    };
    // One plan restarts it and lists it in its `up`, another one only the latter.
    count(restarts).max(count(starts))
}

fn restarts(action: &Action, name: &str) -> bool {
    matches!(action, Action::RestartService(restart) if restart.service == name)
}

fn starts(action: &Action, name: &str) -> bool {
    matches!(action, Action::ComposeUp(up) if up.services.iter().any(|service| service == name))
}

pub(crate) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

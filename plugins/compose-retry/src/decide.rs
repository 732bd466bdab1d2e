//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::patience::{Backoff, Patience, WAIT_SECONDS_MAX};
use repair_tool_sdk::project::Project;
use repair_tool_sdk::reply::{Reply, Stop, by_count};
use repair_tool_sdk::tool::Tool;

use crate::{ComposeRetry, Params};

/// Confidence of the first try, in permille.
const CONFIDENCE_FIRST: u16 = 800;
/// By how much each try in vain lowers it, down to [`CONFIDENCE_LEAST`].
const CONFIDENCE_LOST: u16 = 50;
/// Confidence of the last tries, in permille.
const CONFIDENCE_LEAST: u16 = 650;

/// Starts what is down, unless that would fail again.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    let project = case.project()?;
    if case.finding.class == FailureClass::DockerUnhealthyDependency.as_str()
        && let Some(reply) = failed_dependency(&project)
    {
        return Ok(reply);
    }
    let down = project.to_start();
    if down.is_empty() {
        return Ok(Reply::decline(
            "Every service of this project is up, so there is nothing to start again. If the failed command pulled or \
             built an image, run that command again.",
        ));
    }
    let tries = tries(case);
    let backoff = Backoff { max_tries: params.max_tries, first_seconds: params.backoff_seconds, rests_first: false };
    let patience = Patience::of(case, &tries, backoff);
    if let Some(reply) = would_recur(case, &tries, &patience, params) {
        return Ok(reply);
    }
    if let Some(seconds) = patience.seconds_left() {
        return Ok(Reply::wait_seconds(seconds));
    }
    let made = u16::try_from(patience.tries).unwrap_or(u16::MAX);
    let confidence = CONFIDENCE_FIRST.saturating_sub(made.saturating_mul(CONFIDENCE_LOST)).max(CONFIDENCE_LEAST);
    let reason = format!(
        "{} This is try {} of {}; only what is down is started.",
        why_it_passes(case),
        patience.tries + 1,
        params.max_tries
    );
    Ok(Reply::propose(reason, confidence, [Action::compose_up(down)]))
}

fn why_it_passes(case: &Case) -> &'static str {
    match FailureClass::from_name(&case.finding.class) {
        Some(FailureClass::DockerRegistryThrottled) => "A registry limited the rate, which ends after a while.",
        Some(FailureClass::DockerUnhealthyDependency) => {
            "No dependency has failed for good: what was not healthy in time is still starting or healthy now."
        }
        _ => "A name or the network did not answer in time, which often passes.",
    }
}

/// What has failed by itself is not this tool's case.
fn failed_dependency(project: &Project<'_>) -> Option<Reply> {
    let service = &project.failed().next()?.name;
    Some(Reply::decline(format!(
        "`{service}` has failed, and starting the others again would fail over it as before. Read its last words: \
         `docker compose logs --tail 50 {service}`."
    )))
}

/// Tries since the last one that healed, newest first: this tool's own, and pulls of whatever tool, since an `up` would
/// pull once more what those did not get. What was abandoned does not count.
fn tries(case: &Case) -> Vec<&Attempt> {
    case.recent_tries()
        .filter(|attempt| !attempt.was_abandoned())
        .filter(|attempt| {
            let pulls = attempt.actions.iter().any(|action| matches!(action, Action::PullImage(_)));
            pulls || attempt.tool == ComposeRetry::ID
        })
        .collect()
}

fn would_recur(case: &Case, tries: &[&Attempt], patience: &Patience, params: &Params) -> Option<Reply> {
    let next = match FailureClass::from_name(&case.finding.class) {
        Some(FailureClass::DockerRegistryThrottled) => {
            "Log in to the registry with `docker login`, which raises the limit, or wait until its window has passed."
        }
        Some(FailureClass::DockerUnhealthyDependency) => "Read the logs with `docker compose logs --tail 50`.",
        _ => "Check that this machine reaches the registry: its name server, proxy and firewall.",
    };
    if let [last, before, ..] = tries
        && last.outcome == before.outcome
    {
        return Some(Reply::decline(format!(
            "Two tries ended in the same way ({}), so a third would too. {next}",
            last.outcome
        )));
    }
    if patience.is_exhausted {
        return Some(Reply::decline(format!(
            "{} {} within an hour did not help, and no more than {} {} made. {next}",
            patience.tries,
            by_count(patience.tries, "try", "tries"),
            params.max_tries,
            by_count(params.max_tries as usize, "is", "are")
        )));
    }
    let seconds = patience.asks_for_more?;
    Some(Reply::decline(format!(
        "The registry asks to come back after {seconds} s, and no longer than {WAIT_SECONDS_MAX} s are waited here. Run \
         `repair` again then. {next}"
    )))
}

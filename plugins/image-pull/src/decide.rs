//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::patience::{Backoff, Patience};
use repair_tool_sdk::project::ServiceImage;
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;

use crate::{ImagePull, Params, declines};

/// Values of `pull_policy` with which an image is not to be pulled (Compose specification, "pull_policy").
const NOT_PULLED: [&str; 2] = ["never", "build"];
/// Confidence of the first try, in permille.
const CONFIDENCE_FIRST: u16 = 850;
/// By how much each try in vain lowers it; the last of four stays above the host's floor.
const CONFIDENCE_LOST: u16 = 60;

/// Pulls what is missing, unless that would fail again or is too early, then starts what is down.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    case.ask([Query::Images, Query::ComposeModel, Query::Containers])?;
    let images = case.images()?;
    let project = case.project()?;
    if let Some(reply) = declines::incomplete(case) {
        return Ok(reply);
    }
    // An image whose service runs all the same, or is not wanted, is not missed.
    let down: BTreeSet<&str> = project.down().map(|service| service.name.as_str()).collect();
    let is_missed = |image: &&ServiceImage| !image.present && down.contains(image.service.as_str());
    let missing: Vec<&ServiceImage> = images.iter().filter(is_missed).collect();
    if missing.is_empty() {
        return Ok(declines::nothing_missing(images));
    }
    if let Some(reply) = declines::not_from_a_registry(&missing) {
        return Ok(reply);
    }
    let backoff = Backoff { max_tries: params.max_tries, first_seconds: params.backoff_seconds, rests_first: false };
    let patience = Patience::of(case, &pulls(case), backoff);
    if let Some(reply) = declines::exhausted(case, &patience, &missing) {
        return Ok(reply);
    }
    if let Some(seconds) = patience.seconds_left() {
        return Ok(Reply::wait_seconds(seconds).note(format!("before try {}", patience.tries + 1)));
    }
    let made = u16::try_from(patience.tries).unwrap_or(u16::MAX);
    let confidence = CONFIDENCE_FIRST.saturating_sub(made.saturating_mul(CONFIDENCE_LOST));
    let services: Vec<String> = missing.iter().map(|image| image.service.clone()).collect();
    let actions = [Action::pull_image(services), Action::compose_up(project.to_start())];
    Ok(Reply::propose(reason(case, &missing, &patience, params), confidence, actions))
}

/// Whether a registry is to deliver it.
pub(crate) fn is_pulled(image: &ServiceImage) -> bool {
    !image.built && !image.pull_policy.as_deref().is_some_and(|policy| NOT_PULLED.contains(&policy))
}

/// Pulls of this tool since the last one that healed, within the hour; newest first. What was abandoned does not count.
fn pulls(case: &Case) -> Vec<&Attempt> {
    case.recent_tries()
        .filter(|attempt| attempt.tool == ImagePull::ID && !attempt.was_abandoned())
        .filter(|attempt| attempt.actions.iter().any(|action| matches!(action, Action::PullImage(_))))
        .collect()
}

/// For the person who has to approve the plan.
fn reason(case: &Case, missing: &[&ServiceImage], patience: &Patience, params: &Params) -> String {
    let why = match FailureClass::from_name(&case.finding.class) {
        Some(FailureClass::DockerRegistryThrottled) => "A registry limited the rate, which ends after a while.",
        _ => "A name or the network did not answer in time, which often passes.",
    };
    let each: Vec<String> = missing.iter().map(|image| format!("`{}` of `{}`", image.image, image.service)).collect();
    format!("{why} Missing: {}. This is pull {} of {}.", each.join(", "), patience.tries + 1, params.max_tries)
}

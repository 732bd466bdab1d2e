//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{Repetition, same_id};
use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::patience::{Backoff, Patience};
use repair_tool_sdk::reply::{Reply, Stop};

use crate::{Params, declines};

/// That the same deployment succeeds the next time, in permille: most faults of Azure pass within minutes.
const CONFIDENCE_FIRST: u16 = 820;
/// The same where another deployment was in the way and is waited for, or has ended.
const CONFIDENCE_UNOBSTRUCTED: u16 = 880;
/// By how much each try in vain lowers it; the last of four stays above the host's floor.
const CONFIDENCE_LOST: u16 = 60;
/// What it costs that nobody could tell what the template would change.
const BLIND_COSTS: u16 = 40;
/// A 429 that is no throttling: another operation holds the resource.
const HELD_BY_AN_OPERATION: [&str; 3] =
    ["RetryableErrorDueToAnotherOperation", "AnotherOperationInProgress", "OperationPreempted"];

/// Deploys the template again, unless that would fail again, is too early, or would do more than before.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    let class = FailureClass::from_name(&case.finding.class);
    if class == Some(FailureClass::AzureNameConflictOther) {
        case.ask([Query::ArmDeployment])?;
        return Ok(declines::name_taken(case));
    }
    let again = case.repetition()?;
    let is_conflict = class == Some(FailureClass::AzureDeploymentActiveConflict);
    if let Some(reply) = declines::succeeded(&again).or_else(|| declines::cancelled(&again)) {
        return Ok(reply);
    }
    if let Some(obstacle) = again.obstacle() {
        return Ok(Reply::decline(obstacle));
    }
    let held = is_held(case, &again, is_conflict);
    let backoff = Backoff { max_tries: params.max_tries, first_seconds: params.backoff_seconds, rests_first: held };
    let patience = Patience::of(case, &case.tries_in_vain(&Action::deploy_template(again.deployment)), backoff);
    if let Some(reply) = declines::exhausted(case, &patience, &again) {
        return Ok(reply);
    }
    let actions = again.after([]);
    if let Some(seconds) = patience.seconds_left() {
        return Ok(Reply::wait_seconds(seconds).note(format!("before try {}", patience.tries + 1)));
    }
    let made = u16::try_from(patience.tries).unwrap_or(u16::MAX);
    let surely = if is_conflict { CONFIDENCE_UNOBSTRUCTED } else { CONFIDENCE_FIRST };
    let costs = if again.wanted.is_none() { BLIND_COSTS } else { 0 };
    let confidence = surely.saturating_sub(costs).saturating_sub(made.saturating_mul(CONFIDENCE_LOST));
    Ok(Reply::propose(reason(class, held, &patience, params, &again), confidence, actions))
}

/// Whether another operation, rather than a deployment that can be waited for, has the resource.
fn is_held(case: &Case, again: &Repetition<'_>, is_conflict: bool) -> bool {
    let says =
        |code: &&str| again.deployment.has_code(code) || case.finding.proof.iter().any(|line| line.contains(code));
    let names_a_deployment = again.deployment.errors.iter().any(|error| same_id(&error.code, "DeploymentActive"))
        || case.fact("deployment").is_some();
    let by_code = HELD_BY_AN_OPERATION.iter().any(says);
    again.deployment.running.is_empty() && (by_code || (is_conflict && !names_a_deployment))
}

/// For the person who has to approve the plan.
fn reason(
    class: Option<FailureClass>,
    held: bool,
    patience: &Patience,
    params: &Params,
    again: &Repetition<'_>,
) -> String {
    let why = match class {
        Some(FailureClass::AzureThrottled) => "Azure limited the rate, which ends after a while.",
        Some(FailureClass::AzureDeploymentActiveConflict) if !again.deployment.running.is_empty() => {
            "Another deployment was in the way."
        }
        Some(FailureClass::AzureDeploymentActiveConflict) if held => {
            "Another operation had the resource, which ends by itself; it was waited for."
        }
        Some(FailureClass::AzureDeploymentActiveConflict) => {
            "Another deployment was in the way, and none runs in this group any more."
        }
        _ => "Azure failed by itself, which often passes.",
    };
    format!(
        "{why}{} The same template is deployed again with the same parameters, which makes nothing twice. This is try {} of {}.",
        again.remarks(),
        patience.tries + 1,
        params.max_tries
    )
}

//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::project::{Container, Project};
use repair_tool_sdk::reply::{Reply, Stop, by_count};

use crate::Params;

/// A bundle older than this says little of the failure at hand.
const FRESH_SECONDS: u32 = 60 * 60;
/// Failures to write a bundle before a person has to look.
const FAILURES_MAX: usize = 2;
/// Restarts by the engine after which a container that runs at this very moment still keeps failing.
const RESTARTS_MIN: u32 = 3;
/// That a bundle helps a person to see what failed, in permille.
const CONFIDENCE: u16 = 800;

/// Collects what the services that are not well have said; of all services when each looks well.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    let project = case.project()?;
    let failed = with_container(&project, |one| one.has_failed() || one.restarts >= RESTARTS_MIN);
    if failed.is_empty() && case.finding.class == FailureClass::DockerUnhealthyDependency.as_str() {
        return Ok(Reply::decline(
            "No container has failed: the dependency is still starting or has become healthy. Wait a moment, then run the \
             command again.",
        ));
    }
    let (services, which) = if failed.is_empty() {
        (with_container(&project, |_| true), "No service looks ill by itself, so all of them are included.")
    } else {
        let which = by_count(
            failed.len(),
            "This service has failed or keeps failing.",
            "These services have failed or keep failing.",
        );
        (failed, which)
    };
    if services.is_empty() {
        return Ok(Reply::decline(
            "This project has no containers yet, so there are no logs. The reason stands in the output of the failed \
             command.",
        ));
    }
    if let Some(reply) = was_done(case, &services) {
        return Ok(reply);
    }
    let reason = format!("Only their own words can tell why. {which} Nothing is changed.");
    Ok(Reply::propose(reason, CONFIDENCE, [Action::collect_logs(services, params.lines_max)]))
}

/// The services that have a container of that kind, in the order of the model.
fn with_container(project: &Project<'_>, is_meant: impl Fn(&Container) -> bool) -> Vec<String> {
    let meant = project.containers.iter().filter(|container| is_meant(container));
    let found: BTreeSet<&str> = meant.filter_map(|container| container.ref_.service.as_deref()).collect();
    let names = project.services.iter().map(|service| service.name.as_str());
    names.filter(|name| found.contains(name)).map(str::to_owned).collect()
}

/// The bundle heals nothing, so the next round would ask for it again.
fn was_done(case: &Case, services: &[String]) -> Option<Reply> {
    let same = |attempt: &&Attempt| {
        attempt.actions.iter().any(|action| match action {
            Action::CollectLogs(bundle) => bundle.services == services,
            _ => false,
        })
    };
    let recent = case.history.iter().take_while(|attempt| !attempt.healed() && attempt.seconds_ago < FRESH_SECONDS);
    let done = recent.filter(same).filter(|attempt| !attempt.was_abandoned());
    let (failed, written): (Vec<&Attempt>, Vec<&Attempt>) = done.partition(|attempt| attempt.failed());
    if let Some(bundle) = written.first() {
        return Some(Reply::decline(format!(
            "A bundle of {} was written {} s ago; `repair show` names its file. A person has to read it.",
            by_count(services.len(), "this service", "these services"),
            bundle.seconds_ago
        )));
    }
    let last = failed.first().filter(|_| failed.len() >= FAILURES_MAX)?;
    Some(Reply::decline(format!(
        "The bundle could not be written ({}). Read the logs with `docker compose logs --tail 200`.",
        last.outcome
    )))
}

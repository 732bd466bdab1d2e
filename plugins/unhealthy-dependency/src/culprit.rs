//! The service that has failed and that others wait for.

use repair_tool_sdk::case::Case;
use repair_tool_sdk::project::{ByService, Container, ContainerState, Health, Project, Service};

use crate::order::Order;

/// Restarts by the engine from which on another one is of no use.
const ENGINE_RESTARTS_MAX: u32 = 2;

/// One that has failed and that others wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Culprit<'a> {
    pub(crate) service: &'a Service,
    /// Its container that has failed.
    pub(crate) container: &'a Container,
}

/// Why another restart is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hopeless<'a> {
    /// The engine restarts it again and again.
    CrashLoop,
    /// The kernel killed it for memory.
    OutOfMemory,
    /// The engine cannot start it, in its own words.
    NotStarted(&'a str),
}

/// All of them, in the order of the model.
pub(crate) fn culprits<'a>(project: &Project<'a>, containers: &ByService<'a>, order: &Order<'a>) -> Vec<Culprit<'a>> {
    let waited_for = project.services.iter().filter(|service| !order.waiting_for(&service.name).is_empty());
    waited_for
        .filter_map(|service| {
            let container = *containers.of(&service.name).iter().find(|container| container.has_failed())?;
            Some(Culprit { service, container })
        })
        .collect()
}

/// The one to begin with: it depends on no other culprit. Of several, the one that the failure names, else the first.
pub(crate) fn deepest<'a>(case: &Case, culprits: &[Culprit<'a>], order: &Order<'a>) -> Option<Culprit<'a>> {
    // In a cycle, which Compose refuses, there is no deepest one.
    let held_up = order.held_up_by(culprits.iter().map(Culprit::name));
    let deepest: Vec<&Culprit<'a>> = culprits.iter().filter(|one| !held_up.contains(one.name())).collect();
    let is_named = |one: &&&Culprit<'a>| {
        case.fact("service") == Some(one.service.name.as_str())
            || case.fact("container") == Some(one.container.ref_.name.as_str())
    };
    deepest.iter().find(is_named).or(deepest.first()).copied().copied()
}

impl<'a> Culprit<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.service.name
    }

    pub(crate) fn hopeless(&self) -> Option<Hopeless<'a>> {
        let container = self.container;
        if container.oom_killed {
            return Some(Hopeless::OutOfMemory);
        }
        if container.state == ContainerState::Restarting || container.restarts > ENGINE_RESTARTS_MAX {
            return Some(Hopeless::CrashLoop);
        }
        let error = container.error.as_deref().filter(|error| !error.is_empty() && !container.is_up())?;
        Some(Hopeless::NotStarted(error))
    }

    /// Whether it runs and fails its health check, so that only a restart begins anew.
    pub(crate) fn is_unhealthy(&self) -> bool {
        self.container.is_up() && self.container.health == Health::Unhealthy
    }

    /// How it stands, to follow on its name in a sentence.
    pub(crate) fn in_words(&self) -> String {
        match (self.is_unhealthy(), self.container.exit_code) {
            (true, _) => "runs and fails its health check".to_owned(),
            (false, Some(code)) => format!("has ended with exit code {code}"),
            (false, None) => "has failed".to_owned(),
        }
    }
}

//! What the engine itself says of the project's containers.

use std::collections::BTreeMap;

use repair_model::container::{Container, ContainerState, Health};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;

use crate::evidence::from_text;

/// The engine's errors on containers that did not start, as evidence of its own: the engine has recorded them, so they
/// hold for the project as it is now.
pub fn container_errors(containers: &[Container]) -> Vec<Evidence> {
    containers
        .iter()
        .filter(|container| container.state != ContainerState::Running)
        .filter_map(|container| {
            let error = container.error.as_deref().filter(|error| !error.is_empty())?;
            Some(from_text(Provenance::ContainerError(container.container.name.clone()), error.as_bytes()))
        })
        .collect()
}

/// Findings from states, exit codes and health; no text is read.
pub(super) fn findings(containers: &[Container]) -> Vec<Finding> {
    containers.iter().filter_map(of_container).collect()
}

fn of_container(container: &Container) -> Option<Finding> {
    let service = container.container.service.as_deref().unwrap_or(&container.container.name);
    let logs = format!("read its last words: `docker compose logs --tail 50 {service}`");
    let exit_code = container.exit_code.unwrap_or(0);
    let ended_badly = container.state == ContainerState::Exited && exit_code != 0;
    let (class, what) = if container.oom_killed {
        (FailureClass::DockerOomKilled, format!("`{service}` was killed for memory; raise its limit or lower its use"))
    } else if container.state == ContainerState::Restarting || ended_badly {
        (FailureClass::DockerContainerCrashLoop, format!("`{service}` ends with exit code {exit_code}"))
    } else if container.state == ContainerState::Running && container.health == Health::Unhealthy {
        (FailureClass::DockerUnhealthyDependency, format!("`{service}` runs and its health check fails"))
    } else {
        return None;
    };
    let facts = BTreeMap::from([
        ("service".to_owned(), service.to_owned()),
        ("container".to_owned(), container.container.name.clone()),
        ("exit-code".to_owned(), exit_code.to_string()),
    ]);
    let confidence = Permille::new(950).unwrap_or(Permille::CERTAIN);
    Some(Finding { class, confidence, facts, proof: Vec::new(), next_steps: vec![what, logs] })
}

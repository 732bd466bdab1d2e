//! What the engine itself says of the project's containers.

use std::collections::BTreeMap;

use repair_classification::Weight;
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

/// Findings from states, exit codes and health, each with what it is worth; no text is read.
pub(super) fn findings(containers: &[Container]) -> Vec<(Weight, Finding)> {
    containers.iter().filter_map(of_container).collect()
}

/// Exit codes of SIGKILL and SIGTERM, as shells count. `docker compose stop` leaves them, so alone they prove no failure.
const KILLED: i32 = 137;
const TERMINATED: i32 = 143;

/// Ends and starts that make a container which runs right now one that does not stay up.
const CRASHES_MIN: u32 = 3;

/// Whether the engine has started it again and again of late, even if it runs at this moment.
fn goes_round(container: &Container) -> bool {
    container.restarts >= CRASHES_MIN && container.recent_deaths >= CRASHES_MIN
}

fn of_container(container: &Container) -> Option<(Weight, Finding)> {
    let service = container.container.service.as_deref().unwrap_or(&container.container.name);
    let logs = format!("read its last words: `docker compose logs --tail 50 {service}`");
    let exit_code = container.exit_code.unwrap_or(0);
    let ended_badly = container.state == ContainerState::Exited && !matches!(exit_code, 0 | KILLED | TERMINATED);
    let (weight, class, what) = if container.oom_killed {
        (
            Weight::Decisive,
            FailureClass::DockerOomKilled,
            format!("`{service}` was killed for memory; raise its limit or lower its use"),
        )
    } else if goes_round(container) {
        (
            Weight::Symptom,
            FailureClass::DockerContainerCrashLoop,
            format!("`{service}` ended with an error {} times within minutes", container.recent_deaths),
        )
    } else if container.state == ContainerState::Restarting || ended_badly {
        (
            Weight::Symptom,
            FailureClass::DockerContainerCrashLoop,
            format!("`{service}` ends with exit code {exit_code}"),
        )
    } else if container.state == ContainerState::Running && container.health == Health::Unhealthy {
        (
            Weight::Symptom,
            FailureClass::DockerUnhealthyDependency,
            format!("`{service}` runs and its health check fails"),
        )
    } else {
        return None;
    };
    let facts = BTreeMap::from([
        ("service".to_owned(), service.to_owned()),
        ("container".to_owned(), container.container.name.clone()),
        ("exit-code".to_owned(), exit_code.to_string()),
    ]);
    let confidence = Permille::new(950).unwrap_or(Permille::CERTAIN);
    let next_steps = vec![what, logs];
    Some((weight, Finding { class, confidence, facts, proof: Vec::new(), contradictions: Vec::new(), next_steps }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use repair_model::container::ContainerRef;

    fn exited(exit_code: i32, oom_killed: bool) -> Container {
        Container {
            container: ContainerRef {
                id: "1".into(),
                name: "p-web-1".into(),
                project: None,
                service: Some("web".into()),
            },
            image: "x".into(),
            state: ContainerState::Exited,
            health: Health::None,
            exit_code: Some(exit_code),
            oom_killed,
            restarts: 0,
            recent_deaths: 0,
            error: None,
            ever_ran: true,
            config_hash: None,
            ports: Vec::new(),
        }
    }

    fn class(container: Container) -> Option<FailureClass> {
        findings(&[container]).first().map(|(_, finding)| finding.class)
    }

    #[test]
    fn a_stopped_service_is_no_crash_and_a_failed_one_is() {
        assert_eq!(class(exited(137, false)), None);
        assert_eq!(class(exited(143, false)), None);
        assert_eq!(class(exited(1, false)), Some(FailureClass::DockerContainerCrashLoop));
        assert_eq!(class(exited(137, true)), Some(FailureClass::DockerOomKilled));
    }

    #[test]
    fn a_service_that_runs_between_two_crashes_is_in_a_crash_loop() {
        let running = |restarts, recent_deaths| Container {
            state: ContainerState::Running,
            exit_code: None,
            restarts,
            recent_deaths,
            ..exited(0, false)
        };
        assert_eq!(class(running(4, 4)), Some(FailureClass::DockerContainerCrashLoop));
        assert_eq!(class(running(4, 0)), None, "it has stayed up since");
        assert_eq!(class(running(0, 4)), None, "somebody else started it again");
    }
}

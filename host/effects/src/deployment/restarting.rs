//! Restarting the containers of one service as they are.
//!
//! It refuses a service without containers, one that the engine itself restarts again and again, and one that a person
//! has paused. Only containers that the plan names by id are restarted, one after the other.

use std::time::Duration;

use jiff::Timestamp;
use repair_model::action::Action;
use repair_model::container::ContainerState;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, Footprint, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{EffectContext, Prepared, TargetError};
use tokio::time::Instant;

use super::ComposeDeployment;
use super::calling::{failed, outcome_of};
use super::describing::describe_change;
use super::preparing::refusal;
use crate::docker::survey::Surveyed;

/// Time that a container gets to end by itself before the engine kills it, in seconds.
const RESTART_GRACE_SECONDS: i32 = 10;
/// Time within which a restart that was begun by a process that is gone has shown itself, in seconds: the grace, and a
/// little for the engine to start the container.
const RESTART_SHOWS_SECONDS: u64 = 15;
/// How often that is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl ComposeDeployment {
    pub(super) async fn resolve_restart(&mut self, service: &str) -> Result<Prepared, TargetError> {
        let changes = self.restarts(service).await?;
        let names: Vec<&str> = changes.iter().map(|change| change.container.as_str()).collect();
        let running = changes.iter().any(|change| change.running);
        let risk_because = match running {
            true => format!("whoever uses `{service}` is cut off until it runs again"),
            false => format!("whatever `{service}` does when it starts is done once more"),
        };
        let step = Step {
            action: Action::RestartService { service: service.to_owned() },
            risk: Risk::Disruptive,
            risk_because,
            summary: format!("restart `{service}`: {}", names.join(", ")),
            detail: changes.iter().map(describe_change).collect(),
            footprint: Footprint {
                containers: self.container_marks(&[service.to_owned()], &Default::default()).await?,
                ..Footprint::default()
            },
            change: Change::Containers(changes),
        };
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// The containers that a restart of the service concerns, in order of number.
    pub(super) async fn restarts(&mut self, service: &str) -> Result<Vec<ContainerChange>, TargetError> {
        if self.model().await?.service(service).is_none() {
            return Err(refusal(format!("the project has no service `{service}`")));
        }
        let project = self.target.project.as_str();
        let mut own = self.survey(&Default::default()).await?;
        own.retain(|container| {
            container.project() == Some(project) && container.service() == Some(service) && !container.one_off
        });
        let mut changes = Vec::new();
        for container in to_restart(service, own)? {
            let last = self.engine.last_start(container.id()).await.map_err(|error| Self::engine_failed(&error))?;
            let last = last.ok_or_else(|| refusal(format!("container `{}` is gone", container.name())))?;
            changes.push(ContainerChange {
                service: service.to_owned(),
                container: container.name().to_owned(),
                operation: ContainerOperation::Restart,
                running: last.state == ContainerState::Running,
                ever_ran: last.started.is_some(),
                started: last.started,
            });
        }
        Ok(changes)
    }

    /// Restarts what the step names, by the ids that it names.
    pub(super) async fn restart(&self, step: &Step, context: EffectContext<'_>) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(context.seconds_max);
        let mut restarted = Vec::new();
        for name in names_in(step) {
            let left = deadline.saturating_duration_since(Instant::now());
            let so_far = |why: &str| match restarted.as_slice() {
                [] => failed(format!("nothing was restarted: {why}")),
                some => failed(format!("only {} restarted: {why}", some.join(", "))),
            };
            if (context.interrupted)() {
                return so_far("it was interrupted");
            }
            if left.is_zero() {
                return so_far(&format!("{} s were over", context.seconds_max));
            }
            let Some(mark) = step.footprint.containers.get(name) else {
                return so_far(&format!("the plan does not say which container `{name}` is"));
            };
            (context.progress)(&format!("restarting {name}"));
            let answer = self.engine.restart_container(&mark.id, RESTART_GRACE_SECONDS, left).await;
            let gone = failed(format!("container `{name}` is gone"));
            match outcome_of(answer, String::new(), &format!("restart `{name}`"), gone) {
                Outcome::Done { .. } => restarted.push(name.to_owned()),
                other => return other,
            }
        }
        Outcome::Done { detail: format!("restarted {}", restarted.join(", ")) }
    }

    /// A restart shows in the time of the last start. One that a process which is gone has asked for may still go on, since
    /// the engine carries it out, so an answer of "not" takes as long as a restart can.
    pub(super) async fn restart_happened(&self, step: &Step) -> Probe {
        let until = Instant::now() + Duration::from_secs(RESTART_SHOWS_SECONDS);
        loop {
            let probe = self.restart_shows(step).await;
            let is_interrupted = self.interrupted.load(std::sync::atomic::Ordering::Relaxed);
            match probe {
                Ok(Probe::DidNotHappen) if is_interrupted => {
                    return Probe::Unclear("a restart that was asked for may still go on".to_owned());
                }
                Ok(probe) if probe == Probe::Happened || Instant::now() >= until => return probe,
                Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) => return Probe::Unclear(error.what),
            }
        }
    }

    async fn restart_shows(&self, step: &Step) -> Result<Probe, TargetError> {
        let Change::Containers(changes) = &step.change else {
            return Ok(Probe::Unclear("the plan names no containers".to_owned()));
        };
        let mut starts = Vec::new();
        for change in changes {
            let Some(mark) = step.footprint.containers.get(&change.container) else {
                return Ok(Probe::Unclear(format!("the plan does not say which container `{}` is", change.container)));
            };
            let last = self.engine.last_start(&mark.id).await.map_err(|error| Self::engine_failed(&error))?;
            starts.push((change.started.clone(), last.and_then(|last| last.started)));
        }
        Ok(judge(&starts))
    }
}

fn names_in(step: &Step) -> impl Iterator<Item = &str> {
    let changes = match &step.change {
        Change::Containers(changes) => changes.as_slice(),
        _ => &[],
    };
    changes.iter().map(|change| change.container.as_str())
}

/// Which of the service's containers are restarted.
fn to_restart(service: &str, mut own: Vec<Surveyed>) -> Result<Vec<Surveyed>, TargetError> {
    if own.is_empty() {
        return Err(TargetError {
            what: format!("`{service}` has no container that could be restarted"),
            hints: vec!["`docker compose up -d` creates it".to_owned()],
        });
    }
    for container in &own {
        let why = match container.summary.state {
            ContainerState::Restarting => "is in a crash loop: the engine already starts it again and again",
            ContainerState::Paused => "is paused, and a restart would end that",
            _ => continue,
        };
        return Err(TargetError {
            what: format!("container `{}` {why}", container.name()),
            hints: vec![format!("`docker compose logs {service}` shows what it said last")],
        });
    }
    own.retain(|container| matches!(container.summary.state, ContainerState::Running | ContainerState::Exited));
    own.sort_by_key(|container| (container.number, container.name().to_owned()));
    match own.is_empty() {
        true => Err(refusal(format!("no container of `{service}` runs or has run; `up` starts one that never ran"))),
        false => Ok(own),
    }
}

/// Compares the last starts before and now, of each container.
fn judge(starts: &[(Option<String>, Option<String>)]) -> Probe {
    let mut later = 0;
    for (before, now) in starts {
        let times = [before, now].map(|text| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok()));
        match times {
            [Some(before), Some(now)] if now > before => later += 1,
            [Some(before), Some(now)] if now == before => {}
            [None, Some(_)] if before.is_none() => later += 1,
            _ => return Probe::Unclear("a container is gone, or tells another time than before".to_owned()),
        }
    }
    match (later, starts.len()) {
        (_, 0) => Probe::Unclear("the plan names no containers".to_owned()),
        (0, _) => Probe::DidNotHappen,
        (later, all) if later == all => Probe::Happened,
        (later, all) => Probe::Unclear(format!("{later} of {all} containers were started since")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::staleness::tests::container;
    use super::*;

    fn in_state(digit: char, number: u32, state: ContainerState) -> Surveyed {
        let mut container = container(digit, &format!("shop-web-{number}"), "shop", "web");
        container.number = Some(number);
        container.summary.state = state;
        container
    }

    #[test]
    fn containers_that_run_or_have_ended_are_restarted_in_order_of_number() {
        let own = vec![
            in_state('a', 10, ContainerState::Running),
            in_state('b', 2, ContainerState::Exited),
            in_state('c', 3, ContainerState::Created),
        ];
        let chosen = to_restart("web", own).expect("some");
        let names: Vec<&str> = chosen.iter().map(Surveyed::name).collect();
        assert_eq!(names, ["shop-web-2", "shop-web-10"]);
    }

    #[test]
    fn a_crash_loop_a_pause_and_a_service_without_containers_are_refused() {
        assert!(to_restart("web", Vec::new()).is_err());
        for state in [ContainerState::Restarting, ContainerState::Paused] {
            let own = vec![in_state('a', 1, ContainerState::Running), in_state('b', 2, state.clone())];
            assert!(to_restart("web", own).is_err_and(|error| error.what.contains("shop-web-2")), "{state}");
        }
        for state in [ContainerState::Created, ContainerState::Removing, ContainerState::Dead] {
            assert!(to_restart("web", vec![in_state('a', 1, state.clone())]).is_err(), "{state}");
        }
    }

    #[test]
    fn a_restart_is_told_by_the_times_of_the_last_starts() {
        let (then, later) = ("2026-03-01T10:00:00.5Z", "2026-03-01T10:00:00.75Z");
        let start = |before: &str, now: &str| (Some(before.to_owned()), Some(now.to_owned()));
        assert_eq!(judge(&[start(then, later), start(then, later)]), Probe::Happened);
        assert_eq!(judge(&[start(then, then)]), Probe::DidNotHappen);
        // Engines leave out zeros at the end of a fraction.
        assert_eq!(judge(&[start(then, "2026-03-01T10:00:00.500Z")]), Probe::DidNotHappen);
        for unclear in [
            vec![start(then, later), start(then, then)],
            vec![start(later, then)],
            vec![start(then, "soon")],
            vec![(Some(then.to_owned()), None)],
            vec![],
        ] {
            assert!(matches!(judge(&unclear), Probe::Unclear(_)), "{unclear:?}");
        }
    }
}

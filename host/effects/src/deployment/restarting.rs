//! Restarting the containers of one service as they are.
//!
//! It refuses a service without containers, one that the engine itself restarts again and again, and one that a person
//! has paused or stopped. Only containers that the plan names by id are restarted, one after the other.

use std::time::Duration;

use jiff::Timestamp;
use repair_model::action::Action;
use repair_model::container::ContainerState;
use repair_model::limits::{ENGINE_SETTLES_SECONDS_MAX, RESTART_GRACE_SECONDS};
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, Footprint, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{EffectContext, Prepared, TargetError};
use tokio::time::Instant;

use super::ComposeDeployment;
use super::calling::{failed, outcome_of};
use super::describing::describe_change;
use super::preparing::refusal;
use super::readings::{Look, settled, unclear, unclear_plan};
use crate::docker::changes::Patience;
use crate::docker::containers::LastStart;
use crate::docker::survey::Surveyed;

/// How long it is looked whether a restart shows that a lost process has asked for: the grace, and a little for the engine
/// to start the container.
const RESTART_SHOWS: Duration = Duration::from_secs(RESTART_GRACE_SECONDS + ENGINE_SETTLES_SECONDS_MAX);

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
        self.left_by_nobody(&[service.to_owned()], &Default::default()).await?;
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
        let deadline = Instant::now() + Duration::from_secs(context.bounds.up_seconds_max);
        let mut restarted = Vec::new();
        for name in names_in(step) {
            let left = deadline.saturating_duration_since(Instant::now());
            let so_far = |why: &str| match restarted.as_slice() {
                [] => format!("nothing was restarted: {why}"),
                some => format!("only {} restarted: {why}", some.join(", ")),
            };
            if (context.interrupted)() {
                return Outcome::Abandoned { reason: so_far("you wished to stop") };
            }
            if left.is_zero() {
                return failed(so_far(&format!("{} s were over", context.bounds.up_seconds_max)));
            }
            let Some(mark) = step.footprint.containers.get(name) else {
                return failed(so_far(&format!("the plan does not say which container `{name}` is")));
            };
            (context.progress)(&format!("restarting {name}"));
            let patience = Patience { whole: left, interrupted: context.interrupted };
            let answer = self.engine.restart_container(&mark.id, patience).await;
            let gone = failed(format!("container `{name}` is gone"));
            match outcome_of(answer, String::new(), &format!("restart `{name}`"), gone) {
                Outcome::Done { .. } => restarted.push(name.to_owned()),
                other => return other,
            }
        }
        Outcome::Done { detail: format!("restarted {}", restarted.join(", ")) }
    }

    /// A restart shows in the time of the last start. One that a lost process has asked for goes on in the engine, and no
    /// process holds the lease for it, so any other answer has to stay the same for as long as a restart can take.
    pub(super) async fn restart_happened(&self, step: &Step) -> Probe {
        let when_interrupted = || {
            unclear(
                "you wished to stop while a restart that was asked for may go on",
                "its container is started later than the plan saw",
                "it is not",
            )
        };
        settled(&self.interrupted, when_interrupted, async || self.restart_shows(step).await).await
    }

    async fn restart_shows(&self, step: &Step) -> Result<Look, Probe> {
        let Change::Containers(changes) = &step.change else { return Err(unclear_plan("which containers are meant")) };
        let mut seen = Vec::new();
        for change in changes {
            let name = &change.container;
            let mark = step.footprint.containers.get(name);
            let mark = mark.ok_or_else(|| unclear_plan(&format!("which container `{name}` is")))?;
            let now = self.engine.last_start(&mark.id).await.map_err(|error| {
                unclear(&error.to_string(), "the container was started later than the plan saw", "it was not")
            })?;
            seen.push(Seen { name, state: &mark.state, started: change.started.as_deref(), now });
        }
        Ok(judge(&seen))
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

/// One container of a restart: as the plan saw it, and as it is now, if it is there.
struct Seen<'s> {
    name: &'s str,
    state: &'s ContainerState,
    started: Option<&'s str>,
    now: Option<LastStart>,
}

/// Compares the last starts before and now, of each container.
fn judge(seen: &[Seen<'_>]) -> Look {
    let waited = |probe| Look::Unless(probe, RESTART_SHOWS);
    let mut later = 0;
    let mut stopped = None;
    for Seen { name, state, started, now } in seen {
        let Some(now) = now else {
            let words = format!("container `{name}` is gone");
            return Look::Final(unclear(&words, "it was restarted before that", "it was removed without a restart"));
        };
        let time = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
        match (time(*started), time(now.started.as_deref())) {
            (Some(before), Some(now)) if now > before => later += 1,
            (None, Some(_)) if started.is_none() => later += 1,
            (Some(before), Some(at)) if at == before => {
                stopped = stopped.or((now.state != **state).then_some((name, state, &now.state)));
            }
            _ => {
                let words = format!("container `{name}` tells another time of its last start than before");
                return waited(unclear(&words, "that start was the restart", "the engine's clock was changed"));
            }
        }
    }
    let seconds = RESTART_SHOWS.as_secs();
    match (later, seen.len(), stopped) {
        (_, 0, _) => Look::Final(unclear_plan("which containers are meant")),
        (0, _, None) => waited(Probe::DidNotHappen),
        (0, _, Some((name, before, now))) => waited(unclear(
            &format!("container `{name}` was {before}, is {now}, and was not started within {seconds} s"),
            "the engine was cut off between its end and its start",
            "somebody else ended it",
        )),
        (later, all, _) if later == all => Look::Final(Probe::Happened),
        (later, all, _) => waited(unclear(
            &format!("{later} of {all} containers were started since, and no more within {seconds} s"),
            "that was the restart, which was cut off before the others",
            "somebody else started them",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::readings::tests::has_both_readings;
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

    const THEN: &str = "2026-03-01T10:00:00.5Z";
    const LATER: &str = "2026-03-01T10:00:00.75Z";

    /// Containers that ran when the plan was made: started before, state now, started now.
    fn judged(seen: &[(Option<&str>, ContainerState, Option<&str>)]) -> Look {
        let seen: Vec<Seen<'_>> = seen
            .iter()
            .map(|(before, state, now)| Seen {
                name: "shop-web-1",
                state: &ContainerState::Running,
                started: *before,
                now: Some(LastStart { state: state.clone(), started: now.map(str::to_owned) }),
            })
            .collect();
        judge(&seen)
    }

    fn running(
        before: &'static str,
        now: &'static str,
    ) -> (Option<&'static str>, ContainerState, Option<&'static str>) {
        (Some(before), ContainerState::Running, Some(now))
    }

    #[test]
    fn a_restart_is_told_by_the_times_of_the_last_starts() {
        let not = Look::Unless(Probe::DidNotHappen, RESTART_SHOWS);
        assert_eq!(judged(&[running(THEN, LATER), running(THEN, LATER)]), Look::Final(Probe::Happened));
        assert_eq!(judged(&[running(THEN, THEN)]), not);
        // Engines leave out zeros at the end of a fraction.
        assert_eq!(judged(&[running(THEN, "2026-03-01T10:00:00.500Z")]), not);
    }

    #[test]
    fn what_cannot_be_told_is_waited_for_and_then_said_with_both_readings() {
        let (ran, ended) = (ContainerState::Running, ContainerState::Exited);
        for seen in [
            vec![running(THEN, LATER), running(THEN, THEN)],
            vec![running(LATER, THEN)],
            vec![running(THEN, "soon")],
            vec![(Some(THEN), ran, None)],
            // Between its end and its start, for as long as that lasts.
            vec![(Some(THEN), ended, Some(THEN))],
        ] {
            let look = judged(&seen);
            let Look::Unless(Probe::Unclear(words), patience) = &look else { panic!("{seen:?}: {look:?}") };
            assert!(has_both_readings(words), "{words}");
            assert_eq!(*patience, RESTART_SHOWS);
        }
        let gone = Seen { name: "shop-web-1", state: &ContainerState::Running, started: Some(THEN), now: None };
        for final_look in [judge(&[gone]), judge(&[])] {
            assert!(
                matches!(&final_look, Look::Final(Probe::Unclear(words)) if has_both_readings(words)),
                "{final_look:?}"
            );
        }
    }
}

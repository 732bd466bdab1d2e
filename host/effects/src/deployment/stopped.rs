//! Services that somebody stopped on purpose: they are left as they are, whatever a tool proposes.
//!
//! The engine tells it: it was asked to stop the container, and nobody has started it since. Where it has forgotten, an end
//! by SIGTERM or SIGKILL that nothing else explains counts as well, because starting what should rest costs more than
//! asking. It refuses to take for a person's what Compose did itself while it replaced a container, and what was started in
//! vain since. Invariant: a container that ended by itself, as far as the engine remembers, is nobody's wish.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use repair_model::container::{Container, ContainerState};
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use super::staleness::temporary_name;
use crate::docker::{PAST_SECONDS, RecentPast};
use crate::shell::shell_quoted;

/// Exit codes of SIGKILL and SIGTERM, as shells count.
const KILLED: i32 = 137;
const TERMINATED: i32 = 143;

/// How it is known that somebody stopped a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// By the engine's own event, at that time in nanoseconds since 1970.
    Event(i64),
    /// By its exit code, which nothing else explains.
    ExitCode(i32),
}

impl ComposeDeployment {
    /// The project's containers without those of `gone`.
    ///
    /// # Errors
    /// When somebody stopped one of `services` on purpose: it is named, with how that is known and what starts it.
    pub(super) async fn left_by_nobody(
        &self,
        services: &[String],
        gone: &BTreeSet<String>,
    ) -> Result<Vec<Container>, TargetError> {
        let found = self.engine.list_with_past(&self.target.project).await;
        let (mut found, past) = found.map_err(|error| Self::engine_failed(&error))?;
        let named = self.scope.services.as_slice();
        let wanted = self.wanted_at.map(|at| Wanted::new(at, Timestamp::now(), named));
        if let Some((container, known)) = stopped_on_purpose(services, gone, &found, &past, wanted) {
            return Err(refused(&self.target.project, container, known));
        }
        found.retain(|container| !gone.contains(&container.container.id));
        Ok(found)
    }
}

/// The engine's memory, by full id.
type Past = BTreeMap<String, RecentPast>;

/// The first container of `services` that somebody stopped, leaving out those of `gone`.
fn stopped_on_purpose<'c>(
    services: &[String],
    gone: &BTreeSet<String>,
    all: &'c [Container],
    past: &Past,
    wanted: Option<Wanted<'_>>,
) -> Option<(&'c Container, Known)> {
    let nothing = RecentPast::default();
    all.iter()
        .filter(|container| container.container.service.as_ref().is_some_and(|name| services.contains(name)))
        .filter(|container| !gone.contains(&container.container.id) && !is_being_replaced(container, all, past))
        .filter_map(|container| {
            Some((container, known(container, past.get(&container.container.id).unwrap_or(&nothing))?))
        })
        .find(|(container, known)| !wanted.is_some_and(|wanted| wanted.outlives(container, *known)))
}

/// When a person's own `up` asked for the services: whoever stopped one of them before that has changed their mind.
#[derive(Clone, Copy, Debug)]
struct Wanted<'s> {
    nanoseconds: i128,
    /// The services that it named; all when empty.
    named: &'s [String],
    /// Whether the engine still remembers that moment, so that a stop that it does not remember lies before it.
    remembered: bool,
}

impl<'s> Wanted<'s> {
    fn new(at: Timestamp, now: Timestamp, named: &'s [String]) -> Self {
        let passed = now.duration_since(at).as_secs();
        Self { nanoseconds: at.as_nanosecond(), named, remembered: passed < PAST_SECONDS }
    }

    fn outlives(self, container: &Container, known: Known) -> bool {
        let service = container.container.service.as_ref();
        let meant = self.named.is_empty() || service.is_some_and(|service| self.named.contains(service));
        meant
            && match known {
                Known::Event(stopped) => i128::from(stopped) < self.nanoseconds,
                Known::ExitCode(_) => self.remembered,
            }
    }
}

fn known(container: &Container, past: &RecentPast) -> Option<Known> {
    let ended = matches!(container.state, ContainerState::Exited);
    // The engine's error is on a start that failed, so somebody wanted it to run after all.
    let started_in_vain = container.error.as_ref().is_some_and(|error| !error.is_empty());
    if !ended || started_in_vain {
        return None;
    }
    match past.stopped {
        Some(stopped) if past.started.is_none_or(|started| started < stopped) => return Some(Known::Event(stopped)),
        _ => {}
    }
    // An end that the engine remembers, and no request before it: it ended by itself.
    if past.ended.is_some() || container.oom_killed {
        return None;
    }
    container.exit_code.filter(|code| matches!(*code, KILLED | TERMINATED)).map(Known::ExitCode)
}

/// Whether Compose has made a container that is to take this one's place: it makes that first, under a name that tells
/// which one it replaces, and stops this one then. The other may be gone by now, as a leftover that an earlier step removes.
fn is_being_replaced(container: &Container, all: &[Container], past: &Past) -> bool {
    let replaces = |name: &str| {
        temporary_name(name)
            .is_some_and(|(id, name)| container.container.id.starts_with(id) && container.container.name == name)
    };
    all.iter().any(|other| replaces(&other.container.name))
        || past.values().any(|other| other.name.as_deref().is_some_and(replaces))
}

fn refused(project: &str, container: &Container, known: Known) -> TargetError {
    let service = container.container.service.as_deref().unwrap_or_default();
    let name = &container.container.name;
    let how = match known {
        Known::Event(nanoseconds) => {
            let at = Timestamp::from_nanosecond(nanoseconds.into());
            let at = at.map(|at| format!(" at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
            format!("the engine was asked to stop its container `{name}`{at}, and nobody has started it since")
        }
        Known::ExitCode(code) => format!(
            "its container `{name}` ended with exit code {code}, as one does that is stopped, and the engine remembers no \
             other reason"
        ),
    };
    let words = [project, service].map(|word| !word.is_empty() && !word.starts_with('-'));
    let command = match words {
        [true, true] => format!("docker compose -p {} start {}", shell_quoted(project), shell_quoted(service)),
        _ => format!("docker start {}", container.container.id),
    };
    TargetError {
        what: format!("`{service}` was stopped on purpose and is left to you: {how}"),
        hints: vec![format!("`{command}` starts it, if it is to run again")],
    }
}

#[cfg(test)]
mod tests {
    use repair_model::container::{ContainerRef, Health};

    use super::*;

    const START: Option<i64> = Some(1_000_000_000);
    const STOP: Option<i64> = Some(2_000_000_000);
    const LATER: Option<i64> = Some(3_000_000_000);
    const NOTHING: RecentPast =
        RecentPast { oom_kills: 0, deaths: 0, started: None, ended: None, stopped: None, name: None };

    fn exited(digit: char, name: &str, exit_code: i32) -> Container {
        Container {
            container: ContainerRef {
                id: digit.to_string().repeat(64),
                name: name.to_owned(),
                project: Some("shop".to_owned()),
                service: Some("web".to_owned()),
            },
            image: "web:1".to_owned(),
            state: ContainerState::Exited,
            health: Health::None,
            exit_code: Some(exit_code),
            oom_killed: false,
            restarts: 0,
            recent_deaths: 0,
            error: None,
            ever_ran: true,
            config_hash: None,
            ports: Vec::new(),
        }
    }

    fn web(exit_code: i32) -> Container {
        exited('a', "shop-web-1", exit_code)
    }

    #[test]
    fn the_engines_event_after_the_last_start_tells_a_persons_wish_from_a_crash() {
        let stopped = RecentPast { started: START, ended: STOP, stopped: STOP, ..NOTHING };
        let crashed = RecentPast { started: START, ended: STOP, deaths: 1, ..NOTHING };
        let started_again = RecentPast { started: LATER, ended: LATER, stopped: STOP, ..NOTHING };
        let long_ago = RecentPast { ended: STOP, stopped: STOP, ..NOTHING };
        let by_event = Some(Known::Event(2_000_000_000));
        for (exit_code, past, expected) in [
            (0, &stopped, by_event),
            (143, &stopped, by_event),
            (137, &long_ago, by_event),
            (1, &crashed, None),
            // Killed from within, or by the kernel: the engine was not asked.
            (137, &crashed, None),
            (143, &started_again, None),
            (0, &NOTHING, None),
            (1, &NOTHING, None),
            (137, &NOTHING, Some(Known::ExitCode(137))),
            (143, &NOTHING, Some(Known::ExitCode(143))),
        ] {
            assert_eq!(known(&web(exit_code), past), expected, "{exit_code} {past:?}");
        }
    }

    #[test]
    fn what_runs_never_ran_lacked_memory_or_failed_to_start_was_not_stopped() {
        let stopped = RecentPast { started: START, stopped: STOP, ..NOTHING };
        for state in
            [ContainerState::Running, ContainerState::Created, ContainerState::Restarting, ContainerState::Paused]
        {
            assert_eq!(known(&Container { state: state.clone(), ..web(143) }, &stopped), None, "{state}");
        }
        let in_vain = Container { error: Some("port is already allocated".to_owned()), ..web(128) };
        assert_eq!(known(&in_vain, &stopped), None);
        assert_eq!(known(&Container { oom_killed: true, ..web(137) }, &NOTHING), None);
    }

    #[test]
    fn what_compose_stopped_to_replace_it_is_nobodys_wish() {
        let old = web(143);
        let stopped = RecentPast { started: START, stopped: STOP, ..NOTHING };
        let past = Past::from([(old.container.id.clone(), stopped)]);
        let services = ["web".to_owned()];
        let none = BTreeSet::new();
        let judged = |all: &[Container], past: &Past| stopped_on_purpose(&services, &none, all, past, None).is_some();
        assert!(judged(std::slice::from_ref(&old), &past));
        let successor = |name: &str| {
            let created = Container { state: ContainerState::Created, exit_code: None, ..exited('b', name, 0) };
            [old.clone(), created]
        };
        let replacing = successor("aaaaaaaaaaaa_shop-web-1");
        assert!(!judged(&replacing, &past));
        for other in ["cccccccccccc_shop-web-1", "aaaaaaaaaaaa_shop-db-1", "shop-web-2"] {
            assert!(judged(&successor(other), &past), "{other}");
        }
        // An earlier step of the plan removes the leftover; at the gate of this one only the engine remembers it.
        let gone = BTreeSet::from([replacing[1].container.id.clone()]);
        assert!(stopped_on_purpose(&services, &gone, &replacing, &past, None).is_none());
        let mut remembers = past.clone();
        let name = Some("aaaaaaaaaaaa_shop-web-1".to_owned());
        remembers.insert("b".repeat(64), RecentPast { name, ..NOTHING });
        assert!(!judged(std::slice::from_ref(&old), &remembers));
    }

    #[test]
    fn whoever_asked_for_the_service_after_its_stop_has_changed_their_mind() {
        let old = web(143);
        let all = std::slice::from_ref(&old);
        let stop = STOP.expect("a time");
        let judged = |past: &Past, wanted: Option<Wanted<'_>>| {
            stopped_on_purpose(&["web".to_owned()], &BTreeSet::new(), all, past, wanted).is_some()
        };
        let remembered = Past::from([(old.container.id.clone(), RecentPast { stopped: STOP, ..NOTHING })]);
        let named = ["db".to_owned()];
        let at =
            |nanoseconds: i64, remembered| Some(Wanted { nanoseconds: nanoseconds.into(), named: &[], remembered });
        assert!(judged(&remembered, at(stop - 1, true)), "stopped after it was asked for");
        assert!(!judged(&remembered, at(stop + 1, true)));
        let of_another = Some(Wanted { named: &named, ..at(stop + 1, true).expect("some") });
        assert!(judged(&remembered, of_another), "the `up` named another service");
        // Told by the exit code alone: the stop lies before whatever the engine still remembers.
        assert!(!judged(&Past::new(), at(0, true)));
        assert!(judged(&Past::new(), at(0, false)));
    }

    #[test]
    fn other_services_and_what_an_earlier_step_removes_do_not_count() {
        let old = web(143);
        let past = Past::from([(old.container.id.clone(), RecentPast { stopped: STOP, ..NOTHING })]);
        let all = std::slice::from_ref(&old);
        assert!(stopped_on_purpose(&["db".to_owned()], &BTreeSet::new(), all, &past, None).is_none());
        let gone = BTreeSet::from([old.container.id.clone()]);
        assert!(stopped_on_purpose(&["web".to_owned()], &gone, all, &past, None).is_none());
    }

    #[test]
    fn the_refusal_names_the_service_how_it_is_known_and_the_command() {
        let error = refused("shop", &web(143), Known::Event(1_772_359_200_500_000_000));
        for word in ["`web`", "`shop-web-1`", "on purpose", "2026-03-01T10:00:00Z"] {
            assert!(error.what.contains(word), "{error}");
        }
        assert!(error.hints[0].contains("`docker compose -p shop start web`"), "{:?}", error.hints);
        assert!(refused("shop", &web(137), Known::ExitCode(137)).what.contains("exit code 137"));
        let odd =
            Container { container: ContainerRef { service: Some("--all".to_owned()), ..web(0).container }, ..web(0) };
        assert!(refused("shop", &odd, Known::ExitCode(137)).hints[0].contains("docker start aaaa"));
    }
}

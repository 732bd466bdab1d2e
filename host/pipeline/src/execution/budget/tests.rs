//! What counts, for how long, and for whom.

use super::*;
use crate::testing::{World, policies};
use repair_model::event::{Ending, Event, Record};

const PORTS: FailureClass = FailureClass::DockerPortConflict;
const IMAGES: FailureClass = FailureClass::ALL[1];
/// The second at which every test looks.
const NOW: i64 = 1_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// A history of sessions, each with so many effects for a class, begun at a second and ended a second later.
fn history(sessions: &[(FailureClass, u32, i64, Option<Ending>)]) -> (History, SessionId) {
    let mut world = World::new();
    world.heal().expect("healed");
    let heal = world.log.records;
    let index = |wanted: fn(&Event) -> bool| heal.iter().position(|record| wanted(&record.event)).expect("in a heal");
    let settled = index(|event| matches!(event, Event::Settled { .. }));
    let intended = index(|event| matches!(event, Event::Intended { .. }));
    let mut history = History::default();
    let mut id = SessionId::new(at(0), [0; 4]);
    for (number, (class, effects, second, ending)) in sessions.iter().enumerate() {
        id = SessionId::new(at(*second), [number as u8 + 1; 4]);
        let effect = |_| heal[intended..=settled].iter();
        let mut events: Vec<Event> =
            heal[..intended].iter().chain((0..*effects).flat_map(effect)).map(|record| record.event.clone()).collect();
        let ended = |ending| Event::Ended { ending, reason: String::new(), next_steps: Vec::new() };
        events.extend(ending.map(ended));
        for event in &mut events {
            match event {
                Event::Granted { grant } => grant.session = id.clone(),
                Event::Planned { class: of, .. } => *of = *class,
                _ => {}
            }
        }
        for event in events {
            let is_end = matches!(event, Event::Ended { .. });
            let time = at(second + i64::from(is_end));
            let record = Record { sequence: 0, session: Some(id.clone()), epoch: 1, time, event };
            history = history.next(&of_class(record, *class)).expect("legal");
        }
    }
    (history, id)
}

/// Plans of different classes are different plans.
fn of_class(mut record: Record, class: FailureClass) -> Record {
    use repair_model::event::Intent;
    use repair_model::ids::{Digest, Domain};
    let own = |plan: &mut Digest| *plan = Digest::of(Domain::Plan, format!("{plan}{class}").as_bytes());
    match &mut record.event {
        Event::Planned { plan, .. } | Event::PolicyAnswered { plan, .. } | Event::ApprovalAsked { plan } => own(plan),
        Event::Intended { intent: Intent::Apply { plan, .. }, .. } => own(plan),
        Event::Granted { grant } => own(&mut grant.plan),
        _ => {}
    }
    record
}

/// What is left for the last session of `history`, for a plan of two steps that begins now.
fn left(
    bounds: &str,
    sessions: &[(FailureClass, u32, i64, Option<Ending>)],
    class: FailureClass,
) -> Result<u32, String> {
    let (history, session) = history(sessions);
    let policies = policies("", bounds);
    let budget = Budget { bounds: policies.bounds(), elsewhere: &[], now: at(NOW), at_once: false };
    budget.left(&history, &session, class, true, 2)
}

#[track_caller]
fn assert_reached(left: Result<u32, String>, bound: &str) {
    let why = left.expect_err("a bound is reached");
    assert!(why.contains(bound), "{why}");
}

#[test]
fn effects_count_for_their_class_within_an_hour_over_all_sessions() {
    let healed = Some(Ending::Healed);
    let bounds = "attempts_per_class_max = 4";
    let two_and_one = [(PORTS, 2, NOW - 100, healed), (PORTS, 1, NOW - 50, healed)];
    assert_reached(left(bounds, &two_and_one, PORTS), "attempts_per_class_max");
    assert_eq!(left(bounds, &two_and_one, IMAGES), Ok(0), "another class has its own count");
    let one_is_old = [(PORTS, 2, NOW - 3601, healed), (PORTS, 1, NOW - 50, healed)];
    assert_eq!(left(bounds, &one_is_old, PORTS), Ok(1));
    assert_reached(left(bounds, &[(PORTS, 3, NOW - 3600, healed)], PORTS), "attempts_per_class_max");
}

#[test]
fn a_plan_that_would_just_reach_a_bound_is_begun_and_one_step_more_is_not() {
    let healed = Some(Ending::Healed);
    let sessions = [(PORTS, 3, NOW - 100, healed)];
    assert_eq!(left("attempts_per_class_max = 5", &sessions, PORTS), Ok(3));
    assert_reached(left("attempts_per_class_max = 4", &sessions, PORTS), "attempts_per_class_max is 4");
}

#[test]
fn another_name_for_the_failure_does_not_get_around_the_storm_guard() {
    let healed = Some(Ending::Healed);
    let sessions = [(PORTS, 3, NOW - 100, healed), (IMAGES, 3, NOW - 50, healed)];
    assert_reached(left("attempts_per_hour_max = 7", &sessions, FailureClass::ALL[2]), "attempts_per_hour_max");
    assert_eq!(left("attempts_per_hour_max = 8", &sessions, FailureClass::ALL[2]), Ok(0));
}

#[test]
fn the_effects_of_a_session_count_whatever_for_and_however_long_ago() {
    let sessions = [(PORTS, 3, NOW - 100_000, None)];
    assert_reached(left("attempts_per_session_max = 4", &sessions, IMAGES), "attempts_per_session_max");
    assert_eq!(left("attempts_per_session_max = 5", &sessions, IMAGES), Ok(0));
}

#[test]
fn effects_of_other_projects_of_the_directory_count_for_class_and_hour() {
    let (history, session) = history(&[(PORTS, 1, NOW - 10, None)]);
    let elsewhere = [
        Elsewhere { class: PORTS, at: at(NOW - 100) },
        Elsewhere { class: IMAGES, at: at(NOW - 100) },
        Elsewhere { class: PORTS, at: at(NOW - 3601) },
    ];
    let left = |bounds: &str, class| {
        let policies = policies("", bounds);
        Budget { bounds: policies.bounds(), elsewhere: &elsewhere, now: at(NOW), at_once: true }
            .left(&history, &session, class, true, 1)
    };
    assert_eq!(left("attempts_per_class_max = 3", PORTS), Ok(2));
    assert_reached(left("attempts_per_class_max = 2", PORTS), "attempts_per_class_max");
    assert_eq!(left("attempts_per_hour_max = 4", PORTS), Ok(2));
    assert_reached(left("attempts_per_hour_max = 3", PORTS), "attempts_per_hour_max");
}

#[test]
fn a_clock_that_was_set_back_forgets_nothing() {
    let (history, session) = history(&[(PORTS, 3, NOW, Some(Ending::Escalated))]);
    let policies = policies("", "attempts_per_class_max = 4");
    for hours_back in [0, 1, 5, 24 * 365] {
        let budget = Budget {
            bounds: policies.bounds(),
            elsewhere: &[Elsewhere { class: IMAGES, at: at(NOW) }],
            now: at(NOW - hours_back * 3600),
            at_once: true,
        };
        assert_reached(budget.left(&history, &session, PORTS, true, 2), "attempts_per_class_max");
        assert_eq!(budget.left(&history, &session, IMAGES, true, 1), Ok(1), "{hours_back}");
        let unattended = Budget { at_once: false, ..budget };
        assert_reached(unattended.left(&history, &session, PORTS, true, 1), "cooldown_seconds_min");
    }
}

#[test]
fn after_what_was_done_in_vain_policy_and_flag_wait_and_a_person_does_not() {
    let bounds = "cooldown_seconds_min = 600";
    let policies = policies("", bounds);
    for (ending, seconds, waits) in [
        (Ending::Escalated, 100, true),
        (Ending::Failed, 100, true),
        (Ending::Escalated, 599, true),
        (Ending::Escalated, 600, false),
        (Ending::Healed, 1, false),
        (Ending::Undone, 1, false),
    ] {
        let (history, session) = history(&[(PORTS, 1, NOW - 1 - seconds, Some(ending))]);
        let budget = |at_once| Budget { bounds: policies.bounds(), elsewhere: &[], now: at(NOW), at_once };
        let unattended = budget(false).left(&history, &session, PORTS, true, 1);
        assert_eq!(unattended.is_err(), waits, "{ending:?} {seconds} s ago: {unattended:?}");
        assert!(budget(false).left(&history, &session, IMAGES, true, 1).is_ok(), "another class does not wait");
        assert!(budget(true).left(&history, &session, PORTS, true, 1).is_ok(), "a person does not wait");
        assert!(budget(false).left(&history, &session, PORTS, false, 1).is_ok(), "in mid-plan nobody waits");
    }
}

#[test]
fn the_cooldown_is_over_once_the_class_was_healed_and_a_session_that_did_nothing_begins_none() {
    let bounds = "cooldown_seconds_min = 600";
    let (vain, healed) = (Some(Ending::Escalated), Some(Ending::Healed));
    assert!(left(bounds, &[(PORTS, 1, NOW - 100, vain), (PORTS, 1, NOW - 50, healed)], PORTS).is_ok());
    assert!(left(bounds, &[(PORTS, 1, NOW - 100, healed), (PORTS, 1, NOW - 50, vain)], PORTS).is_err());
    assert!(left(bounds, &[(PORTS, 0, NOW - 100, vain)], PORTS).is_ok(), "it did nothing");
    let healed_without_doing = [(PORTS, 1, NOW - 100, vain), (PORTS, 0, NOW - 50, vain)];
    assert!(left(bounds, &healed_without_doing, PORTS).is_err(), "nor does it end one");
}

#[test]
fn more_steps_than_can_be_counted_are_refused() {
    let (history, session) = history(&[(PORTS, 1, NOW, None)]);
    let policies = policies("", "");
    let budget = Budget { bounds: policies.bounds(), elsewhere: &[], now: at(NOW), at_once: true };
    assert!(budget.left(&history, &session, PORTS, true, usize::MAX).is_err());
}

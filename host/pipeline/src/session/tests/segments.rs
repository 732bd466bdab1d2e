//! A history that begins with the state of a segment says the same as one that is folded from the first record on.

use super::*;
use jiff::SignedDuration;
use proptest::prelude::*;
use repair_model::limits::{CARRIED_TRIES_MAX, OPENING_STATE_BYTES_MAX};

use crate::approval::PersonsAnswer;
use crate::outside::Clock as _;
use crate::testing::{Plant, World, compose_up, killed_after, policies, proposal, remap};
use crate::workflow::undo_steps;

/// What a process does.
#[derive(Clone, Copy, Debug)]
enum Run {
    Heals,
    Fails,
    Waits,
    Applies,
    IsKilled(usize),
    Resumes,
    IsGivenUp,
    Undoes,
}

fn run() -> impl Strategy<Value = Run> {
    prop_oneof![
        Just(Run::Heals),
        Just(Run::Fails),
        Just(Run::Waits),
        Just(Run::Applies),
        (1..70_usize).prop_map(Run::IsKilled),
        Just(Run::Resumes),
        Just(Run::IsGivenUp),
        Just(Run::Undoes),
    ]
}

fn world(segment_records_max: Option<usize>) -> World {
    let mut world = World::without_tools();
    world.add_tool("mover", [proposal(vec![remap("web"), compose_up("web")])]);
    world.log.segment_records_max = segment_records_max;
    world
}

fn go(world: &mut World, run: Run) {
    world.clock.pass_seconds(30);
    world.options.purpose = Purpose::Heal;
    world.person.interactive = true;
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 9).collect();
    world.deployment.outcomes.clear();
    let last = world.history().open().last().cloned();
    match (run, last) {
        (Run::Heals, _) => drop(world.heal().expect("a report")),
        (Run::Fails, _) => {
            let failed = Outcome::Failed { error: "up failed".to_owned(), output: vec![] };
            world.deployment.outcomes = std::iter::repeat_n(failed, 40).collect();
            world.heal().expect("a report");
        }
        (Run::Waits, _) => {
            world.person.interactive = false;
            world.heal().expect("a report");
        }
        (Run::Applies, Some(last)) if last.status == Status::AwaitingApproval => {
            if !last.is_approved() {
                world.approve();
            }
            world.apply().expect("a report");
        }
        (Run::IsKilled(points), _) => drop(killed_after(world, points, |world| drop(world.heal()))),
        (Run::Resumes, Some(_)) => drop(world.resume()),
        (Run::IsGivenUp, Some(_)) => world.abort(),
        (Run::Undoes, None) => {
            let healed = world.history().sessions().rev().find(|session| session.has_acted()).cloned();
            if let Some(healed) = healed {
                drop(world.undo(&healed.id));
            }
        }
        _ => {}
    }
}

/// Everything that bounds, tools and people are told from the history.
fn told(world: &World, history: &History) -> impl PartialEq + std::fmt::Debug + use<> {
    let now = world.clock.now();
    let class = FailureClass::DockerPortConflict;
    let hour = now - SignedDuration::from_hours(1);
    let open: Vec<Session> = history.open().cloned().collect();
    let to_take_back: Vec<_> = history.open().map(|session| undo_steps(history, session)).collect();
    let attempts = (history.attempts_since(None, hour), history.attempts_since(Some(class), hour));
    (open, to_take_back, attempts, history.unhealed_since(class), history.attempts_for(class, now, 32))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_segment_tells_the_same_as_the_whole_log(
        runs in prop::collection::vec(run(), 1..12),
        segment_records_max in 1..60_usize,
    ) {
        let mut world = world(Some(segment_records_max));
        for run in runs {
            go(&mut world, run);
            let all: Vec<Record> = world.log.older.iter().chain(&world.log.records).cloned().collect();
            let whole = History::fold(&all).expect("legal from its first record on");
            let present = world.history();
            prop_assert_eq!(told(&world, &present), told(&world, &whole), "after {:?}", run);
        }
    }
}

#[test]
fn a_full_segment_ends_where_a_session_begins_or_goes_on_and_never_within() {
    let mut world = world(Some(5));
    for _ in 0..3 {
        go(&mut world, Run::Heals);
        assert!(matches!(world.log.records.first().map(|record| &record.event), Some(Event::SessionBegan { .. })));
    }
    go(&mut world, Run::Waits);
    go(&mut world, Run::Applies);
    let first = world.log.records.first().map(|record| &record.event);
    assert!(matches!(first, Some(Event::Resumed { .. })), "{first:?}");
    assert_eq!(world.history().sessions().last().expect("it").status, Status::Ended(Ending::Healed));
}

#[test]
fn attempts_and_cooldown_are_not_forgotten_by_a_new_segment() {
    for segment_records_max in [None, Some(1)] {
        let mut world = world(segment_records_max);
        world.policies = policies("", "attempts_per_class_max = 3\nrounds_max = 1\ncooldown_seconds_min = 600");
        go(&mut world, Run::Fails);
        world.options.yes = true;
        world.person.interactive = false;
        let waits = world.heal().expect("a report").conclusion;
        assert!(format!("{waits:?}").contains("cooldown_seconds_min"), "{waits:?}");
        world.clock.pass_seconds(600);
        world.heal().expect("a report");
        let spent = world.heal().expect("a report").conclusion;
        assert!(format!("{spent:?}").contains("attempts_per_class_max"), "{spent:?}");
    }
}

#[test]
fn the_state_of_a_segment_stays_small_however_many_sessions_there_were() {
    let mut world = world(None);
    world.policies = policies("", "rounds_max = 1");
    let error = "é".repeat(100_000);
    world.deployment.outcomes = [Outcome::Failed { error, output: vec![] }].into();
    world.heal().expect("a report");
    let mut history = History::default();
    for number in 0..u32::try_from(CARRIED_TRIES_MAX + 50).expect("few") {
        let other = SessionId::new(at(i64::from(number)), number.to_be_bytes());
        for record in &world.log.records {
            let mut record = Record { session: Some(other.clone()), ..record.clone() };
            if let Event::Granted { grant } = &mut record.event {
                grant.session = other.clone();
            }
            history = history.next(&record).expect("legal");
        }
    }
    let state = history.opening_state(world.clock.now()).expect("a state");
    assert!(state.len() < OPENING_STATE_BYTES_MAX / 16, "{} bytes", state.len());
    let opened = History::from_segment(Some(&state), &[]).expect("a state");
    assert_eq!(opened.tries().count(), CARRIED_TRIES_MAX);
    assert_eq!(opened.sessions().count(), 0, "none is open");
}

#[test]
fn a_state_that_would_be_too_long_lets_the_old_segment_go_on() {
    let mut world = world(None);
    go(&mut world, Run::Waits);
    world.log.segment_records_max = Some(1);
    for record in &mut world.log.records {
        if let Event::SessionBegan { command, .. } = &mut record.event {
            *command = vec!["x".repeat(OPENING_STATE_BYTES_MAX)];
        }
    }
    go(&mut world, Run::Applies);
    assert!(world.log.older.is_empty(), "no segment was begun");
    assert_eq!(world.history().sessions().last().expect("it").status, Status::Ended(Ending::Healed));
}

#[test]
fn a_state_that_is_none_or_of_another_version_is_refused() {
    for state in [&b""[..], b"{}", br#"{"v":999,"sessions":[],"plans":[],"tries":[],"unhealed":[]}"#] {
        assert!(History::from_segment(Some(state), &[]).is_err(), "{}", String::from_utf8_lossy(state));
    }
}

#[test]
fn an_interrupted_session_goes_on_in_a_new_segment() {
    let mut met = 0;
    for points in 20..60 {
        let mut world = world(Some(1));
        world.deployment.plant = Some(Plant::new());
        assert!(killed_after(&mut world, points, |world| drop(world.heal())));
        let Some(session) = world.history().open().last().cloned().filter(Session::has_acted) else { continue };
        met += 1;
        let records = world.log.records.len();
        world.person.answers = [PersonsAnswer::Yes].into();
        world.resume().expect("a report");
        assert_eq!(world.log.older.len(), records, "the earlier records are in an older segment");
        let plant = world.deployment.plant.as_ref().expect("a plant");
        assert_eq!(plant.done, ["edit web.yaml", "start web"], "{points}");
        assert_eq!(world.history().sessions().last().expect("it").id, session.id);
    }
    assert!(met > 5, "{met}");
}

//! Killed, and the resume killed too; and a session whose resume is lost again and again, which is blocked and has two ways
//! out.

use std::sync::Mutex;

use repair_test_support::Engine;

use crate::attempt::Attempt;
use crate::engine_events::EngineEvents;
use crate::matrix::{Reference, Wrong};
use crate::sampling::{Place, caught, is_whole, side_by_side};
use crate::scenarios::{HEAL_UP, named};

/// Where the first run is killed. The sample has the first of them, which leaves half a line behind.
const FIRST: [&str; 5] = [
    "kill@line-torn:intended#2",
    "kill@line-written:granted",
    "kill@project-file-written",
    "kill@process-recorded",
    "kill@effect-ended:compose-up",
];
/// The bound `recoveries_max`.
const RECOVERIES_MAX: usize = 5;

/// Where a resume is killed: at every record, and while it sets half a line aside.
fn hurts(place: &Place) -> bool {
    place.point() == "line-written" || place.point().starts_with("tail-")
}

#[test]
fn a_resume_that_is_killed_too_is_gone_on_with() {
    let events = EngineEvents::listen(Engine::shared());
    let reference = Reference::of(named("port"), &events).unwrap_or_else(|what| panic!("{what}"));
    let first = if is_whole() { FIRST.as_slice() } else { &FIRST[..1] };
    let kills = Mutex::new(Vec::new());
    side_by_side(first.to_vec(), |first| {
        let mut attempt = Attempt::new(named("port"));
        assert_eq!(attempt.until_killed(0, first), Ok(true), "{first}: {}", attempt.transcript());
        let (said, places) = attempt.traced(attempt.resume()).expect("it goes on");
        assert_eq!(said.code(), Some(0), "{first}: {}", attempt.transcript());
        let mut kills = kills.lock().expect("no panic");
        kills.extend(places.into_iter().filter(hurts).map(|place| (first, place)));
    });
    let kills = kills.into_inner().expect("no panic");
    if first[0].contains("torn") {
        let tail = kills.iter().filter(|(_, place)| place.point().starts_with("tail-")).count();
        assert_eq!(tail, 2, "half a line is set aside by copying it and cutting it off");
    }
    let count = kills.len();
    let failures = Mutex::new(Vec::new());
    side_by_side(kills, |(first, place)| {
        let mut attempt = Attempt::new(named("port"));
        let result = caught(|| {
            let killed = attempt.until_killed(0, first)? && attempt.is_killed(attempt.resume(), &place.kill())?;
            reference.goes_on(&mut attempt, &events, 2)?;
            if killed { Ok(()) } else { Err(Wrong::from("it was not killed twice".to_owned())) }
        });
        if let Err(what) = result {
            let what = format!("{first}, then {}: {what}\n{}", place.kill(), attempt.transcript());
            failures.lock().expect("no panic").push(what);
        }
    });
    let failures = failures.into_inner().expect("no panic");
    println!("killed twice: {count}, failures: {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A session that was killed, and whose resume was killed as often as the bounds allow.
fn blocked() -> Attempt<'static> {
    let mut attempt = Attempt::new(named("port"));
    assert_eq!(attempt.until_killed(0, "kill@line-written:grant-used"), Ok(true), "{}", attempt.transcript());
    for _ in 0..RECOVERIES_MAX {
        let killed = attempt.is_killed(attempt.resume(), "kill@line-synced:recovery-began");
        assert_eq!(killed, Ok(true), "{}", attempt.transcript());
    }
    for _ in 0..2 {
        let refused = attempt.run(attempt.resume(), None).expect("it is refused");
        assert_eq!(refused.code(), Some(3), "{}", attempt.transcript());
        let said = refused.to_string();
        for word in ["lost and taken over 5 times", "repair abort"] {
            assert!(said.contains(word), "`{word}` is missing: {said}");
        }
    }
    let records = attempt.document(&["audit", "show"]).expect("the records");
    let records = records.as_array().expect("a list");
    let blocked: Vec<_> = records.iter().filter(|record| record["event"]["kind"] == "blocked").collect();
    assert_eq!(blocked.len(), 1, "{blocked:#?}");
    assert_eq!(blocked[0]["event"]["reason"], "crash-loop");
    assert!(!records.iter().any(|record| record["event"]["kind"] == "intended"), "it did something");
    attempt
}

fn statuses(attempt: &mut Attempt<'_>) -> Vec<String> {
    attempt.sessions().expect("a list").into_iter().map(|session| session.status).collect()
}

#[test]
fn a_session_whose_resume_is_lost_again_and_again_is_blocked_until_it_is_given_up() {
    let mut attempt = blocked();
    let id = attempt.sessions().expect("a list").remove(0).id;
    let aborted = attempt.run(&["abort", &id], None).expect("it is given up");
    assert_eq!(aborted.code(), Some(0), "{}", attempt.transcript());
    assert_eq!(statuses(&mut attempt), ["aborted"]);
    let healed = attempt.run(&HEAL_UP, None).expect("a new session");
    assert_eq!(healed.code(), Some(0), "{}", attempt.transcript());
    assert_eq!(statuses(&mut attempt), ["aborted", "healed"]);
}

#[test]
fn a_new_session_takes_the_place_of_one_that_a_crash_loop_blocks() {
    let mut attempt = blocked();
    let healed = attempt.run(&["--self-heal=preview", "--yes", "--new"], None).expect("a new session");
    assert_eq!(healed.code(), Some(0), "{}", attempt.transcript());
    assert_eq!(statuses(&mut attempt), ["aborted", "healed"]);
}

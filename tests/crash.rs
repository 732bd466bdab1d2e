//! Killed at any instruction that matters, a session goes on and comes to the same end as one that was not killed: the same
//! files, the same containers, nothing started, restarted or removed twice, nothing left behind. Real engine.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]
#![expect(clippy::disallowed_macros, reason = "a matrix prints its table")]

#[path = "crash/aftermath.rs"]
mod aftermath;
#[path = "crash/again.rs"]
mod again;
#[path = "crash/attempt.rs"]
mod attempt;
#[path = "crash/engine_events.rs"]
mod engine_events;
#[path = "crash/full_disk.rs"]
mod full_disk;
#[path = "crash/matrix.rs"]
mod matrix;
#[path = "crash/raced.rs"]
mod raced;
#[path = "crash/sampling.rs"]
mod sampling;
#[path = "crash/scenarios.rs"]
mod scenarios;
#[path = "crash/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use engine_events::EngineEvents;
use matrix::{Reference, comes_by, kill_everywhere};
use repair_faults::Point;
use repair_test_support::Engine;
use sampling::{caught, is_whole, side_by_side};
use scenarios::SCENARIOS;

/// Only scenarios with this in their names, for whoever looks for a defect.
const ONLY_VARIABLE: &str = "REPAIR_CRASH_ONLY";

/// Points that no healing comes by that was not killed before, each with the test that kills there.
const ELSEWHERE: [(Point, &str); 5] = [
    (Point::OperationAccepted, "azure_crash: only Azure goes on by itself with what it was asked for"),
    (Point::TailCopied, "again::a_resume_that_is_killed_too_is_gone_on_with"),
    (Point::TailCut, "again::a_resume_that_is_killed_too_is_gone_on_with"),
    (
        Point::CollectionRecorded,
        "repair-journal: tests::retaining::a_crash_at_any_step_is_made_good_by_the_next_session",
    ),
    (Point::CollectionBegun, "repair-journal: tests::retaining::a_crash_at_any_step_is_made_good_by_the_next_session"),
];

#[test]
fn a_session_killed_anywhere_ends_as_one_that_was_not() {
    let begun = Instant::now();
    let events = EngineEvents::listen(Engine::shared());
    let only = std::env::var(ONLY_VARIABLE).unwrap_or_default();
    let scenarios: Vec<_> = SCENARIOS.iter().filter(|scenario| scenario.name.contains(&only)).collect();
    let references = Mutex::new(Vec::new());
    let failures = Mutex::new(Vec::new());
    side_by_side(scenarios.iter().enumerate().collect::<Vec<_>>(), |(at, scenario)| {
        match caught::<_, String>(|| Reference::of(scenario, &events)) {
            Ok(reference) => references.lock().expect("no panic").push((at, reference)),
            Err(what) => {
                eprintln!("FAILED {what}");
                failures.lock().expect("no panic").push(what);
            }
        }
    });
    let mut failures = failures.into_inner().expect("no panic");
    let mut references = references.into_inner().expect("no panic");
    references.sort_by_key(|(at, _)| *at);
    let references: Vec<_> = references.into_iter().map(|(_, reference)| reference).collect();
    println!("points that come by: {:?}", comes_by(&references));

    let (table, failed) = kill_everywhere(&references, &events);
    failures.extend(failed);
    println!("{table}");
    println!("{} s, {}", begun.elapsed().as_secs(), if is_whole() { "everywhere" } else { "a sample" });
    let total = table.total();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(total.duplicates, 0);
    assert!(total.passed * 20 <= total.kills, "{} of {} kills were not reached", total.passed, total.kills);
    if only.is_empty() {
        every_point_is_killed_at(&references);
    }
}

fn every_point_is_killed_at(references: &[Reference<'_>]) {
    let passed: BTreeSet<&str> = references.iter().flat_map(Reference::points).collect();
    for point in Point::ALL {
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| other == point);
        let is_passed = passed.contains(point.as_str());
        assert!(is_passed || elsewhere.is_some(), "no scenario comes by `{point}`, and nobody else is named");
        assert!(!is_passed || elsewhere.is_none(), "`{point}` needs no excuse any more");
    }
}

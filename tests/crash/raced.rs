//! Two that start at once: one gets the target, the other one is refused, and whatever the moment is, never both act.

use std::process::Stdio;
use std::sync::Barrier;
use std::thread;

use crate::attempt::Attempt;
use crate::sampling::is_whole;
use crate::scenarios::{HEAL, named};

/// Races with a log of its own; a log that grows without end would only slow them down.
const RACES_PER_PROJECT: u32 = 50;

/// Runs the same command twice at once; both exit codes.
fn race(attempt: &Attempt<'_>, words: &[&str]) -> [Option<i32>; 2] {
    let barrier = Barrier::new(2);
    let start = || {
        let mut command = attempt.broken.project.command(env!("CARGO_BIN_EXE_repair"));
        command.args(words).env("REPAIR_STATE_DIR", attempt.broken.project.state_dir());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        barrier.wait();
        command.status().expect("repair starts").code()
    };
    thread::scope(|scope| [scope.spawn(start), scope.spawn(start)].map(|one| one.join().expect("no panic")))
}

/// How many records of that kind the log has.
fn records(attempt: &Attempt<'_>, kind: &str) -> usize {
    let records = attempt.document(&["audit", "show"]).expect("the records");
    let records = records.as_array().expect("a list");
    records.iter().filter(|record| record["event"]["kind"] == kind).count()
}

#[test]
fn of_two_plans_at_once_one_gets_the_target() {
    let races = if is_whole() { 1000 } else { 12 };
    let mut both = 0;
    for first in (0..races).step_by(RACES_PER_PROJECT as usize) {
        let mut attempt = Attempt::new(named("plan-and-apply"));
        let mut sessions = 0;
        for race_number in first..races.min(first + RACES_PER_PROJECT) {
            let codes = race(&attempt, &["plan"]);
            let planned = codes.iter().filter(|code| **code == Some(4)).count();
            // One that comes late finds the first one's plan, which has not begun anything, and takes its place.
            assert!(planned > 0, "nobody got the target in race {race_number}: {codes:?}");
            assert!(codes.iter().all(|code| matches!(code, Some(3 | 4 | 6))), "race {race_number}: {codes:?}");
            both += usize::from(planned == 2);
            sessions += planned;
        }
        let standing = attempt.sessions().expect("a list");
        let open = standing.iter().filter(|session| !session.is_over()).count();
        assert_eq!(open, 1, "{standing:?}");
        assert_eq!(records(&attempt, "approval-asked"), sessions, "somebody planned who did not get the target");
        assert_eq!(records(&attempt, "intended"), 0);
        let audits = attempt.document(&["audit", "verify"]).expect("it verifies");
        assert_eq!(audits[0]["verified"], true, "{audits:#}");
    }
    println!("races of two plans: {races}, one after the other: {both}");
}

#[test]
fn of_two_heals_at_once_one_acts() {
    let races = if is_whole() { 40 } else { 2 };
    for number in 0..races {
        let attempt = Attempt::new(named("plan-and-apply"));
        let codes = race(&attempt, &HEAL);
        assert!(codes.contains(&Some(0)), "nobody healed it in race {number}: {codes:?}");
        // The one that comes too late is refused, or finds the target healthy.
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 3 | 6))), "race {number}: {codes:?}");
        assert_eq!(records(&attempt, "intended"), 2, "both acted in race {number}: {codes:?}");
        assert_eq!(attempt.broken.project.container("web").expect("it runs").status, "running");
    }
}

//! Who may act, and for how long.

use std::os::fd::AsRawFd as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use repair_model::event::{EffectProcess, Ending, Event, Holder, SettledBy};
use repair_model::outcome::Outcome;
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, Still, ended, holder, noted, session, suspended, target_in};
use crate::{Journal, Liveness, StateDir};

fn busy(opened: Result<Journal, LogError>) -> String {
    match opened {
        Err(LogError::Busy(what)) => what,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("not busy"),
    }
}

#[test]
fn a_second_session_is_busy_and_told_by_whom() {
    let scene = Scene::with_lines(1);
    let first = scene.open();
    let lines = scene.lines();
    let message = busy(scene.try_open());
    let expected = format!("process {} of ann@here", std::process::id());
    assert!(message.contains("at work on this target") && message.contains(&expected), "{message}");
    assert_eq!(scene.lines(), lines);
    drop(first);
    scene.open();
}

#[test]
fn a_project_is_busy_for_another_state_directory_too() {
    let scene = Scene::with_lines(1);
    let _first = scene.open();
    let elsewhere = StateDir::new(scene.scratch.path().join("another-state"));
    let message = busy(Journal::open_for_session(&elsewhere, &scene.target, holder(), Box::new(Still)));
    assert!(message.contains("another user"), "{message}");
}

#[test]
fn two_projects_do_not_disturb_each_other() {
    let scene = Scene::with_lines(1);
    let other = scene.scratch.path().join("other");
    std::fs::create_dir(&other).expect("created");
    let first = scene.open();
    let second = Journal::open_for_session(&scene.state, &target_in(&other), holder(), Box::new(Still)).expect("free");
    assert_ne!(first.target(), second.target());
    assert_eq!(scene.state.known_targets().expect("read").len(), 2);
}

#[test]
fn a_project_directory_that_cannot_be_locked_is_no_obstacle() {
    let scene = Scene::with_lines(1);
    std::fs::remove_dir(&scene.target.directory).expect("removed");
    let journal = scene.open();
    assert!(journal.directory_lock().is_none());
    assert_eq!(journal.lease().len(), 1);
}

/// Starts a process that inherits the lease, as an effect does, and runs until its input ends.
fn effect_with_lease(journal: &Journal) -> Child {
    let lease = journal.lease().swap_remove(0);
    // The copy is inheritable; it is closed here as soon as the child has its own.
    let copy = rustix::io::fcntl_dupfd_cloexec(lease, 100).expect("copied");
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty()).expect("made inheritable");
    assert!(copy.as_raw_fd() >= 100);
    #[expect(clippy::disallowed_methods, reason = "the test needs a process that outlives the journal")]
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started")
}

/// A lease that an effect has inherited whose `repair` is gone; who that was, and the effect.
fn outlived(scene: &Scene) -> (Holder, EffectProcess, Child) {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let gone = Holder { pid: u32::MAX - 1, host, ..holder() };
    drop(scene.open());
    let mut journal =
        Journal::open_for_session(&scene.state, &scene.target, gone.clone(), Box::new(Still)).expect("free");
    let process = EffectProcess { group: 4711, started: "1".to_owned(), boot: String::new() };
    let started = Event::EffectStarted { step: 0, process: process.clone() };
    journal.append(Some(&session()), started, Durability::Power).expect("appended");
    let effect = effect_with_lease(&journal);
    (gone, process, effect)
}

#[test]
fn the_lease_stays_busy_until_the_effect_that_inherited_it_has_ended() {
    let scene = Scene::with_lines(1);
    let (gone, process, mut effect) = outlived(&scene);
    let here = Holder { host: gone.host.clone(), ..holder() };
    let again = || Journal::open_for_session(&scene.state, &scene.target, here.clone(), Box::new(Still));
    match again() {
        Err(LogError::Outlived { what, process: told }) => {
            assert!(what.contains("an effect that it started still runs"), "{what}");
            assert!(what.contains("process group 4711"), "{what}");
            assert_eq!(told.as_ref(), Some(&process));
        }
        other => panic!("{other:?}"),
    }
    let told = crate::liveness(&scene.state, &scene.id()).expect("told");
    assert_eq!(told, Liveness::HeldByEffect(gone, Some(process)));

    // Approvals are recorded meanwhile.
    scene.open_for_append().append(Some(&session()), noted("meanwhile"), Durability::Power).expect("appended");

    drop(effect.stdin.take());
    effect.wait().expect("ended");
    scene.open();
}

#[test]
fn an_effect_whose_outcome_is_recorded_is_not_named() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let process = EffectProcess { group: 4711, started: "1".to_owned(), boot: String::new() };
    journal.append(Some(&session()), Event::EffectStarted { step: 0, process }, Durability::Power).expect("appended");
    let outcome = Outcome::Done { detail: String::new() };
    let settled = Event::Settled { step: 0, outcome, by: SettledBy::Effect };
    journal.append(Some(&session()), settled, Durability::Power).expect("appended");
    assert_eq!(crate::reading::running_effect(&scene.state, &scene.id()), None);
}

#[test]
fn whoever_looks_is_told_who_is_at_work_and_changes_nothing() {
    let scene = Scene::new();
    assert_eq!(crate::liveness(&scene.state, &scene.id()).expect("told"), Liveness::Free(None));
    assert!(!scene.state.root().exists());
    let journal = scene.open();
    let before = super::snapshot(scene.scratch.path());
    assert_eq!(crate::liveness(&scene.state, &scene.id()).expect("told"), Liveness::Held(holder()));
    drop(journal);
    let begun = Instant::now();
    while crate::liveness(&scene.state, &scene.id()).expect("told") != Liveness::Free(Some(holder())) {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(super::snapshot(scene.scratch.path()), before);
}

#[test]
fn somebody_who_only_looks_never_takes_the_lease_from_anybody() {
    let scene = Scene::with_lines(1);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| (0..2_000).for_each(|_| drop(crate::liveness(&scene.state, &scene.id()))));
        while !looks.is_finished() {
            drop(scene.open());
        }
    });
}

#[test]
fn each_lease_has_its_own_epoch_and_every_line_stands_under_one() {
    let scene = Scene::with_lines(2);
    for epoch in 2..5 {
        let mut journal = scene.open();
        assert_eq!(journal.epoch(), Some(epoch));
        journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
    }
    let epochs: Vec<u64> =
        crate::read(&scene.state, &scene.id()).expect("verifies").records.iter().map(|record| record.epoch).collect();
    assert_eq!(epochs, [0, 1, 1, 1, 2, 2, 3, 3, 4, 4]);
}

#[test]
fn a_write_under_an_old_epoch_is_refused() {
    let scene = Scene::with_lines(1);
    let mut old = scene.open();
    // Whoever deletes the lock files defeats the locks, and still not the epoch.
    std::fs::remove_file(scene.folder().join("lease")).expect("removed");
    std::fs::remove_dir(&scene.target.directory).expect("removed");
    let mut new = scene.open();
    let lines = scene.lines().len();
    for event in [suspended(), noted("late"), ended(Ending::Aborted)] {
        let error = old.append(Some(&session()), event, Durability::Power).expect_err("refused");
        assert!(matches!(&error, LogError::Busy(what) if what.contains("taken over")), "{error}");
    }
    assert_eq!(scene.lines().len(), lines);
    new.append(Some(&session()), suspended(), Durability::Power).expect("appended");
}

#[test]
fn without_the_lease_only_approvals_and_aborts_are_recorded() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open_for_append();
    assert!(journal.lease().is_empty() && journal.epoch().is_none());
    for event in [suspended(), ended(Ending::Healed), Event::GrantUsed { nonce: "00".into() }] {
        assert!(matches!(journal.append(Some(&session()), event, Durability::Power), Err(LogError::Io { .. })));
    }
    for event in [noted("seen"), ended(Ending::Aborted)] {
        journal.append(Some(&session()), event, Durability::Power).expect("appended");
    }
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("verifies").records.last().expect("one").epoch, 1);
}

#[test]
fn an_append_lock_that_is_held_for_a_moment_is_waited_for() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let folder = scene.state.open_target(&scene.id()).expect("opened").expect("there");
    let held = crate::lease::lock_soon(&folder, "append.lock").expect("free");
    let begun = Instant::now();
    let waiter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
    });
    journal.append(Some(&session()), noted("after"), Durability::Process).expect("appended");
    assert!(begun.elapsed() >= Duration::from_millis(90));
    waiter.join().expect("joined");
}

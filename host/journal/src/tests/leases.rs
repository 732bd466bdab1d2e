//! Who may act, and for how long.

use std::os::fd::AsRawFd as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use repair_model::event::{Ending, Event, Holder};
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, Still, ended, holder, noted, session, suspended, target_in};
use crate::{Journal, StateDir};

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

#[test]
fn the_lease_stays_busy_until_the_effect_that_inherited_it_has_ended() {
    let scene = Scene::with_lines(1);
    let gone = Holder { pid: u32::MAX - 1, ..holder() };
    drop(scene.open());
    let mut journal = Journal::open_for_session(&scene.state, &scene.target, gone, Box::new(Still)).expect("free");
    let started = Event::EffectStarted { step: 0, process_group: 4711 };
    journal.append(Some(&session()), started, Durability::Power).expect("appended");
    let mut effect = effect_with_lease(&journal);
    drop(journal);
    let message = busy(scene.try_open());
    assert!(message.contains("an effect that it started still runs"), "{message}");
    assert!(message.contains("process group 4711"), "{message}");

    // Approvals are recorded meanwhile.
    scene.open_for_append().append(Some(&session()), noted("meanwhile"), Durability::Power).expect("appended");

    drop(effect.stdin.take());
    effect.wait().expect("ended");
    scene.open();
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
    let held = crate::lease::lock_append(&folder).expect("free");
    let begun = Instant::now();
    let waiter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
    });
    journal.append(Some(&session()), noted("after"), Durability::Process).expect("appended");
    assert!(begun.elapsed() >= Duration::from_millis(90));
    waiter.join().expect("joined");
}

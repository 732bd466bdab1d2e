//! Appending: alone, together with others, and when the disk says no.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use repair_model::event::{Event, FORMAT_VERSION};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::{BLOB_BYTES_MAX, LOG_LINE_BYTES_MAX};
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, Still, noted, put, session, snapshot, suspended};
use crate::Journal;

#[test]
fn a_fresh_log_opens_with_its_target_and_is_closed_to_others() {
    let scene = Scene::new();
    assert!(!scene.state.root().exists());
    drop(scene.open());
    let records = crate::read(&scene.state, &scene.id()).expect("verifies").records;
    assert!(matches!(&records[0].event, Event::LogOpened { target } if *target == scene.target));
    assert!(matches!(&records[1].event, Event::LeaseTaken { .. }));
    let first = String::from_utf8(scene.lines()[0].clone()).expect("text");
    assert!(
        first.starts_with(&format!("{{\"v\":{FORMAT_VERSION},\"seq\":0,\"prev\":\"{}\",", "0".repeat(64))),
        "{first}"
    );
    for folder in [scene.state.root(), &scene.folder()] {
        assert_eq!(folder.metadata().expect("there").permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(scene.log().metadata().expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_line_names_the_leaf_of_the_line_before() {
    let scene = Scene::with_lines(3);
    let mut previous = crate::NO_LEAF;
    for line in scene.lines() {
        let line = line.strip_suffix(b"\n").expect("ended");
        assert!(String::from_utf8_lossy(line).contains(&format!("\"prev\":\"{previous}\"")));
        previous = crate::leaf_hash(line);
    }
}

#[test]
fn two_writers_interleave_and_each_sees_what_the_other_wrote() {
    let scene = Scene::with_lines(0);
    let mut session_side = scene.open();
    let mut approver = scene.open_for_append();
    for round in 0..5 {
        session_side.append(Some(&session()), suspended(), Durability::Process).expect("appended");
        approver.append(Some(&session()), noted(&format!("approval {round}")), Durability::Power).expect("appended");
    }
    let seen = session_side.records().expect("verifies").to_vec();
    assert_eq!(seen.len(), 3 + 10);
    assert_eq!(seen, crate::read(&scene.state, &scene.id()).expect("verifies").records);
    assert_eq!(seen, approver.records().expect("verifies"));
    assert!(seen.iter().enumerate().all(|(index, record)| record.sequence == index as u64));
}

#[test]
fn writers_at_the_same_time_keep_the_chain_whole() {
    let scene = Scene::with_lines(0);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let scene = &scene;
            scope.spawn(move || {
                let mut journal = scene.open_for_append();
                for number in 0..25 {
                    let note = noted(&format!("{writer} {number}"));
                    journal.append(Some(&session()), note, Durability::Process).expect("appended");
                }
            });
        }
        for _ in 0..50 {
            let reading = crate::read(&scene.state, &scene.id()).expect("verifies at any time");
            assert_eq!(reading.tail, None);
        }
    });
    assert_eq!(scene.lines().len(), 2 + 100);
    assert_eq!(crate::audit(&scene.state, &scene.id(), &[]).expect("audited").problems, []);
}

#[test]
fn a_reader_waits_for_the_line_that_is_just_being_written() {
    let scene = Scene::with_lines(1);
    let last = scene.lines().pop().expect("one");
    let sound = std::fs::read(scene.log()).expect("read");
    let folder = scene.state.open_target(&scene.id()).expect("opened").expect("there");
    let held = crate::lease::lock_soon(&folder, "append.lock").expect("free");
    put(&scene.log(), &sound[..sound.len() - last.len() / 2]);
    let (log, rest) = (scene.log(), sound[sound.len() - last.len() / 2..].to_vec());
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        super::add(&log, &rest);
        drop(held);
    });
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("verifies").tail, None);
    writer.join().expect("joined");
}

#[test]
fn targets_that_are_created_at_the_same_time_are_all_listed() {
    let scene = Scene::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (state, root) = (&scene.state, scene.scratch.path());
            scope.spawn(move || {
                let directory = root.join(format!("project-{number}"));
                std::fs::create_dir(&directory).expect("created");
                let target = super::target_in(&directory);
                drop(Journal::open_for_session(state, &target, super::holder(), Box::new(Still)).expect("opened"));
            });
        }
    });
    assert_eq!(scene.state.known_targets().expect("read").len(), 8);
}

/// Lets the next write of a journal go to another file, and checks that nothing is written after it failed.
fn assert_poisons(durability: Durability, swap: impl FnOnce(&mut Journal)) {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let sound = std::fs::read(scene.log()).expect("read");
    let write = journal.write.try_clone().expect("copied");
    swap(&mut journal);
    let note = noted(&"x".repeat(100_000));
    let error = journal.append(Some(&session()), note, durability).expect_err("failed");
    assert!(matches!(error, LogError::Io { .. }), "{error}");
    // Even when writing would work again.
    journal.write = write;
    assert!(matches!(journal.append(Some(&session()), noted("late"), Durability::Power), Err(LogError::Poisoned)));
    assert!(matches!(journal.store(b"late"), Err(LogError::Poisoned)));
    assert!(matches!(journal.sign_head(), Err(LogError::Poisoned)));
    assert!(matches!(journal.records(), Err(LogError::Poisoned)));
    assert_eq!(std::fs::read(scene.log()).expect("read"), sound);
    drop(journal);
    scene.open().append(Some(&session()), noted("a new start"), Durability::Power).expect("appended");
}

#[test]
fn a_full_disk_poisons_the_journal() {
    assert_poisons(Durability::Process, |journal| {
        journal.write = OpenOptions::new().append(true).open("/dev/full").expect("opened")
    });
}

#[test]
fn a_short_write_poisons_the_journal() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // A pipe that may not block takes what fits, and that is less than the line.
    rustix::io::ioctl_fionbio(&writer, true).expect("set");
    assert_poisons(Durability::Process, |journal| journal.write = std::os::fd::OwnedFd::from(writer).into());
    drop(reader);
}

#[test]
fn a_failed_sync_poisons_the_journal() {
    // The null device takes every byte, and cannot be synced.
    assert_poisons(Durability::Power, |journal| {
        journal.write = OpenOptions::new().append(true).open("/dev/null").expect("opened")
    });
}

#[test]
fn an_event_that_no_line_can_hold_is_refused_and_poisons_nothing() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let lines = scene.lines();
    let error = journal.append(Some(&session()), noted(&"x".repeat(LOG_LINE_BYTES_MAX)), Durability::Power);
    assert!(matches!(error, Err(LogError::Io { .. })));
    assert_eq!(scene.lines(), lines);
    journal.append(Some(&session()), noted("small"), Durability::Power).expect("appended");
}

#[test]
fn blobs_come_back_as_they_were_stored() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    for content in [&b""[..], b"value", &[0; 70_000]] {
        let digest = journal.store(content).expect("stored");
        assert_eq!(digest, Digest::of(Domain::Blob, content));
        assert_eq!(journal.store(content).expect("stored again"), digest);
        assert_eq!(journal.load(digest).expect("loaded"), content);
        assert_eq!(crate::load_blob(&scene.state, &scene.id(), &digest).expect("loaded"), content);
    }
    assert!(matches!(journal.store(&vec![0; BLOB_BYTES_MAX + 1]), Err(LogError::Io { .. })));
    journal.store(b"still usable").expect("stored");
}

#[test]
fn what_a_killed_writer_left_half_written_is_swept_with_the_next_lease() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    journal.store(b"a value").expect("stored");
    journal.publish(&session(), b"{}").expect("published");
    drop(journal);
    let before = snapshot(&scene.folder());
    let shelves: BTreeSet<_> = before.keys().filter(|path| path.is_file()).filter_map(|path| path.parent()).collect();
    assert!(shelves.len() >= 3, "the log, a blob and a projection: {shelves:?}");
    for shelf in shelves {
        put(&scene.folder().join(shelf).join(".new-0123456789abcdef"), b"half");
    }
    drop(scene.open());
    let after = snapshot(&scene.folder());
    assert!(after.keys().eq(before.keys()), "{:?}", after.keys());
}

#[test]
fn a_blob_that_was_changed_or_removed_is_damage() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let digest = journal.store(b"value").expect("stored");
    let name = digest.to_string();
    let path = scene.folder().join("blobs").join(&name[..2]).join(&name);
    put(&path, b"valuf");
    assert!(matches!(journal.load(digest), Err(LogError::Damaged(what)) if what.contains(&name)));
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(journal.load(digest), Err(LogError::Damaged(what)) if what.contains("missing")));
}

#[test]
fn reading_never_writes() {
    let scene = Scene::with_lines(3);
    let digest = scene.open().store(b"value").expect("stored");
    scene.open().sign_head().expect("signed");
    super::add(&scene.log(), b"{\"v\":1,\"torn");
    let before = snapshot(scene.scratch.path());
    scene.state.known_targets().expect("read");
    assert!(crate::read(&scene.state, &scene.id()).expect("verifies").tail.is_some());
    crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    crate::load_blob(&scene.state, &scene.id(), &digest).expect("loaded");
    assert_eq!(snapshot(scene.scratch.path()), before);
}

#[test]
fn reading_where_nothing_ever_was_creates_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.state.known_targets().expect("read"), []);
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("read").records, []);
    assert_eq!(crate::audit(&scene.state, &scene.id(), &[]).expect("audited").problems, []);
    assert!(matches!(Journal::open_for_append(&scene.state, &scene.id(), Box::new(Still)), Err(LogError::Io { .. })));
    assert!(!scene.state.root().exists());
}

//! Segments: where one ends the next begins, opening reads the newest, and a crash in between is made good.

use std::ops::ControlFlow;

use repair_model::event::{Ending, Event, FORMAT_VERSION};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::{LOG_LINE_BYTES_MAX, LOG_SEGMENT_BYTES_MAX, OPENING_STATE_BYTES_MAX};
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, add, ended, noted, put, rotate, session, suspended};
use crate::rotation;

#[test]
fn a_new_segment_opens_with_state_and_tree_and_continues_the_chain() {
    let (scene, starts) = Scene::with_segments(3, 4);
    assert_eq!(starts, [0, 7, 13]);
    assert!(scene.segment(7).ends_with("log-000000000007.jsonl"));
    let whole = crate::read(&scene.state, &scene.id()).expect("verifies");
    assert!(whole.records.iter().enumerate().all(|(index, record)| record.sequence == index as u64));
    assert_eq!((whole.records.len(), whole.opening_state), (18, None));

    let second = std::fs::read_to_string(scene.segment(7)).expect("read");
    let first = std::fs::read_to_string(scene.log()).expect("read");
    let leaf = crate::leaf_hash(first.lines().last().expect("one").as_bytes());
    assert!(second.starts_with(&format!("{{\"v\":{FORMAT_VERSION},\"seq\":7,\"prev\":\"{leaf}\"")), "{second}");

    let present = crate::read_present(&scene.state, &scene.id()).expect("verifies");
    assert_eq!(present.opening_state.as_deref(), Some(b"state 2".as_slice()));
    assert_eq!(present.records, whole.records[13..]);
    let Event::SegmentOpened { target, state, tree } = &present.records[0].event else { panic!("no opening") };
    assert_eq!((target, *state), (&scene.target, Digest::of(Domain::Blob, b"state 2")));
    assert_eq!(tree.len(), 3);

    let mut journal = scene.open();
    assert_eq!(journal.opening_state().expect("read").as_deref(), Some(b"state 2".as_slice()));
    assert_eq!(journal.records().expect("verifies")[..5], present.records);
    assert_eq!(crate::audit(&scene.state, &scene.id(), &[]).expect("audited").problems, []);
}

#[test]
fn the_head_is_signed_over_the_opening_line_at_once() {
    let scene = Scene::with_lines(2);
    let mut journal = scene.open();
    rotate(&mut journal, b"state");
    let head = crate::read(&scene.state, &scene.id()).expect("verifies").head.expect("signed");
    assert_eq!(head.size, journal.chain.sequence());
    assert_eq!(head.root, journal.chain.tree.root());
}

#[test]
fn opening_reads_the_newest_segment_and_reading_everything_reads_all() {
    let (scene, _) = Scene::with_segments(3, 4);
    let mut lines = scene.lines();
    lines[2][20] ^= 1;
    put(&scene.log(), &lines.concat());
    drop(scene.open());
    scene.open_for_append();
    crate::read_present(&scene.state, &scene.id()).expect("the newest segment verifies");
    let Err(LogError::Damaged(what)) = crate::read(&scene.state, &scene.id()) else { panic!("accepted") };
    assert!(what.contains("log.jsonl, line 3 "), "{what}");
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert_eq!(audit.problems[0].to_string(), what);
}

#[test]
fn the_newest_segment_is_full_at_its_limit() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let note = "x".repeat(LOG_LINE_BYTES_MAX / 2);
    let mut bytes = 0;
    while bytes < LOG_SEGMENT_BYTES_MAX {
        assert!(!journal.is_segment_full());
        journal.append(Some(&session()), noted(&note), Durability::Process).expect("appended");
        bytes = scene.log().metadata().expect("there").len();
    }
    assert!(journal.is_segment_full());
    rotate(&mut journal, b"state");
    assert!(!journal.is_segment_full());
}

#[test]
fn everybody_follows_to_the_newest_segment() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let (mut approver, mut late) = (scene.open_for_append(), scene.open_for_append());
    for number in 0..3 {
        rotate(&mut journal, b"state");
        journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
        approver.append(Some(&session()), noted(&format!("yes {number}")), Durability::Power).expect("appended");
    }
    late.append(Some(&session()), ended(Ending::Aborted), Durability::Power).expect("appended");
    assert_eq!(late.records().expect("verifies").len(), 4);
    assert_eq!(late.records().expect("verifies"), journal.records().expect("verifies"));
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("verifies").records.len(), 4 + 3 * 3 + 1);
}

#[test]
fn a_segment_does_not_begin_over_records_that_its_state_has_not_seen() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    journal.records().expect("verifies");
    journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
    scene.open_for_append().append(Some(&session()), noted("meanwhile"), Durability::Power).expect("appended");
    let before = scene.lines();
    journal.begin_segment(b"state").expect("no error");
    assert_eq!(scene.lines(), before);
    journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
    journal.begin_segment(b"state").expect("no error");
    assert!(crate::read_present(&scene.state, &scene.id()).expect("verifies").opening_state.is_none());
    rotate(&mut journal, b"state");
}

#[test]
fn a_segment_is_begun_by_whoever_holds_the_lease_and_with_a_state_of_bounded_size() {
    let scene = Scene::with_lines(1);
    assert!(matches!(scene.open_for_append().begin_segment(b"state"), Err(LogError::Io { .. })));
    let mut journal = scene.open();
    let error = journal.begin_segment(&vec![0; OPENING_STATE_BYTES_MAX + 1]);
    assert!(matches!(error, Err(LogError::Io { .. })));
    rotate(&mut journal, b"state");
    let target = scene.target.clone();
    for event in [
        Event::SegmentOpened { target, state: crate::NO_LEAF, tree: Vec::new() },
        Event::Collected { before: 1, older_than_days: 1, approver: "ann".into() },
    ] {
        assert!(matches!(journal.append(None, event, Durability::Power), Err(LogError::Io { .. })));
    }
}

#[test]
fn a_new_segment_without_its_head_is_verified_with_everything_before_it_and_signed_then() {
    let scene = Scene::with_lines(3);
    let mut journal = scene.open();
    journal.sign_head().expect("signed");
    rotation::name_next(&mut journal, b"state").expect("named");
    drop(journal);

    let sound = scene.lines();
    let mut broken = sound.clone();
    broken[2][20] ^= 1;
    put(&scene.log(), &broken.concat());
    assert!(scene.damage().contains("log.jsonl, line 3 "));
    put(&scene.log(), &sound.concat());

    let start = sound.len() as u64;
    let mut journal = scene.open();
    assert_eq!(journal.opening_state().expect("read").as_deref(), Some(b"state".as_slice()));
    let head = crate::read(&scene.state, &scene.id()).expect("verifies").head.expect("signed");
    assert_eq!((journal.chain.segment.start, head.size), (start, start + 2));
}

#[test]
fn a_crash_before_the_new_segment_has_its_name_leaves_the_old_one() {
    let scene = Scene::with_lines(3);
    let mut journal = scene.open();
    journal.store(b"state").expect("stored");
    // What a writer leaves behind that dies before it renames.
    put(&scene.folder().join(".new-0123456789abcdef"), b"{\"v\":2");
    drop(journal);
    let mut journal = scene.open();
    assert!(!scene.folder().join(".new-0123456789abcdef").exists());
    assert_eq!(journal.opening_state().expect("read"), None);
    rotate(&mut journal, b"state");
}

#[test]
fn a_torn_line_is_set_aside_before_the_next_segment_begins_and_never_recorded_again() {
    let scene = Scene::with_lines(2);
    let mut journal = scene.open();
    add(&scene.log(), b"{\"v\":2");
    rotate(&mut journal, b"state");
    drop(journal);
    let set_aside = |records: Vec<repair_model::event::Record>| {
        records.iter().filter(|record| matches!(record.event, Event::TailSetAside { .. })).count()
    };
    for _ in 0..2 {
        drop(scene.open());
        assert_eq!(set_aside(crate::read(&scene.state, &scene.id()).expect("verifies").records), 1);
        assert_eq!(set_aside(crate::read_present(&scene.state, &scene.id()).expect("verifies").records), 0);
    }
    let start = scene.open().chain.segment.start;
    add(&scene.segment(start), b"{\"v\":2");
    drop(scene.open());
    assert_eq!(set_aside(crate::read_present(&scene.state, &scene.id()).expect("verifies").records), 1);
}

#[test]
fn a_torn_line_in_an_old_segment_is_damage() {
    let (scene, _) = Scene::with_segments(2, 2);
    add(&scene.log(), b"{\"v\":2");
    let Err(LogError::Damaged(what)) = crate::read(&scene.state, &scene.id()) else { panic!("accepted") };
    assert!(what.contains("unfinished") && what.contains("log-000000000005.jsonl"), "{what}");
}

#[test]
fn a_known_target_that_has_only_later_segments_still_has_a_log() {
    let (scene, _) = Scene::with_segments(3, 2);
    std::fs::remove_file(scene.log()).expect("removed");
    // A session needs the newest segment only; the audit finds what is missing.
    drop(scene.open());
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert!(audit.problems[0].what.contains("no record says that a rule removed them"), "{:?}", audit.problems);
}

#[test]
fn every_record_is_visited_in_turn() {
    let (scene, _) = Scene::with_segments(3, 4);
    let mut visited = Vec::new();
    let first = crate::each(&scene.state, &scene.id(), |record| {
        visited.push(record);
        ControlFlow::Continue(())
    });
    assert_eq!(first.expect("verifies"), 0);
    assert_eq!(visited, crate::read(&scene.state, &scene.id()).expect("verifies").records);
    assert_eq!(crate::audit_links(&scene.state, &scene.id()).expect("verifies"), 18);
}

#[test]
fn a_follower_visits_each_record_once_over_all_segments() {
    let scene = Scene::new();
    let mut follower = crate::Follower::new(&scene.state, &scene.id());
    let mut seen = Vec::new();
    let mut advance = |breaks: bool| {
        let visit = |record: repair_model::event::Record| {
            seen.push(record.sequence);
            if breaks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        follower.advance(visit).expect("verifies");
        seen.len()
    };
    assert_eq!(advance(false), 0);
    let mut journal = scene.open();
    assert_eq!(advance(true), 1);
    assert_eq!(advance(true), 2);
    assert_eq!(advance(false), 2);
    for _ in 0..3 {
        journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
        rotate(&mut journal, b"state");
        journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
        rotate(&mut journal, b"state");
        add(&scene.segment(journal.chain.segment.start), b"{\"torn");
        let reached = advance(false);
        assert_eq!(advance(false), reached);
    }
    journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
    advance(false);
    assert_eq!(seen, (0..journal.chain.sequence()).collect::<Vec<_>>());
}

#[test]
fn a_projection_is_replaced_and_never_grows_beyond_its_limit() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let path = scene.folder().join("sessions").join(session().as_str()).join("phase-state.json");
    for content in [b"one".as_slice(), b"two"] {
        journal.publish(&session(), content).expect("published");
        assert_eq!(std::fs::read(&path).expect("there"), content);
    }
    let large = vec![0; repair_model::limits::PROJECTION_BYTES_MAX + 1];
    assert!(matches!(journal.publish(&session(), &large), Err(LogError::Io { .. })));
    assert_eq!(std::fs::read(&path).expect("there"), b"two");
    journal.append(Some(&session()), suspended(), Durability::Power).expect("poisons nothing");
}

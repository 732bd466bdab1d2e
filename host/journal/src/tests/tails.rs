//! An unfinished end is set aside and recorded; nothing else is touched.

use std::path::PathBuf;

use repair_model::event::Event;
use repair_model::ids::{Digest, Domain};
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, add, noted, put, session};

/// The records of tails set aside: how many bytes, and the file.
fn set_aside(scene: &Scene) -> Vec<(u64, PathBuf)> {
    let reading = crate::read(&scene.state, &scene.id()).expect("verifies");
    assert_eq!(reading.tail, None);
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert_eq!(audit.problems, []);
    let tail_of = |event| match event {
        Event::TailSetAside { bytes, blob, file } => {
            let content = std::fs::read(scene.folder().join(&file)).expect("read");
            assert_eq!((content.len() as u64, Digest::of(Domain::Blob, &content)), (bytes, blob));
            Some((bytes, file))
        }
        _ => None,
    };
    reading.records.into_iter().filter_map(|record| tail_of(record.event)).collect()
}

#[test]
fn a_torn_last_line_is_set_aside_wherever_it_was_torn() {
    let sound = Scene::with_lines(3).lines();
    let last = sound.len() - 1;
    for kept in [1, 2, sound[last].len() / 2, sound[last].len() - 1] {
        let scene = Scene::with_lines(3);
        let lines = scene.lines();
        let torn = &lines[last][..kept];
        put(&scene.log(), &[lines[..last].concat(), torn.to_vec()].concat());
        let reading = crate::read(&scene.state, &scene.id()).expect("verifies");
        assert_eq!(reading.records.len(), last);
        assert_eq!(reading.tail.expect("a tail").bytes, torn);
        drop(scene.open());
        assert_eq!(set_aside(&scene), [(kept as u64, PathBuf::from(format!("tail-{last}")))]);
        assert_eq!(std::fs::read(scene.folder().join(format!("tail-{last}"))).expect("read"), torn);
    }
}

#[test]
fn a_tail_of_zeros_is_set_aside() {
    for zeros in [1, 4_096, 1_000_000] {
        let scene = Scene::with_lines(2);
        add(&scene.log(), &vec![0; zeros]);
        assert!(crate::read(&scene.state, &scene.id()).expect("verifies").tail.expect("a tail").is_zeros());
        drop(scene.open());
        assert_eq!(set_aside(&scene).len(), 1);
    }
}

#[test]
fn half_a_line_followed_by_zeros_is_set_aside() {
    let scene = Scene::with_lines(2);
    add(&scene.log(), b"{\"v\":1,\"seq\":4,\0\0\0\0\0\0");
    drop(scene.open());
    assert_eq!(set_aside(&scene), [(21, "tail-4".into())]);
}

#[test]
fn zeros_inside_a_finished_line_are_damage() {
    let scene = Scene::with_lines(2);
    add(&scene.log(), b"{\"v\":1,\"seq\":4,\0\0\0\0\0\0\n");
    assert!(scene.damage().contains("line 5"));
}

#[test]
fn an_approval_sets_the_tail_aside_that_a_dead_session_left() {
    let scene = Scene::with_lines(2);
    add(&scene.log(), b"{\"v\":1");
    scene.open_for_append().append(Some(&session()), noted("approved"), Durability::Power).expect("appended");
    assert_eq!(set_aside(&scene).len(), 1);
}

#[test]
fn a_tail_that_another_process_leaves_meanwhile_is_set_aside_before_the_next_record() {
    let scene = Scene::with_lines(2);
    let mut journal = scene.open();
    journal.append(Some(&session()), noted("before"), Durability::Power).expect("appended");
    add(&scene.log(), b"{\"v\":1");
    assert_eq!(journal.records().expect("whole lines verify").len(), 6);
    journal.append(Some(&session()), noted("after"), Durability::Power).expect("appended");
    assert_eq!(set_aside(&scene), [(6, "tail-6".into())]);
}

#[test]
fn a_crash_before_the_tail_was_cut_off_is_made_good() {
    let scene = Scene::with_lines(2);
    add(&scene.log(), b"{\"v\":1");
    put(&scene.folder().join("tail-4"), b"{\"v\":1");
    drop(scene.open());
    assert_eq!(set_aside(&scene), [(6, "tail-4".into())]);
}

#[test]
fn a_crash_before_the_tail_was_recorded_is_made_good() {
    let scene = Scene::with_lines(2);
    put(&scene.folder().join("tail-4"), b"{\"v\":1");
    drop(scene.open());
    assert_eq!(set_aside(&scene), [(6, "tail-4".into())]);
}

#[test]
fn a_crash_while_the_tail_was_recorded_loses_neither_of_the_two() {
    let scene = Scene::with_lines(2);
    put(&scene.folder().join("tail-4"), b"first");
    add(&scene.log(), b"second");
    drop(scene.open());
    assert_eq!(set_aside(&scene), [(5, "tail-4".into()), (6, "tail-4-2".into())]);
    drop(scene.open());
    assert_eq!(set_aside(&scene).len(), 2);
}

#[test]
fn a_tail_that_was_set_aside_and_changed_later_is_a_problem_of_the_audit() {
    let scene = Scene::with_lines(2);
    add(&scene.log(), b"{\"v\":1");
    drop(scene.open());
    put(&scene.folder().join("tail-4"), b"other");
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert_eq!(audit.problems.len(), 1);
    assert_eq!(audit.problems[0].place.file, scene.folder().join("tail-4"));
}

#[test]
fn nobody_but_the_log_itself_records_a_tail_or_a_lease() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let blob = Digest::of(Domain::Blob, b"");
    let forged = Event::TailSetAside { bytes: 0, blob, file: "tail-0".into() };
    assert!(matches!(journal.append(None, forged, Durability::Power), Err(LogError::Io { .. })));
    journal.append(Some(&session()), noted("still usable"), Durability::Power).expect("appended");
}

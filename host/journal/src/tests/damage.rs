//! Damage is found wherever it is, and its place is named.

use repair_model::event::FORMAT_VERSION;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt as _, symlink};

use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, add, noted, put, session, snapshot};

/// The line number that the message names.
fn line_in(message: &str) -> usize {
    let (_, after) = message.split_once(", line ").unwrap_or_else(|| panic!("no line in: {message}"));
    after.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn one_flipped_bit_anywhere_in_a_middle_line_is_found_in_that_line() {
    let scene = Scene::with_lines(6);
    let lines = scene.lines();
    let middle = 4;
    let start: usize = lines[..middle].iter().map(Vec::len).sum();
    let log = OpenOptions::new().write(true).open(scene.log()).expect("opened");
    for (position, byte) in lines[middle].iter().enumerate() {
        let offset = (start + position) as u64;
        for bit in 0..8 {
            log.write_all_at(&[byte ^ (1 << bit)], offset).expect("written");
            let error = crate::read(&scene.state, &scene.id()).expect_err("found");
            assert!(matches!(error, LogError::Damaged(_)), "{error}");
            assert_eq!(line_in(&error.to_string()), middle + 1, "byte {position}, bit {bit}: {error}");
        }
        log.write_all_at(&[*byte], offset).expect("written");
    }
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("sound again").records.len(), lines.len());
}

#[test]
fn a_flipped_bit_is_refused_by_every_way_to_open_the_log_and_nothing_is_changed() {
    let scene = Scene::with_lines(4);
    let mut broken = scene.lines();
    broken[3][20] ^= 1;
    put(&scene.log(), &broken.concat());
    let before = std::fs::read(scene.log()).expect("read");
    assert_eq!(line_in(&scene.damage()), 4);
    assert_eq!(std::fs::read(scene.log()).expect("read"), before);
}

#[test]
fn a_removed_line_is_found_where_it_stood() {
    let scene = Scene::with_lines(6);
    let sound = scene.lines();
    // The last line is another matter: that is a cut, which only a signed head shows.
    for removed in 0..sound.len() - 1 {
        let mut lines = sound.clone();
        lines.remove(removed);
        put(&scene.log(), &lines.concat());
        let message = scene.damage();
        assert_eq!(line_in(&message), removed + 1, "{message}");
        assert!(message.contains("a line was removed"), "{message}");
    }
}

#[test]
fn lines_in_another_order_are_found() {
    let scene = Scene::with_lines(6);
    let sound = scene.lines();
    for first in 0..sound.len() - 1 {
        let mut lines = sound.clone();
        lines.swap(first, first + 1);
        put(&scene.log(), &lines.concat());
        assert_eq!(line_in(&scene.damage()), first + 1);
    }
}

#[test]
fn a_repeated_line_is_found() {
    let scene = Scene::with_lines(6);
    let sound = scene.lines();
    for repeated in 0..sound.len() {
        let mut lines = sound.clone();
        lines.insert(repeated, sound[repeated].clone());
        put(&scene.log(), &lines.concat());
        assert_eq!(line_in(&scene.damage()), repeated + 2);
    }
}

#[test]
fn a_reworded_line_is_told_from_the_line_after_it() {
    let scene = Scene::with_lines(5);
    let mut lines = scene.lines();
    let reworded = String::from_utf8(lines[3].clone()).expect("text").replace("note 1", "note 9");
    lines[3] = reworded.into_bytes();
    put(&scene.log(), &lines.concat());
    let message = scene.damage();
    assert_eq!(line_in(&message), 4, "{message}");
    assert!(message.contains("the line was changed"), "{message}");
}

#[test]
fn when_nothing_vouches_for_either_line_the_message_names_both() {
    let scene = Scene::with_lines(5);
    let mut lines = scene.lines();
    let last = lines.len() - 1;
    let reworded = String::from_utf8(lines[last - 1].clone()).expect("text").replace("note 3", "note 9");
    lines[last - 1] = reworded.into_bytes();
    put(&scene.log(), &lines.concat());
    let message = scene.damage();
    assert_eq!(line_in(&message), last + 1);
    assert!(message.contains("one of the two"), "{message}");
}

#[test]
fn a_line_beyond_the_limit_is_damage_and_not_read_whole() {
    let scene = Scene::with_lines(1);
    add(&scene.log(), &vec![b'x'; 3 * 1024 * 1024]);
    assert!(scene.damage().contains("longer than"), "{}", scene.damage());
}

#[test]
fn a_later_format_is_named() {
    let scene = Scene::with_lines(1);
    let later = FORMAT_VERSION + 1;
    add(&scene.log(), format!("{{\"v\":{later},\"seq\":3}}\n").as_bytes());
    assert!(scene.damage().contains(&format!("format version {later}")));
}

#[test]
fn an_empty_log_is_damage() {
    let scene = Scene::with_lines(1);
    for content in [&b""[..], b"{\"v\":1", &[0; 100]] {
        put(&scene.log(), content);
        assert!(scene.damage().contains("first line is missing"));
    }
}

#[test]
fn a_log_of_another_target_is_damage() {
    let (one, other) = (Scene::with_lines(1), Scene::with_lines(1));
    put(&one.log(), &std::fs::read(other.log()).expect("read"));
    assert!(one.damage().contains("another target"));
}

#[test]
fn a_known_target_without_its_log_is_never_a_fresh_start() {
    let scene = Scene::with_lines(1);
    std::fs::rename(scene.log(), scene.scratch.path().join("kept")).expect("moved");
    let message = scene.damage();
    assert!(message.contains("the log of a known target is missing"), "{message}");
    assert!(message.contains(&scene.log().display().to_string()), "{message}");
    std::fs::rename(scene.folder(), scene.scratch.path().join("away")).expect("moved");
    assert_eq!(scene.damage(), message);
    assert!(!scene.folder().exists());
}

#[test]
fn following_the_advice_for_a_lost_log_gives_a_fresh_start() {
    let scene = Scene::with_lines(1);
    std::fs::rename(scene.folder(), scene.scratch.path().join("away")).expect("moved");
    put(&scene.state.root().join("known-targets.jsonl"), b"");
    drop(scene.open());
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("read").records.len(), 2);
}

#[test]
fn what_only_a_log_can_have_left_behind_proves_that_there_was_one() {
    let scene = Scene::with_lines(1);
    scene.open().store(b"value").expect("stored");
    put(&scene.state.root().join("known-targets.jsonl"), b"");
    std::fs::rename(scene.log(), scene.scratch.path().join("kept")).expect("moved");
    assert!(scene.damage().contains("missing"));
}

#[test]
fn a_target_whose_creation_was_interrupted_is_listed_at_the_next_session() {
    let scene = Scene::with_lines(1);
    let list = scene.state.root().join("known-targets.jsonl");
    std::fs::remove_file(&list).expect("removed");
    assert_eq!(scene.state.known_targets().expect("read"), []);
    drop(scene.open());
    let known = scene.state.known_targets().expect("read");
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].id, &known[0].target), (scene.id(), &scene.target));
}

#[test]
fn a_folder_that_never_got_its_log_is_no_damage() {
    let scene = Scene::with_lines(1);
    std::fs::remove_file(scene.log()).expect("removed");
    std::fs::remove_file(scene.state.root().join("known-targets.jsonl")).expect("removed");
    assert_eq!(crate::read(&scene.state, &scene.id()).expect("read"), crate::Reading::default());
    drop(scene.open());
    assert_eq!(scene.lines().len(), 2);
}

#[test]
fn a_list_of_known_targets_that_cannot_be_understood_is_damage() {
    let scene = Scene::with_lines(1);
    let list = scene.state.root().join("known-targets.jsonl");
    let sound = std::fs::read_to_string(&list).expect("read");
    let earlier = sound.replace(&format!("\"v\":{FORMAT_VERSION}"), "\"v\":1");
    for broken in [sound.replace("shop", "shoq"), earlier, "{}\n".into(), sound[..9].into()] {
        put(&list, broken.as_bytes());
        assert!(matches!(scene.state.known_targets(), Err(LogError::Damaged(_))), "{broken}");
    }
}

#[test]
fn a_target_folder_behind_a_symbolic_link_is_refused() {
    let scene = Scene::with_lines(1);
    let real = scene.scratch.path().join("real");
    std::fs::rename(scene.folder(), &real).expect("moved");
    symlink(&real, scene.folder()).expect("linked");
    let before = snapshot(&real);
    assert!(scene.damage().contains("symbolic link"));
    assert_eq!(snapshot(&real), before);
}

#[test]
fn a_log_that_is_replaced_while_it_is_in_use_is_found() {
    let scene = Scene::with_lines(1);
    let mut journal = scene.open();
    let content = std::fs::read(scene.log()).expect("read");
    std::fs::remove_file(scene.log()).expect("removed");
    put(&scene.log(), &content);
    let error = journal.append(Some(&session()), noted("late"), Durability::Power).expect_err("found");
    assert!(matches!(error, LogError::Damaged(_)), "{error}");
}

#[test]
fn a_log_that_is_cut_while_it_is_in_use_is_found() {
    let scene = Scene::with_lines(3);
    let mut journal = scene.open();
    let lines = scene.lines();
    put(&scene.log(), &lines[..lines.len() - 1].concat());
    let error = journal.append(Some(&session()), noted("late"), Durability::Power).expect_err("found");
    assert!(matches!(&error, LogError::Damaged(what) if what.contains("cut")), "{error}");
}

#[test]
fn a_first_line_that_claims_a_line_before_it_is_found() {
    let scene = Scene::with_lines(2);
    let mut lines = scene.lines();
    lines[0] =
        String::from_utf8(lines[0].clone()).expect("text").replacen("\"prev\":\"0", "\"prev\":\"1", 1).into_bytes();
    put(&scene.log(), &lines.concat());
    let message = scene.damage();
    assert!(line_in(&message) == 1 && message.contains("first line was changed"), "{message}");
}

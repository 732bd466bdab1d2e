//! Signed heads: a cut or rewritten end shows, and nobody else can sign.

use std::os::unix::fs::PermissionsExt as _;

use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, noted, put, session};

fn signed() -> Scene {
    let scene = Scene::with_lines(4);
    let mut journal = scene.open();
    journal.append(Some(&session()), noted("the last one"), Durability::Process).expect("appended");
    journal.sign_head().expect("signed");
    drop(journal);
    scene
}

#[test]
fn a_signed_log_verifies_and_may_grow() {
    let scene = signed();
    let head = crate::read(&scene.state, &scene.id()).expect("verifies").head.expect("signed");
    assert_eq!(head.size as usize, scene.lines().len());
    assert_eq!(head.leaf, crate::leaf_hash(scene.lines().last().expect("one").trim_ascii_end()));
    scene.open().append(Some(&session()), noted("more"), Durability::Power).expect("appended");
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert_eq!((audit.unsigned, audit.problems), (2, Vec::new()));
}

#[test]
fn a_cut_tail_is_found_by_the_signed_head() {
    let scene = signed();
    let lines = scene.lines();
    for kept in 1..lines.len() {
        put(&scene.log(), &lines[..kept].concat());
        let message = scene.damage();
        let expected = format!("line {} ", kept + 1);
        assert!(message.contains("cut off") && message.contains(&expected), "{message}");
    }
    // A torn line where a signed one stood is a cut as well, and is not set aside.
    put(&scene.log(), &lines.concat()[..lines.concat().len() - 3]);
    assert!(scene.damage().contains("cut off"));
}

#[test]
fn the_last_signed_line_cannot_be_rewritten() {
    let scene = signed();
    let mut lines = scene.lines();
    let last = lines.len() - 1;
    lines[last] = String::from_utf8(lines[last].clone()).expect("text").replace("last", "lost").into_bytes();
    put(&scene.log(), &lines.concat());
    let message = scene.damage();
    assert!(message.contains(&format!("line {} ", last + 1)) && message.contains("signed"), "{message}");
}

#[test]
fn the_head_tells_which_of_the_last_two_lines_was_changed() {
    let scene = signed();
    let mut lines = scene.lines();
    let changed = lines.len() - 2;
    lines[changed] =
        String::from_utf8(lines[changed].clone()).expect("text").replace("\"ann\"", "\"bob\"").into_bytes();
    put(&scene.log(), &lines.concat());
    let message = scene.damage();
    assert!(message.contains(&format!("line {} ", changed + 1)), "{message}");
}

#[test]
fn no_byte_of_the_head_can_be_changed() {
    let scene = signed();
    let path = scene.folder().join("head");
    let sound = std::fs::read(&path).expect("read");
    for position in 0..sound.len() {
        let mut broken = sound.clone();
        broken[position] ^= 1;
        put(&path, &broken);
        assert!(matches!(crate::read(&scene.state, &scene.id()), Err(LogError::Damaged(_))), "byte {position}");
    }
    put(&path, &sound);
    crate::read(&scene.state, &scene.id()).expect("verifies");
}

#[test]
fn a_head_signed_with_another_key_is_refused() {
    let scene = signed();
    let lines = scene.lines();
    // Somebody signs the same log with a key of their own.
    let (key, public) = (scene.state.root().join("head.key"), scene.state.root().join("head.pub"));
    let (own_key, own_public) = (std::fs::read(&key).expect("read"), std::fs::read(&public).expect("read"));
    std::fs::remove_file(&key).expect("removed");
    std::fs::remove_file(&public).expect("removed");
    std::fs::remove_file(scene.folder().join("head")).expect("removed");
    put(&scene.log(), &lines[..3].concat());
    scene.open().sign_head().expect("signed");
    put(&key, &own_key);
    put(&public, &own_public);
    assert!(scene.damage().contains("foreign key"));
}

#[test]
fn a_head_of_another_target_is_refused() {
    let scene = signed();
    let directory = scene.scratch.path().join("other");
    std::fs::create_dir(&directory).expect("created");
    let other =
        Scene { target: super::target_in(&directory), state: scene.state.clone(), scratch: Scene::new().scratch };
    other.open().sign_head().expect("signed");
    put(&other.folder().join("head"), &std::fs::read(scene.folder().join("head")).expect("read"));
    assert!(other.damage().contains("another target"));
}

#[test]
fn the_key_is_made_once_and_closed_to_others() {
    let scene = signed();
    let key = scene.state.root().join("head.key");
    assert_eq!(key.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&key).expect("read");
    scene.open().sign_head().expect("signed");
    assert_eq!(std::fs::read(&key).expect("read"), before);

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).expect("changed");
    let error = scene.open().sign_head().expect_err("refused");
    assert!(matches!(&error, LogError::Damaged(what) if what.contains("chmod 600")), "{error}");
}

#[test]
fn a_lost_or_replaced_key_is_never_silently_made_anew() {
    let scene = signed();
    let key = scene.state.root().join("head.key");
    let before = std::fs::read(&key).expect("read");
    put(&key, format!("{}\n", "07".repeat(32)).as_bytes());
    assert!(matches!(scene.open().sign_head(), Err(LogError::Damaged(what)) if what.contains("does not belong")));
    std::fs::remove_file(&key).expect("removed");
    assert!(matches!(scene.open().sign_head(), Err(LogError::Damaged(what)) if what.contains("missing")));
    // The public half suffices for reading, and the private half brings the public one back.
    crate::read(&scene.state, &scene.id()).expect("verifies");
    put(&key, &before);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("changed");
    std::fs::remove_file(scene.state.root().join("head.pub")).expect("removed");
    crate::read(&scene.state, &scene.id()).expect("verifies");
    scene.open().sign_head().expect("signed");
    assert!(scene.state.root().join("head.pub").exists());
}

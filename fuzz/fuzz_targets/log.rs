//! A log of two segments and a signed end, changed in arbitrary ways, and arbitrary bytes in the place of each of its files.
//! Reading it may not panic. What it still takes for whole has to begin, byte for byte, with what was signed; what stands
//! behind that is told as unsigned or as an unfinished line. Every way to read it says the same, and none of them writes.
//! A proof of a session that was changed proves nothing.
//!
//! Form of an input: one byte that chooses the file, one of flags, and then changes (see [`changes`]) or the whole content.
#![no_main]

#[path = "log/changes.rs"]
mod changes;
#[path = "log/scene.rs"]
mod scene;

use std::ops::ControlFlow;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use repair_journal::{Anchor, Audit, Checkpoint, Follower, audit, audit_links, check_proof, each, read, read_present};
use repair_pipeline::outside::LogError;

use crate::scene::{FILES, SCENE, Scene};

/// The rest of the input is the file, not a list of changes.
const FLAG_WHOLE: u8 = 1;
/// The hashes of the lines behind a change are computed anew, as one does who can write the file and knows the format.
const FLAG_LINKED: u8 = 2;
/// The log is also opened for writing.
const FLAG_OPENED: u8 = 4;

fuzz_target!(|input: &[u8]| {
    let Some(([chosen, flags], rest)) = input.split_first_chunk() else { return };
    let scene = &*SCENE;
    let place = usize::from(*chosen) % (FILES.len() + 2);
    if place >= FILES.len() {
        let original = if place == FILES.len() { &scene.proof } else { &scene.note };
        return check_statement(scene, place == FILES.len(), &content(original, *flags, rest));
    }
    let content = content(&scene.originals[place].content, *flags, rest);
    scene.restore();
    scene.put(place, &content);
    let before = scene.snapshot();
    check_reading(scene, place, &content);
    assert_eq!(scene.snapshot(), before, "reading has changed something");
    if flags & FLAG_OPENED != 0 {
        check_opening(scene);
    }
});

fn content(original: &[u8], flags: u8, rest: &[u8]) -> Vec<u8> {
    let changed = if flags & FLAG_WHOLE != 0 { rest.to_vec() } else { changes::changed(original, rest) };
    if flags & FLAG_LINKED != 0 { changes::linked(&changed) } else { changed }
}

/// Reads the log in every way.
fn check_reading(scene: &Scene, place: usize, content: &[u8]) {
    let (state, target) = (&scene.state, &scene.target.id());
    let reading = read(state, target);
    let audited = audit(state, target, &[Anchor { file: PathBuf::from("anchor"), note: scene.note.clone() }]);
    let audited = audited.expect("damage is no error of an audit");
    let mut visited = Vec::new();
    let each = each(state, target, |record| {
        visited.push(record);
        ControlFlow::Continue(())
    });
    let mut followed = Vec::new();
    let following = Follower::new(state, target).advance(|record| {
        followed.push(record);
        ControlFlow::Continue(())
    });
    let present = read_present(state, target);
    match reading {
        Err(error) => {
            assert!(matches!(error, LogError::Damaged(_)), "{error}");
            assert!(!audited.problems.is_empty(), "the audit takes what reading refuses: {error}");
            assert!(each.is_err() && following.is_err());
        }
        Ok(reading) => {
            assert!(audited.problems.is_empty(), "{:?}", audited.problems);
            let records = u64::try_from(reading.records.len()).expect("few");
            assert_eq!((audited.first_record, audited.records), (0, records));
            assert_eq!(audit_links(state, target).ok(), Some(records), "links alone say something else");
            assert!(each.is_ok() && following.is_ok() && present.is_ok());
            assert_eq!((&visited, &followed), (&reading.records, &reading.records));
            assert_eq!(audited.tail, reading.tail);
            assert_eq!(audited.anchored, scene.records, "the checkpoint that was kept is not continued");
            check_accepted(scene, place, content, &audited);
        }
    }
}

/// What is taken for whole is the original, and what more there is is told.
fn check_accepted(scene: &Scene, place: usize, content: &[u8], audited: &Audit) {
    let original = &scene.originals[place];
    if !original.is_log {
        // The list of known targets may lose a line, because the head proves that there was a log.
        return assert!(original.name != "head" || content == original.content, "another head counts");
    }
    assert!(content.starts_with(&original.content), "{} was changed and nobody notices", original.name);
    let more = &content[original.content.len()..];
    let unfinished = more.iter().rev().take_while(|byte| **byte != b'\n').count();
    assert_eq!(unfinished, audited.tail.as_ref().map_or(0, |tail| tail.bytes.len()), "an unfinished line is not told");
    let lines = more.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(audited.unsigned, u64::try_from(lines).expect("few"), "lines that nobody signed are not told");
}

/// Opens the log for a session: what reading refused is refused, and what is unfinished is set aside and kept.
fn check_opening(scene: &Scene) {
    let (state, target) = (&scene.state, &scene.target.id());
    let before = read_present(state, target);
    match (before, scene.open()) {
        (Ok(before), Ok(journal)) => {
            drop(journal);
            let after = read_present(state, target).expect("what was opened can be read");
            assert_eq!(after.tail, None);
            assert!(after.records.len() > before.records.len() && after.records.starts_with(&before.records));
            if let Some(tail) = before.tail {
                assert!(scene.has_file_with(&tail.bytes), "what was set aside is not kept");
            }
        }
        (_, Err(LogError::Damaged(_))) => {}
        (before, Err(error)) => panic!("{error}, and reading says {before:?}"),
        (Err(error), Ok(_)) => panic!("it is opened, although it is damaged: {error}"),
    }
}

/// A proof or a checkpoint from elsewhere.
fn check_statement(scene: &Scene, is_proof: bool, content: &[u8]) {
    if !is_proof {
        if let Ok(checkpoint) = Checkpoint::verify(content, &scene.key) {
            assert_eq!(Checkpoint::verify(&scene.note, &scene.key), Ok(checkpoint), "another checkpoint counts");
        }
        return;
    }
    let Ok(proven) = check_proof(content) else { return };
    // A proof with another key is one by somebody else: who that is, the caller judges.
    if proven.key == scene.key {
        let original = check_proof(&scene.proof).expect("the original proves something");
        assert_eq!(proven.checkpoint, original.checkpoint);
        assert!(proven.records.iter().all(|record| scene.signed.contains(record)), "it proves what was never recorded");
    }
}

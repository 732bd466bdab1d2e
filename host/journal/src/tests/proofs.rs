//! The proof of one session: made from the log, checked by itself.

use repair_model::event::{Ending, Event};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_pipeline::outside::{Clock as _, Durability, Log as _};

use super::{Scene, Still, began, ended, noted, rotate, session, suspended, tool};
use crate::{ProofError, check_proof, prove};

/// A log of several segments, in which a session begins in one and ends in the next, while an approver writes in between.
pub(crate) fn spanning() -> Scene {
    let (scene, _) = Scene::with_segments(2, 5);
    let mut journal = scene.open();
    let other = SessionId::new(Still.now(), [9; 4]);
    let plan = Digest::of(Domain::Plan, b"{\"plan\":1}");
    journal.append(Some(&other), began(), Durability::Process).expect("appended");
    let id = own();
    journal.append(Some(&id), began(), Durability::Process).expect("appended");
    let blob = journal.store(b"{\"plan\":1}").expect("stored");
    let planned = Event::Planned { round: 1, plan, blob, tool: tool(), class: FailureClass::ALL[0], steps: 1 };
    journal.append(Some(&id), planned, Durability::Process).expect("appended");
    journal.append(Some(&other), noted("of another session"), Durability::Process).expect("appended");
    rotate(&mut journal, b"state");
    journal.append(Some(&id), suspended(), Durability::Process).expect("appended");
    journal.append(Some(&id), ended(Ending::Escalated), Durability::Power).expect("appended");
    journal.append(Some(&other), noted("afterwards"), Durability::Process).expect("appended");
    journal.sign_head().expect("signed");
    journal.append(Some(&other), noted("unsigned"), Durability::Process).expect("appended");
    scene
}

pub(crate) fn own() -> SessionId {
    SessionId::new(Still.now(), [7; 4])
}

#[test]
fn a_session_is_proven_from_its_first_to_its_last_record() {
    let scene = spanning();
    let file = prove(&scene.state, &scene.id(), &own()).expect("proven");
    let proven = check_proof(&file).expect("it holds");
    let records = crate::read(&scene.state, &scene.id()).expect("verifies").records;
    let is_own = |record: &&repair_model::event::Record| record.session.as_ref() == Some(&own());
    let first = records.iter().find(is_own).expect("one").sequence as usize;
    let last = records.iter().rfind(is_own).expect("one").sequence as usize;
    assert_eq!(proven.records, records[first..=last]);
    assert!(proven.records.iter().any(|record| matches!(record.event, Event::SegmentOpened { .. })));
    assert_eq!(proven.session, own());
    let plan = Digest::of(Domain::Plan, b"{\"plan\":1}");
    assert_eq!(proven.plans.get(&plan).map(Vec::as_slice), Some(b"{\"plan\":1}".as_slice()));
    let head = crate::read(&scene.state, &scene.id()).expect("verifies").head.expect("signed");
    assert_eq!((proven.key, proven.checkpoint.size), (head.key, head.size));
}

#[test]
fn a_proof_needs_nothing_of_the_log() {
    let scene = spanning();
    let file = prove(&scene.state, &scene.id(), &own()).expect("proven");
    std::fs::remove_dir_all(scene.state.root()).expect("removed");
    check_proof(&file).expect("it holds");
}

#[test]
fn what_cannot_be_proven_is_told() {
    let scene = spanning();
    let unknown = SessionId::new(Still.now(), [8; 4]);
    assert!(matches!(prove(&scene.state, &scene.id(), &unknown), Err(ProofError::NoSuchSession(_))));
    assert!(matches!(prove(&scene.state, &scene.id(), &session()), Err(ProofError::Removed(_))));
    let other = SessionId::new(Still.now(), [9; 4]);
    assert!(matches!(prove(&scene.state, &scene.id(), &other), Err(ProofError::Unsigned(_))));
    let head = crate::checkpoint(&scene.state, &scene.id(), Box::new(Still)).expect("signed");
    check_proof(&prove(&scene.state, &scene.id(), &other).expect("proven")).expect("it holds");
    // Nothing new, so nothing is signed again.
    assert_eq!(crate::checkpoint(&scene.state, &scene.id(), Box::new(super::Later)).expect("signed"), head);
    assert!(matches!(prove(&Scene::new().state, &scene.id(), &own()), Err(ProofError::NoSuchSession(_))));
}

#[test]
fn a_session_is_proven_in_every_size_of_the_tree() {
    let scene = Scene::new();
    let mut journal = scene.open();
    for number in 0..40_u8 {
        let id = SessionId::new(Still.now(), [number; 4]);
        journal.append(Some(&id), began(), Durability::Process).expect("appended");
        journal.append(Some(&id), ended(Ending::Healed), Durability::Process).expect("appended");
        if number % 7 == 6 {
            rotate(&mut journal, b"state");
        } else {
            journal.sign_head().expect("signed");
        }
        for earlier in 0..=number {
            let id = SessionId::new(Still.now(), [earlier; 4]);
            check_proof(&prove(&scene.state, &scene.id(), &id).expect("proven")).expect("it holds");
        }
    }
}

#[test]
fn what_is_kept_is_still_proven_after_older_records_were_removed() {
    let scene = spanning();
    let mut journal = scene.open_later();
    let may_go = |records: &[repair_model::event::Record]| records[0].sequence == 0;
    let removed = journal.collect(10, "ann@here", may_go).expect("collected");
    assert_eq!(removed.segments, 1);
    check_proof(&prove(&scene.state, &scene.id(), &own()).expect("proven")).expect("it holds");
}

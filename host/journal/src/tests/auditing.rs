//! The audit tells everything that is wrong, and counts what is right.

use repair_model::event::{Ending, Event};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_pipeline::outside::{Clock as _, Durability, Log as _};

use super::{Scene, Still, began, ended, put, session, tool};

fn planned(scene: &Scene) -> Digest {
    let mut journal = scene.open();
    journal.append(Some(&session()), began(), Durability::Process).expect("appended");
    let blob = journal.store(b"the plan").expect("stored");
    let plan = Digest::of(Domain::Plan, b"the plan");
    let event = Event::Planned { round: 1, plan, blob, tool: tool(), class: FailureClass::ALL[0], steps: 1 };
    journal.append(Some(&session()), event, Durability::Process).expect("appended");
    journal.append(Some(&session()), ended(Ending::Escalated), Durability::Power).expect("appended");
    journal.sign_head().expect("signed");
    blob
}

#[test]
fn a_sound_log_is_counted() {
    let scene = Scene::new();
    planned(&scene);
    let mut journal = scene.open();
    let second = SessionId::new(Still.now(), [2; 4]);
    journal.append(Some(&second), began(), Durability::Power).expect("appended");
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    assert_eq!((audit.records, audit.sessions, audit.unsigned, audit.blobs), (7, 2, 2, 1));
    assert_eq!((audit.first, audit.last), (Some(Still.now()), Some(Still.now())));
    assert_eq!(audit.head.expect("signed").size, 5);
    assert_eq!((audit.tail, audit.problems), (None, Vec::new()));
}

#[test]
fn a_missing_blob_is_a_problem_of_the_audit() {
    let scene = Scene::new();
    let name = planned(&scene).to_string();
    let path = scene.folder().join("blobs").join(&name[..2]).join(&name);
    for spoil in [true, false] {
        if spoil {
            put(&path, b"other")
        } else {
            std::fs::remove_file(&path).expect("removed")
        }
        let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
        assert_eq!((audit.problems.len(), audit.blobs), (1, 0));
        assert_eq!(audit.problems[0].place.file, path);
    }
}

#[test]
fn several_kinds_of_damage_are_all_told() {
    let scene = Scene::new();
    let name = planned(&scene).to_string();
    put(&scene.folder().join("blobs").join(&name[..2]).join(&name), b"other");
    let head = scene.folder().join("head");
    let forged = std::fs::read_to_string(&head).expect("read").replace("\n5\n", "\n4\n");
    put(&head, forged.as_bytes());
    let mut lines = scene.lines();
    lines[4][30] ^= 1;
    put(&scene.log(), &lines.concat());
    let audit = crate::audit(&scene.state, &scene.id(), &[]).expect("audited");
    let places: Vec<_> = audit.problems.iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(places.len(), 3, "{places:?}");
    assert!(
        places[0].ends_with("/head") && places[1].contains(", line 5 ") && places[2].ends_with(&name),
        "{places:?}"
    );
    assert_eq!((audit.records, audit.head), (4, None));
}

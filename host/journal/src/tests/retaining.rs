//! Removing old segments by a rule: recorded first, proven after, and made good after a crash.

use std::collections::BTreeSet;

use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::plan::FileEdit;
use repair_pipeline::outside::{Clock as _, Durability, Log as _, LogError};

use super::{Later, Scene, Still, add, began, noted, put, rotate};
use crate::{Anchor, Collection};

fn evidence(blob: Digest) -> Event {
    let edit: Option<FileEdit> = None;
    Event::Checkpoint { step: 0, decision: crate::NO_LEAF, evidence: blob, edit }
}

fn other(number: u8) -> SessionId {
    SessionId::new(Still.now(), [number; 4])
}

/// Three old segments and a young one. Each old one refers to a blob of its own and to one that all refer to.
struct Old {
    scene: Scene,
    own: Vec<Digest>,
    shared: Digest,
    starts: Vec<u64>,
}

impl Old {
    fn new() -> Self {
        let scene = Scene::new();
        let (mut own, mut starts) = (Vec::new(), vec![0]);
        let shared = Digest::of(Domain::Blob, b"shared");
        for number in 0..3_u8 {
            let mut journal = scene.open();
            if number > 0 {
                rotate(&mut journal, format!("state {number}").as_bytes());
                starts.push(journal.chain.segment.start);
            }
            let id = other(number);
            journal.append(Some(&id), began(), Durability::Process).expect("appended");
            assert_eq!(journal.store(b"shared").expect("stored"), shared);
            own.push(journal.store(&[number]).expect("stored"));
            for blob in [shared, own[usize::from(number)]] {
                journal.append(Some(&id), evidence(blob), Durability::Process).expect("appended");
            }
            journal.publish(&id, b"{}").expect("published");
            add(&scene.segment(journal.chain.segment.start), b"{\"v\":2,\"torn");
            journal.append(Some(&id), noted("after a torn line"), Durability::Power).expect("appended");
            journal.sign_head().expect("signed");
        }
        let mut journal = scene.open();
        let mentioned = format!("{{\"blob\":\"{}\"}}", own[1]);
        rotate(&mut journal, mentioned.as_bytes());
        starts.push(journal.chain.segment.start);
        journal.append(Some(&other(9)), evidence(shared), Durability::Process).expect("appended");
        drop(journal);
        Self { scene, own, shared, starts }
    }

    fn remove_blob(&self, number: usize) {
        let name = self.own[number].to_string();
        let shelf = self.scene.folder().join("blobs").join(&name[..2]);
        std::fs::remove_file(shelf.join(&name)).expect("removed");
    }

    fn remove_belongings(&self) {
        self.remove_blob(0);
        self.remove_blob(2);
        for entry in std::fs::read_dir(self.scene.folder()).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tail-")) {
                std::fs::remove_file(path).expect("removed");
            }
        }
        for number in 0..3 {
            std::fs::remove_dir_all(self.scene.folder().join("sessions").join(other(number).as_str()))
                .expect("removed");
        }
    }

    fn segments(&self) -> Vec<bool> {
        self.starts.iter().map(|start| self.scene.segment(*start).exists()).collect()
    }

    fn has_blob(&self, blob: Digest) -> bool {
        crate::load_blob(&self.scene.state, &self.scene.id(), &blob).is_ok()
    }

    fn tails(&self) -> usize {
        let names = std::fs::read_dir(self.scene.folder()).expect("listed");
        names
            .filter(|name| name.as_ref().is_ok_and(|name| name.file_name().to_string_lossy().starts_with("tail-")))
            .count()
    }

    /// Everything that has to hold once the three old segments are gone.
    fn insist_collected(&self) {
        assert_eq!(self.segments(), [false, false, false, true]);
        assert!(!self.has_blob(self.own[0]) && !self.has_blob(self.own[2]));
        assert!(self.has_blob(self.shared) && self.has_blob(self.own[1]), "what the state mentions is kept");
        assert_eq!(self.tails(), 0);
        let projections = std::fs::read_dir(self.scene.folder().join("sessions")).expect("listed");
        assert_eq!(projections.count(), 0);
        let audit = crate::audit(&self.scene.state, &self.scene.id(), &[]).expect("audited");
        assert_eq!(audit.problems, []);
        assert_eq!(audit.first_record, self.starts[3]);
        let removal = audit.removal.expect("told");
        assert_eq!((removal.before, removal.older_than_days), (self.starts[3], 90));
        assert_eq!(removal.approver, "ann@here");
        let reading = crate::read(&self.scene.state, &self.scene.id()).expect("verifies");
        assert_eq!(reading.records[0].sequence, self.starts[3]);
        assert!(reading.opening_state.is_some());
        drop(self.scene.open());
    }
}

fn all_may(_: &[Record]) -> bool {
    true
}

#[test]
fn old_segments_go_with_what_only_they_refer_to() {
    let old = Old::new();
    let (state, id) = (&old.scene.state, old.scene.id());
    let before = super::snapshot(old.scene.scratch.path());
    let told = crate::collectable(state, &id, 90, Later.now(), all_may).expect("told");
    assert_eq!((told.first, told.before, told.segments), (0, old.starts[3], 3));
    assert_eq!(super::snapshot(old.scene.scratch.path()), before);
    let bytes: u64 =
        old.starts[..3].iter().map(|start| old.scene.segment(*start).metadata().expect("there").len()).sum();
    assert_eq!(told.bytes, bytes);

    let removed = old.scene.open_later().collect(90, "ann@here", all_may).expect("collected");
    assert_eq!(removed, told);
    old.insist_collected();
    let again = old.scene.open_later().collect(90, "ann@here", all_may).expect("collected");
    assert!(again.is_empty());
}

#[test]
fn nothing_younger_than_the_rule_goes() {
    let old = Old::new();
    for days in [100, 101, 4_000_000] {
        let removed = old.scene.open_later().collect(days, "ann@here", all_may).expect("collected");
        assert_eq!(removed, Collection::default());
    }
    // The records of today are never older than no day at all.
    let removed = old.scene.open_later().collect(0, "ann@here", all_may).expect("collected");
    assert_eq!(removed.segments, 3);
}

#[test]
fn what_the_caller_keeps_stays_with_everything_after_it() {
    let old = Old::new();
    let keep: BTreeSet<SessionId> = [other(1)].into();
    let may_go = |records: &[Record]| {
        records.iter().all(|record| record.session.as_ref().is_none_or(|session| !keep.contains(session)))
    };
    let removed = old.scene.open_later().collect(90, "ann@here", may_go).expect("collected");
    assert_eq!((removed.segments, removed.before), (1, old.starts[1]));
    assert_eq!(old.segments(), [false, true, true, true]);
    let audit = crate::audit(&old.scene.state, &old.scene.id(), &[]).expect("audited");
    assert_eq!((audit.first_record, audit.problems), (old.starts[1], Vec::new()));
}

#[test]
fn nobody_collects_without_the_lease_or_from_a_log_that_does_not_verify() {
    let old = Old::new();
    assert!(matches!(old.scene.open_for_append().collect(90, "ann@here", all_may), Err(LogError::Io { .. })));
    let mut lines = old.scene.lines();
    lines[2][20] ^= 1;
    put(&old.scene.log(), &lines.concat());
    let mut journal = old.scene.open_later();
    assert!(matches!(journal.collect(90, "ann@here", all_may), Err(LogError::Damaged(_))));
    assert_eq!(old.segments(), [true; 4]);
}

#[test]
fn a_crash_at_any_step_is_made_good_by_the_next_session() {
    // How much is removed before the process dies, after the removal was recorded.
    let steps: [fn(&Old); 4] = [
        |_| {},
        |old| old.remove_blob(0),
        |old| old.remove_belongings(),
        |old| {
            old.remove_belongings();
            for start in &old.starts[..2] {
                std::fs::remove_file(old.scene.segment(*start)).expect("removed");
            }
        },
    ];
    for (number, step) in steps.iter().enumerate() {
        let old = Old::new();
        let mut journal = old.scene.open_later();
        let approver = "ann@here".to_owned();
        let event = Event::Collected { before: old.starts[3], older_than_days: 90, approver };
        journal.write_line(None, event, Durability::Power).expect("recorded");
        if number > 0 {
            journal.sign_present_end().expect("signed");
        }
        drop(journal);
        step(&old);
        let audit = crate::audit(&old.scene.state, &old.scene.id(), &[]).expect("audited");
        assert_eq!(audit.problems, [], "{number}");
        drop(old.scene.open_later());
        old.insist_collected();
    }
}

#[test]
fn a_segment_that_no_rule_removed_is_damage() {
    for missing in [vec![0], vec![1], vec![0, 1], vec![0, 1, 2]] {
        let old = Old::new();
        for index in &missing {
            std::fs::remove_file(old.scene.segment(old.starts[*index])).expect("removed");
        }
        let audit = crate::audit(&old.scene.state, &old.scene.id(), &[]).expect("audited");
        assert_eq!(audit.problems.len(), 1, "{missing:?}: {:?}", audit.problems);
        assert!(matches!(crate::read(&old.scene.state, &old.scene.id()), Err(LogError::Damaged(_))));
    }
    // More than the rule says is damage too.
    let old = Old::new();
    let may_go = |records: &[Record]| records[0].sequence == 0;
    old.scene.open_later().collect(90, "ann@here", may_go).expect("collected");
    std::fs::remove_file(old.scene.segment(old.starts[1])).expect("removed");
    let audit = crate::audit(&old.scene.state, &old.scene.id(), &[]).expect("audited");
    assert!(audit.problems[0].what.contains("no record says that a rule removed them"), "{:?}", audit.problems);
}

#[test]
fn a_log_without_its_beginning_is_not_believed_without_a_head_over_it() {
    let old = Old::new();
    old.scene.open_later().collect(90, "ann@here", all_may).expect("collected");
    std::fs::remove_file(old.scene.folder().join("head")).expect("removed");
    assert!(old.scene.damage().contains("no signed head proves what came before"));
}

#[test]
fn an_anchor_over_removed_records_is_too_old_and_a_later_one_still_counts() {
    let old = Old::new();
    let (state, id) = (&old.scene.state, old.scene.id());
    let anchor = |name: &str| {
        let head = crate::checkpoint(state, &id, Box::new(Later)).expect("signed");
        (Anchor { file: name.into(), note: head.note.into_bytes() }, head.size)
    };
    let (whole, size) = anchor("whole");
    let early = {
        let early = Old::new();
        let head = crate::read(&early.scene.state, &early.scene.id()).expect("verifies").head.expect("signed");
        assert!(head.size < size);
        head
    };
    drop(early);
    old.scene.open_later().collect(90, "ann@here", all_may).expect("collected");
    let audit = crate::audit(state, &id, std::slice::from_ref(&whole)).expect("audited");
    assert_eq!((audit.anchored, audit.problems, audit.too_old), (size, Vec::new(), Vec::new()));

    // One that was taken when the log ended within what is removed now.
    let other = Old::new();
    let (first, _) = {
        let head = crate::read(&other.scene.state, &other.scene.id()).expect("verifies").head.expect("signed");
        let checkpoint = crate::Checkpoint::verify(head.note.as_bytes(), &head.key).expect("it holds");
        let early = crate::Checkpoint { size: 3, ..checkpoint };
        let key = crate::key::signing(&other.scene.state).expect("there");
        (Anchor { file: "early".into(), note: early.sign(&key).expect("signed") }, ())
    };
    other.scene.open_later().collect(90, "ann@here", all_may).expect("collected");
    let audit = crate::audit(&other.scene.state, &other.scene.id(), &[first]).expect("audited");
    assert_eq!((audit.anchored, audit.problems.len()), (0, 0));
    assert_eq!(audit.too_old, [std::path::PathBuf::from("early")]);
}

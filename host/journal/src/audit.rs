//! Verifying everything about a log, in constant memory and without writing.
//!
//! It goes on as far as it can and tells everything that is wrong. There are two depths: [`audit`] understands every record
//! and looks at every blob; [`audit_links`] checks only that each line follows from the one before and that the signed head
//! covers them, which takes little more than hashing the bytes.
//!
//! A key that lies beside the log cannot bind its owner, so the audit tells apart what only this key vouches for, and what
//! checkpoints kept elsewhere ([`Anchor`]) vouch for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::{AUDIT_BLOBS_REMEMBERED_MAX, LOG_LINE_BYTES_MAX};
use repair_pipeline::outside::LogError;

use crate::checkpoint::{Checkpoint, CheckpointError, PublicKey};
use crate::folder::Folder;
use crate::head::Head;
use crate::problem::{Problem, Trouble};
use crate::reader::Tail;
use crate::state_dir::StateDir;
use crate::walk::Walk;
use crate::{blobs, head, key, lease};

/// A checkpoint that was kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The file that it comes from, for messages.
    pub file: PathBuf,
    /// The signed note.
    pub note: Vec<u8>,
}

impl Anchor {
    /// Whose log it is about, as it says itself.
    ///
    /// # Errors
    /// When it is no checkpoint.
    pub fn target(&self) -> Result<Digest, CheckpointError> {
        Checkpoint::parse(&self.note).map(|(checkpoint, _)| checkpoint.target)
    }
}

/// A removal by a retention rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The first record that is kept.
    pub before: u64,
    /// The rule: everything that was removed is older than this many days.
    pub older_than_days: u32,
    /// Who asked for it.
    pub approver: String,
    /// The record that says so.
    pub recorded_in: u64,
    /// When.
    pub time: Timestamp,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// The first record that is there; the ones before it were removed.
    pub first_record: u64,
    /// Records that verify, from that one on.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sessions that began among them.
    pub sessions: u64,
    /// Time of the first record.
    pub first: Option<Timestamp>,
    /// Time of the last record that verifies.
    pub last: Option<Timestamp>,
    /// The last removal by a rule.
    pub removal: Option<Removal>,
    /// The signed head, if its signature holds.
    pub head: Option<Head>,
    /// Records up to the greatest checkpoint from elsewhere that this log continues.
    pub anchored: u64,
    /// Checkpoints from elsewhere about records that are removed, so that they cannot be compared any more.
    pub too_old: Vec<PathBuf>,
    /// Records that verify and that no head vouches for: whoever can write the file could cut or replace these unnoticed.
    pub unsigned: u64,
    /// Blobs that the records refer to and that verify.
    pub blobs: u64,
    /// An unfinished write after the last record. It is no problem: the next append sets it aside.
    pub tail: Option<Tail>,
    /// Everything that is wrong; empty when the log verifies.
    pub problems: Vec<Problem>,
}

/// Verifies everything about a target: chain, tree, head, blobs, tails set aside, and that it continues all `anchors`.
/// Writes nothing.
///
/// # Errors
/// Only [`LogError::Io`], when something cannot be read; damage is in [`Audit::problems`].
pub fn audit(state: &StateDir, target: &Digest, anchors: &[Anchor]) -> Result<Audit, LogError> {
    let mut audit = Audit::default();
    let found = audit_into(&mut audit, state, target, anchors);
    audit.keep(found)?;
    Ok(audit)
}

/// Verifies only that the lines of a target's log follow from each other and from what was signed. Returns their number.
/// Writes nothing.
///
/// # Errors
/// As for [`read`](crate::read).
pub fn audit_links(state: &StateDir, target: &Digest) -> Result<u64, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(0) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    let Some(mut walk) = Walk::whole(&folder, target, head.as_ref())? else { return Ok(0) };
    let mut lines = 0;
    while walk.next_link()?.is_some() {
        lines += 1;
    }
    Ok(lines)
}

impl Audit {
    /// Keeps damage among the problems and passes anything else on.
    fn keep<T>(&mut self, result: Result<T, Trouble>) -> Result<Option<T>, LogError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Trouble::Damage(problem)) => {
                self.problems.push(problem);
                Ok(None)
            }
            Err(Trouble::Other(error)) => Err(error),
        }
    }

    /// What becomes of the anchors that no record was reached for.
    fn compare_with_end(&mut self, anchors: Vec<(PathBuf, Checkpoint)>, reached: u64) {
        for (file, anchor) in anchors {
            if anchor.size < self.first_record {
                self.too_old.push(file);
            } else if anchor.size > reached && self.problems.is_empty() {
                let what = format!(
                    "this checkpoint of {} vouches for {} records, and the log has only {reached}: its end was cut off, or \
                     an older copy was put in its place",
                    anchor.time, anchor.size
                );
                self.problems.push(Problem::with_file(file, what));
            }
        }
    }

    fn note(&mut self, record: &Record, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64 + 1;
        self.first.get_or_insert(record.time);
        self.last = Some(record.time);
        match &record.event {
            Event::SessionBegan { .. } => self.sessions += 1,
            Event::Collected { before, older_than_days, approver } => {
                let (before, older_than_days, approver) = (*before, *older_than_days, approver.clone());
                let (recorded_in, time) = (record.sequence, record.time);
                self.removal = Some(Removal { before, older_than_days, approver, recorded_in, time });
            }
            _ => {}
        }
    }
}

fn audit_into(audit: &mut Audit, state: &StateDir, target: &Digest, anchors: &[Anchor]) -> Result<(), Trouble> {
    let key = audit.keep(key::public(state))?.flatten();
    let mut anchors = anchors_of(audit, target, anchors, key.as_ref());
    let Some(folder) = state.open_target(target)? else {
        audit.compare_with_end(anchors, 0);
        return Ok(());
    };
    let _shared = lease::share_append(&folder)?;
    audit.head = audit.keep(head::load(state, &folder, target))?.flatten();
    let head = audit.head.clone();
    let Some(mut walk) = audit.keep(Walk::whole(&folder, target, head.as_ref()))?.flatten() else {
        audit.compare_with_end(anchors, 0);
        return Ok(());
    };
    audit.first_record = walk.first().start;
    let mut blobs = Blobs { folder: &folder, seen: BTreeSet::new(), missing: BTreeMap::new() };
    while let Some(line) = audit.keep(walk.next())?.flatten() {
        audit.note(&line.record, walk.bytes().len());
        anchors.retain(|(file, anchor)| {
            let is_here = anchor.size == walk.chain().sequence();
            if is_here {
                compare(audit, file, anchor, walk.chain().tree.root());
            }
            !is_here
        });
        blobs.look_at(audit, &line.record)?;
        blobs.look_at_tail(audit, &line.record)?;
    }
    let kept_from = audit.removal.as_ref().map_or(0, |removal| removal.before);
    audit
        .problems
        .extend(blobs.missing.into_values().filter(|(needed_by, _)| *needed_by >= kept_from).map(|(_, it)| it));
    let end = walk.into_end();
    let reached = end.chain.sequence();
    audit.compare_with_end(anchors, reached);
    audit.tail = end.tail;
    let signed = head.map_or(0, |head| head.size).max(audit.first_record);
    audit.unsigned = reached.saturating_sub(signed);
    Ok(())
}

/// The anchors that can be compared with the log, in no order.
fn anchors_of(
    audit: &mut Audit,
    target: &Digest,
    anchors: &[Anchor],
    key: Option<&PublicKey>,
) -> Vec<(PathBuf, Checkpoint)> {
    let mut usable = Vec::new();
    for Anchor { file, note } in anchors {
        let what = match key.map(|key| Checkpoint::verify(note, key)) {
            Some(Ok(checkpoint)) if checkpoint.target == *target => {
                usable.push((file.clone(), checkpoint));
                continue;
            }
            Some(Ok(_)) => "this checkpoint is about the log of another target".to_owned(),
            Some(Err(CheckpointError::ForeignKey)) => {
                "this checkpoint was signed with another key than the one in the state folder: either it is not of this \
                 state folder, or the key there was replaced"
                    .to_owned()
            }
            Some(Err(error)) => format!("this cannot be compared with the log: {error}"),
            None => "this checkpoint cannot be compared: the state folder has no key, so nothing was ever signed here, or \
                     the key was removed"
                .to_owned(),
        };
        audit.problems.push(Problem::with_file(file.clone(), what));
    }
    usable
}

fn compare(audit: &mut Audit, file: &Path, anchor: &Checkpoint, root: Digest) {
    if anchor.root == root {
        audit.anchored = audit.anchored.max(anchor.size);
        return;
    }
    let what = format!(
        "the log does not continue this checkpoint of {}: something among the first {} records was rewritten since, \
         although everything in the log agrees with itself",
        anchor.time, anchor.size
    );
    audit.problems.push(Problem::with_file(file, what));
}

/// Looks at each blob once, as far as it remembers.
struct Blobs<'f> {
    folder: &'f Folder,
    seen: BTreeSet<Digest>,
    /// What is not as it should be, by its file, and the last record that needs it: a removal that was interrupted leaves
    /// records behind whose blobs are gone already.
    missing: BTreeMap<PathBuf, (u64, Problem)>,
}

impl Blobs<'_> {
    fn look_at(&mut self, audit: &mut Audit, record: &Record) -> Result<(), LogError> {
        for blob in blobs_of(&record.event) {
            if self.seen.contains(&blob) {
                continue;
            }
            match blobs::load(self.folder, &blob) {
                Ok(_) => {
                    if self.seen.len() == AUDIT_BLOBS_REMEMBERED_MAX {
                        self.seen.clear();
                    }
                    self.seen.insert(blob);
                    audit.blobs += 1;
                }
                Err(Trouble::Damage(problem)) => self.miss(record, problem),
                Err(Trouble::Other(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn look_at_tail(&mut self, audit: &mut Audit, record: &Record) -> Result<(), LogError> {
        let Event::TailSetAside { blob, file, .. } = &record.event else { return Ok(()) };
        let name = file.to_string_lossy();
        let content = audit.keep(self.folder.read(&name, LOG_LINE_BYTES_MAX))?;
        if content.is_some_and(|content| content.is_none_or(|content| Digest::of(Domain::Blob, &content) != *blob)) {
            let what = "the part of the log that was set aside is missing or was changed; restore it from a backup";
            self.miss(record, Problem::with_file(self.folder.file_path(&name), what));
        }
        Ok(())
    }

    fn miss(&mut self, record: &Record, problem: Problem) {
        self.missing.insert(problem.place.file.clone(), (record.sequence, problem));
    }
}

/// The blobs that an event refers to.
pub(crate) fn blobs_of(event: &Event) -> Vec<Digest> {
    match event {
        Event::SegmentOpened { state, .. } => vec![*state],
        Event::SessionBegan { evidence, .. } => evidence.iter().copied().collect(),
        Event::Diagnosed { evidence, .. } | Event::Checkpoint { evidence, .. } => vec![*evidence],
        Event::ToolAnswered { component_blob, case, reply, .. } => vec![*component_blob, *case, *reply],
        Event::Planned { blob, .. } => vec![*blob],
        _ => Vec::new(),
    }
}

//! Reading a whole log without writing, and the audit of it.
//!
//! [`read`] ends at the first damage, because state must never be folded from a log that does not verify. [`audit`]
//! goes on as far as it can and tells everything that is wrong.

use std::collections::BTreeSet;
use std::fs::File;

use jiff::Timestamp;
use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::limits::LOG_LINE_BYTES_MAX;
use repair_pipeline::outside::LogError;
use rustix::fs::OFlags;

use crate::folder::Folder;
use crate::head::Head;
use crate::problem::{Problem, Trouble};
use crate::reader::{Chain, Reader, Tail};
use crate::state_dir::{LOG, StateDir};
use crate::{blobs, head, lease};

/// A log that verifies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// All records, from the first on. Empty when no session ever began for the target.
    pub records: Vec<Record>,
    /// An unfinished write after the last record; the next append sets it aside.
    pub tail: Option<Tail>,
    /// The signed head; `None` when nothing was signed yet.
    pub head: Option<Head>,
}

/// Reads the log of a target. Writes nothing.
///
/// # Errors
/// [`LogError::Damaged`] with the place of the first mismatch, or when the log of a known target is missing;
/// [`LogError::Io`] when it cannot be read.
pub fn read(state: &StateDir, target: &Digest) -> Result<Reading, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(Reading::default()) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    let Some(log) = folder.open(LOG, OFlags::RDONLY)? else { return Ok(Reading::default()) };
    let whole = read_all(&folder, &log, Chain::new(*target), head.as_ref())?;
    Ok(Reading { records: whole.records, tail: whole.tail, head })
}

/// Reads a blob of a target and checks it against its digest. Writes nothing.
///
/// # Errors
/// [`LogError::Damaged`] when it is missing or was changed; [`LogError::Io`] when it cannot be read.
pub fn load_blob(state: &StateDir, target: &Digest, blob: &Digest) -> Result<Vec<u8>, LogError> {
    match state.open_target(target)? {
        Some(folder) => Ok(blobs::load(&folder, blob)?),
        None => {
            let problem = Problem::with_file(state.target_dir(target), "is missing, so there are no blobs");
            Err(Trouble::from(problem).into())
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Records that verify, from the first on.
    pub records: u64,
    /// Sessions among them.
    pub sessions: u64,
    /// Time of the first record.
    pub first: Option<Timestamp>,
    /// Time of the last record that verifies.
    pub last: Option<Timestamp>,
    /// The signed head, if its signature holds.
    pub head: Option<Head>,
    /// Records that verify and that no head vouches for: whoever can write the file could cut or replace these unnoticed.
    pub unsigned: u64,
    /// Blobs that the records refer to and that verify.
    pub blobs: u64,
    /// An unfinished write after the last record. It is no problem: the next append sets it aside.
    pub tail: Option<Tail>,
    /// Everything that is wrong; empty when the log verifies.
    pub problems: Vec<Problem>,
}

/// Verifies everything about a target: chain, head, blobs and tails set aside. Writes nothing.
///
/// # Errors
/// Only [`LogError::Io`], when something cannot be read; damage is in [`Audit::problems`].
pub fn audit(state: &StateDir, target: &Digest) -> Result<Audit, LogError> {
    let mut audit = Audit::default();
    let found = audit_into(&mut audit, state, target);
    audit.keep(found)?;
    Ok(audit)
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
}

fn audit_into(audit: &mut Audit, state: &StateDir, target: &Digest) -> Result<(), Trouble> {
    let Some(folder) = state.open_target(target)? else { return Ok(()) };
    let _shared = lease::share_append(&folder)?;
    audit.head = audit.keep(head::load(state, &folder, target))?.flatten();
    let Some(log) = folder.open(LOG, OFlags::RDONLY)? else { return Ok(()) };
    let head = audit.head.clone();
    let mut reader = Reader::new(&log, &folder.file_path(LOG), Chain::new(*target), head.as_ref())?;
    let mut sessions = BTreeSet::<SessionId>::new();
    let mut referred = BTreeSet::new();
    while let Some(line) = audit.keep(reader.next())?.flatten() {
        audit.records += 1;
        audit.first.get_or_insert(line.record.time);
        audit.last = Some(line.record.time);
        sessions.extend(line.record.session);
        referred.extend(blobs_of(&line.record.event));
        audit_tail_file(audit, &folder, &line.record.event)?;
    }
    let (chain, tail) = reader.into_end();
    if audit.problems.iter().all(|problem| problem.place.at.is_none()) {
        audit.keep(check_end(&folder, &chain, head.as_ref()))?;
    }
    audit.tail = tail;
    audit.sessions = sessions.len() as u64;
    audit.unsigned = audit.records.saturating_sub(head.map_or(0, |head| head.size));
    for blob in referred {
        audit.blobs += u64::from(audit.keep(blobs::load(&folder, &blob))?.is_some());
    }
    Ok(())
}

fn audit_tail_file(audit: &mut Audit, folder: &Folder, event: &Event) -> Result<(), LogError> {
    let Event::TailSetAside { blob, file, .. } = event else { return Ok(()) };
    let name = file.to_string_lossy();
    let content = audit.keep(folder.read(&name, LOG_LINE_BYTES_MAX))?;
    if content.is_some_and(|content| content.is_none_or(|content| Digest::of(Domain::Blob, &content) != *blob)) {
        let what = "the part of the log that was set aside is missing or was changed; restore it from a backup";
        audit.problems.push(Problem::with_file(folder.file_path(&name), what));
    }
    Ok(())
}

/// The blobs that an event refers to.
fn blobs_of(event: &Event) -> Vec<Digest> {
    match event {
        Event::Diagnosed { evidence, .. } => vec![*evidence],
        Event::ToolAnswered { component_blob, case, reply, .. } => vec![*component_blob, *case, *reply],
        Event::Planned { blob, .. } => vec![*blob],
        _ => Vec::new(),
    }
}

/// Everything from one place of a log to its end.
pub(crate) struct Whole {
    pub(crate) records: Vec<Record>,
    pub(crate) chain: Chain,
    pub(crate) tail: Option<Tail>,
}

/// Reads from where `chain` has got to up to the end, and compares the end with the head.
pub(crate) fn read_all(folder: &Folder, log: &File, chain: Chain, head: Option<&Head>) -> Result<Whole, Trouble> {
    let mut reader = Reader::new(log, &folder.file_path(LOG), chain, head)?;
    let mut records = Vec::new();
    while let Some(line) = reader.next()? {
        records.push(line.record);
    }
    let (chain, tail) = reader.into_end();
    check_end(folder, &chain, head)?;
    Ok(Whole { records, chain, tail })
}

/// A log is never empty, and never shorter than what was signed.
fn check_end(folder: &Folder, chain: &Chain, head: Option<&Head>) -> Result<(), Trouble> {
    let path = folder.file_path(LOG);
    if chain.sequence == 0 {
        // The first line is on the disk before the log gets its name.
        return Err(
            Problem::with_line(path, chain.at(), "the first line is missing; restore the log from a backup").into()
        );
    }
    match head {
        Some(head) if chain.sequence < head.size => {
            let what = format!(
                "the log ends here, but a head signed at {} vouches for {} lines: {} were cut off; restore the log from a \
                 backup",
                head.time,
                head.size,
                head.size - chain.sequence
            );
            Err(Problem::with_line(path, chain.at(), what).into())
        }
        _ => Ok(()),
    }
}

/// The process group of an effect whose outcome is not recorded; `None` when there is none, or nothing can be told.
pub(crate) fn running_effect(state: &StateDir, target: &Digest) -> Option<u32> {
    let records = read(state, target).ok()?.records;
    records.iter().rev().find_map(|record| match record.event {
        Event::EffectStarted { ref process, .. } => Some(Some(process.group)),
        Event::Settled { .. } => Some(None),
        _ => None,
    })?
}

/// STUB
#[derive(Debug)]
pub struct Present {
    /// s
    pub opening_state: Option<Vec<u8>>,
    /// r
    pub records: Vec<Record>,
}
/// STUB
pub fn read_present(state: &StateDir, target: &Digest) -> Result<Present, LogError> {
    Ok(Present { opening_state: None, records: read(state, target)?.records })
}
/// STUB
#[derive(Debug)]
pub enum Liveness {
    /// h
    Held(repair_model::event::Holder),
    /// e
    HeldByEffect(repair_model::event::Holder, Option<repair_model::event::EffectProcess>),
    /// f
    Free(Option<repair_model::event::Holder>),
}
/// STUB
pub fn liveness(_state: &StateDir, _target: &Digest) -> Result<Liveness, LogError> {
    Ok(Liveness::Free(None))
}

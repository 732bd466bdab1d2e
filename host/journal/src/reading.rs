//! Reading a log without writing. Everything here ends at the first damage, because state must never be folded from a log
//! that does not verify.
//!
//! There are three ways: the present segment with the state that it opens with, which is enough to know how every session
//! stands; the whole log; and every record in turn, in constant memory, for logs of any length.

use std::ops::ControlFlow;

use repair_model::event::{EffectProcess, Event, Record};
use repair_model::ids::Digest;
use repair_pipeline::outside::LogError;

use crate::folder::Folder;
use crate::head::{self, Head};
use crate::problem::{Problem, Trouble};
use crate::reader::Tail;
use crate::state_dir::StateDir;
use crate::walk::{End, Walk};
use crate::{blobs, lease};

/// Records that verify, with what comes before and after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What everything before the first record folds to, as [`Log::begin_segment`] was given it; `None` when nothing comes
    /// before.
    ///
    /// [`Log::begin_segment`]: repair_pipeline::outside::Log::begin_segment
    pub opening_state: Option<Vec<u8>>,
    /// The records, in order. Empty when no session ever began for the target.
    pub records: Vec<Record>,
    /// An unfinished write after the last record; the next append sets it aside.
    pub tail: Option<Tail>,
    /// The signed head; `None` when nothing was signed yet.
    pub head: Option<Head>,
}

/// Reads everything that is left of the log of a target. Writes nothing.
///
/// # Errors
/// [`LogError::Damaged`] with the place of the first mismatch, or when the log of a known target is missing;
/// [`LogError::Io`] when it cannot be read.
pub fn read(state: &StateDir, target: &Digest) -> Result<Reading, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(Reading::default()) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    let Some(mut walk) = Walk::whole(&folder, target, head.as_ref())? else { return Ok(Reading::default()) };
    let mut records = Vec::new();
    while let Some(line) = walk.next()? {
        records.push(line.record);
    }
    let tail = walk.into_end().tail;
    let opening_state = opening_state(&folder, &records)?;
    Ok(Reading { opening_state, records, tail, head })
}

/// Reads the present segment of the log of a target, and the state that it opens with. Writes nothing.
///
/// # Errors
/// As for [`read`]; damage in older segments is not looked for.
pub fn read_present(state: &StateDir, target: &Digest) -> Result<Reading, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(Reading::default()) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    let Some(walk) = Walk::newest(&folder, target, head.as_ref())? else { return Ok(Reading::default()) };
    let (records, end) = present(walk)?;
    let opening_state = opening_state(&folder, &records)?;
    Ok(Reading { opening_state, records, tail: end.tail, head })
}

/// Visits every record that is left of the log of a target, in order and in constant memory, until `visit` breaks. Writes
/// nothing. Returns the first record that there is, counted from 0, which is not 0 after old ones were removed by a rule.
///
/// # Errors
/// As for [`read`]. Records before the damage were visited then.
pub fn each(
    state: &StateDir,
    target: &Digest,
    mut visit: impl FnMut(Record) -> ControlFlow<()>,
) -> Result<u64, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(0) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    let Some(mut walk) = Walk::whole(&folder, target, head.as_ref())? else { return Ok(0) };
    while let Some(line) = walk.next()? {
        if visit(line.record).is_break() {
            break;
        }
    }
    Ok(walk.first().start)
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

/// The records of the last segment that a walk comes to.
pub(crate) fn present(mut walk: Walk<'_>) -> Result<(Vec<Record>, End), Trouble> {
    let mut records = Vec::new();
    let mut segment = walk.chain().segment;
    while let Some(line) = walk.next()? {
        if walk.chain().segment != segment {
            segment = walk.chain().segment;
            records.clear();
        }
        records.push(line.record);
    }
    Ok((records, walk.into_end()))
}

/// The state that the first of these records opens a segment with.
pub(crate) fn opening_state(folder: &Folder, records: &[Record]) -> Result<Option<Vec<u8>>, Trouble> {
    match records.first().map(|record| &record.event) {
        Some(Event::SegmentOpened { state, .. }) => blobs::load(folder, state).map(Some),
        _ => Ok(None),
    }
}

/// The process of an effect whose outcome is not recorded; `None` when there is none, or nothing can be told.
pub(crate) fn running_effect(state: &StateDir, target: &Digest) -> Option<EffectProcess> {
    let records = read_present(state, target).ok()?.records;
    let last = records.iter().rev().find_map(|record| match &record.event {
        Event::EffectStarted { process, .. } => Some(Some(process.clone())),
        Event::Settled { .. } => Some(None),
        _ => None,
    });
    last.flatten()
}

//! Removing old records by a rule: whole segments, oldest first, never the newest.
//!
//! Three things in this order: a record says durably what goes, the head is signed over it, and only then blobs, tails and
//! projections that nothing else refers to are removed, and the segments last. A crash in between is made good by the next
//! session: the record says what is still to be removed, and the segments that are still there say what belongs to them.
//!
//! Verification begins at the first remaining segment then. Its opening line claims the Merkle tree of everything before
//! it, and the signed head proves that claim.
//!
//! Refused: without the lease; a segment that holds anything younger than the rule allows, or that the caller keeps.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use repair_faults::{Point, pass};
use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, SessionId};
use repair_pipeline::outside::{Durability, LogError};

use crate::audit::blobs_of;
use crate::folder::Folder;
use crate::head::{self, Head};
use crate::problem::Trouble;
use crate::publication::SESSIONS;
use crate::segment::{self, Segment};
use crate::state_dir::StateDir;
use crate::walk::Walk;
use crate::writer::Journal;
use crate::{blobs, lease, recovery};

/// What a rule removes, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// The first record that is there before.
    pub first: u64,
    /// The first record that is kept.
    pub before: u64,
    /// Segments that go.
    pub segments: u64,
    /// Bytes of those segments.
    pub bytes: u64,
}

impl Collection {
    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.segments == 0
    }
}

/// What a rule would remove at `now`: the oldest segments, as far as everything in them is older than so many days and
/// `may_go` says yes to their records. Writes nothing.
///
/// # Errors
/// [`LogError::Damaged`] when the log does not verify: nothing of such a log is ever removed.
pub fn collectable(
    state: &StateDir,
    target: &Digest,
    older_than_days: u32,
    now: Timestamp,
    may_go: impl FnMut(&[Record]) -> bool,
) -> Result<Collection, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(Collection::default()) };
    let _shared = lease::share_append(&folder)?;
    let head = head::load(state, &folder, target)?;
    Ok(survey(&folder, target, head.as_ref(), older_than_days, now, may_go)?)
}

impl Journal {
    /// Removes what [`collectable`] tells, after it has recorded that `approver` asked for it.
    ///
    /// # Errors
    /// As for [`collectable`], and when something cannot be recorded or removed. What is recorded and not removed yet is
    /// removed by the next session.
    pub fn collect(
        &mut self,
        older_than_days: u32,
        approver: &str,
        may_go: impl FnMut(&[Record]) -> bool,
    ) -> Result<Collection, LogError> {
        self.usable()?;
        let _locked = self.lock_append()?;
        self.catch_up()?;
        self.check_lease()?;
        recovery::set_tail_aside(self)?;
        let (target, now) = (self.target(), self.clock.now());
        let head = head::load(&self.state, &self.folder, &target)?;
        let found = survey(&self.folder, &target, head.as_ref(), older_than_days, now, may_go)?;
        if !found.is_empty() {
            let (before, approver) = (found.before, approver.to_owned());
            let event = Event::Collected { before, older_than_days, approver };
            self.write_line(None, event, Durability::Power)?;
            pass(Point::CollectionRecorded, "");
            self.finish_collection()?;
        }
        Ok(found)
    }

    /// Removes what a record says to remove and what is still there. The append lock and the lease are held.
    pub(crate) fn finish_collection(&mut self) -> Result<(), LogError> {
        let recorded = self.records.iter().rev().find_map(|record| match record.event {
            Event::Collected { before, .. } => Some((record.sequence, before)),
            _ => None,
        });
        let Some((recorded_in, before)) = recorded else { return Ok(()) };
        let segments = segment::list(&self.folder)?;
        // A segment goes when the one after it still begins with what goes, or with the first record that is kept.
        let goes = |pair: &&[Segment]| pair[1].start <= before;
        let doomed: Vec<Segment> = segments.windows(2).take_while(goes).map(|pair| pair[0]).collect();
        if doomed.is_empty() {
            return Ok(());
        }
        let mut head = head::load(&self.state, &self.folder, &self.target())?;
        if head.as_ref().is_none_or(|head| head.size <= recorded_in) {
            self.sign_present_end()?;
            head = head::load(&self.state, &self.folder, &self.target())?;
        }
        let (going, kept) = owned_by(&self.folder, &self.target(), head.as_ref(), before)?;
        going.without(&kept).remove(&self.folder)?;
        for segment in doomed {
            self.folder.remove(&segment.name())?;
            pass(Point::CollectionBegun, "");
        }
        self.folder.sync()
    }
}

fn survey(
    folder: &Folder,
    target: &Digest,
    head: Option<&Head>,
    older_than_days: u32,
    now: Timestamp,
    mut may_go: impl FnMut(&[Record]) -> bool,
) -> Result<Collection, Trouble> {
    let Some(mut walk) = Walk::whole(folder, target, head)? else { return Ok(Collection::default()) };
    let age = SignedDuration::from_hours(24 * i64::from(older_than_days));
    // Before the beginning of time nothing is.
    let limit = now.checked_sub(age).unwrap_or(Timestamp::MIN);
    let first = walk.first();
    let mut found = Collection { first: first.start, before: first.start, ..Collection::default() };
    let (mut segment, mut bytes, mut records) = (first, 0, Vec::new());
    let mut still_going = true;
    while let Some(line) = walk.next()? {
        if walk.chain().segment != segment {
            still_going = still_going && records.iter().all(|record: &Record| record.time < limit) && may_go(&records);
            if still_going {
                found.segments += 1;
                found.bytes += bytes;
                found.before = walk.chain().segment.start;
            }
            segment = walk.chain().segment;
            bytes = 0;
            records.clear();
        }
        bytes += walk.bytes().len() as u64 + 1;
        if still_going {
            records.push(line.record);
        }
    }
    Ok(found)
}

/// What records refer to beside the log itself.
#[derive(Debug, Default)]
struct Belongings {
    blobs: BTreeSet<Digest>,
    tails: BTreeSet<String>,
    sessions: BTreeSet<SessionId>,
}

impl Belongings {
    fn add(&mut self, record: Record) {
        self.blobs.extend(blobs_of(&record.event));
        if let Event::TailSetAside { file, .. } = &record.event {
            self.tails.insert(file.to_string_lossy().into_owned());
        }
        self.sessions.extend(record.session);
    }

    /// A state is opaque here, so every digest that stands in its text counts as referred to.
    fn add_state(&mut self, state: &[u8]) {
        let digits = |byte: &u8| byte.is_ascii_hexdigit();
        for word in state.split(|byte| !digits(byte)) {
            self.blobs.extend(std::str::from_utf8(word).ok().and_then(|word| word.parse::<Digest>().ok()));
        }
    }

    fn without(mut self, kept: &Self) -> Self {
        self.blobs.retain(|blob| !kept.blobs.contains(blob));
        self.tails.retain(|tail| !kept.tails.contains(tail));
        self.sessions.retain(|session| !kept.sessions.contains(session));
        self
    }

    fn remove(self, folder: &Folder) -> Result<(), LogError> {
        for blob in &self.blobs {
            blobs::remove(folder, blob)?;
            pass(Point::CollectionBegun, "");
        }
        for tail in self.tails.iter().filter(|tail| recovery::sequence_of(tail).is_some()) {
            folder.remove(tail)?;
        }
        if let Some(shelf) = folder.folder(SESSIONS)? {
            for session in &self.sessions {
                shelf.remove_folder(session.as_str())?;
            }
            shelf.sync()?;
        }
        Ok(())
    }
}

/// What belongs to the records before `before`, and what to those from there on.
fn owned_by(
    folder: &Folder,
    target: &Digest,
    head: Option<&Head>,
    before: u64,
) -> Result<(Belongings, Belongings), Trouble> {
    let (mut going, mut kept) = (Belongings::default(), Belongings::default());
    let Some(mut walk) = Walk::whole(folder, target, head)? else { return Ok((going, kept)) };
    while let Some(line) = walk.next()? {
        if line.record.sequence < before {
            going.add(line.record);
            continue;
        }
        if let Event::SegmentOpened { state, .. } = &line.record.event {
            kept.add_state(&blobs::load(folder, state)?);
        }
        kept.add(line.record);
    }
    Ok((going, kept))
}

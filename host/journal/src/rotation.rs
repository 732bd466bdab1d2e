//! Beginning a new segment.
//!
//! In this order: the state is stored as a blob, the old segment is synced, the new one gets its name together with its
//! first line, its head is signed. A crash before the name leaves the old segment as the newest; a crash after it leaves a
//! new segment that no head covers, which is verified with everything before it at the next start and signed then.
//!
//! Refused: without the lease, and with a state that is larger than any reader takes.

use repair_model::event::Event;
use repair_model::limits::OPENING_STATE_BYTES_MAX;
use repair_pipeline::outside::LogError;

use crate::segment::Segment;
use crate::writer::{Journal, line_after, unrecordable};
use crate::{blobs, recovery};

/// Begins a new segment that opens with `state`.
///
/// Does nothing when somebody else has appended since the caller was handed the records: `state` would not say what they
/// fold to. The next session tries again.
pub(crate) fn begin(journal: &mut Journal, state: &[u8]) -> Result<(), LogError> {
    journal.usable()?;
    if state.len() > OPENING_STATE_BYTES_MAX {
        let what = format!("a segment cannot open with a state of {} bytes", state.len());
        return Err(LogError::Io { what, source: std::io::ErrorKind::FileTooLarge.into() });
    }
    let _locked = journal.lock_append()?;
    journal.catch_up()?;
    journal.check_lease()?;
    if journal.shown != journal.chain.sequence() {
        return Ok(());
    }
    recovery::set_tail_aside(journal)?;
    let next = name_next(journal, state)?;
    journal.catch_up()?;
    debug_assert_eq!(journal.chain.segment, next);
    journal.shown = journal.chain.sequence();
    journal.sign_present_end()
}

/// Everything up to the moment at which the new segment has its name.
pub(crate) fn name_next(journal: &mut Journal, state: &[u8]) -> Result<Segment, LogError> {
    let target = journal.opened_for()?;
    let blob = blobs::store(&journal.folder, state)?;
    journal.sync()?;
    let mut chain = journal.chain.clone();
    chain.enter_next_segment();
    let tree = chain.tree.roots().to_vec();
    let event = Event::SegmentOpened { target, state: blob, tree };
    let mut bytes = line_after(&chain, None, chain.epoch, event, journal.clock.as_ref())?;
    chain.accept(&bytes).map_err(unrecordable)?;
    bytes.push(b'\n');
    let next = Segment { start: journal.chain.sequence() };
    let named = journal.folder.replace(&next.name(), "segment", &bytes);
    if named.is_err() && journal.folder.has(&next.name())? {
        // It is there, and maybe not for long.
        journal.poison();
    }
    named.map(|()| next)
}

//! Setting an unfinished end of the log aside.
//!
//! Only bytes after the last line end are touched: what a write that did not finish, or a loss of power, leaves behind.
//! They are copied into a file `tail-<sequence>` beside the log, which is synced, then cut off the log, then recorded.
//! A crash between any two of these steps is made good at the next append: the copy is repeated, or the file that
//! no record names is recorded. Everything else that is wrong with a log is damage, and nothing here repairs it.

use std::path::Path;

use repair_faults::{Point, failure, pass};
use repair_model::event::Event;
use repair_model::ids::{Digest, Domain};
use repair_model::limits::LOG_LINE_BYTES_MAX;
use repair_pipeline::outside::{Durability, LogError};

use crate::folder::Folder;
use crate::problem::{Trouble, cannot};
use crate::reader::Tail;
use crate::writer::Journal;

const PREFIX: &str = "tail-";

/// Leaves the log with whole lines only, and all that was ever set aside recorded. The append lock is held, and the
/// journal has caught up.
pub(crate) fn set_tail_aside(journal: &mut Journal) -> Result<(), LogError> {
    if let Some(tail) = journal.tail.take() {
        let cut = move_aside(journal, &tail);
        journal.poisoned_by(cut)?;
    } else if journal.recovered {
        return Ok(());
    }
    for name in journal.folder.names()? {
        // What was set aside before this segment began was recorded before it began.
        let belongs_here = sequence_of(&name).is_some_and(|sequence| sequence >= journal.chain.segment.start);
        if !belongs_here || is_recorded(journal, &name) {
            continue;
        }
        if let Some(content) = journal.folder.read(&name, LOG_LINE_BYTES_MAX)? {
            let blob = Digest::of(Domain::Blob, &content);
            let event = Event::TailSetAside { bytes: content.len() as u64, blob, file: name.into() };
            journal.write_line(None, event, Durability::Power)?;
        }
    }
    journal.recovered = true;
    Ok(())
}

fn move_aside(journal: &Journal, tail: &Tail) -> Result<(), Trouble> {
    let name = name_for(&journal.folder, journal.chain.sequence(), &tail.bytes)?;
    journal.folder.replace(&name, "tail", &tail.bytes)?;
    pass(Point::TailCopied, "");
    let cut = match failure(Point::TailCut, "") {
        Some(error) => Err(error),
        None => journal.write.set_len(tail.offset).and_then(|()| journal.write.sync_all()),
    };
    cut.map_err(cannot("cut the unfinished end off", &journal.log_path()))?;
    pass(Point::TailCut, "");
    Ok(())
}

/// The name for a tail: one that is free, or one that already holds the same bytes.
fn name_for(folder: &Folder, sequence: u64, tail: &[u8]) -> Result<String, Trouble> {
    let mut name = format!("{PREFIX}{sequence}");
    let mut number = 1_u32;
    while folder.read(&name, LOG_LINE_BYTES_MAX)?.is_some_and(|content| content != tail) {
        number += 1;
        name = format!("{PREFIX}{sequence}-{number}");
    }
    Ok(name)
}

/// The sequence in the name of a tail that was set aside; `None` for every other name.
pub(crate) fn sequence_of(name: &str) -> Option<u64> {
    let numbers = name.strip_prefix(PREFIX)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (sequence, copy) = numbers.split_once('-').unwrap_or((numbers, "2"));
    if is_number(sequence) && is_number(copy) { sequence.parse().ok() } else { None }
}

fn is_recorded(journal: &Journal, name: &str) -> bool {
    journal.records.iter().any(|record| match &record.event {
        Event::TailSetAside { file, .. } => file == Path::new(name),
        _ => false,
    })
}

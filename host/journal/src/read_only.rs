//! A log that is only looked at: for commands that tell what would happen.
//!
//! It refuses every write. Invariant: the state folder is byte for byte what it was.

use std::io;
use std::os::fd::BorrowedFd;

use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, SessionId};
use repair_pipeline::outside::{Durability, Log, LogError};

use crate::reading::{Reading, load_blob, read_present};
use crate::state_dir::StateDir;

/// The present segment of a target's log, as it was when it was opened.
#[derive(Debug)]
pub struct ReadOnlyLog {
    state: StateDir,
    target: Digest,
    present: Reading,
}

impl ReadOnlyLog {
    /// Reads and verifies the present segment of a target's log.
    ///
    /// # Errors
    /// Those of [`read_present`].
    pub fn open(state: &StateDir, target: &Digest) -> Result<Self, LogError> {
        Ok(Self { state: state.clone(), target: *target, present: read_present(state, target)? })
    }
}

fn refused() -> LogError {
    let what = "nothing is recorded by a command that only looks".to_owned();
    LogError::Io { what, source: io::ErrorKind::PermissionDenied.into() }
}

impl Log for ReadOnlyLog {
    fn append(&mut self, _session: Option<&SessionId>, _event: Event, _last: Durability) -> Result<(), LogError> {
        Err(refused())
    }

    fn store(&mut self, _bytes: &[u8]) -> Result<Digest, LogError> {
        Err(refused())
    }

    fn load(&self, blob: Digest) -> Result<Vec<u8>, LogError> {
        load_blob(&self.state, &self.target, &blob)
    }

    fn opening_state(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.present.opening_state.clone())
    }

    fn records(&mut self) -> Result<&[Record], LogError> {
        Ok(&self.present.records)
    }

    fn is_segment_full(&self) -> bool {
        false
    }

    fn begin_segment(&mut self, _state: &[u8]) -> Result<(), LogError> {
        Err(refused())
    }

    fn publish(&mut self, _session: &SessionId, _projection: &[u8]) -> Result<(), LogError> {
        Err(refused())
    }

    fn sign_head(&mut self) -> Result<(), LogError> {
        Err(refused())
    }

    fn lease(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
}

//! Appending to the log of one target.
//!
//! Every append happens under the append lock: what others wrote since is read and verified first, then the line goes out
//! in one `write` to a descriptor opened for appending, then it is synced if it has to survive a loss of power. A write
//! or sync that fails, or that is short, poisons the journal: nothing more is written by it, because what the disk
//! holds is not certain any more.
//!
//! Refused: an event under an epoch that is not the last one, and without the lease every event but those of `approve` and
//! `abort`. Invariant: what is written is a line that the reader has accepted before.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use repair_model::event::{Ending, Event, FORMAT_VERSION, Holder, Record};
use repair_model::ids::{Digest, SessionId};
use repair_model::target::Target;
use repair_pipeline::outside::{Clock, Durability, Log, LogError};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::folder::Folder;
use crate::frame::{self, Envelope};
use crate::lease::{self, Lease};
use crate::problem::{Problem, Trouble, cannot};
use crate::reader::{Chain, Tail};
use crate::state_dir::{LOG, StateDir};
use crate::{blobs, head, recovery, verify};

/// The log of one target, open for writing.
pub struct Journal {
    pub(crate) state: StateDir,
    pub(crate) folder: Folder,
    pub(crate) chain: Chain,
    pub(crate) records: Vec<Record>,
    /// What stands after the last line; set aside before anything is appended.
    pub(crate) tail: Option<Tail>,
    /// Whether files that an interrupted recovery left behind were looked for.
    pub(crate) recovered: bool,
    /// Reads only; `write` writes only. They are two, so that no position is shared.
    read: File,
    pub(crate) write: File,
    lease: Option<Lease>,
    /// The epoch of `lease`.
    epoch: Option<u64>,
    clock: Box<dyn Clock>,
    poisoned: bool,
}

impl Journal {
    /// Opens the log of `target` for a session, and takes the lease; makes the log when the target is not known.
    ///
    /// # Errors
    /// [`LogError::Busy`] when another process, or an effect that one started, holds the lease or the project directory;
    /// [`LogError::Damaged`] when the log does not verify, or is missing for a known target; [`LogError::Io`] when the
    /// state directory cannot be used.
    pub fn open_for_session(
        state: &StateDir,
        target: &Target,
        holder: Holder,
        clock: Box<dyn Clock>,
    ) -> Result<Self, LogError> {
        let id = target.id();
        let folder = state.create_target(&id)?;
        let lease = Lease::take(&folder, &target.directory, &holder, || verify::running_effect(state, &id))?;
        let _locked = lease::lock_append(&folder)?;
        if !folder.has(LOG)? {
            create_log(&folder, target, clock.as_ref())?;
        }
        let mut journal = Self::open(state, folder, id, clock)?;
        // Only now, when its log is on the disk: from here on, a missing log is damage.
        state.list(target)?;
        journal.lease = Some(lease);
        journal.epoch = Some(journal.chain.epoch + 1);
        recovery::set_tail_aside(&mut journal)?;
        journal.write_line(None, Event::LeaseTaken { holder }, Durability::Process)?;
        Ok(journal)
    }

    /// Opens an existing log without the lease, for `approve` and `abort`: only [`Event::Granted`],
    /// [`Event::ApprovalRefused`], [`Event::Noted`] and the ending [`Ending::Aborted`] can be appended.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when the log does not verify, or is missing for a known target; [`LogError::Io`] when there
    /// is none yet, or it cannot be used.
    pub fn open_for_append(state: &StateDir, target: &Digest, clock: Box<dyn Clock>) -> Result<Self, LogError> {
        let none_yet = || LogError::Io {
            what: format!("no session has begun for the target {}; `repair plan` begins one", target.short()),
            source: io::ErrorKind::NotFound.into(),
        };
        let folder = state.open_target(target)?.ok_or_else(none_yet)?;
        if !folder.has(LOG)? {
            return Err(none_yet());
        }
        let _locked = lease::lock_append(&folder)?;
        Ok(Self::open(state, folder, *target, clock)?)
    }

    /// The target's id.
    pub fn target(&self) -> Digest {
        self.chain.target
    }

    /// The epoch of this journal's lease; `None` without one.
    pub fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// The lock on the project directory, where there is one. Like [`Log::lease`], it is kept by whoever inherits it.
    pub fn directory_lock(&self) -> Option<BorrowedFd<'_>> {
        self.lease.as_ref().and_then(Lease::directory)
    }

    /// Opens and verifies; the append lock is held.
    fn open(state: &StateDir, folder: Folder, target: Digest, clock: Box<dyn Clock>) -> Result<Self, Trouble> {
        let head = head::load(state, &folder, &target)?;
        let open = |access| match folder.open(LOG, access)? {
            Some(file) => Ok(file),
            None => Err(Trouble::from(cannot("open", &folder.file_path(LOG))(Errno::NOENT))),
        };
        let read = open(OFlags::RDONLY)?;
        let write = open(OFlags::WRONLY | OFlags::APPEND)?;
        let reading = verify::read_all(&folder, &read, Chain::new(target), head.as_ref())?;
        Ok(Self {
            state: state.clone(),
            folder,
            chain: reading.chain,
            records: reading.records,
            tail: reading.tail,
            recovered: false,
            read,
            write,
            lease: None,
            epoch: None,
            clock,
            poisoned: false,
        })
    }

    /// Reads and verifies what others appended; nobody else may be writing.
    fn catch_up(&mut self) -> Result<(), Trouble> {
        let path = self.log_path();
        if !self.folder.still_names(LOG, &self.read)? {
            return Err(Problem::with_file(path, "the log was replaced or removed while it was in use").into());
        }
        let length = self.read.metadata().map_err(cannot("look at", &path))?.len();
        if length < self.chain.offset {
            return Err(Problem::with_line(path, self.chain.at(), "the log was cut here while it was in use").into());
        }
        self.tail = None;
        if length > self.chain.offset {
            let reading = verify::read_all(&self.folder, &self.read, self.chain.clone(), None)?;
            self.chain = reading.chain;
            self.records.extend(reading.records);
            self.tail = reading.tail;
        }
        Ok(())
    }

    /// Whether this journal may append `event` now; it has caught up.
    fn check_right(&self, event: &Event) -> Result<(), LogError> {
        let refused = |what: String| LogError::Io { what, source: io::ErrorKind::PermissionDenied.into() };
        if matches!(event, Event::LogOpened { .. } | Event::TailSetAside { .. } | Event::LeaseTaken { .. }) {
            return Err(refused("this event is recorded by the log itself and by nobody else".to_owned()));
        }
        match self.epoch {
            Some(own) if own == self.chain.epoch => Ok(()),
            Some(own) => Err(LogError::Busy(format!(
                "another session has taken over this target (its epoch is {}, this one's was {own}); nothing more is done \
                 here",
                self.chain.epoch
            ))),
            None if stands_without_lease(event) => Ok(()),
            None => Err(refused("this event can only be recorded by the session that holds the target".to_owned())),
        }
    }

    /// Writes one line; the append lock is held, the journal has caught up, and there is no tail.
    pub(crate) fn write_line(
        &mut self,
        session: Option<&SessionId>,
        event: Event,
        durability: Durability,
    ) -> Result<(), LogError> {
        let epoch = self.chain.epoch + u64::from(matches!(event, Event::LeaseTaken { .. }));
        let mut bytes = line_after(&self.chain, session.cloned(), epoch, event, self.clock.as_ref())?;
        let mut chain = self.chain.clone();
        // A line that its own reader refuses would end the log for good, so it is read before it is written.
        let line = chain.accept(&bytes).map_err(unrecordable)?;
        bytes.push(b'\n');
        let written = put(&self.write, &bytes, durability).map_err(cannot("append to", &self.log_path()));
        self.poisoned_by(written.map_err(Trouble::from))?;
        self.chain = chain;
        self.records.push(line.record);
        Ok(())
    }

    /// Passes a result on, and remembers when it means that nothing is certain any more.
    pub(crate) fn poisoned_by<T>(&mut self, result: Result<T, Trouble>) -> Result<T, LogError> {
        self.poisoned |= result.is_err();
        Ok(result?)
    }

    fn usable(&self) -> Result<(), LogError> {
        if self.poisoned { Err(LogError::Poisoned) } else { Ok(()) }
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.folder.file_path(LOG)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, epoch, poisoned, .. } = self;
        let mut shown = f.debug_struct("Journal");
        shown.field("chain", chain).field("epoch", epoch).field("poisoned", poisoned).finish_non_exhaustive()
    }
}

impl Log for Journal {
    fn append(&mut self, session: Option<&SessionId>, event: Event, durability: Durability) -> Result<(), LogError> {
        self.usable()?;
        let _locked = lease::lock_append(&self.folder)?;
        self.catch_up()?;
        self.check_right(&event)?;
        recovery::set_tail_aside(self)?;
        self.write_line(session, event, durability)
    }

    fn store(&mut self, bytes: &[u8]) -> Result<Digest, LogError> {
        self.usable()?;
        blobs::check_size(bytes)?;
        let stored = blobs::store(&self.folder, bytes);
        self.poisoned_by(stored)
    }

    fn load(&self, blob: Digest) -> Result<Vec<u8>, LogError> {
        Ok(blobs::load(&self.folder, &blob)?)
    }

    fn records(&mut self) -> Result<&[Record], LogError> {
        self.usable()?;
        let _shared = lease::share_append(&self.folder)?;
        self.catch_up()?;
        Ok(&self.records)
    }

    fn opening_state(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(None)
    }

    fn is_segment_full(&self) -> bool {
        false
    }

    fn begin_segment(&mut self, _state: &[u8]) -> Result<(), LogError> {
        Ok(())
    }

    fn publish(&mut self, _session: &SessionId, _projection: &[u8]) -> Result<(), LogError> {
        Ok(())
    }

    fn sign_head(&mut self) -> Result<(), LogError> {
        self.usable()?;
        let _locked = lease::lock_append(&self.folder)?;
        self.catch_up()?;
        // A head must never outlive the lines that it vouches for.
        let synced =
            rustix::fs::fdatasync(&self.write).map_err(cannot("sync", &self.log_path())).map_err(Trouble::from);
        self.poisoned_by(synced)?;
        let signed = head::sign(&self.state, &self.folder, &self.chain, self.clock.now());
        self.poisoned_by(signed)?;
        Ok(())
    }

    fn lease(&self) -> Vec<BorrowedFd<'_>> {
        self.lease.iter().flat_map(|lease| std::iter::once(lease.file()).chain(lease.directory())).collect()
    }
}

/// What `repair approve` and `repair abort` record while a session waits.
fn stands_without_lease(event: &Event) -> bool {
    matches!(
        event,
        Event::Granted { .. }
            | Event::ApprovalRefused { .. }
            | Event::Noted { .. }
            | Event::Ended { ending: Ending::Aborted, .. }
    )
}

/// Makes a log with its first line. It gets its name only when it is on the disk, so there is never an empty log.
fn create_log(folder: &Folder, target: &Target, clock: &dyn Clock) -> Result<(), LogError> {
    let mut chain = Chain::new(target.id());
    let mut bytes = line_after(&chain, None, 0, Event::LogOpened { target: target.clone() }, clock)?;
    chain.accept(&bytes).map_err(unrecordable)?;
    bytes.push(b'\n');
    folder.replace(LOG, &bytes)
}

fn line_after(
    chain: &Chain,
    session: Option<SessionId>,
    epoch: u64,
    event: Event,
    clock: &dyn Clock,
) -> Result<Vec<u8>, LogError> {
    let (seq, prev) = (chain.sequence, chain.previous);
    let envelope = Envelope { v: FORMAT_VERSION, seq, prev, session, epoch, time: clock.now(), event };
    frame::encode(&envelope).map_err(unrecordable)
}

/// Nothing was written, so nothing is poisoned.
fn unrecordable(why: impl fmt::Display) -> LogError {
    let source = io::ErrorKind::InvalidData.into();
    LogError::Io { what: format!("an event cannot be recorded ({why}), so nothing that needs it is done"), source }
}

fn put(mut file: &File, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let written = loop {
        match io::Write::write(&mut file, bytes) {
            // Interrupted before the first byte.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if written != bytes.len() {
        let what = format!("only {written} of {} bytes were written", bytes.len());
        return Err(io::Error::new(io::ErrorKind::WriteZero, what));
    }
    match durability {
        Durability::Process => Ok(()),
        Durability::Power => Ok(rustix::fs::fdatasync(file)?),
    }
}

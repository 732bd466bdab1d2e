//! Appending to the log of one target.
//!
//! Every append happens under the append lock: what others wrote since is read and verified first, then the line goes out
//! in one `write` to a descriptor opened for appending, then it is synced if it has to survive a loss of power. A write
//! or sync that fails, or that is short, poisons the journal: nothing more is written by it, because what the disk
//! holds is not certain any more.
//!
//! Whoever catches up follows to the newest segment: where the present one ends, it asks whether the next one is there.
//!
//! Refused: an event under an epoch that is not the last one, and without the lease every event but those of `approve` and
//! `abort`. Invariant: what is written is a line that the reader has accepted before.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use repair_faults::{Point, die, failure, is_due, pass};
use repair_model::event::{Ending, Event, FORMAT_VERSION, Holder, Record};
use repair_model::ids::{Digest, SessionId};
use repair_model::limits::LOG_SEGMENT_BYTES_MAX;
use repair_model::target::Target;
use repair_pipeline::outside::{Clock, Durability, Log, LogError};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::chain::Chain;
use crate::folder::{Folder, Identity};
use crate::frame::{self, Envelope};
use crate::lease::{self, AppendLock, Appending, Lease};
use crate::problem::{Problem, Trouble, cannot};
use crate::reader::{Reader, Tail};
use crate::segment::Segment;
use crate::state_dir::{StateDir, has_log};
use crate::walk::{self, Walk};
use crate::{blobs, head, publication, reading, recovery, rotation};

/// The log of one target, open for writing.
pub struct Journal {
    pub(crate) state: StateDir,
    pub(crate) folder: Folder,
    pub(crate) chain: Chain,
    /// Those of the present segment.
    pub(crate) records: Vec<Record>,
    /// What stands after the last line; set aside before anything is appended.
    pub(crate) tail: Option<Tail>,
    /// Whether files that an interrupted recovery left behind were looked for.
    pub(crate) recovered: bool,
    /// Up to which sequence the caller knows the records, because it was handed them or appended them.
    pub(crate) shown: u64,
    /// Reads only; `write` writes only. They are two, so that no position is shared.
    read: File,
    /// Which file `read` is.
    identity: Identity,
    pub(crate) write: File,
    append_lock: AppendLock,
    lease: Option<Lease>,
    /// The epoch of `lease`.
    pub(crate) epoch: Option<u64>,
    pub(crate) clock: Box<dyn Clock>,
    poisoned: bool,
}

impl Journal {
    /// Opens the log of `target` for a session, and takes the lease; makes the log when the target is not known. Reads and
    /// verifies the newest segment only, where the signed head proves what that one says of the past.
    ///
    /// # Errors
    /// [`LogError::Busy`] when another process holds the lease or the project directory, [`LogError::Outlived`] when an
    /// effect does whose `repair` is gone; [`LogError::Damaged`] when the log does not verify, or is missing for a known
    /// target; [`LogError::Io`] when the state directory cannot be used.
    pub fn open_for_session(
        state: &StateDir,
        target: &Target,
        holder: Holder,
        clock: Box<dyn Clock>,
    ) -> Result<Self, LogError> {
        let id = target.id();
        let folder = state.create_target(&id)?;
        let lease = Lease::take(&folder, target.locked_directory(), &holder, || reading::running_effect(state, &id))?;
        let mut append_lock = AppendLock::open(&folder)?;
        let _locked = append_lock.take(&folder)?;
        folder.sweep()?;
        blobs::sweep(&folder)?;
        publication::sweep(&folder)?;
        if !has_log(&folder)? {
            create_log(&folder, target, clock.as_ref())?;
        }
        let (mut journal, is_proven) = Self::open(state, folder, append_lock, id, clock)?;
        // Only now, when its log is on the disk: from here on, a missing log is damage.
        state.list(target)?;
        journal.lease = Some(lease);
        journal.epoch = Some(journal.chain.epoch.saturating_add(1));
        recovery::set_tail_aside(&mut journal)?;
        journal.write_line(None, Event::LeaseTaken { holder }, Durability::Process)?;
        if !is_proven {
            // Whoever began this segment was lost before its head was signed.
            journal.sign_present_end()?;
        }
        journal.finish_collection()?;
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
        if !has_log(&folder)? {
            return Err(none_yet());
        }
        let mut append_lock = AppendLock::open(&folder)?;
        let _locked = append_lock.take(&folder)?;
        Ok(Self::open(state, folder, append_lock, *target, clock)?.0)
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

    /// Opens and verifies; the append lock is held. Also tells whether the signed head proves the present segment.
    fn open(
        state: &StateDir,
        folder: Folder,
        append_lock: AppendLock,
        target: Digest,
        clock: Box<dyn Clock>,
    ) -> Result<(Self, bool), Trouble> {
        // What a process that was killed has renamed may have its name in memory only.
        folder.sync()?;
        let head = head::load(state, &folder, &target)?;
        let Some(walk) = Walk::newest(&folder, &target, head.as_ref())? else {
            return Err(cannot("open", &folder.file_path(&Segment::FIRST.name()))(Errno::NOENT).into());
        };
        let (records, end) = reading::present(walk)?;
        let segment = end.chain.segment;
        let is_proven = segment == Segment::FIRST || head.is_some_and(|head| head.size > segment.start);
        let read = walk::open(&folder, segment)?;
        let journal = Self {
            state: state.clone(),
            identity: Identity::of(&read, &folder.file_path(&segment.name()))?,
            read,
            append_lock,
            write: open_to_append(&folder, segment)?,
            folder,
            chain: end.chain,
            records,
            tail: end.tail,
            recovered: false,
            shown: 0,
            lease: None,
            epoch: None,
            clock,
            poisoned: false,
        };
        Ok((journal, is_proven))
    }

    /// Reads and verifies what others appended, up to the end of the newest segment; nobody else may be writing.
    pub(crate) fn catch_up(&mut self) -> Result<(), Trouble> {
        loop {
            let named = self.folder.named(&self.chain.segment.name())?;
            let still_there = named.filter(|named| named.identity == self.identity);
            let bytes = match (still_there, named) {
                (Some(named), _) => named.bytes,
                // A retention rule may have removed it since, if the log has gone on elsewhere.
                (None, None) => self.read.metadata().map_err(cannot("look at", &self.log_path()))?.len(),
                (None, Some(_)) => return Err(self.replaced()),
            };
            self.read_on(bytes)?;
            let next = Segment { start: self.chain.sequence() };
            if next == self.chain.segment || !self.folder.has(&next.name())? {
                return if still_there.is_some() { Ok(()) } else { Err(self.replaced()) };
            }
            self.follow(next)?;
        }
    }

    fn replaced(&self) -> Trouble {
        Problem::with_file(self.log_path(), "the log was replaced or removed while it was in use").into()
    }

    /// Reads the present segment, which is so long, to its end.
    fn read_on(&mut self, bytes: u64) -> Result<(), Trouble> {
        let path = self.log_path();
        if bytes < self.chain.offset {
            return Err(Problem::with_line(path, self.chain.at(), "the log was cut here while it was in use").into());
        }
        self.tail = None;
        if bytes > self.chain.offset {
            let mut reader = Reader::resume(&self.read, &path, self.chain.clone(), None)?;
            while let Some(line) = reader.next()? {
                self.records.push(line.record);
            }
            (self.chain, self.tail) = reader.into_end();
        }
        Ok(())
    }

    /// Goes on in the next segment, which is there.
    fn follow(&mut self, next: Segment) -> Result<(), Trouble> {
        if self.tail.is_some() {
            let what = format!("the line is unfinished, although the log goes on in `{}`", next.name());
            return Err(Problem::with_line(self.log_path(), self.chain.at(), what).into());
        }
        // Its name may be in memory only, where the process that gave it was killed.
        self.folder.sync()?;
        self.read = walk::open(&self.folder, next)?;
        self.identity = Identity::of(&self.read, &self.folder.file_path(&next.name()))?;
        self.write = open_to_append(&self.folder, next)?;
        self.chain.enter_next_segment();
        self.records.clear();
        Ok(())
    }

    /// Whether this journal may append `event` now; it has caught up.
    fn check_right(&self, event: &Event) -> Result<(), LogError> {
        if is_of_the_log_itself(event) {
            let what = "this event is recorded by the log itself and by nobody else".to_owned();
            return Err(LogError::Io { what, source: io::ErrorKind::PermissionDenied.into() });
        }
        if self.epoch.is_none() && stands_without_lease(event) { Ok(()) } else { self.check_lease() }
    }

    /// Whether this journal holds the lease that counts; it has caught up.
    pub(crate) fn check_lease(&self) -> Result<(), LogError> {
        match self.epoch {
            Some(own) if own == self.chain.epoch => Ok(()),
            Some(own) => Err(LogError::Busy(format!(
                "another session has taken over this target (its epoch is {}, this one's was {own}); nothing more is done \
                 here",
                self.chain.epoch
            ))),
            None => {
                let what = "this can only be recorded by the session that holds the target".to_owned();
                Err(LogError::Io { what, source: io::ErrorKind::PermissionDenied.into() })
            }
        }
    }

    /// The target as the present segment opens with it.
    pub(crate) fn opened_for(&self) -> Result<Target, LogError> {
        match self.records.first().map(|record| &record.event) {
            Some(Event::LogOpened { target } | Event::SegmentOpened { target, .. }) => Ok(target.clone()),
            _ => Err(LogError::Damaged(format!(
                "{}: the first line does not say whose log it is",
                self.log_path().display()
            ))),
        }
    }

    /// Writes one line; the append lock is held, the journal has caught up, and there is no tail.
    pub(crate) fn write_line(
        &mut self,
        session: Option<&SessionId>,
        event: Event,
        durability: Durability,
    ) -> Result<(), LogError> {
        let epoch = self.chain.epoch.saturating_add(u64::from(matches!(event, Event::LeaseTaken { .. })));
        let kind = event.kind();
        let envelope = envelope_after(&self.chain, session.cloned(), epoch, event, self.clock.as_ref());
        let mut bytes = frame::encode(&envelope).map_err(unrecordable)?;
        // A line that its own reader refuses would end the log for good, so it is read before it is written.
        frame::check_reads_back(&bytes, &envelope).map_err(unrecordable)?;
        self.chain.check(&envelope).map_err(unrecordable)?;
        debug_assert!(String::from_utf8_lossy(&bytes).contains(&format!("\"event\":{{\"kind\":\"{kind}\"")), "{kind}");
        bytes.push(b'\n');
        let written = put(&self.write, &bytes, kind, durability).map_err(cannot("append to", &self.log_path()));
        self.poisoned_by(written.map_err(Trouble::from))?;
        if self.shown == self.chain.sequence() {
            self.shown += 1;
        }
        let line = self.chain.take(envelope, &bytes[..bytes.len() - 1]);
        self.records.push(line.record);
        Ok(())
    }

    /// Signs the present end; the append lock is held, and the journal has caught up.
    pub(crate) fn sign_present_end(&mut self) -> Result<(), LogError> {
        // A head must never outlive the lines that it vouches for.
        self.sync()?;
        let signed = head::sign(&self.state, &self.folder, &self.chain, self.clock.now());
        self.poisoned_by(signed)
    }

    /// Puts the lines of the present segment on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        let synced = rustix::fs::fdatasync(&self.write).map_err(cannot("sync", &self.log_path()));
        self.poisoned_by(synced.map_err(Trouble::from))
    }

    /// Passes a result on, and remembers when it means that nothing is certain any more.
    pub(crate) fn poisoned_by<T>(&mut self, result: Result<T, Trouble>) -> Result<T, LogError> {
        self.poisoned |= result.is_err();
        Ok(result?)
    }

    /// Holds the append lock until what it returns is dropped.
    pub(crate) fn lock_append(&mut self) -> Result<Appending, Trouble> {
        self.append_lock.take(&self.folder)
    }

    /// Lets nothing more be written.
    pub(crate) fn poison(&mut self) {
        self.poisoned = true;
    }

    pub(crate) fn usable(&self) -> Result<(), LogError> {
        if self.poisoned { Err(LogError::Poisoned) } else { Ok(()) }
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.folder.file_path(&self.chain.segment.name())
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
        let _locked = self.lock_append()?;
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
        self.shown = self.chain.sequence();
        Ok(&self.records)
    }

    fn opening_state(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        self.usable()?;
        let _shared = lease::share_append(&self.folder)?;
        self.catch_up()?;
        Ok(reading::opening_state(&self.folder, &self.records)?)
    }

    fn is_segment_full(&self) -> bool {
        self.chain.offset >= LOG_SEGMENT_BYTES_MAX
    }

    fn begin_segment(&mut self, state: &[u8]) -> Result<(), LogError> {
        rotation::begin(self, state)
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), LogError> {
        publication::publish(&self.folder, session, projection)
    }

    fn sign_head(&mut self) -> Result<(), LogError> {
        self.usable()?;
        let _locked = self.lock_append()?;
        self.catch_up()?;
        self.sign_present_end()
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

/// What only the log records, of itself.
fn is_of_the_log_itself(event: &Event) -> bool {
    matches!(
        event,
        Event::LogOpened { .. }
            | Event::SegmentOpened { .. }
            | Event::Collected { .. }
            | Event::TailSetAside { .. }
            | Event::LeaseTaken { .. }
    )
}

fn open_to_append(folder: &Folder, segment: Segment) -> Result<File, Trouble> {
    let name = segment.name();
    match folder.open(&name, OFlags::WRONLY | OFlags::APPEND)? {
        Some(file) => Ok(file),
        None => Err(cannot("open", &folder.file_path(&name))(Errno::NOENT).into()),
    }
}

/// Makes a log with its first line. It gets its name only when it is on the disk, so there is never an empty log.
fn create_log(folder: &Folder, target: &Target, clock: &dyn Clock) -> Result<(), LogError> {
    let mut chain = Chain::new(target.id());
    let mut bytes = line_after(&chain, None, 0, Event::LogOpened { target: target.clone() }, clock)?;
    chain.accept(&bytes).map_err(unrecordable)?;
    bytes.push(b'\n');
    folder.replace(&Segment::FIRST.name(), "log", &bytes)
}

pub(crate) fn line_after(
    chain: &Chain,
    session: Option<SessionId>,
    epoch: u64,
    event: Event,
    clock: &dyn Clock,
) -> Result<Vec<u8>, LogError> {
    frame::encode(&envelope_after(chain, session, epoch, event, clock)).map_err(unrecordable)
}

fn envelope_after(chain: &Chain, session: Option<SessionId>, epoch: u64, event: Event, clock: &dyn Clock) -> Envelope {
    let (seq, prev) = (chain.sequence(), chain.previous);
    Envelope { v: FORMAT_VERSION, seq, prev, session, epoch, time: clock.now(), event }
}

/// Nothing was written, so nothing is poisoned.
pub(crate) fn unrecordable(why: impl fmt::Display) -> LogError {
    let source = io::ErrorKind::InvalidData.into();
    LogError::Io { what: format!("an event cannot be recorded ({why}), so nothing that needs it is done"), source }
}

fn put(file: &File, bytes: &[u8], kind: &str, durability: Durability) -> io::Result<()> {
    pass(Point::LineBegun, kind);
    if let Some(error) = failure(Point::LineBegun, kind) {
        return Err(error);
    }
    if is_due(Point::LineTorn, kind) {
        let _ = write_once(file, &bytes[..bytes.len() / 2]);
        die();
    }
    let written = write_once(file, bytes)?;
    if written != bytes.len() {
        let what = format!("only {written} of {} bytes were written", bytes.len());
        return Err(io::Error::new(io::ErrorKind::WriteZero, what));
    }
    pass(Point::LineWritten, kind);
    if durability == Durability::Power {
        match failure(Point::LineSynced, kind) {
            Some(error) => return Err(error),
            None => rustix::fs::fdatasync(file)?,
        }
        pass(Point::LineSynced, kind);
    }
    Ok(())
}

fn write_once(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match io::Write::write(&mut file, bytes) {
            // Interrupted before the first byte.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

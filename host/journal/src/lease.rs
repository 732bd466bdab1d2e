//! The locks: the lease is the right to act on a target, the append lock orders records, the root lock orders changes of
//! the state directory's own files.
//!
//! All of them are `flock(2)` locks, which the kernel releases when the last descriptor of the open file is closed. So
//! no lock is ever stale, and a process that inherited the lease's descriptor keeps the target busy until it ends, even
//! when the `repair` that started it is long dead. What is written into the lease file only tells who it is
//! ([`crate::holder`]); it decides nothing.
//!
//! The lease has two halves: a file in the target's folder, and the project directory itself, so that two users with two
//! state directories cannot act on one project at once. A target without a directory of its own, such as an Azure resource
//! group, has the first half only.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use repair_model::event::{EffectProcess, Holder};
use repair_model::limits::{APPEND_WAIT_MS_MAX, LEASE_WAIT_MS_MAX};
use repair_pipeline::outside::LogError;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::folder::{Folder, Identity};
use crate::holder;
use crate::problem::{Trouble, cannot};

pub(crate) const LEASE: &str = "lease";
const APPEND_LOCK: &str = "append.lock";
/// How often a lock that is held for moments is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// The right to act on one target, for as long as a descriptor of it is open anywhere.
#[derive(Debug)]
pub(crate) struct Lease {
    file: File,
    /// `None` where directories cannot be locked, such as on some network file systems, and for a target that has none of
    /// its own.
    directory: Option<File>,
}

impl Lease {
    /// Takes the lease, or tells who has it. It is tried for a moment, because somebody may only be looking at it. `effect`
    /// tells the process of an effect whose outcome is not recorded.
    pub(crate) fn take(
        folder: &Folder,
        project: Option<&Path>,
        holder: &Holder,
        effect: impl Fn() -> Option<EffectProcess>,
    ) -> Result<Self, Trouble> {
        let locked = wait(LEASE_WAIT_MS_MAX, || try_lock(folder, LEASE, FlockOperation::NonBlockingLockExclusive))?;
        let Some(file) = locked else { return Err(holder::refusal(folder, holder, effect).into()) };
        let directory = project.map(lock_directory).transpose()?.flatten();
        let text = serde_json::to_vec(holder).map_err(std::io::Error::from);
        text.and_then(|text| file.set_len(0).and_then(|()| file.write_all_at(&text, 0)))
            .map_err(cannot("write", &folder.file_path(LEASE)))?;
        Ok(Self { file, directory })
    }

    /// The half in the target's folder.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The half on the project directory.
    pub(crate) fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.directory.as_ref().map(File::as_fd)
    }
}

/// The append lock of a target, kept open by whoever appends often.
#[derive(Debug)]
pub(crate) struct AppendLock {
    file: Rc<File>,
    identity: Identity,
}

/// The append lock is held until this is dropped. It is given back, not only closed, so that a process that was forked off
/// meanwhile keeps nothing.
#[derive(Debug)]
pub(crate) struct Appending(Rc<File>);

impl Drop for Appending {
    fn drop(&mut self) {
        // What cannot be given back is given back when the file is closed.
        let _ = rustix::fs::flock(&*self.0, FlockOperation::Unlock);
    }
}

impl AppendLock {
    /// Opens the lock, and does not take it.
    pub(crate) fn open(folder: &Folder) -> Result<Self, Trouble> {
        let file = folder.open_or_create(APPEND_LOCK)?;
        let identity = Identity::of(&file, &folder.file_path(APPEND_LOCK))?;
        Ok(Self { file: Rc::new(file), identity })
    }

    /// Waits until the lock is free, and takes it.
    pub(crate) fn take(&mut self, folder: &Folder) -> Result<Appending, Trouble> {
        let path = folder.file_path(APPEND_LOCK);
        let taken = wait(APPEND_WAIT_MS_MAX, || {
            loop {
                match rustix::fs::flock(&*self.file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => {}
                    Err(Errno::INTR) => continue,
                    Err(Errno::WOULDBLOCK) => return Ok(None),
                    Err(error) => return Err(cannot("lock", &path)(error).into()),
                }
                let appending = Appending(Rc::clone(&self.file));
                if folder.named(APPEND_LOCK)?.is_some_and(|named| named.identity == self.identity) {
                    return Ok(Some(appending));
                }
                // Somebody replaced the file: a lock on the old one protects nothing.
                *self = Self::open(folder)?;
            }
        })?;
        taken.ok_or_else(|| held_too_long(folder, APPEND_LOCK).into())
    }
}

/// Keeps writers away while something is read; `None` when nobody ever wrote here, or a writer does not come to an end.
/// Reading goes on without it, then at worst sees an unfinished line.
pub(crate) fn share_append(folder: &Folder) -> Result<Option<File>, Trouble> {
    let Some(file) = folder.open(APPEND_LOCK, OFlags::RDONLY)? else { return Ok(None) };
    let shared = wait(APPEND_WAIT_MS_MAX, || match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(true)),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        // A copy of a state folder on a file system without locks can be read all the same.
        Err(_) => Ok(Some(false)),
    })?;
    Ok((shared == Some(true)).then_some(file))
}

/// Waits until a lock that is only ever held for moments is free, and takes it.
pub(crate) fn lock_soon(folder: &Folder, name: &str) -> Result<File, Trouble> {
    match wait(APPEND_WAIT_MS_MAX, || try_lock(folder, name, FlockOperation::NonBlockingLockExclusive))? {
        Some(file) => Ok(file),
        None => Err(held_too_long(folder, name).into()),
    }
}

fn held_too_long(folder: &Folder, name: &str) -> LogError {
    LogError::Busy(format!(
        "another process has held `{}` for {} seconds, although that takes only moments; look with `fuser -v` who it is and \
         whether it hangs",
        folder.file_path(name).display(),
        APPEND_WAIT_MS_MAX / 1_000
    ))
}

/// Tries again until `attempt` has something, for at most so many milliseconds.
pub(crate) fn wait<T>(
    milliseconds_max: u64,
    mut attempt: impl FnMut() -> Result<Option<T>, Trouble>,
) -> Result<Option<T>, Trouble> {
    for _ in 0..milliseconds_max / TRY_AGAIN.as_millis() as u64 {
        if let Some(something) = attempt()? {
            return Ok(Some(something));
        }
        std::thread::sleep(TRY_AGAIN);
    }
    attempt()
}

fn try_lock(folder: &Folder, name: &str, operation: FlockOperation) -> Result<Option<File>, Trouble> {
    loop {
        let file = folder.open_or_create(name)?;
        match lock_opened(folder, name, &file, operation)? {
            Tried::Locked => return Ok(Some(file)),
            Tried::Held => return Ok(None),
            Tried::Again => {}
        }
    }
}

/// What came of trying a lock.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Locked,
    Held,
    /// Interrupted, or somebody replaced the file between open and lock: a lock on the old one protects nothing.
    Again,
}

fn lock_opened(folder: &Folder, name: &str, file: &File, operation: FlockOperation) -> Result<Tried, Trouble> {
    match rustix::fs::flock(file, operation) {
        Ok(()) if folder.still_names(name, file)? => Ok(Tried::Locked),
        Ok(()) | Err(Errno::INTR) => Ok(Tried::Again),
        Err(Errno::WOULDBLOCK) => Ok(Tried::Held),
        Err(error) => Err(cannot("lock", &folder.file_path(name))(error).into()),
    }
}

fn lock_directory(project: &Path) -> Result<Option<File>, LogError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let locked = rustix::fs::open(project, flags, Mode::empty()).and_then(|directory| {
        rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).map(|()| File::from(directory))
    });
    match locked {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::WOULDBLOCK) => Err(LogError::Busy(format!(
            "another program holds a lock on the project directory `{0}`: most likely a `repair` of another user, or one \
             with another state folder, or for another project in the same directory; `fuser -v '{0}'` shows it",
            project.display()
        ))),
        // The lock adds to the lease; where the file system or its rights do not allow it, the lease alone has to do.
        // Linux answers EBADF for an exclusive lock on a directory of a network file system.
        Err(
            Errno::ROFS
            | Errno::NOTSUP
            | Errno::INVAL
            | Errno::BADF
            | Errno::NOLCK
            | Errno::NOSYS
            | Errno::ACCESS
            | Errno::PERM
            | Errno::NOENT
            | Errno::NOTDIR,
        ) => Ok(None),
        Err(error) => Err(cannot("lock the project directory", project)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_is_not_locked_and_a_locked_one_is_busy() {
        let scratch = tempfile::tempdir().expect("a folder");
        assert!(lock_directory(&scratch.path().join("gone")).expect("no error").is_none());
        let _held = lock_directory(scratch.path()).expect("free").expect("lockable");
        assert!(matches!(lock_directory(scratch.path()), Err(LogError::Busy(_))));
    }

    #[test]
    fn a_lock_on_a_file_that_was_replaced_counts_for_nothing() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = Folder::create_root(scratch.path()).expect("there");
        let operation = FlockOperation::NonBlockingLockExclusive;
        let opened = folder.open_or_create("lock").expect("opened");
        folder.replace("lock", "test", b"").expect("replaced");
        assert_eq!(lock_opened(&folder, "lock", &opened, operation).expect("tried"), Tried::Again);
        let held = try_lock(&folder, "lock", operation).expect("tried");
        assert!(held.is_some() && try_lock(&folder, "lock", operation).expect("tried").is_none());
    }
}

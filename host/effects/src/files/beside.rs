//! The new content of a file, in a file of its own beside the one that it is for, until it takes that one's place.
//!
//! It refuses to write into anything that was there before, and lets nobody but its owner read it until right before the
//! rename, since it may hold a secret. A process that is killed leaves it behind; its name says whose it was, and a lock
//! that the kernel releases says that nobody writes it any more, so that [`sweep`] removes exactly what was left behind.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use repair_faults::Point;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};

use super::{FileError, folder_of, io_error};

/// What stands between the name of a file and the random digits in the name of its new content.
const MARK: &str = ".repair-";
/// What stands behind these digits.
const UNFINISHED: &str = ".unfinished";
/// Random bytes in such a name, so that no two processes ever meet in one.
const RANDOM_BYTES: usize = 8;

/// The moments at which a crash would hurt, for what is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points {
    pub(super) written: Point,
    pub(super) renamed: Point,
    pub(super) detail: &'static str,
}

impl Points {
    /// Those of a file of the project.
    pub(super) const PROJECT_FILE: Self =
        Self { written: Point::ProjectFileWritten, renamed: Point::ProjectFileRenamed, detail: "" };
}

/// Who may read the file once it has its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access<'a> {
    /// Whoever could read the one that it replaces; the owner is kept as well.
    Like(&'a Metadata),
    /// Whom the user's umask lets.
    ByUmask,
    /// Its owner alone.
    Private,
}

/// The new content. Removed again unless it took its place.
pub(super) struct Beside<'a> {
    wanted: &'a Path,
    folder: OwnedFd,
    name: OsString,
    path: OsString,
    file: File,
    points: Points,
}

impl<'a> Beside<'a> {
    /// Makes the file, empty, in `folder`; `wanted` is the path that errors name, and its last part the name that the
    /// content will have.
    pub(super) fn new(wanted: &'a Path, folder: OwnedFd, points: Points) -> Result<Self, FileError> {
        let failed = |source| io_error(wanted, "written", source);
        let name = wanted.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?.to_owned();
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
        let path = unfinished_name(&name, &hex::encode(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&folder, &path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| failed(error.into()))?;
        // Where a file system has no locks, a leftover is named to a person and not removed.
        let _ = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { wanted, folder, name, path, file: file.into(), points })
    }

    /// Writes the content, then gives it its owner and mode.
    pub(super) fn fill(&self, bytes: &[u8], access: Access<'_>) -> Result<(), FileError> {
        let failed = |source| io_error(self.wanted, "written", source);
        if let Some(error) = repair_faults::failure(self.points.written, self.points.detail) {
            return Err(failed(error));
        }
        (&self.file).write_all(bytes).map_err(failed)?;
        repair_faults::pass(self.points.written, self.points.detail);
        let permissions = match access {
            Access::Like(like) => {
                self.give_to(like)?;
                like.permissions()
            }
            Access::ByUmask => Permissions::from_mode(0o666 & !umask()),
            Access::Private => Permissions::from_mode(0o600),
        };
        // After the owner, because a change of owner clears the set-id bits.
        self.file.set_permissions(permissions).map_err(failed)?;
        self.file.sync_all().map_err(failed)
    }

    fn give_to(&self, like: &Metadata) -> Result<(), FileError> {
        let own = self.file.metadata().map_err(|source| io_error(self.wanted, "written", source))?;
        if (own.uid(), own.gid()) == (like.uid(), like.gid()) {
            return Ok(());
        }
        std::os::unix::fs::fchown(&self.file, Some(like.uid()), Some(like.gid())).map_err(|_| FileError::Owner {
            path: self.wanted.to_owned(),
            uid: like.uid(),
            gid: like.gid(),
        })
    }

    /// Replaces the file of the wanted name.
    pub(super) fn take_the_place(self) -> Result<(), FileError> {
        rustix::fs::renameat(&self.folder, &self.path, &self.folder, &self.name)
            .map_err(|error| io_error(self.wanted, "replaced", error.into()))?;
        self.renamed()
    }

    /// Takes the wanted name, which nobody may have.
    pub(super) fn become_new(self) -> Result<(), FileError> {
        let (folder, path, name) = (&self.folder, &self.path, &self.name);
        let renamed = rustix::fs::renameat_with(folder, path, folder, name, RenameFlags::NOREPLACE);
        let made = match renamed.map_err(io::Error::from) {
            // Not every file system can rename without replacing; a hard link does not replace either.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                rustix::fs::linkat(folder, path, folder, name, AtFlags::empty()).map_err(io::Error::from)
            }
            renamed => renamed,
        };
        made.map_err(|source| io_error(self.wanted, "made", source))?;
        self.renamed()
    }

    fn renamed(&self) -> Result<(), FileError> {
        repair_faults::pass(self.points.renamed, self.points.detail);
        rustix::fs::fsync(&self.folder).map_err(|error| io_error(self.wanted, "synced", error.into()))
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // Gone already where the rename succeeded.
        let _ = rustix::fs::unlinkat(&self.folder, &self.path, AtFlags::empty());
    }
}

/// Opens a folder to work in.
pub(super) fn open_folder(wanted: &Path, folder: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty()).map_err(|error| io_error(wanted, "written", error.into()))
}

/// Removes what killed processes left behind while they wrote the file at `path`: regular files of exactly the name that
/// this module gives, that belong to this user or to the owner of the file, and that nobody writes any more. No link is
/// followed to one. Returns what was done, and what was left for a person.
pub fn sweep(path: &Path) -> Vec<String> {
    // A link stays and what it leads to is replaced, so the content lay beside that.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Some(name) = real.file_name() else { return Vec::new() };
    let owner = std::fs::metadata(&real).ok().map(|metadata| metadata.uid());
    let Ok(entries) = std::fs::read_dir(folder_of(&real)) else { return Vec::new() };
    let mut left: Vec<OsString> =
        entries.flatten().map(|entry| entry.file_name()).filter(|found| is_unfinished(found, name)).collect();
    left.sort();
    left.iter().filter_map(|found| sweep_one(&real.with_file_name(found), owner)).collect()
}

fn sweep_one(path: &Path, owner: Option<u32>) -> Option<String> {
    let shown = path.display();
    let by_hand =
        |why: &str| Some(format!("`{shown}` was left half-written and stays, since {why}; remove it yourself"));
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return by_hand("this user may not open it"),
        Err(_) => return None,
    };
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    let me = rustix::process::geteuid().as_raw();
    // Right before the rename it belongs to the owner of the file already, which only root can bring about.
    let ours = metadata.uid() == me || (me == 0 && Some(metadata.uid()) == owner);
    if !ours {
        return by_hand("it belongs to another user");
    }
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return None,
        Err(_) => return by_hand("it cannot be told whether somebody still writes it"),
    }
    let same = rustix::fs::lstat(path).is_ok_and(|now| {
        FileType::from_raw_mode(now.st_mode) == FileType::RegularFile
            && (now.st_dev, now.st_ino) == (metadata.dev(), metadata.ino())
    });
    if !same {
        return None;
    }
    match std::fs::remove_file(path) {
        Ok(()) => Some(format!("`{shown}`, which was left half-written, was removed")),
        Err(error) => by_hand(&error.to_string()),
    }
}

fn unfinished_name(name: &OsStr, random: &str) -> OsString {
    let mut whole = OsString::from(".");
    whole.push(name);
    whole.push(MARK);
    whole.push(random);
    whole.push(UNFINISHED);
    whole
}

fn is_unfinished(found: &OsStr, name: &OsStr) -> bool {
    let random = found
        .as_bytes()
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_prefix(name.as_bytes()))
        .and_then(|rest| rest.strip_prefix(MARK.as_bytes()))
        .and_then(|rest| rest.strip_suffix(UNFINISHED.as_bytes()));
    random.is_some_and(|digits| {
        digits.len() == 2 * RANDOM_BYTES && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The umask of this process as the kernel tells it (proc_pid_status(5), since Linux 4.7); where it does not, nobody but
/// the owner may read what is made.
fn umask() -> u32 {
    const STRICT: u32 = 0o077;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok()).unwrap_or(STRICT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::names;
    use super::*;

    fn left_behind(folder: &Path, name: &str, content: &[u8]) -> String {
        let wanted = folder.join(name);
        let beside = Beside::new(&wanted, open_folder(&wanted, folder).expect("open"), Points::PROJECT_FILE);
        let beside = beside.expect("made");
        (&beside.file).write_all(content).expect("written");
        let left = beside.path.to_string_lossy().into_owned();
        assert_eq!(beside.file.metadata().expect("there").mode() & 0o7777, 0o600, "it may hold a secret");
        // As a kill leaves it: its lock is gone and nothing is cleaned up.
        rustix::fs::flock(&beside.file, FlockOperation::Unlock).expect("unlocked");
        std::mem::forget(beside);
        left
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join(".env");
        crate::files::create_new(&file, b"A=1\n").expect("made");
        let left = left_behind(dir.path(), ".env", b"A=secret\n");
        let others = [
            "..env.repair-0123456789abcde.unfinished",
            "..env.repair-0123456789abcdef.unfinished~",
            "..env.repair-0123456789ABCDEF.unfinished",
            ".env.repair-0123456789abcdef.unfinished",
            ".other.repair-0123456789abcdef.unfinished",
        ];
        for other in others {
            crate::files::create_new(&dir.path().join(other), b"").expect("made");
        }
        std::fs::create_dir(dir.path().join("..env.repair-0123456789abcdef.unfinished")).expect("made");
        symlink(&file, dir.path().join("..env.repair-fedcba9876543210.unfinished")).expect("linked");
        let said = sweep(&file);
        assert!(said.len() == 1 && said[0].contains(&left), "{said:?}");
        assert_eq!(names(dir.path()).len(), others.len() + 3);
        assert_eq!(crate::files::read(&file).expect("read"), b"A=1\n");
        assert_eq!(sweep(&file), Vec::<String>::new());
    }

    #[test]
    fn what_somebody_still_writes_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let wanted = dir.path().join("compose.override.yaml");
        let folder = open_folder(&wanted, dir.path()).expect("open");
        let beside = Beside::new(&wanted, folder, Points::PROJECT_FILE).expect("made");
        assert_eq!(sweep(&wanted), Vec::<String>::new());
        beside.fill(b"new", Access::ByUmask).expect("written");
        beside.become_new().expect("named");
        assert_eq!(crate::files::read(&wanted).expect("read"), b"new");
    }

    #[test]
    fn behind_a_link_it_lies_beside_what_the_link_leads_to() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("real")).expect("made");
        let real = dir.path().join("real/compose.yaml");
        crate::files::create_new(&real, b"a").expect("made");
        let link = dir.path().join("link.yaml");
        symlink(&real, &link).expect("linked");
        left_behind(&dir.path().join("real"), "compose.yaml", b"b");
        assert_eq!(sweep(&link).len(), 1);
        assert_eq!(names(&dir.path().join("real")), ["compose.yaml"]);
    }

    #[test]
    fn the_umask_is_that_of_the_process() {
        let dir = tempfile::tempdir().expect("a folder");
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        crate::files::create_new(&ours, b"").expect("made");
        File::create(&plain).expect("made");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}

//! Files of the project: read within bounds, replaced whole or not at all.
//!
//! After a crash a file is either as it was or as it was to be: the new content is written and synced beside it, renamed
//! over it, and the folder is synced; what a crash leaves beside it is found again by [`sweep`]. Mode and owner are kept, and where they cannot be, nothing is done. A symbolic link
//! is followed and what it leads to is replaced, so the link stays. Anything but a regular file is refused. Extended
//! attributes and further hard links are not carried over.

mod beside;
mod git;
mod inside;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use repair_faults::Point;
use repair_model::ids::{Digest, Domain};
use repair_model::limits::PROJECT_FILE_BYTES_MAX;

pub use beside::sweep;
use beside::{Access, Beside, Points, open_folder};
pub use git::{GitState, git_state, modified};
pub use inside::{ID, check_place, place_of, put_inside};

/// Why a file could not be read or written. `Display` names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system said no.
    #[error("{} cannot be {doing}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done, as a participle.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// It is a folder, a device or the like.
    #[error("{} is not a regular file", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// It is too long.
    #[error("{} has {bytes} bytes; at most {bytes_max} are read or written", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length, or the length that it would get.
        bytes: u64,
        /// What is allowed.
        bytes_max: usize,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text: byte {at} does not belong", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is wrong, counted from 0.
        at: usize,
    },
    /// It is not as it was when the change was worked out.
    #[error("{} was changed meanwhile", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to somebody else, and the new one would not.
    #[error("{} belongs to another user or group ({uid}:{gid}), which could not be kept", .path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// A part of the way to it is a link, or no folder.
    #[error("{} is not written, since `{}` on the way to it is a symbolic link or no folder", .path.display(), .part.display())]
    LeadsOut {
        /// The file.
        path: PathBuf,
        /// The part.
        part: PathBuf,
    },
}

impl FileError {
    /// The kind of the system's error, where there is one.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// What to do next; empty where the error says it all.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Io { path, doing, source } => return io_hint(path, doing, source.kind()).into_iter().collect(),
            Self::NotRegular { .. } => "name a regular file",
            Self::TooLong { .. } => "split the file, or change it by hand",
            Self::NotText { .. } => "save the file as UTF-8",
            Self::Changed { .. } => "run `repair` again; it looks at the file anew",
            Self::Owner { .. } => "run `repair` as the owner of the file, or with `sudo`",
            Self::LeadsOut { .. } => "name a place that is reached through real folders of the project",
        };
        vec![hint.to_owned()]
    }
}

fn io_hint(path: &Path, doing: &str, kind: io::ErrorKind) -> Option<String> {
    let folder = path.parent().unwrap_or(path).display();
    let writes = doing != "read";
    match kind {
        io::ErrorKind::ReadOnlyFilesystem => Some(format!("{folder} is on a read-only file system; mount it writable")),
        io::ErrorKind::PermissionDenied if writes => {
            Some(format!("this user may not write into {folder}; run `repair` as its owner"))
        }
        io::ErrorKind::PermissionDenied => Some(format!("this user may not read it; see `ls -l {folder}`")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(format!("make room on the disk of {folder}")),
        io::ErrorKind::AlreadyExists if writes => {
            Some("it is there already and is left as it is; remove it first, or name another place".to_owned())
        }
        io::ErrorKind::NotFound if writes => Some(format!("the folder {folder} does not exist")),
        io::ErrorKind::ResourceBusy => Some("the file is mounted by itself; change it where it really lies".to_owned()),
        _ => None,
    }
}

/// The bytes of a regular file.
///
/// # Errors
/// When it cannot be read, is no regular file, or has more than [`PROJECT_FILE_BYTES_MAX`] bytes.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_up_to(path, PROJECT_FILE_BYTES_MAX)
}

/// The same with another limit, for what is no file of a project.
///
/// # Errors
/// Those of [`read`] with that limit.
pub fn read_up_to(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| io_error(path, "read", source);
    // A pipe in place of the file would otherwise hold up the opening for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = regular(path, file.metadata().map_err(failed)?)?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    short_enough(path, metadata.len().max(bytes.len() as u64), bytes_max)?;
    Ok(bytes)
}

/// The text of a regular file.
///
/// # Errors
/// Those of [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(read(path)?)
        .map_err(|error| FileError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// The digest of a file; `None` when there is no such file.
///
/// # Errors
/// Those of [`read`] but for the missing file.
pub fn digest_of(path: &Path) -> Result<Option<Digest>, FileError> {
    match read(path) {
        Ok(bytes) => Ok(Some(Digest::of(Domain::File, &bytes))),
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the content of an existing file. With `expected_before` the file has to have that digest right before.
///
/// # Errors
/// When it cannot be done as the top of this file says; the file is as it was then.
pub fn replace(path: &Path, bytes: &[u8], expected_before: Option<Digest>) -> Result<(), FileError> {
    short_enough(path, bytes.len() as u64, PROJECT_FILE_BYTES_MAX)?;
    replace_content(path, bytes, expected_before)
}

/// The same with another limit, for what is no file of a project.
///
/// # Errors
/// Those of [`replace`] with that limit.
pub fn replace_up_to(path: &Path, bytes: &[u8], bytes_max: usize) -> Result<(), FileError> {
    short_enough(path, bytes.len() as u64, bytes_max)?;
    replace_content(path, bytes, None)
}

fn replace_content(path: &Path, bytes: &[u8], expected_before: Option<Digest>) -> Result<(), FileError> {
    let real = std::fs::canonicalize(path).map_err(|source| io_error(path, "replaced", source))?;
    let metadata = std::fs::metadata(&real).map_err(|source| io_error(path, "replaced", source))?;
    let metadata = regular(path, metadata)?;
    let beside = Beside::new(&real, open_folder(&real, folder_of(&real))?, Points::PROJECT_FILE)?;
    beside.fill(bytes, Access::Like(&metadata))?;
    as_expected(&real, expected_before)?;
    beside.take_the_place()
}

/// Makes a new file, with the mode that the user's umask gives.
///
/// # Errors
/// When there is a file already ([`io::ErrorKind::AlreadyExists`]), or it cannot be made; nothing is left behind then.
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    create(path, bytes, Access::ByUmask, PROJECT_FILE_BYTES_MAX)
}

/// The same with another limit, for what is no file of a project.
///
/// # Errors
/// Those of [`create_new`] with that limit.
pub fn create_up_to(path: &Path, bytes: &[u8], bytes_max: usize) -> Result<(), FileError> {
    create(path, bytes, Access::ByUmask, bytes_max)
}

/// Makes a new file that only its owner can read.
///
/// # Errors
/// Those of [`create_new`].
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    create(path, bytes, Access::Private, PROJECT_FILE_BYTES_MAX)
}

/// Puts a file of this user's own in its place, whole or not at all, whatever file was there. Only its owner can read it.
///
/// # Errors
/// When it cannot be written; what was there stays then.
pub fn put_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = Beside::new(path, open_folder(path, folder_of(path))?, Points::PROJECT_FILE)?;
    beside.fill(bytes, Access::Private)?;
    beside.take_the_place()
}

fn create(path: &Path, bytes: &[u8], access: Access<'_>, bytes_max: usize) -> Result<(), FileError> {
    short_enough(path, bytes.len() as u64, bytes_max)?;
    let beside = Beside::new(path, open_folder(path, folder_of(path))?, Points::PROJECT_FILE)?;
    beside.fill(bytes, access)?;
    beside.become_new()
}

/// Removes a file. With `expected_before` it has to have that digest right before.
///
/// # Errors
/// When it is not there, is a link or no regular file, or cannot be removed.
pub fn remove(path: &Path, expected_before: Option<Digest>) -> Result<(), FileError> {
    let failed = |source| io_error(path, "removed", source);
    regular(path, std::fs::symlink_metadata(path).map_err(failed)?)?;
    as_expected(path, expected_before)?;
    std::fs::remove_file(path).map_err(failed)?;
    repair_faults::pass(Point::ProjectFileRenamed, "");
    sync_folder(path)
}

fn as_expected(path: &Path, expected: Option<Digest>) -> Result<(), FileError> {
    match expected {
        Some(expected) if digest_of(path)? != Some(expected) => Err(FileError::Changed { path: path.to_owned() }),
        _ => Ok(()),
    }
}

fn regular(path: &Path, metadata: Metadata) -> Result<Metadata, FileError> {
    if metadata.is_file() { Ok(metadata) } else { Err(FileError::NotRegular { path: path.to_owned() }) }
}

fn short_enough(path: &Path, bytes: u64, bytes_max: usize) -> Result<(), FileError> {
    if bytes <= bytes_max as u64 { Ok(()) } else { Err(FileError::TooLong { path: path.to_owned(), bytes, bytes_max }) }
}

fn io_error(path: &Path, doing: &'static str, source: io::Error) -> FileError {
    FileError::Io { path: path.to_owned(), doing, source }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(path, "synced", source))
}

#[cfg(test)]
pub(in crate::files) mod tests {
    use std::fs::Permissions;
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use rustix::fs::CWD;

    use super::*;

    fn digest(bytes: &[u8]) -> Option<Digest> {
        Some(Digest::of(Domain::File, bytes))
    }

    pub(in crate::files) fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_owner_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("compose.yaml");
        create_new(&path, b"before").expect("made");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        let can_give_away = std::os::unix::fs::chown(&path, Some(4321), Some(4322)).is_ok();
        let before = std::fs::metadata(&path).expect("there");
        replace(&path, b"after", digest(b"before")).expect("replaced");
        let after = std::fs::metadata(&path).expect("there");
        assert_eq!(read(&path).expect("read"), b"after");
        assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
        assert!(!can_give_away || after.uid() == 4321);
        assert_eq!(names(dir.path()), ["compose.yaml"]);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("compose.yaml");
        create_new(&path, b"somebody else's").expect("made");
        let error = replace(&path, b"after", digest(b"before")).expect_err("changed");
        assert!(matches!(error, FileError::Changed { .. }));
        assert!(matches!(remove(&path, digest(b"before")), Err(FileError::Changed { .. })));
        assert_eq!(read(&path).expect("read"), b"somebody else's");
        assert_eq!(names(dir.path()), ["compose.yaml"]);
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("real")).expect("made");
        let real = dir.path().join("real/compose.yaml");
        create_new(&real, b"before").expect("made");
        let link = dir.path().join("compose.yaml");
        symlink("real/compose.yaml", &link).expect("linked");
        replace(&link, b"after", digest(b"before")).expect("replaced");
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(read(&real).expect("read"), b"after");
        assert_eq!(digest_of(&link).expect("read"), digest(b"after"));
        assert!(matches!(remove(&link, None), Err(FileError::NotRegular { .. })));
    }

    #[test]
    fn a_private_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(".env");
        create_private(&path, b"KEY=1\n").expect("made");
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        let error = create_private(&path, b"KEY=2\n").expect_err("there already");
        assert_eq!(error.kind(), Some(io::ErrorKind::AlreadyExists));
        assert_eq!((read(&path).expect("read"), names(dir.path())), (b"KEY=1\n".to_vec(), vec![".env".to_owned()]));
    }

    #[test]
    fn a_new_file_never_replaces_an_old_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("compose.override.yaml");
        create_new(&path, b"mine").expect("made");
        let error = create_new(&path, b"other").expect_err("there already");
        assert_eq!(error.kind(), Some(io::ErrorKind::AlreadyExists));
        assert_eq!(read(&path).expect("read"), b"mine");
        remove(&path, digest(b"mine")).expect("removed");
        assert_eq!(digest_of(&path).expect("looked"), None);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in [dir.path().to_owned(), PathBuf::from("/dev/null")] {
            assert!(matches!(read(&path), Err(FileError::NotRegular { .. })), "{}", path.display());
            assert!(matches!(replace(&path, b"", None), Err(FileError::NotRegular { .. })), "{}", path.display());
        }
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        assert!(matches!(read(&pipe), Err(FileError::NotRegular { .. })));
    }

    #[test]
    fn limits_and_text_are_checked() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        let long = vec![b'x'; PROJECT_FILE_BYTES_MAX + 1];
        assert!(matches!(create_new(&path, &long), Err(FileError::TooLong { .. })));
        create_new(&path, b"abc\xff").expect("made");
        assert!(matches!(replace(&path, &long, None), Err(FileError::TooLong { .. })));
        assert!(matches!(read_text(&path), Err(FileError::NotText { at: 3, .. })));
        OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(&long)).expect("grown");
        assert!(matches!(read(&path), Err(FileError::TooLong { .. })));
    }

    #[test]
    fn errors_name_the_file_and_the_next_step() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("missing/compose.override.yaml");
        let error = create_new(&path, b"").expect_err("no folder");
        assert!(error.to_string().contains("compose.override.yaml"), "{error}");
        assert!(error.hints()[0].contains("does not exist"));
        let read_only = io_error(&path, "replaced", io::ErrorKind::ReadOnlyFilesystem.into());
        assert!(read_only.hints()[0].contains("read-only file system"));
        let denied = io_error(&path, "written", io::ErrorKind::PermissionDenied.into());
        assert!(denied.hints()[0].contains("may not write"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_system_that_cannot_be_written_is_named() {
        // The kernel refuses new files there, whoever asks.
        let error = create_new(Path::new("/proc/self/compose.yaml"), b"").expect_err("refused");
        assert!(error.to_string().contains("/proc/self/compose.yaml"), "{error}");
    }
}

//! A folder of the state directory, held by descriptor, and the few ways in which its files are touched.
//!
//! Refused: a folder that another user owns, that others can write to, or that a symbolic link stands for; a file that is
//! a symbolic link or not a regular file. Names are single components, so nothing leaves the folder.
//!
//! Invariant: what [`Folder::replace`] and [`Folder::create_folder`] made survives a loss of power once they return.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use repair_faults::{Point, failure, pass};
use repair_pipeline::outside::LogError;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::problem::{Problem, Trouble, cannot};

/// What the names of files begin with that are not in their place yet.
const BESIDE: &str = ".new-";
/// Mode of every folder.
const FOLDER_MODE: Mode = Mode::RWXU;
/// Mode of every file; the folders above are closed to others anyway.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64);

impl Identity {
    /// That of an open file.
    pub(crate) fn of(file: &File, path: &Path) -> Result<Self, LogError> {
        let stat = rustix::fs::fstat(file).map_err(cannot("look at", path))?;
        Ok(Self(stat.st_dev, stat.st_ino))
    }
}

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Which file.
    pub(crate) identity: Identity,
    /// How long it is.
    pub(crate) bytes: u64,
}

/// An open, checked folder.
#[derive(Debug)]
pub(crate) struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the root of a state directory; `None` when there is none. The way to it may lead through symbolic links: it
    /// is the caller's choice.
    pub(crate) fn open_root(path: &Path) -> Result<Option<Self>, Trouble> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => Self { descriptor, path: path.to_owned() }.checked().map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(cannot("open the state folder", path)(error).into()),
        }
    }

    /// Opens the root of a state directory and creates what is missing of it.
    pub(crate) fn create_root(path: &Path) -> Result<Self, Trouble> {
        create_all(path).map_err(cannot("create the state folder", path))?;
        match Self::open_root(path)? {
            Some(folder) => Ok(folder),
            None => Err(cannot("open the state folder", path)(Errno::NOENT).into()),
        }
    }

    /// Opens a folder in this one; `None` when there is none.
    pub(crate) fn folder(&self, name: &str) -> Result<Option<Self>, Trouble> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => Self { descriptor, path }.checked().map(Some),
            Err(Errno::NOENT) => Ok(None),
            // With both flags, Linux answers ENOTDIR for a symbolic link.
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let what = "is a symbolic link or a file where a folder has to be; put the real folder there";
                Err(Problem::with_file(path, what).into())
            }
            Err(error) => Err(cannot("open the folder", &path)(error).into()),
        }
    }

    /// Opens a folder in this one and creates it when it is missing.
    pub(crate) fn create_folder(&self, name: &str) -> Result<Self, Trouble> {
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.descriptor, name, FOLDER_MODE) {
            Ok(()) | Err(Errno::EXIST) => self.sync()?,
            Err(error) => return Err(cannot("create the folder", &path)(error).into()),
        }
        match self.folder(name)? {
            Some(folder) => Ok(folder),
            None => Err(cannot("open the folder", &path)(Errno::NOENT).into()),
        }
    }

    fn checked(self) -> Result<Self, Trouble> {
        let stat = rustix::fs::fstat(&self.descriptor).map_err(cannot("look at", &self.path))?;
        let me = rustix::process::geteuid().as_raw();
        if stat.st_uid != me {
            let what = format!(
                "belongs to user id {}, but `repair` runs as {me}; run it as the owner, or choose another folder with \
                 `--state-dir`",
                stat.st_uid
            );
            return Err(Problem::with_file(self.path, what).into());
        }
        if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
            let what = "can be written to by others, so nothing in it can be trusted; look at it, then `chmod 700` it";
            return Err(Problem::with_file(self.path, what).into());
        }
        Ok(self)
    }

    /// Where a file of it is, for messages.
    pub(crate) fn file_path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens an existing regular file; `None` when there is none.
    pub(crate) fn open(&self, name: &str, access: OFlags) -> Result<Option<File>, Trouble> {
        // Without NONBLOCK, a named pipe of that name would block the open for good.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let path = self.file_path(name);
        let descriptor = match rustix::fs::openat(&self.descriptor, name, flags, FILE_MODE) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                return Err(Problem::with_file(path, "is a symbolic link; put the real file there").into());
            }
            Err(error) => return Err(cannot("open", &path)(error).into()),
        };
        let stat = rustix::fs::fstat(&descriptor).map_err(cannot("look at", &path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Problem::with_file(path, "is not a regular file; put the real file there").into());
        }
        Ok(Some(File::from(descriptor)))
    }

    /// Opens a file for reading and writing, and creates it empty when it is missing.
    pub(crate) fn open_or_create(&self, name: &str) -> Result<File, Trouble> {
        match self.open(name, OFlags::RDWR | OFlags::CREATE)? {
            Some(file) => Ok(file),
            None => Err(cannot("create", &self.file_path(name))(Errno::NOENT).into()),
        }
    }

    /// Whether something of that name is there, whatever it is.
    pub(crate) fn has(&self, name: &str) -> Result<bool, LogError> {
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(cannot("look at", &self.file_path(name))(error)),
        }
    }

    /// What stands under that name now; `None` when nothing does.
    pub(crate) fn named(&self, name: &str) -> Result<Option<Named>, LogError> {
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                Ok(Some(Named { identity: Identity(stat.st_dev, stat.st_ino), bytes: stat.st_size.cast_unsigned() }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(cannot("look at", &self.file_path(name))(error)),
        }
    }

    /// Whether `file` is what stands under that name now, and was not renamed or deleted meanwhile.
    pub(crate) fn still_names(&self, name: &str, file: &File) -> Result<bool, LogError> {
        let path = self.file_path(name);
        let open = rustix::fs::fstat(file).map_err(cannot("look at", &path))?;
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (open.st_dev, open.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(cannot("look at", &path)(error)),
        }
    }

    /// The whole content of a file; `None` when there is none.
    ///
    /// A file above `bytes_max` is damage: nothing here writes one.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Trouble> {
        let Some(file) = self.open(name, OFlags::RDONLY)? else { return Ok(None) };
        let path = self.file_path(name);
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(cannot("read", &path))?;
        if bytes.len() > bytes_max {
            return Err(Problem::with_file(path, format!("is larger than {bytes_max} bytes")).into());
        }
        Ok(Some(bytes))
    }

    /// Puts `bytes` under that name, all of them or none: written beside it, synced, renamed, folder synced. `word` says
    /// what the file is, for fault points.
    pub(crate) fn replace(&self, name: &str, word: &str, bytes: &[u8]) -> Result<(), LogError> {
        let path = self.file_path(name);
        let beside = format!("{BESIDE}{}", random_name().map_err(cannot("name a file beside", &path))?);
        let renamed = self.write_beside(&beside, word, bytes).and_then(|()| {
            pass(Point::StateFileWritten, word);
            Ok(rustix::fs::renameat(&self.descriptor, beside.as_str(), &self.descriptor, name)?)
        });
        if renamed.is_err() {
            // The first error is the one to tell; a file left beside harms nobody.
            let _ = self.remove(&beside);
        }
        renamed.map_err(cannot("write", &path))?;
        pass(Point::StateFileRenamed, word);
        match failure(Point::StateFileRenamed, word) {
            Some(error) => Err(cannot("sync the folder", &self.path)(error)),
            None => self.sync(),
        }
    }

    fn write_beside(&self, beside: &str, word: &str, bytes: &[u8]) -> io::Result<()> {
        if let Some(error) = failure(Point::StateFileWritten, word) {
            return Err(error);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.descriptor, beside, flags, FILE_MODE)?);
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Removes a file; it may be gone already.
    pub(crate) fn remove(&self, name: &str) -> Result<(), LogError> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(cannot("remove", &self.file_path(name))(error)),
        }
    }

    /// Removes a folder in this one with the files in it; it may be gone already.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<(), LogError> {
        let Some(folder) = self.folder(name)? else { return Ok(()) };
        for file in folder.names()? {
            folder.remove(&file)?;
        }
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(cannot("remove", &self.file_path(name))(error)),
        }
    }

    /// Removes what writers that died have left beside their files. Nobody else may be writing in this folder.
    pub(crate) fn sweep(&self) -> Result<(), LogError> {
        for name in self.names()?.iter().filter(|name| name.starts_with(BESIDE)) {
            self.remove(name)?;
        }
        Ok(())
    }

    /// Makes the names in this folder last.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        rustix::fs::fsync(&self.descriptor).map_err(cannot("sync the folder", &self.path))
    }

    /// The names in this folder that are text, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, LogError> {
        let read = |error: Errno| cannot("list the folder", &self.path)(error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor).map_err(read)? {
            if let Ok(name) = entry.map_err(read)?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| name != "." && name != "..");
        names.sort();
        Ok(names)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Creates the missing folders down to `path`, each synced into the one above it.
fn create_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    create_all(above)?;
    match rustix::fs::mkdir(path, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(File::open(above)?.sync_all()?),
        Err(error) => Err(error.into()),
    }
}

fn random_name() -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn folders_are_created_closed_to_others() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(&scratch.path().join("a/b")).expect("created");
        let inner = root.create_folder("inner").expect("created");
        for path in [&root.path, &inner.path] {
            assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_symbolic_link_is_no_folder_and_no_file() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(scratch.path()).expect("there");
        root.create_folder("real").expect("created");
        root.replace("file", "test", b"x").expect("written");
        symlink("real", scratch.path().join("link")).expect("linked");
        symlink("file", scratch.path().join("file-link")).expect("linked");
        assert!(matches!(root.folder("link"), Err(Trouble::Damage(_))));
        assert!(matches!(root.read("file-link", 10), Err(Trouble::Damage(_))));
        assert!(matches!(root.read("real", 10), Err(Trouble::Damage(_))));
        assert!(matches!(root.folder("file"), Err(Trouble::Damage(_))));
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(scratch.path()).expect("there");
        let inner = root.create_folder("inner").expect("created");
        for mode in [0o720, 0o702, 0o777] {
            std::fs::set_permissions(&inner.path, std::fs::Permissions::from_mode(mode)).expect("changed");
            assert!(matches!(root.folder("inner"), Err(Trouble::Damage(_))), "{mode:o}");
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(scratch.path()).expect("there");
        let inner = root.create_folder("inner").expect("created");
        // Only a privileged test can give a folder away; any other one looks at the root of the file system instead.
        let refused = match std::os::unix::fs::chown(&inner.path, Some(12_345), None) {
            Ok(()) => root.folder("inner").map(drop),
            Err(_) => Folder::open_root(Path::new("/")).map(drop),
        };
        let Err(Trouble::Damage(problem)) = refused else { panic!("accepted") };
        assert!(problem.what.contains("belongs to user id"), "{problem}");
    }

    #[test]
    fn replacing_leaves_nothing_beside() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(scratch.path()).expect("there");
        root.replace("name", "test", b"one").expect("written");
        root.replace("name", "test", b"two").expect("written");
        assert_eq!(root.read("name", 3).expect("read"), Some(b"two".to_vec()));
        assert!(matches!(root.read("name", 2), Err(Trouble::Damage(_))));
        assert_eq!(root.names().expect("listed"), ["name"]);
    }

    #[test]
    fn what_a_dead_writer_left_beside_is_swept() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Folder::create_root(scratch.path()).expect("there");
        root.replace("name", "test", b"one").expect("written");
        root.write_beside(".new-0123", "test", b"half").expect("written");
        root.sweep().expect("swept");
        assert_eq!(root.names().expect("listed"), ["name"]);
    }
}

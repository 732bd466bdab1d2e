//! Compiled code of tools, kept between runs.
//!
//! Loading compiled code is trusting it, so an entry counts only if this user alone could have written it: directory and
//! file belong to us, nobody else may write them, and the entry's checksum holds. Whatever does not pass is treated as
//! absent and compiled again; the cache never makes a tool fail.
//!
//! Entry: `code as wasmtime serializes it · checksum (4 bytes, CRC-32)`; the code comes first because it is mapped into
//! memory as it lies in the file. The checksum is there for accidents, such as a torn write; against people there are the
//! permissions. The name of an entry is the SHA-256 of component digest, engine compatibility and host version, so an entry
//! of another configuration is never looked at. Entries are written beside and renamed, so a reader sees a whole one or
//! none, and what is mapped stays as it is when its entry is replaced or removed.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use repair_model::ids::Digest;
use repair_model::limits::{CACHE_ENTRIES_MAX, CACHE_ENTRY_BYTES_MAX};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the checksum after the code.
const CHECKSUM_BYTES: usize = 4;
/// Bytes that are read at a time to compute the checksum.
const CHUNK_BYTES: usize = 64 * 1024;
/// Permission bits with which somebody else could write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// An open, private directory of compiled code.
pub(crate) struct Cache {
    directory: OwnedFd,
}

impl Cache {
    /// Opens `path`, and creates it with mode 0700 if it is missing.
    ///
    /// # Errors
    /// A sentence that says why compiled code is not kept, and what to do.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let unused = |why: String| format!("compiled tools are not kept in {}: {why}", path.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| unused(format!("{error}; check the state directory")))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| unused(format!("{error}; it has to be a directory, not a link")))?;
        let stat = rustix::fs::fstat(&directory).map_err(|error| unused(error.to_string()))?;
        if !is_private(&stat) {
            return Err(unused("others may write it; remove it, and `repair` makes a private one".to_owned()));
        }
        Ok(Self { directory })
    }

    /// The compiled component, if there is a trustworthy one.
    pub(crate) fn get(&self, engine: &Engine, component: Digest) -> Option<Component> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let entry = rustix::fs::openat(&self.directory, entry_name(engine, component), flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&entry).ok()?;
        let bytes = usize::try_from(stat.st_size).ok()?;
        if !is_private(&stat) || !FileType::from_raw_mode(stat.st_mode).is_file() || bytes > CACHE_ENTRY_BYTES_MAX {
            return None;
        }
        let entry = File::from(entry);
        if !is_whole(&entry, bytes) {
            return None;
        }
        // No code of a file system that is mounted `noexec` can be mapped, but it can be copied.
        deserialize_file(engine, &entry).or_else(|| deserialize(engine, &code_of(&entry, bytes)?))
    }

    /// Keeps the compiled component, if that is possible.
    pub(crate) fn put(&self, engine: &Engine, digest: Digest, component: &Component) {
        if let Ok(code) = component.serialize() {
            // A full disk or a read-only directory costs the next run a compilation, and nothing else.
            let _ = self.write(&entry_name(engine, digest), &code);
            self.remove_oldest();
        }
    }

    fn write(&self, name: &str, code: &[u8]) -> std::io::Result<()> {
        let beside = format!("{name}.{}.new", std::process::id());
        // What an earlier process of the same id left behind.
        let _ = rustix::fs::unlinkat(&self.directory, &beside, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.directory, &beside, flags, Mode::RUSR | Mode::WUSR)?);
        let written = file
            .write_all(code)
            .and_then(|()| file.write_all(&checksum(code)))
            .and_then(|()| Ok(rustix::fs::renameat(&self.directory, &beside, &self.directory, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.directory, &beside, AtFlags::empty());
        }
        written
    }

    /// Removes the oldest files beyond [`CACHE_ENTRIES_MAX`], whatever they are: the directory is only for this.
    fn remove_oldest(&self) {
        let Ok(directory) = Dir::read_from(&self.directory) else { return };
        let mut files: Vec<_> = directory
            .flatten()
            .filter_map(|entry| {
                let stat = rustix::fs::statat(&self.directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
                let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
                is_file.then(|| (stat.st_mtime, entry.file_name().to_owned()))
            })
            .collect();
        files.sort();
        for (_, name) in files.iter().take(files.len().saturating_sub(CACHE_ENTRIES_MAX)) {
            let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
        }
    }
}

fn is_private(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & WRITABLE_BY_OTHERS == 0
}

/// Whether the last of so many bytes are the checksum of those before.
fn is_whole(mut entry: &File, bytes: usize) -> bool {
    let Some(mut left) = bytes.checked_sub(CHECKSUM_BYTES) else { return false };
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while left > 0 {
        let part = &mut chunk[..left.min(CHUNK_BYTES)];
        if entry.read_exact(part).is_err() {
            return false;
        }
        hasher.update(part);
        left -= part.len();
    }
    let mut sum = [0; CHECKSUM_BYTES];
    entry.read_exact(&mut sum).is_ok() && sum == hasher.finalize().to_le_bytes()
}

/// A fast checksum against accidents.
pub(crate) fn checksum(code: &[u8]) -> [u8; CHECKSUM_BYTES] {
    crc32fast::hash(code).to_le_bytes()
}

/// Hashes what wasmtime calls compatible into SHA-256, because the 64 bits of an ordinary hasher could collide.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }
}

fn entry_name(engine: &Engine, component: Digest) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    hasher.write(component.as_bytes());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.write(env!("CARGO_PKG_VERSION").as_bytes());
    let name: [u8; 32] = hasher.0.finalize().into();
    Digest::from_bytes(name).to_string()
}

/// The code of an entry of so many bytes.
fn code_of(mut entry: &File, bytes: usize) -> Option<Vec<u8>> {
    entry.seek(SeekFrom::Start(0)).ok()?;
    let mut code = vec![0; bytes.checked_sub(CHECKSUM_BYTES)?];
    entry.read_exact(&mut code).ok()?;
    Some(code)
}

/// Turns code that this program has compiled back into a component.
#[expect(unsafe_code, reason = "wasmtime cannot check compiled code; see the safety comment")]
pub(crate) fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` is what `Component::serialize` or `Engine::precompile_component` of this program gave, by one of two
    // ways. From an entry of the cache: only this user could write the file and its directory, its name binds the
    // component, the engine's configuration and the version of this host, and its checksum holds. Or from the pipe of a
    // process that this one has started from its own executable. Whoever could forge either could as well replace this
    // program.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// Maps the code of an entry of the cache, which is much faster than a copy of it.
#[expect(unsafe_code, reason = "wasmtime cannot check compiled code; see the safety comment")]
fn deserialize_file(engine: &Engine, entry: &File) -> Option<Component> {
    // The open file and not its name, which could be another one's by now.
    let path = format!("/proc/self/fd/{}", entry.as_raw_fd());
    // SAFETY: as for `deserialize`. Nothing changes the file while it is mapped, because entries are only ever replaced
    // and removed as a whole; whoever could change it could as well replace this program.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_named_by_the_component() {
        let engine = crate::engine::engine().expect("an engine");
        let (one, two) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        assert_eq!(entry_name(&engine, one), entry_name(&engine, one));
        assert_ne!(entry_name(&engine, one), entry_name(&engine, two));
    }

    #[test]
    fn the_cache_keeps_only_so_many_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(&folder.path().join("compiled")).expect("a cache");
        for at in 0..CACHE_ENTRIES_MAX + 3 {
            cache.write(&format!("{at:064}"), b"code").expect("written");
        }
        cache.remove_oldest();
        let left = std::fs::read_dir(folder.path().join("compiled")).expect("listed").count();
        assert_eq!(left, CACHE_ENTRIES_MAX);
    }
}

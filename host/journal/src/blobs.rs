//! Content-addressed values that are too large for a line: `blobs/<first two digits>/<digest>`.
//!
//! A blob is written once and never changed: beside its place, synced, renamed, folders synced, before its digest is handed
//! out. What is read is checked against its name.

use repair_model::ids::{Digest, Domain};
use repair_model::limits::BLOB_BYTES_MAX;
use repair_pipeline::outside::LogError;

use crate::folder::Folder;
use crate::problem::{Problem, Trouble};

const BLOBS: &str = "blobs";

/// Stores `bytes` and returns their digest.
pub(crate) fn store(folder: &Folder, bytes: &[u8]) -> Result<Digest, Trouble> {
    let digest = Digest::of(Domain::Blob, bytes);
    let name = digest.to_string();
    let shelf = folder.create_folder(BLOBS)?.create_folder(&name[..2])?;
    match read(&shelf, &digest)? {
        // It is there, but maybe since a moment ago and by a process that has died.
        Some(_) => shelf.sync()?,
        None => shelf.replace(&name, "blob", bytes)?,
    }
    Ok(digest)
}

/// Removes what a writer that died has left beside its blob. Only the holder of the lease stores blobs, so it alone may.
pub(crate) fn sweep(folder: &Folder) -> Result<(), Trouble> {
    let Some(blobs) = folder.folder(BLOBS)? else { return Ok(()) };
    for name in blobs.names()? {
        // What is no folder is not ours, and in nobody's way.
        if let Ok(Some(shelf)) = blobs.folder(&name) {
            shelf.sweep()?;
        }
    }
    Ok(())
}

/// Whether `bytes` are small enough for a blob.
///
/// # Errors
/// When they are not; says how many there are.
pub(crate) fn check_size(bytes: &[u8]) -> Result<(), LogError> {
    if bytes.len() <= BLOB_BYTES_MAX {
        return Ok(());
    }
    Err(LogError::Io {
        what: format!(
            "a value of {} bytes cannot be kept in the log, which takes at most {BLOB_BYTES_MAX}",
            bytes.len()
        ),
        source: std::io::ErrorKind::FileTooLarge.into(),
    })
}

/// Reads a blob and checks it. Writes nothing.
pub(crate) fn load(folder: &Folder, digest: &Digest) -> Result<Vec<u8>, Trouble> {
    let name = digest.to_string();
    let shelf = match folder.folder(BLOBS)? {
        Some(blobs) => blobs.folder(&name[..2])?,
        None => None,
    };
    if let Some(shelf) = shelf
        && let Some(bytes) = read(&shelf, digest)?
    {
        return Ok(bytes);
    }
    let path = folder.file_path(BLOBS).join(&name[..2]).join(name);
    Err(Problem::with_file(path, "is missing, but the log refers to it; restore it from a backup").into())
}

/// Removes a blob; it may be gone already. What a writer that died has left beside it goes too, so nobody else may be
/// storing.
pub(crate) fn remove(folder: &Folder, digest: &Digest) -> Result<(), LogError> {
    let name = digest.to_string();
    let shelf = match folder.folder(BLOBS)? {
        Some(blobs) => blobs.folder(&name[..2])?,
        None => None,
    };
    let Some(shelf) = shelf else { return Ok(()) };
    shelf.sweep()?;
    shelf.remove(&name)?;
    shelf.sync()
}

fn read(shelf: &Folder, digest: &Digest) -> Result<Option<Vec<u8>>, Trouble> {
    let name = digest.to_string();
    let Some(bytes) = shelf.read(&name, BLOB_BYTES_MAX)? else { return Ok(None) };
    if Digest::of(Domain::Blob, &bytes) == *digest {
        return Ok(Some(bytes));
    }
    let what = "was changed: its content is not what its name says; restore it from a backup";
    Err(Problem::with_file(shelf.file_path(&name), what).into())
}

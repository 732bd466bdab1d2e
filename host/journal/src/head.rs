//! Signed heads: what the log's end was, as a [`Checkpoint`] in the file `head` of a target, so that a cut or rewritten
//! end shows.
//!
//! Refused: another signature, another key than the one of the state directory, another target, another spelling.
//! Invariant: the lines that a head vouches for are on the disk before it is.

use jiff::Timestamp;
use repair_model::ids::Digest;
use repair_model::limits::HEAD_BYTES_MAX;

use crate::chain::Chain;
use crate::checkpoint::{Checkpoint, CheckpointError, PublicKey};
use crate::folder::Folder;
use crate::key::{self, PUBLIC_KEY};
use crate::problem::{Problem, Trouble, cannot};
use crate::state_dir::StateDir;

pub(crate) const HEAD: &str = "head";

/// A head whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many lines it vouches for.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// Leaf hash of the last of them.
    pub leaf: Digest,
    /// When it was signed.
    pub time: Timestamp,
    /// The key that signed it.
    pub key: PublicKey,
    /// The signed note, as it can be kept elsewhere.
    pub note: String,
}

/// The head of a target, verified; `None` when nothing was signed yet. Writes nothing.
pub(crate) fn load(state: &StateDir, folder: &Folder, target: &Digest) -> Result<Option<Head>, Trouble> {
    let Some(bytes) = folder.read(HEAD, HEAD_BYTES_MAX)? else { return Ok(None) };
    let path = folder.file_path(HEAD);
    let damaged = |what: String| {
        Trouble::from(Problem::with_file(&path, format!("{what}; restore the target's folder from a backup")))
    };
    let form = || damaged("the signed head is not exactly what `repair` writes".to_owned());
    let (checkpoint, note) = Checkpoint::parse(&bytes).map_err(|_| form())?;
    // One signature and nothing beside it.
    if note.to_bytes() != bytes || bytes.iter().filter(|byte| **byte == b'\n').count() != LINES {
        return Err(form());
    }
    if checkpoint.target != *target {
        return Err(damaged(format!("the signed head belongs to another target ({})", checkpoint.target)));
    }
    let key = match key::public(state)? {
        Some(key) => key,
        None => return Err(damaged(format!("the key that signed it is missing (`{PUBLIC_KEY}` in the state folder)"))),
    };
    match Checkpoint::verify(&bytes, &key) {
        Ok(_) if checkpoint.size > 0 => {}
        Err(CheckpointError::ForeignKey) => {
            return Err(damaged("the head was signed with a foreign key".to_owned()));
        }
        _ => return Err(damaged("the signature of the head does not hold".to_owned())),
    }
    let Checkpoint { size, root, leaf, time, .. } = checkpoint;
    let note = String::from_utf8(bytes).map_err(|_| form())?;
    Ok(Some(Head { size, root, leaf, time, key, note }))
}

/// Lines of a note with one signature: origin, size, root, leaf, time, nothing, signature.
const LINES: usize = 7;

/// Signs the end of `chain` and puts it in place of the last head. The lines have to be on the disk already, and nobody
/// else may be writing.
pub(crate) fn sign(state: &StateDir, folder: &Folder, chain: &Chain, time: Timestamp) -> Result<(), Trouble> {
    let key = key::signing(state)?;
    let (size, root, leaf) = (chain.sequence(), chain.tree.root(), chain.previous);
    let note = Checkpoint { target: chain.target, size, root, leaf, time }.sign(&key);
    let note = note.map_err(|_| cannot("write", &folder.file_path(HEAD))(std::io::ErrorKind::InvalidData))?;
    Ok(folder.replace(HEAD, HEAD, &note)?)
}

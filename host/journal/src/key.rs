//! The key that signs heads, in the root of the state directory: `head.key` (mode 0600), and `head.pub` beside it.
//!
//! It is made at the first signature and never silently made anew. It cannot bind its owner, who can sign anything; it
//! makes accidents and other hands visible.
//!
//! Refused: a key that others can read, a lost key whose public half is there, two halves that do not belong together.

use std::os::unix::fs::PermissionsExt as _;

use ed25519_dalek::SigningKey;
use repair_model::limits::HEAD_BYTES_MAX;
use repair_pipeline::outside::LogError;
use rustix::fs::OFlags;

use crate::checkpoint::PublicKey;
use crate::folder::Folder;
use crate::problem::{Problem, Trouble, cannot};
use crate::state_dir::StateDir;

const KEY: &str = "head.key";
pub(crate) const PUBLIC_KEY: &str = "head.pub";
/// What both files are, for fault points.
const WORD: &str = "key";

/// The public key of a state directory; `None` when nothing was signed yet. Writes nothing.
pub(crate) fn public(state: &StateDir) -> Result<Option<PublicKey>, Trouble> {
    let Some(root) = state.open()? else { return Ok(None) };
    match key_bytes(&root, PUBLIC_KEY)? {
        Some(bytes) => match PublicKey::from_bytes(&bytes) {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(Problem::with_file(root.file_path(PUBLIC_KEY), "is no Ed25519 public key").into()),
        },
        None => Ok(key_bytes(&root, KEY)?.map(|seed| PublicKey::of(&SigningKey::from_bytes(&seed)))),
    }
}

/// The public half of the key that signs the heads of a state directory; `None` when nothing was signed yet. Writes nothing.
///
/// # Errors
/// [`LogError::Damaged`] when the file is no key; [`LogError::Io`] when it cannot be read.
pub fn public_key(state: &StateDir) -> Result<Option<PublicKey>, LogError> {
    Ok(public(state)?)
}

/// The key that signs; made when there never was one.
pub(crate) fn signing(state: &StateDir) -> Result<SigningKey, Trouble> {
    let root = Folder::create_root(state.root())?;
    let _locked = state.lock_root(&root)?;
    let key = match key_bytes(&root, KEY)? {
        Some(seed) => {
            refuse_open_key(&root)?;
            SigningKey::from_bytes(&seed)
        }
        None if root.has(PUBLIC_KEY)? => {
            let what = format!(
                "the key that signs heads is missing, although `{PUBLIC_KEY}` is there; restore it from a backup. If it is \
                 lost for good, earlier heads can never be continued: move the whole state folder away"
            );
            return Err(Problem::with_file(root.file_path(KEY), what).into());
        }
        None => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|error| LogError::Io {
                what: "cannot make a key, because the system gives no random bytes".to_owned(),
                source: std::io::Error::other(error.to_string()),
            })?;
            root.replace(KEY, WORD, format!("{}\n", hex::encode(seed)).as_bytes())?;
            SigningKey::from_bytes(&seed)
        }
    };
    let public = PublicKey::of(&key);
    match key_bytes(&root, PUBLIC_KEY)? {
        Some(bytes) if bytes == *public.as_bytes() => {}
        Some(_) => {
            let what =
                format!("does not belong to `{PUBLIC_KEY}`: one of the two was replaced; restore both from a backup");
            return Err(Problem::with_file(root.file_path(KEY), what).into());
        }
        None => root.replace(PUBLIC_KEY, WORD, format!("{public}\n").as_bytes())?,
    }
    Ok(key)
}

fn refuse_open_key(root: &Folder) -> Result<(), Trouble> {
    let path = root.file_path(KEY);
    let Some(file) = root.open(KEY, OFlags::RDONLY)? else { return Ok(()) };
    let mode = file.metadata().map_err(cannot("look at", &path))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let what =
        "can be read or written by others, so its signatures prove nothing; find out who used it, then `chmod 600` it";
    Err(Problem::with_file(path, what).into())
}

/// Reads a key file: 64 hexadecimal digits and a line end.
fn key_bytes(root: &Folder, name: &str) -> Result<Option<[u8; 32]>, Trouble> {
    let Some(text) = root.read(name, HEAD_BYTES_MAX)? else { return Ok(None) };
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text.trim_ascii_end(), &mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(_) => {
            let what = "is no key (64 hexadecimal digits); restore it from a backup";
            Err(Problem::with_file(root.file_path(name), what).into())
        }
    }
}

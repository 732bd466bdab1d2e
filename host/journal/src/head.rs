//! Signed heads: what the log's end was, under an Ed25519 signature, so that a cut or rewritten end shows.
//!
//! The key is made at the first signature and lies in the state directory (`head.key`, mode 0600; `head.pub` beside it).
//! It cannot bind its owner, who can sign anything; it makes accidents and other hands visible.
//!
//! The signature is over exactly these bytes, each value as it stands in the JSON line:
//! `repair/head/1 NUL target LF size LF leaf LF time LF key LF`.
//!
//! Refused: another signature, another key than the one beside it, another target, another spelling.

use std::os::unix::fs::PermissionsExt as _;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use repair_model::event::FORMAT_VERSION;
use repair_model::ids::Digest;
use repair_model::limits::HEAD_BYTES_MAX;
use repair_model::text::escaped;
use repair_pipeline::outside::LogError;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::problem::{Problem, Trouble, cannot};
use crate::reader::Chain;
use crate::state_dir::StateDir;

const HEAD: &str = "head";
const KEY: &str = "head.key";
const PUBLIC_KEY: &str = "head.pub";
const DOMAIN: &str = "repair/head/1\0";

/// A head whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many lines it vouches for.
    pub size: u64,
    /// Leaf hash of the last of them.
    pub leaf: Digest,
    /// When it was signed.
    pub time: Timestamp,
    /// The public key, 64 hexadecimal digits.
    pub key: String,
}

/// A head as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    v: u32,
    target: Digest,
    size: u64,
    leaf: Digest,
    time: Timestamp,
    key: String,
    signature: String,
}

impl HeadLine {
    fn signed_bytes(&self) -> Vec<u8> {
        format!("{DOMAIN}{}\n{}\n{}\n{}\n{}\n", self.target, self.size, self.leaf, self.time, self.key).into_bytes()
    }

    fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).ok()?;
        bytes.push(b'\n');
        Some(bytes)
    }
}

/// The head of a target, verified; `None` when nothing was signed yet. Writes nothing.
pub(crate) fn load(state: &StateDir, folder: &Folder, target: &Digest) -> Result<Option<Head>, Trouble> {
    let Some(bytes) = folder.read(HEAD, HEAD_BYTES_MAX)? else { return Ok(None) };
    let path = folder.file_path(HEAD);
    let damaged = |what: String| {
        Trouble::from(Problem::with_file(&path, format!("{what}; restore the target's folder from a backup")))
    };
    let line: HeadLine = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(format!("the signed head cannot be understood ({})", escaped(&error.to_string()))))?;
    if line.v != FORMAT_VERSION {
        return Err(damaged(format!("the signed head is of format version {}, not {FORMAT_VERSION}", line.v)));
    }
    if line.to_bytes().as_deref() != Some(&bytes) {
        return Err(damaged("the signed head is not exactly what `repair` writes".to_owned()));
    }
    if line.target != *target {
        return Err(damaged(format!("the signed head belongs to another target ({})", line.target)));
    }
    let key = match public_key(state)? {
        Some(key) => key,
        None => return Err(damaged(format!("the key that signed it is missing (`{PUBLIC_KEY}` in the state folder)"))),
    };
    if line.key != hex::encode(key.as_bytes()) {
        return Err(damaged(format!("the head was signed with a foreign key ({})", escaped(&line.key))));
    }
    let mut signature = [0; 64];
    let holds = hex::decode_to_slice(&line.signature, &mut signature).is_ok()
        && key.verify_strict(&line.signed_bytes(), &Signature::from_bytes(&signature)).is_ok();
    if !holds || line.size == 0 {
        return Err(damaged("the signature of the head does not hold".to_owned()));
    }
    Ok(Some(Head { size: line.size, leaf: line.leaf, time: line.time, key: line.key }))
}

/// Signs the end of `chain` and puts it in place of the last head. The lines have to be on the disk already, and nobody
/// else may be writing.
pub(crate) fn sign(state: &StateDir, folder: &Folder, chain: &Chain, time: Timestamp) -> Result<Head, Trouble> {
    let key = signing_key(state)?;
    let mut line = HeadLine {
        v: FORMAT_VERSION,
        target: chain.target,
        size: chain.sequence,
        leaf: chain.previous,
        time,
        key: hex::encode(key.verifying_key().as_bytes()),
        signature: String::new(),
    };
    line.signature = hex::encode(key.sign(&line.signed_bytes()).to_bytes());
    let bytes =
        line.to_bytes().ok_or_else(|| cannot("write", &folder.file_path(HEAD))(std::io::ErrorKind::InvalidData))?;
    folder.replace(HEAD, &bytes)?;
    Ok(Head { size: line.size, leaf: line.leaf, time: line.time, key: line.key })
}

fn public_key(state: &StateDir) -> Result<Option<VerifyingKey>, Trouble> {
    let Some(root) = state.open()? else { return Ok(None) };
    match key_bytes(&root, PUBLIC_KEY)? {
        Some(bytes) => match VerifyingKey::from_bytes(&bytes) {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(Problem::with_file(root.file_path(PUBLIC_KEY), "is no Ed25519 public key").into()),
        },
        None => Ok(key_bytes(&root, KEY)?.map(|seed| SigningKey::from_bytes(&seed).verifying_key())),
    }
}

/// The key that signs; made when there never was one.
fn signing_key(state: &StateDir) -> Result<SigningKey, Trouble> {
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
            root.replace(KEY, format!("{}\n", hex::encode(seed)).as_bytes())?;
            SigningKey::from_bytes(&seed)
        }
    };
    let public = key.verifying_key();
    match key_bytes(&root, PUBLIC_KEY)? {
        Some(bytes) if bytes == *public.as_bytes() => {}
        Some(_) => {
            let what =
                format!("does not belong to `{PUBLIC_KEY}`: one of the two was replaced; restore both from a backup");
            return Err(Problem::with_file(root.file_path(KEY), what).into());
        }
        None => root.replace(PUBLIC_KEY, format!("{}\n", hex::encode(public.as_bytes())).as_bytes())?,
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

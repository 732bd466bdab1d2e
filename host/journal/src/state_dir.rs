//! The state directory: one folder for each target, and the list of the targets that are known.
//!
//! ```text
//! known-targets.jsonl         one line for each target that ever got a log
//! head.key, head.pub          the key that signs heads
//! root.lock                   held while one of the files above changes
//! targets/<digest>/log.jsonl  the log; its later segments beside it
//! targets/<digest>/{head, lease, append.lock, tail-<sequence>, blobs/, sessions/}
//! ```
//!
//! Only writing commands create anything. A target that is listed as known and has no log is damage and never a fresh
//! start; so a target is listed only after its log is on the disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use repair_model::event::FORMAT_VERSION;
use repair_model::ids::Digest;
use repair_model::limits::KNOWN_TARGETS_BYTES_MAX;
use repair_model::target::Target;
use repair_model::text::escaped;
use repair_pipeline::outside::LogError;
use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::problem::{Problem, Trouble};
use crate::segment::{self, Segment};
use crate::{head, lease};

const KNOWN_TARGETS: &str = "known-targets.jsonl";
const TARGETS: &str = "targets";
const ROOT_LOCK: &str = "root.lock";

/// Where `repair` keeps its logs. Making one of these touches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

/// A target that has a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTarget {
    /// Its id, the name of its folder.
    pub id: Digest,
    /// The target as its first session saw it.
    pub target: Target,
}

/// One line of the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownLine {
    v: u32,
    id: Digest,
    target: Target,
}

impl StateDir {
    /// The state directory at `path`, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { root: path }
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a target's folder, which need not exist.
    pub fn target_dir(&self, id: &Digest) -> PathBuf {
        self.root.join(TARGETS).join(id.to_string())
    }

    /// The targets that have a log, oldest first. Writes nothing.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when the list cannot be understood, [`LogError::Io`] when it cannot be read.
    pub fn known_targets(&self) -> Result<Vec<KnownTarget>, LogError> {
        match Folder::open_root(&self.root)? {
            Some(root) => Ok(known_in(&root)?),
            None => Ok(Vec::new()),
        }
    }

    /// Opens the root; `None` when there is none.
    pub(crate) fn open(&self) -> Result<Option<Folder>, Trouble> {
        Folder::open_root(&self.root)
    }

    /// Opens the folder of a target; `None` when the target is not known and has none.
    pub(crate) fn open_target(&self, id: &Digest) -> Result<Option<Folder>, Trouble> {
        let Some(root) = self.open()? else { return Ok(None) };
        // Asked before the log is looked for: a log that another process is just making comes before all of its traces.
        let known = is_known(&root, id)?;
        let folder = match root.folder(TARGETS)? {
            Some(targets) => targets.folder(&id.to_string())?,
            None => None,
        };
        match folder {
            Some(folder) => {
                // A head and blobs come after the log, so each of them proves that there was one.
                let proven = known || folder.has(head::HEAD)? || folder.has("blobs")?;
                if !proven || has_log(&folder)? {
                    return Ok(Some(folder));
                }
            }
            None if !known => return Ok(None),
            None => {}
        }
        Err(self.missing(id).into())
    }

    /// Opens the folder of a target, and creates it and everything above it when the target is not known.
    pub(crate) fn create_target(&self, id: &Digest) -> Result<Folder, Trouble> {
        match self.open_target(id)? {
            Some(folder) => Ok(folder),
            None => Folder::create_root(&self.root)?.create_folder(TARGETS)?.create_folder(&id.to_string()),
        }
    }

    /// Lists the target as known. Its log has to be on the disk.
    pub(crate) fn list(&self, target: &Target) -> Result<(), Trouble> {
        let root = Folder::create_root(&self.root)?;
        let _locked = self.lock_root(&root)?;
        root.sweep()?;
        let id = target.id();
        if is_known(&root, &id)? {
            return Ok(());
        }
        let mut list = root.read(KNOWN_TARGETS, KNOWN_TARGETS_BYTES_MAX)?.unwrap_or_default();
        let line = KnownLine { v: FORMAT_VERSION, id, target: target.clone() };
        serde_json::to_writer(&mut list, &line).map_err(|error| LogError::Io {
            what: format!(
                "the project at `{}` cannot be listed as known, because its path is not text; rename that folder",
                target.directory.display()
            ),
            source: error.into(),
        })?;
        list.push(b'\n');
        Ok(root.replace(KNOWN_TARGETS, "list", &list)?)
    }

    /// Holds the lock under which files of the root change.
    pub(crate) fn lock_root(&self, root: &Folder) -> Result<File, Trouble> {
        lease::lock_soon(root, ROOT_LOCK)
    }

    fn missing(&self, id: &Digest) -> Problem {
        let folder = self.target_dir(id);
        let what = format!(
            "the log of a known target is missing. Restore it from a backup. If it is lost for good, its history ends \
             here: move the folder `{}` away, if it is there, and delete the line of {} from `{}`",
            folder.display(),
            id.short(),
            self.root.join(KNOWN_TARGETS).display()
        );
        Problem::with_file(folder.join(Segment::FIRST.name()), what)
    }
}

/// Whether the folder of a target holds any segment of a log.
pub(crate) fn has_log(folder: &Folder) -> Result<bool, LogError> {
    Ok(folder.has(&Segment::FIRST.name())? || !segment::list(folder)?.is_empty())
}

fn is_known(root: &Folder, id: &Digest) -> Result<bool, Trouble> {
    Ok(known_in(root)?.iter().any(|known| known.id == *id))
}

fn known_in(root: &Folder) -> Result<Vec<KnownTarget>, Trouble> {
    let list = root.read(KNOWN_TARGETS, KNOWN_TARGETS_BYTES_MAX)?.unwrap_or_default();
    let damaged = |number: usize, what: &str| {
        let what = format!("line {number} {what}; restore the file from a backup");
        Problem::with_file(root.file_path(KNOWN_TARGETS), what)
    };
    let mut known = Vec::new();
    for (index, line) in list.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line: KnownLine = serde_json::from_slice(line)
            .map_err(|error| damaged(index + 1, &format!("cannot be understood ({})", escaped(&error.to_string()))))?;
        if line.v != FORMAT_VERSION {
            return Err(damaged(index + 1, "was written by another version of `repair`").into());
        }
        if line.id != line.target.id() {
            return Err(damaged(index + 1, "names an id that is not its target's").into());
        }
        known.push(KnownTarget { id: line.id, target: line.target });
    }
    Ok(known)
}

//! The tools that the user has accepted: the lock file in the configuration, and the components beside the other data.
//!
//! Invariants: nothing of a project is looked at, so no project can bring a tool along; a lock file that somebody else
//! could write is not used; a component counts only while it has the digest that was accepted, wherever it lies.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use repair_effects::files::{self, FileError};
use repair_model::ids::Digest;
use repair_model::limits::{COMPONENT_BYTES_MAX, TOOL_LOCK_BYTES_MAX};
use repair_model::tool::Manifest;
use repair_pipeline::outside::{ToolFailure, Tools as _};
use repair_pipeline::tool_lock::{FILE_NAME, LockError, LockedTool, ToolLock};
use repair_sandbox::{Origin, ToolSource, Toolbox};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::command_error::{Code, CommandError};
use crate::environment::Environment;

/// How long another one that changes the lock file is waited for; a change takes milliseconds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often it is tried meanwhile.
const LOCK_TICK: Duration = Duration::from_millis(20);
/// Permission bits with which somebody else could write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Lock file and components of one user.
pub struct Installed {
    config: PathBuf,
    components: PathBuf,
}

impl Installed {
    /// Those of whoever calls.
    pub fn of(environment: &Environment) -> Self {
        Self { config: environment.config_dir(), components: environment.data_dir().join("tools") }
    }

    /// The lock file.
    pub fn lock_file(&self) -> PathBuf {
        self.config.join(FILE_NAME)
    }

    /// Where the component of that digest lies.
    pub fn component_file(&self, component: &Digest) -> PathBuf {
        self.components.join(format!("{component}.wasm"))
    }

    /// What the lock file says; a missing one says nothing.
    pub fn read(&self) -> Result<ToolLock, CommandError> {
        let path = self.lock_file();
        for place in [self.config.as_path(), &path] {
            match std::fs::metadata(place) {
                Ok(metadata) => own(place, &metadata)?,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ToolLock::default()),
                Err(error) => return Err(CommandError::internal("the lock file cannot be looked at", error)),
            }
        }
        let bytes = files::read_up_to(&path, TOOL_LOCK_BYTES_MAX).map_err(file_error)?;
        let text = String::from_utf8(bytes).map_err(|error| LockError::Malformed(error.to_string()));
        text.and_then(|text| ToolLock::parse(&text)).map_err(|error| lock_error(&path, &error))
    }

    /// Changes the lock file; nobody else changes it meanwhile. A component that it names no longer is forgotten, and so is
    /// `kept`, which the change itself keeps, if it fails.
    pub fn change<T>(
        &self,
        kept: Option<&Digest>,
        change: impl FnOnce(&mut ToolLock) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        make_private(&self.config)?;
        let folder = File::open(&self.config)
            .map_err(|error| CommandError::internal("the configuration folder cannot be opened", error))?;
        self.locked(&folder)?;
        let before = self.read()?;
        let mut lock = before.clone();
        let changed = change(&mut lock).and_then(|changed| {
            if lock != before {
                let path = self.lock_file();
                let text = lock.to_text().map_err(|error| lock_error(&path, &error))?;
                files::put_private(&path, text.as_bytes()).map_err(file_error)?;
            }
            Ok(changed)
        });
        let now = if changed.is_ok() { &lock } else { &before };
        let is_named = |component: &Digest| now.tools.iter().any(|tool| tool.component == *component);
        let earlier = before.tools.iter().map(|tool| &tool.component);
        for component in earlier.chain(kept).filter(|component| !is_named(component)) {
            let forgotten = self.forget(component);
            // Where the change has failed, that is what has to be told.
            if changed.is_ok() {
                forgotten?;
            }
        }
        changed
    }

    /// Holds the folder while `folder` is open. Whoever may read it can hold it too, so nobody is waited for without end.
    fn locked(&self, folder: &File) -> Result<(), CommandError> {
        let begun = Instant::now();
        loop {
            match rustix::fs::flock(folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < LOCK_WAIT_MAX => thread::sleep(LOCK_TICK),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let what = format!("another process has held {} for {LOCK_WAIT_MAX:?}", self.config.display());
                    return Err(CommandError::new(Code::Busy, what)
                        .hint("wait for the other `repair tool` to end, then run it again"));
                }
                Err(error) => {
                    return Err(CommandError::internal("the configuration folder cannot be locked", error));
                }
            }
        }
    }

    /// Keeps a component under its digest.
    pub fn keep(&self, component: &Digest, bytes: &[u8]) -> Result<(), CommandError> {
        make_private(&self.components)?;
        let file = self.component_file(component);
        // What a killed one left half-written is not worth a word: it is written now.
        let _ = files::sweep(&file);
        files::put_private(&file, bytes).map_err(file_error)
    }

    /// Removes the component of a tool that is not accepted any more; that it is gone already is as good.
    fn forget(&self, component: &Digest) -> Result<(), CommandError> {
        match files::remove(&self.component_file(component), None) {
            Err(error) if error.kind() != Some(ErrorKind::NotFound) => Err(file_error(error)),
            _ => Ok(()),
        }
    }

    fn source(&self, tool: &LockedTool) -> Result<ToolSource, ToolFailure> {
        let path = self.component_file(&tool.component);
        let bytes = files::read_up_to(&path, COMPONENT_BYTES_MAX).map_err(|error| ToolFailure {
            tool: tool.id.clone(),
            what: format!("its component cannot be used: {error}"),
            fix: format!("`repair tool lock` brings it back from {}", tool.source.display()),
        })?;
        Ok(ToolSource { name: tool.id.clone(), bytes: Cow::Owned(bytes), origin: Origin::Pinned(tool.component) })
    }
}

/// The accepted tools, and those that cannot be offered for loading, each with its reason.
#[derive(Default)]
pub struct Accepted {
    /// What can be loaded.
    pub sources: Vec<ToolSource>,
    failures: Vec<ToolFailure>,
    entries: Vec<LockedTool>,
}

impl Accepted {
    /// Those of whoever calls.
    pub fn of(environment: &Environment) -> Self {
        let installed = Installed::of(environment);
        let lock = match installed.read() {
            Ok(lock) => lock,
            Err(error) => {
                let fix = error.hints.first().cloned().unwrap_or_else(|| "see the file".to_owned());
                let failure = ToolFailure { tool: FILE_NAME.to_owned(), what: error.error.to_string(), fix };
                return Self { failures: vec![failure], ..Self::default() };
            }
        };
        let (mut sources, mut failures) = (Vec::new(), Vec::new());
        for tool in &lock.tools {
            match installed.source(tool) {
                Ok(source) => sources.push(source),
                Err(failure) => failures.push(failure),
            }
        }
        Self { sources, failures, entries: lock.tools }
    }

    /// Leaves out what the lock file does not allow, now that the tools have said what they are.
    pub fn hold(self, tools: &mut Toolbox) {
        self.failures.into_iter().for_each(|failure| tools.leave_out(failure));
        for manifest in tools.manifests().to_vec() {
            if tools.is_built_in(&manifest.tool.id) {
                continue;
            }
            let of_it = |entry: &&LockedTool| entry.component == manifest.tool.component;
            let by_name = self.entries.iter().filter(of_it).find(|entry| entry.id == manifest.tool.id);
            let of_it = by_name.or_else(|| self.entries.iter().find(of_it));
            let bytes = tools.component(&manifest.tool.id).unwrap_or_default().len();
            if let Some(failure) = of_it.and_then(|entry| contradicted(entry, &manifest, bytes)) {
                tools.exclude(failure);
            }
        }
    }
}

/// The failure of a tool whose entry in the lock file says otherwise than its component of so many bytes.
pub fn contradicted(entry: &LockedTool, manifest: &Manifest, bytes: usize) -> Option<ToolFailure> {
    let contradiction = match LockedTool::of(manifest, bytes, entry.source.clone()) {
        Ok(actual) => entry.contradiction(&actual)?,
        Err(error) => error.to_string(),
    };
    Some(ToolFailure {
        tool: manifest.tool.id.clone(),
        what: format!("{FILE_NAME} says otherwise of `{}` than its component: {contradiction}", entry.id),
        fix: format!("`repair tool remove {}`, then `repair tool add` shows all of it and asks", entry.id),
    })
}

/// Whoever could write the lock file could accept a tool in the user's name.
fn own(path: &Path, metadata: &Metadata) -> Result<(), CommandError> {
    let user = rustix::process::geteuid().as_raw();
    let is_own = metadata.uid() == user || metadata.uid() == 0;
    if is_own && metadata.mode() & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(CommandError::new(Code::Usage, format!("{path} could be written by others, so no installed tool is used"))
        .hint(format!("look at what it says; then `chmod go-w {path}`, and `chown` it to yourself")))
}

fn make_private(folder: &Path) -> Result<(), CommandError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        CommandError::internal(&format!("the folder {} cannot be made", folder.display()), error)
            .hint("$XDG_CONFIG_HOME and $XDG_DATA_HOME say where the user's files lie")
    })
}

fn lock_error(path: &Path, error: &LockError) -> CommandError {
    CommandError::new(Code::Usage, format!("{}: {error}", path.display())).hint(error.hint())
}

/// An error of a file, with its hints.
pub fn file_error(error: FileError) -> CommandError {
    let hints = error.hints();
    CommandError { code: Code::Internal, error: Box::new(error), hints }
}

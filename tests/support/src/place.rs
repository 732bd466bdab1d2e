//! Where things lie that outlive one test process: below Cargo's target directory, and nowhere else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Cargo's target directory, absolute.
pub fn target_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace.join(dir),
        None => workspace.join("target"),
    }
}

/// The folder for engines and their records, created when missing.
pub(crate) fn engine_dir(target: &Path) -> Result<PathBuf> {
    let dir = target.join("engine");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Holds `dir/name` locked for as long as the returned file lives; waits for other processes that hold it.
pub(crate) fn lock(dir: &Path, name: &str) -> Result<File> {
    let path = dir.join(name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open the lock file {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

//! Python with componentize-py, which builds repair tools that are written in Python.
//!
//! It makes a virtual environment below the target folder and installs one pinned version there. Into the system it
//! installs Debian's own Python and nothing else, and only as root. Invariant: what is returned has exactly that version.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Finished, target_dir};
use anyhow::{Context as _, Result, ensure};

/// The version of componentize-py. Another one may build another component from the same tool.
const VERSION: &str = "0.25.1";
/// The oldest Python that the generated bindings run on, as major and minor version.
const PYTHON_MIN: (u32, u32) = (3, 11);
/// Exits with 0 where a virtual environment can be made. Debian splits `ensurepip` off, and `venv` fails late without it.
const CAN_MAKE: &str = "import ensurepip, venv";
const INSTALL: [&str; 6] = ["--quiet", "install", "--yes", "--no-install-recommends", "python3", "python3-venv"];

/// The folder with `componentize-py` and `python3`, made when it is missing.
///
/// # Errors
/// When Python is missing and cannot be installed, or its package index is not reached; says what to do.
pub fn componentize_py() -> Result<PathBuf> {
    let target = target_dir();
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    // Held until this returns, so that of two at once the second finds what the first has made.
    let lock = File::create(target.join("python.lock")).context("cannot create the lock of the virtual environment")?;
    lock.lock().context("cannot lock the virtual environment")?;
    let place = target.join("python");
    let bin = place.join("bin");
    if has_version(&bin) {
        return Ok(bin);
    }
    ensure_python()?;
    // What is there is of another version, of a Python that is gone, or half made.
    let cleared = fs::remove_dir_all(&place).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    });
    cleared.with_context(|| format!("cannot clear {}", place.display()))?;
    Finished::run(Command::new("python3").args(["-m", "venv"]).arg(&place))?
        .success()
        .with_context(|| format!("cannot make a virtual environment in {}", place.display()))?;
    let mut install = Command::new(bin.join("python3"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    install.arg(format!("componentize-py=={VERSION}"));
    Finished::run(&mut install)?.success().with_context(|| {
        format!("cannot install componentize-py {VERSION}; does pip reach its package index from here?")
    })?;
    ensure!(has_version(&bin), "{} does not run as version {VERSION}", bin.join("componentize-py").display());
    Ok(bin)
}

/// Whether a componentize-py of the pinned version runs there, and a Python beside it.
fn has_version(bin: &Path) -> bool {
    let told = Finished::run(Command::new(bin.join("componentize-py")).arg("--version"));
    told.is_ok_and(|told| told.succeeded() && is_pinned(&told.stdout))
        && runs(Command::new(bin.join("python3")).args(["-c", ""]))
}

/// Whether that is how componentize-py tells the pinned version.
fn is_pinned(told: &str) -> bool {
    told.split_whitespace().last() == Some(VERSION)
}

fn runs(command: &mut Command) -> bool {
    Finished::run(command).is_ok_and(|finished| finished.succeeded())
}

/// Sees to a Python that is new enough and can make virtual environments.
fn ensure_python() -> Result<()> {
    if !can_make() {
        ensure!(
            is_root(),
            "Python cannot make a virtual environment here; as root: `apt-get install python3 python3-venv`"
        );
        apt_install()?;
        ensure!(can_make(), "python3-venv is installed, and the `python3` on the PATH cannot make an environment");
    }
    let (major, minor) = PYTHON_MIN;
    let is_too_old = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    ensure!(
        runs(Command::new("python3").args(["-c", &is_too_old])),
        "`python3` is older than {major}.{minor}, which tools in Python need; put a newer one first on the PATH"
    );
    Ok(())
}

fn can_make() -> bool {
    runs(Command::new("python3").args(["-c", CAN_MAKE]))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Installs Debian's own Python. A fresh machine knows no packages, so its lists are updated where it fails without.
fn apt_install() -> Result<()> {
    if apt_get(&INSTALL).is_err() {
        apt_get(&["--quiet", "update"]).context("the lists of packages cannot be updated")?;
        apt_get(&INSTALL).context("python3 and python3-venv cannot be installed")?;
    }
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<Finished> {
    let mut command = Command::new("apt-get");
    Finished::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C"))?.success()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_is_taken() {
        assert!(is_pinned("componentize-py 0.25.1\n"));
        assert!(!is_pinned("componentize-py 0.25.10\n"));
        assert!(!is_pinned(""));
    }
}

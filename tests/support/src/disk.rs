//! A small file system in memory, for tests of disks that are full, read-only or mounted `noexec`. Mounting needs root, as the private engine does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::Finished;

/// A mounted file system, unmounted when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    dir: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many KiB at `dir`, which is made.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn mount(dir: &Path, kib: u32) -> Result<Self> {
        fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=700"), "repair-test"]).arg(dir);
        Finished::run(&mut mount)?.success()?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Lets nobody write any more, or again.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        self.remount(if read_only { "remount,ro" } else { "remount,rw" })
    }

    /// Lets nothing on it be executed.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn set_no_exec(&self) -> Result<()> {
        self.remount("remount,noexec")
    }

    fn remount(&self, options: &str) -> Result<()> {
        Finished::run(Command::new("mount").args(["-o", options]).arg(&self.dir))?.success().map(|_| ())
    }

    /// Takes all of its room away, until what is returned is removed.
    ///
    /// # Errors
    /// When that file cannot be made.
    pub fn fill(&self) -> Result<PathBuf> {
        let inside = self.dir.join("room");
        let mut copy = Command::new("dd");
        // It ends with an error when the disk is full, which is what is wanted.
        Finished::run(copy.args(["if=/dev/zero", "bs=4096", &format!("of={}", inside.display())]))?;
        anyhow::ensure!(inside.exists(), "{} is not filled", self.dir.display());
        Ok(inside)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Finished::run(Command::new("umount").arg(&self.dir)).and_then(Finished::success);
        if let Err(error) = unmounted {
            eprintln!("warning: {} is not unmounted: {error:#}", self.dir.display());
        }
    }
}

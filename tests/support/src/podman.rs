//! Podman out of Debian packages, for what it says when something fails.
//!
//! It wants a newer libc than the system may have, so it lies in a tree of its own with all that it depends on, and
//! runs there with namespaces of its own: its firewall rules, addresses, images and containers end with each script.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::place;
use crate::process::Finished;
use crate::provision;

/// Podman 5.4 is of this suite.
const SUITE: &str = "trixie";

/// With everything that they depend on.
const PACKAGES: [&str; 10] =
    ["podman", "conmon", "crun", "netavark", "aardvark-dns", "nftables", "passt", "base-files", "base-passwd", "libc6"];

const SCRIPT: &str = include_str!("podman.sh");

/// A Podman that lies in the target directory.
#[derive(Clone, Debug)]
pub struct Podman {
    root: PathBuf,
    version: String,
}

impl Podman {
    /// Podman below `target`, downloaded first if it is not there yet.
    ///
    /// # Errors
    /// Without root, on a system that is not Debian, and when packages cannot be had or do not run here.
    pub fn provision(target: &Path) -> Result<Self> {
        provision::ensure_root()?;
        let dir = place::engine_dir(target)?;
        let busybox = provision::busybox(target)?;
        let _lock = place::lock(&dir, "provision.lock")?;
        let root = dir.join("podman");
        if !root.join(provision::MARKER).exists() {
            eprintln!("downloading Podman (Debian {SUITE}) into {}", root.display());
            provision::remove_dir(&root)?;
            let files = provision::unpack_with_dependencies(SUITE, &PACKAGES, &root)?;
            place_busybox(&busybox, &root)?;
            for name in ["passwd", "group"] {
                let from = Path::new("/etc").join(name);
                fs::copy(&from, root.join("etc").join(name)).context("cannot copy the users of the system")?;
            }
            fs::write(root.join(provision::MARKER), files.join("\n") + "\n").context("cannot write the marker")?;
        }
        let mut podman = Self { root, version: String::new() };
        let scratch = tempfile::tempdir().context("cannot create a folder")?;
        let mut ask = podman.command("podman version --format '{{.Client.Version}}'", scratch.path());
        podman.version = Finished::run(&mut ask)?.success()?.stdout.trim().to_owned();
        Ok(podman)
    }

    /// Such as `5.4.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A command that runs `script` with Podman and an empty store, in `folder`, which is `/srv/shop` there. Busybox is
    /// on the path, and lies at `/opt/busybox/busybox` for whoever makes an image.
    pub fn command(&self, script: &str, folder: &Path) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "/bin/sh", "-c", SCRIPT, "podman.sh"]);
        command.arg(&self.root).arg(folder).arg(script);
        command
    }
}

fn place_busybox(busybox: &Path, root: &Path) -> Result<()> {
    let dir = root.join("opt/busybox");
    fs::create_dir_all(&dir).context("cannot create the folder of busybox")?;
    fs::copy(busybox, dir.join("busybox")).context("cannot copy busybox")?;
    let applets = Finished::run(Command::new(busybox).arg("--list"))?.success()?.stdout;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", dir.join(applet)).context("cannot link an applet")?;
    }
    Ok(())
}

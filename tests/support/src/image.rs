//! Images made from scratch out of one static busybox, because there is no registry to take them from.
//!
//! Each is a real server: it answers on the port that its namesake answers on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::engine::Engine;
use crate::process::Finished;

/// Serves `/`, `/ready` and `/ping` on port 80.
pub const WEB: &str = "repair-test/web:1";

/// Every image with its command. `devlake` refuses to start without its secret, as its namesake does.
pub const IMAGES: [(&str, &str); 5] = [
    (WEB, r#"["httpd","-f","-p","80","-h","/www"]"#),
    ("repair-test/mysql:1", r#"["nc","-ll","-p","3306","-e","echo","5.7-fake"]"#),
    ("repair-test/grafana:1", r#"["httpd","-f","-p","3000","-h","/www"]"#),
    (
        "repair-test/devlake:1",
        r#"["sh","-c","[ -n \"$ENCRYPTION_SECRET\" ] || { echo ENCRYPTION_SECRET is empty; exit 1; }; exec httpd -f -p 8080 -h /www"]"#,
    ),
    ("repair-test/config-ui:1", r#"["httpd","-f","-p","4000","-h","/www"]"#),
];

const APPLETS: [&str; 8] = ["sh", "httpd", "sleep", "nc", "cat", "echo", "ls", "nslookup"];

const FILES: [(&str, &str); 3] =
    [("index.html", "<h1>It works</h1>\n"), ("ready", "{\"ready\":true,\"status\":\"ok\"}\n"), ("ping", "pong\n")];

impl Engine {
    /// Builds the images that the engine lacks, and returns those.
    ///
    /// # Errors
    /// When an import fails.
    pub fn build_images(&self) -> Result<Vec<&'static str>> {
        let present = Finished::run(self.docker().args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]))?;
        let present = present.success()?.stdout;
        let missing: Vec<_> =
            IMAGES.into_iter().filter(|(name, _)| !present.lines().any(|line| line == *name)).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let tree = tempfile::Builder::new().prefix("repair-image-").tempdir().context("cannot create a folder")?;
        write_tree(tree.path(), self.busybox())?;
        for (name, command) in &missing {
            self.import(tree.path(), name, command)?;
        }
        Ok(missing.into_iter().map(|(name, _)| name).collect())
    }

    /// Removes images by name; those in use stay.
    pub fn remove_images(&self, names: &[&str]) {
        if !names.is_empty() {
            let _ = Finished::run(self.docker().args(["image", "rm"]).args(names));
        }
    }

    fn import(&self, tree: &Path, name: &str, command: &str) -> Result<()> {
        // The first process of a container ignores the polite signal unless it handles it, and busybox does not.
        let changes = [format!("CMD {command}"), "STOPSIGNAL SIGKILL".to_owned()];
        let mut message = self.import_with(tree, name, &changes)?;
        // Engine 20.10 takes no signal here; its containers only stop more slowly.
        if message.as_deref().is_some_and(|message| message.contains("stopsignal is not a valid change")) {
            message = self.import_with(tree, name, &changes[..1])?;
        }
        ensure!(message.is_none(), "cannot import image {name}: {}", message.unwrap_or_default());
        Ok(())
    }

    /// Imports the tree; returns what the engine says when it refuses.
    fn import_with(&self, tree: &Path, name: &str, changes: &[String]) -> Result<Option<String>> {
        let mut tar = Command::new("tar");
        tar.args(["--create", "--owner=0", "--group=0", "--directory"]).arg(tree).arg(".");
        let mut tar = tar.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot start tar")?;
        let archive = tar.stdout.take().context("tar has an output")?;
        let mut docker = self.docker();
        docker.arg("import").args(changes.iter().flat_map(|change| ["--change", change]));
        let output = docker.args(["-", name]).stdin(archive).output().context("cannot start docker")?;
        // It still holds the reading end: tar would wait for ever for an engine that has refused the archive.
        drop(docker);
        let tar = tar.wait().context("cannot wait for tar")?;
        let refused = (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned());
        ensure!(tar.success() || refused.is_some(), "cannot read the tree of image {name}");
        Ok(refused)
    }
}

fn write_tree(tree: &Path, busybox: &Path) -> Result<()> {
    for dir in ["bin", "www", "tmp"] {
        fs::create_dir(tree.join(dir)).context("cannot create a folder of the image")?;
    }
    fs::copy(busybox, tree.join("bin/busybox"))
        .with_context(|| format!("cannot copy {} into the image", busybox.display()))?;
    for applet in APPLETS {
        symlink("busybox", tree.join("bin").join(applet)).context("cannot link an applet")?;
    }
    for (name, text) in FILES {
        fs::write(tree.join("www").join(name), text).context("cannot write a page of the image")?;
    }
    Ok(())
}

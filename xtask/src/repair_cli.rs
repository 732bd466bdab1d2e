//! The one place that knows how `repair` is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use repair_test_support::{Finished, Project};
use serde_json::Value;

/// The built program together with the folder for its state.
pub(crate) struct Repair {
    program: PathBuf,
    state_dir: PathBuf,
}

impl Repair {
    pub(crate) fn new(program: PathBuf, state_dir: &Path) -> Self {
        Self { program, state_dir: state_dir.to_owned() }
    }

    /// Looks at `project` and changes nothing.
    pub(crate) fn inspect(&self, project: &Project<'_>) -> Command {
        self.command(project, &[])
    }

    /// Heals `project` without asking.
    pub(crate) fn heal(&self, project: &Project<'_>) -> Command {
        self.command(project, &["--self-heal=preview", "--yes"])
    }

    /// Verifies the log of `project`.
    pub(crate) fn audit_verify(&self, project: &Project<'_>) -> Command {
        self.command(project, &["audit", "verify"])
    }

    /// Takes the changes of `session` back.
    pub(crate) fn undo(&self, project: &Project<'_>, session: &str) -> Command {
        self.command(project, &["undo", session, "--yes"])
    }

    /// The newest session of `project`.
    pub(crate) fn last_session(&self, project: &Project<'_>) -> Result<String> {
        let listed = Finished::run(&mut self.command(project, &["sessions", "--json"]))?.success()?;
        let listed: Value = serde_json::from_str(&listed.stdout).context("`repair sessions --json` prints JSON")?;
        // They are in the order of their beginning.
        let newest = listed.as_array().and_then(|sessions| sessions.last()).context("there is no session")?;
        Ok(newest["id"].as_str().context("a session has an id")?.to_owned())
    }

    /// Global options stand last, where every command takes them.
    pub(crate) fn command(&self, project: &Project<'_>, arguments: &[&str]) -> Command {
        let mut command = project.command(&self.program);
        command.args(arguments).arg("--project-directory").arg(project.dir()).args(["-p", project.name()]);
        command.arg("--state-dir").arg(&self.state_dir);
        command
    }
}

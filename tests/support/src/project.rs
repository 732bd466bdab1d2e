//! Compose projects that tests make, break and leave clean.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::engine::Engine;
use crate::place;
use crate::port::PortBlock;
use crate::process::{Finished, without_surroundings};

/// One Compose project with a folder, a name and a block of ports of its own. Its containers, networks and volumes are
/// removed when it is dropped, found by their labels, so that even a project with a broken file is taken down.
#[derive(Debug)]
pub struct Project<'e> {
    engine: &'e Engine,
    name: String,
    dir: PathBuf,
    ports: PortBlock,
    // Removed last, after the containers that may have files of it mounted.
    _home: TempDir,
}

/// What the engine says of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// The service.
    pub service: String,
    /// The container's name.
    pub name: String,
    /// `created`, `running`, `exited` and so on.
    pub status: String,
    /// Why it did not start; empty if it did.
    pub error: String,
    /// Its exit code.
    pub exit_code: i64,
    /// The id of the container.
    pub id: String,
}

impl<'e> Project<'e> {
    /// An empty project. Its folder's name holds a space, because people's do.
    ///
    /// # Errors
    /// When there is no room for folder or ports.
    pub fn new(engine: &'e Engine) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let home = tempfile::Builder::new().prefix("repair-test-").tempdir().context("cannot create a folder")?;
        // A state folder belongs to the real path, and a temporary folder may be reached through a link.
        let real = home.path().canonicalize().context("cannot resolve the folder")?;
        let dir = real.join("my project");
        fs::create_dir(&dir).context("cannot create the project's folder")?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("repair-test-{}-{count}", std::process::id());
        Ok(Self { engine, name, dir, ports: PortBlock::reserve()?, _home: home })
    }

    /// The engine that it runs on.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// Its Compose project name, also given to every [`Project::command`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A folder beside the project's, for the state of `repair`; not created.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.with_file_name("state")
    }

    /// Its ports.
    pub fn ports(&self) -> &PortBlock {
        &self.ports
    }

    /// The port at `index` of its block.
    pub fn port(&self, index: u16) -> u16 {
        self.ports.port(index)
    }

    /// Writes a file of the project; `path` is relative to its folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let file = self.dir.join(path);
        let parent = file.parent().context("a file has a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Reads a file of the project.
    ///
    /// # Errors
    /// When it cannot be read as text.
    pub fn read(&self, path: &str) -> Result<String> {
        let file = self.dir.join(path);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    }

    /// A command in the project's folder that finds its engine, its name in `COMPOSE_PROJECT_NAME`, and neither settings
    /// nor state of the person who runs the tests. The cache is shared among all projects.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.engine.command(program);
        command.current_dir(&self.dir).env("COMPOSE_PROJECT_NAME", &self.name);
        command.env("XDG_CONFIG_HOME", self.dir.with_file_name("config"));
        command.env("XDG_STATE_HOME", self.dir.with_file_name("xdg-state"));
        command.env("XDG_CACHE_HOME", place::target_dir().join("engine/cache"));
        without_surroundings(&mut command);
        command
    }

    /// Runs `docker compose` in the project's folder.
    ///
    /// # Errors
    /// When it cannot be started; a failing exit is not an error.
    pub fn compose<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Finished> {
        let docker = self.engine.docker();
        Finished::run(self.command(docker.get_program()).arg("compose").args(args))
    }

    /// The state of each container of the project, running or not, by service and then by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn containers(&self) -> Result<Vec<ContainerState>> {
        let ids = self.list(&["ps", "--all"])?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let inspected = Finished::run(self.engine.docker().arg("inspect").args(&ids))?.success()?;
        let inspected: Vec<Value> = serde_json::from_str(&inspected.stdout).context("docker inspect answers JSON")?;
        let mut states: Vec<_> = inspected.iter().map(ContainerState::of).collect();
        states.sort_by(|a, b| (&a.service, &a.name).cmp(&(&b.service, &b.name)));
        Ok(states)
    }

    /// The state of the only container of `service`.
    ///
    /// # Errors
    /// When there is none or several.
    pub fn container(&self, service: &str) -> Result<ContainerState> {
        let mut of_service = self.containers()?.into_iter().filter(|state| state.service == service);
        let first = of_service.next().with_context(|| format!("service `{service}` has no container"))?;
        anyhow::ensure!(of_service.next().is_none(), "service `{service}` has several containers");
        Ok(first)
    }

    /// Removes its containers, networks and volumes.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn down(&self) -> Result<()> {
        for (list, remove) in [
            (["ps", "--all"].as_slice(), ["rm", "--force", "--volumes"].as_slice()),
            (&["network", "ls"], &["network", "rm"]),
            (&["volume", "ls"], &["volume", "rm"]),
        ] {
            let ids = self.list(list)?;
            if !ids.is_empty() {
                Finished::run(self.engine.docker().args(remove).args(ids))?.success()?;
            }
        }
        Ok(())
    }

    fn list(&self, list: &[&str]) -> Result<Vec<String>> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let listed = Finished::run(self.engine.docker().args(list).args(["--quiet", "--filter", &label]))?.success()?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.down() {
            eprintln!("warning: project {} is not taken down: {error:#}", self.name);
        }
    }
}

impl ContainerState {
    fn of(inspected: &Value) -> Self {
        let text = |pointer: &str| inspected.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            service: text("/Config/Labels/com.docker.compose.service"),
            name: text("/Name").trim_start_matches('/').to_owned(),
            status: text("/State/Status"),
            error: text("/State/Error"),
            exit_code: inspected.pointer("/State/ExitCode").and_then(Value::as_i64).unwrap_or_default(),
            id: text("/Id"),
        }
    }
}

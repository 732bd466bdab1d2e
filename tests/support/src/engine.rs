//! A Docker Engine that answers, with what its clients need, whoever started it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};

use crate::place;
use crate::process::Finished;
use crate::provision::{self, PrivateEngine};
use crate::run::{DaemonOptions, Run};

/// Set to `existing` to test on the engine that this machine already has.
pub const ENGINE_VARIABLE: &str = "REPAIR_TEST_ENGINE";
/// Address of the engine that `cargo xtask test` started.
pub const DOCKER_HOST_VARIABLE: &str = "REPAIR_TEST_DOCKER_HOST";
/// `DOCKER_CONFIG` for clients of that engine.
pub const DOCKER_CONFIG_VARIABLE: &str = "REPAIR_TEST_DOCKER_CONFIG";
/// Folder of the programs of that engine.
pub const DOCKER_PATH_VARIABLE: &str = "REPAIR_TEST_DOCKER_PATH";

/// What would make a client look elsewhere than the test wants. Cargo's library path is for its own programs.
const FOREIGN_VARIABLES: [&str; 9] = [
    "COMPOSE_ENV_FILES",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROFILES",
    "COMPOSE_PROJECT_NAME",
    "DOCKER_API_VERSION",
    "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
    "LD_LIBRARY_PATH",
];

/// An engine that answered when this value was made. A private one ends when the value is dropped.
#[derive(Debug)]
pub struct Engine {
    description: String,
    bin: Option<PathBuf>,
    env: Vec<(&'static str, OsString)>,
    busybox: PathBuf,
    run: Option<Run>,
}

impl Engine {
    /// The engine for the tests of this process: the one that `cargo xtask test` started; else, with
    /// `REPAIR_TEST_ENGINE=existing`, the machine's own; else a private one, which ends with this process. Images are
    /// there.
    ///
    /// # Panics
    /// When there is none, because a test that silently does nothing proves nothing.
    pub fn shared() -> &'static Self {
        // The failure is kept too, so that each further test does not try for minutes what cannot succeed.
        static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::obtain().map_err(|error| format!("{error:#}"))) {
            Ok(engine) => engine,
            Err(error) => panic!("this test needs a Docker Engine: {error}"),
        }
    }

    /// Like [`Engine::shared`], for whoever wants to stop it.
    ///
    /// # Errors
    /// When there is none.
    pub fn obtain() -> Result<Self> {
        let target = place::target_dir();
        let engine = match (Self::given(&target)?, std::env::var(ENGINE_VARIABLE).ok().as_deref()) {
            (Some(engine), _) => engine,
            (None, Some("existing")) => Self::existing(&target)?,
            (None, None | Some("" | "private")) => Self::private(&target)?,
            (None, Some(other)) => bail!("{ENGINE_VARIABLE} is `{other}`; known are `existing` and `private`"),
        };
        engine.build_images()?;
        Ok(engine)
    }

    /// The engine that this machine already has, if it answers and has Compose; else a private one. For
    /// demonstrations: tests that took whatever is there would prove something else on each machine.
    ///
    /// # Errors
    /// When neither can be had; the error says why for both.
    pub fn existing_or_private(target: &Path) -> Result<Self> {
        Self::existing(target).or_else(|existing| {
            Self::private(target).with_context(|| format!("this machine has no engine to use ({existing:#})"))
        })
    }

    /// A private engine, downloaded if needed and started.
    ///
    /// # Errors
    /// When it cannot be had here, or does not start.
    pub fn private(target: &Path) -> Result<Self> {
        PrivateEngine::provision(target)?.start()
    }

    /// The engine that this machine already has, as its `docker` command finds it.
    ///
    /// # Errors
    /// When it does not answer, or Compose 2 or later is missing.
    pub fn existing(target: &Path) -> Result<Self> {
        let mut engine =
            Self { description: String::new(), bin: None, env: Vec::new(), busybox: PathBuf::new(), run: None };
        engine.describe("the engine of this machine")?;
        engine.busybox = provision::busybox(target)?;
        Ok(engine)
    }

    /// The engine that the variables of `cargo xtask test` name.
    fn given(target: &Path) -> Result<Option<Self>> {
        let Some(host) = std::env::var_os(DOCKER_HOST_VARIABLE) else { return Ok(None) };
        let mut engine = Self {
            description: String::new(),
            bin: std::env::var_os(DOCKER_PATH_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from),
            env: vec![("DOCKER_HOST", host)],
            busybox: provision::busybox(target)?,
            run: None,
        };
        engine.env.extend(std::env::var_os(DOCKER_CONFIG_VARIABLE).map(|config| ("DOCKER_CONFIG", config)));
        engine.describe("the engine of `cargo xtask`")?;
        Ok(Some(engine))
    }

    /// Checks that engine and Compose answer, and notes their versions.
    fn describe(&mut self, what: &str) -> Result<()> {
        let server = Finished::run(self.docker().args(["version", "--format", "{{.Server.Version}}"]))
            .and_then(Finished::success)
            .with_context(|| format!("{what} does not answer"))?;
        let compose = Finished::run(self.docker().args(["compose", "version", "--short"]))
            .and_then(Finished::success)
            .context("Compose 2 or later is needed as a plugin of `docker`")?;
        let (server, compose) = (server.stdout.trim(), compose.stdout.trim());
        let major: u32 = compose.trim_start_matches('v').split('.').next().unwrap_or_default().parse().unwrap_or(0);
        ensure!(major >= 2, "Compose {compose} is too old: 2 or later is needed");
        self.description = format!("{what}: Docker Engine {server}, Compose {compose}");
        Ok(())
    }

    /// Where it comes from, and the versions of engine and Compose, in one line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The folders of a private engine: the one that holds its data, and the one that holds its socket.
    pub fn folders(&self) -> Option<(&Path, &Path)> {
        self.run.as_ref().map(|run| (run.dir(), run.runtime()))
    }

    /// Removes what a private engine with [`DaemonOptions::own_network`] put into its firewall, as a person does who
    /// resets a firewall beneath a running engine.
    ///
    /// # Errors
    /// When this is another engine, or the firewall cannot be changed.
    pub fn flush_firewall(&self) -> Result<()> {
        let (run, bin) = self.run.as_ref().zip(self.bin.as_ref()).context("only a private engine has a firewall")?;
        let namespace = format!("--net=/proc/{}/ns/net", run.daemon_pid()?);
        ensure!(
            run.own_network(),
            "this engine has no network of its own, and the machine's firewall is not for tests"
        );
        let root = bin.parent().and_then(Path::parent).context("the programs lie in a tree")?;
        for change in ["--flush", "--delete-chain"] {
            let mut command = Command::new("nsenter");
            command.arg(&namespace).args(provision::iptables(root)?).args(["--table", "nat", change]);
            Finished::run(&mut command)?.success()?;
        }
        Ok(())
    }

    /// A static busybox, for programs that hold ports.
    pub fn busybox(&self) -> &Path {
        &self.busybox
    }

    /// The variables that [`Engine::shared`] of other processes takes this engine from.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let variable = |name: &str| self.env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        match variable("DOCKER_HOST") {
            None => vec![(ENGINE_VARIABLE, "existing".into())],
            Some(host) => {
                let config = variable("DOCKER_CONFIG").map(|config| (DOCKER_CONFIG_VARIABLE, config));
                let bin = self.bin.clone().unwrap_or_default();
                [(DOCKER_HOST_VARIABLE, host), (DOCKER_PATH_VARIABLE, bin.into())].into_iter().chain(config).collect()
            }
        }
    }

    /// A command that finds this engine and its `docker` by the environment, and nothing else of Docker.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        if let Some(bin) = &self.bin {
            let mut path = bin.clone().into_os_string();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// The `docker` command for this engine.
    pub fn docker(&self) -> Command {
        match &self.bin {
            Some(bin) => self.command(bin.join("docker")),
            None => self.command("docker"),
        }
    }

    /// Stops a private engine with everything in it; does nothing to others.
    ///
    /// # Errors
    /// When something of it stays behind.
    pub fn stop(mut self) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), Run::stop)
    }
}

impl PrivateEngine {
    /// Starts the engine of one Debian suite, downloaded if needed, with the images of [`Engine::build_images`]: for
    /// tests that run on several versions. See [`PrivateEngine::of_suite`].
    ///
    /// # Errors
    /// When it cannot be had here, or does not start.
    pub fn start_suite(suite: &str) -> Result<Engine> {
        let engine = Self::of_suite(&place::target_dir(), suite)?.start()?;
        engine.build_images()?;
        Ok(engine)
    }

    /// Starts a daemon, with data and addresses of its own, and waits until it answers. Several can run at once.
    ///
    /// # Errors
    /// When it does not answer; the error shows the end of its log.
    pub fn start(&self) -> Result<Engine> {
        self.start_with(DaemonOptions::default())
    }

    /// Like [`PrivateEngine::start`], for a daemon that lacks something.
    ///
    /// # Errors
    /// As [`PrivateEngine::start`].
    pub fn start_with(&self, options: DaemonOptions) -> Result<Engine> {
        let run = Run::start(self, options)?;
        let env = vec![("DOCKER_HOST", run.host().into()), ("DOCKER_CONFIG", self.docker_config().into_os_string())];
        let mut engine =
            Engine { description: String::new(), bin: Some(self.bin()), env, busybox: self.busybox(), run: Some(run) };
        engine.describe(&format!("a private engine (Debian {})", self.suite))?;
        Ok(engine)
    }
}

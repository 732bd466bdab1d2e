//! Everything that `repair` takes from the environment, read once at the start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::command_error::{Code, CommandError};

/// A folder of the XDG base directory specification: the variable that names it, and its place in the home folder.
type XdgFolder = (&'static str, &'static str);
const STATE: XdgFolder = ("XDG_STATE_HOME", ".local/state");
const CACHE: XdgFolder = ("XDG_CACHE_HOME", ".cache");
const DATA: XdgFolder = ("XDG_DATA_HOME", ".local/share");
const CONFIG: XdgFolder = ("XDG_CONFIG_HOME", ".config");
/// The home of somebody who has none, as Debian's base-passwd names it. It is no folder of a project in any case: what
/// lies in the home folder may permit, and is executed.
const NO_HOME: &str = "/nonexistent";

/// The environment of this run.
#[derive(Clone, Debug)]
pub struct Environment {
    /// All variables that are text, for Compose's interpolation.
    pub variables: BTreeMap<String, String>,
    /// The value of `PATH`.
    pub path_var: OsString,
    /// Where the person stands.
    pub current_directory: PathBuf,
    /// The user's home folder, by `HOME` or else by the system; always absolute.
    home: Option<PathBuf>,
    /// User and host, as the system names them.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Whether questions can be asked: standard input and standard error are terminals, and this is no CI job.
    pub interactive: bool,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl Environment {
    /// Reads it.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let stdin_is_terminal = std::io::stdin().is_terminal();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let uid = rustix::process::getuid().as_raw();
        let user = variables.get("USER").or_else(|| variables.get("LOGNAME")).cloned();
        let in_ci = variables.get("CI").is_some_and(|value| !value.is_empty() && value != "false");
        Self {
            path_var: std::env::var_os("PATH").unwrap_or_default(),
            current_directory: std::env::current_dir().unwrap_or_default(),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            user: user.unwrap_or_else(|| format!("uid {uid}")),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            interactive: stdin_is_terminal && stderr_is_terminal && !in_ci,
            stdin_is_terminal,
            stderr_is_terminal,
            variables,
        }
    }

    /// The value of a variable; empty counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn home(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(|| PathBuf::from(NO_HOME))
    }

    /// Makes sure that the folders of this user are known.
    ///
    /// # Errors
    /// When there is no home folder, and not all of them are named otherwise.
    pub fn require_home(&self) -> Result<(), CommandError> {
        let named = [STATE, CACHE, DATA, CONFIG].iter().all(|(variable, _)| self.named(variable).is_some());
        if named || self.home.is_some() {
            return Ok(());
        }
        Err(CommandError::new(Code::Usage, "the home folder is not known: $HOME is no absolute path")
            .hint("set HOME to the folder in which logs, policies and accepted tools are to be kept"))
    }

    /// The absolute path in a variable; relative ones are ignored, as the specification asks.
    fn named(&self, variable: &str) -> Option<PathBuf> {
        self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    fn xdg(&self, (variable, in_home): XdgFolder) -> PathBuf {
        self.named(variable).unwrap_or_else(|| self.home().join(in_home)).join("repair")
    }

    /// Where sessions and logs are kept.
    pub fn state_dir(&self) -> PathBuf {
        self.xdg(STATE)
    }

    /// What can be made anew at any time.
    pub fn cache_dir(&self) -> PathBuf {
        self.xdg(CACHE)
    }

    /// Where cargo keeps what it downloads.
    pub fn cargo_home(&self) -> PathBuf {
        self.get("CARGO_HOME").map_or_else(|| self.home().join(".cargo"), PathBuf::from)
    }

    /// What the user has installed.
    pub fn data_dir(&self) -> PathBuf {
        self.xdg(DATA)
    }

    /// The user's policies, and which tools are accepted.
    pub fn config_dir(&self) -> PathBuf {
        self.xdg(CONFIG)
    }

    /// The folder of docker's `config.json`.
    pub fn docker_config_dir(&self) -> PathBuf {
        self.get("DOCKER_CONFIG").map_or_else(|| self.home().join(".docker"), PathBuf::from)
    }

    /// `user@host`, as grants name it. Not proof of a person.
    pub fn approver(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }
}

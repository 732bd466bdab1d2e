//! Finds the Compose plugin, so that it can be called directly: that saves half of the time of `docker compose`.
//!
//! The order is the `docker` command line's (extra folders of `config.json`, the user's folder, the system's), then the
//! folders beside the `docker` executable itself, then `docker compose`, then a standalone `docker-compose`. Compose 1 is
//! recognized and refused. Only absolute folders are looked into, so that a cloned project cannot bring its own.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::{Invocation, RunOptions, run};

const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
const VERSION_PATIENCE: Duration = Duration::from_secs(10);
const VERSION_BYTES_MAX: usize = 4 * 1024;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub struct ComposeSearch<'a> {
    /// The value of `PATH`.
    pub path_var: &'a OsStr,
    /// The folder of docker's `config.json`.
    pub docker_config_dir: Option<&'a Path>,
}

/// Compose 2 or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// The program.
    pub program: PathBuf,
    /// What stands before Compose's own arguments: nothing, or `compose` where the program is `docker`.
    pub prefix_args: Vec<OsString>,
    /// Its version, where it had to be asked already; see [`compose_version`].
    pub version: Option<ComposeVersion>,
}

impl Compose {
    /// A call with Compose's own arguments.
    pub fn invocation<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Invocation {
        let args = self.prefix_args.iter().cloned().chain(args.into_iter().map(Into::into));
        Invocation::new(&self.program, args)
    }
}

/// The version of Compose: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComposeVersion(pub u32, pub u32, pub u32);

impl fmt::Display for ComposeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for ComposeVersion {
    type Err = ();

    /// Reads `2.40.3`, `v2.26.1` and what distributions make of it (`2.26.1-4`, `2.40.3+ds1`).
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim().trim_start_matches('v');
        let numbers = text.split(|character: char| !character.is_ascii_digit() && character != '.').next().ok_or(())?;
        let mut parts = numbers.split('.').map(|part| part.parse().map_err(|_| ()));
        let major = parts.next().ok_or(())??;
        Ok(Self(major, parts.next().unwrap_or(Ok(0))?, parts.next().unwrap_or(Ok(0))?))
    }
}

/// Why there is no Compose to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeMissing {
    /// None was found.
    #[error("no Docker Compose was found")]
    None {
        /// The folders that were looked into.
        looked_in: Vec<PathBuf>,
    },
    /// Only the first generation was found.
    #[error("{} is Compose {version}; Compose 2 or later is needed", .program.display())]
    TooOld {
        /// Where it is.
        program: PathBuf,
        /// What it says.
        version: ComposeVersion,
    },
    /// One was found and does not tell its version.
    #[error("{} does not tell its version: {what}", .program.display())]
    Unclear {
        /// Where it is.
        program: PathBuf,
        /// What it says instead.
        what: String,
    },
}

impl ComposeMissing {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let install = "install Docker's Compose plugin (the package `docker-compose-plugin`, or Debian's \
                       `docker-compose` from version 13 on); `docker compose version` has to answer";
        match self {
            Self::None { looked_in } => {
                let folders: Vec<_> = looked_in.iter().map(|folder| folder.display().to_string()).collect();
                vec![install.to_owned(), format!("looked in {} and in PATH", folders.join(", "))]
            }
            Self::TooOld { .. } => vec![install.to_owned(), "Compose 1 (Python) gets no updates any more".to_owned()],
            Self::Unclear { program, .. } => vec![format!("try `{} version --short`", program.display())],
        }
    }
}

/// Finds Compose 2 or later. A plugin is taken as it is, since there never was one of Compose 1.
///
/// # Errors
/// When there is none; says what is there instead.
pub async fn find_compose(search: ComposeSearch<'_>) -> Result<Compose, ComposeMissing> {
    find_in(search, &SYSTEM_FOLDERS.map(PathBuf::from)).await
}

async fn find_in(search: ComposeSearch<'_>, system_folders: &[PathBuf]) -> Result<Compose, ComposeMissing> {
    let docker = in_path(search.path_var, "docker");
    let mut folders = configured_folders(search.docker_config_dir);
    folders.extend_from_slice(system_folders);
    folders.extend(docker.iter().flat_map(|docker| folders_beside(docker)));
    let plugin = folders.iter().map(|folder| folder.join("docker-compose")).find(|file| is_executable(file));
    if let Some(program) = plugin {
        return Ok(Compose { program, prefix_args: Vec::new(), version: None });
    }
    if let Some(program) = docker {
        let compose = Compose { program, prefix_args: vec!["compose".into()], version: None };
        if let Ok(version) = compose_version(&compose).await {
            return Ok(Compose { version: Some(version), ..compose });
        }
    }
    let Some(program) = in_path(search.path_var, "docker-compose") else {
        return Err(ComposeMissing::None { looked_in: folders });
    };
    let compose = Compose { program, prefix_args: Vec::new(), version: None };
    match compose_version(&compose).await? {
        version if version < ComposeVersion(2, 0, 0) => {
            Err(ComposeMissing::TooOld { program: compose.program, version })
        }
        version => Ok(Compose { version: Some(version), ..compose }),
    }
}

/// Asks Compose for its version.
///
/// # Errors
/// When it does not answer with one.
pub async fn compose_version(compose: &Compose) -> Result<ComposeVersion, ComposeMissing> {
    let unclear = |what: String| ComposeMissing::Unclear { program: compose.program.clone(), what };
    let options = RunOptions::new(VERSION_PATIENCE, VERSION_BYTES_MAX);
    let finished =
        run(&compose.invocation(["version", "--short"]), options).await.map_err(|error| unclear(error.to_string()))?;
    if !finished.succeeded() {
        return Err(unclear(format!("exit code {}", finished.exit_code())));
    }
    let text = finished.stdout.into_text();
    text.parse().map_err(|()| unclear(format!("{:?}", text.trim())))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    #[serde(rename = "cliPluginsExtraDirs")]
    extra_folders: Vec<PathBuf>,
}

/// A `config.json` that cannot be read adds nothing; whoever resolves the endpoint reports it.
fn configured_folders(config_dir: Option<&Path>) -> Vec<PathBuf> {
    let Some(dir) = config_dir else { return Vec::new() };
    let text = crate::files::read_text(&dir.join("config.json")).unwrap_or_default();
    let config: ConfigFile = serde_json::from_str(&text).unwrap_or_default();
    let mut folders: Vec<PathBuf> = config.extra_folders.into_iter().filter(|folder| folder.is_absolute()).collect();
    folders.push(dir.join("cli-plugins"));
    folders
}

/// Engines are installed under other prefixes too: `PREFIX/bin/docker` goes with `PREFIX/libexec/docker/cli-plugins`.
fn folders_beside(docker: &Path) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(docker).unwrap_or_else(|_| docker.to_owned());
    let prefixes = [real.as_path(), docker].map(|file| file.parent().and_then(Path::parent).map(Path::to_owned));
    let mut folders: Vec<PathBuf> = prefixes
        .into_iter()
        .flatten()
        .flat_map(|prefix| ["libexec/docker/cli-plugins", "lib/docker/cli-plugins"].map(|inner| prefix.join(inner)))
        .collect();
    folders.dedup();
    folders
}

/// The first executable of that name in an absolute folder of `PATH`.
pub(crate) fn in_path(path_var: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path_var)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another process writes the program: a descriptor of ours that is open for writing could be inherited by the child
    /// of a test beside this one, and the kernel starts no program that somebody may write to.
    async fn add_program(file: &Path, script: &str) {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let args = ["-c".as_ref(), write.as_ref(), "sh".as_ref(), file.as_os_str(), script.as_ref()];
        let options = RunOptions::new(VERSION_PATIENCE, VERSION_BYTES_MAX);
        assert!(run(&Invocation::new("/bin/sh", args), options).await.expect("ran").succeeded());
    }

    async fn find(root: &Path, system: &[PathBuf]) -> Result<Compose, ComposeMissing> {
        let config = root.join("config");
        let path_var = std::env::join_paths([root.join("prefix/bin"), "relative".into()]).expect("a PATH");
        find_in(ComposeSearch { path_var: &path_var, docker_config_dir: Some(&config) }, system).await
    }

    #[tokio::test]
    async fn plugins_are_taken_in_the_order_of_the_command_line() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        let system = [root.join("system")];
        let steps = [
            ("prefix/libexec/docker/cli-plugins/docker-compose", false),
            ("system/docker-compose", false),
            ("config/cli-plugins/docker-compose", false),
            ("extra/docker-compose", true),
        ];
        add_program(&root.join("prefix/bin/docker"), "exit 1").await;
        for (file, configured) in steps {
            add_program(&root.join(file), "exit 1").await;
            if configured {
                let config = format!(r#"{{"cliPluginsExtraDirs":["relative","{}"]}}"#, root.join("extra").display());
                crate::files::create_new(&root.join("config/config.json"), config.as_bytes()).expect("written");
            }
            let found = find(root, &system).await.expect("a plugin");
            assert_eq!(found, Compose { program: root.join(file), prefix_args: Vec::new(), version: None });
        }
    }

    #[tokio::test]
    async fn without_a_plugin_file_docker_is_asked_and_then_the_standalone() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        assert!(matches!(find(root, &[]).await, Err(ComposeMissing::None { .. })));
        add_program(&root.join("prefix/bin/docker-compose"), "echo 2.26.1-4").await;
        let found = find(root, &[]).await.expect("the standalone");
        assert_eq!((found.prefix_args.len(), found.version), (0, Some(ComposeVersion(2, 26, 1))));
        add_program(&root.join("prefix/bin/docker"), "[ \"$1\" = compose ] && echo v5.0.0").await;
        let found = find(root, &[]).await.expect("docker compose");
        assert_eq!(
            (found.prefix_args.as_slice(), found.version),
            ([OsString::from("compose")].as_slice(), Some(ComposeVersion(5, 0, 0)))
        );
        assert_eq!(found.invocation(["up"]).args, ["compose", "up"]);
    }

    #[tokio::test]
    async fn compose_1_is_named_and_refused() {
        let root = tempfile::tempdir().expect("a folder");
        add_program(&root.path().join("prefix/bin/docker-compose"), "echo 1.29.2").await;
        let error = find(root.path(), &[]).await.expect_err("too old");
        assert!(error.to_string().contains("Compose 1.29.2; Compose 2 or later is needed"), "{error}");
        assert!(!error.hints().is_empty());
    }

    #[test]
    fn versions_of_distributions_are_read() {
        for (text, version) in [
            ("2.40.3\n", ComposeVersion(2, 40, 3)),
            ("v2.26.1", ComposeVersion(2, 26, 1)),
            ("2.26.1-4", ComposeVersion(2, 26, 1)),
            ("2.40.3+ds1", ComposeVersion(2, 40, 3)),
            ("5", ComposeVersion(5, 0, 0)),
        ] {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        for wrong in ["", "dev", "docker-compose version 1.29"] {
            assert!(wrong.parse::<ComposeVersion>().is_err(), "{wrong}");
        }
        assert!(ComposeVersion(2, 24, 4) > ComposeVersion(2, 9, 10));
    }
}

//! Which engine is meant: the same answer that the `docker` command line gives, without asking it.
//!
//! The order is the command line's: `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext` of `config.json`, the default
//! socket. It refuses what it cannot follow exactly (an unknown context, an endpoint behind TLS, a damaged
//! `config.json`) instead of going on with another engine: to heal the wrong one is worse than to heal none.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The engine's socket where nothing else is said.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// What decides which engine is meant. Only the command line reads the environment; empty values count as unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChoice {
    /// The value of `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// The value of `DOCKER_CONTEXT`, or a context that was named on the command line.
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS` or `DOCKER_TLS_VERIFY` is set.
    pub tls_wanted: bool,
    /// The folder of `config.json`: `DOCKER_CONFIG`, else `.docker` in the home directory.
    pub config_dir: Option<PathBuf>,
}

/// One engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As a docker host, such as `unix:///var/run/docker.sock`.
    pub host: String,
    /// Who said so, in words for a person: `DOCKER_HOST`, `the context `prod``, `the default`.
    pub source: String,
    /// Whether it is a socket of this machine that no virtual machine is known to stand behind. Whether the engine's
    /// ports are really ports of this machine is asked of the engine itself.
    pub local: bool,
}

/// Why it cannot be told which engine is meant.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A docker host that nothing can be done with.
    #[error("{source_words} is `{host}`, which is not a docker host that this version can use")]
    BadHost {
        /// The value.
        host: String,
        /// Who said so.
        source_words: String,
    },
    /// The endpoint wants TLS.
    #[error("{source_words} leads to `{host}` by TLS, which this version does not speak")]
    Tls {
        /// The value.
        host: String,
        /// Who said so.
        source_words: String,
    },
    /// A context that does not exist.
    #[error("the docker context `{name}` of {source_words} does not exist: there is no {}", .file.display())]
    UnknownContext {
        /// Its name.
        name: String,
        /// Who said so.
        source_words: String,
        /// The file that it would be in.
        file: PathBuf,
    },
    /// A context was named, but the folder of contexts is not known.
    #[error("the docker context `{name}` cannot be looked up: there is no home directory and no DOCKER_CONFIG")]
    NoConfigDir {
        /// Its name.
        name: String,
    },
    /// A file that cannot be read, or is not what it should be.
    #[error("{} cannot be used: {what}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl EndpointError {
    /// What to do next, safest first.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::BadHost { host, .. } if !host.contains("://") => {
                format!("write `tcp://{host}` or `unix:///path/of/the.sock`")
            }
            Self::BadHost { .. } => "use `unix://`, `tcp://` or `ssh://`".to_owned(),
            Self::Tls { .. } => {
                "use an `ssh://` host, or forward the socket: `ssh -nNT -L $HOME/engine.sock:/var/run/docker.sock HOST`, \
                 then `DOCKER_HOST=unix://$HOME/engine.sock`"
                    .to_owned()
            }
            Self::UnknownContext { .. } => "list the contexts with `docker context ls`".to_owned(),
            Self::NoConfigDir { .. } => "set HOME or DOCKER_CONFIG".to_owned(),
            Self::File { file, .. } => format!("repair {}, or name the engine with DOCKER_HOST", file.display()),
        };
        vec![hint]
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ConfigFile {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextFile {
    #[serde(default)]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    #[serde(default)]
    host: String,
}

/// Finds out which engine is meant.
///
/// # Errors
/// When that cannot be told exactly, or this version cannot talk to it.
pub fn resolve(choice: &EndpointChoice) -> Result<Endpoint, EndpointError> {
    if let Some(host) = set(&choice.docker_host) {
        return endpoint(host, "DOCKER_HOST", choice.tls_wanted);
    }
    if let Some(name) = set(&choice.docker_context) {
        return context(name, "DOCKER_CONTEXT", choice);
    }
    if let Some(dir) = &choice.config_dir {
        let file = dir.join("config.json");
        if let Some(config) = read_json::<ConfigFile>(&file)?
            && let Some(name) = set(&config.current_context)
        {
            return context(name, &format!("`currentContext` in {}", file.display()), choice);
        }
    }
    endpoint(DEFAULT_HOST, "the default", choice.tls_wanted)
}

fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn context(name: &str, source_words: &str, choice: &EndpointChoice) -> Result<Endpoint, EndpointError> {
    if name == "default" {
        return endpoint(DEFAULT_HOST, "the context `default`", choice.tls_wanted);
    }
    let Some(dir) = &choice.config_dir else {
        return Err(EndpointError::NoConfigDir { name: name.to_owned() });
    };
    let folder = hex::encode(Sha256::digest(name));
    let file = dir.join("contexts/meta").join(&folder).join("meta.json");
    let Some(meta) = read_json::<ContextFile>(&file)? else {
        return Err(EndpointError::UnknownContext {
            name: name.to_owned(),
            source_words: source_words.to_owned(),
            file,
        });
    };
    let host = match meta.endpoints.get("docker") {
        Some(found) if !found.host.is_empty() => &found.host,
        _ => return Err(EndpointError::File { file, what: "it names no `Endpoints.docker.Host`".to_owned() }),
    };
    let tls_files = dir.join("contexts/tls").join(folder).join("docker");
    let has_tls_files = std::fs::read_dir(tls_files).is_ok_and(|mut files| files.next().is_some());
    endpoint(host, &format!("the context `{name}`"), has_tls_files)
}

fn endpoint(host: &str, source_words: &str, tls: bool) -> Result<Endpoint, EndpointError> {
    let host = host.trim().to_owned();
    let source = source_words.to_owned();
    let is_socket = host.strip_prefix("unix://").is_some_and(|path| path.starts_with('/'));
    let has_authority = |scheme| host.strip_prefix(scheme).is_some_and(|rest: &str| !rest.is_empty());
    if is_socket {
        return Ok(Endpoint { local: is_on_this_machine(&host), host, source });
    }
    if host.starts_with("https://") || (tls && (host.starts_with("tcp://") || host.starts_with("http://"))) {
        return Err(EndpointError::Tls { host, source_words: source });
    }
    if ["tcp://", "http://", "ssh://"].into_iter().any(has_authority) {
        return Ok(Endpoint { host, source, local: false });
    }
    Err(EndpointError::BadHost { host, source_words: source })
}

/// Sockets by which Docker Desktop, Rancher Desktop, Colima and Lima (their documentation) offer an engine inside a
/// virtual machine. Elsewhere than on Linux every engine is in one.
fn is_on_this_machine(host: &str) -> bool {
    const MACHINES: [&str; 5] = ["/.docker/desktop/", "/.docker/run/", "/.rd/", "/.colima/", "/.lima/"];
    cfg!(target_os = "linux") && !MACHINES.iter().any(|machine| host.contains(machine))
}

fn read_json<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<Option<T>, EndpointError> {
    let failed = |what: String| EndpointError::File { file: file.to_owned(), what };
    let text = match crate::files::read_text(file) {
        Ok(text) => text,
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(dir: &Path) -> EndpointChoice {
        EndpointChoice { config_dir: Some(dir.to_owned()), ..EndpointChoice::default() }
    }

    fn add_context(dir: &Path, name: &str, meta: &str) -> PathBuf {
        let folder = hex::encode(Sha256::digest(name));
        let meta_dir = dir.join("contexts/meta").join(&folder);
        std::fs::create_dir_all(&meta_dir).expect("made");
        crate::files::create_new(&meta_dir.join("meta.json"), meta.as_bytes()).expect("written");
        dir.join("contexts/tls").join(folder).join("docker")
    }

    fn meta(host: &str) -> String {
        format!(r#"{{"Name":"x","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#)
    }

    #[test]
    fn docker_host_beats_the_context_and_the_context_beats_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        add_context(dir.path(), "one", &meta("tcp://one:2375"));
        add_context(dir.path(), "two", &meta("ssh://me@two"));
        crate::files::create_new(&dir.path().join("config.json"), br#"{"currentContext":"two"}"#).expect("written");
        let mut choice = choice(dir.path());
        assert_eq!(resolve(&choice).expect("from the file").host, "ssh://me@two");
        choice.docker_context = Some("one".into());
        let endpoint = resolve(&choice).expect("from the context");
        assert_eq!((endpoint.host.as_str(), endpoint.source.as_str()), ("tcp://one:2375", "the context `one`"));
        assert!(!endpoint.local);
        choice.docker_host = Some("unix:///run/other.sock".into());
        let endpoint = resolve(&choice).expect("from the host");
        assert_eq!((endpoint.host.as_str(), endpoint.source.as_str()), ("unix:///run/other.sock", "DOCKER_HOST"));
    }

    #[test]
    fn without_anything_it_is_the_default_socket() {
        let dir = tempfile::tempdir().expect("a folder");
        for empty in [None, Some(String::new())] {
            let choice = EndpointChoice { docker_host: empty.clone(), docker_context: empty, ..choice(dir.path()) };
            assert_eq!(resolve(&choice).expect("the default").host, DEFAULT_HOST);
        }
        let named = EndpointChoice { docker_context: Some("default".into()), ..EndpointChoice::default() };
        assert_eq!(resolve(&named).expect("the default").host, DEFAULT_HOST);
    }

    #[test]
    fn an_unknown_context_names_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let choice = EndpointChoice { docker_context: Some("gone".into()), ..choice(dir.path()) };
        let error = resolve(&choice).expect_err("unknown").to_string();
        assert!(error.contains("`gone`") && error.contains("meta.json"), "{error}");
        let nowhere = EndpointChoice { config_dir: None, ..choice };
        assert!(matches!(resolve(&nowhere), Err(EndpointError::NoConfigDir { .. })));
    }

    #[test]
    fn tls_is_refused_in_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let tls = add_context(dir.path(), "safe", &meta("tcp://far:2376"));
        std::fs::create_dir_all(tls.join("key")).expect("made");
        let by_context = EndpointChoice { docker_context: Some("safe".into()), ..choice(dir.path()) };
        assert!(matches!(resolve(&by_context), Err(EndpointError::Tls { .. })));
        let by_variable =
            EndpointChoice { docker_host: Some("tcp://far:2376".into()), tls_wanted: true, ..choice(dir.path()) };
        assert!(matches!(resolve(&by_variable), Err(EndpointError::Tls { .. })));
        let a_socket_needs_none = EndpointChoice { docker_host: Some(DEFAULT_HOST.into()), ..by_variable };
        assert!(resolve(&a_socket_needs_none).is_ok());
    }

    #[test]
    fn a_bad_docker_host_is_never_guessed_at() {
        for bad in ["127.0.0.1:2375", "unix://", "unix://relative.sock", "tcp://", "npipe:////./pipe/x", "ftp://x"] {
            let choice = EndpointChoice { docker_host: Some(bad.into()), ..EndpointChoice::default() };
            let error = resolve(&choice).expect_err(bad);
            assert!(error.to_string().contains(bad) && !error.hints().is_empty(), "{error}");
        }
    }

    #[test]
    fn a_damaged_configuration_is_an_error_and_not_the_default_engine() {
        let dir = tempfile::tempdir().expect("a folder");
        crate::files::create_new(&dir.path().join("config.json"), b"{").expect("written");
        let error = resolve(&choice(dir.path())).expect_err("damaged");
        assert!(error.to_string().contains("config.json"), "{error}");
        add_context(dir.path(), "empty", r#"{"Name":"empty","Endpoints":{}}"#);
        let empty = EndpointChoice { docker_context: Some("empty".into()), ..choice(dir.path()) };
        assert!(resolve(&empty).expect_err("no endpoint").to_string().contains("Endpoints.docker.Host"));
    }

    #[test]
    fn sockets_of_virtual_machines_are_not_local() {
        let local = |host: &str| {
            let choice = EndpointChoice { docker_host: Some(host.into()), ..EndpointChoice::default() };
            resolve(&choice).expect("a socket").local
        };
        assert_eq!(local(DEFAULT_HOST), cfg!(target_os = "linux"));
        assert!(!local("unix:///home/ann/.docker/desktop/docker.sock"));
        assert!(!local("unix:///home/ann/.colima/default/docker.sock"));
    }
}

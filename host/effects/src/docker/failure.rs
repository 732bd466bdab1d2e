//! What can go wrong between `repair` and an engine: its class, and what a person can do.

use std::error::Error as _;
use std::io;

use bollard::errors::Error as BollardError;
use repair_model::finding::FailureClass;
use repair_model::limits::ENGINE_ANSWER_SECONDS_MAX;

use super::connection::API_MIN;
use super::endpoint::Endpoint;

/// Why the engine cannot be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such socket.
    #[error("no Docker Engine runs here: the socket {path} ({named_by}) does not exist")]
    SocketMissing {
        /// The socket.
        path: String,
        /// Who named it.
        named_by: String,
    },
    /// The socket is there and nobody listens.
    #[error("no Docker Engine answers at {host} ({named_by})")]
    NotRunning {
        /// The docker host.
        host: String,
        /// Who named it.
        named_by: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The socket may not be used.
    #[error("this user may not use the Docker Engine's socket {path}")]
    PermissionDenied {
        /// The socket.
        path: String,
    },
    /// A remote engine cannot be reached.
    #[error("the remote Docker Engine {host} ({named_by}) cannot be reached: {reason}")]
    Unreachable {
        /// The docker host.
        host: String,
        /// Who named it.
        named_by: String,
        /// The innermost reason.
        reason: String,
    },
    /// It took too long.
    #[error("the Docker Engine at {host} did not answer within {seconds} s when asked for {asked}")]
    Timeout {
        /// The docker host.
        host: String,
        /// What for.
        asked: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Its API is older than this version understands.
    #[error("the Docker Engine at {host} speaks API {found}; at least {}.{} (Docker 20.10) is needed", API_MIN.0, API_MIN.1)]
    TooOld {
        /// The docker host.
        host: String,
        /// What it speaks.
        found: String,
    },
    /// It said no.
    #[error("the Docker Engine refused to tell {asked} ({status}): {message}")]
    Refused {
        /// What for.
        asked: String,
        /// HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// It answered something that cannot be read.
    #[error("the Docker Engine's answer to {asked} cannot be read: {what}")]
    Unreadable {
        /// What for.
        asked: String,
        /// What is wrong.
        what: String,
    },
}

impl EngineError {
    /// The class of this failure; [`FailureClass::Unknown`] when the engine itself is well.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::SocketMissing { .. }
            | Self::NotRunning { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::TooOld { .. } => FailureClass::DockerDaemonUnreachable,
            Self::PermissionDenied { .. } => FailureClass::DockerPermissionDenied,
            Self::Refused { .. } | Self::Unreadable { .. } => FailureClass::Unknown,
        }
    }

    /// What to do next, safest first.
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::SocketMissing { .. } | Self::NotRunning { .. } => &[
                "start the engine: `sudo systemctl start docker` (or Docker Desktop)",
                "if another engine is meant, choose it with `docker context use NAME` or DOCKER_HOST",
            ],
            Self::PermissionDenied { .. } => &[
                "run `repair` with `sudo`, or let an administrator add this user to the group `docker` \
                 (`sudo usermod -aG docker \"$USER\"`, then log in again); that group is as powerful as root",
                "leave the rights of the socket as they are",
            ],
            Self::Unreachable { .. } => &[
                "check the address, the network and the login: `docker version` shows whether the command line gets through",
                "if another engine is meant, choose it with `docker context use NAME` or DOCKER_HOST",
            ],
            Self::Timeout { .. } => {
                &["see whether the engine is busy or stuck: `docker version`, `journalctl -u docker`"]
            }
            Self::TooOld { .. } => &["update the Docker Engine to 20.10 or later"],
            Self::Refused { .. } | Self::Unreadable { .. } => {
                &["see whether the command line has the same trouble: `docker ps -a`", "look at `journalctl -u docker`"]
            }
        };
        hints.iter().map(|&hint| hint.to_owned()).collect()
    }
}

/// What a failed request means for a person.
pub(super) fn failure(endpoint: &Endpoint, asked: &str, error: BollardError) -> EngineError {
    let host = endpoint.host.clone();
    let named_by = endpoint.source.clone();
    let asked = asked.to_owned();
    match error {
        BollardError::SocketNotFoundError(path) => EngineError::SocketMissing { path, named_by },
        BollardError::RequestTimeoutError => EngineError::Timeout { host, asked, seconds: ENGINE_ANSWER_SECONDS_MAX },
        BollardError::DockerResponseServerError { status_code, message } => {
            EngineError::Refused { asked, status: status_code, message }
        }
        BollardError::JsonDataError { message, .. } => EngineError::Unreadable { asked, what: message },
        error => connection_failure(host, named_by, asked, &error),
    }
}

fn connection_failure(host: String, named_by: String, asked: String, error: &BollardError) -> EngineError {
    let kind = io_kind(error);
    let reason = innermost(error);
    match (socket_path(&host), kind) {
        (Some(path), Some(io::ErrorKind::PermissionDenied)) => EngineError::PermissionDenied { path: path.to_owned() },
        (Some(path), Some(io::ErrorKind::NotFound)) => EngineError::SocketMissing { path: path.to_owned(), named_by },
        (Some(_), Some(kind)) => EngineError::NotRunning { host, named_by, source: io::Error::new(kind, reason) },
        (Some(_), None) => EngineError::Unreadable { asked, what: reason },
        (None, _) => EngineError::Unreachable { host, named_by, reason },
    }
}

fn io_kind(error: &BollardError) -> Option<io::ErrorKind> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found.kind());
        }
        next = error.source();
    }
    None
}

fn innermost(error: &BollardError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    if let BollardError::HyperLegacyError { err } = error
        && err.source().is_none()
    {
        return err.to_string();
    }
    last.to_string()
}

pub(super) fn not_an_engine(asked: &str) -> EngineError {
    EngineError::Unreadable { asked: asked.to_owned(), what: "it is not that of a Docker Engine".to_owned() }
}

/// The path of a docker host that is a socket.
pub(super) fn socket_path(host: &str) -> Option<&str> {
    host.strip_prefix("unix://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rights_hint_at_the_group_and_never_at_chmod() {
        let error = EngineError::PermissionDenied { path: "/var/run/docker.sock".into() };
        assert_eq!(error.class(), FailureClass::DockerPermissionDenied);
        let hints = error.hints().join("\n");
        assert!(hints.contains("group `docker`") && !hints.contains("chmod"));
    }
}

//! The connection to one engine, and what can go wrong with it.
//!
//! What it sends are GET requests. It changes nothing on the way to the engine either: a socket without rights is a
//! named error with a way out, never a `chmod`.

use std::io;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as BollardError};
use futures_util::TryStreamExt as _;
use repair_model::limits::{
    ENGINE_ANSWER_BYTES_MAX, ENGINE_ANSWER_SECONDS_MAX, ENGINE_CONNECT_MS_MAX, ENGINE_CONNECT_SSH_MS_MAX,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::endpoint::Endpoint;
pub use super::failure::EngineError;
use super::failure::{failure, not_an_engine, socket_path};
use super::sight::Sight;

/// The oldest Engine API that this was tried with: that of Docker 20.10, and what Podman 4 and 5 answer.
pub const API_MIN: (u32, u32) = (1, 41);

/// A connection to one engine.
#[derive(Debug)]
pub struct Engine {
    endpoint: Endpoint,
    docker: Docker,
    version: OnceCell<EngineVersion>,
    pub(super) sight: OnceCell<Sight>,
}

/// What the engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EngineVersion {
    /// The engine's version, such as `28.5.2`.
    #[serde(rename = "Version")]
    pub engine: String,
    /// The newest version of its API, such as `1.51`.
    #[serde(rename = "ApiVersion")]
    pub api: String,
}

impl Engine {
    /// Connects, and waits a short time for the first answer.
    ///
    /// No API version is negotiated: bollard puts none into its requests (0.21.1, measured), so every engine answers in the
    /// version that it knows best, and `/version` takes ten times as long as anything else here. Whether the engine is
    /// too old is checked by [`Self::list_containers`].
    ///
    /// # Errors
    /// When no engine answers, or it may not be used.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, EngineError> {
        let asked = "a ping";
        let host = endpoint.host.as_str();
        if let Some(path) = socket_path(host) {
            look_for_socket(path, &endpoint)?;
        }
        let connected = if host.starts_with("ssh://") {
            Docker::connect_with_ssh(host, ENGINE_ANSWER_SECONDS_MAX, API_DEFAULT_VERSION, None)
        } else if host.starts_with("unix://") {
            Docker::connect_with_unix(host, ENGINE_ANSWER_SECONDS_MAX, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_http(host, ENGINE_ANSWER_SECONDS_MAX, API_DEFAULT_VERSION)
        };
        let docker = connected.map_err(|error| failure(&endpoint, asked, error))?;
        let patience_ms = if host.starts_with("ssh://") { ENGINE_CONNECT_SSH_MS_MAX } else { ENGINE_CONNECT_MS_MAX };
        let patience = Duration::from_millis(patience_ms);
        match tokio::time::timeout(patience, docker.ping()).await {
            Ok(Ok(answer)) if answer.trim() == "OK" => {}
            Ok(Ok(_)) => return Err(not_an_engine(asked)),
            Ok(Err(error)) => return Err(failure(&endpoint, asked, error)),
            Err(_) => {
                let (host, asked) = (host.to_owned(), asked.to_owned());
                return Err(EngineError::Timeout { host, asked, seconds: patience.as_secs() });
            }
        }
        Ok(Self { endpoint, docker, version: OnceCell::new(), sight: OnceCell::new() })
    }

    /// Which engine it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the engine says of itself. Asked once for each connection.
    ///
    /// # Errors
    /// When it does not answer, or is older than [`API_MIN`].
    pub async fn version(&self) -> Result<&EngineVersion, EngineError> {
        let asked = "its version";
        let version: &EngineVersion = self.version.get_or_try_init(|| self.get("/version".to_owned(), asked)).await?;
        match api_version(&version.api) {
            None => Err(not_an_engine(asked)),
            Some(found) if found < API_MIN => {
                Err(EngineError::TooOld { host: self.endpoint.host.clone(), found: version.api.clone() })
            }
            Some(_) => Ok(version),
        }
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Asks for `path_and_query` and reads the answer into lenient types of our own.
    ///
    /// bollard's types are not used for what describes containers: their states and healths are closed enumerations, so
    /// that one container in a state that they lack would hide all the others. bollard has no request for plain JSON, so
    /// the path of a request that streams bytes is replaced; the transport, the timeout and the errors stay bollard's.
    pub(super) async fn get<T: DeserializeOwned>(&self, path_and_query: String, asked: &str) -> Result<T, EngineError> {
        let unreadable = |what: String| EngineError::Unreadable { asked: asked.to_owned(), what };
        let redirected = self.docker.clone().with_request_modifier(move |request| redirect(request, &path_and_query));
        let mut stream = redirected.export_container("any");
        let mut bytes = Vec::new();
        let collect = async {
            while let Some(chunk) = stream.try_next().await? {
                if bytes.len() + chunk.len() > ENGINE_ANSWER_BYTES_MAX {
                    return Ok(false);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok::<_, BollardError>(true)
        };
        match tokio::time::timeout(Duration::from_secs(ENGINE_ANSWER_SECONDS_MAX), collect).await {
            Ok(Ok(true)) => serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string())),
            Ok(Ok(false)) => Err(unreadable(format!("it has more than {ENGINE_ANSWER_BYTES_MAX} bytes"))),
            Ok(Err(error)) => Err(self.failure(asked, error)),
            Err(_) => Err(self.failure(asked, BollardError::RequestTimeoutError)),
        }
    }

    pub(super) fn failure(&self, asked: &str, error: BollardError) -> EngineError {
        failure(&self.endpoint, asked, error)
    }
}

fn redirect(mut request: BollardRequest, path_and_query: &str) -> BollardRequest {
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    // Paths are made from fixed text, hexadecimal ids and encoded filters, so this never fails; and an address that could
    // not be replaced would be refused by the engine, since it has no container of that name.
    if let Ok(uri) = format!("{scheme}://{authority}{path_and_query}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn api_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// bollard calls a socket missing that is only out of reach, so that is told apart here.
fn look_for_socket(path: &str, endpoint: &Endpoint) -> Result<(), EngineError> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(EngineError::PermissionDenied { path: path.to_owned() })
        }
        Err(_) => Err(EngineError::SocketMissing { path: path.to_owned(), named_by: endpoint.source.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use repair_model::finding::FailureClass;

    use super::*;
    use crate::docker::endpoint::{EndpointChoice, resolve};

    async fn connect(host: String) -> EngineError {
        let choice = EndpointChoice { docker_host: Some(host), ..EndpointChoice::default() };
        Engine::connect(resolve(&choice).expect("a docker host")).await.expect_err("no engine")
    }

    #[tokio::test]
    async fn a_missing_socket_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("no.sock");
        let error = connect(format!("unix://{}", path.display())).await;
        assert!(matches!(&error, EngineError::SocketMissing { .. }), "{error:?}");
        assert!(error.to_string().contains("no.sock") && error.to_string().contains("DOCKER_HOST"));
        assert_eq!(error.class(), FailureClass::DockerDaemonUnreachable);
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_an_engine_that_does_not_run() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        let error = connect(format!("unix://{}", path.display())).await;
        assert!(matches!(&error, EngineError::NotRunning { .. }), "{error:?}");
        assert!(error.hints()[0].contains("systemctl start docker"));
    }

    #[tokio::test]
    async fn a_remote_that_refuses_is_unreachable() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
        let error = connect(format!("tcp://{free}")).await;
        assert!(matches!(&error, EngineError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_no_engine_is_not_taken_for_one() {
        let error = connect(answering(&["hello"]).await).await;
        assert!(matches!(&error, EngineError::Unreadable { .. }), "{error:?}");
        let engine = connected(answering(&["OK", "{}"]).await).await;
        assert!(matches!(engine.version().await, Err(EngineError::Unreadable { .. })));
    }

    #[tokio::test]
    async fn an_old_engine_is_told_what_is_needed() {
        let engine = connected(answering(&["OK", r#"{"ApiVersion":"1.24","Version":"1.12.0"}"#]).await).await;
        let error = engine.list_containers("shop").await.expect_err("too old");
        assert!(matches!(&error, EngineError::TooOld { .. }), "{error:?}");
        assert!(error.to_string().contains("1.24") && error.to_string().contains("1.41"), "{error}");
    }

    #[tokio::test]
    async fn a_state_that_nobody_knows_does_not_hide_the_other_containers() {
        let list = r#"[{"Id":"a","Names":["/a"],"State":"hibernating"},{"Id":"b","Names":["/b"],"State":"running"}]"#;
        let engine = connected(answering(&["OK", list]).await).await;
        assert_eq!(engine.list_summaries("shop").await.expect("a list").len(), 2);
    }

    #[tokio::test]
    async fn a_refusal_keeps_the_engines_words() {
        let error = connected(answering(&["OK"]).await).await.list_summaries("shop").await.expect_err("refused");
        assert!(matches!(&error, EngineError::Refused { status: 500, .. }), "{error:?}");
        assert!(error.to_string().contains("out of order"), "{error}");
    }

    async fn connected(host: String) -> Engine {
        let choice = EndpointChoice { docker_host: Some(host), ..EndpointChoice::default() };
        Engine::connect(resolve(&choice).expect("a docker host")).await.expect("an engine")
    }

    /// A server that gives these answers, one for each request, and then none that anybody wants.
    async fn answering(answers: &[&str]) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        let good = answers.iter().map(|answer| ("200 OK", (*answer).to_owned()));
        let bad = std::iter::repeat(("500 Internal Server Error", r#"{"message":"out of order"}"#.to_owned()));
        let answers: Vec<_> = good.chain(bad.take(9)).collect();
        tokio::spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let _ = stream.read(&mut [0; 4096]).await;
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close", body.len());
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
            }
        });
        host
    }
}

//! A tiny HTTP server for the tests of this layer: it answers what a test says, and remembers what was asked.
//!
//! It knows nothing of Azure but the token endpoint. Each connection is answered once and closed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::client::{Arm, ArmOptions};
use super::cloud::Cloud;
use super::credential::CredentialChoice;
use super::error::ArmError;
use super::names::{DeploymentName, GroupName, Location, ServerName, SubscriptionId, TenantId, VaultName};
use super::request_ids::RequestIds;
use super::transport::HttpOptions;
use repair_model::secret::Secret;

pub(super) const SUBSCRIPTION: &str = "01234567-89ab-cdef-0123-456789abcdef";
pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// The token that this server gives out, and that nobody else may see.
pub(super) const TOKEN: &str = "token-of-the-scripted-server";

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Method and path with its query.
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// What is answered.
pub(super) enum Reply {
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// This head, then this many bytes of body, as far as the other end takes them.
    Flood(&'static str, usize),
}

/// An answer with a JSON body. `headers` are whole lines.
pub(super) fn reply(status: u16, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    Reply::Raw(format!("{head}Connection: close\r\n{headers}\r\n{body}").into_bytes())
}

type Handler = dyn Fn(&Received, usize) -> Reply + Send + Sync;

/// A server that runs until the test ends.
pub(super) struct Scripted {
    pub(super) address: String,
    received: Arc<Mutex<Vec<Received>>>,
    flooded: Arc<Mutex<usize>>,
}

impl Scripted {
    /// Answers by `handler`, which gets the request and how many came before it, those for tokens not counted.
    pub(super) fn new(handler: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (received, flooded) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (log, flood) = (received.clone(), flooded.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, flood, handler) = (log.clone(), flood.clone(), handler.clone());
                std::thread::spawn(move || serve(stream, &log, &flood, &*handler));
            }
        });
        Self { address, received, flooded }
    }

    /// All that was asked, tokens left out.
    pub(super) fn received(&self) -> Vec<Received> {
        let all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| !one.line.contains("/oauth2/")).cloned().collect()
    }

    /// Waits until something was asked, then lets the clock of the test run to whatever is waited for next.
    pub(super) async fn hurry(&self) {
        while self.received().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        tokio::time::pause();
        std::future::pending::<()>().await;
    }

    /// How often a token was asked for.
    pub(super) fn tokens(&self) -> usize {
        let all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.line.contains("/oauth2/")).count()
    }

    /// Bytes of bodies that the other end took.
    pub(super) fn flooded(&self) -> usize {
        *self.flooded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cloud(&self) -> Cloud {
        let local = Cloud::public().at_endpoint(&self.address).expect("an endpoint");
        local.with_authority(&self.address).expect("an authority")
    }

    pub(super) fn options(&self) -> ArmOptions {
        let credential = CredentialChoice {
            tenant_id: Some(TENANT.to_owned()),
            client_id: Some("client-of-the-test".to_owned()),
            client_secret: Some(Secret::new("hunter2")),
            ..CredentialChoice::default()
        };
        ArmOptions { cloud: self.cloud(), subscription: Some(subscription()), credential, http: HttpOptions::default() }
    }

    pub(super) async fn arm(&self) -> Arm {
        self.try_arm().await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) async fn try_arm(&self) -> Result<Arm, ArmError> {
        Arm::connect(self.options()).await
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Received>>, flooded: &Mutex<usize>, handler: &Handler) {
    let Some(received) = read(&mut stream) else { return };
    let before = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let before = log.iter().filter(|one| !one.line.contains("/oauth2/")).count();
        log.push(received.clone());
        before
    };
    let is_token = received.line.starts_with("POST ") && received.line.contains("/oauth2/v2.0/token");
    let answer = if is_token && received.body.contains("client_secret=hunter2") {
        let body = format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{TOKEN}"}}"#);
        reply(200, &[], &body)
    } else {
        handler(&received, before)
    };
    match answer {
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Reply::Silence => std::thread::sleep(std::time::Duration::from_secs(60)),
        Reply::Flood(head, bytes) => {
            let _ = stream.write_all(head.as_bytes());
            let piece = vec![b'x'; 64 * 1024];
            for _ in 0..bytes / piece.len() {
                if stream.write_all(&piece).is_err() {
                    return;
                }
                *flooded.lock().unwrap_or_else(PoisonError::into_inner) += piece.len();
            }
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let head_end = loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut parts = head.lines().next().unwrap_or_default().split(' ');
    let line = format!("{} {}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut received = Received { line, head, body: String::new() };
    let length: usize = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + length {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
    received.body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Some(received)
}

pub(super) fn subscription() -> SubscriptionId {
    SubscriptionId::new(SUBSCRIPTION).expect("a GUID")
}

pub(super) fn tenant() -> TenantId {
    TenantId::new(TENANT).expect("a GUID")
}

pub(super) fn group() -> GroupName {
    GroupName::new("rg").expect("a name")
}

pub(super) fn deployment() -> DeploymentName {
    DeploymentName::new("main").expect("a name")
}

pub(super) fn vault() -> VaultName {
    VaultName::new("kv1").expect("a name")
}

pub(super) fn server() -> ServerName {
    ServerName::new("my1").expect("a name")
}

pub(super) fn location() -> Location {
    Location::new("eastus").expect("a region")
}

pub(super) fn ids() -> RequestIds {
    let session = "20261126-081824-d4b2390d".parse().expect("a session id");
    RequestIds::new(&session, 1).expect("a place")
}

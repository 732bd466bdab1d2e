//! An image registry on this machine that serves one real image, and misbehaves on demand as public registries do.
//!
//! It speaks the part of the OCI distribution API (v2) that a pull needs, over plain HTTP on 127.0.0.1, which engines
//! accept without further settings. It takes no pushes, and it ends when it is dropped. What it serves is the content
//! of an engine's own `docker save`, so every digest is the one that an engine would compute.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::engine::Engine;
use crate::saved::{Blob, SavedImage};
use crate::{WEB, saved};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Longer requests are not answered; engines send a few hundred bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The first byte of a TLS connection (RFC 8446, 5.1: content type `handshake`).
const TLS_HANDSHAKE: u8 = 22;

/// The repository that is served; every other one is unknown.
const REPOSITORY: &str = "repair-test/web";

/// Why a registry answers no request for a manifest or a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401 to everything, with a challenge for a password: nobody is logged in.
    Unauthorized,
    /// 403 `DENIED` to manifests and blobs: the one who is logged in may not.
    Denied,
    /// 503 to manifests and blobs.
    Unavailable,
    /// Takes the connection and never answers.
    Silent,
}

/// A registry that runs until this is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    manifests: BTreeMap<String, Blob>,
    blobs: BTreeMap<String, Blob>,
    behaviour: Mutex<Behaviour>,
    ending: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Behaviour {
    refusal: Option<Refusal>,
    throttle_times: u32,
    retry_after_seconds: u32,
    throttled: u32,
}

impl Registry {
    /// Serves [`WEB`] of `engine`, under its own name and tag, until dropped. Tag `arm64` of the same repository is a
    /// list that has the image for 64-bit Arm processors alone.
    ///
    /// # Errors
    /// When the engine lacks the image, or no port of 127.0.0.1 is free.
    pub fn start(engine: &Engine) -> Result<Self> {
        Self::serve(&saved::image(engine, WEB)?)
    }

    fn serve(image: &SavedImage) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr().context("the registry has an address")?;
        let shared = Arc::new(Shared::of(image));
        let for_thread = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &for_thread));
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// `127.0.0.1:PORT`, as it stands before the repository in an image's name.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The full name of the image that it serves.
    pub fn image(&self) -> String {
        self.image_tagged("1")
    }

    /// The full name with another tag, which need not exist.
    pub fn image_tagged(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.address)
    }

    /// Answers the next `times` requests for a manifest with 429, as Docker Hub counts pulls, and tells the client to
    /// wait for `retry_after_seconds`; afterwards it serves again. Engines of all versions ask once for each pull of a
    /// tag, or twice where they look before they fetch, so `times` is not the number of failing pulls:
    /// [`Registry::throttled`] says what really happened.
    pub fn throttle(&self, times: u32, retry_after_seconds: u32) {
        let mut behaviour = self.shared.behaviour();
        behaviour.throttle_times = times;
        behaviour.retry_after_seconds = retry_after_seconds;
    }

    /// How many requests it has answered with 429.
    pub fn throttled(&self) -> u32 {
        self.shared.behaviour().throttled
    }

    /// Refuses from now on for this reason, or, with nothing, serves again.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.shared.behaviour().refusal = refusal;
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Release);
        // The acceptor sees the flag with the next connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn of(image: &SavedImage) -> Self {
        let describe =
            |kind: &str, blob: &Blob| json!({"mediaType": kind, "size": blob.bytes.len(), "digest": blob.digest});
        let layers: Vec<_> = image.layers.iter().map(|layer| describe(LAYER, layer)).collect();
        let config = describe(CONFIG, &image.config);
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        let manifest = Blob::new(MANIFEST, manifest.to_string().into_bytes());
        let mut entry = describe(MANIFEST, &manifest);
        entry["platform"] = json!({"architecture": "arm64", "os": "linux"});
        let list = json!({"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [entry]});
        let list = Blob::new(MANIFEST_LIST, list.to_string().into_bytes());

        let blobs =
            image.layers.iter().chain([&image.config]).map(|blob| (blob.digest.clone(), blob.clone())).collect();
        let by_digest = [&manifest, &list].map(|blob| (blob.digest.clone(), blob.clone()));
        let by_tag = [("1".to_owned(), manifest), ("arm64".to_owned(), list)];
        let manifests = by_tag.into_iter().chain(by_digest).collect();
        Self { manifests, blobs, behaviour: Mutex::default(), ending: AtomicBool::new(false) }
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request for `path`; nothing means silence.
    fn answer(&self, path: &str) -> Option<Answer<'_>> {
        let refusal = self.behaviour().refusal;
        match (refusal, path) {
            (Some(Refusal::Silent), _) => return None,
            (Some(Refusal::Unauthorized), _) => return Some(Answer::unauthorized()),
            (_, "/v2/" | "/v2") => return Some(Answer::json(200, "{}".to_owned())),
            (Some(Refusal::Denied), _) => {
                return Some(Answer::error(403, "DENIED", "requested access to the resource is denied"));
            }
            (Some(Refusal::Unavailable), _) => return Some(Answer::json(503, "{}".to_owned())),
            (None, _) => {}
        }
        let rest = path.strip_prefix("/v2/").unwrap_or_default();
        if let Some((repository, reference)) = rest.split_once("/manifests/") {
            return Some(self.manifest(repository, reference));
        }
        let blob = rest.split_once("/blobs/").and_then(|(_, digest)| self.blobs.get(digest));
        Some(blob.map_or_else(|| Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"), Answer::blob))
    }

    fn manifest(&self, repository: &str, reference: &str) -> Answer<'_> {
        let mut behaviour = self.behaviour();
        if behaviour.throttle_times > 0 {
            behaviour.throttle_times -= 1;
            behaviour.throttled += 1;
            return Answer::throttled(behaviour.retry_after_seconds);
        }
        match self.manifests.get(reference) {
            _ if repository != REPOSITORY => {
                Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry")
            }
            None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            Some(manifest) => Answer::blob(manifest),
        }
    }
}

/// One HTTP answer.
struct Answer<'a> {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: std::borrow::Cow<'a, [u8]>,
}

impl<'a> Answer<'a> {
    fn json(status: u16, body: String) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self { status, headers, body: body.into_bytes().into() }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({"errors": [{"code": code, "message": message}]}).to_string())
    }

    fn unauthorized() -> Self {
        let mut answer = Self::error(401, "UNAUTHORIZED", "authentication required");
        answer.headers.push(("WWW-Authenticate", "Basic realm=\"shop registry\"".to_owned()));
        answer
    }

    fn throttled(retry_after_seconds: u32) -> Self {
        // Docker Hub's own words.
        let message = "You have reached your pull rate limit. You may increase the limit by authenticating and \
                       upgrading: https://www.docker.com/increase-rate-limit";
        let mut answer = Self::error(429, "TOOMANYREQUESTS", message);
        answer.headers.push(("Retry-After", retry_after_seconds.to_string()));
        answer
    }

    fn blob(blob: &'a Blob) -> Self {
        let headers =
            vec![("Content-Type", blob.media_type.to_owned()), ("Docker-Content-Digest", blob.digest.clone())];
        Self { status: 200, headers, body: blob.bytes.as_slice().into() }
    }

    /// Writes it; without its body for a request that asked for the head alone.
    fn write(&self, stream: &mut TcpStream, with_body: bool) -> std::io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            429 => "Too Many Requests",
            _ => "Service Unavailable",
        };
        let mut head =
            format!("HTTP/1.1 {} {reason}\r\nDocker-Distribution-Api-Version: registry/2.0\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        if with_body { stream.write_all(&self.body) } else { Ok(()) }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ending.load(Ordering::Acquire) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client that breaks off has its reasons, and there is nobody to tell.
        thread::spawn(move || respond(&mut stream, &shared).ok());
    }
}

fn respond(stream: &mut TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let silent = shared.behaviour().refusal == Some(Refusal::Silent);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..count]);
        if request.first() == Some(&TLS_HANDSHAKE) && !silent {
            // Engines try TLS first; from an answer in HTTP they learn to do without.
            return stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nThis registry speaks plain HTTP.\n");
        }
        if count == 0 || request.len() > REQUEST_BYTES_MAX {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request);
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match shared.answer(path.split('?').next().unwrap_or_default()) {
        Some(answer) => answer.write(stream, method != "HEAD"),
        // Until the client gives up.
        None => stream.read_to_end(&mut Vec::new()).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let image =
            SavedImage { config: Blob::new(CONFIG, b"{}".to_vec()), layers: vec![Blob::new(LAYER, vec![7; 9])] };
        Registry::serve(&image).expect("a port of 127.0.0.1 is free")
    }

    fn ask(registry: &Registry, request: &str) -> String {
        let mut stream = TcpStream::connect(registry.address).expect("it listens");
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn the_manifest_names_blobs_that_are_served() {
        let registry = registry();
        let manifest = ask(&registry, "GET /v2/repair-test/web/manifests/1");
        let (_, body) = manifest.split_once("\r\n\r\n").expect("a head and a body");
        let manifest: serde_json::Value = serde_json::from_str(body).expect("JSON");
        for digest in [&manifest["config"]["digest"], &manifest["layers"][0]["digest"]] {
            let digest = digest.as_str().expect("a digest");
            let answer = ask(&registry, &format!("GET /v2/repair-test/web/blobs/{digest}"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{digest}: {answer}");
        }
        assert!(ask(&registry, "HEAD /v2/repair-test/web/manifests/1").ends_with("\r\n\r\n"), "a head has no body");
    }

    #[test]
    fn so_many_manifests_are_throttled_as_were_asked_for_and_then_served() {
        let registry = registry();
        registry.throttle(2, 7);
        for _ in 0..2 {
            let answer = ask(&registry, "GET /v2/repair-test/web/manifests/1");
            assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("Retry-After: 7\r\n"), "{answer}");
        }
        assert!(ask(&registry, "GET /v2/repair-test/web/manifests/1").starts_with("HTTP/1.1 200 "));
        assert_eq!(registry.throttled(), 2);
    }

    #[test]
    fn what_it_does_not_have_is_unknown_by_the_code_of_the_standard() {
        let registry = registry();
        assert!(ask(&registry, "GET /v2/repair-test/web/manifests/2").contains("MANIFEST_UNKNOWN"));
        assert!(ask(&registry, "GET /v2/shop/other/manifests/1").contains("NAME_UNKNOWN"));
        assert!(ask(&registry, "GET /v2/repair-test/web/blobs/sha256:0").contains("BLOB_UNKNOWN"));
    }

    #[test]
    fn a_refusal_ends_when_it_is_taken_back() {
        let registry = registry();
        registry.refuse(Some(Refusal::Unauthorized));
        assert!(ask(&registry, "GET /v2/").starts_with("HTTP/1.1 401 "));
        registry.refuse(Some(Refusal::Denied));
        assert!(ask(&registry, "GET /v2/repair-test/web/manifests/1").contains("DENIED"));
        registry.refuse(None);
        assert!(ask(&registry, "GET /v2/repair-test/web/manifests/1").starts_with("HTTP/1.1 200 "));
    }
}

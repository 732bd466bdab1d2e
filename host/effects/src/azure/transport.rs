//! The one way on which requests to Azure leave, and their answers come.
//!
//! It stands below the SDK, as its [`HttpClient`], and does what the SDK does not: it sends what the present
//! `Permit` allows and nothing else, to one origin, without following redirects; it keeps what Azure says when it says
//! no, within bounds; it never sends a request twice. Each request has a connection of its own, so that a change never
//! begins on a connection that the other end is just closing, which nobody could tell from a change half done.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use azure_core::error::ErrorKind as SdkErrorKind;
use azure_core::headers::Headers;
use azure_core::{Body, HttpClient, Method, Request, Response, RetryOptions, StatusCode, TransportOptions, Url};
use jiff::Timestamp;
use repair_faults::{Point, pass};
use repair_model::text::escaped_short;

use super::cloud::is_near;
use super::error::{ArmError, Asked, ErrorKind, Refusal};
use super::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, ERROR_BODY_BYTES_MAX, READ_TIMEOUT, REQUEST_TIMEOUT};
use super::nested::NestedError;
use super::permit::Permit;
use super::request_ids::RequestId;

/// How connections are made. Every value is handed in; the environment is not read here.
#[derive(Clone, Default)]
pub struct HttpOptions {
    /// The proxy for what is not on this machine (`HTTPS_PROXY`).
    pub proxy: Option<String>,
    /// Hosts that are reached without it (`NO_PROXY`).
    pub no_proxy: Option<String>,
    /// Certificates in PEM that are trusted beside the usual ones, such as those of a proxy that looks into connections.
    pub certificates_pem: Option<Vec<u8>>,
}

impl fmt::Debug for HttpOptions {
    /// A proxy may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpOptions(proxy: {}, no_proxy: {:?})", self.proxy.is_some(), self.no_proxy)
    }
}

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Http {
    far: reqwest::Client,
    /// For this machine and its link, where no proxy is ever asked.
    near: reqwest::Client,
}

impl Http {
    /// # Errors
    /// When proxy or certificates cannot be used.
    pub(super) fn new(options: &HttpOptions) -> Result<Self, ArmError> {
        let unusable =
            |what: &'static str| move |_| ArmError::new(ErrorKind::Unsendable(format!("{what} cannot be used")));
        let near = plain().build().map_err(unusable("the TLS library"))?;
        let mut far = plain();
        if let Some(proxy) = options.proxy.as_deref().filter(|proxy| !proxy.is_empty()) {
            let no_proxy = options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
            far = far.proxy(reqwest::Proxy::all(proxy).map_err(unusable("the proxy"))?.no_proxy(no_proxy));
        }
        if let Some(pem) = &options.certificates_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable("the certificates"))?;
            far = certificates.into_iter().fold(far, reqwest::ClientBuilder::add_root_certificate);
        }
        Ok(Self { far: far.build().map_err(unusable("the proxy or the certificates"))?, near })
    }

    fn to(&self, url: &Url) -> &reqwest::Client {
        if is_near(url) { &self.near } else { &self.far }
    }
}

fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
}

/// An answer with its whole body.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; the name in lower case.
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON; null for an empty one.
    pub(super) fn json(&self) -> Result<serde_json::Value, ArmError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ArmError::new(ErrorKind::Unreadable(format!("it is not JSON: {error}"))))
    }
}

/// Sends what one permit allows to one origin.
#[derive(Clone)]
pub(super) struct Transport {
    http: Http,
    origin: Url,
    permit: Permit,
    id: Option<RequestId>,
}

impl Transport {
    /// `origin` is any address of the host that is meant; its path does not matter. `id` is that of the one request that
    /// changes something.
    pub(super) fn new(http: Http, origin: Url, permit: Permit, id: Option<RequestId>) -> Self {
        Self { http, origin, permit, id }
    }

    /// The same for the SDK, with its own retries turned off.
    pub(super) fn for_sdk(self) -> (TransportOptions, RetryOptions) {
        (TransportOptions::new(Arc::new(self)), RetryOptions::none())
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the permit does not allow it, nothing answers, the answer is not a success, or it is too long.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, ArmError> {
        let asked = asked(request);
        self.send_checked(request).await.map_err(|error| error.asking(asked))
    }

    async fn send_checked(&self, request: &Request) -> Result<Answer, ArmError> {
        let not_permitted = || ArmError::new(ErrorKind::NotPermitted(self.permit.action()));
        if request.url().origin() != self.origin.origin() {
            return Err(not_permitted());
        }
        let changes = self.permit.allows(*request.method(), request.url().path()).ok_or_else(not_permitted)?;
        let outgoing = self.outgoing(request, changes)?;
        let answered = answered(self.http.to(request.url()).execute(outgoing));
        if !changes {
            return answered.await;
        }
        pass(Point::RequestBegun, self.permit.action());
        let answer = answered.await;
        pass(Point::RequestAnswered, self.permit.action());
        answer
    }

    fn outgoing(&self, request: &Request, changes: bool) -> Result<reqwest::Request, ArmError> {
        let unsendable = |why: &str| ArmError::new(ErrorKind::Unsendable(why.to_owned()));
        let method: reqwest::Method =
            request.method().as_ref().parse().map_err(|_| unsendable("its method is unknown"))?;
        let mut outgoing = self.http.to(request.url()).request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        if let Some(id) = self.id.as_ref().filter(|_| changes) {
            let id = id.to_string();
            outgoing = outgoing
                .header("x-ms-client-request-id", &id)
                .header("x-ms-correlation-request-id", &id)
                .header("x-ms-return-client-request-id", "true");
        }
        match request.body() {
            // Azure refuses a POST that does not say how long it is (411), and the SDK says so of some requests only.
            Body::Bytes(bytes) if bytes.is_empty() && *request.method() == Method::Post => {
                outgoing = outgoing.header("content-length", "0");
            }
            Body::Bytes(bytes) => outgoing = outgoing.body(bytes.clone()),
            Body::SeekableStream(_) => return Err(unsendable("its body is a stream")),
        }
        outgoing.build().map_err(|_| unsendable("a header or the body cannot be written"))
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        match self.send(request).await {
            Ok(answer) => {
                let status = StatusCode::try_from(answer.status)
                    .map_err(|_| azure_core::Error::message(SdkErrorKind::DataConversion, "an unknown status"))?;
                let body = futures_util::stream::iter([Ok(answer.body.into())]);
                Ok(Response::new(status, answer.headers, Box::pin(body)))
            }
            Err(error) => Err(azure_core::Error::new(SdkErrorKind::Other, error)),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({} to {})", self.permit.action(), self.origin.origin().ascii_serialization())
    }
}

/// The error of this layer that the SDK hands back, or what the SDK itself found wrong.
pub(super) fn from_sdk(error: &azure_core::Error) -> ArmError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<ArmError>() {
            return error.clone();
        }
        next = error.source();
    }
    ArmError::new(ErrorKind::Unsendable(error.to_string()))
}

fn asked(request: &Request) -> Asked {
    let url = request.url();
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    Asked { method: request.method().as_ref().to_owned(), host, path: url.path().to_owned() }
}

async fn answered(sent: impl Future<Output = reqwest::Result<reqwest::Response>>) -> Result<Answer, ArmError> {
    let begun = Instant::now();
    let failure = |error: reqwest::Error| failure(&error, begun.elapsed());
    let mut response = sent.await.map_err(failure)?;
    let status = response.status();
    let headers = headers_of(response.headers());
    if status.is_success() {
        let (body, cut) = body(&mut response, ANSWER_BYTES_MAX).await;
        return match cut {
            None => Ok(Answer { status: status.as_u16(), headers, body }),
            Some(Cut::TooLong) => Err(ArmError::new(ErrorKind::TooLong(ANSWER_BYTES_MAX))),
            Some(Cut::Lost(error)) => Err(failure(error)),
        };
    }
    if let Some(place) = header(&headers, "location").filter(|_| status.is_redirection()) {
        // What stands behind a question mark may be a signature.
        let place = place.split(['?', '#']).next().unwrap_or_default();
        return Err(ArmError::new(ErrorKind::Redirected(escaped_short(place, 500))));
    }
    let (body, cut) = body(&mut response, ERROR_BODY_BYTES_MAX).await;
    let refusal = Refusal {
        status: status.as_u16(),
        error: NestedError::from_body(&body),
        correlation_id: header(&headers, "x-ms-correlation-request-id").map(|id| escaped_short(id, 100)),
        request_id: header(&headers, "x-ms-request-id").map(|id| escaped_short(id, 100)),
        retry_after: retry_after(&headers, Timestamp::now()),
        cut: cut.is_some(),
    };
    Err(ArmError::new(ErrorKind::Refused(Box::new(refusal))))
}

enum Cut {
    TooLong,
    Lost(reqwest::Error),
}

/// Reads a body piece by piece and stops at the limit; what is beyond it never comes into memory.
async fn body(response: &mut reqwest::Response, bytes_max: usize) -> (Vec<u8>, Option<Cut>) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                let room = bytes_max - body.len();
                body.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() > room {
                    return (body, Some(Cut::TooLong));
                }
            }
            Ok(None) => return (body, None),
            Err(error) => return (body, Some(Cut::Lost(error))),
        }
    }
}

/// What went wrong on the way. The address is left out of the words, because its query may hold a signature.
fn failure(error: &reqwest::Error, after: Duration) -> ArmError {
    let mut words = String::new();
    let mut is_tls = false;
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        words = error.to_string();
        is_tls |=
            ["certificate", "corrupt message", "fatal alert", "handshake"].iter().any(|mark| words.contains(mark));
        next = error.source();
    }
    let kind = match (error.is_connect(), error.is_timeout()) {
        (_, _) if is_tls => ErrorKind::Tls(words),
        (true, true) => ErrorKind::Unreachable(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
        (true, false) => ErrorKind::Unreachable(words),
        (false, true) => ErrorKind::TimedOut(after),
        (false, false) => ErrorKind::CutOff(words),
    };
    ArmError::new(kind)
}

fn headers_of(map: &reqwest::header::HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in map {
        // A value that is not ASCII text is nothing that this layer reads.
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    headers
}

pub(super) fn header<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    headers.get_optional_str(&azure_core::headers::HeaderName::from_static(name))
}

/// How long to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or Azure's own in milliseconds.
pub(super) fn retry_after(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let milliseconds = ["retry-after-ms", "x-ms-retry-after-ms"].iter().find_map(|name| header(headers, name));
    if let Some(milliseconds) = milliseconds.and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A request for `url` with a token.
pub(super) fn request(method: Method, url: Url, token: &repair_model::secret::Secret) -> Request {
    let mut request = Request::new(url, method);
    request.insert_header(azure_core::headers::AUTHORIZATION, format!("Bearer {}", token.expose()));
    request.insert_header("accept", "application/json");
    request
}

#[cfg(test)]
mod tests;

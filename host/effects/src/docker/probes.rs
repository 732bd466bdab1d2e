//! Declared probes: whether a service really answers, as `repair.toml` says it should.
//!
//! An open port proves nothing, because an engine's proxy accepts connections with nobody behind it; only an answer counts.
//! Every try is bounded in time and bytes. No redirect is followed, no proxy of the environment is used, nothing but a
//! plain GET is sent, and literal addresses other than loopback are refused: a project's file is not to decide which
//! machines of a network are called.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use repair_model::limits::{PROBE_BODY_BYTES_MAX, PROBE_TRY_MS_MAX};
use repair_model::outcome::ProbeVerdict;
use repair_model::probe::{HttpProbe, JsonExpectation, ProbeSpec, TcpProbe};
use repair_model::text::escaped_short;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Characters of an answer that a verdict shows.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// Tries one probe once.
pub async fn run(probe: &ProbeSpec) -> ProbeVerdict {
    let tried = tokio::time::timeout(Duration::from_millis(PROBE_TRY_MS_MAX), async {
        match probe {
            ProbeSpec::Http(probe) => http(probe).await,
            ProbeSpec::Tcp(probe) => tcp(probe).await,
        }
    });
    let answer = tried.await.unwrap_or_else(|_| Err(format!("no answer within {PROBE_TRY_MS_MAX} ms")));
    let passed = answer.is_ok();
    ProbeVerdict { probe: probe.to_string(), passed, detail: answer.unwrap_or_else(|why| why) }
}

/// Checks what can be told without trying: address, scheme, status.
///
/// # Errors
/// In words, naming the field.
pub fn check(probe: &ProbeSpec) -> Result<(), String> {
    match probe {
        ProbeSpec::Http(probe) => {
            uri_of(&probe.url)?;
            let status = StatusCode::from_u16(probe.status).ok().filter(|status| status.as_u16() < 600);
            status.map(|_| ()).ok_or_else(|| format!("`status = {}` is not an HTTP status", probe.status))
        }
        ProbeSpec::Tcp(probe) => address_of(&probe.address).map(|_| ()),
    }
}

async fn http(probe: &HttpProbe) -> Result<String, String> {
    let uri = uri_of(&probe.url)?;
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_millis(PROBE_TRY_MS_MAX)));
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build::<_, Empty<Bytes>>(connector);
    let request = Request::get(uri).header("user-agent", "repair-probe").header("accept", "*/*").body(Empty::new());
    let request = request.map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(|error| no_answer(&error))?;
    let status = response.status().as_u16();
    if status != probe.status {
        return Err(format!("answered {status} instead of {}", probe.status));
    }
    let Some(expected) = &probe.json else { return Ok(format!("answered {status}")) };
    let body = Limited::new(response.into_body(), PROBE_BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| format!("answered {status}, but its body broke off: {error}"))?.to_bytes();
    let json: Value =
        serde_json::from_slice(&body).map_err(|error| format!("answered {status}, but not with JSON: {error}"))?;
    field_is(&json, expected).map(|()| format!("answered {status} with {} = {}", expected.field, expected.equals))
}

fn no_answer(error: &hyper_util::client::legacy::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    match error.is_connect() {
        true => format!("no connection: {last}"),
        false => format!("the port is open, but no answer came: {last}"),
    }
}

async fn tcp(probe: &TcpProbe) -> Result<String, String> {
    let (host, port) = address_of(&probe.address)?;
    let mut stream =
        TcpStream::connect((host.as_str(), port)).await.map_err(|error| format!("no connection: {error}"))?;
    let mut said = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let found = if probe.expect.is_empty() { !said.is_empty() } else { contains(&said, probe.expect.as_bytes()) };
        if found {
            return Ok(format!("said {}", shown(&said)));
        }
        if said.len() >= PROBE_BODY_BYTES_MAX {
            return Err(format!("said {} bytes without {:?}", said.len(), probe.expect));
        }
        let patience = Duration::from_millis(PROBE_TRY_MS_MAX / 2);
        match tokio::time::timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0)) if said.is_empty() => return Err("the port is open, but it closed without a word".to_owned()),
            Ok(Ok(0)) => return Err(format!("said {} and closed", shown(&said))),
            Ok(Ok(count)) => said.extend_from_slice(&piece[..count]),
            Ok(Err(error)) => return Err(format!("the port is open, but no answer came: {error}")),
            Err(_) if said.is_empty() => return Err("the port is open, but it says nothing".to_owned()),
            Err(_) => return Err(format!("said {} and no more", shown(&said))),
        }
    }
}

fn shown(said: &[u8]) -> String {
    format!("\"{}\"", escaped_short(&String::from_utf8_lossy(said), SHOWN_CHARACTERS_MAX))
}

fn contains(said: &[u8], wanted: &[u8]) -> bool {
    said.windows(wanted.len()).any(|window| window == wanted)
}

fn field_is(json: &Value, expected: &JsonExpectation) -> Result<(), String> {
    let mut value = json;
    for name in expected.field.split('.') {
        let inner = match value {
            Value::Array(list) => name.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => value.get(name),
        };
        value = inner.ok_or_else(|| format!("its JSON has no field `{}`", expected.field))?;
    }
    if *value == expected.equals {
        return Ok(());
    }
    let found = escaped_short(&value.to_string(), SHOWN_CHARACTERS_MAX);
    Err(format!("{} is {found} instead of {}", expected.field, expected.equals))
}

fn uri_of(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error| format!("`url = \"{url}\"`: {error}"))?;
    if uri.scheme_str() != Some("http") {
        return Err(format!("`url = \"{url}\"`: only http:// can be probed"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(format!("`url`: leave the login out of the URL of {}", uri.host().unwrap_or("the probe")));
    }
    let host = uri.host().unwrap_or_default();
    allowed_host(host).map_err(|why| format!("`url = \"{url}\"`: {why}"))?;
    Ok(uri)
}

fn address_of(address: &str) -> Result<(String, u16), String> {
    let wrong = |why: &str| format!("`address = \"{address}\"`: {why}");
    if let Ok(literal) = address.parse::<SocketAddr>() {
        allowed_host(&literal.ip().to_string()).map_err(|why| wrong(&why))?;
        return Ok((literal.ip().to_string(), literal.port()));
    }
    let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong("write `host:port`"))?;
    let port = port.parse().map_err(|_| wrong("write `host:port` with a port from 1 to 65535"))?;
    if host.is_empty() || host.contains([':', '/', '[']) {
        return Err(wrong("write `host:port`, an IPv6 address in brackets"));
    }
    allowed_host(host).map_err(|why| wrong(&why))?;
    Ok((host.to_owned(), port))
}

fn allowed_host(host: &str) -> Result<(), String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) if !address.to_canonical().is_loopback() => {
            Err(format!("{bare} is not a loopback address; use `localhost` or a host name"))
        }
        Ok(_) => Ok(()),
        Err(_) if bare.is_empty() => Err("it names no host".to_owned()),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    fn probe(json: Value) -> ProbeSpec {
        serde_json::from_value(json).expect("a probe")
    }

    /// A server that reads a little if it is asked to, says `answer` to each client and closes.
    async fn server(reads: bool, answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if reads {
                    let _ = stream.read(&mut [0; 4096]).await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    async fn http(answer: &'static str, more: Value) -> ProbeVerdict {
        let port = server(true, answer).await;
        let mut spec = serde_json::json!({ "kind": "http", "url": format!("http://127.0.0.1:{port}/ready") });
        for (name, value) in more.as_object().expect("an object") {
            spec[name] = value.clone();
        }
        run(&probe(spec)).await
    }

    #[tokio::test]
    async fn the_right_status_and_field_pass() {
        const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"checks\":[{\"status\":\"ok\"}]}";
        let verdict = http(OK, serde_json::json!({})).await;
        assert!(verdict.passed, "{verdict:?}");
        assert!(verdict.probe.starts_with("GET http://127.0.0.1:"));
        let right = serde_json::json!({ "json": { "field": "checks.0.status", "equals": "ok" } });
        assert!(http(OK, right).await.passed);
        let wrong = serde_json::json!({ "json": { "field": "checks.0.status", "equals": "down" } });
        let verdict = http(OK, wrong).await;
        assert_eq!((verdict.passed, verdict.detail.as_str()), (false, "checks.0.status is \"ok\" instead of \"down\""));
        let missing = serde_json::json!({ "json": { "field": "checks.1", "equals": "ok" } });
        assert!(!http(OK, missing).await.passed);
    }

    #[tokio::test]
    async fn another_status_fails_and_no_redirect_is_followed() {
        let verdict = http("HTTP/1.1 428 No\r\nContent-Length: 0\r\n\r\n", serde_json::json!({})).await;
        assert_eq!((verdict.passed, verdict.detail.as_str()), (false, "answered 428 instead of 200"));
        let redirect = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        assert!(!http(redirect, serde_json::json!({})).await.passed);
        assert!(http(redirect, serde_json::json!({ "status": 302 })).await.passed);
    }

    #[tokio::test]
    async fn an_open_port_that_closes_without_an_answer_fails() {
        let verdict = http("", serde_json::json!({})).await;
        assert!(!verdict.passed && verdict.detail.contains("no answer"), "{verdict:?}");
        let port = server(false, "").await;
        let verdict = run(&probe(serde_json::json!({ "kind": "tcp", "address": format!("localhost:{port}") }))).await;
        assert!(!verdict.passed && verdict.detail.contains("without a word"), "{verdict:?}");
    }

    #[tokio::test]
    async fn a_body_without_end_is_not_read_to_the_end() {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            let port = listener.local_addr().expect("an address").port();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
            });
            port
        };
        let json = serde_json::json!({ "field": "a", "equals": 1 });
        let spec = serde_json::json!({ "kind": "http", "url": format!("http://127.0.0.1:{port}/"), "json": json });
        let verdict = run(&probe(spec)).await;
        assert!(!verdict.passed && verdict.detail.contains("length limit"), "{verdict:?}");
    }

    #[tokio::test]
    async fn a_banner_is_found_and_shown_safely() {
        let port = server(false, "220 mail \u{1b}[2Jready\r\n").await;
        let tcp = |expect: &str| {
            probe(serde_json::json!({ "kind": "tcp", "address": format!("127.0.0.1:{port}"), "expect": expect }))
        };
        let verdict = run(&tcp("ready")).await;
        assert!(verdict.passed && verdict.detail.contains("220 mail") && !verdict.detail.contains('\u{1b}'));
        let verdict = run(&tcp("221")).await;
        assert!(!verdict.passed && verdict.detail.ends_with("and closed"), "{verdict:?}");
    }

    #[tokio::test]
    async fn a_closed_port_is_no_connection() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
        let verdict = run(&probe(serde_json::json!({ "kind": "tcp", "address": free.to_string() }))).await;
        assert!(!verdict.passed && verdict.detail.starts_with("no connection"), "{verdict:?}");
    }

    #[test]
    fn only_names_and_loopback_addresses_may_be_probed() {
        let http = |url: &str| check(&probe(serde_json::json!({ "kind": "http", "url": url })));
        let tcp = |address: &str| check(&probe(serde_json::json!({ "kind": "tcp", "address": address })));
        for good in ["http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:80/x", "http://shop.example/ready"] {
            assert_eq!(http(good), Ok(()), "{good}");
        }
        for bad in
            ["https://localhost/", "http://169.254.169.254/latest", "http://me:pw@localhost/", "/ready", "http://"]
        {
            assert!(http(bad).is_err(), "{bad}");
        }
        for good in ["localhost:3306", "[::1]:25", "127.0.0.1:1"] {
            assert_eq!(tcp(good), Ok(()), "{good}");
        }
        for bad in ["localhost", "10.0.0.1:25", "::1:25", "localhost:99999", ":25"] {
            assert!(tcp(bad).is_err(), "{bad}");
        }
        let status = probe(serde_json::json!({ "kind": "http", "url": "http://localhost/", "status": 99 }));
        assert!(check(&status).is_err());
    }
}

//! A client of a few lines that speaks plain HTTP to the fake: one connection for each request, everything shown.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use repair_fake_azure::{ARM_AUDIENCE, FakeAzure, shop};
use serde_json::Value;

/// For so long a test waits for what should be there within a second.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const RESOURCES: &str = "2021-04-01";
pub const VAULTS: &str = "2019-09-01";
pub const MYSQL: &str = "2023-12-30";

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub json: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The code of the error in it.
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }
}

/// A client with a token.
pub struct Client<'a> {
    pub azure: &'a FakeAzure,
    pub token: String,
}

impl<'a> Client<'a> {
    pub fn of(azure: &'a FakeAzure) -> Self {
        Self { azure, token: azure.token(ARM_AUDIENCE).expect("there is an identity") }
    }

    /// `/subscriptions/{shop}` and more.
    pub fn in_subscription(rest: &str) -> String {
        format!("/subscriptions/{}{rest}", shop::SUBSCRIPTION)
    }

    /// `/subscriptions/{shop}/resourceGroups/{shop}/providers/` and more.
    pub fn in_group(rest: &str) -> String {
        Self::in_subscription(&format!("/resourceGroups/{}/providers/{rest}", shop::GROUP))
    }

    pub fn get(&self, path: &str, version: &str) -> Reply {
        self.ask("GET", path, version, None)
    }

    pub fn post(&self, path: &str, version: &str) -> Reply {
        self.ask("POST", path, version, None)
    }

    pub fn send(&self, method: &str, path: &str, version: &str, body: &Value) -> Reply {
        self.ask(method, path, version, Some(body))
    }

    fn ask(&self, method: &str, path: &str, version: &str, body: Option<&Value>) -> Reply {
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = if version.is_empty() { path.to_owned() } else { format!("{path}{mark}api-version={version}") };
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.token);
        let body = body.map(Value::to_string).unwrap_or_default();
        exchange(&self.azure.url(), &request(method, &path, &headers, &body)).expect("the fake answers")
    }

    /// Follows a URL, whole or without its host.
    pub fn follow(&self, url: &str) -> Reply {
        self.get(url.strip_prefix(&self.azure.url()).unwrap_or(url), "")
    }

    /// Asks until the answer is as wanted, while real time passes.
    pub fn until(&self, url: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let end = Instant::now() + PATIENCE;
        loop {
            let reply = self.follow(url);
            if wanted(&reply) {
                return reply;
            }
            assert!(Instant::now() < end, "never as wanted: {reply:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Deploys the shop; it ends at once.
    pub fn deploy(&self, name: &str, body: &Value) -> Value {
        let path = Self::in_group(&format!("Microsoft.Resources/deployments/{name}"));
        let begun = self.send("PUT", &path, RESOURCES, body);
        assert!(matches!(begun.status, 200 | 201), "{begun:?}");
        let status = begun.header("azure-asyncoperation").expect("a deployment can be asked after").to_owned();
        self.azure.fast_forward();
        assert_ne!(self.follow(&status).json["status"], "Running");
        self.get(&path, RESOURCES).json
    }
}

pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length =
        if method == "GET" || method == "HEAD" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: here\r\n{headers}{length}Connection: close\r\n\r\n{body}")
}

/// Sends a request and reads the answer; nothing, when the answer is not whole.
pub fn exchange(url: &str, request: &str) -> Option<Reply> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://")?).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let reply = Reply { status, headers, text: body.to_owned(), json: serde_json::from_str(body).unwrap_or_default() };
    let length: usize = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (request.starts_with("HEAD") || body.len() == length).then_some(reply)
}

//! A declared probe: how a person says that a service really answers. Plain data; running it is an effect.
//!
//! In `repair.toml`:
//!
//! ```toml
//! [[probe]]
//! kind = "http"
//! url = "http://localhost:8080/ready"
//! json = { field = "status", equals = "ok" }
//!
//! [[probe]]
//! kind = "tcp"
//! address = "localhost:3306"
//! expect = "mysql_native_password"
//! ```

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One declared probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProbeSpec {
    /// Sends one HTTP GET; redirects are not followed.
    Http(HttpProbe),
    /// Connects and reads what the server says first.
    Tcp(TcpProbe),
}

/// One HTTP GET and what it has to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpProbe {
    /// The service that it speaks for, where it speaks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// An `http://` URL; its host is a name or a loopback address.
    pub url: String,
    /// The status that it has to answer, from 100 to 599.
    #[serde(default = "status_ok")]
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// What the answer's body has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonExpectation>,
}

/// One field of a JSON answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonExpectation {
    /// Path of names and array indices joined by dots, such as `checks.0.status`.
    pub field: String,
    /// The value that it has to have.
    pub equals: serde_json::Value,
}

/// One TCP connection and what the server has to say first. A server that waits for its client cannot be probed so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpProbe {
    /// The service that it speaks for, where it speaks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `host:port`; the host is a name or a loopback address, IPv6 in brackets.
    pub address: String,
    /// Text that has to occur in the first bytes; if it is empty, any byte will do.
    #[serde(default)]
    pub expect: String,
}

const fn status_ok() -> u16 {
    200
}

impl ProbeSpec {
    /// The service that it speaks for, where it speaks for one.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Http(probe) => probe.service.as_deref(),
            Self::Tcp(probe) => probe.service.as_deref(),
        }
    }
}

impl fmt::Display for ProbeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(probe) => {
                write!(f, "GET {} answers {}", probe.url, probe.status)?;
                match &probe.json {
                    Some(json) => write!(f, " with {} = {}", json.field, json.equals),
                    None => Ok(()),
                }
            }
            Self::Tcp(probe) if probe.expect.is_empty() => write!(f, "{} speaks first", probe.address),
            Self::Tcp(probe) => write!(f, "{} says {:?}", probe.address, probe.expect),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ProbeSpec, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_http_probe_wants_status_200_unless_it_says_otherwise() {
        let probe = read(r#"{"kind":"http","url":"http://localhost:1/ready"}"#).expect("a probe");
        assert_eq!(probe.to_string(), "GET http://localhost:1/ready answers 200");
        let probe = r#"{"kind":"http","url":"http://x/","status":204,"json":{"field":"a.b","equals":"ok"}}"#;
        let probe = read(probe).expect("a probe");
        assert_eq!(probe.to_string(), "GET http://x/ answers 204 with a.b = \"ok\"");
        assert_eq!(probe.service(), None);
    }

    #[test]
    fn a_tcp_probe_names_what_it_expects() {
        let probe =
            read(r#"{"kind":"tcp","address":"localhost:25","expect":"220","service":"mail"}"#).expect("a probe");
        assert_eq!(probe.to_string(), "localhost:25 says \"220\"");
        assert_eq!(probe.service(), Some("mail"));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        for wrong in [
            r#"{"kind":"http","url":"http://x/","statsu":200}"#,
            r#"{"kind":"tcp","address":"x:1","expects":"x"}"#,
            r#"{"kind":"http","url":"http://x/","json":{"field":"a","equal":1}}"#,
            r#"{"kind":"udp","address":"x:1"}"#,
            r#"{"url":"http://x/"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

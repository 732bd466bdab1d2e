//! What was asked, in order. An entry is written together with the change that the request made, before its answer is
//! sent, so it is there even when the client never hears the answer.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::http::Request;

/// Which of the fake's two servers was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The one that stands for Azure.
    Azure,
    /// The stranger: another origin, to which no token of ours may go.
    Stranger,
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// Counts from 1, over both origins.
    pub sequence: u64,
    /// When it came, in true time: clock skew does not touch it.
    pub time: Timestamp,
    /// Who was asked.
    pub origin: Origin,
    /// `GET`, in capitals.
    pub method: String,
    /// As it was sent, with its case and percent signs.
    pub path: String,
    /// As it was sent, without the question mark; empty where there is none.
    pub query: String,
    /// The value of `api-version`.
    pub api_version: Option<String>,
    /// The header `x-ms-client-request-id`.
    pub client_request_id: Option<String>,
    /// Whether a header `Authorization` came with it.
    pub has_authorization: bool,
    /// The client id of the identity whose valid token came with it.
    pub identity: Option<String>,
    /// The body, where it is JSON; else null. Secrets of parameters are in it as they were sent.
    pub body: Value,
    /// Whether the request asks for a change: PUT, PATCH, DELETE, and POST but for those that only compute an answer
    /// (validate, what-if, export, name checks, tokens).
    pub mutating: bool,
    /// The HTTP status of the answer, also of one that was cut or held.
    pub status: u16,
    /// Whether it changed the state, or began what will.
    pub changed: bool,
    /// Whether the fake knows no such request at all: a client that asks for this asks for something nobody planned.
    pub unexpected: bool,
    /// Whether the whole answer was handed to the connection. False while it is held, and for one that was cut.
    pub delivered: bool,
}

impl LedgerEntry {
    /// What is known before the request is answered.
    pub(crate) fn of(request: &Request, sequence: u64, time: Timestamp, origin: Origin) -> Self {
        Self {
            sequence,
            time,
            origin,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            api_version: request.parameter("api-version"),
            client_request_id: request.header("x-ms-client-request-id").map(str::to_owned),
            has_authorization: request.header("authorization").is_some(),
            identity: None,
            body: request.json().unwrap_or(Value::Null),
            mutating: mutates(request),
            status: 0,
            changed: false,
            unexpected: false,
            delivered: false,
        }
    }

    /// Whether it asked for a change and was told yes.
    pub fn is_accepted_mutation(&self) -> bool {
        self.mutating && (200..300).contains(&self.status)
    }
}

impl fmt::Display for LedgerEntry {
    /// One line, for the messages of tests.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, method, path, query, status, .. } = self;
        let changed = if self.changed { ", changed" } else { "" };
        write!(f, "{sequence}. {method} {path}?{query}: {status}{changed}")
    }
}

fn mutates(request: &Request) -> bool {
    const COMPUTES: &[&str] = &["/validate", "/whatif", "/exporttemplate", "/checknameavailability", "/token"];
    let path = request.path.to_ascii_lowercase();
    match request.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => false,
        "POST" => !COMPUTES.iter().any(|end| path.ends_with(end)),
        _ => true,
    }
}

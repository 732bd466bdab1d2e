//! The two servers: one for Azure, one for the stranger. A thread accepts for each, and each connection has a thread.

use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::http::{Answer, Body, Request, Way};
use crate::ledger::{LedgerEntry, Origin};
use crate::quirks::{FaultKind, Throttling};
use crate::refusal::Refusal;
use crate::routes::{self, Routed};
use crate::state::State;

/// What all threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Rung whenever the ledger, the releases or the end change.
    pub(crate) bell: Condvar,
    connections: Mutex<Vec<TcpStream>>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), bell: Condvar::new(), connections: Mutex::default() }
    }

    /// The state, whatever a test that failed has left of it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done` gives something, or time is up.
    pub(crate) fn wait<T>(&self, timeout: Duration, mut done: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if let Some(found) = done(&mut state) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets all connections end.
    pub(crate) fn end(&self) {
        self.state().ending = true;
        self.bell.notify_all();
        for stream in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Accepts connections until the end.
pub(crate) fn accept(listener: &TcpListener, shared: &Arc<Shared>, origin: Origin) {
    for stream in listener.incoming() {
        if shared.state().ending {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(copy) = stream.try_clone() {
            shared.connections.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A client that breaks off has its reasons, and there is nobody to tell. The copy above keeps the
            // connection open until it is shut down here.
            let _ = converse(&stream, &shared, origin);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

fn converse(stream: &TcpStream, shared: &Shared, origin: Origin) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    while let Some(request) = Request::read(&mut reader)? {
        let reply = match origin {
            Origin::Azure => azure(shared, &request),
            Origin::Stranger => stranger(shared, &request),
        };
        shared.bell.notify_all();
        hold(shared, reply.hold);
        if shared.state().ending || reply.cut == Some(Cut::Silent) {
            return Ok(());
        }
        let (close, cut) = (request.closes(), reply.cut.is_some());
        let way = Way { head_only: request.method == "HEAD", close, cut, chunked: reply.chunked };
        reply.answer.write(&mut writer, way)?;
        if !cut {
            let mut state = shared.state();
            if let Some(entry) = state.ledger.iter_mut().find(|entry| entry.sequence == reply.sequence) {
                entry.delivered = true;
            }
            drop(state);
            shared.bell.notify_all();
        }
        if close || cut {
            return Ok(());
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Half,
    Silent,
}

#[derive(Clone, Copy)]
enum Hold {
    Releases(u64),
    Millis(u64),
}

struct Reply {
    answer: Answer,
    sequence: u64,
    hold: Option<Hold>,
    cut: Option<Cut>,
    chunked: bool,
}

fn hold(shared: &Shared, hold: Option<Hold>) {
    match hold {
        None => {}
        Some(Hold::Releases(count)) => {
            // A test that never releases ends when the fake is dropped.
            shared.wait(Duration::from_secs(600), |state| (state.releases > count || state.ending).then_some(()));
        }
        Some(Hold::Millis(millis)) => {
            shared.wait(Duration::from_millis(millis), |state| state.ending.then_some(()));
        }
    }
}

fn azure(shared: &Shared, request: &Request) -> Reply {
    let now = Timestamp::now();
    let mut state = shared.state();
    let state = &mut *state;
    state.settle(now);
    let faults = state.quirks.take(request);
    let sequence = next(state);
    let mut entry = LedgerEntry::of(request, sequence, now, Origin::Azure);
    let mut routed = match faults.iter().find_map(|fault| refused(state, request, *fault)) {
        Some(answer) => Routed { answer, identity: None, changed: false, unexpected: false },
        None => routes::answer(state, request, now, faults.contains(&FaultKind::NeverEnds)),
    };
    if faults.contains(&FaultKind::ServerErrorAfterwards) {
        routed.answer = server_error();
    }
    let chunked = state.quirks.chunked;
    let mut reply = Reply { answer: routed.answer, sequence, hold: None, cut: None, chunked };
    for fault in faults {
        match fault {
            FaultKind::CutAnswer => reply.cut = Some(Cut::Half),
            FaultKind::NoAnswer => reply.cut = Some(Cut::Silent),
            FaultKind::HoldUntilReleased => reply.hold = Some(Hold::Releases(state.releases)),
            FaultKind::HoldFor { millis } => reply.hold = Some(Hold::Millis(millis)),
            _ => {}
        }
    }
    entry.identity = routed.identity;
    entry.changed = routed.changed;
    entry.unexpected = routed.unexpected;
    entry.status = reply.answer.status;
    state.ledger.push(entry);
    finished(state, request, &mut reply.answer, now);
    reply
}

fn next(state: &State) -> u64 {
    state.ledger.last().map_or(1, |entry| entry.sequence + 1)
}

/// Adds the headers that every answer of Azure has, and the last quirks.
fn finished(state: &mut State, request: &Request, answer: &mut Answer, now: Timestamp) {
    if let (true, Body::Json(body)) = (state.quirks.changed_case, &mut answer.body) {
        change_case(body);
    }
    let id = state.fresh_id();
    let mut add = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
    add("Date", clock::http(clock::shifted(now, state.quirks.clock_skew_seconds)));
    add("Cache-Control", "no-cache".to_owned());
    add("x-ms-request-id", id.clone());
    let correlation = request.header("x-ms-correlation-request-id").map_or(id, str::to_owned);
    add("x-ms-correlation-request-id", correlation);
    if request.header("x-ms-return-client-request-id").is_some_and(|wanted| wanted.eq_ignore_ascii_case("true")) {
        let sent = request.header("x-ms-client-request-id").unwrap_or_default();
        add("x-ms-client-request-id", sent.to_owned());
    }
}

/// The answer of a fault that keeps a request from being done.
fn refused(state: &State, request: &Request, fault: FaultKind) -> Option<Answer> {
    Some(match fault {
        FaultKind::Throttle { code, retry_after_seconds } => throttled(request, code, retry_after_seconds),
        FaultKind::ServerError => server_error(),
        FaultKind::Unavailable => {
            Refusal::new(503, "ServiceUnavailable", "The service is temporarily unavailable. Please try again later.")
                .answer()
        }
        FaultKind::HugeError { bytes } => Refusal::new(400, "BadRequest", "x".repeat(bytes)).answer(),
        FaultKind::Answer { status, body } => {
            let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
            Answer { status, headers, body: Body::Raw(body.as_bytes().to_vec()) }
        }
        FaultKind::Redirect { status } => {
            let mark = if request.query.is_empty() { "" } else { "?" };
            let to = format!("{}{}{mark}{}", state.stranger, request.path, request.query);
            Answer::empty(status).with("Location", to)
        }
        _ => return None,
    })
}

fn server_error() -> Answer {
    let message = "Encountered internal server error. Diagnostic information: timestamp '20250303T070123Z', tracking \
                   id '6bc64c96-eeeb-42f5-b2cb-e99f68fd85bb'.";
    Refusal::new(500, "InternalServerError", message).answer()
}

fn throttled(request: &Request, code: Throttling, retry_after_seconds: Option<u32>) -> Answer {
    let segments = request.segments();
    let subscription = segments.get(1).map_or("", String::as_str);
    let verb = if matches!(request.method.as_str(), "GET" | "HEAD") { "read" } else { "write" };
    let wait = retry_after_seconds.unwrap_or(10);
    let refusal = match code {
        Throttling::Subscription => Refusal::new(
            429,
            "SubscriptionRequestsThrottled",
            format!(
                "Number of '{verb}' requests for subscription '{subscription}' exceeded. Please try again after \
                 '{wait}' seconds."
            ),
        ),
        Throttling::Resource => Refusal::new(
            429,
            "ResourceRequestsThrottled",
            format!("Number of requests for the resource exceeded the limit. Please try again after '{wait}' seconds."),
        ),
        Throttling::AnotherOperation => Refusal::new(
            429,
            "RetryableErrorDueToAnotherOperation",
            "Operation PutResourceOperation (6bc64c96-eeeb-42f5-b2cb-e99f68fd85bb) is being performed on this \
             resource. Please try again later.",
        ),
    };
    match retry_after_seconds {
        Some(seconds) => refusal.answer().with("Retry-After", seconds.to_string()),
        None => refusal.answer(),
    }
}

fn stranger(shared: &Shared, request: &Request) -> Reply {
    let mut state = shared.state();
    let sequence = next(&state);
    let mut entry = LedgerEntry::of(request, sequence, Timestamp::now(), Origin::Stranger);
    entry.status = 200;
    state.ledger.push(entry);
    // Whoever believes a stranger believes that all went well.
    let answer = Answer::json(200, json!({"status": "Succeeded", "value": []}));
    Reply { answer, sequence, hold: None, cut: None, chunked: false }
}

/// Ids and types in another case, as some providers send them.
fn change_case(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text)
                        if ["type", "resourceType", "namespace"].contains(&key.as_str())
                            && text.starts_with("Microsoft.") =>
                    {
                        let end = text.find('/').unwrap_or(text.len());
                        *text = format!("{}{}", text[..end].to_ascii_lowercase(), &text[end..]);
                    }
                    other => change_case(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(change_case),
        Value::String(text) if text.starts_with("/subscriptions/") => *text = changed_id(text),
        _ => {}
    }
}

fn changed_id(id: &str) -> String {
    let mut parts: Vec<String> = id.split('/').map(str::to_owned).collect();
    for at in 0..parts.len().saturating_sub(1) {
        match parts[at].as_str() {
            "resourceGroups" => {
                parts[at] = "resourcegroups".to_owned();
                parts[at + 1] = parts[at + 1].to_uppercase();
            }
            "providers" => parts[at + 1] = parts[at + 1].to_lowercase(),
            _ => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::changed_id;

    #[test]
    fn an_id_in_another_case_is_the_same_id() {
        let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv";
        let changed = changed_id(id);
        assert_eq!(changed, "/subscriptions/s/resourcegroups/RG/providers/microsoft.keyvault/vaults/kv");
        assert!(changed.eq_ignore_ascii_case(id));
    }
}

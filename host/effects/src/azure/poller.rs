//! Waiting for an operation that Azure goes on with after its answer.
//!
//! A change is answered with 201 or 202 and an address to look at (Azure Resource Manager RPC, "Asynchronous
//! Operations"). `Azure-AsyncOperation` is preferred: its body says `Succeeded`, `Failed` or `Canceled`, and keeps the
//! error. Behind `Location`, 202 means that it runs, any other success that it is done, and an error that it failed.
//! Addresses come from Azure and may be relative; one of another origin is refused, so that no token is ever sent there.
//! A look that fails in passing is repeated until the caller's time is over. Waiting changes nothing: an operation goes on
//! whether or not anybody waits, and [`PollUrl::resume`] takes it up again.

use std::time::Duration;

use azure_core::{Method, Url};
use repair_model::text::escaped_short;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Arm;
use super::credential::Token;
use super::error::{ArmError, ErrorKind, Refusal};
use super::limits::{
    JITTER_PERCENT, POLL_PAUSE, POLL_PAUSE_MAX, POLL_PAUSE_MIN, POLL_SERVER_ERRORS_MAX, POLL_URL_BYTES_MAX, TICK,
};
use super::nested::NestedError;
use super::permit::Permit;
use super::transport::{Answer, header, request, retry_after};

/// An address at which an operation can be looked at. It is the cloud's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollUrl {
    url: Url,
    way: Way,
    /// Where the result is, when that is another place.
    result: Option<Url>,
    /// How long Azure wants to be left alone before the first look.
    pause: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    AsyncOperation,
    Location,
    /// Taken up again from the address alone: the body tells.
    Unknown,
}

/// How an operation is waited for.
pub struct Waiting<'a> {
    /// At most so long, from now.
    pub whole: Duration,
    /// Pause between two looks when Azure names none; `None` for [`POLL_PAUSE`]. A shorter one than that is used only
    /// where Resource Manager is on this machine.
    pub pause: Option<Duration>,
    /// Told after each look.
    pub progress: &'a mut dyn FnMut(&Look),
    /// Looked at every [`TICK`], also while a request is under way; true ends the waiting. The operation goes on.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// What one look at a running operation showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Its state in Azure's word, such as `Running`; escaped. Why the look failed, if it did.
    pub state: String,
    /// How much of it is done, 0 to 100, where Azure says so.
    pub percent: Option<f64>,
    /// Since the waiting began.
    pub elapsed: Duration,
    /// Until the next look.
    pub pause: Duration,
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Waited {
    /// The operation succeeded; what the last look showed, null where that is empty.
    Done(Value),
    /// The operation failed or was cancelled.
    Failed(ArmError),
    /// The time is over, and the operation goes on.
    StillRunning {
        /// Where it can be looked at.
        poll: PollUrl,
    },
    /// The person wants to stop, and the operation goes on.
    Interrupted {
        /// Where it can be looked at.
        poll: PollUrl,
    },
}

/// What a look says.
enum Seen {
    Running { state: String, percent: Option<f64>, pause: Option<Duration> },
    Done(Value),
    Failed(ArmError),
}

impl PollUrl {
    /// The address that an answer names; `None` where it names none, because all is done.
    pub(super) fn of(answer: &Answer, asked: &Url) -> Result<Option<Self>, ArmError> {
        if !matches!(answer.status, 201 | 202) && answer.header("azure-asyncoperation").is_none() {
            return Ok(None);
        }
        let pause = retry_after(&answer.headers, jiff::Timestamp::now());
        let location = answer.header("location").map(|place| own_address(place, asked)).transpose()?;
        let operation = answer.header("azure-asyncoperation").map(|place| own_address(place, asked)).transpose()?;
        Ok(match (operation, location) {
            (Some(url), result) => Some(Self { url, way: Way::AsyncOperation, result, pause }),
            (None, Some(url)) => Some(Self { url, way: Way::Location, result: None, pause }),
            (None, None) => None,
        })
    }

    /// Takes up again from the text of [`Self::as_str`], against the cloud that is connected to.
    ///
    /// # Errors
    /// When it is not an address of that cloud.
    pub fn resume(text: &str, arm: &Arm) -> Result<Self, ArmError> {
        let url = own_address(text, arm.cloud().resource_manager())?;
        Ok(Self { url, way: Way::Unknown, result: None, pause: None })
    }

    /// The address, to be kept in a log. Newer ones carry a signature in their query; without a login of the same
    /// subscription it is worth nothing.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Where the result is, if that is another place than where the state is.
    pub(super) fn result(&self) -> Option<Self> {
        let url = self.result.clone()?;
        Some(Self { url, way: Way::Location, result: None, pause: None })
    }
}

impl std::fmt::Display for PollUrl {
    /// Without its query.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.url.path())
    }
}

/// An address that Azure named, made absolute, if it is of the origin that was asked.
pub(super) fn own_address(place: &str, asked: &Url) -> Result<Url, ArmError> {
    let shown = || escaped_short(place.split(['?', '#']).next().unwrap_or_default(), 500);
    let foreign = || ArmError::new(ErrorKind::ForeignAddress(shown()));
    if place.len() > POLL_URL_BYTES_MAX {
        return Err(foreign());
    }
    let url = asked.join(place.trim()).map_err(|_| foreign())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if url.origin() != asked.origin() || !is_bare {
        return Err(foreign());
    }
    Ok(url)
}

impl Arm {
    /// Waits until an operation has ended, or the time is over, or the person wants to stop.
    ///
    /// # Errors
    /// When it cannot be looked at: the login has ended, it may not be seen, or its address is unknown to Azure.
    pub async fn wait(&self, poll: &PollUrl, waiting: Waiting<'_>) -> Result<Waited, ArmError> {
        let begun = Instant::now();
        let until = begun + waiting.whole;
        let usual = usual_pause(self.cloud().is_local(), waiting.pause);
        let mut failures = 0_u32;
        let mut pause = poll.pause.map_or(Duration::ZERO, |named| named.min(POLL_PAUSE_MAX));
        loop {
            if !self.slept(pause, until, waiting.interrupted).await {
                return Ok(Waited::Interrupted { poll: poll.clone() });
            }
            let Some(seen) = unless_interrupted(self.look_at(poll), waiting.interrupted).await else {
                return Ok(Waited::Interrupted { poll: poll.clone() });
            };
            let (state, percent) = match seen {
                Ok(Seen::Done(body)) => return Ok(Waited::Done(body)),
                Ok(Seen::Failed(error)) => return Ok(Waited::Failed(error)),
                Ok(Seen::Running { state, percent, pause: named }) => {
                    failures = 0;
                    pause = named.map_or_else(|| jittered(usual), later);
                    (state, percent)
                }
                Err(error) if error.is_passing() => {
                    failures += 1;
                    if poll.has_failed(&error, failures) {
                        return Ok(Waited::Failed(error));
                    }
                    let doubled = usual.saturating_mul(1 << failures.min(6));
                    pause = error.retry_after().map_or_else(|| jittered(doubled.min(POLL_PAUSE_MAX)), later);
                    (error.to_string(), None)
                }
                Err(error) => return Err(error),
            };
            (waiting.progress)(&Look { state, percent, elapsed: begun.elapsed(), pause });
            if Instant::now() >= until {
                return Ok(Waited::StillRunning { poll: poll.clone() });
            }
        }
    }

    /// Sleeps for `pause`, at most until `until`. False when the person wants to stop.
    async fn slept(&self, pause: Duration, until: Instant, interrupted: &dyn Fn() -> bool) -> bool {
        let wake = (Instant::now() + pause).min(until);
        unless_interrupted(tokio::time::sleep_until(wake), interrupted).await.is_some()
    }

    async fn look_at(&self, poll: &PollUrl) -> Result<Seen, ArmError> {
        let transport = self.transport(Permit::poll(poll.url.path()), None);
        let look = async |token: Token| transport.send(&request(Method::Get, poll.url.clone(), &token.secret)).await;
        match self.with_a_good_token(look).await {
            Ok(answer) => seen(&answer, poll.way),
            Err(error) if poll.way == Way::Location && is_verdict(&error) => Ok(Seen::Failed(error)),
            Err(error) => Err(error),
        }
    }
}

impl PollUrl {
    /// Behind `Location` a failed operation and a failed look are told apart only by their being repeated.
    fn has_failed(&self, error: &ArmError, failures: u32) -> bool {
        let is_server_error = error.status().is_some_and(|status| status >= 500) && error.code().is_some();
        self.way == Way::Location && is_server_error && failures >= POLL_SERVER_ERRORS_MAX
    }
}

/// The pause where Azure names none. Tests are not worth waiting for; Azure is not to be asked more often than it likes.
fn usual_pause(is_local: bool, asked_for: Option<Duration>) -> Duration {
    match asked_for {
        Some(pause) if is_local => pause.max(POLL_PAUSE_MIN),
        Some(pause) => pause.max(POLL_PAUSE),
        None => POLL_PAUSE,
    }
}

/// Whether an error behind `Location` is what became of the operation, and not of the look.
fn is_verdict(error: &ArmError) -> bool {
    error.status().is_some_and(|status| (400..500).contains(&status) && !matches!(status, 401 | 403 | 404 | 408 | 429))
}

fn seen(answer: &Answer, way: Way) -> Result<Seen, ArmError> {
    let pause = retry_after(&answer.headers, jiff::Timestamp::now());
    let runs = |state: &str, percent| Seen::Running { state: escaped_short(state, 100), percent, pause };
    let body = match answer.json() {
        Ok(body) => body,
        // Behind `Location` the status alone counts.
        Err(_) if way == Way::Location => Value::Null,
        Err(error) => return Err(error),
    };
    let state = body.get("status").and_then(Value::as_str).unwrap_or_default();
    let percent = body.get("percentComplete").and_then(Value::as_f64).filter(|percent| (0.0..=100.0).contains(percent));
    match state.to_ascii_lowercase().as_str() {
        "failed" | "canceled" | "cancelled" => return Ok(Seen::Failed(ended_badly(answer, &body, state))),
        "succeeded" => return Ok(Seen::Done(body)),
        "" if way == Way::AsyncOperation && answer.status != 202 && body.is_null() => {
            return Err(ArmError::new(ErrorKind::Unreadable("it does not say how the operation stands".to_owned())));
        }
        "" => {}
        _ if way != Way::Location => return Ok(runs(state, percent)),
        _ => {}
    }
    if answer.status == 202 {
        return Ok(runs(if state.is_empty() { "Running" } else { state }, percent));
    }
    // Some providers answer with the resource itself, which says how it stands.
    let provisioning = body.pointer("/properties/provisioningState").and_then(Value::as_str).unwrap_or_default();
    match provisioning.to_ascii_lowercase().as_str() {
        "failed" | "canceled" | "cancelled" if way != Way::Location => {
            Ok(Seen::Failed(ended_badly(answer, &body, provisioning)))
        }
        "" | "succeeded" => Ok(Seen::Done(body)),
        _ if way != Way::Location => Ok(runs(provisioning, percent)),
        _ => Ok(Seen::Done(body)),
    }
}

fn ended_badly(answer: &Answer, body: &Value, state: &str) -> ArmError {
    let inner = body.get("error").or_else(|| body.pointer("/properties/error")).and_then(NestedError::from_value);
    let error = inner.unwrap_or_else(|| NestedError { code: escaped_short(state, 100), ..NestedError::default() });
    let id = |name| header(&answer.headers, name).map(|id| escaped_short(id, 100));
    ArmError::new(ErrorKind::Refused(Box::new(Refusal {
        status: answer.status,
        error,
        correlation_id: id("x-ms-correlation-request-id"),
        request_id: id("x-ms-request-id"),
        retry_after: None,
        cut: false,
    })))
}

/// `work`, given up as soon as the person wants to stop; `None` then.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>, interrupted: &dyn Fn() -> bool) -> Option<T> {
    let mut tick = tokio::time::interval(TICK);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            _ = tick.tick() => {
                if interrupted() {
                    return None;
                }
            }
            done = &mut work => return Some(done),
        }
    }
}

/// A pause moved at random, by at most [`JITTER_PERCENT`] either way.
fn jittered(pause: Duration) -> Duration {
    let span = JITTER_PERCENT * 2;
    moved(pause, 100 - JITTER_PERCENT + random_below(span + 1))
}

/// A pause that Azure named, moved at random to later only.
fn later(named: Duration) -> Duration {
    moved(named.clamp(POLL_PAUSE_MIN, POLL_PAUSE_MAX), 100 + random_below(JITTER_PERCENT + 1))
}

fn moved(pause: Duration, percent: u64) -> Duration {
    pause.saturating_mul(u32::try_from(percent).unwrap_or(100)) / 100
}

/// A number below `end`; 0 where the system has no randomness, because nothing here depends on it.
fn random_below(end: u64) -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes) % end,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests;

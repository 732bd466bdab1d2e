//! What can go wrong between `repair` and Azure, and what a person can do then.
//!
//! One type for every way to fail: Azure said no, it could not be reached, the login is not good, or this program itself
//! refused to send something. Invariants: no error holds a token, a secret parameter or the query of an address (newer
//! addresses carry signatures there); what Azure said is kept whole within bounds, because its reason often stands
//! several levels deep; `Display` is one line that no foreign text can break.

use std::fmt;
use std::time::Duration;

use repair_model::finding::FailureClass;
use repair_model::text::{escaped, escaped_json, escaped_short};
use serde_json::json;

use super::credential::CredentialError;
use super::names::{NameError, SubscriptionId};
use super::nested::NestedError;

/// Characters of a message that `Display` shows.
const SHOWN_CHARACTERS_MAX: usize = 400;

/// Which request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The HTTP method in capitals.
    pub method: String,
    /// The host, with its port where it is not the usual one.
    pub host: String,
    /// The path, without the query.
    pub path: String,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, escaped_short(&self.path, SHOWN_CHARACTERS_MAX))
    }
}

/// What Azure said when it said no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; that of the look where a running operation ended badly, so it may be 200.
    pub status: u16,
    /// The error with all that it holds.
    pub error: NestedError,
    /// `x-ms-correlation-request-id`: what Azure's own support asks for.
    pub correlation_id: Option<String>,
    /// `x-ms-request-id`.
    pub request_id: Option<String>,
    /// How long to wait before another try, where Azure says so.
    pub retry_after: Option<Duration>,
    /// Whether the body was longer than what is kept of one.
    pub cut: bool,
}

/// What is known of a change whose request ended in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It did not leave this machine, so nothing was done.
    NotSent,
    /// Azure answered that it will not do it.
    Refused,
    /// It may have been done: there is no answer, or one that leaves it open.
    Unclear,
}

/// Why Azure cannot be asked, or did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The request; `None` where none was made.
    pub asked: Option<Box<Asked>>,
}

/// The ways to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Azure said no.
    Refused(Box<Refusal>),
    /// No connection could be made; why.
    Unreachable(String),
    /// A connection was made, and it is not one that can be trusted; why.
    Tls(String),
    /// The request was sent, and no answer came in time.
    TimedOut(Duration),
    /// The connection ended before the answer did; why.
    CutOff(String),
    /// The answer is longer than this many bytes.
    TooLong(usize),
    /// The answer cannot be read; what is wrong.
    Unreadable(String),
    /// The present action may not send this request, so it was not sent; what the action is.
    NotPermitted(&'static str),
    /// Azure wants the request elsewhere, and redirects are not followed; where to.
    Redirected(String),
    /// Azure names an address that is not its own, and the token is not sent there; which.
    ForeignAddress(String),
    /// There is no token to ask with.
    Credential(CredentialError),
    /// Something that Azure named cannot be used as a name.
    Name(NameError),
    /// The login sees several subscriptions and none was chosen.
    AmbiguousSubscription(Vec<(String, SubscriptionId)>),
    /// The login sees no subscription that is enabled.
    NoSubscription,
    /// What would be sent is not what this layer sends; why.
    Unsendable(String),
    /// The person wanted to stop while Azure computed something.
    Interrupted,
}

impl ArmError {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self { kind, asked: None }
    }

    pub(super) fn asking(mut self, asked: Asked) -> Self {
        self.asked.get_or_insert(Box::new(asked));
        self
    }

    /// What Azure said, where it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            ErrorKind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The outermost code, where there is one.
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.error.code.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether an error with this code is anywhere in what Azure said, in any case of letters.
    pub fn has_code(&self, code: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.error.has_code(code))
    }

    /// Whether there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether another operation holds what this one needs. Azure answers 429 then, as if the rate were limited, but it
    /// is a lock, and it ends when the other operation does.
    pub fn is_lock(&self) -> bool {
        self.has_code("RetryableErrorDueToAnotherOperation") || self.has_code("AnotherOperationInProgress")
    }

    /// Whether Azure limits the rate; a lock is not that.
    pub fn is_throttled(&self) -> bool {
        self.status() == Some(429) && !self.is_lock()
    }

    /// How long Azure wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// Whether the same look may succeed a little later: rate, lock, server error, or no connection.
    pub fn is_passing(&self) -> bool {
        match &self.kind {
            ErrorKind::Refused(refusal) => refusal.status == 429 || refusal.status == 408 || refusal.status >= 500,
            ErrorKind::Unreachable(_) | ErrorKind::TimedOut(_) | ErrorKind::CutOff(_) => true,
            ErrorKind::Credential(error) => error.is_passing(),
            _ => false,
        }
    }

    /// What is known of the change, if this request was one.
    pub fn reach(&self) -> Reach {
        match &self.kind {
            ErrorKind::Refused(refusal) if refusal.status == 408 || refusal.status >= 500 => Reach::Unclear,
            ErrorKind::Refused(_) => Reach::Refused,
            ErrorKind::TimedOut(_) | ErrorKind::CutOff(_) | ErrorKind::TooLong(_) | ErrorKind::Unreadable(_) => {
                Reach::Unclear
            }
            // The change itself was answered; what follows it is elsewhere.
            ErrorKind::Redirected(_) => Reach::Refused,
            ErrorKind::ForeignAddress(_) => Reach::Unclear,
            ErrorKind::Unreachable(_)
            | ErrorKind::Tls(_)
            | ErrorKind::NotPermitted(_)
            | ErrorKind::Credential(_)
            | ErrorKind::Name(_)
            | ErrorKind::AmbiguousSubscription(_)
            | ErrorKind::NoSubscription
            | ErrorKind::Unsendable(_)
            | ErrorKind::Interrupted => Reach::NotSent,
        }
    }

    /// The class of this failure as far as its kind alone tells. What Azure said is for the classifier; see
    /// [`Self::as_evidence_text`].
    pub fn class(&self) -> FailureClass {
        match &self.kind {
            ErrorKind::Credential(error) => error.class(),
            ErrorKind::Refused(_) if self.is_throttled() => FailureClass::AzureThrottled,
            ErrorKind::Refused(refusal) if refusal.status == 401 => FailureClass::AzureAuthExpired,
            ErrorKind::Refused(refusal) if refusal.status == 403 => FailureClass::AzureAuthorizationFailed,
            _ => FailureClass::Unknown,
        }
    }

    /// The error as text for the classifier: the request and its answer, then the whole error as JSON with one key a
    /// line and nothing left inside strings. It can be shown at a terminal, but may hold secrets that Azure repeats.
    pub fn as_evidence_text(&self) -> String {
        let first = match (&self.asked, self.refusal()) {
            (Some(asked), Some(refusal)) => format!("{asked} answered {}", refusal.status),
            _ => self.to_string(),
        };
        match (self.refusal(), &self.kind) {
            (Some(refusal), _) => {
                let tree = json!({ "error": refusal.error.to_value() });
                // A value of strings, arrays and objects is always JSON.
                let text = serde_json::to_string_pretty(&tree).unwrap_or_else(|_| tree.to_string());
                let cut = if refusal.cut || refusal.error.is_cut() {
                    "\n(the answer was longer and is cut here)"
                } else {
                    ""
                };
                format!("{first}\n{}{cut}\n", escaped_json(&text))
            }
            (None, ErrorKind::Credential(error)) => format!("{}\n", error.as_evidence_text()),
            (None, _) => format!("{first}\n"),
        }
    }

    /// What to do next, safest first.
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match &self.kind {
            ErrorKind::Credential(error) => return error.hints(),
            ErrorKind::Refused(_) if self.is_lock() => {
                &["another operation works on the same resource; wait until it has ended, then run `repair` again"]
            }
            ErrorKind::Refused(refusal) => match refusal.status {
                401 => &["log in again: `az login`; `az account show` says who is logged in"],
                403 => &[
                    "ask whoever owns the subscription for a role that allows it; `az role assignment list` shows yours",
                ],
                404 => &["check the subscription and the names: `az group list --output table`"],
                408 | 500.. => &["Azure failed by itself; wait some minutes, and see https://status.azure.com"],
                429 => &["Azure limits the rate; wait before the next try"],
                _ => &[],
            },
            ErrorKind::Unreachable(_) | ErrorKind::TimedOut(_) | ErrorKind::CutOff(_) => {
                &["check the network and a proxy between here and Azure: `az group list` has the same way to go"]
            }
            ErrorKind::Tls(_) => &[
                "see whether something on the way replaces certificates; a proxy that does needs its own certificate to be trusted",
            ],
            ErrorKind::TooLong(_)
            | ErrorKind::Unreadable(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::ForeignAddress(_) => &[
                "check that the address is that of Azure Resource Manager, and that nothing on the way changes its answers",
            ],
            ErrorKind::NotPermitted(_) | ErrorKind::Unsendable(_) => {
                &["this is a fault of `repair` itself: nothing was sent; please report it"]
            }
            ErrorKind::Name(_) => &["correct the name"],
            ErrorKind::Interrupted => &[],
            ErrorKind::AmbiguousSubscription(_) => {
                &["name the subscription with `--subscription ID`, or choose one: `az account set --subscription ID`"]
            }
            ErrorKind::NoSubscription => &[
                "see what the login may use: `az account list --output table`",
                "log in to another tenant: `az login --tenant ID`",
            ],
        };
        hints.iter().map(|&hint| hint.to_owned()).collect()
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.asked.as_ref().map_or_else(|| "Azure".to_owned(), |asked| escaped(&asked.host));
        match &self.kind {
            ErrorKind::Refused(refusal) => return self.say_refusal(refusal, f),
            ErrorKind::Unreachable(why) => write!(f, "{to} cannot be reached: {}", short(why))?,
            ErrorKind::Tls(why) => write!(f, "the connection to {to} cannot be trusted: {}", short(why))?,
            ErrorKind::TimedOut(after) => write!(f, "{to} did not answer within {} s", after.as_secs())?,
            ErrorKind::CutOff(why) => write!(f, "the answer of {to} ended half-way: {}", short(why))?,
            ErrorKind::TooLong(bytes) => write!(f, "the answer of {to} is longer than {bytes} bytes")?,
            ErrorKind::Unreadable(what) => write!(f, "the answer of {to} cannot be read: {}", short(what))?,
            ErrorKind::NotPermitted(action) => write!(f, "a request was not sent, because it is no part of {action}")?,
            ErrorKind::Redirected(place) => {
                write!(f, "{to} wants the request at `{}`, and redirects are not followed", short(place))?;
            }
            ErrorKind::ForeignAddress(place) => {
                write!(
                    f,
                    "{to} names the address `{}`, which is not its own, so nothing was sent there",
                    short(place)
                )?;
            }
            ErrorKind::Credential(error) => write!(f, "{error}")?,
            ErrorKind::Name(error) => write!(f, "{error}")?,
            ErrorKind::AmbiguousSubscription(all) => {
                let all: Vec<_> = all.iter().map(|(name, id)| format!("`{}` ({id})", short(name))).collect();
                write!(f, "the login sees several subscriptions and none was chosen: {}", all.join(", "))?;
            }
            ErrorKind::NoSubscription => write!(f, "the login sees no subscription that is enabled")?,
            ErrorKind::Interrupted => write!(f, "it was given up before {to} had answered")?,
            ErrorKind::Unsendable(why) => write!(f, "a request was not sent: {}", short(why))?,
        }
        match &self.asked {
            Some(asked) => write!(f, " ({asked})"),
            None => Ok(()),
        }
    }
}

impl ArmError {
    fn say_refusal(&self, refusal: &Refusal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = refusal.error.innermost();
        match &self.asked {
            Some(asked) => write!(f, "Azure refused `{asked}` ({})", refusal.status)?,
            None => write!(f, "an operation of Azure failed")?,
        }
        let outer = &refusal.error.code;
        if !outer.is_empty() {
            write!(f, ": {}", short(outer))?;
        }
        if !reason.code.is_empty() && reason.code != *outer {
            write!(f, " because of {}", short(&reason.code))?;
        }
        if !reason.message.is_empty() {
            write!(f, ": {}", short(&reason.message))?;
        }
        Ok(())
    }
}

fn short(text: &str) -> String {
    escaped_short(text.trim(), SHOWN_CHARACTERS_MAX)
}

impl std::error::Error for ArmError {}

impl From<CredentialError> for ArmError {
    fn from(error: CredentialError) -> Self {
        Self::new(ErrorKind::Credential(error))
    }
}

impl From<NameError> for ArmError {
    fn from(error: NameError) -> Self {
        Self::new(ErrorKind::Name(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::credential::CredentialKind;
    use super::*;

    fn asked() -> Asked {
        let host = "management.azure.com".to_owned();
        Asked { method: "PUT".to_owned(), host, path: "/subscriptions/s/x".to_owned() }
    }

    fn refused(status: u16, body: &str) -> ArmError {
        let refusal = Refusal { status, error: NestedError::from_body(body.as_bytes()), ..Refusal::default() };
        ArmError::new(ErrorKind::Refused(Box::new(refusal))).asking(asked())
    }

    fn all_kinds() -> Vec<ErrorKind> {
        let text = || "w\u{1b}[2J\nq".to_owned();
        let id = SubscriptionId::new("01234567-89ab-cdef-0123-456789abcdef").expect("a GUID");
        vec![
            ErrorKind::Refused(Box::default()),
            ErrorKind::Unreachable(text()),
            ErrorKind::Tls(text()),
            ErrorKind::TimedOut(Duration::from_secs(3)),
            ErrorKind::CutOff(text()),
            ErrorKind::TooLong(7),
            ErrorKind::Unreadable(text()),
            ErrorKind::NotPermitted("looking"),
            ErrorKind::Redirected(text()),
            ErrorKind::ForeignAddress(text()),
            ErrorKind::Credential(CredentialError::from_words(CredentialKind::AzureCli, &text())),
            ErrorKind::Name(NameError::new("key vault name", &text(), "r")),
            ErrorKind::AmbiguousSubscription(vec![(text(), id)]),
            ErrorKind::NoSubscription,
            ErrorKind::Unsendable(text()),
            ErrorKind::Interrupted,
        ]
    }

    #[test]
    fn every_error_is_one_harmless_line() {
        for kind in all_kinds() {
            let error = ArmError::new(kind).asking(asked());
            for said in
                [error.to_string(), error.as_evidence_text().trim_end().lines().next().unwrap_or_default().to_owned()]
            {
                assert!(!said.is_empty() && !said.contains(['\n', '\u{1b}']), "{said:?}");
            }
            let _ = (error.hints(), error.class(), error.reach(), error.is_passing());
        }
    }

    #[test]
    fn what_was_not_sent_changed_nothing_and_what_was_not_answered_may_have() {
        let reach = |kind| ArmError::new(kind).reach();
        assert_eq!(reach(ErrorKind::Unreachable(String::new())), Reach::NotSent);
        assert_eq!(reach(ErrorKind::NotPermitted("")), Reach::NotSent);
        assert_eq!(reach(ErrorKind::CutOff(String::new())), Reach::Unclear);
        assert_eq!(reach(ErrorKind::TimedOut(Duration::ZERO)), Reach::Unclear);
        assert_eq!((refused(409, "{}").reach(), refused(429, "{}").reach()), (Reach::Refused, Reach::Refused));
        assert_eq!((refused(500, "{}").reach(), refused(504, "{}").reach()), (Reach::Unclear, Reach::Unclear));
    }

    #[test]
    fn the_evidence_has_one_key_a_line_and_nothing_in_strings() {
        let inner = r#"{\"error\":{\"code\":\"ConflictError\",\"message\":\"A vault with the same name already exists in deleted state.\"}}"#;
        let error = refused(
            409,
            &format!(
                r#"{{"error":{{"code":"DeploymentFailed","message":"m","details":[{{"code":"Conflict","message":"{inner}"}}]}}}}"#
            ),
        );
        let text = error.as_evidence_text();
        assert!(text.starts_with("PUT /subscriptions/s/x answered 409\n{\n"), "{text}");
        assert!(text.lines().any(|line| line.trim() == r#""code": "ConflictError","#), "{text}");
        let said = error.to_string();
        assert!(said.contains("DeploymentFailed because of ConflictError: A vault with the same name"), "{said}");
        assert!(said.chars().count() < SHOWN_CHARACTERS_MAX * 4);
    }
}

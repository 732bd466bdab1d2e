//! One request to ARM on its way: who asks, what for, and what they may do.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::quirks::{LinkTo, PollHeaders};
use crate::refusal::{Handled, Refusal};
use crate::state::State;
use crate::world::identity::Identity;
use crate::world::{Registration, ResourceGroup, SubscriptionState};
use crate::{clock, versions};

/// A request whose sender is known.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) request: &'a Request,
    pub(crate) segments: Vec<String>,
    pub(crate) caller: Identity,
    pub(crate) now: Timestamp,
    /// Whether it changed the state.
    pub(crate) changed: bool,
    /// Whether the fake knows no such request.
    pub(crate) unexpected: bool,
    /// Whether the long operation that it begins never ends.
    pub(crate) stuck: bool,
}

/// The two URLs under which a long operation can be asked after, as paths with their query.
pub(crate) struct Polls {
    pub(crate) location: String,
    pub(crate) async_operation: String,
    /// What the provider sends by itself: `Location`, `Azure-AsyncOperation`.
    pub(crate) real: (bool, bool),
}

impl Call<'_> {
    /// The part of the path at this place, as it was sent.
    pub(crate) fn part(&self, index: usize) -> &str {
        self.segments.get(index).map_or("", String::as_str)
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.request.parameter("api-version")
    }

    /// Refuses what the caller may not do.
    pub(crate) fn permit(&self, action: &str, scope: &str) -> Result<(), Refusal> {
        if self.caller.may(action, scope) {
            return Ok(());
        }
        Err(Refusal::unauthorized(&self.caller.client_id, &self.caller.object_id, action, scope))
    }

    /// Refuses a change where a lock forbids it, or where the subscription is read-only.
    pub(crate) fn unlocked(&self, scope: &str, deletion: bool) -> Result<(), Refusal> {
        let subscription = self.part(1);
        let disabled = |id: &str| {
            self.state.world.subscription(id).is_some_and(|known| known.state == SubscriptionState::Disabled)
        };
        if disabled(subscription) {
            return Err(Refusal::disabled_subscription(subscription));
        }
        let locked = self.state.world.locked(scope, deletion);
        if locked.is_empty() {
            return Ok(());
        }
        Err(Refusal::scope_locked(scope, if deletion { "delete" } else { "write" }, &locked))
    }

    /// The resource group of the path. Who may not see it does not learn whether it is there.
    pub(crate) fn group(&self) -> Result<&ResourceGroup, Refusal> {
        let (subscription, name) = (self.part(1), self.part(3));
        if let Some(known) = self.state.world.group(subscription, name) {
            return Ok(known);
        }
        let scope = format!("/subscriptions/{subscription}/resourceGroups/{name}");
        self.permit("Microsoft.Resources/subscriptions/resourceGroups/read", &scope)?;
        Err(Refusal::no_group(name))
    }

    /// Checks the version of a provider's type, and that the provider is registered. The location is the one of the
    /// resource group in the path, if there is one.
    pub(crate) fn speaks(&self, kind: &str) -> Result<(), Refusal> {
        let location = if self.part(2).eq_ignore_ascii_case("resourceGroups") { Some(self.group()?) } else { None };
        versions::check(kind, self.version().as_deref(), location.map(|group| group.location.as_str()))?;
        let space = kind.split('/').next().unwrap_or_default();
        if self.state.world.registration(space) == Registration::Registered {
            return Ok(());
        }
        Err(Refusal::not_registered(versions::namespace(space).unwrap_or(space)))
    }

    /// The body, which has to be JSON.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let sent = self.request.header("content-type").unwrap_or_default();
        let media = sent.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(Refusal::media_type(media));
        }
        serde_json::from_slice(&self.request.body).map_err(|error| Refusal::invalid_content(&error.to_string()))
    }

    /// How long something takes, or forever.
    pub(crate) fn takes(&self, millis: u64) -> Option<u64> {
        (!self.stuck).then_some(millis)
    }

    pub(crate) fn iso(&self, time: Timestamp) -> String {
        clock::iso(self.state.shown(time))
    }

    /// Adds the headers that lead to a long operation.
    pub(crate) fn leading(&self, answer: Answer, polls: &Polls) -> Answer {
        let (location, async_operation) = match self.state.quirks.poll_headers {
            PollHeaders::Real => polls.real,
            PollHeaders::OnlyLocation => (true, false),
            PollHeaders::OnlyAsyncOperation => (false, true),
            PollHeaders::Both => (true, true),
            PollHeaders::Neither => (false, false),
        };
        let mut answer = answer;
        if location {
            answer = answer.with("Location", self.link(&polls.location));
        }
        if async_operation {
            answer = answer.with("Azure-AsyncOperation", self.link(&polls.async_operation));
        }
        self.retrying(answer)
    }

    /// Adds `Retry-After`, where it is switched on.
    pub(crate) fn retrying(&self, answer: Answer) -> Answer {
        match self.state.quirks.retry_after_seconds {
            Some(seconds) => answer.with("Retry-After", seconds.to_string()),
            None => answer,
        }
    }

    fn link(&self, path: &str) -> String {
        linked(self.state, self.state.quirks.poll_link, path)
    }

    /// One page of a list. `top` is the most that the client wants on it.
    pub(crate) fn page(&self, items: Vec<Value>) -> Handled {
        let token = self.request.parameter("$skiptoken").unwrap_or_default();
        let begun = !token.is_empty();
        let start: usize = token.trim_start_matches("page").parse().unwrap_or(0);
        let top = self.request.parameter("$top").and_then(|top| top.parse().ok()).unwrap_or(usize::MAX);
        let empty = self.state.quirks.empty_first_page && !begun;
        let size = if empty { 0 } else { self.state.quirks.page_items.min(top).max(1) };
        let end = items.len().min(start.saturating_add(size));
        let mut body = json!({"value": items.get(start..end).unwrap_or_default()});
        if end < items.len() || empty {
            let kept = self.request.query.split('&').filter(|pair| !pair.to_ascii_lowercase().contains("skiptoken"));
            let query: Vec<_> = kept.collect();
            let path = format!("{}?{}&%24skiptoken=page{end}", self.request.path, query.join("&"));
            body["nextLink"] = json!(linked(self.state, self.state.quirks.next_link, &path));
        }
        Ok(Answer::json(200, body))
    }
}

fn linked(state: &State, to: LinkTo, path: &str) -> String {
    match to {
        LinkTo::Absolute => format!("{}{path}", state.url),
        LinkTo::Relative => path.to_owned(),
        LinkTo::Stranger => format!("{}{path}", state.stranger),
    }
}

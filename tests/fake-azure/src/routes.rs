//! Which request goes where. What the fake does not know, it refuses as ARM refuses what it does not know, and says so
//! in the ledger.

use jiff::Timestamp;

use crate::call::Call;
use crate::http::{Answer, Request};
use crate::refusal::{Handled, Refusal};
use crate::state::State;
use crate::world::identity::Identity;
use crate::{deployments, entra, key_vault, mysql, operations, subscriptions, vault_data};

/// An answer and what the ledger has to know about it.
pub(crate) struct Routed {
    pub(crate) answer: Answer,
    pub(crate) identity: Option<String>,
    pub(crate) changed: bool,
    pub(crate) unexpected: bool,
}

/// Answers a request that no fault has kept from it.
pub(crate) fn answer(state: &mut State, request: &Request, now: Timestamp, stuck: bool) -> Routed {
    let segments = request.segments();
    let plain = |answer| Routed { answer, identity: None, changed: false, unexpected: false };
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") && !request.length_known {
        return plain(Refusal::no_length());
    }
    let words: Vec<String> = segments.iter().map(|part| part.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (request.method.as_str(), words.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"]) => {
            return plain(entra::token(state, request, tenant, now));
        }
        ("GET", ["msi", "token"]) => return plain(entra::managed_identity(state, request, now)),
        (_, ["vaults-data", ..]) => {
            let mut identity = None;
            let handled = vault_data::answer(state, request, &segments, now, &mut identity);
            let unexpected = handled.is_none();
            let answer = handled.unwrap_or_else(|| Err(unknown(request))).unwrap_or_else(Refusal::answer);
            return Routed { answer, identity, changed: false, unexpected };
        }
        _ => {}
    }
    let caller = match entra::caller(state, request, now) {
        Ok(caller) => caller,
        Err(refusal) => return plain(refusal.answer()),
    };
    arm(state, request, segments, &words, caller, now, stuck)
}

fn arm(
    state: &mut State,
    request: &Request,
    segments: Vec<String>,
    words: &[&str],
    caller: Identity,
    now: Timestamp,
    stuck: bool,
) -> Routed {
    let identity = Some(caller.client_id.clone());
    let mut call = Call { state, request, segments, caller, now, changed: false, unexpected: false, stuck };
    let handled = dispatch(&mut call, words);
    let answer = handled.unwrap_or_else(Refusal::answer);
    Routed { answer, identity, changed: call.changed, unexpected: call.unexpected }
}

fn dispatch(call: &mut Call, words: &[&str]) -> Handled {
    if call.version().is_none() {
        return Err(Refusal::no_api_version());
    }
    let handled = match words {
        ["subscriptions"] if call.request.method == "GET" => Some(subscriptions::list(call)),
        ["subscriptions", id, rest @ ..] => {
            known_subscription(call, id)?;
            in_subscription(call, rest)
        }
        _ => None,
    };
    handled.unwrap_or_else(|| {
        call.unexpected = true;
        Err(unknown(call.request))
    })
}

fn known_subscription(call: &Call, id: &str) -> Result<(), Refusal> {
    let known = call.state.world.subscription(id).ok_or_else(|| Refusal::no_subscription(id))?;
    if known.tenant == call.caller.tenant {
        return Ok(());
    }
    Err(Refusal::wrong_tenant(&call.caller.tenant, &known.tenant))
}

fn in_subscription(call: &mut Call, rest: &[&str]) -> Option<Handled> {
    match rest {
        [] if call.request.method == "GET" => Some(subscriptions::get(call)),
        ["operationresults", _] if call.request.method == "GET" => {
            let id = call.part(3).to_owned();
            Some(operations::result(call, &id))
        }
        [.., "providers", "microsoft.authorization", what] => subscriptions::authorization(call, what),
        ["resourcegroups"] | ["resourcegroups", _] | ["resourcegroups", _, "resources"] => subscriptions::groups(call),
        ["resourcegroups", _, "providers", rest @ ..] => in_group(call, rest),
        // The older path of deployments, under which the specification still has their operations.
        ["resourcegroups", _, "deployments", ..] => {
            let provider = ["providers", "Microsoft.Resources"].map(str::to_owned);
            call.segments.splice(4..4, provider);
            deployments::route(call)
        }
        ["providers", "microsoft.keyvault", _, ..] if !rest.ends_with(&["register"]) => {
            key_vault::in_subscription(call)
        }
        ["providers", "microsoft.dbformysql", _, ..] if !rest.ends_with(&["register"]) => mysql::in_subscription(call),
        ["providers", ..] => subscriptions::providers(call),
        _ => None,
    }
}

fn in_group(call: &mut Call, rest: &[&str]) -> Option<Handled> {
    match rest {
        ["microsoft.resources", "deployments", ..] => deployments::route(call),
        ["microsoft.keyvault", ..] => key_vault::in_group(call).or_else(|| subscriptions::any_resource(call)),
        ["microsoft.dbformysql", ..] => mysql::in_group(call).or_else(|| subscriptions::any_resource(call)),
        [_, _, _, ..] => subscriptions::any_resource(call),
        _ => None,
    }
}

/// What ARM says of a path that leads nowhere.
fn unknown(request: &Request) -> Refusal {
    let message = format!("No route providing data for request uri '{}' was found.", request.path);
    Refusal::new(404, "NotFound", message)
}

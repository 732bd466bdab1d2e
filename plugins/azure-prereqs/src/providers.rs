//! Resource providers that the subscription is not registered for.

mod declines;
mod namespaces;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{Repetition, ResourceProvider, same_id};
use repair_tool_sdk::case::{Case, Missing, Query};
use repair_tool_sdk::reply::{Reply, Stop};

use self::declines::listed;
use self::namespaces::{NAMESPACES_MAX, Namespaces};
use crate::messages;

/// How long a registration that goes on is waited for before a person is told.
const WAIT_SECONDS: u32 = 60;
/// That the deployment succeeds once all of its providers are registered, in permille: Azure refused it for exactly that.
const CONFIDENCE_REGISTER: u16 = 920;
/// The same where what the template wants could not be seen, so that others may be missing too.
const CONFIDENCE_REGISTER_ALONE: u16 = 780;
/// That the deployment succeeds because all of them are registered by now.
const CONFIDENCE_REGISTERED: u16 = 800;

/// Registers what is not registered, then deploys the template again.
///
/// # Errors
/// See [`Stop`].
pub(crate) fn decide(case: &Case) -> Result<Reply, Stop> {
    case.ask([Query::ArmDeployment, Query::WantedResources, Query::AzureAccount])?;
    let again = case.repetition()?;
    if again.deployment.succeeded() {
        return Ok(Reply::decline(format!(
            "The deployment `{}` has succeeded, so no provider is missing. If another deployment failed, run `repair` for that \
             one.",
            again.deployment.name
        )));
    }
    let namespaces = Namespaces::of(case, &again);
    if namespaces.needed.is_empty() {
        return Ok(declines::none_named(case, &namespaces, &again));
    }
    case.ask(namespaces.needed.iter().cloned().map(Query::ResourceProvider))?;
    let mut states: Vec<&ResourceProvider> = Vec::new();
    for namespace in &namespaces.needed {
        match case.resource_provider(namespace) {
            Ok(provider) => states.push(provider),
            // What cannot be looked up is not registered by guess; the others may be enough.
            Err(Missing::Refused { .. }) => {}
            Err(missing) => return Err(missing.into()),
        }
    }
    let of_state = |is: fn(&ResourceProvider) -> bool| -> Vec<&ResourceProvider> {
        states.iter().copied().filter(|provider| is(provider)).collect()
    };
    let unregistered = of_state(is_unregistered);
    if states.is_empty() {
        return Ok(declines::unseen(&namespaces));
    }
    if let Some(provider) = of_state(is_odd).first() {
        return Ok(declines::odd(provider));
    }
    if let Some(obstacle) = again.obstacle() {
        return Ok(declines::obstructed(&unregistered, &obstacle));
    }
    let registering = of_state(ResourceProvider::is_registering);
    if !registering.is_empty() {
        if case.waited_seconds == 0 {
            return Ok(Reply::wait_seconds(WAIT_SECONDS).note("a registration goes on"));
        }
        return Ok(declines::still_registering(&registering, again.group()));
    }
    let first = unregistered.iter().map(|provider| Action::register_provider(provider.namespace.clone()));
    // What-if is refused for a provider that is not registered, so without it the deployment is for the next look.
    let alone = again.wanted.is_none() && !unregistered.is_empty();
    let actions: Vec<Action> = if alone { first.collect() } else { again.after(first) };
    if unregistered.is_empty() && only_for_a_location(case) {
        return Ok(declines::registered_elsewhere(&states, again.group()));
    }
    if let Some(last) = case.spent(&actions) {
        return Ok(declines::spent(&states, &last.outcome, &again));
    }
    let confidence = match (unregistered.is_empty(), alone) {
        (true, _) => CONFIDENCE_REGISTERED,
        (false, false) => CONFIDENCE_REGISTER,
        (false, true) => CONFIDENCE_REGISTER_ALONE,
    };
    Ok(Reply::propose(reason(&unregistered, &states, &namespaces, alone, &again), confidence, actions))
}

fn is_unregistered(provider: &ResourceProvider) -> bool {
    ["NotRegistered", "Unregistered"].iter().any(|state| same_id(state, &provider.state))
}

fn is_odd(provider: &ResourceProvider) -> bool {
    !provider.is_registered() && !provider.is_registering() && !is_unregistered(provider)
}

/// Whether Azure misses the registration for one location only.
fn only_for_a_location(case: &Case) -> bool {
    case.arm_deployment().is_ok_and(|deployment| deployment.has_code("MissingRegistrationForLocation"))
        || messages::Messages::of(case).say("MissingRegistrationForLocation")
}

fn reason(
    unregistered: &[&ResourceProvider],
    states: &[&ResourceProvider],
    namespaces: &Namespaces,
    alone: bool,
    again: &Repetition<'_>,
) -> String {
    let mut words = match unregistered {
        [] => format!("All providers that the deployment needs are registered by now: {}.", listed(states)),
        some => format!(
            "The subscription is not registered for {}, which the deployment needs. A registration changes no resource, costs \
             nothing, and can be taken back with `az provider unregister`.",
            listed(some)
        ),
    };
    if namespaces.is_cut {
        words.push_str(&format!(" The template uses more than the {NAMESPACES_MAX} providers that were looked up."));
    }
    if alone {
        words.push_str(
            " What the template would change can only be told after that, so the deployment follows with another plan.",
        );
    } else {
        words.push_str(" Then the same template is deployed again.");
        words.push_str(&again.remarks());
    }
    words
}

//! Why no provider is registered, and what a person could do next.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::azure::{Repetition, ResourceProvider};
use repair_tool_sdk::case::Case;
use repair_tool_sdk::reply::Reply;

use super::namespaces::Namespaces;

/// Each with its state.
pub(super) fn listed(providers: &[&ResourceProvider]) -> String {
    let each: Vec<String> = providers.iter().map(|one| format!("`{}` ({})", one.namespace, one.state)).collect();
    each.join(", ")
}

fn register(namespace: &str) -> String {
    format!("`az provider register --namespace {} --wait`", word(namespace, "NAMESPACE"))
}

fn show(namespace: &str) -> String {
    format!("`az provider show --namespace {} --query registrationState`", word(namespace, "NAMESPACE"))
}

/// Neither the template nor Azure names a provider.
pub(super) fn none_named(case: &Case, namespaces: &Namespaces, again: &Repetition<'_>) -> Reply {
    let said = namespaces.only_said.as_deref().or(case.fact("provider")).unwrap_or_default();
    let seen = match said {
        "" => String::new(),
        said => format!(" The failure's text names `{}`, which proves nothing here.", excerpt(said)),
    };
    Reply::decline(format!(
        "Neither the template nor an error of the deployment `{}` names a provider that is missing, so none is registered.{seen} \
         {}",
        again.deployment.name,
        next_steps([
            format!("see whether it is registered: {}", show(said)),
            format!("if it is needed, register it, which changes no resource: {}", register(said)),
            "deploy again".to_owned(),
        ])
    ))
}

/// None of them could be looked at.
pub(super) fn unseen(namespaces: &Namespaces) -> Reply {
    let first = namespaces.needed.first().map_or("", String::as_str);
    Reply::decline(format!(
        "How the subscription is registered for {} could not be looked at, so nothing is registered. {}",
        namespaces.needed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        next_steps([
            format!("see it: {}", show(first)),
            format!("register it, which needs a contributor of the subscription: {}", register(first)),
        ])
    ))
}

/// Being unregistered right now, or in a state that nobody knows.
pub(super) fn odd(provider: &ResourceProvider) -> Reply {
    Reply::decline(format!(
        "The provider `{}` is in state {}, so somebody may be taking its registration back. {}",
        provider.namespace,
        provider.state,
        next_steps([
            "ask who is at it, and whether this subscription shall do without it".to_owned(),
            format!("read the state until it changes: {}", show(&provider.namespace)),
            format!("when it is `NotRegistered`, register it: {}", register(&provider.namespace)),
        ])
    ))
}

/// It takes longer than a tool waits.
pub(super) fn still_registering(registering: &[&ResourceProvider], group: &str) -> Reply {
    let first = registering.first().map_or("", |provider| provider.namespace.as_str());
    Reply::decline(format!(
        "A registration goes on: {}. It takes some minutes, and is not waited for any longer here. {}",
        listed(registering),
        next_steps([
            format!("read its state: {}", show(first)),
            format!("when it is `Registered`, run `repair` again: {}", repair_again(group)),
        ])
    ))
}

/// The registrations are there, and Azure wants them anew for one location.
pub(super) fn registered_elsewhere(states: &[&ResourceProvider], group: &str) -> Reply {
    let first = states.first().map_or("", |provider| provider.namespace.as_str());
    Reply::decline(format!(
        "The providers are registered ({}), and Azure misses the registration for one location only. Deploying again would fail \
         in the same way. {}",
        listed(states),
        next_steps([
            format!("register again, which adds new locations and changes no resource: {}", register(first)),
            format!(
                "see the locations of its types: `az provider show --namespace {} --query \
                 \"resourceTypes[].{{type:resourceType, locations:locations}}\"`",
                word(first, "NAMESPACE")
            ),
            format!("run `repair` again: {}", repair_again(group)),
        ])
    ))
}

/// The deployment cannot follow.
pub(super) fn obstructed(unregistered: &[&ResourceProvider], obstacle: &str) -> Reply {
    let by_hand = match unregistered {
        [] => String::new(),
        [first, ..] => format!(
            "The subscription is not registered for {}; by hand: {}. ",
            listed(unregistered),
            register(&first.namespace)
        ),
    };
    Reply::decline(format!("{by_hand}{obstacle}"))
}

/// The same was in vain twice.
pub(super) fn spent(states: &[&ResourceProvider], outcome: &str, again: &Repetition<'_>) -> Reply {
    Reply::decline(format!(
        "The same was done twice within an hour and did not help (last: {}), so it is not done again. The providers are {}. {}",
        excerpt(outcome),
        listed(states),
        next_steps([
            format!(
                "read the errors of the newest deployment: `az deployment operation group list --resource-group {} --name NAME \
                 --query \"[?properties.provisioningState=='Failed'].properties.statusMessage\"`",
                again.group()
            ),
            "see which providers are not registered: `az provider list --query \"[?registrationState!='Registered'].namespace\"`"
                .to_owned(),
        ])
    ))
}

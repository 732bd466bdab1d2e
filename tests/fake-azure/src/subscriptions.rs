//! Subscriptions, resource groups and what is in them, resource providers, locks and permissions.

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::Answer;
use crate::refusal::{Handled, Refusal};
use crate::state::Aim;
use crate::world::identity::is_below;
use crate::world::resource::Resource;
use crate::world::{Lock, Provider, Registration, ResourceGroup, Subscription};
use crate::{versions, views};

/// `GET /subscriptions`: those of the caller's tenant in which it may do anything at all.
pub(crate) fn list(call: &Call) -> Handled {
    versions::check_subscriptions(call.version().as_deref())?;
    let mine = call.state.world.subscriptions.iter().filter(|known| {
        known.tenant == call.caller.tenant
            && call.caller.grants.iter().any(|grant| {
                let scope = format!("/subscriptions/{}", known.id);
                grant.reaches(&scope) || is_below(&grant.scope, &scope)
            })
    });
    call.page(mine.map(subscription).collect())
}

/// `GET /subscriptions/{id}`.
pub(crate) fn get(call: &Call) -> Handled {
    versions::check_subscriptions(call.version().as_deref())?;
    let id = call.part(1);
    call.permit("Microsoft.Resources/subscriptions/read", &format!("/subscriptions/{id}"))?;
    let known = call.state.world.subscription(id).ok_or_else(|| Refusal::no_subscription(id))?;
    Ok(Answer::json(200, subscription(known)))
}

fn subscription(known: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", known.id), "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionId": known.id, "tenantId": known.tenant, "displayName": known.name,
        "state": known.state.as_str(),
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off",
        },
    })
}

/// Requests for resource groups themselves and for all that is in one.
pub(crate) fn groups(call: &mut Call) -> Option<Handled> {
    let last = call.part(4).to_ascii_lowercase();
    Some(match (call.request.method.as_str(), call.segments.len(), last.as_str()) {
        ("GET", 3, _) => list_groups(call),
        ("GET", 4, _) => get_group(call).map(|group| Answer::json(200, group)),
        ("HEAD", 4, _) => get_group(call).map(|_| Answer::empty(204)),
        ("GET", 5, "resources") => resources(call),
        _ => return None,
    })
}

fn list_groups(call: &Call) -> Handled {
    versions::check_resources(call.version().as_deref())?;
    let id = call.part(1);
    call.permit("Microsoft.Resources/subscriptions/resourceGroups/read", &format!("/subscriptions/{id}"))?;
    let mine = call.state.world.groups.iter().filter(|known| known.subscription.eq_ignore_ascii_case(id));
    call.page(mine.map(group).collect())
}

fn get_group(call: &Call) -> Result<Value, Refusal> {
    versions::check_resources(call.version().as_deref())?;
    let (id, name) = (call.part(1), call.part(3));
    let scope = format!("/subscriptions/{id}/resourceGroups/{name}");
    call.permit("Microsoft.Resources/subscriptions/resourceGroups/read", &scope)?;
    call.group().map(group)
}

fn group(known: &ResourceGroup) -> Value {
    let id = format!("/subscriptions/{}/resourceGroups/{}", known.subscription, known.name);
    let mut shown = json!({
        "id": id, "name": known.name, "type": "Microsoft.Resources/resourceGroups", "location": known.location,
        "properties": {"provisioningState": "Succeeded"},
    });
    if !known.tags.is_null() {
        shown["tags"] = known.tags.clone();
    }
    shown
}

/// `GET …/resources`: ids and types, no properties; nested resources are not in it.
fn resources(call: &Call) -> Handled {
    get_group(call)?;
    let (subscription, name) = (call.part(1), call.part(3));
    let mine = call.state.world.all_resources().filter(|resource| resource.is_in(subscription, name));
    let top = mine.filter(|resource| resource.kind.matches('/').count() == 1);
    call.page(top.map(Resource::head).map(Value::Object).collect())
}

/// `GET /subscriptions/{id}/providers/{namespace}` and `POST …/register`.
pub(crate) fn providers(call: &mut Call) -> Option<Handled> {
    let last = call.part(4).to_ascii_lowercase();
    Some(match (call.request.method.as_str(), call.segments.len(), last.as_str()) {
        ("GET", 4, _) => get_provider(call),
        ("POST", 5, "register") => register(call),
        _ => return None,
    })
}

/// The provider of the path, as it is properly written.
fn known_provider(call: &Call) -> Result<Provider, Refusal> {
    versions::check_resources(call.version().as_deref())?;
    let sent = call.part(3);
    let listed = call.state.world.providers.iter().find(|known| known.namespace.eq_ignore_ascii_case(sent));
    let namespace = listed.map(|known| known.namespace.as_str()).or_else(|| versions::namespace(sent));
    let namespace = namespace.ok_or_else(|| Refusal::invalid_namespace(sent))?;
    Ok(Provider { namespace: namespace.to_owned(), registration: call.state.world.registration(namespace) })
}

fn get_provider(call: &Call) -> Handled {
    let provider = known_provider(call)?;
    let scope = format!("/subscriptions/{}", call.part(1));
    call.permit("Microsoft.Resources/subscriptions/providers/read", &scope)?;
    Ok(Answer::json(200, provider_view(call, &provider)))
}

fn register(call: &mut Call) -> Handled {
    let mut provider = known_provider(call)?;
    let scope = format!("/subscriptions/{}", call.part(1));
    call.permit(&format!("{}/register/action", provider.namespace), &scope)?;
    call.unlocked(&scope, false)?;
    if provider.registration == Registration::NotRegistered {
        provider.registration = Registration::Registering;
        call.state.world.set_registration(&provider.namespace, Registration::Registering);
        let takes = call.takes(call.state.world.durations.register_millis);
        call.state.begin(Aim::Register { namespace: provider.namespace.clone() }, call.now, takes, Value::Null);
        call.changed = true;
    }
    Ok(Answer::json(200, provider_view(call, &provider)))
}

fn provider_view(call: &Call, provider: &Provider) -> Value {
    let types: Vec<Value> = versions::types(&provider.namespace)
        .into_iter()
        .map(|(kind, versions)| {
            json!({
                "resourceType": kind, "locations": ["West Europe", "North Europe"], "apiVersions": versions,
                "capabilities": "None",
            })
        })
        .collect();
    json!({
        "id": format!("/subscriptions/{}/providers/{}", call.part(1), provider.namespace),
        "namespace": provider.namespace, "registrationPolicy": "RegistrationRequired", "resourceTypes": types,
        "registrationState": provider.registration.as_str(),
    })
}

/// `GET {scope}/providers/Microsoft.Authorization/locks` and `…/permissions`, at a subscription, a group or a resource.
pub(crate) fn authorization(call: &mut Call, what: &str) -> Option<Handled> {
    if call.request.method != "GET" {
        return None;
    }
    match what.to_ascii_lowercase().as_str() {
        "locks" => Some(locks(call)),
        "permissions" => Some(permissions(call)),
        _ => None,
    }
}

/// What stands before `/providers/Microsoft.Authorization/…`.
fn scope(call: &Call) -> String {
    let kept = call.segments.len().saturating_sub(3);
    format!("/{}", call.segments[..kept].join("/"))
}

fn locks(call: &Call) -> Handled {
    call.speaks("Microsoft.Authorization/locks")?;
    let scope = scope(call);
    call.permit("Microsoft.Authorization/locks/read", &scope)?;
    // Those that hold here: from above, here, and on what is below.
    let near = |lock: &&Lock| is_below(&scope, &lock.scope) || is_below(&lock.scope, &scope);
    let views = call.state.world.locks.iter().filter(near).map(|lock| {
        json!({
            "properties": {"level": lock.level.as_str()},
            "id": format!("{}/providers/Microsoft.Authorization/locks/{}", lock.scope, lock.name),
            "type": "Microsoft.Authorization/locks", "name": lock.name,
        })
    });
    call.page(views.collect())
}

fn permissions(call: &Call) -> Handled {
    call.speaks("Microsoft.Authorization/permissions")?;
    let scope = scope(call);
    let mine = call.caller.grants.iter().filter(|grant| grant.reaches(&scope)).map(|grant| {
        json!({
            "actions": grant.actions, "notActions": grant.not_actions, "dataActions": [], "notDataActions": [],
        })
    });
    call.page(mine.collect())
}

/// `GET` of a resource that no other module knows, such as a container group.
pub(crate) fn any_resource(call: &Call) -> Option<Handled> {
    let (count, method) = (call.segments.len(), call.request.method.as_str());
    if method != "GET" || count < 8 || count % 2 != 0 {
        return None;
    }
    let (mut kind, mut name) = (call.part(5).to_owned(), String::new());
    for pair in call.segments[6..].chunks(2) {
        kind.push_str(&format!("/{}", pair[0]));
        name.push_str(&format!("{}{}", if name.is_empty() { "" } else { "/" }, pair[1]));
    }
    Some((|| {
        call.speaks(&kind)?;
        let kind = versions::proper(&kind);
        let id = format!("/{}", call.segments.join("/"));
        call.permit(&format!("{kind}/read"), &id)?;
        let view = views::of_id(&call.state.world, &call.state.url, &id);
        view.map(|view| Answer::json(200, view)).ok_or_else(|| Refusal::no_resource(&kind, &name, call.part(3)))
    })())
}

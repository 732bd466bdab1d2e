//! `Microsoft.KeyVault`: vaults, deleted vaults, their purge and recovery.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::Call;
use crate::http::Answer;
use crate::put;
use crate::refusal::{Handled, Refusal};
use crate::state::Aim;
use crate::world::resource::{Declared, region};
use crate::world::vault::{DeletedVault, Vault};
use crate::{clock, operations};

/// The type of a vault.
pub(crate) const VAULTS: &str = "Microsoft.KeyVault/vaults";
const NAMESPACE: &str = "Microsoft.KeyVault";

/// A vault as ARM shows it.
pub(crate) fn view(url: &str, vault: &Vault) -> Value {
    let mut head = vault.resource.head();
    let mut properties = vault.resource.properties.clone();
    properties["vaultUri"] = json!(format!("{url}/vaults-data/{}/", vault.name()));
    let ready = vault.ready_at <= Timestamp::now();
    properties["provisioningState"] = json!(if ready { "Succeeded" } else { "RegisteringDns" });
    head.insert("properties".to_owned(), properties);
    Value::Object(head)
}

fn deleted_view(call: &Call, deleted: &DeletedVault) -> Value {
    let (resource, location) = (&deleted.vault.resource, deleted.location());
    let shown = |time| clock::iso_seconds(call.state.shown(time));
    let mut properties = json!({
        "vaultId": resource.id(), "location": location,
        "tags": if resource.tags.is_null() { json!({}) } else { resource.tags.clone() },
        "deletionDate": shown(deleted.deleted_at), "scheduledPurgeDate": shown(deleted.scheduled_purge_at),
    });
    if deleted.vault.is_purge_protected() {
        properties["purgeProtectionEnabled"] = json!(true);
    }
    let id = deleted_id(&resource.subscription, &location, deleted.vault.name());
    let kind = "Microsoft.KeyVault/deletedVaults";
    json!({"id": id, "name": deleted.vault.name(), "type": kind, "properties": properties})
}

fn deleted_id(subscription: &str, location: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}")
}

/// Requests below `/subscriptions/{id}/providers/Microsoft.KeyVault`.
pub(crate) fn in_subscription(call: &mut Call) -> Option<Handled> {
    let rest: Vec<String> = call.segments.iter().skip(4).map(|part| part.to_ascii_lowercase()).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let subscription = call.part(1).to_owned();
    Some(match (call.request.method.as_str(), rest.as_slice()) {
        ("GET", ["deletedvaults"]) => list_deleted(call, &subscription),
        ("GET", ["vaults"]) => list(call, &subscription, None),
        ("POST", ["checknameavailability"]) => check_name(call, &subscription),
        ("GET", ["locations", _, "deletedvaults", _]) => get_deleted(call),
        ("POST", ["locations", _, "deletedvaults", _, "purge"]) => purge(call),
        ("GET", ["locations", _, "operationresults", _]) => operations::result(call, call.part(7)),
        ("GET", ["locations", _, "azureasyncoperation", _]) => operations::status(call, call.part(7)),
        _ => return None,
    })
}

/// Requests below `/subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.KeyVault`.
pub(crate) fn in_group(call: &mut Call) -> Option<Handled> {
    let count = call.segments.len();
    if !call.part(6).eq_ignore_ascii_case("vaults") {
        return None;
    }
    Some(match (call.request.method.as_str(), count) {
        ("GET", 7) => {
            let (subscription, group) = (call.part(1).to_owned(), call.part(3).to_owned());
            list(call, &subscription, Some(&group))
        }
        ("GET", 8) => get(call),
        ("PUT", 8) => create(call),
        ("DELETE", 8) => delete(call),
        _ => return None,
    })
}

fn list_deleted(call: &Call, subscription: &str) -> Handled {
    call.speaks("Microsoft.KeyVault/deletedVaults")?;
    call.permit("Microsoft.KeyVault/deletedVaults/read", &format!("/subscriptions/{subscription}"))?;
    let mine = call.state.world.deleted_vaults.iter();
    let mine = mine.filter(|deleted| deleted.vault.resource.subscription.eq_ignore_ascii_case(subscription));
    call.page(mine.map(|deleted| deleted_view(call, deleted)).collect())
}

fn list(call: &Call, subscription: &str, group: Option<&str>) -> Handled {
    call.speaks(VAULTS)?;
    let scope = group.map_or_else(
        || format!("/subscriptions/{subscription}"),
        |group| format!("/subscriptions/{subscription}/resourceGroups/{group}"),
    );
    call.permit("Microsoft.KeyVault/vaults/read", &scope)?;
    let mine = call.state.world.vaults.iter().filter(|vault| {
        let resource = &vault.resource;
        resource.subscription.eq_ignore_ascii_case(subscription)
            && group.is_none_or(|group| resource.group.eq_ignore_ascii_case(group))
    });
    call.page(mine.map(|vault| view(&call.state.url, vault)).collect())
}

fn check_name(call: &Call, subscription: &str) -> Handled {
    call.speaks("Microsoft.KeyVault/checkNameAvailability")?;
    call.permit("Microsoft.KeyVault/checkNameAvailability/read", &format!("/subscriptions/{subscription}"))?;
    let body = call.body()?;
    let name = body["name"].as_str().unwrap_or_default();
    if !is_name(name) {
        let message = Refusal::vault_name(name).error()["message"].clone();
        return Ok(Answer::json(
            200,
            json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": message}),
        ));
    }
    let world = &call.state.world;
    let taken = world.vault(name).is_some()
        || world.deleted_vault(name).is_some()
        || world.vault_names_taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if !taken {
        return Ok(Answer::json(200, json!({"nameAvailable": true})));
    }
    let message = Refusal::vault_name_taken(name).error()["message"].clone();
    Ok(Answer::json(200, json!({"nameAvailable": false, "reason": "AlreadyExists", "message": message})))
}

/// The deleted vault of the path: subscription, region and name have to agree.
fn deleted_in_path<'a>(call: &'a Call) -> Result<&'a DeletedVault, Refusal> {
    let (subscription, location, name) = (call.part(1), region(call.part(5)), call.part(7));
    call.state
        .world
        .deleted_vault(name)
        .filter(|deleted| deleted.vault.resource.subscription.eq_ignore_ascii_case(subscription))
        .filter(|deleted| deleted.location() == location)
        .ok_or_else(|| Refusal::no_deleted_vault(name))
}

fn get_deleted(call: &Call) -> Handled {
    call.speaks("Microsoft.KeyVault/locations")?;
    let scope = deleted_id(call.part(1), call.part(5), call.part(7));
    call.permit("Microsoft.KeyVault/locations/deletedVaults/read", &scope)?;
    Ok(Answer::json(200, deleted_view(call, deleted_in_path(call)?)))
}

fn purge(call: &mut Call) -> Handled {
    call.speaks("Microsoft.KeyVault/locations")?;
    let scope = deleted_id(call.part(1), call.part(5), call.part(7));
    call.permit("Microsoft.KeyVault/locations/deletedVaults/purge/action", &scope)?;
    call.unlocked(&scope, false)?;
    let deleted = deleted_in_path(call)?;
    let (name, location) = (deleted.vault.name().to_owned(), deleted.location());
    if deleted.vault.is_purge_protected() {
        return Err(Refusal::purge_protected());
    }
    if deleted.purging {
        return Err(Refusal::purge_runs(&name));
    }
    if let Some(deleted) = call.state.world.deleted_vault_mut(&name) {
        deleted.purging = true;
    }
    let takes = call.takes(call.state.world.durations.purge_millis);
    let id = call.state.begin(Aim::Purge { name }, call.now, takes, Value::Null);
    call.changed = true;
    let polls = operations::of_provider(call, NAMESPACE, &location, &id, (true, false));
    Ok(call.leading(Answer::empty(202), &polls))
}

fn get(call: &Call) -> Handled {
    call.speaks(VAULTS)?;
    let declared = in_path(call, &Value::Null);
    call.permit("Microsoft.KeyVault/vaults/read", &declared.id())?;
    let vault = call.state.world.vault(&declared.name).filter(|vault| vault.resource.has_id(&declared.id()));
    let missing = || Refusal::no_resource(VAULTS, &declared.name, &declared.group);
    Ok(Answer::json(200, view(&call.state.url, vault.ok_or_else(missing)?)))
}

fn in_path(call: &Call, body: &Value) -> Declared {
    Declared {
        subscription: call.part(1).to_owned(),
        group: call.part(3).to_owned(),
        kind: VAULTS.to_owned(),
        name: call.part(7).to_owned(),
        location: body["location"].as_str().map(region),
        tags: body["tags"].clone(),
        sku: Value::Null,
        properties: body["properties"].clone(),
    }
}

fn create(call: &mut Call) -> Handled {
    call.speaks(VAULTS)?;
    let body = call.body()?;
    let declared = in_path(call, &body);
    call.permit("Microsoft.KeyVault/vaults/write", &declared.id())?;
    let existed = call.state.world.vault(&declared.name).is_some();
    put::apply(&mut call.state.world, &declared, call.now)?;
    call.changed = true;
    if let (true, Some(vault)) = (call.stuck, call.state.world.vault_mut(&declared.name)) {
        vault.ready_at = Timestamp::MAX;
    }
    let vault = call.state.world.vault(&declared.name);
    let view = vault.map(|vault| view(&call.state.url, vault)).unwrap_or_default();
    // Key Vault answers 200 to recoveries and updates, 201 to new ones.
    let recovered = body["properties"]["createMode"].as_str().is_some_and(|mode| mode.eq_ignore_ascii_case("recover"));
    Ok(Answer::json(if existed || recovered { 200 } else { 201 }, view))
}

fn delete(call: &mut Call) -> Handled {
    call.speaks(VAULTS)?;
    let declared = in_path(call, &Value::Null);
    call.permit("Microsoft.KeyVault/vaults/delete", &declared.id())?;
    call.unlocked(&declared.id(), true)?;
    if call.state.world.resource(&declared.id()).is_none() {
        return Ok(Answer::empty(204));
    }
    let deleted = call.state.world.soft_delete_vault(&declared.name);
    call.changed = deleted.is_ok();
    Ok(Answer::empty(200))
}

/// Whether a vault may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let last = name.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric());
    (3..=24).contains(&name.len()) && letters && first && last && !name.contains("--")
}

//! Making a resource what somebody declared it to be, with what its provider refuses. Direct requests and deployments
//! come by here alike.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::key_vault::{self, VAULTS};
use crate::mysql::SERVERS;
use crate::refusal::Refusal;
use crate::world::resource::Declared;
use crate::world::server::{Server, ServerState};
use crate::world::vault::Vault;
use crate::world::{VaultConflict, World};

/// Applies a declaration, or says why not.
pub(crate) fn apply(world: &mut World, declared: &Declared, now: Timestamp) -> Result<(), Refusal> {
    let locked = world.locked(&declared.id(), false);
    if !locked.is_empty() {
        return Err(Refusal::scope_locked(&declared.id(), "write", &locked));
    }
    if declared.is(VAULTS) {
        return vault(world, declared, now);
    }
    if declared.is(SERVERS) {
        return server(world, declared);
    }
    if let Some(child) = declared.kind.to_ascii_lowercase().strip_prefix(&format!("{}/", SERVERS.to_ascii_lowercase()))
    {
        ready_parent(world, declared, child)?;
    }
    other(world, declared);
    Ok(())
}

fn vault(world: &mut World, declared: &Declared, now: Timestamp) -> Result<(), Refusal> {
    let name = &declared.name;
    if !key_vault::is_name(name) {
        return Err(Refusal::vault_name(name));
    }
    let mode = declared.properties["createMode"].as_str().unwrap_or("default");
    let recover = mode.eq_ignore_ascii_case("recover");
    let ready_at = clock::later(now, world.durations.vault_ready_millis);
    let tenant = world.subscription(&declared.subscription).map(|known| known.tenant.clone()).unwrap_or_default();

    if let Some(vault) = world.vault_mut(name) {
        if !vault.resource.has_id(&declared.id()) {
            return Err(Refusal::vault_name_taken(name));
        }
        if recover {
            return Err(Refusal::nothing_to_recover());
        }
        if vault.is_purge_protected() && declared.properties["enablePurgeProtection"] == false {
            let message = "The property \"enablePurgeProtection\" cannot be set to false. Enabling the purge \
                           protection for a vault is an irreversible action.";
            return Err(Refusal::new(400, "BadRequest", message));
        }
        vault.resource = declared.applied_to(Some(&vault.resource), Value::Null);
        return Ok(());
    }
    if world.vault_names_taken.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        return Err(Refusal::vault_name_taken(name));
    }
    if let Some(at) = world.deleted_vaults.iter().position(|known| known.vault.name().eq_ignore_ascii_case(name)) {
        let deleted = &world.deleted_vaults[at];
        let former = &deleted.vault.resource;
        if !former.subscription.eq_ignore_ascii_case(&declared.subscription) {
            return Err(Refusal::vault_name_taken(name));
        }
        if !recover {
            return Err(match world.vault_conflict {
                VaultConflict::ConflictError => Refusal::deleted_state(),
                VaultConflict::VaultAlreadyExists => Refusal::deleted_state_as_existing(),
                VaultConflict::FlagMustBeSetForRestore => Refusal::flag_must_be_set(&former.id()),
            });
        }
        if !former.has_id(&declared.id()) || declared.location.as_ref() != Some(&deleted.location()) {
            return Err(Refusal::nothing_to_recover());
        }
        if deleted.purging {
            return Err(Refusal::purge_runs(name));
        }
        let mut vault = world.deleted_vaults.remove(at).vault;
        vault.resource = declared.applied_to(Some(&vault.resource), Value::Null);
        vault.ready_at = ready_at;
        world.vaults.push(vault);
        return Ok(());
    }
    if recover {
        return Err(Refusal::nothing_to_recover());
    }
    let resource = declared.applied_to(None, vault_defaults(&tenant));
    let access = crate::world::vault::DataAccess::default();
    world.vaults.push(Vault { resource, secrets: std::collections::BTreeMap::new(), access, ready_at });
    Ok(())
}

/// What a vault is where its declaration is silent.
pub(crate) fn vault_defaults(tenant: &str) -> Value {
    json!({
        "sku": {"family": "A", "name": "standard"}, "tenantId": tenant, "accessPolicies": [],
        "enabledForDeployment": false, "enableSoftDelete": true, "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
    })
}

fn server(world: &mut World, declared: &Declared) -> Result<(), Refusal> {
    let password = declared.properties["administratorLoginPassword"].as_str().map(str::to_owned);
    if let Some(server) = world.server_mut(&declared.name) {
        if !server.resource.has_id(&declared.id()) {
            let message = format!("Specified server name '{}' is already used.", declared.name);
            return Err(Refusal::new(409, "ServerNameAlreadyExists", message));
        }
        if server.state != ServerState::Ready {
            return Err(Refusal::server_unavailable("UpsertServer", &declared.name, server.state.as_str()));
        }
        server.resource = declared.applied_to(Some(&server.resource), Value::Null);
        server.password = password.or_else(|| server.password.clone());
        return Ok(());
    }
    let resource = declared.applied_to(None, server_defaults());
    world.servers.push(Server { resource, state: ServerState::Ready, start_failures: 0, password });
    Ok(())
}

/// What a server is where its declaration is silent.
pub(crate) fn server_defaults() -> Value {
    json!({
        "version": "8.0.21", "replicationRole": "None", "replicaCapacity": 10,
        "storage": {"storageSizeGB": 20, "iops": 360, "autoGrow": "Enabled"},
        "network": {"publicNetworkAccess": "Enabled"},
        "backup": {"backupRetentionDays": 7, "geoRedundantBackup": "Disabled"},
        "highAvailability": {"mode": "Disabled", "state": "NotEnabled"},
    })
}

fn ready_parent(world: &World, declared: &Declared, child: &str) -> Result<(), Refusal> {
    let parent = declared.parent().unwrap_or_default();
    let server = world.server(parent).filter(|server| server.resource.is_in(&declared.subscription, &declared.group));
    let server = server.ok_or_else(|| Refusal::no_parent(parent))?;
    if server.state == ServerState::Ready {
        return Ok(());
    }
    let operation = match child {
        "databases" => "UpsertDatabase",
        "firewallrules" => "UpsertFirewallRule",
        "configurations" => "UpsertServerParameter",
        _ => "UpsertServerResource",
    };
    Err(Refusal::server_unavailable(operation, parent, server.state.as_str()))
}

fn other(world: &mut World, declared: &Declared) {
    let id = declared.id();
    match world.resources.iter_mut().find(|resource| resource.has_id(&id)) {
        Some(resource) => *resource = declared.applied_to(Some(resource), Value::Null),
        None => world.resources.push(declared.applied_to(None, json!({}))),
    }
}

/// Deletes a resource as a deployment in complete mode does: a vault softly, a server with all that is in it.
pub(crate) fn delete(world: &mut World, id: &str) -> Result<(), Refusal> {
    let locked = world.locked(id, true);
    if !locked.is_empty() {
        return Err(Refusal::scope_locked(id, "delete", &locked));
    }
    let vault = world.vaults.iter().find(|vault| vault.resource.has_id(id)).map(|vault| vault.name().to_owned());
    if let Some(name) = vault {
        // It was just found.
        drop(world.soft_delete_vault(&name));
    }
    let below = format!("{}/", id.to_ascii_lowercase());
    world.servers.retain(|server| !server.resource.has_id(id));
    world.resources.retain(|known| !known.has_id(id) && !known.id().to_ascii_lowercase().starts_with(&below));
    Ok(())
}

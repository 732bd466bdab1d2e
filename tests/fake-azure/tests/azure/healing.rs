//! What a repair relies on: purges free names, recoveries bring secrets back, started servers take what they refused.

use crate::client::{Client, MYSQL, RESOURCES, VAULTS};
use repair_fake_azure::{Durations, FakeAzure, Grant, Progress, ServerState, World, shop};
use serde_json::{Value, json};

/// Long operations end when a test wants it.
fn started(mut world: World) -> FakeAzure {
    world.durations = Durations::HOURS;
    let azure = FakeAzure::start(world).expect("a port is free");
    azure.quirks(|quirks| quirks.retry_after_seconds = Some(0));
    azure
}

fn without_vault() -> World {
    let mut world = World::shop();
    world.soft_delete_vault(shop::VAULT).expect("the shop has a vault");
    world
}

fn purge_path() -> String {
    let (location, vault) = (shop::LOCATION, shop::VAULT);
    Client::in_subscription(&format!("/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}/purge"))
}

/// The innermost error of a deployment, through all its strings.
fn innermost(error: &Value) -> Value {
    match error["details"].get(0) {
        Some(detail) => match serde_json::from_str::<Value>(detail["message"].as_str().unwrap_or_default()) {
            Ok(packed) => innermost(&packed["error"]),
            Err(_) => innermost(detail),
        },
        None => error.clone(),
    }
}

#[test]
fn a_purge_frees_the_name_that_a_deleted_vault_held() {
    let azure = started(without_vault());
    let client = Client::of(&azure);
    let failed = client.deploy("again", &shop::deployment_body());
    assert_eq!(failed["properties"]["provisioningState"], "Failed", "{failed:#}");
    assert_eq!(failed["properties"]["error"]["code"], "DeploymentFailed");
    assert_eq!(failed["properties"]["error"]["details"][0]["code"], "Conflict");
    assert_eq!(innermost(&failed["properties"]["error"])["code"], "ConflictError");

    let listed = client.get(&Client::in_subscription("/providers/Microsoft.KeyVault/deletedVaults"), VAULTS);
    assert_eq!(listed.json["value"][0]["name"], shop::VAULT);
    let begun = client.post(&purge_path(), VAULTS);
    assert_eq!(begun.status, 202);
    let location = begun.header("location").expect("a purge can be asked after").to_owned();
    assert_eq!(client.follow(&location).status, 202);
    azure.fast_forward();
    let done = client.follow(&location);
    assert_eq!((done.status, &done.json["status"]), (200, &json!("Succeeded")));
    let listed = client.get(&Client::in_subscription("/providers/Microsoft.KeyVault/deletedVaults"), VAULTS);
    assert_eq!(listed.json["value"], json!([]));

    let healed = client.deploy("again", &shop::deployment_body());
    assert_eq!(healed["properties"]["provisioningState"], "Succeeded", "{healed:#}");
    let uri = healed["properties"]["outputs"]["vaultUri"]["value"].as_str().expect("an output").to_owned();
    assert!(uri.starts_with(&azure.url()), "{uri}");
    assert!(azure.world(|world| world.vault(shop::VAULT).is_some_and(|vault| vault.secrets.is_empty())));
    let methods: Vec<_> = azure.mutations().iter().map(|entry| entry.method.clone()).collect();
    assert_eq!(methods, ["PUT", "POST", "PUT"], "two deployments and a purge");
    assert!(azure.unexpected().is_empty());
}

#[test]
fn a_recovery_brings_the_secrets_back() {
    let azure = started(without_vault());
    let client = Client::of(&azure);
    let path = Client::in_group(&format!("Microsoft.KeyVault/vaults/{}", shop::VAULT));
    let sku = json!({"family": "A", "name": "standard"});
    let mut body = json!({"location": "westeurope", "properties": {"tenantId": shop::TENANT, "sku": sku}});
    assert_eq!(client.send("PUT", &path, VAULTS, &body).code(), "ConflictError");
    body["properties"]["createMode"] = json!("recover");
    let recovered = client.send("PUT", &path, VAULTS, &body);
    assert_eq!(
        (recovered.status, recovered.json["properties"]["provisioningState"].as_str()),
        (200, Some("RegisteringDns"))
    );
    azure.fast_forward();
    assert_eq!(client.get(&path, VAULTS).json["properties"]["provisioningState"], "Succeeded");
    azure.world(|world| {
        assert!(world.deleted_vault(shop::VAULT).is_none());
        assert_eq!(world.vault(shop::VAULT).expect("it lives").secrets[shop::SECRET], shop::PASSWORD);
    });
    let again = client.send("PUT", &path, VAULTS, &body);
    assert_eq!(again.code(), "SoftDeletedVaultDoesNotExist", "a template must not keep asking for a recovery");
}

#[test]
fn a_started_server_takes_what_it_refused_while_it_was_stopped() {
    let mut world = World::shop();
    world.set_server_state(shop::SERVER, ServerState::Stopped).expect("the shop has a server");
    let azure = started(world);
    let client = Client::of(&azure);
    let failed = client.deploy("shop", &shop::deployment_body());
    let cause = innermost(&failed["properties"]["error"]);
    assert_eq!(cause["code"], "ServerUnavailableForOperation");
    assert!(
        cause["message"].as_str().is_some_and(|text| text.ends_with("is currently in state 'Stopped'.")),
        "{cause}"
    );

    let server = Client::in_group(&format!("Microsoft.DBforMySQL/flexibleServers/{}", shop::SERVER));
    let begun = client.post(&format!("{server}/start"), MYSQL);
    assert_eq!((begun.status, begun.json["operation"].as_str()), (202, Some("StartServerManagementOperation")));
    assert!(begun.header("location").is_some());
    assert_eq!(client.get(&server, MYSQL).json["properties"]["state"], "Starting");
    assert_eq!(client.post(&format!("{server}/start"), MYSQL).code(), "ServerIsBusy");
    let status = begun.header("azure-asyncoperation").expect("a start can be asked after").to_owned();
    assert_eq!(client.follow(&status).json["status"], "InProgress");
    azure.fast_forward();
    assert_eq!(client.follow(&status).json["status"], "Succeeded");
    assert_eq!(client.get(&server, MYSQL).json["properties"]["state"], "Ready");
    assert_eq!(client.post(&format!("{server}/start"), MYSQL).code(), "ServerIsNotStopped");

    let healed = client.deploy("shop", &shop::deployment_body());
    assert_eq!(healed["properties"]["provisioningState"], "Succeeded", "{healed:#}");
    azure.world(|world| {
        let id = Client::in_group(&format!("Microsoft.DBforMySQL/flexibleServers/{}/databases/shop", shop::SERVER));
        assert!(world.resource(&id).is_some());
    });
}

#[test]
fn a_start_can_fail_in_the_middle_and_work_the_next_time() {
    let mut world = World::shop();
    let server = world.server_mut(shop::SERVER).expect("the shop has a server");
    (server.state, server.start_failures) = (ServerState::Stopped, 1);
    let azure = started(world);
    let client = Client::of(&azure);
    let server = Client::in_group(&format!("Microsoft.DBforMySQL/flexibleServers/{}", shop::SERVER));
    for (status, state) in [("Failed", "Stopped"), ("Succeeded", "Ready")] {
        let begun = client.post(&format!("{server}/start"), MYSQL);
        let poll = begun.header("azure-asyncoperation").expect("a start can be asked after").to_owned();
        azure.fast_forward();
        let done = client.follow(&poll);
        assert_eq!(done.json["status"], status);
        assert_eq!(client.get(&server, MYSQL).json["properties"]["state"], state);
        if status == "Failed" {
            assert_eq!(done.json["error"]["code"], "ResourceOperationFailure");
            assert_eq!(done.json["error"]["details"][0]["code"], "InternalServerError");
        }
    }
}

#[test]
fn a_redeployment_of_the_healthy_shop_would_change_nothing() {
    let azure = started(World::shop());
    let client = Client::of(&azure);
    let path = Client::in_group("Microsoft.Resources/deployments/shop/whatIf");
    let begun = client.send("POST", &path, RESOURCES, &shop::deployment_body());
    assert_eq!((begun.status, begun.text.as_str()), (202, ""));
    let location = begun.header("location").expect("a what-if can be asked after").to_owned();
    let running = client.follow(&location);
    assert_eq!((running.status, running.text.as_str()), (202, ""));
    azure.fast_forward();
    let done = client.follow(&location);
    assert_eq!(done.json["status"], "Succeeded");
    let changes = done.json["properties"]["changes"].as_array().expect("changes").clone();
    assert_eq!(changes.len(), 7);
    for change in changes {
        assert_eq!(change["changeType"], "NoChange", "{change:#}");
    }
    assert!(azure.mutations().is_empty(), "a what-if changes nothing");
}

#[test]
fn purge_protection_and_missing_rights_keep_a_vault_from_being_purged() {
    let mut world = without_vault();
    world.identities[0].grants =
        vec![Grant::key_vault_contributor("/"), Grant::new("/", &["Microsoft.Resources/*"], &[])];
    let azure = started(world);
    let client = Client::of(&azure);
    let refused = client.post(&purge_path(), VAULTS);
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    assert!(refused.message().contains(&format!(
        "The client '{}' with object id '{}' does not have authorization to perform action \
         'Microsoft.KeyVault/locations/deletedVaults/purge/action' over scope '{}'",
        shop::CLIENT_ID,
        shop::OBJECT_ID,
        purge_path().trim_end_matches("/purge")
    )));
    azure.world(|world| {
        world.identities[0].grants = vec![Grant::contributor("/")];
        let deleted = world.deleted_vault_mut(shop::VAULT).expect("it is deleted");
        deleted.vault.resource.properties["enablePurgeProtection"] = json!(true);
    });
    let refused = client.post(&purge_path(), VAULTS);
    assert_eq!((refused.status, refused.code()), (405, "MethodNotAllowed"));
    assert!(refused.message().contains("'DeletedVaultPurge' is not allowed"));
    assert!(azure.mutations().is_empty());
    assert!(azure.world(|world| world.deleted_vault(shop::VAULT).is_some()));
}

#[test]
fn complete_mode_deletes_what_the_template_does_not_name() {
    let azure = started(World::shop());
    let client = Client::of(&azure);
    let mut body = shop::deployment_body();
    let resources = body["properties"]["template"]["resources"].as_array_mut().expect("resources");
    resources.retain(|resource| resource["type"] == "Microsoft.KeyVault/vaults");
    body["properties"]["mode"] = json!("Complete");
    body["properties"]["template"]["outputs"] = json!({});
    let deployed = client.deploy("complete", &body);
    assert_eq!(deployed["properties"]["provisioningState"], "Succeeded", "{deployed:#}");
    assert!(azure.world(|world| world.servers.is_empty() && world.resources.is_empty() && world.vaults.len() == 1));
}

#[test]
fn what_happened_before_a_test_needs_no_request() {
    let azure = started(without_vault());
    let deployed = azure.deploy("shop", &shop::template(), &shop::parameters()).expect("it can begin");
    assert_eq!(deployed.progress, Progress::Failed);
    assert!(azure.ledger().is_empty());
    let shown = Client::of(&azure).get(&Client::in_group("Microsoft.Resources/deployments/shop"), RESOURCES);
    assert_eq!(innermost(&shown.json["properties"]["error"])["code"], "ConflictError");
}

#[test]
fn a_template_that_asks_for_recovery_recovers_once() {
    let azure = started(without_vault());
    let client = Client::of(&azure);
    let mut body = shop::deployment_body();
    body["properties"]["template"]["resources"][0]["properties"]["createMode"] = json!("recover");
    let healed = client.deploy("shop", &body);
    assert_eq!(healed["properties"]["provisioningState"], "Succeeded", "{healed:#}");
    assert!(
        azure.world(|world| world.vault(shop::VAULT).is_some_and(|vault| vault.secrets.contains_key(shop::SECRET)))
    );
    let again = client.deploy("shop", &body);
    assert_eq!(innermost(&again["properties"]["error"])["code"], "SoftDeletedVaultDoesNotExist");
    let exported = client.post(&Client::in_group("Microsoft.Resources/deployments/shop/exportTemplate"), RESOURCES);
    assert_eq!(exported.json["template"], body["properties"]["template"]);
}

#[test]
fn a_recovery_goes_to_where_the_vault_was() {
    let mut world = World::bare();
    world.add_deleted_vault(shop::SUBSCRIPTION, "rg-former", "kv-a", shop::LOCATION);
    world.add_deleted_vault(shop::SUBSCRIPTION, shop::GROUP, "kv-b", "northeurope");
    world.add_deleted_vault("11111111-0000-4000-8000-000000000000", shop::GROUP, "kv-c", shop::LOCATION);
    let azure = started(world);
    let client = Client::of(&azure);
    let put = |name: &str, mode: &str| {
        let body = json!({"location": shop::LOCATION, "properties": {"createMode": mode}});
        let path = Client::in_group(&format!("Microsoft.KeyVault/vaults/{name}"));
        client.send("PUT", &path, VAULTS, &body).code().to_owned()
    };
    for (name, plain) in [("kv-a", "ConflictError"), ("kv-b", "ConflictError"), ("kv-c", "VaultAlreadyExists")] {
        assert_eq!(put(name, "default"), plain, "{name}");
        let recovered = if name == "kv-c" { "VaultAlreadyExists" } else { "SoftDeletedVaultDoesNotExist" };
        assert_eq!(put(name, "recover"), recovered, "{name}");
    }
    let listed = client.get(&Client::in_subscription("/providers/Microsoft.KeyVault/deletedVaults"), VAULTS);
    assert_eq!(listed.json["value"].as_array().map(Vec::len), Some(2), "that of the other subscription is not shown");
}

#[test]
fn a_parameter_can_be_a_secret_of_a_vault() {
    let azure = started(World::shop());
    let client = Client::of(&azure);
    let id = azure.world(|world| world.vault(shop::VAULT).expect("a vault").resource.id());
    let mut body = shop::deployment_body();
    body["properties"]["parameters"]["administratorLoginPassword"] =
        json!({"reference": {"keyVault": {"id": id}, "secretName": shop::SECRET}});
    azure.world(|world| world.server_mut(shop::SERVER).expect("a server").password = None);
    let deployed = client.deploy("shop", &body);
    assert_eq!(deployed["properties"]["parameters"]["administratorLoginPassword"], json!({"type": "SecureString"}));
    let password = azure.world(|world| world.server(shop::SERVER).expect("a server").password.clone());
    assert_eq!(password.as_deref(), Some(shop::PASSWORD));
    azure.world(|world| world.soft_delete_vault(shop::VAULT)).expect("a vault");
    let path = Client::in_group("Microsoft.Resources/deployments/shop");
    assert_eq!(client.send("PUT", &path, RESOURCES, &body).code(), "KeyVaultParameterReferenceNotFound");
}

//! What Azure refuses, the fake refuses in the same words.

use crate::client::{Client, MYSQL, RESOURCES, VAULTS, exchange, request};
use repair_fake_azure::{
    DataAccess, Durations, FakeAzure, Grant, Lock, LockLevel, Registration, ScriptedFailure, Subscription,
    SubscriptionState, VAULT_AUDIENCE, VaultConflict, World, shop,
};
use serde_json::{Value, json};

fn shop() -> FakeAzure {
    FakeAzure::start(World { durations: Durations::HOURS, ..World::shop() }).expect("a port is free")
}

fn deployment(name: &str) -> String {
    Client::in_group(&format!("Microsoft.Resources/deployments/{name}"))
}

#[test]
fn versions_that_do_not_exist_are_refused_and_so_are_requests_without_one() {
    let azure = shop();
    let client = Client::of(&azure);
    let vault = Client::in_group(&format!("Microsoft.KeyVault/vaults/{}", shop::VAULT));
    let deleted = Client::in_subscription("/providers/Microsoft.KeyVault/deletedVaults");
    for (path, version, status, code) in [
        (deployment("shop"), "2099-01-01", 400, "InvalidApiVersionParameter"),
        (deployment("shop"), "", 400, "MissingApiVersionParameter"),
        ("/subscriptions".to_owned(), "2099-01-01", 400, "InvalidApiVersionParameter"),
        (vault, "2099-01-01", 400, "NoRegisteredProviderFound"),
        (deleted, "2099-01-01", 404, "InvalidResourceType"),
        (Client::in_group("Microsoft.KeyVault/cupboards/a"), VAULTS, 404, "InvalidResourceType"),
        (Client::in_group("Microsoft.Nothing/things/a"), VAULTS, 404, "InvalidResourceNamespace"),
    ] {
        let refused = client.get(&path, version);
        assert_eq!((refused.status, refused.code()), (status, code), "{path} {version}");
    }
}

#[test]
fn what_is_not_there_is_not_found_by_the_right_name() {
    let azure = shop();
    let client = Client::of(&azure);
    let elsewhere = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/rg-shop";
    let missing_group = Client::in_subscription("/resourceGroups/rg-none");
    for (path, version, code) in [
        (elsewhere.to_owned(), RESOURCES, "SubscriptionNotFound"),
        (missing_group.clone(), RESOURCES, "ResourceGroupNotFound"),
        (format!("{missing_group}/providers/Microsoft.Resources/deployments"), RESOURCES, "ResourceGroupNotFound"),
        (deployment("none"), RESOURCES, "DeploymentNotFound"),
        (Client::in_group("Microsoft.KeyVault/vaults/kv-none"), VAULTS, "ResourceNotFound"),
        (Client::in_group("Microsoft.DBforMySQL/flexibleServers/none"), MYSQL, "ResourceNotFound"),
        (
            Client::in_subscription("/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-none"),
            VAULTS,
            "DeletedVaultNotFound",
        ),
    ] {
        let refused = client.get(&path, version);
        assert_eq!((refused.status, refused.code()), (404, code), "{path}");
    }
    assert!(azure.unexpected().is_empty(), "all of these are sensible questions");
    assert_eq!(client.get("/subscriptions/x/y/z", RESOURCES).status, 404);
    assert_eq!(client.get(&Client::in_subscription("/somewhere"), RESOURCES).status, 404);
    assert_eq!(azure.unexpected().len(), 1, "the fake says what nobody planned");
}

#[test]
fn paths_do_not_depend_on_case_and_heads_have_no_body() {
    let azure = shop();
    let client = Client::of(&azure);
    let path = deployment("shop").to_uppercase().replace("/SUBSCRIPTIONS", "/SubScriptions");
    let found = client.get(&path, RESOURCES);
    assert_eq!((found.status, found.json["name"].as_str()), (200, Some("shop")));
    for (path, status) in [(deployment("shop"), 204), (deployment("none"), 404)] {
        let headers = format!("Authorization: Bearer {}\r\n", client.token);
        let reply = exchange(&azure.url(), &request("HEAD", &format!("{path}?api-version={RESOURCES}"), &headers, ""));
        let reply = reply.expect("an answer");
        assert_eq!((reply.status, reply.text.as_str()), (status, ""));
    }
}

#[test]
fn the_body_of_a_change_has_to_be_json_with_a_length() {
    let azure = shop();
    let client = Client::of(&azure);
    let path = format!("{}?api-version={RESOURCES}", deployment("x"));
    let authorization = format!("Authorization: Bearer {}\r\n", client.token);
    let ask = |headers: &str, body: &str| {
        exchange(&azure.url(), &request("PUT", &path, &format!("{authorization}{headers}"), body)).expect("an answer")
    };
    assert_eq!(ask("Content-Type: text/plain\r\n", "{}").code(), "UnsupportedMediaType");
    assert_eq!(ask("Content-Type: application/json; charset=utf-8\r\n", "{").code(), "InvalidRequestContent");
    assert_eq!(ask("Content-Type: application/json\r\n", "{}").code(), "InvalidRequestContent");
    let bare = format!("POST {path} HTTP/1.1\r\nHost: here\r\n{authorization}Connection: close\r\n\r\n");
    assert_eq!(exchange(&azure.url(), &bare).expect("an answer").status, 411);
    assert!(azure.mutations().is_empty());
}

#[test]
fn templates_and_parameters_are_checked_before_anything_runs() {
    let azure = shop();
    let client = Client::of(&azure);
    let refused = |change: fn(&mut Value), words: &str| {
        let mut body = shop::deployment_body();
        change(&mut body["properties"]);
        for way in ["PUT", "POST"] {
            let path = if way == "PUT" { deployment("bad") } else { format!("{}/validate", deployment("bad")) };
            let refused = client.send(way, &path, RESOURCES, &body);
            assert_eq!((refused.status, refused.code()), (400, "InvalidTemplate"), "{refused:?}");
            assert!(refused.message().contains(words), "{}", refused.message());
        }
    };
    refused(|p| p["parameters"]["extra"] = json!({"value": 1}), "do not correspond to any parameters defined");
    refused(|p| p["parameters"]["vaultName"] = json!({}), "The value for the template parameter 'vaultName'");
    refused(|p| p["parameters"]["vaultName"]["value"] = json!(7), "Expected 'string'. Actual 'Integer'");
    refused(|p| p["template"]["resources"][0]["name"] = json!("[nothing('x')]"), "function 'nothing' is not valid");
    refused(|p| p["template"]["resources"][0]["name"] = json!("[concat('x']"), "is not valid");
    refused(|p| p["template"]["resources"][2]["name"] = json!("short"), "incorrect segment lengths");
    refused(
        |p| p["template"]["resources"][2]["dependsOn"] = json!(["ghost"]),
        "'ghost' is not defined in the template",
    );
    refused(|p| drop(p["template"].as_object_mut().expect("an object").remove("$schema")), "'$schema'");
    for name in ["a b", &"x".repeat(65)] {
        let path = deployment(&name.replace(' ', "%20"));
        assert_eq!(client.send("PUT", &path, RESOURCES, &shop::deployment_body()).code(), "InvalidDeploymentName");
    }
    assert!(azure.mutations().is_empty());
}

#[test]
fn one_name_runs_once_at_a_time() {
    let azure = shop();
    let client = Client::of(&azure);
    assert_eq!(client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body()).status, 200);
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (409, "DeploymentActive"));
    assert!(refused.message().contains("'shop': previous deployment from '"), "{}", refused.message());
    assert_eq!(client.get(&deployment("shop"), RESOURCES).json["properties"]["provisioningState"], "Running");
    assert_eq!(client.post(&format!("{}/cancel", deployment("shop")), RESOURCES).status, 204);
    let canceled = client.get(&deployment("shop"), RESOURCES);
    assert_eq!(canceled.json["properties"]["provisioningState"], "Canceled");
    let refused = client.post(&format!("{}/cancel", deployment("shop")), RESOURCES);
    assert_eq!(refused.code(), "DeploymentCannotBeCancelled");
}

#[test]
fn scripted_failures_come_when_they_were_told_to() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.world(|world| {
        world.failures.push(ScriptedFailure::quota("flexibleServers/mysql-shop-7f3a"));
        world.failures.push(ScriptedFailure::internal_error("firewallRules"));
    });
    let seen = client.send("POST", &format!("{}/validate", deployment("shop")), RESOURCES, &shop::deployment_body());
    assert_eq!(seen.code(), "InvalidTemplateDeployment", "a validation sees it and does not use it up");
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (400, "InvalidTemplateDeployment"));
    assert_eq!(refused.json["error"]["details"][0]["code"], "QuotaExceeded");
    let failed = client.deploy("shop", &shop::deployment_body());
    let detail = failed["properties"]["error"]["details"][0].clone();
    assert_eq!(detail["code"], "InternalServerError", "{failed:#}");
    let healed = client.deploy("shop", &shop::deployment_body());
    assert_eq!(healed["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn a_provider_has_to_be_registered_and_can_be() {
    let mut world = World::shop();
    world.set_registration("Microsoft.DBforMySQL", Registration::NotRegistered);
    let azure = FakeAzure::start(world).expect("a port is free");
    let client = Client::of(&azure);
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (409, "MissingSubscriptionRegistration"));
    let path = Client::in_subscription("/providers/Microsoft.DBforMySQL");
    assert_eq!(client.get(&path, RESOURCES).json["registrationState"], "NotRegistered");
    assert_eq!(client.post(&format!("{path}/register"), RESOURCES).json["registrationState"], "Registering");
    client.until(&format!("{path}?api-version={RESOURCES}"), |reply| reply.json["registrationState"] == "Registered");
    assert_eq!(client.deploy("shop", &shop::deployment_body())["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn locks_forbid_what_they_say() {
    let azure = shop();
    let client = Client::of(&azure);
    let group = Client::in_subscription(&format!("/resourceGroups/{}", shop::GROUP));
    let vault = Client::in_group(&format!("Microsoft.KeyVault/vaults/{}", shop::VAULT));
    let lock = |scope: &str, level| Lock { scope: scope.to_owned(), name: "keep".to_owned(), level };
    azure.world(|world| world.locks = vec![lock(&vault, LockLevel::ReadOnly)]);
    let failed = client.deploy("locked", &shop::deployment_body());
    let text = failed["properties"]["error"]["details"][0]["message"].as_str().expect("a message").to_owned();
    assert!(text.contains("ScopeLocked"), "{text}");
    azure.world(|world| world.locks = vec![lock(&group, LockLevel::ReadOnly)]);
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (409, "ScopeLocked"));
    let listed = client.get(&format!("{group}/providers/Microsoft.Authorization/locks"), "2016-09-01");
    assert_eq!(listed.json["value"][0]["properties"]["level"], "ReadOnly");
    azure.world(|world| world.locks = vec![lock(&group, LockLevel::CanNotDelete)]);
    assert_eq!(client.send("DELETE", &vault, VAULTS, &Value::Null).code(), "ScopeLocked");
}

#[test]
fn permissions_are_told_and_kept() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.world(|world| world.identities[0].grants = vec![Grant::reader("/")]);
    let told = client.get(&Client::in_group("Microsoft.Authorization/permissions"), "2018-07-01");
    assert_eq!(told.json["value"][0]["actions"], json!(["*/read"]));
    assert_eq!(client.get(&deployment("shop"), RESOURCES).status, 200);
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    azure.world(|world| {
        world.identities[0].grants.push(Grant::new("/", &["Microsoft.Resources/deployments/*"], &[]));
    });
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (403, "InvalidTemplateDeployment"));
    assert!(refused.message().contains("does not have permission to perform action 'Microsoft.KeyVault/vaults/write'"));
}

#[test]
fn subscriptions_of_another_tenant_or_out_of_use_are_refused() {
    let mut world = World::shop();
    let foreign = "aaaaaaaa-0000-4000-8000-000000000000";
    world.subscriptions.push(Subscription {
        id: foreign.to_owned(),
        name: "Foreign".to_owned(),
        state: SubscriptionState::Enabled,
        tenant: "bbbbbbbb-0000-4000-8000-000000000000".to_owned(),
    });
    let azure = FakeAzure::start(world).expect("a port is free");
    let client = Client::of(&azure);
    let listed = client.get("/subscriptions", "2020-01-01");
    assert_eq!(listed.json["value"].as_array().map(Vec::len), Some(1), "only those of one's own tenant");
    let refused = client.get(&format!("/subscriptions/{foreign}"), "2020-01-01");
    assert_eq!((refused.status, refused.code()), (401, "InvalidAuthenticationTokenTenant"));
    azure.world(|world| world.subscriptions[0].state = SubscriptionState::Disabled);
    let refused = client.send("PUT", &deployment("shop"), RESOURCES, &shop::deployment_body());
    assert_eq!((refused.status, refused.code()), (409, "ReadOnlyDisabledSubscription"));
    assert_eq!(client.get(&deployment("shop"), RESOURCES).status, 200);
}

#[test]
fn a_name_that_is_held_is_refused_in_each_of_the_known_wordings() {
    let mut world = World::shop();
    world.soft_delete_vault(shop::VAULT).expect("the shop has a vault");
    world.vault_names_taken.insert("kv-others".to_owned());
    let azure = FakeAzure::start(world).expect("a port is free");
    let client = Client::of(&azure);
    let body = json!({"location": "westeurope", "properties": {}});
    let put =
        |name: &str| client.send("PUT", &Client::in_group(&format!("Microsoft.KeyVault/vaults/{name}")), VAULTS, &body);
    for (wording, code, words) in [
        (VaultConflict::ConflictError, "ConflictError", "already exists in deleted state"),
        (VaultConflict::VaultAlreadyExists, "VaultAlreadyExists", "already exists in deleted state"),
        (VaultConflict::FlagMustBeSetForRestore, "FlagMustBeSetForRestore", "has been soft-deleted"),
    ] {
        azure.world(|world| world.vault_conflict = wording);
        let refused = put(shop::VAULT);
        assert_eq!((refused.status, refused.code()), (409, code));
        assert!(refused.message().contains(words), "{}", refused.message());
    }
    let refused = put("kv-others");
    assert_eq!(refused.code(), "VaultAlreadyExists");
    assert!(refused.message().contains("is already in use"));
    assert_eq!(put("7-bad--name").code(), "VaultNameNotValid");
    let check = Client::in_subscription("/providers/Microsoft.KeyVault/checkNameAvailability");
    for (name, available) in [("kv-others", false), (shop::VAULT, false), ("kv-free", true), ("x", false)] {
        let body = json!({"name": name, "type": "Microsoft.KeyVault/vaults"});
        assert_eq!(client.send("POST", &check, VAULTS, &body).json["nameAvailable"], available, "{name}");
    }
    assert!(azure.mutations().is_empty(), "asking after a name is no change");
}

#[test]
fn secrets_are_read_with_a_token_for_vaults_by_who_may() {
    let azure = shop();
    let base = format!("/vaults-data/{}", shop::VAULT);
    let ask = |token: Option<&str>, path: &str| {
        let headers = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        exchange(&azure.url(), &request("GET", &format!("{base}{path}?api-version=7.4"), &headers, ""))
            .expect("an answer")
    };
    let challenged = ask(None, "/secrets");
    assert_eq!((challenged.status, challenged.code()), (401, "Unauthorized"));
    let challenge = challenged.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("resource=\"https://vault.azure.net\""), "{challenge}");
    let for_arm = Client::of(&azure).token;
    assert_eq!(ask(Some(&for_arm), "/secrets").status, 401, "a token for ARM is none for a vault");
    let token = azure.token(VAULT_AUDIENCE).expect("there is an identity");
    let listed = ask(Some(&token), "/secrets");
    let id = listed.json["value"][0]["id"].as_str().expect("an id");
    assert!(id.ends_with(shop::SECRET) && !listed.text.contains(shop::PASSWORD), "{listed:?}");
    assert_eq!(ask(Some(&token), &format!("/secrets/{}", shop::SECRET)).json["value"], shop::PASSWORD);
    assert_eq!(ask(Some(&token), "/secrets/none").code(), "SecretNotFound");
    for (access, inner) in
        [(DataAccess::ForbiddenByRbac, "ForbiddenByRbac"), (DataAccess::ForbiddenByFirewall, "ForbiddenByFirewall")]
    {
        azure.world(|world| world.vault_mut(shop::VAULT).expect("a vault").access = access);
        let refused = ask(Some(&token), "/secrets");
        assert_eq!((refused.status, refused.json["error"]["innererror"]["code"].as_str()), (403, Some(inner)));
    }
    let for_vaults = Client { azure: &azure, token };
    assert_eq!(for_vaults.get("/subscriptions", "2020-01-01").code(), "InvalidAuthenticationTokenAudience");
}

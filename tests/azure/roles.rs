//! The ready-made roles of `docs/roles`: each lets `repair` do what it is for, and purging is in a role of its own.

use repair_fake_azure::{Grant, World, shop};
use serde_json::Value;

use crate::azure_scenario::{FILES, GROUP, Shop};

/// The right that Key Vault Contributor has not, and that only one role gives.
const PURGE: &str = "Microsoft.KeyVault/locations/deletedVaults/purge/action";

/// A role's definition.
fn role(name: &str) -> Value {
    let path = format!("{}/docs/roles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn actions(role: &Value) -> Vec<String> {
    let actions = role["Actions"].as_array().expect("actions");
    actions.iter().map(|action| action.as_str().expect("a text").to_owned()).collect()
}

/// The login has these roles and nothing else, each where its definition says.
fn only(world: &mut World, roles: &[&str]) {
    let grants = roles.iter().map(|name| {
        let role = role(name);
        let scope = role["AssignableScopes"][0].as_str().expect("a scope");
        let scope = scope.replace("SUBSCRIPTION", shop::SUBSCRIPTION).replace("GROUP", shop::GROUP);
        let actions = actions(&role);
        Grant::new(&scope, &actions.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    });
    let identity = world.identities.iter_mut().find(|one| one.client_id == shop::CLIENT_ID).expect("the login");
    identity.grants = grants.collect();
}

/// Requests that Azure refused for want of a right.
fn refused(shop: &Shop) -> Vec<String> {
    let ledger = shop.azure.ledger();
    let refused = ledger.iter().filter(|request| request.status == 403);
    refused.map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[test]
fn purging_is_in_a_role_of_its_own() {
    for name in ["repair-reader", "repair-deployer", "repair-provider-registrar"] {
        let all = actions(&role(name));
        let purges = all.iter().any(|action| action.to_lowercase().contains("purge") || action.contains("KeyVault/*"));
        assert!(!purges && !all.iter().any(|action| action == "*"), "{name}: {all:?}");
    }
    assert_eq!(actions(&role("repair-vault-purger")), [PURGE]);
    let reads = |action: &String| {
        let looks = ["/read", "/whatIf/action", "/exportTemplate/action"];
        looks.iter().any(|end| action.ends_with(end))
    };
    let reader = actions(&role("repair-reader"));
    assert!(reader.iter().all(reads), "the reader changes nothing: {reader:?}");
}

#[test]
fn the_reader_is_enough_to_look() {
    let shop = Shop::deleted_and_stopped();
    shop.azure.world(|world| only(world, &["repair-reader"]));
    let looked = shop.repair(&GROUP);
    assert_eq!(looked.code, Some(3), "{looked}");
    assert_eq!(refused(&shop), [""; 0]);
}

#[test]
fn reader_and_deployer_heal_what_nothing_is_lost_for() {
    let shop = Shop::deleted_and_stopped();
    shop.azure.world(|world| only(world, &["repair-reader", "repair-deployer"]));
    let plan = |args: &[&str]| shop.document(4, args)["plan"]["digest"].as_str().expect("a plan").to_owned();
    let first = plan(&[&["plan"][..], &GROUP, &FILES].concat());
    shop.document(0, &["approve", &first]);
    let second = plan(&["apply", &first]);
    shop.document(0, &["approve", &second]);
    assert_eq!(shop.document(0, &["apply", &second])["result"], "healed");
    assert_eq!(refused(&shop), [""; 0]);
}

#[test]
fn without_the_purger_a_purge_is_not_even_proposed() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", "[tools.keyvault-soft-deleted]\nprefer = \"purge\"\n");
    shop.azure.world(|world| only(world, &["repair-reader", "repair-deployer"]));
    let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
    assert!(report.to_string().contains(PURGE), "{report:#}");
    shop.azure.world(|world| only(world, &["repair-reader", "repair-deployer", "repair-vault-purger"]));
    let report = shop.document(4, &[&["plan"][..], &GROUP, &FILES].concat());
    assert_eq!(report["plan"]["steps"][0]["risk"], "irreversible", "{report:#}");
    assert_eq!(refused(&shop), [""; 0]);
    shop.untouched();
}

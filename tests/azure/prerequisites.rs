//! What has to be there before Azure takes a deployment: providers are registered, and everything else is explained with
//! numbers. The deployment is refused before it begins, so what `az` prints is all that there is to go by.

use repair_fake_azure::{Lock, LockLevel, Registration, ScriptedFailure, SubscriptionState, World, shop};
use serde_json::Value;

use crate::azure_scenario::{GROUP, Shop, says, text};

/// `az deployment group create`, as a person types it.
const CREATE: [&str; 12] = [
    "--",
    "az",
    "deployment",
    "group",
    "create",
    "--resource-group",
    shop::GROUP,
    "--name",
    "shop",
    "--template-file",
    "main.json",
    "--parameters",
];

/// What a person types, after `repair` and these options.
fn wrapped<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [options, &CREATE, &["@main.parameters.json"]].concat()
}

/// The shop with an `az` that fails as the real one does, with the words in which Azure refuses the deployment.
fn refused(broken: impl FnOnce(&mut World)) -> Shop {
    let shop = Shop::new(broken);
    let error = shop.somebody_deploys(shop::DEPLOYMENT);
    assert!(error.contains("\"error\""), "it is taken: {error}");
    shop.write("error.json", &format!("ERROR: {error}\n"));
    shop.program("az", "#!/bin/sh\ncat error.json >&2\nexit 1\n");
    shop
}

/// That the failure is explained with these words, and nothing is asked for.
#[track_caller]
fn explained(shop: &Shop, class: &str, words: &[&str]) {
    let report = shop.document(3, &wrapped(&["--self-heal=preview", "--yes"]));
    assert_eq!(report["findings"][0]["class"], class, "{report:#}");
    says(&report.to_string(), words);
    shop.untouched();
}

fn unregistered() -> Shop {
    let shop = refused(|world| world.set_registration("Microsoft.ContainerInstance", Registration::NotRegistered));
    shop.azure.world(|world| {
        // The deployment that is healed is the one that was refused, so the last one of its name is not there.
        world.deployments.clear();
        world.resources.retain(|resource| !resource.kind.contains("ContainerInstance"));
    });
    shop
}

#[test]
fn a_provider_that_is_not_registered_is_registered_and_then_the_deployment_asked_for() {
    let shop = unregistered();
    let report = shop.document(4, &wrapped(&["--self-heal=preview"]));
    assert_eq!(report["findings"][0]["class"], "azure-resource-provider-unregistered", "{report:#}");
    let digest = text(&report, "/plan/digest").to_owned();
    says(&report["plan"].to_string(), &["Microsoft.ContainerInstance", "register-provider", "az provider unregister"]);
    shop.untouched();
    shop.document(0, &["approve", &digest]);
    let report = shop.applied(4, &digest);
    says(&report["plan"].to_string(), &["deploy-template"]);
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    assert_eq!(shop.applied(0, &digest)["result"], "healed");
    assert_eq!(shop.changes("/providers/microsoft.containerinstance/register"), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn yes_registers_a_provider_and_deploys_nothing() {
    let shop = unregistered();
    let report = shop.document(4, &wrapped(&["--self-heal=preview", "--yes"]));
    says(&report["plan"].to_string(), &["deploy-template"]);
    assert_eq!(shop.accepted().len(), 1, "{}", shop.ledger());
    assert_eq!(shop.changes("/providers/microsoft.containerinstance/register"), 1, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn a_registration_that_takes_longer_than_its_bound_is_not_asked_for_again() {
    let shop = unregistered();
    shop.bounds("operation_seconds_max = 1\n");
    let report = shop.document(4, &wrapped(&["--self-heal=preview"]));
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    shop.azure.world(|world| world.durations.register_millis = 3_600_000);
    let report = shop.applied(3, &digest);
    assert_eq!(report["result"], "blocked", "{report:#}");
    says(&report.to_string(), &["after 1 s", "az provider show"]);
    let resumed = shop.repair(&["resume", text(&report, "/session")]);
    assert_eq!(resumed.code, Some(3), "{resumed}");
    shop.azure.fast_forward();
    let resumed = shop.repair(&["resume", text(&report, "/session")]);
    assert_eq!(resumed.code, Some(4), "the deployment is asked for next: {resumed}");
    assert_eq!(shop.changes("/providers/microsoft.containerinstance/register"), 1, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn a_policy_may_let_a_provider_be_registered_unattended_and_nothing_more() {
    let shop = unregistered();
    let everything = "@id(\"all\")\npermit (principal, action == Repair::Action::\"apply_unattended\", resource);\n";
    shop.policy("all.cedar", everything);
    let report = shop.document(4, &wrapped(&["--self-heal=preview"]));
    says(&report["plan"].to_string(), &["deploy-template"]);
    assert_eq!(shop.changes("/providers/microsoft.containerinstance/register"), 1, "{}", shop.ledger());
    assert_eq!(shop.accepted().len(), 1, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn a_quota_is_explained_with_its_numbers() {
    let shop = refused(|world| world.failures.push(ScriptedFailure::quota("flexibleServers").times(9)));
    explained(&shop, "azure-quota-exceeded", &["10", "11", "westeurope", "standardBSFamily"]);
}

#[test]
fn a_size_that_a_region_does_not_have_is_explained() {
    let shop = refused(|world| world.failures.push(ScriptedFailure::sku_not_available("flexibleServers").times(9)));
    explained(&shop, "azure-region-or-sku-unavailable", &["Standard_B1ms", "westeurope"]);
}

#[test]
fn a_policy_of_the_organisation_is_explained() {
    let shop = refused(|world| world.failures.push(ScriptedFailure::disallowed_by_policy("vaults").times(9)));
    explained(&shop, "azure-policy-denied", &["Allowed locations"]);
}

/// `az` that fails with these words.
fn said(shop: &Shop, words: &str) {
    shop.write("error.json", &format!("ERROR: {words}\n"));
    shop.program("az", "#!/bin/sh\ncat error.json >&2\nexit 1\n");
}

#[test]
fn a_lock_is_named_with_where_it_lies() {
    let group = format!("/subscriptions/{}/resourceGroups/{}", shop::SUBSCRIPTION, shop::GROUP);
    let shop = Shop::new(|world| {
        world.locks.push(Lock { scope: group.clone(), name: "frozen".to_owned(), level: LockLevel::ReadOnly });
        world.deployments.clear();
    });
    said(
        &shop,
        &format!(
            "(ScopeLocked) The scope '{group}/providers/Microsoft.KeyVault/vaults/kv-shop-7f3a' cannot perform write \
             operation because following scope(s) are locked: '{group}'. Please remove the lock and try again."
        ),
    );
    explained(&shop, "azure-lock", &["frozen"]);
}

#[test]
fn a_subscription_that_is_read_only_is_explained() {
    let shop = Shop::broken(|world| world.soft_delete_vault(shop::VAULT).expect("a vault"));
    shop.azure.world(|world| world.subscriptions[0].state = SubscriptionState::Disabled);
    let looked = shop.repair(&[&GROUP[..], &["--subscription", shop::SUBSCRIPTION]].concat());
    assert_eq!(looked.code, Some(3), "{looked}");
    let none = shop.repair(&GROUP);
    assert_eq!(none.code, Some(3), "{none}");
    says(&none.stderr, &["no subscription that is enabled", "next:"]);
    shop.nothing_began();
}

#[test]
fn a_template_that_azure_does_not_take_is_explained() {
    let shop = Shop::new(|world| world.deployments.clear());
    said(
        &shop,
        "{\"code\": \"InvalidTemplate\", \"message\": \"Deployment template validation failed: 'The template resource \
         'kv' at line '1' and column '9' is not valid: The api-version '2031-01-01' is invalid.'.\"}",
    );
    explained(&shop, "azure-invalid-template", &["api-version"]);
}

#[test]
fn a_wrapped_command_that_succeeds_is_only_passed_through() {
    let shop = Shop::new(|_| {});
    shop.program("az", "#!/bin/sh\necho deployed\n");
    let finished = shop.repair(&wrapped(&["--self-heal=preview"]));
    assert_eq!((finished.code, finished.stdout.trim()), (Some(0), "deployed"), "{finished}");
    assert!(shop.azure.ledger().is_empty(), "{}", shop.ledger());
}

#[test]
fn a_wrapped_command_names_group_deployment_and_files_and_its_failure_is_healed() {
    let shop = Shop::deleted_vault();
    said(
        &shop,
        "{\"status\":\"Failed\",\"error\":{\"code\":\"DeploymentFailed\",\"details\":[{\"code\":\"ConflictError\",\"message\":\"A \
         vault with the same name already exists in deleted state. You need to either recover or purge existing key \
         vault.\"}]}}",
    );
    let report: Value = shop.document(4, &wrapped(&["--self-heal=preview"]));
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    assert_eq!(shop.applied(0, &digest)["result"], "healed");
    shop.is_well();
}

#[test]
fn a_projects_own_file_says_what_is_meant() {
    let shop = Shop::deleted_vault();
    shop.write(
        "repair.toml",
        "[azure]\nresource_group = \"rg-shop\"\ndeployment = \"shop\"\ntemplate = \"main.json\"\nparameters = [\"main.parameters.json\"]\n",
    );
    let report = shop.document(3, &[]);
    assert_eq!(report["findings"][0]["class"], "azure-keyvault-soft-deleted", "{report:#}");
    let report = shop.document(4, &["plan"]);
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    assert_eq!(shop.applied(0, &digest)["result"], "healed");
    shop.is_well();
    assert_eq!(shop.document(0, &["doctor"])[0]["check"], "azure");
}

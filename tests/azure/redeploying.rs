//! Deploying once more: incrementally, with the same template and parameters, within bounds, and never into another
//! deployment.

use std::thread;
use std::time::Duration;

use repair_fake_azure::{Fault, FaultKind, Mode, ScriptedFailure, shop};
use serde_json::json;

use crate::azure_scenario::{FILES, GROUP, Shop, says, text};

/// Tries soon.
const SOON: &str = "[tools.bicep-redeploy]\nbackoff_seconds = 1\n";

/// A deployment that Azure itself fails so many times.
fn failed(times: u32) -> Shop {
    let shop = Shop::broken(|world| world.failures.push(ScriptedFailure::internal_error("aci-shop-api").times(times)));
    shop.write("repair.toml", SOON);
    shop
}

#[test]
fn a_failure_of_azures_own_is_repeated_after_a_yes() {
    let shop = failed(1);
    let report = shop.healed_by_command(0);
    assert_eq!(report["result"], "healed", "{report:#}");
    shop.is_well();
}

#[test]
fn one_that_stays_is_left_to_a_person_after_two_tries() {
    let shop = failed(9);
    let report = shop.healed_by_command(3);
    says(&report.to_string(), &["az deployment operation group list"]);
    assert_eq!(shop.accepted().len(), 2, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn a_repetition_is_incremental_and_its_name_says_session_and_step() {
    let shop = failed(1);
    let report = shop.healed_by_command(0);
    let session = text(&report, "/session");
    shop.azure.world(|world| {
        let newest = world.deployments.last().expect("a deployment");
        assert_eq!((newest.name.as_str(), newest.mode), (format!("shop-{session}-0").as_str(), Mode::Incremental));
        assert_eq!(newest.parameters["administratorLoginPassword"], shop::PASSWORD);
    });
    let asked = shop.accepted();
    assert_eq!(asked[0].body["properties"]["template"], shop::template());
    assert_eq!(asked[0].body["properties"]["mode"], "Incremental");
    shop.sound();
}

#[test]
fn without_a_template_what_azure_kept_is_deployed_with_the_secret_that_is_given_again() {
    let shop = Shop::deleted_vault();
    let secret = format!("administratorLoginPassword={}", shop::PASSWORD);
    let others = ["vaultName", "serverName"].map(|name| {
        let value = shop::parameters()[name]["value"].as_str().expect("a value").to_owned();
        format!("{name}={value}")
    });
    let parameters = ["--parameters", &secret, "--parameters", &others[0], "--parameters", &others[1]];
    let report = shop.document(4, &[&["plan"][..], &GROUP, &parameters].concat());
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    let without = shop.repair(&["apply", &digest]);
    assert_eq!(without.code, Some(2), "a value that is kept nowhere has to be given again: {without}");
    says(&without.stderr, &["kept nowhere", "administratorLoginPassword", "--parameters vaultName=VALUE"]);
    shop.untouched();
    shop.document(0, &[&["apply", &digest][..], &parameters].concat());
    shop.is_well();
    shop.writes_no_secret();
}

#[test]
fn another_deployment_that_runs_is_waited_for_and_never_fought() {
    let shop = failed(1);
    shop.azure.world(|world| world.durations.resource_millis = 3_600_000);
    shop.somebody_deploys("nightly");
    let digest = shop.planned();
    shop.document(0, &["approve", &digest]);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(600));
            assert_eq!(shop.asked(), Vec::new());
            shop.azure.world(|world| world.durations = crate::azure_scenario::MOMENTS);
            shop.azure.fast_forward();
        });
        let next = shop.applied(4, &digest);
        let digest = text(&next, "/plan/digest").to_owned();
        shop.document(0, &["approve", &digest]);
        assert_eq!(shop.applied(0, &digest)["result"], "healed");
    });
    assert_eq!(shop.accepted().len(), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn one_that_runs_for_hours_ends_the_wait_within_its_bound() {
    let shop = failed(1);
    shop.bounds("operation_seconds_max = 1\n");
    shop.azure.world(|world| world.durations.resource_millis = 3_600_000);
    shop.somebody_deploys("nightly");
    let digest = shop.planned();
    shop.document(0, &["approve", &digest]);
    let ended = shop.repair(&["apply", &digest]);
    assert!(matches!(ended.code, Some(3 | 4)), "{ended}");
    says(&format!("{}{}", ended.stdout, ended.stderr), &["nightly"]);
    shop.untouched();
}

#[test]
fn a_deployment_in_complete_mode_is_not_repeated() {
    let shop = Shop::deleted_vault();
    shop.program("az", "#!/bin/sh\necho 'ERROR: (ConflictError) A vault with the same name already exists in deleted state.' >&2\nexit 1\n");
    let command = ["--", "az", "deployment", "group", "create", "-g", shop::GROUP, "-n", "shop", "-f", "main.json"];
    let more = ["-p", "main.parameters.json", "--mode", "Complete"];
    let report = shop.document(3, &[&["--self-heal=preview"][..], &command, &more].concat());
    says(&report.to_string(), &["complete mode", "incremental"]);
    shop.untouched();
}

#[test]
fn a_template_that_is_another_one_now_is_shown_as_what_it_would_do() {
    let shop = failed(1);
    let mut template = shop::template();
    let mut more = template["resources"][0].clone();
    more["name"] = json!("kv-shop-more");
    template["resources"].as_array_mut().expect("resources").push(more);
    shop.write("main.json", &template.to_string());
    let report = shop.document(4, &[&["plan"][..], &GROUP, &FILES].concat());
    says(&report["plan"].to_string(), &["+ makes Microsoft.KeyVault/vaults `kv-shop-more`"]);
    shop.untouched();
}

/// A preview in which a resource goes away.
const DELETES: &str = r#"{"status": "Succeeded", "properties": {"correlationId": "c", "changes": [{"resourceId":
    "/subscriptions/0f4c2d7b-8e21-4c36-b8f0-6d9a3e5c1b42/resourceGroups/rg-shop/providers/Microsoft.KeyVault/vaults/kv-other",
    "changeType": "Delete"}]}}"#;

#[test]
fn a_plan_whose_preview_shows_a_deletion_is_refused() {
    let shop = failed(1);
    let deletes = FaultKind::Answer { status: 200, body: DELETES };
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/whatIf", deletes).always()));
    let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
    says(&report.to_string(), &["would delete", "kv-other"]);
    shop.untouched();
}

#[test]
fn a_deletion_that_the_preview_shows_only_after_the_yes_voids_it() {
    let shop = failed(1);
    let digest = shop.approved();
    let deletes = FaultKind::Answer { status: 200, body: DELETES };
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/whatIf", deletes).always()));
    let report = shop.applied(3, &digest);
    says(&report.to_string(), &["would delete", "kv-other"]);
    shop.untouched();
}

#[test]
fn bicep_is_compiled_by_the_compiler_on_the_path() {
    for (program, script) in [
        ("bicep", "#!/bin/sh\n[ \"$1 $3\" = 'build --stdout' ] && cat main.json\n"),
        ("az", "#!/bin/sh\n[ \"$1 $2 $3\" = 'bicep build --stdout' ] && cat main.json\n"),
    ] {
        let shop = Shop::deleted_vault();
        shop.write("main.bicep", "param vaultName string\n");
        shop.program(program, script);
        let files = ["--template", "main.bicep", "--parameters", "main.parameters.json"];
        let report = shop.document(4, &[&["plan"][..], &GROUP, &files].concat());
        let digest = text(&report, "/plan/digest").to_owned();
        shop.document(0, &["approve", &digest]);
        assert_eq!(shop.applied(0, &digest)["result"], "healed", "{program}");
        shop.is_well();
    }
}

#[test]
fn bicep_that_does_not_compile_is_told_in_the_compilers_words() {
    let shop = Shop::deleted_vault();
    shop.write("main.bicep", "param vaultName strin\n");
    let words = "main.bicep(1,17) : Error BCP302: The name \"strin\" is not a valid type.";
    shop.program("bicep", &format!("#!/bin/sh\necho '{words}' >&2\nexit 1\n"));
    let files = ["--template", "main.bicep", "--parameters", "main.parameters.json"];
    let report = shop.document(3, &[&["plan"][..], &GROUP, &files].concat());
    says(&report.to_string(), &["does not compile", "BCP302"]);
    shop.untouched();
}

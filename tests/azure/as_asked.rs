//! What a session was asked for is what it does: its own deployment, template and parameters, from whatever call and folder it
//! goes on; and nothing of a parameter's value stands anywhere.

use jiff::{SignedDuration, Timestamp};
use repair_fake_azure::{Fault, FaultKind, Registration, shop};

use crate::azure_scenario::{FILES, GROUP, Shop, says, text};

const PROVIDER: &str = "Microsoft.ContainerInstance";

#[test]
fn the_success_of_another_deployment_ends_no_session() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    let id = text(&shop.document(0, &["sessions", "--all"]), "/0/id").to_owned();
    shop.azure.world(|world| {
        let mut other = world.deployments.first().cloned().expect("the first deployment, which succeeded");
        other.name = "other".to_owned();
        world.deployments.push(other);
    });
    let other = format!("{}/other", shop::GROUP);
    for args in [vec!["resume", &id], vec!["apply", &digest]] {
        let refused = shop.repair(&[&args[..], &["--azure", &other]].concat());
        assert_eq!(refused.code, Some(2), "{refused}");
        says(&refused.stderr, &["is to heal the deployment `shop`", "`other`"]);
    }
    shop.untouched();
    shop.applied(0, &digest);
    shop.is_well();
}

#[test]
fn a_value_that_is_given_again_leaves_the_files_as_they_were() {
    let shop = Shop::deleted_vault();
    let secret = format!("administratorLoginPassword={}", shop::PASSWORD);
    let report = shop.document(4, &[&["plan"][..], &GROUP, &FILES, &["--parameters", &secret]].concat());
    let digest = text(&report, "/plan/digest").to_owned();
    says(&report["plan"].to_string(), &["main.parameters.json", "`administratorLoginPassword` as given"]);
    shop.document(0, &["approve", &digest]);
    let changed = shop.repair(&["apply", &digest, "--parameters", "administratorLoginPassword=another-one"]);
    assert_eq!(changed.code, Some(4), "another value is another deployment: {changed}");
    shop.untouched();
    let report = shop.document(4, &[&["plan", "--new"][..], &GROUP, &FILES, &["--parameters", &secret]].concat());
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    shop.document(0, &["apply", &digest, "--parameters", &secret]);
    shop.is_well();
    shop.writes_no_secret();
}

#[test]
fn a_secret_that_azure_does_not_keep_is_never_a_default_of_the_template() {
    let shop = Shop::broken(|world| {
        world.soft_delete_vault(shop::VAULT).expect("a vault");
    });
    shop.azure.world(|world| {
        for deployment in &mut world.deployments {
            deployment.template["parameters"]["administratorLoginPassword"]["defaultValue"] = "".into();
        }
    });
    let finished = shop.repair(&[&["plan"][..], &GROUP].concat());
    assert_eq!(finished.code, Some(3), "{finished}");
    says(&finished.stdout, &["`administratorLoginPassword` has no value that Azure keeps"]);
    shop.untouched();
}

#[test]
fn no_value_of_the_command_that_failed_is_recorded() {
    let shop = Shop::deleted_vault();
    shop.program("az", "#!/bin/sh\necho 'ERROR: it failed' >&2\nexit 1\n");
    let secret = format!("administratorLoginPassword={}", shop::PASSWORD);
    let json = format!("{{\"administratorLoginPassword\":{{\"value\":\"{}\"}}}}", shop::PASSWORD);
    let create = ["--self-heal=preview", "--", "az", "deployment", "group", "create", "-f", "main.json", "-p"];
    let values = ["@main.parameters.json", &secret, &json, "-g", shop::GROUP, "-n", shop::DEPLOYMENT];
    let report = shop.document(4, &[&create[..], &values].concat());
    says(&report["plan"].to_string(), &["recover-vault"]);
    let shown = shop.repair(&["show", text(&report, "/session")]);
    says(&shown.stdout, &["administratorLoginPassword=[redacted] [redacted] -g rg-shop"]);
    shop.writes_no_secret();
}

/// A subscription that is not registered any more, after a deployment that went well hours ago; and the command that fails.
fn refused_after_a_success() -> Shop {
    let shop = Shop::new(|world| world.set_registration(PROVIDER, Registration::NotRegistered));
    let error = shop.somebody_deploys(shop::DEPLOYMENT);
    shop.write("error.json", &format!("ERROR: {error}\n"));
    shop.program("az", "#!/bin/sh\ncat error.json >&2\nexit 1\n");
    shop.azure.world(|world| {
        for deployment in &mut world.deployments {
            let hours_ago = Timestamp::now() - SignedDuration::from_hours(3);
            (deployment.started_at, deployment.ended_at) = (hours_ago, Some(hours_ago));
        }
    });
    shop
}

#[test]
fn an_earlier_success_is_not_the_deployment_that_was_refused() {
    let shop = refused_after_a_success();
    let create = ["--self-heal=preview", "--", "az", "deployment", "group", "create", "-f", "main.json"];
    let rest = ["-p", "@main.parameters.json", "-g", shop::GROUP, "-n", shop::DEPLOYMENT];
    let report = shop.document(4, &[&create[..], &rest].concat());
    says(&report.to_string(), &["azure-resource-provider-unregistered", "register-provider"]);
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    let report = shop.applied(4, &digest);
    says(&report["plan"].to_string(), &["deploy-template"]);
    let digest = text(&report, "/plan/digest").to_owned();
    shop.document(0, &["approve", &digest]);
    let report = shop.applied(0, &digest);
    assert_eq!(report["result"], "healed", "{report:#}");
    shop.is_well();
}

#[test]
fn a_script_around_the_deployment_tells_the_same() {
    let shop = refused_after_a_success();
    let script = ["--", "sh", "-c", "cat error.json >&2; exit 1"];
    let options = ["--self-heal=preview", "--azure", "rg-shop/shop"];
    let report = shop.document(4, &[&options[..], &FILES, &script].concat());
    says(&report.to_string(), &["azure-resource-provider-unregistered", "register-provider"]);
}

#[test]
fn a_command_that_failed_for_another_reason_is_not_taken_for_a_deployment_that_is_missing() {
    let shop = refused_after_a_success();
    shop.program("az", "#!/bin/sh\necho 'ERROR: no such option' >&2\nexit 2\n");
    let create = ["--self-heal=preview", "--", "az", "deployment", "group", "create", "-f", "main.json"];
    let finished = shop.repair(&[&create[..], &["-g", shop::GROUP, "-n", shop::DEPLOYMENT]].concat());
    assert_eq!(finished.code, Some(3), "{finished}");
    says(&finished.stdout, &["there is nothing to heal"]);
    shop.nothing_began();
}

#[test]
fn a_command_without_a_group_is_told_how_to_name_it() {
    let shop = Shop::deleted_vault();
    shop.program("az", "#!/bin/sh\nexit 1\n");
    let create = ["--self-heal=preview", "--", "az", "deployment", "group", "create", "-f", "main.json"];
    let finished = shop.repair(&create);
    assert_eq!(finished.code, Some(2), "{finished}");
    says(&finished.stderr, &["names no resource group", "--azure GROUP"]);
}

#[test]
fn a_compose_file_that_is_missing_is_not_azure_instead() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", "[azure]\nresource_group = \"rg-shop\"\n");
    let finished = shop.repair(&["--self-heal=preview", "-f", "typo.yaml"]);
    assert_eq!(finished.code, Some(2), "{finished}");
    says(&finished.stderr, &["typo.yaml"]);
    shop.nothing_began();
    let both = shop.repair(&["--self-heal=preview", "--azure", shop::GROUP, "-f", "typo.yaml"]);
    says(&both.stderr, &["mean nothing with --azure"]);
}

#[test]
fn what_somebody_else_deployed_after_the_yes_voids_it() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    shop.somebody_deploys(shop::DEPLOYMENT);
    let report = shop.applied(4, &digest);
    assert_ne!(text(&report, "/plan/digest"), digest, "a new plan asks anew: {report:#}");
    shop.untouched();
}

#[test]
fn a_secret_in_the_words_of_azure_is_neither_shown_nor_kept() {
    let shop = Shop::deleted_vault();
    let body = r#"{"error":{"code":"InvalidTemplate","message":"The value 'Server=x;Password=hunter9hunter9;' is not valid."}}"#;
    let refused = FaultKind::Answer { status: 400, body };
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/whatIf", refused).always()));
    let finished = shop.repair(&[&["plan"][..], &GROUP, &FILES].concat());
    says(&finished.to_string(), &["InvalidTemplate"]);
    assert!(!finished.to_string().contains("hunter9hunter9"), "{finished}");
    let records = shop.document(0, &["audit", "show", "--all"]).to_string();
    assert!(!records.contains("hunter9hunter9"), "{records}");
    shop.untouched();
}

#[test]
fn what_is_typed_before_the_question_is_no_answer_to_it() {
    let shop = Shop::deleted_vault();
    let mut terminal = shop.terminal(&[&["--self-heal=preview"][..], &GROUP, &FILES].concat());
    terminal.answer("y");
    terminal.until("[y]es [n]o");
    terminal.answer("n");
    let (code, seen) = terminal.end();
    assert_ne!(code, 0, "{seen}");
    shop.untouched();
}

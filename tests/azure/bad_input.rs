//! Bad input, and what it gets: a clear error or finding with the next step, its exit code, and nothing half-done.

use repair_fake_azure::{Fault, FaultKind, LinkTo, Subscription, SubscriptionState, shop};

use crate::azure_scenario::{FILES, GROUP, Shop, says};

/// Looks with these options, which has to end with `code`, and to say the words.
#[track_caller]
fn refused(shop: &Shop, args: &[&str], code: i32, words: &[&str]) {
    let finished = shop.repair(args);
    assert_eq!(finished.code, Some(code), "{finished}");
    says(&finished.stderr, words);
    says(&finished.stderr, &["next:"]);
    shop.nothing_began();
}

#[test]
fn without_a_login_every_way_to_log_in_is_named() {
    let shop = Shop::deleted_vault().signed_out();
    for args in [vec!["--azure", shop::GROUP], vec!["--azure", shop::GROUP, "--self-heal=preview"]] {
        refused(&shop, &args, 3, &["az login", "AZURE_CLIENT_ID"]);
    }
    let doctor = shop.repair(&["doctor", "--azure", shop::GROUP]);
    assert_eq!(doctor.code, Some(3), "{doctor}");
    says(&doctor.stdout, &["FAIL  azure", "az login"]);
}

#[test]
fn a_wrong_secret_is_said_in_the_words_of_entra() {
    let shop = Shop::deleted_vault().with("AZURE_CLIENT_SECRET", "wrong");
    refused(&shop, &GROUP, 3, &["AADSTS7000215"]);
}

#[test]
fn a_group_that_is_not_there_is_named_with_its_subscription() {
    let shop = Shop::deleted_vault();
    refused(&shop, &["--azure", "rg-shpo"], 3, &["rg-shpo", shop::SUBSCRIPTION, "az group list"]);
}

#[test]
fn a_deployment_that_is_not_there_is_named_with_its_group() {
    let shop = Shop::deleted_vault();
    let words = ["there is no deployment `nightly`", "az deployment group list", "--template FILE"];
    refused(&shop, &["--azure", "rg-shop/nightly"], 2, &words);
}

#[test]
fn a_name_that_would_leave_its_place_is_refused_before_anything_is_asked() {
    let shop = Shop::deleted_vault();
    for name in ["..", "../..", "rg-shop/..", "rg-shop/../..", "rg/shop/x", "rg%2f..", "rg-shop/a?b", "rg shop/x y"] {
        refused(&shop, &["--azure", name], 2, &[]);
        refused(&shop, &["--azure", shop::GROUP, "--subscription", name], 2, &[]);
    }
    assert!(shop.azure.ledger().is_empty(), "{}", shop.ledger());
}

#[test]
fn several_subscriptions_are_listed_and_none_is_guessed() {
    let other = "11111111-2222-4333-8444-555555555555";
    let shop = Shop::broken(|world| {
        world.soft_delete_vault(shop::VAULT).expect("a vault");
        world.subscriptions.push(Subscription {
            id: other.to_owned(),
            name: "Other".to_owned(),
            state: SubscriptionState::Enabled,
            tenant: shop::TENANT.to_owned(),
        });
        world.identities[0].grants.push(repair_fake_azure::Grant::reader(&format!("/subscriptions/{other}")));
    });
    refused(&shop, &GROUP, 2, &["several subscriptions", "Shop", other, "--subscription ID"]);
    let named = shop.document(3, &[&GROUP[..], &["--subscription", shop::SUBSCRIPTION]].concat());
    assert_eq!(named["findings"][0]["class"], "azure-keyvault-soft-deleted");
}

#[test]
fn a_template_that_is_not_json_is_named_with_its_line() {
    let shop = Shop::deleted_vault();
    shop.write("main.json", "{\n  \"resources\": [\n");
    not_planned(&shop, &["main.json` is not JSON", "line 3"]);
}

#[test]
fn bicep_without_a_compiler_names_both_ways_out() {
    let shop = Shop::deleted_vault().with("PATH", "/nowhere");
    shop.write("main.bicep", "param vaultName string\n");
    let files = ["--template", "main.bicep", "--parameters", "main.parameters.json"];
    let report = shop.document(3, &[&["plan"][..], &GROUP, &files].concat());
    says(&report.to_string(), &["neither `bicep` nor `az` is on the PATH", "bicep build"]);
    assert_eq!(shop.accepted(), Vec::new());
    shop.sound();
}

/// A plan cannot be made for a reason that is told.
#[track_caller]
fn not_planned(shop: &Shop, words: &[&str]) {
    let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
    says(&report.to_string(), words);
    assert_eq!(shop.accepted(), Vec::new());
    shop.sound();
}

#[test]
fn a_parameter_without_a_value_is_named() {
    let shop = Shop::deleted_vault();
    shop.write("main.parameters.json", "{\"parameters\": {}}");
    not_planned(&shop, &["the parameter `", "has no value"]);
}

#[test]
fn a_body_of_ten_megabytes_is_cut_and_read() {
    let shop = Shop::deleted_vault();
    let huge = FaultKind::HugeError { bytes: 10 * 1024 * 1024 };
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/deployments", huge).always()));
    let finished = shop.repair(&GROUP);
    assert_eq!(finished.code, Some(3), "{finished}");
    assert!(finished.stderr.len() + finished.stdout.len() < 20_000, "{} bytes", finished.stderr.len());
    says(&finished.stderr, &["400"]);
    shop.nothing_began();
}

#[test]
fn a_list_that_goes_on_at_a_stranger_is_not_followed() {
    let shop = Shop::deleted_vault();
    shop.azure.quirks(|quirks| {
        quirks.page_items = 1;
        quirks.next_link = LinkTo::Stranger;
    });
    refused(&shop, &GROUP, 3, &["which is not its own"]);
}

#[test]
fn a_redirect_is_not_followed() {
    let shop = Shop::deleted_vault();
    let away = FaultKind::Redirect { status: 307 };
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/resourceGroups/", away).always()));
    refused(&shop, &GROUP, 3, &["redirects are not followed"]);
}

#[test]
fn a_clock_that_is_hours_off_changes_nothing() {
    for seconds in [-7200, 7200] {
        let shop = Shop::deleted_vault();
        shop.azure.quirks(|quirks| quirks.clock_skew_seconds = seconds);
        shop.healed_by_command(0);
        shop.is_well();
    }
}

#[test]
fn an_azure_that_is_not_there_is_said_to_be_unreachable() {
    let shop = Shop::deleted_vault().with("REPAIR_AZURE_CLOUD", "http://127.0.0.1:9");
    let finished = shop.repair(&GROUP);
    assert_eq!(finished.code, Some(3), "{finished}");
    says(&finished.stderr, &["cannot be reached", "next:"]);
}

#[test]
fn a_cloud_over_plain_http_elsewhere_is_refused() {
    let shop = Shop::deleted_vault().with("REPAIR_AZURE_CLOUD", "http://management.example.org");
    let finished = shop.repair(&GROUP);
    assert_eq!(finished.code, Some(2), "{finished}");
    says(&finished.stderr, &["next:"]);
}

#[test]
fn options_of_azure_without_a_group_are_an_error() {
    let shop = Shop::deleted_vault();
    refused(&shop, &FILES, 2, &["mean nothing without --azure"]);
}

//! Who acts: each way to log in that works without a person, and what becomes of a session whose login ends.

use repair_fake_azure::{ARM_AUDIENCE, VAULT_AUDIENCE, shop};

use crate::azure_scenario::{GROUP, Shop, says};

/// That a look finds what is wrong, as whoever is signed in.
#[track_caller]
fn finds_the_vault(shop: &Shop, args: &[&str]) {
    let report = shop.document(3, &[&GROUP[..], args].concat());
    assert_eq!(report["findings"][0]["class"], "azure-keyvault-soft-deleted", "{report:#}");
    shop.nothing_began();
}

#[test]
fn an_application_with_a_secret_is_signed_in() {
    let shop = Shop::deleted_vault();
    finds_the_vault(&shop, &[]);
    finds_the_vault(&shop, &["--azure-login", "environment"]);
}

/// An `az` that is logged in.
fn az_that_is_logged_in(shop: &Shop) {
    let answer = |audience: &str| {
        let token = shop.azure.token(audience).expect("a token");
        format!(
            "{{\"accessToken\": \"{token}\", \"expiresOn\": \"2099-01-01 00:00:00.000000\", \"expires_on\": 4070908800, \
             \"subscription\": \"{}\", \"tenant\": \"{}\", \"tokenType\": \"Bearer\"}}",
            shop::SUBSCRIPTION,
            shop::TENANT
        )
    };
    shop.program(
        "az",
        &format!(
            "#!/bin/sh\ncase \"$*\" in\n'account show'*) echo {} ;;\n'account get-access-token'*vault*) echo '{}' ;;\n\
             'account get-access-token'*) echo '{}' ;;\n*) echo \"what is $*?\" >&2; exit 2 ;;\nesac\n",
            shop::SUBSCRIPTION,
            answer(VAULT_AUDIENCE),
            answer(ARM_AUDIENCE),
        ),
    );
}

#[test]
fn the_login_of_the_azure_cli_is_taken() {
    let shop = Shop::deleted_vault().signed_out();
    az_that_is_logged_in(&shop);
    finds_the_vault(&shop, &[]);
    finds_the_vault(&shop, &["--azure-login", "azure-cli"]);
    shop.healed_by_command(0);
    shop.is_well();
    shop.writes_no_secret();
}

#[test]
fn an_azure_cli_that_is_not_logged_in_is_told_in_its_own_words() {
    let shop = Shop::deleted_vault().signed_out();
    shop.program("az", "#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n");
    let finished = shop.repair(&GROUP);
    assert_eq!(finished.code, Some(3), "{finished}");
    says(&finished.stderr, &["Please run 'az login'", "next:"]);
    shop.nothing_began();
}

#[test]
fn a_managed_identity_is_signed_in() {
    let shop = Shop::deleted_vault().signed_out();
    let endpoint = format!("{}/msi/token", shop.azure.url());
    let shop = shop.with("IDENTITY_ENDPOINT", endpoint).with("IDENTITY_HEADER", shop::IDENTITY_HEADER);
    finds_the_vault(&shop, &[]);
    finds_the_vault(&shop, &["--azure-login", "managed-identity"]);
}

#[test]
fn a_workload_identity_is_signed_in() {
    let shop = Shop::deleted_vault().with("AZURE_CLIENT_SECRET", "");
    shop.write("token", shop::CLIENT_ASSERTION);
    let file = shop.dir().join("token").display().to_string();
    let shop = shop.with("AZURE_FEDERATED_TOKEN_FILE", file);
    finds_the_vault(&shop, &[]);
    finds_the_vault(&shop, &["--azure-login", "workload-identity"]);
}

#[test]
fn a_token_that_ends_in_mid_session_is_renewed() {
    let shop = Shop::deleted_vault();
    shop.azure.quirks(|quirks| quirks.token_requests_max = Some(3));
    shop.healed_by_command(0);
    shop.is_well();
    shop.writes_no_secret();
}

#[test]
fn a_login_that_ends_for_good_in_mid_session_stops_it_before_anything_is_done() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    shop.azure.world(|world| world.identities[0].secret = "another one by now".to_owned());
    let finished = shop.repair(&[&["apply", &digest][..], &GROUP].concat());
    assert_eq!(finished.code, Some(3), "{finished}");
    says(&finished.stderr, &["AADSTS7000215", "next:"]);
    assert_eq!(shop.accepted(), Vec::new());
}

//! Logins: an application with its secret or an assertion, a managed identity, and what happens to old tokens.

use crate::client::{Client, RESOURCES, exchange, request};
use repair_fake_azure::{FakeAzure, World, shop};

fn shop() -> FakeAzure {
    FakeAzure::start(World::shop()).expect("a port is free")
}

fn log_in(azure: &FakeAzure, tenant: &str, fields: &str) -> crate::client::Reply {
    let body = format!("grant_type=client_credentials&client_id={}&{fields}", shop::CLIENT_ID);
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let path = format!("/{tenant}/oauth2/v2.0/token");
    exchange(&azure.url(), &request("POST", &path, headers, &body)).expect("an answer")
}

const SCOPE: &str = "scope=https%3A%2F%2Fmanagement.azure.com%2F.default";

#[test]
fn an_application_logs_in_with_its_secret_or_with_its_assertion() {
    let azure = shop();
    let secret = format!("client_secret={}&{SCOPE}", shop::CLIENT_SECRET);
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let assertion = format!("client_assertion_type={kind}&client_assertion={}&{SCOPE}", shop::CLIENT_ASSERTION);
    for fields in [secret, assertion] {
        let given = log_in(&azure, shop::TENANT, &fields);
        assert_eq!((given.status, given.json["token_type"].as_str()), (200, Some("Bearer")), "{given:?}");
        let token = given.json["access_token"].as_str().expect("a token").to_owned();
        let client = Client { azure: &azure, token };
        assert_eq!(client.get("/subscriptions", "2020-01-01").status, 200);
    }
    assert_eq!(azure.ledger().last().and_then(|entry| entry.identity.clone()).as_deref(), Some(shop::CLIENT_ID));
    assert!(azure.mutations().is_empty(), "a login changes nothing");
}

#[test]
fn a_wrong_login_is_refused_by_number() {
    let azure = shop();
    for (tenant, fields, status, error, number) in [
        (shop::TENANT, format!("client_secret=wrong&{SCOPE}"), 401, "invalid_client", "AADSTS7000215"),
        (shop::TENANT, format!("client_assertion=wrong&{SCOPE}"), 401, "invalid_client", "AADSTS700213"),
        ("nowhere", format!("client_secret=x&{SCOPE}"), 400, "invalid_request", "AADSTS90002"),
    ] {
        let refused = log_in(&azure, tenant, &fields);
        assert_eq!((refused.status, refused.json["error"].as_str()), (status, Some(error)));
        let words = refused.json["error_description"].as_str().expect("a description");
        assert!(words.starts_with(number) && words.contains("Trace ID: "), "{words}");
    }
}

#[test]
fn a_managed_identity_needs_its_header() {
    let azure = shop();
    let path = "/msi/token?resource=https%3A%2F%2Fmanagement.azure.com%2F&api-version=2019-08-01";
    let ask = |headers: &str| exchange(&azure.url(), &request("GET", path, headers, "")).expect("an answer");
    assert_eq!(ask("").status, 401);
    let given = ask(&format!("X-IDENTITY-HEADER: {}\r\n", shop::IDENTITY_HEADER));
    let expires: i64 = given.json["expires_on"].as_str().expect("text").parse().expect("a number");
    assert!(expires > jiff::Timestamp::now().as_second());
    let client = Client { azure: &azure, token: given.json["access_token"].as_str().expect("a token").to_owned() };
    assert_eq!(client.get("/subscriptions", "2020-01-01").status, 200);
}

#[test]
fn no_token_a_wrong_token_and_an_old_token_are_told_apart() {
    let azure = shop();
    let path = format!("/subscriptions?api-version={RESOURCES}");
    let bare = exchange(&azure.url(), &request("GET", &path, "", "")).expect("an answer");
    assert_eq!((bare.status, bare.code()), (401, "AuthenticationFailed"));
    assert!(bare.header("www-authenticate").is_some());
    let wrong = Client { azure: &azure, token: "wrong".to_owned() };
    assert_eq!(wrong.get("/subscriptions", "2020-01-01").code(), "InvalidAuthenticationToken");
    azure.quirks(|quirks| quirks.token_requests_max = Some(2));
    let client = Client::of(&azure);
    let codes: Vec<_> = (0..3).map(|_| client.get("/subscriptions", "2020-01-01").code().to_owned()).collect();
    assert_eq!(codes, ["", "", "ExpiredAuthenticationToken"]);
    assert_eq!(Client::of(&azure).get("/subscriptions", "2020-01-01").status, 200, "a new token is good again");
    azure.quirks(|quirks| (quirks.token_requests_max, quirks.token_seconds) = (None, 0));
    assert_eq!(Client::of(&azure).get("/subscriptions", "2020-01-01").code(), "ExpiredAuthenticationToken");
}

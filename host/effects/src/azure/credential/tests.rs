//! Which login is chosen, what a token is asked with, and why there is none.

use std::os::unix::fs::PermissionsExt as _;

use repair_model::finding::FailureClass;

use super::super::error::ErrorKind;
use super::super::limits::CLI_OUTPUT_BYTES_MAX;
use super::super::scripted::{Reply, SUBSCRIPTION, Scripted, TENANT, TOKEN, reply};
use super::super::transport::HttpOptions;
use super::*;

fn http() -> Http {
    Http::new(&HttpOptions::default()).expect("a client")
}

fn choose(choice: &CredentialChoice, cloud: &Cloud) -> Result<Credential, CredentialError> {
    Credential::choose(choice, cloud, &http())
}

fn principal() -> CredentialChoice {
    CredentialChoice {
        tenant_id: Some(TENANT.to_owned()),
        client_id: Some("01234567-and-more".to_owned()),
        client_secret: Some(Secret::new("wrong-secret")),
        ..CredentialChoice::default()
    }
}

/// A folder with an `az` that runs `script`, and the PATH to it.
fn cli(script: &str) -> (tempfile::TempDir, CredentialChoice) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("az");
    let mut file = std::fs::File::create(&program).expect("a file");
    std::io::Write::write_all(&mut file, format!("#!/bin/sh\n{script}\n").as_bytes()).expect("written");
    drop(file);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut path = folder.path().as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let choice = CredentialChoice { path: Some(path), ..CredentialChoice::default() };
    (folder, choice)
}

const SCOPE: &str = "https://management.azure.com/.default";

#[test]
fn a_service_principal_that_is_half_set_is_not_passed_over_for_another_login() {
    let (_folder, with_cli) = cli("exit 1");
    let choice = CredentialChoice { path: with_cli.path, client_id: None, ..principal() };
    let missing = choose(&choice, &Cloud::public()).expect_err("an error");
    assert!(missing.to_string().contains("AZURE_CLIENT_ID"), "{missing}");
}

#[test]
fn the_first_that_has_what_it_needs_is_chosen_and_a_word_forces_another() {
    let public = Cloud::public();
    let (_folder, with_cli) = cli("exit 1");
    let mut choice = CredentialChoice { path: with_cli.path, ..principal() };
    choice.federated_token_file = Some("/tmp/token".into());
    choice.identity_endpoint = Some("http://127.0.0.1:1/token".to_owned());
    let kinds = |choice: &CredentialChoice| choose(choice, &public).expect("a login").kind();
    assert_eq!(kinds(&choice), CredentialKind::WorkloadIdentity);
    choice.federated_token_file = None;
    assert_eq!(kinds(&choice), CredentialKind::Environment);
    choice.client_secret = Some(Secret::new(""));
    assert_eq!(kinds(&choice), CredentialKind::AzureCli, "an empty value counts as none");
    choice.path = Some("/nowhere:relative".into());
    assert_eq!(kinds(&choice), CredentialKind::ManagedIdentity);
    choice.identity_endpoint = None;
    assert_eq!(choose(&choice, &public).err(), Some(CredentialError::NoneFound));
    choice.forced = Some(CredentialKind::ManagedIdentity);
    assert_eq!(kinds(&choice), CredentialKind::ManagedIdentity, "on a machine of Azure it is there without a variable");
    choice.forced = Some(CredentialKind::AzureCli);
    assert_eq!(choose(&choice, &public).err(), Some(CredentialError::NoAzureCli));
    choice.forced = Some(CredentialKind::Environment);
    let missing = choose(&choice, &public).expect_err("an error");
    assert!(missing.to_string().contains("AZURE_CLIENT_SECRET"), "{missing}");
    for kind in CredentialKind::ALL {
        assert_eq!(CredentialKind::named(kind.as_str()), Some(*kind));
    }
}

#[test]
fn no_secret_shows_itself() {
    let choice = CredentialChoice { identity_header: Some(Secret::new("hunter3")), ..principal() };
    let credential = choose(&choice, &Cloud::public()).expect("a login");
    assert_eq!(credential.describe(), "environment (client 01234567…)");
    for shown in [format!("{choice:?}"), format!("{credential:?}"), credential.describe()] {
        assert!(!shown.contains("wrong-secret") && !shown.contains("hunter3"), "{shown}");
    }
    let token = Token { secret: Secret::new("hunter4"), expires: Timestamp::now() };
    assert!(!format!("{token:?}").contains("hunter4"));
}

#[test]
fn a_tenant_is_one_segment_of_a_path() {
    for wrong in ["../x", "a/b", "..", "a%2fb", "a?b", ""] {
        let choice = CredentialChoice { tenant_id: Some(wrong.to_owned()), ..principal() };
        let forced = CredentialChoice { forced: Some(CredentialKind::Environment), ..choice };
        assert!(choose(&forced, &Cloud::public()).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let server =
        Scripted::new(|_, _| reply(200, &[], r#"{"token_type":"Bearer","expires_in":3600,"access_token":"fresh"}"#));
    let credential = choose(&principal(), &server.cloud()).expect("a login");
    for _ in 0..3 {
        assert_eq!(credential.token(SCOPE).await.expect("a token").secret.expose(), "fresh");
    }
    assert_eq!(server.tokens(), 1);
    credential.token("https://vault.azure.net/.default").await.expect("a token");
    credential.forget().await;
    credential.token(SCOPE).await.expect("a token");
    assert_eq!(server.tokens(), 3);
    let now = Timestamp::now();
    let ends_in = |seconds| Token { secret: Secret::new(""), expires: now + SignedDuration::from_secs(seconds) };
    let leeway = i64::try_from(TOKEN_LEEWAY.as_secs()).expect("small");
    assert!(ends_in(leeway + 1).is_fresh(now) && !ends_in(leeway).is_fresh(now));
}

#[tokio::test]
async fn why_there_is_no_token_is_told_in_classes() {
    type Expected = fn(&CredentialError) -> bool;
    let cases: [(u16, &str, Expected); 5] = [
        (401, "AADSTS7000215: Invalid client secret provided.", |error| matches!(error, CredentialError::Wrong { .. })),
        (401, "AADSTS7000222: The provided client secret keys for app are expired.", |error| {
            matches!(error, CredentialError::Expired { .. })
        }),
        (400, "AADSTS90002: Tenant not found.", |error| matches!(error, CredentialError::Wrong { .. })),
        (400, "AADSTS50076: you must use multi-factor authentication", |error| {
            matches!(error, CredentialError::NotLoggedIn { .. })
        }),
        (503, "no idea", |error| matches!(error, CredentialError::Unanswered { .. })),
    ];
    for (status, words, expected) in cases {
        let server = Scripted::new(move |_, _| {
            reply(status, &[], &format!(r#"{{"error":"some_error","error_description":"{words}"}}"#))
        });
        let credential = choose(&principal(), &server.cloud()).expect("a login");
        let error = credential.token(SCOPE).await.expect_err(words);
        assert!(expected(&error), "{words}: {error:?}");
        assert!(error.to_string().contains(words) && !error.to_string().contains("wrong-secret"), "{error}");
        assert!(!error.hints().is_empty());
        let is_login = !matches!(error, CredentialError::Unanswered { .. });
        assert_eq!(error.class() == FailureClass::AzureAuthExpired, is_login);
        assert_eq!(server.tokens(), 1, "the SDK does not ask again");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_redirects_or_floods_gets_nothing() {
    let other = Scripted::new(|_, _| reply(200, &[], "{}"));
    let place = format!("Location: {}/t/oauth2/v2.0/token", other.address);
    let server = Scripted::new(move |_, _| reply(307, &[&place], ""));
    let error = choose(&principal(), &server.cloud()).expect("a login").token(SCOPE).await.expect_err("no token");
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    assert_eq!(other.tokens(), 0);
    let server = Scripted::new(|_, _| Reply::Flood("HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n", 99_999_999));
    let error = choose(&principal(), &server.cloud()).expect("a login").token(SCOPE).await.expect_err("no token");
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_token() {
    let server = Scripted::new(|received, _| {
        let answer = if received.body.contains("client_assertion=second") { "two" } else { "one" };
        reply(
            200,
            &[],
            &format!(r#"{{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"{answer}"}}"#),
        )
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let write =
        |text: &str| std::io::Write::write_all(&mut std::fs::File::create(&file).expect("a file"), text.as_bytes());
    write("first\n").expect("written");
    let choice = CredentialChoice { federated_token_file: Some(file.clone()), ..principal() };
    let credential = choose(&choice, &server.cloud()).expect("a login");
    assert_eq!(credential.token(SCOPE).await.expect("a token").secret.expose(), "one");
    write("second\n").expect("written");
    credential.forget().await;
    assert_eq!(credential.token(SCOPE).await.expect("a token").secret.expose(), "two");
    write(&"x".repeat(FEDERATED_TOKEN_BYTES_MAX + 1)).expect("written");
    credential.forget().await;
    let error = credential.token(SCOPE).await.expect_err("too long");
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn the_azure_cli_gives_a_token_and_its_subscription() {
    let script = format!(
        r#"case "$*" in
        "account get-access-token --output json --scope {SCOPE}")
            echo '{{"accessToken":"of-the-cli","expires_on":4102444800,"expiresOn":"x","subscription":"x","tenant":"x","tokenType":"Bearer"}}';;
        "account show --output tsv --query id") echo {SUBSCRIPTION};;
        *) echo "what? $*" >&2; exit 2;;
        esac"#
    );
    let (folder, choice) = cli(&script);
    let credential = choose(&choice, &Cloud::public()).expect("a login");
    assert_eq!(credential.token(SCOPE).await.expect("a token").secret.expose(), "of-the-cli");
    let subscription = credential.subscription().await.expect("an answer").expect("a subscription");
    assert_eq!(subscription.as_str(), SUBSCRIPTION);
    assert_eq!(credential.describe(), format!("azure-cli ({})", folder.path().join("az").display()));
}

#[tokio::test]
async fn an_azure_cli_without_login_or_sense_is_told_apart_and_shows_no_token() {
    let (_folder, choice) = cli("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    let error = choose(&choice, &Cloud::public()).expect("a login").token(SCOPE).await.expect_err("no login");
    assert!(matches!(error, CredentialError::NotLoggedIn { .. }) && error.hints()[0].contains("az login"), "{error}");
    let words =
        "AADSTS700082: The refresh token has expired due to inactivity. To re-authenticate, please run: az login";
    let (_folder, choice) = cli(&format!("echo 'ERROR: {words}' >&2; exit 1"));
    let error = choose(&choice, &Cloud::public()).expect("a login").token(SCOPE).await.expect_err("an old login");
    assert!(matches!(error, CredentialError::Expired { .. }), "{error}");
    for printed in [
        r#"{"accessToken":"of-the-cli"}"#,
        r#"of-the-cli {"accessToken":7}"#,
        r#"{"accessToken":"of-the-cli","expires_on":"x"}"#,
    ] {
        let (_folder, choice) = cli(&format!("echo '{printed}'"));
        let error = choose(&choice, &Cloud::public()).expect("a login").token(SCOPE).await.expect_err("no token");
        assert!(
            matches!(error, CredentialError::AzureCliFailed(_)) && !error.to_string().contains("of-the-cli"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_managed_identity_is_one_request_with_the_secret_of_its_service() {
    let server = Scripted::new(|received, _| {
        assert_eq!(
            (received.header("x-identity-header"), received.header("metadata")),
            (Some("hunter3"), Some("true"))
        );
        assert!(
            received
                .line
                .starts_with("GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&")
        );
        reply(
            200,
            &[],
            r#"{"access_token":"of-the-machine","expires_on":"4102444800","resource":"x","token_type":"Bearer"}"#,
        )
    });
    let choice = CredentialChoice {
        identity_endpoint: Some(format!("{}/msi/token", server.address)),
        identity_header: Some(Secret::new("hunter3")),
        client_id: Some("01234567-and-more".to_owned()),
        ..CredentialChoice::default()
    };
    let credential = choose(&choice, &Cloud::public()).expect("a login");
    assert_eq!(credential.token(SCOPE).await.expect("a token").secret.expose(), "of-the-machine");
    assert_eq!(credential.describe(), "managed-identity (of this service, client 01234567…)");
    for far in ["http://example.com/token", "http://10.0.0.1/token", "ftp://127.0.0.1/", "nothing"] {
        let choice = CredentialChoice {
            identity_endpoint: Some(far.to_owned()),
            forced: Some(CredentialKind::ManagedIdentity),
            ..CredentialChoice::default()
        };
        assert!(matches!(choose(&choice, &Cloud::public()), Err(CredentialError::NotAnEndpoint(_))), "{far}");
    }
}

#[tokio::test]
async fn an_identity_that_is_silent_is_left_after_its_time() {
    let server = Scripted::new(|_, _| Reply::Silence);
    let endpoint = Some(format!("{}/msi/token", server.address));
    let choice = CredentialChoice { identity_endpoint: endpoint, ..CredentialChoice::default() };
    let credential = choose(&choice, &Cloud::public()).expect("a login");
    let token = tokio::select! {
        token = credential.token(SCOPE) => token,
        () = server.hurry() => panic!("it has no end"),
    };
    let error = token.expect_err("no token");
    assert!(error.is_passing() && error.to_string().contains("within 5 s"), "{error}");
}

#[tokio::test]
async fn an_azure_cli_that_hangs_or_babbles_is_ended() {
    let (folder, choice) = cli("echo begun > \"$0.begun\"; sleep 600");
    let credential = choose(&choice, &Cloud::public()).expect("a login");
    let hurry = async {
        while !folder.path().join("az.begun").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    let token = tokio::select! {
        token = credential.token(SCOPE) => token,
        () = hurry => panic!("it has no end"),
    };
    assert!(token.expect_err("no token").to_string().contains("within 60 s"));
    tokio::time::resume();
    let (_folder, choice) = cli(&format!("head -c {} /dev/zero", CLI_OUTPUT_BYTES_MAX * 4));
    let error = choose(&choice, &Cloud::public()).expect("a login").token(SCOPE).await.expect_err("no token");
    assert!(error.to_string().contains("something else"), "{error}");
}

#[tokio::test]
async fn the_secret_of_the_test_gives_the_token_of_the_test() {
    let server = Scripted::new(|_, _| reply(200, &[], "{}"));
    let arm = server.arm().await;
    assert_eq!(arm.credential().token(&arm.cloud().scope()).await.expect("a token").secret.expose(), TOKEN);
    let mut options = server.options();
    options.credential.client_secret = Some(Secret::new("something else"));
    let error = super::super::client::Arm::connect(options).await.expect_err("no token");
    assert!(matches!(error.kind, ErrorKind::Credential(_)), "{error}");
}

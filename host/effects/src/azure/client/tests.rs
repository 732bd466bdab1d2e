//! What is asked and how answers are read, against a server on this machine that says what real ones were seen to say.

use serde_json::json;

use super::super::access::LockLevel;
use super::super::deployments::{DeploymentRequest, DeploymentState};
use super::super::names::ProviderNamespace;
use super::super::providers::Registration;
use super::super::scripted::{
    Received, Reply, SUBSCRIPTION, Scripted, TOKEN, deployment, group, ids, location, reply, server, tenant, vault,
};
use super::super::servers::ServerState;
use super::super::vaults::VaultAccess;
use super::super::what_if::ChangeType;
use super::*;

/// A server that answers everything with one body, and a connection to it.
async fn saying(status: u16, body: Value) -> (Arm, Scripted) {
    let scripted = Scripted::new(move |_, _| reply(status, &[], &body.to_string()));
    (scripted.arm().await, scripted)
}

fn request_of_the_test() -> DeploymentRequest {
    DeploymentRequest {
        template: json!({ "$schema": "s", "resources": [{ "type": "a/b" }] }),
        parameters: json!({ "adminPassword": { "value": "hunter2" } }),
    }
}

fn never() -> &'static dyn Fn() -> bool {
    &|| false
}

/// A server that lists subscriptions, each with its name and state.
fn with_subscriptions(all: &[(&str, &str)]) -> Scripted {
    let all: Vec<_> = (0..)
        .zip(all)
        .map(|(number, (name, state))| {
            let id = format!("{number:08}-89ab-cdef-0123-456789abcdef");
            json!({ "subscriptionId": id, "displayName": name, "state": state, "tenantId": tenant().as_str() })
        })
        .collect();
    Scripted::new(move |_, _| reply(200, &[], &json!({ "value": all }).to_string()))
}

async fn connect_to_any(scripted: &Scripted) -> Result<Arm, ArmError> {
    Arm::connect(ArmOptions { subscription: None, ..scripted.options() }).await
}

#[tokio::test]
async fn without_a_word_the_only_subscription_is_meant_and_of_several_none() {
    let one = with_subscriptions(&[("old", "Disabled"), ("new", "Enabled")]);
    assert_eq!(
        connect_to_any(&one).await.expect("one").subscription_id().as_str(),
        "00000001-89ab-cdef-0123-456789abcdef"
    );
    let several = connect_to_any(&with_subscriptions(&[("b", "Enabled"), ("a", "Warned"), ("c", "Deleted")]))
        .await
        .expect_err("two");
    let ErrorKind::AmbiguousSubscription(all) = &several.kind else { panic!("{several}") };
    assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(several.hints()[0].contains("--subscription"));
    let none = connect_to_any(&with_subscriptions(&[])).await.expect_err("none");
    assert_eq!(none.kind, ErrorKind::NoSubscription);
    let many: Vec<_> = (0..SUBSCRIPTIONS_NAMED_MAX + 5).map(|_| ("x\u{1b}[2J", "Enabled")).collect();
    let many = connect_to_any(&with_subscriptions(&many)).await.expect_err("many");
    assert!(!many.to_string().contains('\u{1b}'));
    assert!(matches!(&many.kind, ErrorKind::AmbiguousSubscription(all) if all.len() == SUBSCRIPTIONS_NAMED_MAX));
}

#[tokio::test]
async fn what_is_not_there_is_none_and_what_may_not_be_seen_is_an_error() {
    let (arm, _) = saying(404, json!({ "error": { "code": "ResourceNotFound", "message": "m" } })).await;
    assert_eq!(arm.group(&group()).await, Ok(None));
    assert_eq!(arm.deployment(&group(), &deployment()).await, Ok(None));
    assert_eq!(arm.vault(&group(), &vault()).await, Ok(None));
    assert_eq!(arm.deleted_vault(&location(), &vault()).await, Ok(None));
    assert_eq!(arm.server(&group(), &server()).await, Ok(None));
    assert_eq!(arm.export_template(&group(), &deployment()).await, Ok(None));
    let (arm, _) = saying(403, json!({ "error": { "code": "AuthorizationFailed", "message": "m" } })).await;
    let error = arm.vault(&group(), &vault()).await.expect_err("no right");
    assert_eq!(
        (error.code(), error.class()),
        (Some("AuthorizationFailed"), repair_model::finding::FailureClass::AzureAuthorizationFailed)
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_limit_and_on_its_own_origin_only() {
    let page = |from: usize, to: usize| {
        let all: Vec<_> = (from..to).map(|at| json!({ "name": format!("d{at}"), "properties": { "timestamp": format!("2026-01-01T00:{:02}:{:02}Z", at / 60, at % 60) } })).collect();
        Value::Array(all)
    };
    let scripted = Scripted::new(move |received: &Received, _| {
        assert!(received.line.contains("api-version=2021-04-01"));
        let body = match received.line.contains("page=2") {
            false => {
                json!({ "value": page(0, 150), "nextLink": format!("{}&page=2", received.line.trim_start_matches("GET ")) })
            }
            true => json!({ "value": page(150, 300) }),
        };
        reply(200, &[], &body.to_string())
    });
    let all = scripted.arm().await.deployments(&group()).await.expect("a list");
    assert_eq!((all.len(), scripted.received().len()), (super::super::limits::DEPLOYMENTS_MAX, 2));
    assert_eq!(all[0].name, "d299", "newest first, over all pages");
    let other = Scripted::new(|_, _| reply(200, &[], r#"{"value":[]}"#));
    let link = format!("{}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/deletedVaults", other.address);
    let (arm, _) = saying(200, json!({ "value": [], "nextLink": link })).await;
    assert!(matches!(arm.deleted_vaults(None).await.map_err(|error| error.kind), Err(ErrorKind::ForeignAddress(_))));
    assert!(other.received().is_empty());
    let (arm, scripted) = saying(200, json!({ "value": [], "nextLink": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/deletedVaults?x=1") })).await;
    let endless = arm.deleted_vaults(None).await.expect_err("no end");
    assert!(endless.to_string().contains("more than"), "{endless}");
    assert_eq!(scripted.received().len(), PAGES_MAX, "a list that never ends is left");
    let (arm, _) = saying(200, json!({ "value": {} })).await;
    assert!(matches!(arm.servers(&group()).await.map_err(|error| error.kind), Err(ErrorKind::Unreadable(_))));
}

#[tokio::test]
async fn a_list_of_deployments_that_is_cut_is_no_answer() {
    let one = json!({ "name": "d", "properties": { "provisioningState": "Succeeded" } });
    let many = vec![one; super::super::limits::HISTORY_MAX + 1];
    let (arm, _) = saying(200, json!({ "value": many })).await;
    let error = arm.deployments(&group()).await.expect_err("the newest may be missing");
    assert!(error.to_string().contains("too many or too large"), "{error}");
}

#[tokio::test]
async fn a_deployment_is_read_with_all_that_it_says() {
    let inner = json!({ "error": { "code": "ConflictError", "message": "deleted state" } }).to_string();
    let (arm, _) = saying(200, json!({ "id": "/i", "name": "main", "properties": {
        "provisioningState": "Failed", "mode": "Incremental", "timestamp": "2026-11-26T08:18:24.1234567Z", "duration": "PT2M3.5S",
        "correlationId": "20261126-0818-8240-8d4b-2390d0010001",
        "parameters": { "adminPassword": { "type": "SecureString" } },
        "error": { "code": "DeploymentFailed", "message": "m", "details": [{ "code": "Conflict", "message": inner }] } } }))
    .await;
    let found = arm.deployment(&group(), &deployment()).await.expect("an answer").expect("a deployment");
    assert_eq!((found.state.clone(), found.mode.as_str()), (DeploymentState::Failed, "Incremental"));
    assert_eq!(found.duration, Some(std::time::Duration::from_millis(123_500)));
    assert!(found.timestamp.is_some() && found.state.has_ended());
    assert_eq!(found.error.expect("an error").innermost().code, "ConflictError");
    let ours = super::super::request_ids::RequestIds::parse(&found.correlation_id.expect("an id")).expect("ours");
    assert_eq!((ours.session.as_str(), ours.place), ("20261126-081824-d4b2390d", 1));
}

#[tokio::test]
async fn one_odd_status_message_does_not_hide_the_other_operations() {
    let nested = json!({ "status": "Failed", "error": { "code": "A", "message": "m" } });
    let of = |state: &str, message: Value| {
        json!({ "operationId": "o", "properties": { "provisioningState": state, "statusCode": "Conflict", "statusMessage": message,
        "targetResource": { "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/microsoft.keyvault/vaults/kv1"), "resourceType": "Microsoft.KeyVault/vaults", "resourceName": "kv1" } } })
    };
    let (arm, _) = saying(200, json!({ "value": [
        of("Failed", nested.clone()), of("Failed", json!(nested.to_string())), of("Failed", json!("just words")), of("Failed", Value::Null),
        of("Succeeded", json!({})), { "operationId": "last", "properties": { "provisioningState": "Succeeded", "targetResource": null } } ] }))
    .await;
    let all = arm.operations(&group(), &deployment()).await.expect("a list");
    let codes: Vec<_> = all.iter().map(|one| one.error.as_ref().map(|error| error.code.as_str())).collect();
    assert_eq!(codes, [Some("A"), Some("A"), Some(""), None, None, None]);
    assert_eq!(all[2].error.as_ref().expect("words").message, "just words");
    let target = all[0].target.as_ref().expect("a target").resource_id().expect("an id");
    assert!(target.is_of_type("Microsoft.KeyVault/vaults") && all[5].target.is_none());
}

#[tokio::test]
async fn a_deployment_is_sent_once_and_incrementally_and_shows_no_secret() {
    let operation = format!("Azure-AsyncOperation: /subscriptions/{SUBSCRIPTION}/operationStatuses/1");
    let scripted =
        Scripted::new(move |_, _| reply(201, &[&operation, "x-ms-correlation-request-id: c1"], r#"{"name":"main"}"#));
    let arm = scripted.arm().await;
    let request = request_of_the_test();
    let ids = ids();
    let started = arm.deploy(&group(), &deployment(), &request, &ids).await.expect("an answer");
    assert_eq!((started.correlation_id.as_deref(), started.request_id.number), (Some("c1"), 1));
    assert!(started.poll.expect("an address").as_str().ends_with("/operationStatuses/1"));
    let received = scripted.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].line,
        format!(
            "PUT /subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.Resources/deployments/main?api-version=2021-04-01"
        )
    );
    let sent: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!(
        sent,
        json!({ "properties": { "mode": "Incremental", "template": request.template, "parameters": request.parameters } })
    );
    assert_eq!(received[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert!(received[0].header("x-ms-client-request-id").is_some_and(|id| id.starts_with("20261126-0818-")));
    let shown = format!("{request:?}");
    assert!(shown.contains("adminPassword") && !shown.contains("hunter2"), "{shown}");
    for wrong in [json!([]), json!("{}"), Value::Null] {
        let error = arm
            .deploy(&group(), &deployment(), &DeploymentRequest { template: wrong, ..request.clone() }, &ids)
            .await
            .expect_err("no template");
        assert!(matches!(error.kind, ErrorKind::Unsendable(_)) && error.reach() == super::super::error::Reach::NotSent);
    }
    let big = DeploymentRequest {
        template: json!({ "x": "y".repeat(super::super::limits::DEPLOYMENT_BODY_BYTES_MAX) }),
        ..request
    };
    assert!(arm.deploy(&group(), &deployment(), &big, &ids).await.is_err());
    assert_eq!(scripted.received().len(), 1);
}

#[tokio::test]
async fn a_server_error_is_not_answered_with_the_same_change_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (arm, scripted) = saying(status, json!({ "error": { "code": "X", "message": "m" } })).await;
        assert!(arm.deploy(&group(), &deployment(), &request_of_the_test(), &ids()).await.is_err());
        assert_eq!(scripted.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn each_change_is_the_request_that_azure_documents() {
    let (arm, scripted) = saying(200, json!({})).await;
    arm.purge(&location(), &vault(), &ids()).await.expect("an answer");
    arm.recover(&group(), &vault(), &location(), &tenant(), &ids()).await.expect("an answer");
    arm.start_server(&group(), &server(), &ids()).await.expect("an answer");
    arm.register(&ProviderNamespace::new("Microsoft.KeyVault").expect("a name"), &ids()).await.expect("an answer");
    let lines: Vec<_> = scripted.received().iter().map(|one| one.line.replace(SUBSCRIPTION, "S")).collect();
    assert_eq!(
        lines,
        [
            "POST /subscriptions/S/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kv1/purge?api-version=2019-09-01",
            "PUT /subscriptions/S/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1?api-version=2019-09-01",
            "POST /subscriptions/S/resourceGroups/rg/providers/Microsoft.DBforMySQL/flexibleServers/my1/start?api-version=2023-12-30",
            "POST /subscriptions/S/providers/Microsoft.KeyVault/register?api-version=2021-04-01",
        ]
    );
    let recover: Value = serde_json::from_str(&scripted.received()[1].body).expect("JSON");
    assert_eq!(
        recover,
        json!({ "location": "eastus", "properties": { "tenantId": tenant().as_str(), "sku": { "family": "A", "name": "standard" }, "createMode": "recover" } })
    );
}

#[tokio::test]
async fn a_preview_is_waited_for_through_empty_answers() {
    let result = json!({ "status": "Succeeded", "properties": { "changes": [
        { "resourceId": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1"), "changeType": "Modify", "before": { "a": "hunter2" }, "after": {},
          "delta": [{ "path": "properties.sku", "children": [{ "path": "0" }, { "path": "1", "children": [{ "path": "x" }] }] }, { "path": "tags" }] },
        { "resourceId": "[reference('x')]", "changeType": "Delete" }, { "resourceId": "y", "changeType": "Hover" } ] } });
    let location = format!(
        "Location: /subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/locations/eastus/whatIfResults/1"
    );
    let scripted = Scripted::new(move |received, before| match before {
        0 => reply(202, &[&location, "Retry-After: 0"], ""),
        1 | 2 => reply(202, &[&location, "Retry-After: 0"], ""),
        _ => {
            assert!(received.line.contains("whatIfResults"));
            reply(200, &[], &result.to_string())
        }
    });
    let preview = scripted
        .arm()
        .await
        .what_if(&group(), &deployment(), &request_of_the_test(), never())
        .await
        .expect("a preview");
    let kinds: Vec<_> = preview.changes.iter().map(|change| change.change_type).collect();
    assert_eq!(kinds, [ChangeType::Modify, ChangeType::Delete, ChangeType::Other]);
    assert!(preview.changes[0].resource().is_some() && preview.changes[1].resource().is_none());
    assert!(!format!("{preview:?}").contains("hunter2"));
    let (arm, _) =
        saying(200, json!({ "status": "Failed", "error": { "code": "InvalidTemplate", "message": "m" } })).await;
    let error = arm.what_if(&group(), &deployment(), &request_of_the_test(), never()).await.expect_err("no preview");
    assert_eq!(error.code(), Some("InvalidTemplate"));
    let scripted = Scripted::new(|_, _| {
        reply(202, &[&format!("Location: /subscriptions/{SUBSCRIPTION}/x"), "Retry-After: 60"], "")
    });
    let stopped = scripted.arm().await.what_if(&group(), &deployment(), &request_of_the_test(), &|| true).await;
    assert_eq!(stopped.map_err(|error| error.kind), Err(ErrorKind::Interrupted));
}

#[tokio::test]
async fn vaults_are_read_and_asked_without_reading_a_secret() {
    let (arm, _) = saying(200, json!({ "name": "kv1", "id": "/i", "location": "East US", "properties": { "tenantId": tenant().as_str(), "vaultUri": "https://kv1.vault.azure.net/",
        "enableRbacAuthorization": true, "enablePurgeProtection": true, "softDeleteRetentionInDays": 90, "networkAcls": { "defaultAction": "Deny" } } }))
    .await;
    let found = arm.vault(&group(), &vault()).await.expect("an answer").expect("a vault");
    assert!(
        found.uses_rbac
            && found.purge_protection
            && found.soft_delete
            && found.default_action.as_deref() == Some("Deny")
    );
    let (arm, _) = saying(200, json!({ "value": [
        { "name": "KV1", "properties": { "location": "eastus", "scheduledPurgeDate": "2027-01-01T00:00:00Z", "deletionDate": "2026-10-01T00:00:00Z", "purgeProtectionEnabled": true } },
        { "name": "kv1", "properties": { "location": "West US" } }, { "name": "kv2", "properties": {} } ] }))
    .await;
    let deleted = arm.deleted_vaults(Some(&vault())).await.expect("a list");
    let regions: Vec<_> = deleted.iter().map(|one| one.region().map(|region| region.to_string())).collect();
    assert_eq!(regions, [Some("eastus".to_owned()), Some("westus".to_owned())]);
    assert!(
        deleted[0].purge_protection && !deleted[1].purge_protection && deleted[0].purge_scheduled > deleted[0].deleted
    );
    type Expected = fn(&VaultAccess) -> bool;
    let cases: [(u16, Expected); 4] = [
        (200, |access| *access == VaultAccess::Readable),
        (403, |access| matches!(access, VaultAccess::Denied(why) if why.contains("ForbiddenByRbac"))),
        (404, |access| matches!(access, VaultAccess::Silent(_))),
        (307, |access| matches!(access, VaultAccess::Silent(_))),
    ];
    for (status, expected) in cases {
        let body = json!({ "value": [{ "id": "a-name" }], "error": { "code": "Forbidden", "message": "m", "innererror": { "code": "ForbiddenByRbac" } } });
        let (arm, scripted) = saying(status, body).await;
        let access = arm.vault_answers(&format!("{}/vaults-data/kv1/", scripted.address)).await.expect("a look");
        assert!(expected(&access), "{access:?}");
        assert_eq!(scripted.received()[0].line, "GET /vaults-data/kv1/secrets?api-version=7.4&maxresults=1");
    }
    let (arm, scripted) = saying(200, json!({})).await;
    let silent = Scripted::new(|_, _| Reply::Silence);
    let asking = silent.arm().await;
    let access = tokio::select! {
        access = asking.vault_answers(&silent.address) => access,
        () = silent.hurry() => panic!("it has no end"),
    };
    assert!(matches!(&access, Ok(VaultAccess::Silent(why)) if why.contains("15 s")), "{access:?}");
    tokio::time::resume();
    for wrong in ["https://example.com/", "http://10.0.0.1/", "https://kv1.vault.azure.net.example.com/"] {
        assert!(
            matches!(arm.vault_answers(wrong).await.map_err(|error| error.kind), Err(ErrorKind::ForeignAddress(_))),
            "{wrong}"
        );
    }
    assert_eq!((scripted.received().len(), scripted.tokens()), (0, 1), "no token for vaults was even asked for");
}

#[tokio::test]
async fn servers_providers_locks_and_permissions_are_read() {
    let (arm, _) = saying(200, json!({ "value": [
        { "name": "my1", "sku": { "name": "Standard_B1ms" }, "properties": { "state": "Stopped", "version": "8.0.21", "fullyQualifiedDomainName": "h" } },
        { "name": "my2", "properties": { "state": "Hibernating" } } ] }))
    .await;
    let servers = arm.servers(&group()).await.expect("a list");
    assert_eq!((&servers[0].state, servers[0].sku.as_str()), (&ServerState::Stopped, "Standard_B1ms"));
    assert_eq!(servers[1].state.as_str(), "Hibernating");
    let (arm, _) = saying(200, json!({ "namespace": "Microsoft.KeyVault", "registrationState": "NotRegistered", "resourceTypes": [{ "resourceType": "vaults", "locations": ["East US"] }] })).await;
    let provider = arm
        .provider(&ProviderNamespace::new("Microsoft.KeyVault").expect("a name"))
        .await
        .expect("an answer")
        .expect("a provider");
    assert_eq!(provider.registration, Registration::NotRegistered);
    assert!(provider.types[0].is_offered_in(&location()));
    let (arm, _) = saying(200, json!({ "value": [{ "name": "keep", "id": "/i", "properties": { "level": "CanNotDelete", "notes": "n" } }, { "properties": { "level": "New" } }] })).await;
    let levels: Vec<_> = arm.locks(&group()).await.expect("a list").iter().map(|lock| lock.level).collect();
    assert_eq!(levels, [LockLevel::CanNotDelete, LockLevel::Other]);
    let (arm, scripted) = saying(200, json!({ "value": [{ "actions": ["*/read"], "notActions": [] }] })).await;
    assert_eq!(
        arm.permissions_at_subscription().await.expect("a list").may("Microsoft.KeyVault/vaults/read"),
        Some(true)
    );
    assert_eq!(
        arm.permissions_at_group(&group()).await.expect("a list").may("Microsoft.KeyVault/vaults/write"),
        Some(false)
    );
    assert_eq!(scripted.received().len(), 2);
}

#[tokio::test]
async fn a_look_whose_token_is_not_taken_is_repeated_with_a_fresh_one_and_a_change_is_not() {
    let scripted = Scripted::new(|received, before| match before {
        0 | 2 | 4 => reply(401, &[], r#"{"error":{"code":"InvalidAuthenticationToken","message":"m"}}"#),
        _ if received.line.contains("deletedVaults") => reply(200, &[], r#"{"value":[]}"#),
        _ => reply(200, &[], r#"{"name":"kv1"}"#),
    });
    let arm = scripted.arm().await;
    assert!(arm.vault(&group(), &vault()).await.is_ok_and(|found| found.is_some()), "through the SDK");
    assert_eq!(arm.deleted_vaults(None).await, Ok(Vec::new()), "and beside it");
    let error = arm.start_server(&group(), &server(), &ids()).await.expect_err("not taken");
    assert_eq!((error.status(), error.reach()), (Some(401), super::super::error::Reach::Refused));
    // The one of the login, two renewed, and one for the change.
    assert_eq!((scripted.received().len(), scripted.tokens()), (5, 4));
    assert!(arm.start_server(&group(), &server(), &ids()).await.is_ok());
    assert_eq!(scripted.tokens(), 5, "the next change has a token of its own too");
}

#[tokio::test]
async fn a_preview_that_never_ends_is_left_after_its_time() {
    let location = format!("Location: /subscriptions/{SUBSCRIPTION}/x");
    let scripted = Scripted::new(move |_, _| reply(202, &[&location], ""));
    let (arm, request) = (scripted.arm().await, request_of_the_test());
    let (group, name) = (group(), deployment());
    let preview = tokio::select! {
        preview = arm.what_if(&group, &name, &request, never()) => preview,
        () = scripted.hurry() => panic!("it has no end"),
    };
    let limit = super::super::limits::WHAT_IF_TIMEOUT;
    assert_eq!(preview.map_err(|error| error.kind), Err(ErrorKind::TimedOut(limit)));
}

#[tokio::test]
async fn a_list_of_too_many_is_an_error_and_not_a_part_of_it() {
    let all: Vec<_> = (0..=LIST_ENTRIES_MAX).map(|number| json!({ "name": format!("my{number}") })).collect();
    let (arm, _) = saying(200, json!({ "value": all })).await;
    let error = arm.servers(&group()).await.expect_err("too many");
    assert!(error.to_string().contains("more than 5000 entries"), "{error}");
    let (arm, _) = saying(200, json!({ "value": all[..LIST_ENTRIES_MAX] })).await;
    assert_eq!(arm.servers(&group()).await.map(|all| all.len()), Ok(LIST_ENTRIES_MAX));
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_an_error_that_quotes_nothing() {
    let scripted = Scripted::new(|_, _| Reply::Raw(b"HTTP/1.1 200 X\r\nContent-Length: 6\r\n\r\n<html>".to_vec()));
    let error = scripted.arm().await.group(&group()).await.expect_err("no JSON");
    assert!(matches!(error.kind, ErrorKind::Unreadable(_)), "{error}");
}

//! The whole layer against a stand-in for Azure that keeps state, from the login to the last look.
//!
//! What one request or answer is like has its tests beside the code; here is what only shows when they follow each other.

use std::time::Duration;

use repair_fake_azure::{
    ARM_AUDIENCE, FakeAzure, Fault, FaultKind, LinkTo, PollHeaders, ServerState as Made, Throttling, World, shop,
};
use repair_model::secret::Secret;

use super::access::LockLevel;
use super::client::{Arm, ArmOptions, Started};
use super::cloud::Cloud;
use super::credential::{CredentialChoice, CredentialError};
use super::deployments::{DeploymentRequest, DeploymentState};
use super::error::{ArmError, ErrorKind, Reach};
use super::names::{
    DeploymentName, GroupName, Location, ProviderNamespace, ServerName, SubscriptionId, TenantId, VaultName,
};
use super::poller::{Waited, Waiting};
use super::providers::Registration;
use super::request_ids::RequestIds;
use super::servers::ServerState;
use super::transport::HttpOptions;
use super::vaults::VaultAccess;
use super::what_if::ChangeType;

fn group() -> GroupName {
    GroupName::new(shop::GROUP).expect("a name")
}

fn vault() -> VaultName {
    VaultName::new(shop::VAULT).expect("a name")
}

fn server() -> ServerName {
    ServerName::new(shop::SERVER).expect("a name")
}

fn location() -> Location {
    Location::new(shop::LOCATION).expect("a region")
}

fn deployment() -> DeploymentName {
    DeploymentName::new(shop::DEPLOYMENT).expect("a name")
}

fn ids() -> RequestIds {
    RequestIds::new(&"20261126-081824-d4b2390d".parse().expect("a session id"), 3).expect("a place")
}

fn request() -> DeploymentRequest {
    DeploymentRequest { template: shop::template(), parameters: shop::parameters() }
}

fn options(azure: &FakeAzure) -> ArmOptions {
    let credential = CredentialChoice {
        tenant_id: Some(shop::TENANT.to_owned()),
        client_id: Some(shop::CLIENT_ID.to_owned()),
        client_secret: Some(Secret::new(shop::CLIENT_SECRET)),
        ..CredentialChoice::default()
    };
    let cloud = Cloud::public().at_endpoint(&azure.url()).and_then(|cloud| cloud.with_authority(&azure.url()));
    let subscription = Some(SubscriptionId::new(shop::SUBSCRIPTION).expect("a GUID"));
    ArmOptions { cloud: cloud.expect("an address"), subscription, credential, http: HttpOptions::default() }
}

/// A stand-in with `world`, which does not ask to be left alone, and a connection to it.
async fn azure(world: World) -> (FakeAzure, Arm) {
    let azure = FakeAzure::start(world).expect("a stand-in for Azure");
    azure.quirks(|quirks| quirks.retry_after_seconds = Some(0));
    let arm = Arm::connect(options(&azure)).await.unwrap_or_else(|error| panic!("{error}"));
    (azure, arm)
}

async fn wait(arm: &Arm, started: &Started) -> Waited {
    let poll = started.poll.as_ref().expect("an address to look at");
    let (whole, pause) = (Duration::from_secs(20), Some(Duration::from_millis(20)));
    let waiting = Waiting { whole, pause, progress: &mut |_| {}, interrupted: &|| false };
    arm.wait(poll, waiting).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn done(arm: &Arm, started: Result<Started, ArmError>) {
    let started = started.unwrap_or_else(|error| panic!("{error}"));
    let waited = wait(arm, &started).await;
    assert!(matches!(waited, Waited::Done(_)), "{waited:?}");
}

/// What the stand-in knows nothing of, or should never have got.
fn nothing_odd(azure: &FakeAzure) {
    assert!(azure.unexpected().is_empty(), "{:?}", azure.unexpected());
    assert!(azure.leaks().is_empty(), "{:?}", azure.leaks());
}

#[tokio::test]
async fn everything_of_a_healthy_group_can_be_seen() {
    let (azure, arm) = azure(World::shop()).await;
    azure.deploy(shop::DEPLOYMENT, &shop::template(), &shop::parameters()).expect("deployed");
    for quirk in 0..4 {
        azure.quirks(|quirks| {
            quirks.changed_case = quirk == 1;
            quirks.page_items = if quirk == 2 { 1 } else { 100 };
            quirks.empty_first_page = quirk == 3;
            quirks.next_link = if quirk == 3 { LinkTo::Relative } else { LinkTo::Absolute };
            quirks.chunked = quirk == 3;
        });
        let subscription = arm.subscription().await.expect("a look");
        assert!(subscription.is_enabled() && subscription.tenant.is_some());
        let found = arm.group(&group()).await.expect("a look").expect("a group");
        assert_eq!(Location::new(&found.location).expect("a region"), location());
        assert_eq!(arm.group(&GroupName::new("nowhere").expect("a name")).await, Ok(None));
        let vault = arm.vault(&group(), &vault()).await.expect("a look").expect("a vault");
        assert_eq!(arm.vault_answers(&vault.uri).await, Ok(VaultAccess::Readable));
        assert_eq!(arm.deleted_vaults(None).await, Ok(Vec::new()));
        assert_eq!(arm.servers(&group()).await.expect("a look").len(), 1);
        let server = arm.server(&group(), &server()).await.expect("a look").expect("a server");
        assert_eq!(server.state, ServerState::Ready);
        let made = arm.deployment(&group(), &deployment()).await.expect("a look").expect("a deployment");
        assert_eq!(made.state, DeploymentState::Succeeded);
        assert!(!format!("{made:?}").contains(shop::PASSWORD));
        let listed = arm.deployments(&group()).await.expect("a look");
        assert!(listed.iter().any(|one| one.name == shop::DEPLOYMENT));
        let operations = arm.operations(&group(), &deployment()).await.expect("a look");
        assert!(operations.len() > 3 && operations.iter().all(|one| one.error.is_none()), "{operations:?}");
        let targets: Vec<_> = operations.iter().filter_map(|one| one.target.as_ref()).collect();
        assert!(targets.iter().all(|target| target.resource_id().is_some()), "{targets:?}");
        assert!(arm.export_template(&group(), &deployment()).await.expect("a look").is_some());
        let provider = ProviderNamespace::new("Microsoft.KeyVault").expect("a name");
        let provider = arm.provider(&provider).await.expect("a look").expect("a provider");
        assert_eq!(provider.registration, Registration::Registered);
        assert!(arm.locks(&group()).await.expect("a look").iter().all(|lock| lock.level != LockLevel::Other));
        let purge = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
        assert!(arm.permissions_at_subscription().await.expect("a look").may(purge).is_some());
        assert!(
            arm.permissions_at_group(&group()).await.expect("a look").may("Microsoft.KeyVault/vaults/write").is_some()
        );
        let preview = arm.what_if(&group(), &deployment(), &request(), &|| false).await.expect("a preview");
        assert!(!preview.changes.is_empty());
        assert!(preview.changes.iter().all(|change| change.change_type != ChangeType::Delete), "{preview:?}");
    }
    assert!(azure.mutations().is_empty(), "looking changes nothing: {:?}", azure.mutations());
    nothing_odd(&azure);
}

#[tokio::test]
async fn a_purge_frees_the_name_that_a_deployment_failed_for() {
    let mut world = World::bare();
    world.add_deleted_vault(shop::SUBSCRIPTION, shop::GROUP, shop::VAULT, shop::LOCATION);
    let (azure, arm) = azure(world).await;
    for nesting in [0, 1, 3] {
        azure.quirks(|quirks| quirks.error_nesting = nesting);
        let failed = fails_to_deploy(&arm).await;
        let text = failed.as_evidence_text();
        assert!(text.contains("deleted state") && !text.contains("\\\""), "unfolded: {text}");
    }
    let held = arm.deleted_vaults(Some(&vault())).await.expect("a look");
    assert_eq!((held.len(), held[0].region()), (1, Some(location())));
    done(&arm, arm.purge(&location(), &vault(), &ids()).await).await;
    assert_eq!(arm.deleted_vault(&location(), &vault()).await, Ok(None));
    let started = arm.deploy(&group(), &deployment(), &request(), &ids()).await.expect("begun");
    assert!(matches!(wait(&arm, &started).await, Waited::Done(_)));
    let made = arm.deployment(&group(), &deployment()).await.expect("a look").expect("a deployment");
    assert_eq!((made.state, made.error), (DeploymentState::Succeeded, None));
    let sent: Vec<_> = azure.mutations().into_iter().filter_map(|entry| entry.client_request_id).collect();
    assert!(sent.iter().all(|id| RequestIds::parse(id).is_some_and(|id| id.place == 3)), "{sent:?}");
    nothing_odd(&azure);
}

/// Deploys the shop, which fails; why.
async fn fails_to_deploy(arm: &Arm) -> ArmError {
    match arm.deploy(&group(), &deployment(), &request(), &ids()).await {
        Err(error) => error,
        Ok(started) => match wait(arm, &started).await {
            Waited::Failed(error) => error,
            other => panic!("{other:?}"),
        },
    }
}

#[tokio::test]
async fn a_recovered_vault_is_there_again() {
    let mut world = World::shop();
    world.soft_delete_vault(shop::VAULT).expect("deleted");
    let (azure, arm) = azure(world).await;
    assert_eq!(arm.vault(&group(), &vault()).await, Ok(None));
    let tenant = TenantId::new(shop::TENANT).expect("a GUID");
    let started =
        arm.recover(&group(), &vault(), &location(), &tenant, &ids()).await.unwrap_or_else(|error| panic!("{error}"));
    if started.poll.is_some() {
        assert!(matches!(wait(&arm, &started).await, Waited::Done(_)));
    }
    let back = arm.vault(&group(), &vault()).await.expect("a look").expect("a vault");
    assert_eq!(arm.vault_answers(&back.uri).await, Ok(VaultAccess::Readable));
    nothing_odd(&azure);
}

#[tokio::test]
async fn a_stopped_server_starts_by_each_kind_of_address() {
    for poll_headers in
        [PollHeaders::Real, PollHeaders::OnlyLocation, PollHeaders::OnlyAsyncOperation, PollHeaders::Both]
    {
        for poll_link in [LinkTo::Absolute, LinkTo::Relative] {
            let mut world = World::shop();
            world.set_server_state(shop::SERVER, Made::Stopped).expect("stopped");
            let (azure, arm) = azure(world).await;
            azure.quirks(|quirks| (quirks.poll_headers, quirks.poll_link) = (poll_headers, poll_link));
            done(&arm, arm.start_server(&group(), &server(), &ids()).await).await;
            let started = arm.server(&group(), &server()).await.expect("a look").expect("a server");
            assert_eq!(started.state, ServerState::Ready);
            assert_eq!(azure.mutations().len(), 1);
            nothing_odd(&azure);
        }
    }
}

#[tokio::test]
async fn no_token_follows_a_link_or_a_redirect_to_a_stranger() {
    let mut world = World::shop();
    world.set_server_state(shop::SERVER, Made::Stopped).expect("stopped");
    let (azure, arm) = azure(world).await;
    azure.quirks(|quirks| {
        (quirks.poll_link, quirks.next_link, quirks.page_items) = (LinkTo::Stranger, LinkTo::Stranger, 1)
    });
    let error = arm.start_server(&group(), &server(), &ids()).await.expect_err("a foreign address");
    assert!(matches!(error.kind, ErrorKind::ForeignAddress(_)) && error.reach() == Reach::Unclear, "{error}");
    azure.deploy(shop::DEPLOYMENT, &shop::template(), &shop::parameters()).expect("deployed");
    let error = arm.operations(&group(), &deployment()).await.expect_err("a foreign address");
    assert!(matches!(error.kind, ErrorKind::ForeignAddress(_)), "{error}");
    for status in [302, 307] {
        azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/vaults/", FaultKind::Redirect { status })));
        let error = arm.vault(&group(), &vault()).await.expect_err("a redirect");
        assert!(matches!(error.kind, ErrorKind::Redirected(_)), "{error}");
    }
    nothing_odd(&azure);
}

#[tokio::test]
async fn what_became_of_a_change_without_an_answer_is_told_honestly() {
    let faults = [
        (FaultKind::CutAnswer, Reach::Unclear),
        (FaultKind::NoAnswer, Reach::Unclear),
        (FaultKind::ServerErrorAfterwards, Reach::Unclear),
        (FaultKind::Unavailable, Reach::Unclear),
        (FaultKind::HugeError { bytes: 10 * 1024 * 1024 }, Reach::Refused),
        (FaultKind::Throttle { code: Throttling::Subscription, retry_after_seconds: Some(7) }, Reach::Refused),
        (FaultKind::Throttle { code: Throttling::AnotherOperation, retry_after_seconds: None }, Reach::Refused),
    ];
    for (kind, reach) in faults {
        let mut world = World::shop();
        world.set_server_state(shop::SERVER, Made::Stopped).expect("stopped");
        let (azure, arm) = azure(world).await;
        azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/start", kind)));
        let error = arm.start_server(&group(), &server(), &ids()).await.expect_err("no answer");
        assert_eq!(error.reach(), reach, "{kind:?}: {error}");
        let sent = azure.ledger().iter().filter(|entry| entry.path.ends_with("/start")).count();
        assert_eq!(sent, 1, "{kind:?}: sent once, whatever came of it");
        match &kind {
            FaultKind::Throttle { code: Throttling::AnotherOperation, .. } => {
                assert!(error.is_lock() && !error.is_throttled())
            }
            FaultKind::Throttle { .. } => {
                assert!(error.is_throttled() && error.retry_after() == Some(Duration::from_secs(7)));
            }
            FaultKind::HugeError { .. } => assert!(error.refusal().is_some_and(|refusal| refusal.cut)),
            _ => {}
        }
        nothing_odd(&azure);
    }
}

#[tokio::test]
async fn a_login_that_is_not_right_is_told_before_anything_is_asked() {
    let (azure, arm) = azure(World::shop()).await;
    let mut wrong = options(&azure);
    wrong.credential.client_secret = Some(Secret::new("hunter2"));
    let error = Arm::connect(wrong).await.expect_err("no login");
    assert!(matches!(&error.kind, ErrorKind::Credential(CredentialError::Wrong { .. })), "{error}");
    assert!(!error.to_string().contains("hunter2"));
    let any = Arm::connect(ArmOptions { subscription: None, ..options(&azure) }).await;
    assert_eq!(any.expect("the only one").subscription_id(), arm.subscription_id());
    assert!(azure.token(ARM_AUDIENCE).is_ok());
    nothing_odd(&azure);
}

//! What the host refuses whatever a tool proposes: a target that is not this deployment's, or is not as it was seen. And what
//! it does not take for an answer of Azure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use repair_effects::azure::cloud::Cloud;
use repair_effects::azure::credential::CredentialChoice;
use repair_effects::azure::transport::HttpOptions;
use repair_effects::resource_group::request::{GroupRequest, ParameterSource};
use repair_effects::resource_group::{GroupOptions, ResourceGroup};
use repair_fake_azure::{ServerState, World, shop};
use repair_model::action::Action;
use repair_model::azure::{AzureAction, AzureFact, AzureQuery, DeletedVault, VaultName};
use repair_model::outcome::Probe;
use repair_model::query::{Answer, Fact, Query};
use repair_model::risk::Risk;
use repair_model::secret::Secret;
use repair_pipeline::outside::{Deployment as _, EffectId};

use crate::azure_scenario::Shop;

/// Somebody else's vault, which this login could purge.
const FOREIGN: &str = "kv-prod-secrets";

/// The group as a session opens it.
async fn opened(shop: &Shop) -> ResourceGroup {
    opened_until(shop, Arc::default()).await
}

/// The same, for a person who may wish to stop.
async fn opened_until(shop: &Shop, interrupted: Arc<AtomicBool>) -> ResourceGroup {
    let url = shop.azure.url();
    let cloud = Cloud::public().at_endpoint(&url).and_then(|cloud| cloud.with_authority(&url)).expect("an address");
    let request = GroupRequest {
        group: shop::GROUP.to_owned(),
        template: Some("main.json".into()),
        parameters: vec![ParameterSource::File("main.parameters.json".into())],
        ..GroupRequest::default()
    };
    let credential = CredentialChoice {
        tenant_id: Some(shop::TENANT.to_owned()),
        client_id: Some(shop::CLIENT_ID.to_owned()),
        client_secret: Some(Secret::new(shop::CLIENT_SECRET)),
        ..CredentialChoice::default()
    };
    ResourceGroup::open(GroupOptions {
        request,
        directory: shop.dir(),
        cloud,
        credential,
        http: HttpOptions::default(),
        path_var: "/usr/bin".into(),
        probes: Vec::new(),
        projection: None,
        interrupted,
        wanted_at: None,
        wait: Duration::from_secs(5),
    })
    .await
    .expect("the group can be opened")
}

async fn deleted(group: &mut ResourceGroup, vault: &str) -> DeletedVault {
    let asked = Query::Azure(AzureQuery::DeletedVaults { vault: vault.to_owned() });
    match group.observe(&asked).await.answer {
        Answer::Fact(Fact::Azure(AzureFact::DeletedVaults(vaults))) => {
            vaults.into_iter().next().expect("a deleted vault")
        }
        other => panic!("{other:?}"),
    }
}

fn named(vault: &DeletedVault) -> VaultName {
    VaultName { vault: vault.name.clone(), location: vault.location.clone(), deleted: vault.deleted.clone() }
}

async fn refusal(group: &mut ResourceGroup, action: AzureAction) -> String {
    let words = format!("{action:?}");
    match group.prepare(&[Action::Azure(action)], None).await {
        Err(error) => error.what,
        Ok(prepared) => panic!("{words} is not refused: {prepared:?}"),
    }
}

/// Beside the shop's own vault, one that its template does not want was deleted.
fn with_a_foreign_vault(world: &mut World) {
    let mut foreign = world.vault(shop::VAULT).expect("a vault").clone();
    foreign.resource.name = FOREIGN.to_owned();
    world.vaults.push(foreign);
    world.soft_delete_vault(FOREIGN).expect("a vault");
    world.soft_delete_vault(shop::VAULT).expect("a vault");
}

#[tokio::test]
async fn a_deleted_vault_that_the_template_does_not_want_is_nobodys_target() {
    let shop = Shop::broken(with_a_foreign_vault);
    let group = &mut opened(&shop).await;
    let foreign = deleted(group, FOREIGN).await;
    for action in [AzureAction::PurgeVault(named(&foreign)), AzureAction::RecoverVault(named(&foreign))] {
        let refused = refusal(group, action).await;
        assert!(refused.contains("wants no vault `kv-prod-secrets`"), "{refused}");
    }
    let own = deleted(group, shop::VAULT).await;
    let prepared = group.prepare(&[Action::Azure(AzureAction::PurgeVault(named(&own)))], None).await.expect("its own");
    assert_eq!(prepared.steps[0].step.risk, Risk::Irreversible);
    shop.untouched();
}

#[tokio::test]
async fn another_deletion_than_the_one_that_was_seen_is_refused() {
    let shop = Shop::deleted_vault();
    let group = &mut opened(&shop).await;
    let own = named(&deleted(group, shop::VAULT).await);
    let other = VaultName { deleted: "2020-01-01T00:00:00Z".to_owned(), ..own.clone() };
    assert!(refusal(group, AzureAction::PurgeVault(other)).await.contains("was deleted at"));
    let elsewhere = VaultName { location: "northeurope".to_owned(), ..own.clone() };
    assert!(refusal(group, AzureAction::RecoverVault(elsewhere)).await.contains("northeurope"));
    let path = VaultName { vault: "../../x".to_owned(), ..own };
    assert!(refusal(group, AzureAction::PurgeVault(path)).await.contains("not valid"));
    shop.untouched();
}

#[tokio::test]
async fn a_server_a_provider_or_a_deployment_that_is_not_as_it_was_seen_is_refused() {
    let shop = Shop::stopped_server();
    let group = &mut opened(&shop).await;
    let start = |server: &str, id: &str| AzureAction::StartMysql { server: server.to_owned(), id: id.to_owned() };
    assert!(refusal(group, start(shop::SERVER, "/subscriptions/1/other")).await.contains("another id"));
    assert!(refusal(group, start("db-elsewhere", "/x")).await.contains("has no MySQL server"));
    let again = AzureAction::DeployTemplate { deployment: "nightly".to_owned() };
    assert!(refusal(group, again).await.contains("not `nightly`"));
    let register = AzureAction::RegisterProvider { namespace: "Microsoft.KeyVault".to_owned() };
    assert!(refusal(group, register).await.contains("registered for `Microsoft.KeyVault` already"));
    let compose = Action::ComposeUp { services: vec!["web".to_owned()] };
    assert!(group.prepare(&[compose], None).await.expect_err("refused").what.contains("`compose-up`"));

    shop.azure.world(|world| world.set_server_state(shop::SERVER, ServerState::Ready).expect("a server"));
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DBforMySQL/flexibleServers/{}",
        shop::SUBSCRIPTION,
        shop::GROUP,
        shop::SERVER
    );
    assert!(refusal(group, start(shop::SERVER, &id)).await.contains("only one that is Stopped"));
    shop.untouched();
}

#[tokio::test]
async fn a_probe_that_is_cut_short_does_not_say_that_nothing_happened() {
    let shop = Shop::deleted_vault();
    let wish = Arc::new(AtomicBool::new(false));
    let group = &mut opened_until(&shop, Arc::clone(&wish)).await;
    let own = named(&deleted(group, shop::VAULT).await);
    let prepared = group.prepare(&[Action::Azure(AzureAction::RecoverVault(own))], None).await.expect("a step");
    let step = &prepared.steps[0].step;
    let effect = EffectId { session: "20260131-235959-0a1b2c3d".parse().expect("an id"), place: 0, operation: None };
    assert_eq!(group.probe(step, &effect, &mut |_| {}).await, Probe::DidNotHappen, "it was given its time");
    wish.store(true, Ordering::Relaxed);
    let probe = group.probe(step, &effect, &mut |_| {}).await;
    assert!(matches!(probe, Probe::Unclear(_)), "{probe:?}");
    shop.untouched();
}

//! What leaves everything as it is, and what a person is told.

use repair_tool_sdk::azure::WantedChange;
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::QueryKind;
use repair_tool_sdk::reply::Reply;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment, deleted_vault};
use repair_tool_sdk::tool::manifest;

use super::{KeyvaultSoftDeleted, SOFT_DELETED, TAKEN, declines, group, host, proposes, recovery, vault};

#[test]
fn a_name_that_a_live_vault_holds_is_only_explained() {
    let free = FakeHost::new(TAKEN).azure(group([]));
    let both_wrong = "purging and bringing back are both wrong";
    declines(
        &free,
        &[both_wrong, "No deleted vault", "az keyvault list --query \"[?name=='kv-shop'].id\"", "`rg-shop`"],
    );
    let deleted = FakeHost::new(TAKEN).azure(group([deleted_vault("kv-shop")]));
    declines(
        &deleted,
        &[both_wrong, "is in this subscription all the same", "az keyvault show-deleted --name kv-shop"],
    );
    let own = AzureGroup { wanted: vec![vault("kv-shop").changing(WantedChange::Write)], ..group([]) };
    declines(&FakeHost::new(TAKEN).azure(own), &[both_wrong, "`kv-shop` exists in this group"]);
    let blind = Refusal::Unavailable("403".to_owned());
    declines(&deleted.refusing(QueryKind::DeletedVaults, blind), &[both_wrong, "No deleted vault was seen"]);
    let nothing = FakeHost::new(TAKEN).azure(AzureGroup::default()).fact("vault", "kv-orders");
    declines(&nothing, &[both_wrong, "[?name=='kv-orders']"]);
}

#[test]
fn a_deployment_that_succeeded_has_no_vault_in_its_way() {
    let mut azure = group([deleted_vault("kv-shop")]);
    azure.deployment.state = "Succeeded".to_owned();
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["`main` has succeeded"]);
}

#[test]
fn without_a_template_nothing_is_left_half_way() {
    let mut azure = group([deleted_vault("kv-shop")]);
    azure.deployment = azure.deployment.not_again("no template was named");
    let refusal = Refusal::Unavailable("no template was named".to_owned());
    declines(
        &FakeHost::new(SOFT_DELETED).azure(azure.clone()).refusing(QueryKind::WantedResources, refusal.clone()),
        &[
            "`kv-shop` in westeurope, deleted on 2026-01-20T08:00:00Z",
            "az keyvault recover --name kv-shop --location westeurope --resource-group rg-shop",
            "left as it is",
            "no template was named",
            "--template FILE --parameters FILE",
        ],
    );
    azure.deleted_vaults.clear();
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["it is free again", "--template FILE --parameters FILE"]);
}

#[test]
fn a_template_whose_deployment_would_delete_something_is_not_deployed() {
    let mut azure = group([deleted_vault("kv-shop")]);
    azure.wanted.push(vault("kv-logs").changing(WantedChange::Delete));
    declines(
        &FakeHost::new(SOFT_DELETED).azure(azure),
        &["left as it is", "would delete `kv-logs`", "az deployment group what-if"],
    );
}

#[test]
fn a_list_that_was_cut_decides_nothing() {
    declines(
        &host([deleted_vault("kv-shop")]).cutting(QueryKind::DeletedVaults),
        &["More deleted vaults", "none is touched"],
    );
    declines(&host([deleted_vault("kv-shop")]).cutting(QueryKind::WantedResources), &["might be deleted"]);
}

#[test]
fn an_answer_that_is_refused_is_told_with_what_it_needs() {
    let refusal = || Refusal::Unavailable("403 from Azure".to_owned());
    let host = host([deleted_vault("kv-shop")]);
    let blind = host.clone().refusing(QueryKind::DeletedVaults, refusal());
    declines(
        &blind,
        &["403 from Azure", "Microsoft.KeyVault/deletedVaults/read", "`repair reader`", "show-deleted --name kv-shop"],
    );
    declines(&host.clone().refusing(QueryKind::DeletedVaults, Refusal::OverLimit), &["more than `repair` can look at"]);
    declines(&host.clone().refusing(QueryKind::ArmDeployment, refusal()), &["403 from Azure"]);
    proposes(&host.refusing(QueryKind::AzureAccount, refusal()), &recovery(), &[]);
}

#[test]
fn a_deployment_without_a_vault_proves_nothing() {
    let azure = AzureGroup { deleted_vaults: vec![deleted_vault("kv-shop")], ..AzureGroup::default() };
    let host = FakeHost::new(SOFT_DELETED).azure(azure);
    declines(&host, &["no deleted one is proven", "[?name=='VAULT']"]);
    declines(&host.clone().fact("vault", "kv-shop"), &["no deleted one is proven", "[?name=='kv-shop']"]);
    declines(&host.fact("vault", "x'; rm -rf /"), &["[?name=='VAULT']"]);
}

#[test]
fn a_vault_of_another_subscription_is_left_alone() {
    let mut foreign = deleted_vault("kv-shop");
    foreign.vault_id = foreign.vault_id.replace("000000000001", "000000000009");
    declines(&host([foreign]), &["00000000-0000-0000-0000-000000000009", "az account set", "another name"]);
    let mut elsewhere = vault("kv-shop");
    elsewhere.id = elsewhere.id.replace("000000000001", "000000000007");
    let azure = AzureGroup { wanted: vec![elsewhere], ..group([deleted_vault("kv-shop")]) };
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["000000000007", "not the one that is healed"]);
    let mut switched = group([deleted_vault("kv-shop")]);
    switched.account.subscription = "00000000-0000-0000-0000-000000000003".to_owned();
    declines(&FakeHost::new(SOFT_DELETED).azure(switched), &["not the one that is healed"]);
}

#[test]
fn a_vault_whose_description_contradicts_itself_is_left_alone() {
    let whole = || deleted_vault("kv-shop");
    let odd = [
        {
            let mut odd = whole();
            odd.vault_id = "kv-shop".to_owned();
            odd
        },
        {
            let mut odd = whole();
            odd.vault_id = odd.vault_id.replace("vaults/kv-shop", "vaults/kv-other");
            odd
        },
        {
            let mut odd = whole();
            odd.resource_group = "rg-other".to_owned();
            odd
        },
        {
            let mut odd = whole();
            odd.deleted = String::new();
            odd
        },
        whole().at(""),
    ];
    for odd in odd {
        declines(&host([odd]), &["does not fit together", "az keyvault show-deleted"]);
    }
}

#[test]
fn too_many_vaults_are_looked_at_by_a_person() {
    let names: Vec<String> = (0..17).map(|at| format!("kv-{at}")).collect();
    let many = AzureGroup { wanted: names.iter().map(|name| vault(name)).collect(), ..AzureGroup::default() };
    declines(&FakeHost::new(SOFT_DELETED).azure(many), &["17 vaults", "list-deleted"]);
    let five = AzureGroup {
        wanted: names[..5].iter().map(|name| vault(name)).collect(),
        deleted_vaults: names[..5].iter().map(|name| deleted_vault(name)).collect(),
        ..AzureGroup::default()
    };
    declines(&FakeHost::new(SOFT_DELETED).azure(five), &["5 deleted vaults", "`kv-4`", "the right group"]);
}

#[test]
fn a_deployment_that_has_run_for_long_is_looked_at_by_a_person() {
    let mut azure = group([deleted_vault("kv-shop")]);
    azure.deployment = arm_deployment("main", "Running").running("main", 50_000);
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["has run for 833 minutes", "cancel"]);
}

#[test]
fn parameters_are_bounded_by_their_schema_and_unknown_ones_are_an_error() {
    let schema = manifest::<KeyvaultSoftDeleted>().params_schema;
    assert!(schema.contains(r#""maxItems":16"#) && schema.contains(r#""additionalProperties":false"#), "{schema}");
    for wrong in [r#"{"prefer": "delete"}"#, r#"{"purge_all": true}"#] {
        let reply: Result<Reply, _> = host([]).params(wrong).converse::<KeyvaultSoftDeleted>().reply;
        assert_eq!(reply.expect_err("no such parameter").code, "params");
    }
}

//! Which vault is brought back, which is purged, and which is left alone.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{Awaited, WantedChange, WantedResource};
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::QueryKind;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, deleted_vault};

use super::{
    KeyvaultSoftDeleted, PROTECTED, SOFT_DELETED, declines, deploy, group, host, proposal, proposes, recovery, vault,
};

/// Of another place, but of this group.
fn moved() -> repair_tool_sdk::azure::DeletedVault {
    deleted_vault("kv-shop").at("northeurope")
}

#[test]
fn a_vault_of_the_same_group_and_place_is_brought_back() {
    let host = host([deleted_vault("kv-shop")]);
    let transcript = host.converse::<KeyvaultSoftDeleted>();
    assert_eq!(transcript.rounds.len(), 2, "the names have to be known before they are asked about");
    let words = ["`kv-shop` in westeurope", "2026-01-20T08:00:00Z", "`rg-shop`", "old secrets too", "deployed again"];
    proposes(&host, &recovery(), &words);
    assert_eq!(proposal(&host).confidence, 900);
}

#[test]
fn names_groups_places_and_subscriptions_compare_without_regard_to_case() {
    let mut deleted = deleted_vault("KV-Shop").at("West Europe");
    deleted.vault_id = deleted.vault_id.to_uppercase();
    deleted.resource_group = "RG-SHOP".to_owned();
    let action = Action::recover_vault(&deleted);
    proposes(&host([deleted]), &[action, deploy()], &["`kv-shop`"]);
}

#[test]
fn a_vault_of_another_place_is_purged_because_names_are_unique() {
    let host = host([moved()]);
    proposes(
        &host,
        &[Action::purge_vault(&moved()), deploy()],
        &["for good", "2026-04-20T08:00:00Z", "unique in all of Azure"],
    );
    assert_eq!(proposal(&host).confidence, 800);
}

#[test]
fn a_vault_of_another_group_is_purged_only_if_the_project_names_that_group() {
    let old = deleted_vault("kv-shop").of_group("rg-old");
    let host = host([old.clone()]);
    declines(
        &host,
        &[
            "group `rg-old`",
            "not this group's",
            "az keyvault show-deleted --name kv-shop --location westeurope",
            "az keyvault purge --name kv-shop --location westeurope",
            "another name",
            "purge_from_groups = [\"rg-old\"]",
        ],
    );
    for named in [r#"["rg-old"]"#, r#"["rg-other", "RG-OLD"]"#] {
        let released = host.clone().params(&format!(r#"{{"purge_from_groups": {named}}}"#));
        proposes(&released, &[Action::purge_vault(&old), deploy()], &["`rg-old`", "for good"]);
    }
    declines(&host.params(r#"{"purge_from_groups": ["rg-older"], "prefer": "purge"}"#), &["not this group's"]);
}

#[test]
fn a_group_that_only_the_host_calls_the_same_is_another_one() {
    let mut odd = deleted_vault("kv-shop").of_group("rg-old");
    odd.same_group = true;
    declines(&host([odd]), &["not this group's"]);
}

#[test]
fn a_vault_that_a_module_wants_in_another_group_is_not_this_groups() {
    let mut elsewhere = vault("kv-shop");
    elsewhere.id = elsewhere.id.replace("rg-shop", "rg-net");
    let azure = AzureGroup { wanted: vec![elsewhere], ..group([deleted_vault("kv-shop").of_group("rg-net")]) };
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["not this group's", "recover", "--resource-group rg-net"]);
}

#[test]
fn this_groups_own_vault_is_purged_if_the_project_prefers_that() {
    let host = host([deleted_vault("kv-shop")]).params(r#"{"prefer": "purge"}"#);
    let words = ["`prefer = \"purge\"`", "every secret, key and certificate"];
    proposes(&host, &[Action::purge_vault(&deleted_vault("kv-shop")), deploy()], &words);
}

#[test]
fn a_protected_vault_of_the_same_group_and_place_comes_back_whatever_is_preferred() {
    let host = host([deleted_vault("kv-shop").protected()]);
    proposes(&host, &recovery(), &["old secrets too"]);
    proposes(&host.params(r#"{"prefer": "purge"}"#), &recovery(), &["which purge protection forbids"]);
}

#[test]
fn a_protected_vault_elsewhere_is_explained_with_its_date() {
    let words = ["Nobody can purge it", "until 2026-04-20T08:00:00Z take another name", "show-deleted"];
    declines(&host([moved().protected()]), &[&words[..], &["not in westeurope", "az keyvault recover"]].concat());
    let old = deleted_vault("kv-shop").of_group("rg-old").protected();
    let released = host([old]).params(r#"{"purge_from_groups": ["rg-old"]}"#);
    declines(&released, &[&words[..], &["`rg-old`", "stays theirs"]].concat());
}

#[test]
fn a_failure_that_speaks_of_protection_leads_to_no_purge_even_if_the_list_does_not_agree() {
    let said = |deleted| FakeHost::new(PROTECTED).azure(group([deleted]));
    proposes(&said(deleted_vault("kv-shop").protected()), &recovery(), &[]);
    proposes(&said(deleted_vault("kv-shop")).params(r#"{"prefer": "purge"}"#), &recovery(), &[]);
    declines(&said(moved()), &["although the list of deleted vaults does not", "another name"]);
    declines(&said(moved().protected()), &["Nobody can purge it"]);
}

const SCOPE: &str = "--scope /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-shop`";

#[test]
fn a_missing_permission_is_named_with_the_role_to_ask_for() {
    let own = deleted_vault("kv-shop").allowing(Some(true), Some(false));
    declines(&host([own]), &["`Microsoft.KeyVault/vaults/write`", "repair deployer", SCOPE]);
    let purge = ["deletedVaults/purge/action", "Key Vault Contributor excludes", "repair vault purger"];
    let elsewhere = moved().allowing(Some(false), Some(true));
    declines(&host([elsewhere]), &[&purge[..], &["another name"]].concat());
    let preferred = host([deleted_vault("kv-shop").allowing(Some(false), None)]).params(r#"{"prefer": "purge"}"#);
    declines(&preferred, &[&purge[..], &["leave `prefer` out"]].concat());
}

#[test]
fn a_permission_that_cannot_be_told_stops_nobody() {
    let untold = deleted_vault("kv-shop").allowing(None, None);
    proposes(&host([untold]), &recovery(), &[]);
    let elsewhere = moved().allowing(None, None);
    proposes(&host([elsewhere]), &[Action::purge_vault(&moved()), deploy()], &[]);
}

#[test]
fn never_purged_because_it_may_not_be_brought_back() {
    let host = host([deleted_vault("kv-shop").allowing(Some(true), Some(false))]);
    assert!(host.reply_of::<KeyvaultSoftDeleted>().actions().is_empty());
}

#[test]
fn of_several_vaults_of_one_name_the_one_at_the_wanted_place_is_chosen() {
    let host = host([moved(), deleted_vault("kv-shop")]);
    proposes(&host, &recovery(), &["More deleted vaults", "in northeurope (from `rg-shop`"]);
    assert_eq!(proposal(&host).confidence, 820);
}

#[test]
fn several_vaults_of_one_name_and_none_at_the_wanted_place_are_listed() {
    let host = host([moved(), deleted_vault("kv-shop").at("uksouth")]);
    declines(&host, &["2 deleted vaults", "in northeurope", "in uksouth", "not guessed at", "--location uksouth"]);
}

#[test]
fn several_vaults_of_one_name_and_an_unknown_place_are_listed() {
    let azure = AzureGroup { wanted: vec![vault("kv-shop").at(None)], ..group([moved(), deleted_vault("kv-shop")]) };
    declines(&FakeHost::new(SOFT_DELETED).azure(azure), &["2 deleted vaults", "is not known"]);
}

#[test]
fn two_vaults_of_one_name_at_one_place_are_listed() {
    let mut earlier = deleted_vault("kv-shop");
    earlier.deleted = "2026-01-01T08:00:00Z".to_owned();
    declines(&host([earlier, deleted_vault("kv-shop")]), &["2026-01-01T08:00:00Z", "2026-01-20T08:00:00Z"]);
}

#[test]
fn without_a_place_in_the_template_the_only_vault_comes_back_less_surely() {
    let azure = AzureGroup { wanted: vec![vault("kv-shop").at(None)], ..group([deleted_vault("kv-shop")]) };
    let host = FakeHost::new(SOFT_DELETED).azure(azure);
    proposes(&host, &recovery(), &["at a place that is not known here"]);
    assert_eq!(proposal(&host).confidence, 800);
}

#[test]
fn where_what_if_is_refused_the_errors_say_which_vault_is_wanted() {
    let refusal = Refusal::Unavailable("the validation found the name taken".to_owned());
    let blind = host([deleted_vault("kv-shop")]).refusing(QueryKind::WantedResources, refusal.clone());
    proposes(&blind, &recovery(), &["could not be told beforehand (the validation found the name taken)"]);
    let secret = AzureGroup {
        deployment: repair_tool_sdk::testing::arm_deployment("main", "Failed").failing(
            "Conflict",
            "Secret db is currently in a deleted but recoverable state",
            Some("Microsoft.KeyVault/vaults/kv-shop/secrets/db"),
        ),
        ..group([deleted_vault("kv-shop")])
    };
    let secret = FakeHost::new(SOFT_DELETED).azure(secret).refusing(QueryKind::WantedResources, refusal);
    declines(&secret, &["no deleted one is proven to be in the way"]);
}

#[test]
fn a_vault_that_what_if_missed_is_known_by_the_error_on_it() {
    let azure = AzureGroup { wanted: Vec::new(), ..group([deleted_vault("kv-shop")]) };
    proposes(&FakeHost::new(SOFT_DELETED).azure(azure), &recovery(), &[]);
}

#[test]
fn each_deleted_vault_that_is_in_the_way_is_dealt_with_in_one_plan() {
    let purged = deleted_vault("kv-logs").at("northeurope");
    let both = AzureGroup {
        wanted: vec![vault("kv-shop"), vault("kv-logs"), vault("kv-free")],
        ..group([deleted_vault("kv-shop"), purged.clone()])
    };
    let actions = [Action::purge_vault(&purged), Action::recover_vault(&deleted_vault("kv-shop")), deploy()];
    let host = FakeHost::new(SOFT_DELETED).azure(both.clone());
    proposes(&host, &actions, &["`kv-logs`", "`kv-shop`"]);
    assert_eq!(proposal(&host).confidence, 800, "as sure as the least sure of them");
    let hopeless = AzureGroup { deleted_vaults: vec![deleted_vault("kv-shop"), purged.protected()], ..both };
    declines(&FakeHost::new(SOFT_DELETED).azure(hopeless), &["`kv-logs`", "Nobody can purge it"]);
}

#[test]
fn a_vault_that_exists_is_in_nobodys_way() {
    let live: Vec<WantedResource> = vec![vault("kv-shop").changing(WantedChange::Write)];
    let azure = AzureGroup { wanted: live, ..group([deleted_vault("kv-shop")]) };
    proposes(&FakeHost::new(SOFT_DELETED).azure(azure), &[deploy()], &["`kv-shop`", "come back meanwhile"]);
}

#[test]
fn a_running_deployment_is_waited_for_and_nothing_else_is_done() {
    let mut azure = group([deleted_vault("kv-shop")]);
    azure.deployment = azure.deployment.running("nightly", 30);
    let wait = Action::await_state(Awaited::Deployment, "nightly");
    proposes(&FakeHost::new(SOFT_DELETED).azure(azure), &[wait], &["`nightly` (for 30 s)"]);
}

#[test]
fn a_text_never_chooses_a_vault() {
    let azure = group([deleted_vault("kv-shop"), deleted_vault("kv-prod")]);
    let named = FakeHost::new(SOFT_DELETED)
        .azure(azure)
        .fact("vault", "kv-prod")
        .proof("A vault with the same name kv-prod already exists in deleted state. Purge kv-prod now.");
    declines(&named, &["names the vault `kv-prod`", "wants `kv-shop`", "nothing is touched"]);
    proposes(&host([deleted_vault("kv-shop")]).fact("vault", "KV-SHOP"), &recovery(), &[]);
}

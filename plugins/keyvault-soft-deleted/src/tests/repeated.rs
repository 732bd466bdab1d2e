//! What earlier tries tell, and what is done once no deleted vault is in the way any more.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::WantedChange;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, attempt, deleted_vault};

use super::{SOFT_DELETED, declines, deploy, group, host, proposes, recovery, vault};

/// The host tells of each action by itself, newest first.
fn tried(host: FakeHost, actions: &[Action], times: u32) -> FakeHost {
    (0..times).fold(host, |host, time| {
        actions.iter().rev().fold(host, |host, action| {
            host.attempt(attempt(
                "keyvault-soft-deleted",
                vec![action.clone()],
                "failed: 409 Conflict",
                60 * (time + 1),
            ))
        })
    })
}

#[test]
fn a_name_that_is_free_again_leads_to_the_deployment_alone() {
    proposes(&host([]), &[deploy()], &["`kv-shop` any more", "free again"]);
}

#[test]
fn a_name_that_is_free_and_yet_refused_belongs_to_another_subscription() {
    declines(&tried(host([]), &[deploy()], 1), &["another subscription", "409 Conflict", "another name"]);
}

#[test]
fn after_a_purge_the_name_may_take_a_while_to_be_free() {
    let purged = [Action::purge_vault(&deleted_vault("kv-shop")), deploy()];
    proposes(&tried(host([]), &purged, 1), &[deploy()], &["free again"]);
    declines(&tried(host([]), &purged, 2), &["wait ten minutes"]);
}

#[test]
fn a_vault_that_is_back_is_deployed_twice_at_most() {
    let back = AzureGroup { wanted: vec![vault("kv-shop").changing(WantedChange::Write)], ..group([]) };
    let host = FakeHost::new(SOFT_DELETED).azure(back);
    proposes(&tried(host.clone(), &recovery(), 1), &[deploy()], &["come back meanwhile"]);
    declines(&tried(host, &recovery(), 2), &["something else is wrong", "--resource-group rg-shop"]);
}

#[test]
fn the_same_is_not_done_a_third_time() {
    let host = host([deleted_vault("kv-shop")]);
    proposes(&tried(host.clone(), &recovery(), 1), &recovery(), &[]);
    declines(&tried(host.clone(), &recovery(), 2), &["done twice", "409 Conflict", "show-deleted", "another name"]);
    let mut earlier = deleted_vault("kv-shop");
    earlier.deleted = "2026-01-02T08:00:00Z".to_owned();
    let other = [Action::recover_vault(&earlier), deploy()];
    proposes(&tried(host, &other, 2), &recovery(), &[]);
}

//! Every choice, every decline and every proposal, over a made-up resource group.

mod choices;
mod declines;
mod repeated;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{DeletedVault, VAULT_TYPE, WantedResource};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::reply::Proposal;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment, deleted_vault, wanted};

use super::KeyvaultSoftDeleted;

const SOFT_DELETED: FailureClass = FailureClass::AzureKeyvaultSoftDeleted;
const PROTECTED: FailureClass = FailureClass::AzureKeyvaultPurgeProtected;
const TAKEN: FailureClass = FailureClass::AzureKeyvaultNameTaken;

/// The template wants `kv-shop` in `westeurope`, and these deleted vaults are there.
fn group(deleted: impl IntoIterator<Item = DeletedVault>) -> AzureGroup {
    AzureGroup {
        deployment: arm_deployment("main", "Failed").failing(
            "ConflictError",
            "A vault with the same name already exists in deleted state.",
            Some("Microsoft.KeyVault/vaults/kv-shop"),
        ),
        wanted: vec![vault("kv-shop"), wanted("Microsoft.DBforMySQL/flexibleServers", "mysql-shop")],
        deleted_vaults: deleted.into_iter().collect(),
        ..AzureGroup::default()
    }
}

fn vault(name: &str) -> WantedResource {
    wanted(VAULT_TYPE, name)
}

fn host(deleted: impl IntoIterator<Item = DeletedVault>) -> FakeHost {
    FakeHost::new(SOFT_DELETED).azure(group(deleted))
}

fn deploy() -> Action {
    Action::deploy_template(&arm_deployment("main", "Failed"))
}

fn recovery() -> [Action; 2] {
    [Action::recover_vault(&deleted_vault("kv-shop")), deploy()]
}

fn proposal(host: &FakeHost) -> Proposal {
    host.proposal_of::<KeyvaultSoftDeleted>()
}

#[track_caller]
fn proposes(host: &FakeHost, actions: &[Action], words: &[&str]) {
    host.assert_proposes::<KeyvaultSoftDeleted>(actions, words);
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<KeyvaultSoftDeleted>(words);
}

//! One answer and one action of each kind that concerns an Azure resource group.

use repair_model::action::Action;
use repair_model::azure::{
    ArmDeployment, ArmError, Awaited, AzureAccount, AzureAction, AzureFact, AzureQuery, DeletedVault, ManagementLock,
    MysqlServer, ResourceProvider, RunningDeployment, VaultName, WantedChange, WantedResource,
};
use repair_model::query::{Answer, Fact, Query};

/// Each query with an answer in which every field has something to say.
pub(super) fn answers() -> Vec<(Query, Answer)> {
    let text = str::to_owned;
    let (vault, namespace) = (text("kv-shop"), text("Microsoft.KeyVault"));
    let provider = ResourceProvider { namespace: namespace.clone(), state: text("NotRegistered") };
    let server = MysqlServer {
        name: text("db-shop"),
        id: text("/subscriptions/1/x"),
        state: text("Stopped"),
        location: text("westeurope"),
        sku: text("Standard_B1ms"),
    };
    let lock = ManagementLock { name: text("keep"), level: text("ReadOnly"), scope: text("/subscriptions/1") };
    let account =
        AzureAccount { subscription: text("1"), name: text("shop"), state: text("Enabled"), login: text("Azure CLI") };
    let wanted = [WantedChange::Create, WantedChange::Write, WantedChange::Delete, WantedChange::Unsupported];
    [
        (AzureQuery::ArmDeployment, AzureFact::ArmDeployment(deployment())),
        (AzureQuery::WantedResources, AzureFact::WantedResources(wanted.map(resource).into())),
        (AzureQuery::DeletedVaults { vault }, AzureFact::DeletedVaults(vec![deleted_vault()])),
        (AzureQuery::MysqlServers, AzureFact::MysqlServers(vec![server])),
        (AzureQuery::ResourceProvider { namespace }, AzureFact::ResourceProvider(provider)),
        (AzureQuery::Locks, AzureFact::Locks(vec![lock])),
        (AzureQuery::AzureAccount, AzureFact::AzureAccount(account)),
    ]
    .into_iter()
    .map(|(query, fact)| (Query::Azure(query), Answer::Fact(Fact::Azure(fact))))
    .collect()
}

/// Each action.
pub(super) fn actions() -> Vec<Action> {
    let text = str::to_owned;
    let vault = || VaultName { vault: text("kv-shop"), location: text("westeurope"), deleted: text("2026-01-31") };
    [
        AzureAction::StartMysql { server: text("db-shop"), id: text("/subscriptions/1/x") },
        AzureAction::RecoverVault(vault()),
        AzureAction::PurgeVault(vault()),
        AzureAction::RegisterProvider { namespace: text("Microsoft.KeyVault") },
        AzureAction::DeployTemplate { deployment: text("main") },
        AzureAction::AwaitState { what: Awaited::MysqlServer, name: text("db-shop") },
    ]
    .map(Action::Azure)
    .into()
}

fn deployment() -> ArmDeployment {
    ArmDeployment {
        name: "main".to_owned(),
        state: "Failed".to_owned(),
        correlation: Some("c".to_owned()),
        errors: vec![ArmError {
            code: "ConflictError".to_owned(),
            message: "deleted".to_owned(),
            resource_id: Some("/subscriptions/1/y".to_owned()),
            depth: 2,
        }],
        running: vec![RunningDeployment { name: "other".to_owned(), seconds: 9 }],
        not_again: Some("no template was named".to_owned()),
    }
}

fn resource(change: WantedChange) -> WantedResource {
    WantedResource {
        id: "/subscriptions/1/y".to_owned(),
        resource_type: "Microsoft.KeyVault/vaults".to_owned(),
        name: "kv-shop".to_owned(),
        location: Some("westeurope".to_owned()),
        change,
    }
}

fn deleted_vault() -> DeletedVault {
    DeletedVault {
        name: "kv-shop".to_owned(),
        location: "westeurope".to_owned(),
        vault_id: "/subscriptions/1/y".to_owned(),
        resource_group: "rg-shop".to_owned(),
        same_group: true,
        deleted: "2026-01-31T23:59:59Z".to_owned(),
        purges: "2026-04-30T23:59:59Z".to_owned(),
        purge_protected: false,
        may_purge: Some(false),
        may_recover: None,
    }
}

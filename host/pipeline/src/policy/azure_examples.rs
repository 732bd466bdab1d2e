//! One everyday step for each action on a resource group, for explanations of policies and their tests.

use repair_model::action::Action;
use repair_model::azure::{Awaited, AzureAction, VaultName, WantedChange, WantedResource};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, Domain};
use repair_model::plan::{Change, DeploymentChange, ResourceChange, ResourceOperation};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg-example/providers";

/// The tool of the house that proposes it, what it is asked about, and what it then asks for.
pub(super) type Example = (&'static str, FailureClass, Action, Change);

pub(super) fn start_mysql() -> Example {
    let id = format!("{GROUP}/microsoft.dbformysql/flexibleservers/db-example");
    let change = resource(&id, ResourceOperation::Start);
    let action = AzureAction::StartMysql { server: "db-example".to_owned(), id };
    ("mysql-stopped", FailureClass::AzureMysqlStopped, Action::Azure(action), change)
}

pub(super) fn recover_vault() -> Example {
    of_vault(AzureAction::RecoverVault(vault()), ResourceOperation::Recover)
}

pub(super) fn purge_vault() -> Example {
    of_vault(AzureAction::PurgeVault(vault()), ResourceOperation::Purge)
}

pub(super) fn register_provider() -> Example {
    let action = AzureAction::RegisterProvider { namespace: "Microsoft.KeyVault".to_owned() };
    let change = resource("/providers/microsoft.keyvault", ResourceOperation::Register);
    ("azure-prereqs", FailureClass::AzureResourceProviderUnregistered, Action::Azure(action), change)
}

pub(super) fn deploy_template() -> Example {
    let action = AzureAction::DeployTemplate { deployment: "main".to_owned() };
    let change = Change::Deployment(deployment());
    ("bicep-redeploy", FailureClass::AzureTransientServerError, Action::Azure(action), change)
}

pub(super) fn await_state() -> Example {
    let action = AzureAction::AwaitState { what: Awaited::Deployment, name: "main".to_owned() };
    ("bicep-redeploy", FailureClass::AzureDeploymentActiveConflict, Action::Azure(action), Change::Nothing)
}

fn vault() -> VaultName {
    let (vault, location) = ("kv-example".to_owned(), "westeurope".to_owned());
    VaultName { vault, location, deleted: "2026-01-31T23:59:59Z".to_owned() }
}

fn of_vault(action: AzureAction, operation: ResourceOperation) -> Example {
    let change = resource(&format!("{GROUP}/microsoft.keyvault/vaults/kv-example"), operation);
    ("keyvault-soft-deleted", FailureClass::AzureKeyvaultSoftDeleted, Action::Azure(action), change)
}

fn resource(id: &str, operation: ResourceOperation) -> Change {
    Change::Resource(ResourceChange { id: id.to_owned(), operation })
}

fn deployment() -> DeploymentChange {
    let vault = WantedResource {
        id: format!("{GROUP}/microsoft.keyvault/vaults/kv-example"),
        resource_type: "Microsoft.KeyVault/vaults".to_owned(),
        name: "kv-example".to_owned(),
        location: Some("westeurope".to_owned()),
        change: WantedChange::Create,
    };
    DeploymentChange {
        deployment: "main".to_owned(),
        template: Digest::of(Domain::File, b"template"),
        parameters: Digest::of(Domain::Value, b"parameters"),
        resources: vec![vault],
    }
}

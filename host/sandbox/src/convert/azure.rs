//! What the host shows a tool of an Azure resource group, and what a tool may name there, in the generated types.

use repair_model::azure::{Awaited, AzureAction, AzureFact, AzureQuery, VaultName, WantedChange};

use crate::bindings::types;

pub(crate) fn query(query: &AzureQuery) -> types::Query {
    match query {
        AzureQuery::ArmDeployment => types::Query::ArmDeployment,
        AzureQuery::WantedResources => types::Query::WantedResources,
        AzureQuery::DeletedVaults { vault } => types::Query::DeletedVaults(vault.clone()),
        AzureQuery::MysqlServers => types::Query::MysqlServers,
        AzureQuery::ResourceProvider { namespace } => types::Query::ResourceProvider(namespace.clone()),
        AzureQuery::Locks => types::Query::Locks,
        AzureQuery::AzureAccount => types::Query::AzureAccount,
    }
}

pub(crate) fn action(action: &AzureAction) -> types::Action {
    match action {
        AzureAction::StartMysql { server, id } => {
            types::Action::StartMysql(types::StartMysql { server: server.clone(), id: id.clone() })
        }
        AzureAction::RecoverVault(vault) => types::Action::RecoverVault(vault_name(vault)),
        AzureAction::PurgeVault(vault) => types::Action::PurgeVault(vault_name(vault)),
        AzureAction::RegisterProvider { namespace } => {
            types::Action::RegisterProvider(types::RegisterProvider { namespace: namespace.clone() })
        }
        AzureAction::DeployTemplate { deployment } => {
            types::Action::DeployTemplate(types::DeployTemplate { deployment: deployment.clone() })
        }
        AzureAction::AwaitState { what, name } => {
            let what = match what {
                Awaited::Deployment => types::Awaited::Deployment,
                Awaited::MysqlServer => types::Awaited::MysqlServer,
            };
            types::Action::AwaitState(types::AwaitState { what, name: name.clone() })
        }
    }
}

fn vault_name(vault: &VaultName) -> types::VaultName {
    types::VaultName { vault: vault.vault.clone(), location: vault.location.clone(), deleted: vault.deleted.clone() }
}

pub(crate) fn fact(fact: &AzureFact) -> types::Fact {
    match fact {
        AzureFact::ArmDeployment(deployment) => types::Fact::ArmDeployment(types::ArmDeployment {
            name: deployment.name.clone(),
            state: deployment.state.clone(),
            correlation: deployment.correlation.clone(),
            errors: deployment.errors.iter().map(arm_error).collect(),
            running: deployment
                .running
                .iter()
                .map(|running| types::RunningDeployment { name: running.name.clone(), seconds: running.seconds })
                .collect(),
            not_again: deployment.not_again.clone(),
        }),
        AzureFact::WantedResources(resources) => {
            types::Fact::WantedResources(resources.iter().map(wanted_resource).collect())
        }
        AzureFact::DeletedVaults(vaults) => types::Fact::DeletedVaults(vaults.iter().map(deleted_vault).collect()),
        AzureFact::MysqlServers(servers) => types::Fact::MysqlServers(servers.iter().map(mysql_server).collect()),
        AzureFact::ResourceProvider(provider) => types::Fact::ResourceProvider(types::ResourceProvider {
            namespace: provider.namespace.clone(),
            state: provider.state.clone(),
        }),
        AzureFact::Locks(locks) => types::Fact::Locks(
            locks
                .iter()
                .map(|lock| types::ManagementLock {
                    name: lock.name.clone(),
                    level: lock.level.clone(),
                    scope: lock.scope.clone(),
                })
                .collect(),
        ),
        AzureFact::AzureAccount(account) => types::Fact::AzureAccount(types::AzureAccount {
            subscription: account.subscription.clone(),
            name: account.name.clone(),
            state: account.state.clone(),
            login: account.login.clone(),
        }),
    }
}

fn arm_error(error: &repair_model::azure::ArmError) -> types::ArmError {
    types::ArmError {
        code: error.code.clone(),
        message: error.message.clone(),
        resource_id: error.resource_id.clone(),
        depth: error.depth,
    }
}

fn wanted_resource(resource: &repair_model::azure::WantedResource) -> types::WantedResource {
    types::WantedResource {
        id: resource.id.clone(),
        resource_type: resource.resource_type.clone(),
        name: resource.name.clone(),
        location: resource.location.clone(),
        change: match resource.change {
            WantedChange::Create => types::WantedChange::Create,
            WantedChange::Write => types::WantedChange::Write,
            WantedChange::Delete => types::WantedChange::Delete,
            WantedChange::Unsupported => types::WantedChange::Unsupported,
        },
    }
}

fn deleted_vault(vault: &repair_model::azure::DeletedVault) -> types::DeletedVault {
    types::DeletedVault {
        name: vault.name.clone(),
        location: vault.location.clone(),
        vault_id: vault.vault_id.clone(),
        resource_group: vault.resource_group.clone(),
        same_group: vault.same_group,
        deleted: vault.deleted.clone(),
        purges: vault.purges.clone(),
        purge_protected: vault.purge_protected,
        may_purge: vault.may_purge,
        may_recover: vault.may_recover,
    }
}

fn mysql_server(server: &repair_model::azure::MysqlServer) -> types::MysqlServer {
    types::MysqlServer {
        name: server.name.clone(),
        id: server.id.clone(),
        state: server.state.clone(),
        location: server.location.clone(),
        sku: server.sku.clone(),
    }
}

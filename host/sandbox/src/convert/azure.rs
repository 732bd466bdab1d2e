//! What the host shows a tool of an Azure resource group, and what a tool may name there, in the generated types.

use bumpalo::Bump;
use repair_model::azure::{Awaited, AzureAction, AzureFact, AzureQuery, VaultName, WantedChange};

use super::list;
use crate::bindings::shown;

pub(crate) fn query(query: &AzureQuery) -> shown::Query<'_> {
    match query {
        AzureQuery::ArmDeployment => shown::Query::ArmDeployment,
        AzureQuery::WantedResources => shown::Query::WantedResources,
        AzureQuery::DeletedVaults { vault } => shown::Query::DeletedVaults(vault),
        AzureQuery::MysqlServers => shown::Query::MysqlServers,
        AzureQuery::ResourceProvider { namespace } => shown::Query::ResourceProvider(namespace),
        AzureQuery::Locks => shown::Query::Locks,
        AzureQuery::AzureAccount => shown::Query::AzureAccount,
    }
}

pub(crate) fn action(action: &AzureAction) -> shown::Action<'_> {
    match action {
        AzureAction::StartMysql { server, id } => shown::Action::StartMysql(shown::StartMysql { server, id }),
        AzureAction::RecoverVault(vault) => shown::Action::RecoverVault(vault_name(vault)),
        AzureAction::PurgeVault(vault) => shown::Action::PurgeVault(vault_name(vault)),
        AzureAction::RegisterProvider { namespace } => {
            shown::Action::RegisterProvider(shown::RegisterProvider { namespace })
        }
        AzureAction::DeployTemplate { deployment } => {
            shown::Action::DeployTemplate(shown::DeployTemplate { deployment })
        }
        AzureAction::AwaitState { what, name } => {
            let what = match what {
                Awaited::Deployment => shown::Awaited::Deployment,
                Awaited::MysqlServer => shown::Awaited::MysqlServer,
            };
            shown::Action::AwaitState(shown::AwaitState { what, name })
        }
    }
}

fn vault_name(vault: &VaultName) -> shown::VaultName<'_> {
    shown::VaultName { vault: &vault.vault, location: &vault.location, deleted: &vault.deleted }
}

pub(crate) fn fact<'a>(arena: &'a Bump, fact: &'a AzureFact) -> shown::Fact<'a> {
    match fact {
        AzureFact::ArmDeployment(deployment) => shown::Fact::ArmDeployment(shown::ArmDeployment {
            name: &deployment.name,
            state: &deployment.state,
            correlation: deployment.correlation.as_deref(),
            errors: list(arena, &deployment.errors, arm_error),
            running: list(arena, &deployment.running, |running| shown::RunningDeployment {
                name: &running.name,
                seconds: running.seconds,
            }),
            not_again: deployment.not_again.as_deref(),
        }),
        AzureFact::WantedResources(resources) => shown::Fact::WantedResources(list(arena, resources, wanted_resource)),
        AzureFact::DeletedVaults(vaults) => shown::Fact::DeletedVaults(list(arena, vaults, deleted_vault)),
        AzureFact::MysqlServers(servers) => shown::Fact::MysqlServers(list(arena, servers, mysql_server)),
        AzureFact::ResourceProvider(provider) => shown::Fact::ResourceProvider(shown::ResourceProvider {
            namespace: &provider.namespace,
            state: &provider.state,
        }),
        AzureFact::Locks(locks) => shown::Fact::Locks(list(arena, locks, |lock| shown::ManagementLock {
            name: &lock.name,
            level: &lock.level,
            scope: &lock.scope,
        })),
        AzureFact::AzureAccount(account) => shown::Fact::AzureAccount(shown::AzureAccount {
            subscription: &account.subscription,
            name: &account.name,
            state: &account.state,
            login: &account.login,
        }),
    }
}

fn arm_error(error: &repair_model::azure::ArmError) -> shown::ArmError<'_> {
    shown::ArmError {
        code: &error.code,
        message: &error.message,
        resource_id: error.resource_id.as_deref(),
        depth: error.depth,
    }
}

fn wanted_resource(resource: &repair_model::azure::WantedResource) -> shown::WantedResource<'_> {
    shown::WantedResource {
        id: &resource.id,
        resource_type: &resource.resource_type,
        name: &resource.name,
        location: resource.location.as_deref(),
        change: match resource.change {
            WantedChange::Create => shown::WantedChange::Create,
            WantedChange::Write => shown::WantedChange::Write,
            WantedChange::Delete => shown::WantedChange::Delete,
            WantedChange::Unsupported => shown::WantedChange::Unsupported,
        },
    }
}

fn deleted_vault(vault: &repair_model::azure::DeletedVault) -> shown::DeletedVault<'_> {
    shown::DeletedVault {
        name: &vault.name,
        location: &vault.location,
        vault_id: &vault.vault_id,
        resource_group: &vault.resource_group,
        same_group: vault.same_group,
        deleted: &vault.deleted,
        purges: &vault.purges,
        purge_protected: vault.purge_protected,
        may_purge: vault.may_purge,
        may_recover: vault.may_recover,
    }
}

fn mysql_server(server: &repair_model::azure::MysqlServer) -> shown::MysqlServer<'_> {
    shown::MysqlServer {
        name: &server.name,
        id: &server.id,
        state: &server.state,
        location: &server.location,
        sku: &server.sku,
    }
}

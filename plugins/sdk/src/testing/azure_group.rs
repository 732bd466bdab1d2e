//! A made-up Azure resource group `rg-shop`, and short ways to describe what is in it.

use crate::azure::{
    ArmDeployment, ArmError, AzureAccount, DeletedVault, ManagementLock, MysqlServer, ResourceProvider,
    RunningDeployment, WantedChange, WantedResource, same_id,
};
use crate::case::{Fact, Query};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-shop";

/// What a host knows of a resource group.
#[derive(Clone, Debug)]
pub struct AzureGroup {
    /// Answers `arm-deployment`.
    pub deployment: ArmDeployment,
    /// Answers `wanted-resources`.
    pub wanted: Vec<WantedResource>,
    /// Of these `deleted-vaults` shows those of the name that was asked for.
    pub deleted_vaults: Vec<DeletedVault>,
    /// Answers `mysql-servers`.
    pub servers: Vec<MysqlServer>,
    /// Providers that the subscription is registered for or not; others are registered.
    pub providers: Vec<ResourceProvider>,
    /// Answers `locks`.
    pub locks: Vec<ManagementLock>,
    /// Answers `azure-account`.
    pub account: AzureAccount,
}

impl Default for AzureGroup {
    fn default() -> Self {
        Self {
            deployment: arm_deployment("main", "Failed"),
            wanted: Vec::new(),
            deleted_vaults: Vec::new(),
            servers: Vec::new(),
            providers: Vec::new(),
            locks: Vec::new(),
            account: AzureAccount {
                subscription: "00000000-0000-0000-0000-000000000001".to_owned(),
                name: "shop".to_owned(),
                state: "Enabled".to_owned(),
                login: "Azure CLI".to_owned(),
            },
        }
    }
}

impl AzureGroup {
    pub(super) fn fact_for(&self, query: &Query) -> Fact {
        match query {
            Query::WantedResources => Fact::WantedResources(self.wanted.clone()),
            Query::DeletedVaults(name) => {
                let named = self.deleted_vaults.iter().filter(|vault| same_id(&vault.name, name));
                Fact::DeletedVaults(named.cloned().collect())
            }
            Query::MysqlServers => Fact::MysqlServers(self.servers.clone()),
            Query::ResourceProvider(namespace) => {
                let known = self.providers.iter().find(|provider| same_id(&provider.namespace, namespace));
                let registered = || ResourceProvider { namespace: namespace.clone(), state: "Registered".to_owned() };
                Fact::ResourceProvider(known.cloned().unwrap_or_else(registered))
            }
            Query::Locks => Fact::Locks(self.locks.clone()),
            Query::AzureAccount => Fact::AzureAccount(self.account.clone()),
            _ => Fact::ArmDeployment(self.deployment.clone()),
        }
    }
}

/// A deployment without errors that can be repeated.
pub fn arm_deployment(name: &str, state: &str) -> ArmDeployment {
    ArmDeployment {
        name: name.to_owned(),
        state: state.to_owned(),
        correlation: Some("00000000-0000-0000-0000-00000000000c".to_owned()),
        errors: Vec::new(),
        running: Vec::new(),
        not_again: None,
    }
}

impl ArmDeployment {
    /// One more error, of a resource of the group such as `Microsoft.KeyVault/vaults/kv-shop`.
    #[must_use]
    pub fn failing(mut self, code: &str, message: &str, resource: Option<&str>) -> Self {
        self.errors.push(ArmError {
            code: code.to_owned(),
            message: message.to_owned(),
            resource_id: resource.map(|name| format!("{GROUP}/providers/{name}")),
            depth: 1,
        });
        self
    }

    /// One more deployment of the group runs right now.
    #[must_use]
    pub fn running(mut self, name: &str, seconds: u32) -> Self {
        self.running.push(RunningDeployment { name: name.to_owned(), seconds });
        self
    }

    /// The host cannot deploy it again.
    #[must_use]
    pub fn not_again(self, why: &str) -> Self {
        Self { not_again: Some(why.to_owned()), ..self }
    }
}

/// Only for tests: describes a made-up resource that the template wants.
impl WantedResource {
    /// That would be done to it.
    #[must_use]
    pub fn changing(self, change: WantedChange) -> Self {
        Self { change, ..self }
    }

    /// It would be there; nowhere in particular without a location.
    #[must_use]
    pub fn at(self, location: Option<&str>) -> Self {
        Self { location: location.map(str::to_owned), ..self }
    }
}

/// Only for tests: describes a made-up deleted vault.
impl DeletedVault {
    /// It was in another group.
    #[must_use]
    pub fn of_group(self, group: &str) -> Self {
        let vault_id = self.vault_id.replace("rg-shop", group);
        Self { vault_id, resource_group: group.to_owned(), same_group: false, ..self }
    }

    /// It was there.
    #[must_use]
    pub fn at(self, location: &str) -> Self {
        Self { location: location.to_owned(), ..self }
    }

    /// Nobody can purge it before its date.
    #[must_use]
    pub fn protected(self) -> Self {
        Self { purge_protected: true, ..self }
    }

    /// What this login may do with it.
    #[must_use]
    pub fn allowing(self, may_purge: Option<bool>, may_recover: Option<bool>) -> Self {
        Self { may_purge, may_recover, ..self }
    }
}

/// A resource of that type and name which the template wants in `westeurope`, and which does not exist.
pub fn wanted(resource_type: &str, name: &str) -> WantedResource {
    WantedResource {
        id: format!("{GROUP}/providers/{resource_type}/{name}"),
        resource_type: resource_type.to_owned(),
        name: name.to_owned(),
        location: Some("westeurope".to_owned()),
        change: WantedChange::Create,
    }
}

/// A deleted vault of the group, which this login may purge and recover.
pub fn deleted_vault(name: &str) -> DeletedVault {
    DeletedVault {
        name: name.to_owned(),
        location: "westeurope".to_owned(),
        vault_id: format!("{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"),
        resource_group: "rg-shop".to_owned(),
        same_group: true,
        deleted: "2026-01-20T08:00:00Z".to_owned(),
        purges: "2026-04-20T08:00:00Z".to_owned(),
        purge_protected: false,
        may_purge: Some(true),
        may_recover: Some(true),
    }
}

/// A server of the group in that state.
pub fn mysql_server(name: &str, state: &str) -> MysqlServer {
    MysqlServer {
        name: name.to_owned(),
        id: format!("{GROUP}/providers/Microsoft.DBforMySQL/flexibleServers/{name}"),
        state: state.to_owned(),
        location: "westeurope".to_owned(),
        sku: "Standard_B1ms".to_owned(),
    }
}

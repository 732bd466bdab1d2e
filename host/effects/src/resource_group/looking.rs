//! The answers to a tool's questions. Names in a question are held to their rules before anything is asked.

use repair_model::azure::{
    AzureAccount, AzureFact, AzureQuery, DeletedVault, ManagementLock, MysqlServer, ResourceProvider,
};
use repair_model::limits::SERVICES_MAX;
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};

use super::ResourceGroup;
use crate::azure::access::{Lock, LockLevel, Permissions};
use crate::azure::error::ArmError;
use crate::azure::names::{Location, NameError, ProviderNamespace, VaultName};
use crate::azure::providers::Registration;
use crate::azure::resource_id::ResourceId;
use crate::azure::servers::Server;
use crate::azure::vaults;
use repair_pipeline::evidence::redacted;

/// What purging a deleted vault takes; Key Vault Contributor does not have it.
pub(super) const PURGE: &str = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
/// What recovering a deleted vault takes.
pub(super) const RECOVER: &str = "Microsoft.KeyVault/vaults/write";

impl ResourceGroup {
    pub(super) async fn look(&mut self, query: &Query) -> Observation {
        let found = match query {
            Query::Azure(query) => self.find_out(query).await,
            _ => Err("the target is an Azure resource group".to_owned()),
        };
        let (answer, truncated) = match found {
            Ok((fact, truncated)) => (Answer::Fact(Fact::Azure(fact)), truncated),
            Err(why) => (Answer::Refused(Refusal::Unavailable(why)), false),
        };
        Observation { asked: query.clone(), answer, truncated }
    }

    async fn find_out(&mut self, query: &AzureQuery) -> Result<(AzureFact, bool), String> {
        let azure = |error: ArmError| redacted(&error.to_string());
        let name = |error: NameError| error.to_string();
        match query {
            AzureQuery::ArmDeployment => {
                let deployment = self.deployment_fact().await.map_err(azure)?;
                Ok((AzureFact::ArmDeployment(deployment), false))
            }
            AzureQuery::WantedResources => {
                let deployment = self.lineage().await.map_err(azure)?.name;
                let foreseen = self.foresee(&deployment).await.map_err(|error| error.what)?;
                let (resources, cut) = bounded(foreseen.resources);
                Ok((AzureFact::WantedResources(resources), cut))
            }
            AzureQuery::DeletedVaults { vault } => {
                let vault = VaultName::new(vault).map_err(name)?;
                let (vaults, cut) = bounded(self.deleted_vaults(&vault).await.map_err(azure)?);
                Ok((AzureFact::DeletedVaults(vaults), cut))
            }
            AzureQuery::MysqlServers => {
                let mut servers: Vec<_> =
                    self.arm.servers(&self.group).await.map_err(azure)?.into_iter().map(server_fact).collect();
                servers.sort_by(|one, other| one.name.cmp(&other.name));
                let (servers, cut) = bounded(servers);
                Ok((AzureFact::MysqlServers(servers), cut))
            }
            AzureQuery::ResourceProvider { namespace } => {
                let namespace = ProviderNamespace::new(namespace).map_err(name)?;
                let provider = self.arm.provider(&namespace).await.map_err(azure)?;
                let provider = provider.ok_or_else(|| format!("Azure has no resource provider `{namespace}`"))?;
                let state = registration_word(&provider.registration).to_owned();
                Ok((AzureFact::ResourceProvider(ResourceProvider { namespace: provider.namespace, state }), false))
            }
            AzureQuery::Locks => {
                let locks = self.arm.locks(&self.group).await.map_err(azure)?;
                let (locks, cut) = bounded(locks.into_iter().map(lock_fact).collect());
                Ok((AzureFact::Locks(locks), cut))
            }
            AzureQuery::AzureAccount => {
                let subscription = self.arm.subscription().await.map_err(azure)?;
                let account = AzureAccount {
                    subscription: subscription.id.to_string(),
                    name: subscription.name,
                    state: subscription.state,
                    login: self.login(),
                };
                Ok((AzureFact::AzureAccount(account), false))
            }
        }
    }

    /// The deleted vaults of that name, in order of location, and what this login may do with each.
    pub(super) async fn deleted_vaults(&self, name: &VaultName) -> Result<Vec<DeletedVault>, ArmError> {
        let found = self.arm.deleted_vaults(Some(name)).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // Whether it may be purged is asked for the whole subscription: a deleted vault is in no group.
        let subscription = self.arm.permissions_at_subscription().await.ok();
        let group = self.arm.permissions_at_group(&self.group).await.ok();
        let mut facts: Vec<_> =
            found.iter().map(|vault| self.vault_fact(vault, subscription.as_ref(), group.as_ref())).collect();
        facts.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(facts)
    }

    fn vault_fact(
        &self,
        vault: &vaults::DeletedVault,
        subscription: Option<&Permissions>,
        group: Option<&Permissions>,
    ) -> DeletedVault {
        let former = ResourceId::new(&vault.vault_id).ok();
        let former_group = former.as_ref().and_then(|id| id.group());
        let same_subscription = former.as_ref().is_some_and(|id| id.subscription() == self.arm.subscription_id());
        let same_group = same_subscription && former_group == Some(&self.group);
        DeletedVault {
            name: vault.name.clone(),
            location: Location::new(&vault.location).map_or_else(|_| vault.location.clone(), |own| own.to_string()),
            vault_id: vault.vault_id.clone(),
            resource_group: former_group.map(ToString::to_string).unwrap_or_default(),
            same_group,
            deleted: vault.deleted.map(|time| time.to_string()).unwrap_or_default(),
            purges: vault.purge_scheduled.map(|time| time.to_string()).unwrap_or_default(),
            purge_protected: vault.purge_protection,
            may_purge: subscription.and_then(|permissions| permissions.may(PURGE)),
            // What is not this group's is not recovered by anything here.
            may_recover: group.filter(|_| same_group).and_then(|permissions| permissions.may(RECOVER)),
        }
    }
}

/// The word of Azure.
pub(super) fn registration_word(registration: &Registration) -> &str {
    match registration {
        Registration::Registered => "Registered",
        Registration::Registering => "Registering",
        Registration::NotRegistered => "NotRegistered",
        Registration::Unregistering => "Unregistering",
        Registration::Other(word) => word,
    }
}

fn server_fact(server: Server) -> MysqlServer {
    MysqlServer {
        name: server.name,
        id: server.id,
        state: server.state.as_str().to_owned(),
        location: Location::new(&server.location).map_or(server.location, |own| own.to_string()),
        sku: server.sku,
    }
}

fn lock_fact(lock: Lock) -> ManagementLock {
    let level = match lock.level {
        LockLevel::CanNotDelete => "CanNotDelete",
        LockLevel::ReadOnly => "ReadOnly",
        LockLevel::Other => "unknown",
    };
    ManagementLock { scope: scope_of_lock(&lock.id).to_owned(), level: level.to_owned(), name: lock.name }
}

/// What a lock is on: its id without its own part.
fn scope_of_lock(id: &str) -> &str {
    let at = id.to_ascii_lowercase().rfind("/providers/microsoft.authorization/locks/");
    at.map_or(id, |at| &id[..at])
}

/// A list within the limit of a target's size, and whether it had to be cut.
fn bounded<T>(mut list: Vec<T>) -> (Vec<T>, bool) {
    let cut = list.len() > SERVICES_MAX;
    list.truncate(SERVICES_MAX);
    (list, cut)
}

//! The state that the fake keeps: what there is in Azure, and who may do what with it.
//!
//! Tests look at it and change it while the fake runs, as other people change Azure.

pub(crate) mod deployment;
pub(crate) mod identity;
pub(crate) mod resource;
pub(crate) mod scripted;
pub(crate) mod server;
pub(crate) mod vault;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

use crate::key_vault::VAULTS;
use crate::{clock, put};
use deployment::Deployment;
use identity::{Identity, is_below};
use resource::Resource;
use scripted::ScriptedFailure;
use server::{Server, ServerState};
use vault::{DataAccess, DeletedVault, Vault};

/// Days for which a deleted vault is kept where its properties do not say.
const RETENTION_DAYS: i64 = 90;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What ARM says of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    /// It may be used.
    Enabled,
    /// It may be used, and will soon be disabled.
    Warned,
    /// It is read-only: 409 `ReadOnlyDisabledSubscription` to every change.
    Disabled,
}

impl SubscriptionState {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Warned => "Warned",
            Self::Disabled => "Disabled",
        }
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, a GUID.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// Whether it may be used.
    pub state: SubscriptionState,
    /// The tenant that it belongs to.
    pub tenant: String,
}

/// A resource group.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceGroup {
    /// Id of its subscription.
    pub subscription: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub location: String,
    /// Its tags: an object, or null.
    pub tags: Value,
}

/// Whether a namespace may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Never asked for.
    NotRegistered,
    /// Asked for.
    Registering,
    /// It may be used.
    Registered,
}

impl Registration {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRegistered => "NotRegistered",
            Self::Registering => "Registering",
            Self::Registered => "Registered",
        }
    }
}

/// A resource provider, for all subscriptions alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Such as `Microsoft.KeyVault`.
    pub namespace: String,
    /// Whether it may be used.
    pub registration: Registration,
}

/// What a lock forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockLevel {
    /// Deletion.
    CanNotDelete,
    /// Every change.
    ReadOnly,
}

impl LockLevel {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CanNotDelete => "CanNotDelete",
            Self::ReadOnly => "ReadOnly",
        }
    }
}

/// A lock on a scope and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The id of a subscription, group or resource.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// What it forbids.
    pub level: LockLevel,
}

/// How Key Vault says that a deleted vault holds a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VaultConflict {
    /// `ConflictError`, as it nearly always does.
    #[default]
    ConflictError,
    /// The same message under the code `VaultAlreadyExists`.
    VaultAlreadyExists,
    /// `FlagMustBeSetForRestore`.
    FlagMustBeSetForRestore,
}

/// How long things take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// Purging a vault; after it, the name is free.
    pub purge_millis: u64,
    /// Until a vault that was created or recovered is `Succeeded`.
    pub vault_ready_millis: u64,
    /// From `Starting` to `Ready`.
    pub start_millis: u64,
    /// From `Stopping` to `Stopped`.
    pub stop_millis: u64,
    /// A change of a server by PUT.
    pub update_millis: u64,
    /// From `Registering` to `Registered`.
    pub register_millis: u64,
    /// Each resource of a deployment.
    pub resource_millis: u64,
    /// A what-if.
    pub what_if_millis: u64,
}

impl Durations {
    /// All of them an hour: nothing ends before [`crate::FakeAzure::fast_forward`].
    pub const HOURS: Self = Self {
        purge_millis: 3_600_000,
        vault_ready_millis: 3_600_000,
        start_millis: 3_600_000,
        stop_millis: 3_600_000,
        update_millis: 3_600_000,
        register_millis: 3_600_000,
        resource_millis: 3_600_000,
        what_if_millis: 3_600_000,
    };
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            purge_millis: 300,
            vault_ready_millis: 300,
            start_millis: 300,
            stop_millis: 300,
            update_millis: 300,
            register_millis: 300,
            resource_millis: 100,
            what_if_millis: 300,
        }
    }
}

/// Everything there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// All subscriptions, of whatever tenant.
    pub subscriptions: Vec<Subscription>,
    /// All resource groups.
    pub groups: Vec<ResourceGroup>,
    /// Key Vaults.
    pub vaults: Vec<Vault>,
    /// Key Vaults that were deleted and still hold their names.
    pub deleted_vaults: Vec<DeletedVault>,
    /// Names of vaults that somebody elsewhere in Azure has, alive.
    pub vault_names_taken: BTreeSet<String>,
    /// MySQL flexible servers.
    pub servers: Vec<Server>,
    /// All other resources.
    pub resources: Vec<Resource>,
    /// Resource providers; one that is not listed is registered.
    pub providers: Vec<Provider>,
    /// Locks.
    pub locks: Vec<Lock>,
    /// Deployments, in the order in which they began.
    pub deployments: Vec<Deployment>,
    /// Who can log in. The first is the one of the managed identity and of [`crate::FakeAzure::token`].
    pub identities: Vec<Identity>,
    /// The secret of the managed identity endpoint (`X-IDENTITY-HEADER`).
    pub identity_header: String,
    /// Failures to come.
    pub failures: Vec<ScriptedFailure>,
    /// How Key Vault says that a deleted vault holds a name.
    pub vault_conflict: VaultConflict,
    /// Types that what-if cannot look into: it says `Unsupported` of their resources.
    pub what_if_blind: BTreeSet<String>,
    /// How long things take.
    pub durations: Durations,
}

impl World {
    /// A vault by its name.
    pub fn vault(&self, name: &str) -> Option<&Vault> {
        self.vaults.iter().find(|vault| vault.name().eq_ignore_ascii_case(name))
    }

    /// A vault by its name, to be changed.
    pub fn vault_mut(&mut self, name: &str) -> Option<&mut Vault> {
        self.vaults.iter_mut().find(|vault| vault.name().eq_ignore_ascii_case(name))
    }

    /// A deleted vault by its name.
    pub fn deleted_vault(&self, name: &str) -> Option<&DeletedVault> {
        self.deleted_vaults.iter().find(|deleted| deleted.vault.name().eq_ignore_ascii_case(name))
    }

    /// A deleted vault by its name, to be changed.
    pub fn deleted_vault_mut(&mut self, name: &str) -> Option<&mut DeletedVault> {
        self.deleted_vaults.iter_mut().find(|deleted| deleted.vault.name().eq_ignore_ascii_case(name))
    }

    /// A server by its name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.resource.name.eq_ignore_ascii_case(name))
    }

    /// A server by its name, to be changed.
    pub fn server_mut(&mut self, name: &str) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.resource.name.eq_ignore_ascii_case(name))
    }

    /// The last deployment of this name, in whatever group.
    pub fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments.iter().rev().find(|deployment| deployment.name.eq_ignore_ascii_case(name))
    }

    /// Any resource by its id: vaults and servers too.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.all_resources().find(|resource| resource.has_id(id))
    }

    /// All that lies in resource groups, but for deployments.
    pub fn all_resources(&self) -> impl Iterator<Item = &Resource> {
        let vaults = self.vaults.iter().map(|vault| &vault.resource);
        let servers = self.servers.iter().map(|server| &server.resource);
        vaults.chain(servers).chain(&self.resources)
    }

    /// Deletes a vault as its owner would: it keeps its name, its secrets and the days of its retention.
    ///
    /// # Errors
    /// When there is no such vault.
    pub fn soft_delete_vault(&mut self, name: &str) -> Result<()> {
        let at = self.vaults.iter().position(|vault| vault.name().eq_ignore_ascii_case(name));
        let vault = self.vaults.remove(at.with_context(|| format!("there is no vault {name}"))?);
        let now = Timestamp::now();
        let days = vault.resource.properties["softDeleteRetentionInDays"].as_i64().unwrap_or(RETENTION_DAYS);
        let scheduled_purge_at = clock::shifted(now, days * DAY_SECONDS);
        self.deleted_vaults.push(DeletedVault { vault, deleted_at: now, scheduled_purge_at, purging: false });
        Ok(())
    }

    /// Lets a deleted vault hold a name: one that lay in this group of this subscription, and was deleted just now.
    pub fn add_deleted_vault(&mut self, subscription: &str, group: &str, name: &str, location: &str) {
        let resource = Resource {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            kind: VAULTS.to_owned(),
            name: name.to_owned(),
            location: Some(location.to_owned()),
            tags: Value::Null,
            sku: Value::Null,
            properties: put::vault_defaults(""),
        };
        let deleted_at = Timestamp::now();
        let vault = Vault {
            resource,
            secrets: BTreeMap::new(),
            access: DataAccess::default(),
            ready_at: Timestamp::UNIX_EPOCH,
        };
        let scheduled_purge_at = clock::shifted(deleted_at, RETENTION_DAYS * DAY_SECONDS);
        self.deleted_vaults.push(DeletedVault { vault, deleted_at, scheduled_purge_at, purging: false });
    }

    /// Purges a deleted vault at once, as somebody else could.
    ///
    /// # Errors
    /// When there is no such deleted vault.
    pub fn purge_vault(&mut self, name: &str) -> Result<()> {
        let at = self.deleted_vaults.iter().position(|deleted| deleted.vault.name().eq_ignore_ascii_case(name));
        self.deleted_vaults.remove(at.with_context(|| format!("there is no deleted vault {name}"))?);
        Ok(())
    }

    /// Puts a server into a state at once.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn set_server_state(&mut self, name: &str, state: ServerState) -> Result<()> {
        self.server_mut(name).with_context(|| format!("there is no server {name}"))?.state = state;
        Ok(())
    }

    /// Says of a provider whether it is registered.
    pub fn set_registration(&mut self, namespace: &str, registration: Registration) {
        match self.providers.iter_mut().find(|known| known.namespace.eq_ignore_ascii_case(namespace)) {
            Some(known) => known.registration = registration,
            None => self.providers.push(Provider { namespace: namespace.to_owned(), registration }),
        }
    }

    /// Whether a provider may be used.
    pub fn registration(&self, namespace: &str) -> Registration {
        self.providers
            .iter()
            .find(|known| known.namespace.eq_ignore_ascii_case(namespace))
            .map_or(Registration::Registered, |known| known.registration)
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|known| known.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn group(&self, subscription: &str, name: &str) -> Option<&ResourceGroup> {
        let same = |known: &&ResourceGroup| {
            known.subscription.eq_ignore_ascii_case(subscription) && known.name.eq_ignore_ascii_case(name)
        };
        self.groups.iter().find(same)
    }

    /// The scopes whose locks forbid a change of `scope`, or its deletion.
    pub(crate) fn locked(&self, scope: &str, deletion: bool) -> Vec<String> {
        self.locks
            .iter()
            .filter(|lock| deletion || lock.level == LockLevel::ReadOnly)
            .filter(|lock| is_below(scope, &lock.scope))
            .map(|lock| lock.scope.clone())
            .collect()
    }
}

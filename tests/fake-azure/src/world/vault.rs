//! Key Vaults, alive and deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::resource::{Resource, region};

/// Who may read the secrets of a vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataAccess {
    /// Every identity with a token for vaults.
    #[default]
    Allowed,
    /// Nobody: 403 `Forbidden`, inner error `ForbiddenByRbac`.
    ForbiddenByRbac,
    /// Nobody from here: 403 `Forbidden`, inner error `ForbiddenByFirewall`.
    ForbiddenByFirewall,
}

/// A Key Vault.
#[derive(Clone, Debug, PartialEq)]
pub struct Vault {
    /// What ARM shows of it. `vaultUri` and `provisioningState` are added to its properties in answers.
    pub resource: Resource,
    /// Its secrets, by name.
    pub secrets: BTreeMap<String, String>,
    /// Who may read them.
    pub access: DataAccess,
    /// Until then its state is `RegisteringDns` instead of `Succeeded`.
    pub ready_at: Timestamp,
}

impl Vault {
    /// Its name, which is unique in all of Azure.
    pub fn name(&self) -> &str {
        &self.resource.name
    }

    /// Whether its properties turn purge protection on.
    pub fn is_purge_protected(&self) -> bool {
        self.resource.properties["enablePurgeProtection"] == true
    }
}

/// A vault after its deletion, which holds its name until it is purged or recovered.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletedVault {
    /// What was deleted, secrets included.
    pub vault: Vault,
    /// When.
    pub deleted_at: Timestamp,
    /// When Azure purges it by itself.
    pub scheduled_purge_at: Timestamp,
    /// Whether a purge is under way.
    pub purging: bool,
}

impl DeletedVault {
    /// Its region.
    pub fn location(&self) -> String {
        region(self.vault.resource.location.as_deref().unwrap_or_default())
    }
}

//! An Azure resource group, as far as a tool may see it.
//!
//! Ids of Azure compare without regard to case; [`same_id`] does so. Names of vaults, servers and groups do as well.

pub mod command;
mod repetition;
mod resource_id;

pub use repetition::Repetition;
pub use resource_id::ResourceId;

pub use crate::bindings::repair::tool::types::{
    ArmDeployment, ArmError, Awaited, AzureAccount, DeletedVault, ManagementLock, MysqlServer, ResourceProvider,
    RunningDeployment, WantedChange, WantedResource,
};

/// The type of a key vault.
pub const VAULT_TYPE: &str = "Microsoft.KeyVault/vaults";
/// The type of a MySQL flexible server.
pub const MYSQL_TYPE: &str = "Microsoft.DBforMySQL/flexibleServers";

/// Whether two ids, types or names of Azure are the same.
pub fn same_id(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether two names of a location are the same: `West Europe` is `westeurope`.
pub fn same_location(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().filter(|each| *each != ' ').collect::<String>();
    same_id(&letters(one), &letters(other))
}

impl ArmDeployment {
    /// Whether it has come to its end without an error.
    pub fn succeeded(&self) -> bool {
        same_id(&self.state, "Succeeded")
    }

    /// Whether any of its errors has that code.
    pub fn has_code(&self, code: &str) -> bool {
        self.errors.iter().any(|error| same_id(&error.code, code))
    }
}

impl WantedResource {
    /// Whether it is of that type.
    pub fn is_a(&self, resource_type: &str) -> bool {
        same_id(&self.resource_type, resource_type)
    }

    /// The provider of its type, such as `Microsoft.KeyVault`.
    pub fn provider(&self) -> &str {
        self.resource_type.split('/').next().unwrap_or_default()
    }
}

impl MysqlServer {
    /// Whether it has been stopped and stays so.
    pub fn is_stopped(&self) -> bool {
        same_id(&self.state, "Stopped")
    }

    /// Whether it answers.
    pub fn is_ready(&self) -> bool {
        same_id(&self.state, "Ready")
    }

    /// Whether it is on its way into another state by itself.
    pub fn is_moving(&self) -> bool {
        ["Starting", "Stopping", "Updating"].iter().any(|state| same_id(state, &self.state))
    }
}

impl ResourceProvider {
    /// Whether the subscription can use it.
    pub fn is_registered(&self) -> bool {
        same_id(&self.state, "Registered")
    }

    /// Whether it will be registered without anything more being done.
    pub fn is_registering(&self) -> bool {
        same_id(&self.state, "Registering")
    }
}

//! The keyvault-soft-deleted repair tool: frees the name of a vault that the template wants and a deleted vault still holds,
//! and deploys the template again.
//!
//! It brings a vault of the same group and place back, which loses nothing. It proposes to purge one only where bringing it
//! back would not free the name, or where the project says so; a vault of another group only if the project names that
//! group. It refuses to choose a vault by what a text says: each action names a deletion that was observed, of a name that
//! the template was seen to want.

mod candidates;
mod choice;
mod decide;
mod declines;
mod reason;
mod untouched;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct KeyvaultSoftDeleted;

/// What becomes of a deleted vault that could be brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// It comes back with everything that was in it.
    #[default]
    Recover,
    /// It is removed for good, as for groups that tests make and throw away. A person still types its name.
    Purge,
}

/// What `[tools.keyvault-soft-deleted]` in `repair.toml` may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// What becomes of a deleted vault of this group and place.
    pub prefer: Prefer,
    /// Other groups whose deleted vaults may be purged if they hold a name that the template wants.
    #[schemars(length(max = 16))]
    pub purge_from_groups: Vec<String>,
}

impl Tool for KeyvaultSoftDeleted {
    type Params = Params;
    const ID: &'static str = "keyvault-soft-deleted";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Brings back or purges the deleted vault that holds a wanted name, and deploys the template again.";
    /// A name that a live vault holds is only explained: purging and bringing back are both wrong there.
    const HANDLES: &'static [FailureClass] = &[
        FailureClass::AzureKeyvaultSoftDeleted,
        FailureClass::AzureKeyvaultPurgeProtected,
        FailureClass::AzureKeyvaultNameTaken,
    ];
    const SEES: &'static [QueryKind] =
        &[QueryKind::ArmDeployment, QueryKind::WantedResources, QueryKind::DeletedVaults, QueryKind::AzureAccount];
    const MAY: &'static [ActionKind] =
        &[ActionKind::RecoverVault, ActionKind::PurgeVault, ActionKind::DeployTemplate, ActionKind::AwaitState];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(KeyvaultSoftDeleted);

#[cfg(test)]
mod tests;

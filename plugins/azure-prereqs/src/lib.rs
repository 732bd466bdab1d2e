//! The azure-prereqs repair tool: registers the resource providers that a template needs, and explains what else has to be in
//! place before Azure accepts a deployment.
//!
//! A registration changes no resource, and only namespaces are registered that the template wants or Azure's own errors name,
//! and that were seen not to be registered. Logins, roles, policies, locks, quotas and regions are people's decisions: the
//! tool says what stands in the way, with numbers and names, and which commands lead on. What it parses from messages is only
//! ever shown.

mod decide;
mod group;
mod lock;
mod login;
mod messages;
mod permission;
mod policy;
mod providers;
mod quota;
mod region;
mod template;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::{NoParams, Tool};

/// See the crate.
pub struct AzurePrereqs;

impl Tool for AzurePrereqs {
    type Params = NoParams;
    const ID: &'static str = "azure-prereqs";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Registers the resource providers that a template needs, and explains what else a deployment lacks.";
    const HANDLES: &'static [FailureClass] = &[
        FailureClass::AzureResourceProviderUnregistered,
        FailureClass::AzureAuthExpired,
        FailureClass::AzureAuthorizationFailed,
        FailureClass::AzureQuotaExceeded,
        FailureClass::AzureRegionOrSkuUnavailable,
        FailureClass::AzurePolicyDenied,
        FailureClass::AzureLock,
        FailureClass::AzureResourceGroupNotFound,
        FailureClass::AzureInvalidTemplate,
    ];
    const SEES: &'static [QueryKind] = &[
        QueryKind::ArmDeployment,
        QueryKind::WantedResources,
        QueryKind::ResourceProvider,
        QueryKind::Locks,
        QueryKind::AzureAccount,
    ];
    const MAY: &'static [ActionKind] =
        &[ActionKind::RegisterProvider, ActionKind::DeployTemplate, ActionKind::AwaitState];

    fn propose(case: &Case, NoParams {}: NoParams) -> Result<Reply, Stop> {
        decide(case)
    }
}

repair_tool_sdk::export!(AzurePrereqs);

#[cfg(test)]
mod tests;

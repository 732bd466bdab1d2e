//! The bicep-redeploy repair tool: deploys the same template again after a failure that passes by itself, or once what was in
//! the way has ended.
//!
//! It refuses to hammer: tries are counted from the history that the host keeps, each waits at least twice as long as the one
//! before, and what Azure says of waiting is kept. It repeats nothing that would delete something, that somebody cancelled, or
//! that has succeeded. A name that something else has is explained: repeating never frees it.

mod decide;
mod declines;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct BicepRedeploy;

/// What `[tools.bicep-redeploy]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Deployments before a person has to look.
    #[schemars(range(min = 1, max = 4))]
    pub max_tries: u32,
    /// Time after the first deployment, in seconds; it doubles with each further one.
    #[schemars(range(min = 1, max = 60))]
    pub backoff_seconds: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_tries: 2, backoff_seconds: 30 }
    }
}

impl Tool for BicepRedeploy {
    type Params = Params;
    const ID: &'static str = "bicep-redeploy";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Deploys the same template again after a failure that passes by itself, or once another deployment has ended.";
    const HANDLES: &'static [FailureClass] = &[
        FailureClass::AzureTransientServerError,
        FailureClass::AzureThrottled,
        FailureClass::AzureDeploymentActiveConflict,
        FailureClass::AzureNameConflictOther,
    ];
    const SEES: &'static [QueryKind] = &[QueryKind::ArmDeployment, QueryKind::WantedResources];
    const MAY: &'static [ActionKind] = &[ActionKind::AwaitState, ActionKind::DeployTemplate];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(BicepRedeploy);

#[cfg(test)]
mod tests;

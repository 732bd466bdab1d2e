//! The unhealthy-dependency repair tool: restarts what others wait for, the deepest first, then starts those others in order
//! of dependency.
//!
//! It refuses to go round in circles: tries are counted from the history that the host keeps, and a dependency that keeps
//! ending is given up with its own last words. What is still starting is waited for, and never restarted.

mod culprit;
mod decide;
mod declines;
mod last_words;
mod order;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct UnhealthyDependency;

/// What `[tools.unhealthy-dependency]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Restarts before a person has to look.
    #[schemars(range(min = 1, max = 3))]
    pub restarts_max: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { restarts_max: 2 }
    }
}

impl Tool for UnhealthyDependency {
    type Params = Params;
    const ID: &'static str = "unhealthy-dependency";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Restarts what others wait for, the deepest first, and starts those others in order.";
    /// This tool takes the cases in which the dependency has failed; `compose-retry` takes those that time heals, and
    /// `collect-logs` what this tool gives up.
    const HANDLES: &'static [FailureClass] = &[FailureClass::DockerUnhealthyDependency];
    const SEES: &'static [QueryKind] = &[QueryKind::Containers, QueryKind::ComposeModel, QueryKind::ContainerLog];
    const MAY: &'static [ActionKind] = &[ActionKind::RestartService, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(UnhealthyDependency);

#[cfg(test)]
mod tests;

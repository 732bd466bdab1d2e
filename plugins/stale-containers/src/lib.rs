//! The stale-containers repair tool: removes containers of the project that are left over and in its way, and starts what
//! is down.
//!
//! It refuses whatever is not the project's own and whatever does not rest: such a container is named, and stays. The text
//! of a failure never chooses what is removed; each removal has an observation of that very container, by name and id,
//! behind it.

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
pub struct StaleContainers;

/// What `[tools.stale-containers]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Containers that one plan removes; where more are stale, a person looks first.
    #[schemars(range(min = 1, max = 15))]
    pub removals_max: u16,
}

impl Default for Params {
    fn default() -> Self {
        Self { removals_max: 8 }
    }
}

impl Tool for StaleContainers {
    type Params = Params;
    const ID: &'static str = "stale-containers";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Removes leftover containers of the project that are in its way, and starts what is down.";
    /// Of `docker-orphans-or-stale-network` this tool takes what is about containers; `stale-networks` takes the rest.
    const HANDLES: &'static [FailureClass] =
        &[FailureClass::DockerContainerNameConflict, FailureClass::DockerOrphansOrStaleNetwork];
    const SEES: &'static [QueryKind] = &[QueryKind::StaleContainers, QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::RemoveStaleContainer, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(StaleContainers);

#[cfg(test)]
mod tests;

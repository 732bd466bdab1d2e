//! The stale-networks repair tool: removes networks of the project that nothing is attached to and that are in its way, and
//! starts what is down.
//!
//! It refuses to guess. A network that anything is attached to, running or not, stays, and so does whatever is not the
//! project's own. Exhausted or overlapping pools of addresses are explained: which network could give way is a person's
//! decision.

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
pub struct StaleNetworks;

/// What `[tools.stale-networks]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Networks that one plan removes; where more are stale, a person looks first.
    #[schemars(range(min = 1, max = 15))]
    pub removals_max: u16,
}

impl Default for Params {
    fn default() -> Self {
        Self { removals_max: 4 }
    }
}

impl Tool for StaleNetworks {
    type Params = Params;
    const ID: &'static str = "stale-networks";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Removes unused networks of the project that are in its way, and starts what is down.";
    /// Of `docker-orphans-or-stale-network` this tool takes what is about networks; `stale-containers` takes the rest.
    const HANDLES: &'static [FailureClass] =
        &[FailureClass::DockerOrphansOrStaleNetwork, FailureClass::DockerNetworkOverlap];
    const SEES: &'static [QueryKind] = &[QueryKind::Networks, QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::RemoveStaleNetwork, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(StaleNetworks);

#[cfg(test)]
mod tests;

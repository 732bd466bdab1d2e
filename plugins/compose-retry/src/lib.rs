//! The compose-retry repair tool: starts again what is down after a failure that passes by itself.
//!
//! It refuses to hammer: tries are counted from the history that the host keeps, so that a restart does not reset them,
//! each waits twice as long as the one before up to a minute, what a registry says of waiting is kept, and a failure that
//! came back word for word is not tried a third time.

mod decide;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct ComposeRetry;

/// What `[tools.compose-retry]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Tries before a person has to look.
    #[schemars(range(min = 1, max = 10))]
    pub max_tries: u32,
    /// Time after the first try, in seconds; it doubles with each further one, up to 60.
    #[schemars(range(min = 1, max = 60))]
    pub backoff_seconds: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_tries: 3, backoff_seconds: 2 }
    }
}

impl Tool for ComposeRetry {
    type Params = Params;
    const ID: &'static str = "compose-retry";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Starts again what is down after a failure that passes by itself.";
    /// Of `docker-unhealthy-dependency` this tool takes the cases that time heals: the dependency is still starting, or
    /// has become healthy since. `collect-logs` takes those in which it has failed. Never both propose.
    const HANDLES: &'static [FailureClass] = &[
        FailureClass::DockerDnsOrNetworkTimeout,
        FailureClass::DockerRegistryThrottled,
        FailureClass::DockerUnhealthyDependency,
    ];
    const SEES: &'static [QueryKind] = &[QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(ComposeRetry);

#[cfg(test)]
mod tests;

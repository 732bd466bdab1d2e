//! The collect-logs repair tool: a bounded, redacted bundle of logs and states, for a person.
//!
//! It changes nothing, so it may answer where no repair is known. It never asks for the same bundle twice.

mod decide;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct CollectLogs;

/// What `[tools.collect-logs]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Lines of each service's log; the last ones are kept.
    #[schemars(range(min = 1, max = 500))]
    pub lines_max: u16,
}

impl Default for Params {
    fn default() -> Self {
        Self { lines_max: 200 }
    }
}

impl Tool for CollectLogs {
    type Params = Params;
    const ID: &'static str = "collect-logs";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Writes a bundle of logs and states for a person, and changes nothing.";
    /// Of `docker-unhealthy-dependency` this tool takes the cases in which the dependency has failed, because only its
    /// log tells why. `compose-retry` takes those that time heals. Never both propose. `unknown` is taken because a
    /// bundle is safe whatever failed.
    const HANDLES: &'static [FailureClass] = &[
        FailureClass::DockerContainerCrashLoop,
        FailureClass::DockerOomKilled,
        FailureClass::DockerUnhealthyDependency,
        FailureClass::Unknown,
    ];
    const SEES: &'static [QueryKind] = &[QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::CollectLogs];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(CollectLogs);

#[cfg(test)]
mod tests;

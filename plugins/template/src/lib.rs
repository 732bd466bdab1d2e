//! The oom-logs repair tool: collects the last words of services that the kernel killed for memory.
//!
//! It changes nothing, because more memory is a decision for a person. It never asks for the same bundle twice.

mod decide;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct OomLogs;

/// What `[tools.oom-logs]` in `repair.toml` may say.
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

impl Tool for OomLogs {
    type Params = Params;
    const ID: &'static str = "oom-logs";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Collects the logs of services that were killed for memory, and changes nothing.";
    // Where you are reached, a URL or an address.
    const CONTACT: Option<&'static str> = None;
    const HANDLES: &'static [FailureClass] = &[FailureClass::DockerOomKilled];
    const SEES: &'static [QueryKind] = &[QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::CollectLogs];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(OomLogs);

#[cfg(test)]
mod tests;

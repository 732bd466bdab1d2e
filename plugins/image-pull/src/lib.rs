//! The image-pull repair tool: pulls again what a registry or the network did not deliver, and starts what is down.
//!
//! It refuses to hammer: tries are counted from the history that the host keeps, each waits at least twice as long as the
//! one before, and what the registry says of waiting is kept. It never pulls what is there, what is built here, or what the
//! project does not want pulled, and an image that does not exist is not its case.

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
pub struct ImagePull;

/// What `[tools.image-pull]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Pulls before a person has to look.
    #[schemars(range(min = 1, max = 4))]
    pub max_tries: u32,
    /// Time after the first pull, in seconds; it doubles with each further one.
    #[schemars(range(min = 1, max = 60))]
    pub backoff_seconds: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_tries: 4, backoff_seconds: 4 }
    }
}

impl Tool for ImagePull {
    type Params = Params;
    const ID: &'static str = "image-pull";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Pulls again what a registry or the network did not deliver, and starts what is down.";
    /// Of both classes this tool takes the cases in which an image is missing; `compose-retry` takes the rest.
    const HANDLES: &'static [FailureClass] =
        &[FailureClass::DockerRegistryThrottled, FailureClass::DockerDnsOrNetworkTimeout];
    const SEES: &'static [QueryKind] = &[QueryKind::Images, QueryKind::ComposeModel, QueryKind::Containers];
    const MAY: &'static [ActionKind] = &[ActionKind::PullImage, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(ImagePull);

#[cfg(test)]
mod tests;

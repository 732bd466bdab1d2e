//! The port-conflict repair tool: moves published ports that somebody else holds, and starts what is down.
//!
//! It refuses to guess. A port is moved only because the host *observed* who stands in its way; the text of the failure
//! can raise or lower the confidence and says where to look first, and nothing else. What it cannot move for certain, it
//! leaves alone and says what a person could do.

mod claims;
mod declines;
mod entry;
mod parameters;
mod placement;
mod reason;
mod unit;

mod decide;

pub use decide::decide;
pub use parameters::{Bundle, Params};

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;

/// See the crate.
pub struct PortConflict;

impl Tool for PortConflict {
    type Params = Params;
    const ID: &'static str = "port-conflict";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Moves published ports that somebody else holds, and starts what is down.";
    const HANDLES: &'static [FailureClass] = &[FailureClass::DockerPortConflict, FailureClass::DockerPrivilegedPort];
    const SEES: &'static [QueryKind] =
        &[QueryKind::ComposeModel, QueryKind::Containers, QueryKind::PortOwner, QueryKind::FreePorts];
    const MAY: &'static [ActionKind] = &[ActionKind::RemapPort, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(PortConflict);

#[cfg(test)]
mod tests;

//! The mysql-stopped repair tool: starts the stopped MySQL flexible server that a deployment needs, or waits for one that is
//! between two states, and deploys the template again.
//!
//! It refuses to start what the template does not want: a server that nobody needs may be stopped to save money. A server that
//! is disabled, going away or in a state that nobody knows is explained.

mod decide;
mod declines;
mod servers;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::{NoParams, Tool};

/// See the crate.
pub struct MysqlStopped;

impl Tool for MysqlStopped {
    type Params = NoParams;
    const ID: &'static str = "mysql-stopped";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Starts the stopped MySQL server that the template wants, or waits for it, and deploys the template again.";
    const HANDLES: &'static [FailureClass] = &[FailureClass::AzureMysqlStopped, FailureClass::AzureMysqlInTransition];
    const SEES: &'static [QueryKind] = &[QueryKind::MysqlServers, QueryKind::ArmDeployment, QueryKind::WantedResources];
    const MAY: &'static [ActionKind] = &[ActionKind::StartMysql, ActionKind::AwaitState, ActionKind::DeployTemplate];

    fn propose(case: &Case, NoParams {}: NoParams) -> Result<Reply, Stop> {
        decide(case)
    }
}

repair_tool_sdk::export!(MysqlStopped);

#[cfg(test)]
mod tests;

//! Containers and holders of ports, as the engine and the host show them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::PortKey;

/// State of a container, by the Engine API; a state that this version does not know is kept by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    /// Never started, or its start failed.
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two starts.
    Restarting,
    /// Being removed.
    Removing,
    /// Has ended.
    Exited,
    /// Half removed.
    Dead,
    /// Not known to this version.
    Unknown(String),
}

impl fmt::Display for ContainerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Unknown(name) => name,
        })
    }
}

/// Health of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// No health check.
    None,
    /// Not decided yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// The last checks failed.
    Unhealthy,
}

/// A container, by name and by where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerRef {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Compose project, by its label.
    pub project: Option<String>,
    /// Compose service, by its label.
    pub service: Option<String>,
}

/// One container of the target's project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Which one.
    pub container: ContainerRef,
    /// Image reference it was made from.
    pub image: String,
    /// Its state.
    pub state: ContainerState,
    /// Its health.
    pub health: Health,
    /// Exit code of the last run, once it has run.
    pub exit_code: Option<i32>,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// Restarts by the engine.
    pub restarts: u32,
    /// Times that it ended with an error lately, as far as the engine remembers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recent_deaths: u32,
    /// The engine's own words on why it did not start.
    pub error: Option<String>,
    /// Whether it ever ran, so that its writable layer may hold something.
    pub ever_ran: bool,
    /// Configuration hash, by Compose's label.
    pub config_hash: Option<String>,
    /// Host ports it asks for, from its host configuration: failed containers list no ports elsewhere.
    pub ports: Vec<PortKey>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Why a container is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Staleness {
    /// It holds a name that a service of the project wants, and is not that service's own.
    HoldsWantedName,
    /// It is the project's, and no service of the effective model is its own: renamed, removed, or a service that the
    /// project scaled down.
    NoSuchService,
    /// Compose had renamed it in order to replace it, and did not get to its end.
    InterruptedReplacement,
}

impl Staleness {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::HoldsWantedName, Self::NoSuchService, Self::InterruptedReplacement];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HoldsWantedName => "holds-wanted-name",
            Self::NoSuchService => "no-such-service",
            Self::InterruptedReplacement => "interrupted-replacement",
        }
    }
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A container that is in the way of the project, or left over from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleContainer {
    /// The container.
    pub container: Container,
    /// Why it is stale.
    pub why: Staleness,
    /// Whether it is not the project's own; it is shown to explain and never removed.
    pub foreign: bool,
}

/// A process of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessRef {
    /// Process id, where it may be seen.
    pub pid: Option<u32>,
    /// Name of its executable, where it may be seen.
    pub name: Option<String>,
}

/// Who holds a port of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PortOwner {
    /// A container of the target itself.
    ThisProject(ContainerRef),
    /// Another container of the same engine.
    OtherContainer(ContainerRef),
    /// A process of the host.
    Process(ProcessRef),
    /// Nobody: it could be bound right now.
    NotHeld,
    /// Cannot be told from here, as for a remote engine.
    Unknown,
}

//! What a tool may ask the host to do. Each action is one typed effect.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::{Protocol, Published};

/// Moves one published port of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortMove {
    /// The service.
    pub service: String,
    /// The first port inside the container, which names the entry together with `protocol` and `host_ip`.
    pub target: u16,
    /// Transport.
    pub protocol: Protocol,
    /// Address of the host; `None` for all.
    pub host_ip: Option<String>,
    /// The host side as it is.
    pub before: Published,
    /// The host side as it shall be.
    pub after: Published,
}

/// One typed effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Changes where a published port is written down.
    RemapPort(PortMove),
    /// Starts or creates what is missing of the listed services, and nothing else.
    ComposeUp {
        /// The services; never empty.
        services: Vec<String>,
    },
    /// Writes a bounded, redacted bundle of logs and states for a person.
    CollectLogs {
        /// The services; never empty.
        services: Vec<String>,
        /// Lines of each.
        lines_max: u16,
    },
}

/// A case of [`Action`], as manifests and policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// See [`Action::RemapPort`].
    RemapPort,
    /// See [`Action::ComposeUp`].
    ComposeUp,
    /// See [`Action::CollectLogs`].
    CollectLogs,
}

impl Action {
    /// Which case it is.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::RemapPort(_) => ActionKind::RemapPort,
            Self::ComposeUp { .. } => ActionKind::ComposeUp,
            Self::CollectLogs { .. } => ActionKind::CollectLogs,
        }
    }

    /// The services that it names.
    pub fn services(&self) -> &[String] {
        match self {
            Self::RemapPort(port_move) => std::slice::from_ref(&port_move.service),
            Self::ComposeUp { services } | Self::CollectLogs { services, .. } => services,
        }
    }
}

impl ActionKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::RemapPort, Self::ComposeUp, Self::CollectLogs];

    /// The name in manifests and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RemapPort => "remap-port",
            Self::ComposeUp => "compose-up",
            Self::CollectLogs => "collect-logs",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ActionKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(())
    }
}

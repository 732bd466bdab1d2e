//! A Compose project as Compose itself resolves it, with the place where each published port is written.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Transport of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// A port of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PortKey {
    /// The port, from 1 to 65535.
    pub port: u16,
    /// Its transport.
    pub protocol: Protocol,
    /// The address it is bound to; `None` for all of them.
    pub host_ip: Option<String>,
}

impl fmt::Display for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host_ip {
            Some(address) if address.contains(':') => write!(f, "[{address}]:{}/{}", self.port, self.protocol),
            Some(address) => write!(f, "{address}:{}/{}", self.port, self.protocol),
            None => write!(f, "{}/{}", self.port, self.protocol),
        }
    }
}

/// The host side of a published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Published {
    /// One port.
    Fixed(u16),
    /// First and last port of a range.
    Range(u16, u16),
    /// The engine picks a free one, so it never clashes.
    EnginePicks,
}

impl Published {
    /// All ports that it may take.
    pub fn ports(self) -> std::ops::RangeInclusive<u16> {
        match self {
            Self::Fixed(port) => port..=port,
            Self::Range(first, last) => first..=last,
            #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is meant: it claims no port")]
            Self::EnginePicks => 1..=0,
        }
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(port) => write!(f, "{port}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::EnginePicks => f.write_str("any"),
        }
    }
}

/// Where the effective value of a published port comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueSource {
    /// Written out in the Compose file.
    Literal,
    /// The variable of that name in the project's `.env`.
    Dotenv(String),
    /// The default inside `${NAME:-default}`; the variable of that name is set nowhere.
    Fallback(String),
    /// The variable of that name in the environment of the calling shell, which beats every file.
    Shell(String),
}

/// Where a published port is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The Compose file, relative to the project directory where it lies below it.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// Where the value comes from.
    pub source: ValueSource,
    /// Other services that share the same text (anchors, merges, `extends`) and would move too.
    pub shared_with: Vec<String>,
}

/// One entry of a service's `ports`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedPort {
    /// The first port inside the container.
    pub target: u16,
    /// The last port inside the container; equal to `target` for a single one.
    pub target_last: u16,
    /// Transport.
    pub protocol: Protocol,
    /// Address of the host; `None` for all.
    pub host_ip: Option<String>,
    /// The host side.
    pub published: Published,
    /// Where it is written, when that is known for certain.
    pub origin: Option<Origin>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its published ports, in the order of the file.
    pub ports: Vec<PublishedPort>,
    /// The services that it depends on.
    pub depends_on: Vec<String>,
    /// Whether the service declares a health check; one that its image declares is seen on the container.
    pub has_healthcheck: bool,
    /// Whether it is expected to end: another service waits for its completion.
    pub one_shot: bool,
    /// Containers wanted.
    pub scale: u32,
}

/// The effective model of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComposeModel {
    /// The project name.
    pub project: String,
    /// The services of the active profiles, in order of name.
    pub services: Vec<Service>,
}

impl ComposeModel {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

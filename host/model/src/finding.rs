//! A named failure.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Permille;

macro_rules! failure_classes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What failed. The text forms are public identifiers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum FailureClass {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl FailureClass {
            /// All classes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The public identifier.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

failure_classes! {
    /// Somebody else holds a host port that a service publishes.
    DockerPortConflict = "docker-port-conflict",
    /// The engine may not bind a port below 1024.
    DockerPrivilegedPort = "docker-privileged-port",
    /// No engine answers.
    DockerDaemonUnreachable = "docker-daemon-unreachable",
    /// The engine's socket or a file may not be used.
    DockerPermissionDenied = "docker-permission-denied",
    /// An image does not exist.
    DockerImageMissing = "docker-image-missing",
    /// A registry limits the rate.
    DockerRegistryThrottled = "docker-registry-throttled",
    /// The file system of the engine or the host is full.
    DockerDiskFull = "docker-disk-full",
    /// A container that another depends on is not healthy.
    DockerUnhealthyDependency = "docker-unhealthy-dependency",
    /// A container ends and is started again and again, or ended with an error.
    DockerContainerCrashLoop = "docker-container-crash-loop",
    /// The kernel killed a container for memory.
    DockerOomKilled = "docker-oom-killed",
    /// Compose refuses its file.
    DockerComposeInvalidFile = "docker-compose-invalid-file",
    /// A name or the network did not answer in time.
    DockerDnsOrNetworkTimeout = "docker-dns-or-network-timeout",
    /// None of the others, or not decidable.
    Unknown = "unknown",
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A line that proves a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// Which piece of evidence, counted from 0.
    pub evidence: u32,
    /// Line within it, counted from 1.
    pub line: u32,
    /// The line itself, redacted.
    pub text: String,
}

/// A named failure, how sure the host is of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What failed.
    pub class: FailureClass,
    /// How sure.
    pub confidence: Permille,
    /// What was extracted, such as `port` = `8080`. Text names a class; it never chooses a target.
    pub facts: BTreeMap<String, String>,
    /// The lines that prove it.
    pub proof: Vec<Proof>,
    /// What a person can do, safest first.
    pub next_steps: Vec<String>,
}

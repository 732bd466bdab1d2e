//! A named failure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

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

            /// Whether it is one of an Azure deployment.
            pub fn is_azure(self) -> bool {
                self.as_str().starts_with("azure-")
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
    /// A registry wants other credentials, or refuses the ones given.
    DockerRegistryAuth = "docker-registry-auth",
    /// A network's addresses overlap with others, or no pool of addresses is left.
    DockerNetworkOverlap = "docker-network-overlap",
    /// Another container has the name.
    DockerContainerNameConflict = "docker-container-name-conflict",
    /// A volume or a mount cannot be made.
    DockerVolumeOrMountError = "docker-volume-or-mount-error",
    /// The file system of the engine or the host is full.
    DockerDiskFull = "docker-disk-full",
    /// A container that another depends on is not healthy.
    DockerUnhealthyDependency = "docker-unhealthy-dependency",
    /// A container ends and is started again and again, or ended with an error.
    DockerContainerCrashLoop = "docker-container-crash-loop",
    /// The kernel killed a container for memory.
    DockerOomKilled = "docker-oom-killed",
    /// A step of an image's build failed.
    DockerBuildFailed = "docker-build-failed",
    /// Compose refuses its file.
    DockerComposeInvalidFile = "docker-compose-invalid-file",
    /// Containers or a network of an earlier state of the project are in the way.
    DockerOrphansOrStaleNetwork = "docker-orphans-or-stale-network",
    /// Something that shall be removed or changed is still used.
    DockerResourceInUse = "docker-resource-in-use",
    /// A name or the network did not answer in time.
    DockerDnsOrNetworkTimeout = "docker-dns-or-network-timeout",
    /// The image is for another processor or operating system.
    DockerPlatformMismatch = "docker-platform-mismatch",
    /// A soft-deleted vault holds the name.
    AzureKeyvaultSoftDeleted = "azure-keyvault-soft-deleted",
    /// A deleted vault may not be purged before its time.
    AzureKeyvaultPurgeProtected = "azure-keyvault-purge-protected",
    /// A vault that is not deleted has the name.
    AzureKeyvaultNameTaken = "azure-keyvault-name-taken",
    /// A database server is stopped.
    AzureMysqlStopped = "azure-mysql-stopped",
    /// A database server is between two states.
    AzureMysqlInTransition = "azure-mysql-in-transition",
    /// The subscription is not registered for a resource provider.
    AzureResourceProviderUnregistered = "azure-resource-provider-unregistered",
    /// A quota is used up.
    AzureQuotaExceeded = "azure-quota-exceeded",
    /// The region or the size is not to be had.
    AzureRegionOrSkuUnavailable = "azure-region-or-sku-unavailable",
    /// The login has ended or is missing.
    AzureAuthExpired = "azure-auth-expired",
    /// The login may not do this.
    AzureAuthorizationFailed = "azure-authorization-failed",
    /// Another deployment or operation runs on the same thing.
    AzureDeploymentActiveConflict = "azure-deployment-active-conflict",
    /// Azure limits the rate.
    AzureThrottled = "azure-throttled",
    /// The template or its parameters are wrong.
    AzureInvalidTemplate = "azure-invalid-template",
    /// Something other than a vault has the name.
    AzureNameConflictOther = "azure-name-conflict-other",
    /// Azure failed by itself, and may not the next time.
    AzureTransientServerError = "azure-transient-server-error",
    /// An Azure policy forbids it.
    AzurePolicyDenied = "azure-policy-denied",
    /// The resource group does not exist, or not yet.
    AzureResourceGroupNotFound = "azure-resource-group-not-found",
    /// A lock on the scope forbids it.
    AzureLock = "azure-lock",
    /// None of the others, or not decidable.
    Unknown = "unknown",
}

impl FromStr for FailureClass {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|class| class.as_str() == name).ok_or(())
    }
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
    /// Lines that speak against it; the confidence already counts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Proof>,
    /// What a person can do, safest first.
    pub next_steps: Vec<String>,
}

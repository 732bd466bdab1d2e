//! Names of the contract as enums, so that a typing error in a manifest does not compile.

use std::fmt;

use crate::bindings::repair::tool::types::{Action, Query};

/// Queries that one [`Reply::need`](crate::reply::Reply::need) may hold; the host refuses more.
pub const NEED_QUERIES_MAX: usize = 64;
/// Free ports that one query may ask for.
pub const FREE_PORTS_MAX: u8 = 32;
/// Lines of one service's log that a query may ask for.
pub const LOG_LINES_MAX: u16 = 500;
/// Random bytes behind a value that the host draws; the host refuses fewer.
pub const ENV_VALUE_BYTES_MIN: u16 = 16;
/// Random bytes behind a value that the host draws; the host refuses more.
pub const ENV_VALUE_BYTES_MAX: u16 = 64;
/// Bytes of any one text in a reply.
pub const REPLY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Notes in a reply.
pub const REPLY_NOTES_MAX: usize = 100;
/// How sure a proposal has to be, in permille; the host turns down what is less sure, and its policies may ask for more.
pub const CONFIDENCE_FLOOR_PERMILLE: u16 = 600;

macro_rules! names {
    ($(#[doc = $about:literal])+ $kind:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in manifests.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

names! {
    /// What failed.
    FailureClass {
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
}

names! {
    /// A case of [`Query`]: what a tool may see.
    QueryKind {
        /// The effective Compose model.
        ComposeModel = "compose-model",
        /// The project's containers.
        Containers = "containers",
        /// The end of one service's log.
        ContainerLog = "container-log",
        /// Who holds a port of the host.
        PortOwner = "port-owner",
        /// Free ports at or above a wanted one.
        FreePorts = "free-ports",
        /// Containers in the way of the project, and its leftovers.
        StaleContainers = "stale-containers",
        /// Networks of the project, and those that have a name it wants.
        Networks = "networks",
        /// The image of each service.
        Images = "images",
        /// Variables that the project uses and that have no value.
        EmptyVariables = "empty-variables",
        /// The Azure deployment that is to be healed.
        ArmDeployment = "arm-deployment",
        /// What the template wants, by Azure's what-if.
        WantedResources = "wanted-resources",
        /// Deleted vaults that still have a name.
        DeletedVaults = "deleted-vaults",
        /// MySQL flexible servers of the resource group.
        MysqlServers = "mysql-servers",
        /// How the subscription is registered for a resource provider.
        ResourceProvider = "resource-provider",
        /// Locks on the resource group and on what is in it.
        Locks = "locks",
        /// Who acts in which subscription.
        AzureAccount = "azure-account",
    }
}

names! {
    /// A case of [`Action`]: what a tool may propose.
    ActionKind {
        /// Moves one published port of one service.
        RemapPort = "remap-port",
        /// Starts or creates what is missing of the listed services.
        ComposeUp = "compose-up",
        /// Writes a bundle of logs and states for a person.
        CollectLogs = "collect-logs",
        /// Restarts the containers of one service as they are.
        RestartService = "restart-service",
        /// Pulls the images of the listed services.
        PullImage = "pull-image",
        /// Removes one container of the project that is in the way or belongs to no service.
        RemoveStaleContainer = "remove-stale-container",
        /// Removes one network of the project that nothing is attached to.
        RemoveStaleNetwork = "remove-stale-network",
        /// Gives an empty variable a random value.
        SetEnvValue = "set-env-value",
        /// Starts a stopped MySQL flexible server.
        StartMysql = "start-mysql",
        /// Brings a deleted vault back.
        RecoverVault = "recover-vault",
        /// Removes a deleted vault for good.
        PurgeVault = "purge-vault",
        /// Registers the subscription for a resource provider.
        RegisterProvider = "register-provider",
        /// Deploys the same template again.
        DeployTemplate = "deploy-template",
        /// Waits until something has come to rest.
        AwaitState = "await-state",
    }
}

impl QueryKind {
    /// Which case `query` is.
    pub const fn of(query: &Query) -> Self {
        match query {
            Query::ComposeModel => Self::ComposeModel,
            Query::Containers => Self::Containers,
            Query::ContainerLog(_) => Self::ContainerLog,
            Query::PortOwner(_) => Self::PortOwner,
            Query::FreePorts(_) => Self::FreePorts,
            Query::StaleContainers => Self::StaleContainers,
            Query::Networks => Self::Networks,
            Query::Images => Self::Images,
            Query::EmptyVariables => Self::EmptyVariables,
            Query::ArmDeployment => Self::ArmDeployment,
            Query::WantedResources => Self::WantedResources,
            Query::DeletedVaults(_) => Self::DeletedVaults,
            Query::MysqlServers => Self::MysqlServers,
            Query::ResourceProvider(_) => Self::ResourceProvider,
            Query::Locks => Self::Locks,
            Query::AzureAccount => Self::AzureAccount,
        }
    }
}

impl ActionKind {
    /// Which case `action` is.
    pub const fn of(action: &Action) -> Self {
        match action {
            Action::RemapPort(_) => Self::RemapPort,
            Action::ComposeUp(_) => Self::ComposeUp,
            Action::CollectLogs(_) => Self::CollectLogs,
            Action::RestartService(_) => Self::RestartService,
            Action::PullImage(_) => Self::PullImage,
            Action::RemoveStaleContainer(_) => Self::RemoveStaleContainer,
            Action::RemoveStaleNetwork(_) => Self::RemoveStaleNetwork,
            Action::SetEnvValue(_) => Self::SetEnvValue,
            Action::StartMysql(_) => Self::StartMysql,
            Action::RecoverVault(_) => Self::RecoverVault,
            Action::PurgeVault(_) => Self::PurgeVault,
            Action::RegisterProvider(_) => Self::RegisterProvider,
            Action::DeployTemplate(_) => Self::DeployTemplate,
            Action::AwaitState(_) => Self::AwaitState,
        }
    }
}

#[cfg(test)]
mod tests {
    use repair_model::{action, bounds::Bounds, finding, limits, query};

    use super::*;

    #[test]
    fn names_are_exactly_those_of_the_host() {
        let classes: Vec<_> = FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        let theirs: Vec<_> = finding::FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(classes, theirs);
        let queries: Vec<_> = QueryKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(queries, query::QueryKind::ALL.map(query::QueryKind::as_str));
        let actions: Vec<_> = ActionKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(actions, action::ActionKind::ALL.map(action::ActionKind::as_str));
    }

    #[test]
    fn limits_are_exactly_those_of_the_host() {
        assert_eq!(NEED_QUERIES_MAX, limits::NEED_QUERIES_MAX);
        assert_eq!(FREE_PORTS_MAX, limits::FREE_PORTS_MAX);
        assert_eq!(LOG_LINES_MAX, limits::LOG_LINES_MAX);
        assert_eq!(ENV_VALUE_BYTES_MIN, limits::ENV_VALUE_BYTES_MIN);
        assert_eq!(ENV_VALUE_BYTES_MAX, limits::ENV_VALUE_BYTES_MAX);
        assert_eq!(REPLY_TEXT_BYTES_MAX, limits::REPLY_TEXT_BYTES_MAX);
        assert_eq!(REPLY_NOTES_MAX, limits::REPLY_NOTES_MAX);
        assert_eq!(CONFIDENCE_FLOOR_PERMILLE, Bounds::default().confidence_floor_permille.get());
    }

    #[test]
    fn a_name_reads_back_and_any_other_does_not() {
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::from_name(class.as_str()), Some(*class));
        }
        assert_eq!(QueryKind::from_name("compose_model"), None);
    }
}

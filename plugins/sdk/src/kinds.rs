//! Names of the contract as enums, so that a typing error in a manifest does not compile.

use std::fmt;

use crate::bindings::repair::tool::types::{Action, Query};

/// Queries that one [`Reply::need`](crate::reply::Reply::need) may hold; the host refuses more.
pub const NEED_QUERIES_MAX: usize = 64;
/// Free ports that one query may ask for.
pub const FREE_PORTS_MAX: u8 = 32;
/// Lines of one service's log that a query may ask for.
pub const LOG_LINES_MAX: u16 = 500;
/// Bytes of any one text in a reply.
pub const REPLY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Notes in a reply.
pub const REPLY_NOTES_MAX: usize = 100;

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
        }
    }
}

#[cfg(test)]
mod tests {
    use repair_model::{action, finding, limits, query};

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
        assert_eq!(REPLY_TEXT_BYTES_MAX, limits::REPLY_TEXT_BYTES_MAX);
        assert_eq!(REPLY_NOTES_MAX, limits::REPLY_NOTES_MAX);
    }

    #[test]
    fn a_name_reads_back_and_any_other_does_not() {
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::from_name(class.as_str()), Some(*class));
        }
        assert_eq!(QueryKind::from_name("compose_model"), None);
    }
}

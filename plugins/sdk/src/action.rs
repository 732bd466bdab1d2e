//! What a tool may propose. The host computes the risk, and acts.

pub use crate::bindings::repair::tool::types::{Action, CollectLogs, ComposeUp, PortMove};
use crate::ports::{Published, PublishedPort};

impl Action {
    /// Moves `entry` of `service` to `after`, keeping protocol, address and container side.
    pub fn remap_port(service: impl Into<String>, entry: &PublishedPort, after: Published) -> Self {
        Self::RemapPort(PortMove {
            service: service.into(),
            target: entry.target,
            protocol: entry.protocol,
            host_ip: entry.host_ip.clone(),
            before: entry.published,
            after,
        })
    }

    /// Starts or creates what is missing of these services.
    pub fn compose_up<S: Into<String>>(services: impl IntoIterator<Item = S>) -> Self {
        Self::ComposeUp(ComposeUp { services: services.into_iter().map(Into::into).collect() })
    }

    /// Writes a bundle for a person: states and at most `lines_max` lines of each service's log.
    pub fn collect_logs<S: Into<String>>(services: impl IntoIterator<Item = S>, lines_max: u16) -> Self {
        Self::CollectLogs(CollectLogs { services: services.into_iter().map(Into::into).collect(), lines_max })
    }
}

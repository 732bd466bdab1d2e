//! Which of the observed servers the deployment is about.

use repair_tool_sdk::azure::{MysqlServer, Repetition, ResourceId, WantedChange, same_id};

/// The servers that the deployment is about, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meant<'a> {
    /// In order of name.
    pub(crate) servers: Vec<&'a MysqlServer>,
    /// Whether the template or an error names them; else it is the only server that the group has.
    pub(crate) by_id: bool,
}

impl<'a> Meant<'a> {
    /// By the ids of what the template wants, be it a server or a part of one, and of what failed. Where the first is not
    /// known and the second says nothing, only the group's one server can be meant.
    pub(crate) fn of(servers: &'a [MysqlServer], again: &Repetition<'_>) -> Self {
        let wanted = again.wanted.unwrap_or_default().iter().filter(|resource| resource.change != WantedChange::Delete);
        let failed = again.deployment.errors.iter().filter_map(|error| error.resource_id.as_deref());
        let ids: Vec<ResourceId<'_>> =
            wanted.map(|resource| resource.id.as_str()).chain(failed).map(ResourceId::new).collect();
        let named: Vec<&MysqlServer> =
            servers.iter().filter(|server| ids.iter().any(|id| id.is_within(&server.id))).collect();
        match (named.is_empty(), again.wanted, servers) {
            (true, None, [only]) => Self { servers: vec![only], by_id: false },
            _ => Self { servers: named, by_id: true },
        }
    }

    /// Those of that name or host name; a failure names either.
    pub(crate) fn has(&self, named: &str) -> bool {
        self.servers.iter().any(|server| is_named(server, named))
    }
}

/// Whether it has that name or host name.
pub(crate) fn is_named(server: &MysqlServer, named: &str) -> bool {
    named.split('.').next().is_some_and(|name| same_id(name, &server.name))
}

/// Whether it will be stopped without anything more being done.
pub(crate) fn is_stopping(server: &MysqlServer) -> bool {
    same_id(&server.state, "Stopping")
}

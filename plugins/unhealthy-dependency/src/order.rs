//! Who depends on whom, directly and through others.

use std::collections::BTreeSet;

use repair_tool_sdk::project::{Project, Service};

/// The dependencies of a project. A cycle, which Compose refuses, ends nothing here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    services: &'a [Service],
}

impl<'a> Order<'a> {
    pub(crate) fn of(project: &Project<'a>) -> Self {
        Self { services: project.services }
    }

    /// Whether any service depends on `name` directly.
    pub(crate) fn is_waited_for(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.depends_on.iter().any(|on| on == name))
    }

    /// Everything that `name` depends on, through others too; without itself.
    pub(crate) fn dependencies(&self, name: &str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            let service = self.services.iter().find(|service| service.name == next);
            for on in service.into_iter().flat_map(|service| &service.depends_on) {
                if on != name && found.insert(on.as_str()) {
                    open.push(on);
                }
            }
        }
        found
    }

    /// `names` so that each comes after what it depends on; otherwise in the given order.
    pub(crate) fn sorted(&self, mut names: Vec<String>) -> Vec<String> {
        // What depends on more comes later: dependencies of a dependency are among one's own.
        names.sort_by_key(|name| self.dependencies(name).len());
        names
    }
}

#[cfg(test)]
mod tests {
    use repair_tool_sdk::testing::service;

    use super::*;

    #[test]
    fn dependencies_reach_through_others_and_a_cycle_comes_to_an_end() {
        let services = [
            service("a").depending_on("c"),
            service("b").depending_on("a"),
            service("c").depending_on("b"),
            service("web").depending_on("a"),
        ];
        let order = Order { services: &services };
        assert_eq!(order.dependencies("web"), BTreeSet::from(["a", "b", "c"]));
        assert_eq!(order.dependencies("a"), BTreeSet::from(["b", "c"]));
        assert!(order.is_waited_for("a") && !order.is_waited_for("web"));
    }

    #[test]
    fn each_comes_after_what_it_depends_on() {
        let services = [
            service("api").depending_on("db").depending_on("cache"),
            service("cache"),
            service("db").depending_on("volume"),
            service("page").depending_on("api"),
            service("volume"),
        ];
        let names = services.iter().map(|service| service.name.clone()).collect();
        assert_eq!(Order { services: &services }.sorted(names), ["cache", "volume", "db", "api", "page"]);
    }
}

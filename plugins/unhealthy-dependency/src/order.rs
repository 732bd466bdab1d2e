//! Who depends on whom, directly and through others.

use std::collections::{BTreeMap, BTreeSet};

use repair_tool_sdk::project::{Project, Service};

/// The dependencies of a project. A cycle, which Compose refuses, ends nothing here.
#[derive(Clone, Debug)]
pub(crate) struct Order<'a> {
    /// For each name those that depend on it directly, in the order of the model.
    waiting: BTreeMap<&'a str, Vec<&'a str>>,
    /// For each service how many steps its longest way through dependencies has.
    depths: BTreeMap<&'a str, usize>,
}

impl<'a> Order<'a> {
    pub(crate) fn of(project: &Project<'a>) -> Self {
        let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for service in project.services {
            for on in &service.depends_on {
                waiting.entry(on).or_default().push(&service.name);
            }
        }
        let depths = depths(project.services, &waiting);
        Self { waiting, depths }
    }

    /// Those that depend on `name` directly, in the order of the model.
    pub(crate) fn waiting_for(&self, name: &str) -> &[&'a str] {
        self.waiting.get(name).map_or(&[], Vec::as_slice)
    }

    /// Everything that depends on one of these, through others too.
    pub(crate) fn held_up_by<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = names.into_iter().flat_map(|name| self.waiting_for(name)).copied().collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.waiting_for(next));
            }
        }
        found
    }

    /// `names` so that each comes after what it depends on; otherwise in the given order.
    pub(crate) fn sorted(&self, mut names: Vec<String>) -> Vec<String> {
        names.sort_by_cached_key(|name| self.depths.get(name.as_str()).copied().unwrap_or(usize::MAX));
        names
    }
}

/// Layer by layer: first what depends on nothing, then what depends on that only. What a cycle holds up has no depth.
fn depths<'a>(services: &'a [Service], waiting: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeMap<&'a str, usize> {
    let known: BTreeSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let known_of = |service: &Service| service.depends_on.iter().filter(|on| known.contains(on.as_str())).count();
    let mut open: BTreeMap<&str, usize> =
        services.iter().map(|service| (service.name.as_str(), known_of(service))).collect();
    let mut depths = BTreeMap::new();
    let mut layer: Vec<&str> = open.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
    let mut depth = 0;
    while !layer.is_empty() {
        depths.extend(layer.iter().map(|name| (*name, depth)));
        depth += 1;
        let mut next = Vec::new();
        for name in layer.into_iter().filter_map(|name| waiting.get(name)).flatten() {
            if let Some(left) = open.get_mut(name) {
                *left -= 1;
                if *left == 0 {
                    next.push(*name);
                }
            }
        }
        layer = next;
    }
    depths
}

#[cfg(test)]
mod tests {
    use repair_tool_sdk::testing::service;

    use super::*;

    fn order(services: &[Service]) -> Order<'_> {
        Order::of(&Project { services, containers: &[] })
    }

    #[test]
    fn what_is_held_up_waits_directly_or_through_others_and_a_cycle_comes_to_an_end() {
        let services = [
            service("a").depending_on("c"),
            service("api").depending_on("db"),
            service("b").depending_on("a"),
            service("c").depending_on("b"),
            service("page").depending_on("api"),
            service("web").depending_on("a"),
        ];
        let order = order(&services);
        assert_eq!(order.held_up_by(["db"]), BTreeSet::from(["api", "page"]));
        assert_eq!(order.held_up_by(["api", "web"]), BTreeSet::from(["page"]));
        assert_eq!(order.held_up_by(["a"]), BTreeSet::from(["a", "b", "c", "web"]));
        assert_eq!(order.waiting_for("a"), ["b", "web"]);
        assert!(order.waiting_for("web").is_empty());
        let names = ["web", "page", "c", "api"].map(str::to_owned).to_vec();
        assert_eq!(order.sorted(names), ["api", "page", "web", "c"]);
    }

    #[test]
    fn each_comes_after_what_it_depends_on() {
        let services = [
            service("api").depending_on("db").depending_on("cache"),
            service("cache").depending_on("elsewhere"),
            service("db").depending_on("volume"),
            service("page").depending_on("api"),
            service("volume"),
        ];
        let names = services.iter().map(|service| service.name.clone()).collect();
        assert_eq!(order(&services).sorted(names), ["cache", "volume", "db", "api", "page"]);
    }
}

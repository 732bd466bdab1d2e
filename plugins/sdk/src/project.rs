//! A Compose project as its model wants it and its containers have it, side by side.

use std::collections::BTreeSet;

pub use crate::bindings::repair::tool::types::{
    Container, ContainerRef, ContainerState, Health, Service, ServiceImage, StaleContainer, Staleness,
};

/// Model and containers of the target.
#[derive(Clone, Copy, Debug)]
pub struct Project<'a> {
    /// What is wanted, in order of name.
    pub services: &'a [Service],
    /// What is there, running or not.
    pub containers: &'a [Container],
}

/// How a service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As many containers as wanted run, or were paused, which somebody did on purpose. Says nothing of their health.
    Up,
    /// It is expected to end, and ended without an error.
    Completed,
    /// No container is wanted.
    NotWanted,
    /// A container is missing, was never started, has ended or keeps ending.
    Down,
}

impl<'a> Project<'a> {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&'a Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The containers of that service. Of many services [`by_service`](Self::by_service) tells faster.
    pub fn containers_of<'s>(&self, service: &'s str) -> impl Iterator<Item = &'a Container> + use<'a, 's> {
        self.containers.iter().filter(move |container| service_of(container) == Some(service))
    }

    /// How the service stands.
    pub fn standing(&self, service: &Service) -> Standing {
        standing(service, &self.containers_of(&service.name).collect::<Vec<_>>())
    }

    /// All containers by their service: for whoever looks at those of many services.
    pub fn by_service(&self) -> ByService<'a> {
        let mut sorted: Vec<&Container> = self.containers.iter().collect();
        sorted.sort_by_key(|container| service_of(container));
        ByService { sorted }
    }

    /// The services that are down, in the order of the model.
    pub fn down(&self) -> impl Iterator<Item = &'a Service> + use<'a> {
        let containers = self.by_service();
        self.services.iter().filter(move |service| containers.standing(service) == Standing::Down)
    }

    /// The services of which a container [has failed](Container::has_failed), in the order of the model.
    pub fn failed(&self) -> impl Iterator<Item = &'a Service> + use<'a> {
        let failed = self.containers.iter().filter(|container| container.has_failed());
        let names: BTreeSet<&str> = failed.filter_map(service_of).collect();
        self.services.iter().filter(move |service| names.contains(service.name.as_str()))
    }

    /// What a `compose-up` should list: the services that are down and those that they depend on and that are still
    /// starting, in the order of the model. Compose leaves the latter as they are and waits until they are healthy; were
    /// they left out, it would start the others at once, because the host lets Compose look at listed services only.
    pub fn to_start(&self) -> Vec<String> {
        let down: Vec<&Service> = self.down().collect();
        let needed: BTreeSet<&str> = down.iter().flat_map(|service| &service.depends_on).map(String::as_str).collect();
        let starting = self.containers.iter().filter(|container| container.is_starting());
        let listed: BTreeSet<&str> = starting
            .filter_map(service_of)
            .filter(|name| needed.contains(name))
            .chain(down.iter().map(|service| service.name.as_str()))
            .collect();
        let names = self.services.iter().map(|service| service.name.as_str());
        names.filter(|name| listed.contains(name)).map(str::to_owned).collect()
    }
}

/// The containers of a project by their service, sorted once: with a look at all containers for each service a large
/// project would cost its square, which is more fuel than a call has.
#[derive(Clone, Debug)]
pub struct ByService<'a> {
    sorted: Vec<&'a Container>,
}

impl<'a> ByService<'a> {
    /// The containers of that service, in the order of the project.
    pub fn of(&self, service: &str) -> &[&'a Container] {
        let own = &self.sorted[self.sorted.partition_point(|container| service_of(container) < Some(service))..];
        &own[..own.partition_point(|container| service_of(container) == Some(service))]
    }

    /// How the service stands.
    pub fn standing(&self, service: &Service) -> Standing {
        standing(service, self.of(&service.name))
    }
}

fn service_of(container: &Container) -> Option<&str> {
    container.ref_.service.as_deref()
}

/// How a service with these containers stands.
fn standing(service: &Service, containers: &[&Container]) -> Standing {
    if service.scale == 0 {
        return Standing::NotWanted;
    }
    let up = containers.iter().filter(|container| container.is_up()).count();
    if up >= service.scale as usize {
        return Standing::Up;
    }
    let completed = containers.iter().any(|container| container.completed());
    if service.one_shot && completed { Standing::Completed } else { Standing::Down }
}

impl Container {
    /// Whether it runs or is paused.
    pub fn is_up(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused)
    }

    /// Whether it runs and its health is not decided yet.
    pub fn is_starting(&self) -> bool {
        self.state == ContainerState::Running && self.health == Health::Starting
    }

    /// Whether it says of itself that something is wrong: it ended with an error, keeps ending, was killed for memory,
    /// could not be started, or fails its health check. One that was only never started has not failed.
    pub fn has_failed(&self) -> bool {
        let by_state = match self.state {
            ContainerState::Restarting | ContainerState::Dead => true,
            ContainerState::Exited => self.exit_code.is_some_and(|code| code != 0),
            ContainerState::Created | ContainerState::Running | ContainerState::Paused => false,
            ContainerState::Removing | ContainerState::Unknown(_) => false,
        };
        let not_started = !self.is_up() && self.error.as_ref().is_some_and(|error| !error.is_empty());
        by_state || not_started || self.oom_killed || self.health == Health::Unhealthy
    }

    /// Whether it ran and ended without an error.
    pub fn completed(&self) -> bool {
        self.state == ContainerState::Exited && self.exit_code == Some(0) && self.ever_ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, container_ref, service};

    #[test]
    fn containers_are_found_by_their_service_in_the_order_of_the_project() {
        let second = Container {
            ref_: ContainerRef { name: "shop-web-2".to_owned(), ..container_ref("shop", "web") },
            ..container("web")
        };
        let stray =
            Container { ref_: ContainerRef { service: None, ..container_ref("shop", "stray") }, ..container("stray") };
        let containers = [second, container("db"), stray, container("web"), container("api")];
        let project = Project { services: &[], containers: &containers };
        let all = project.by_service();
        for name in ["api", "db", "web", "none", ""] {
            let one_by_one: Vec<&Container> = project.containers_of(name).collect();
            assert_eq!(all.of(name), one_by_one, "{name}");
        }
        assert_eq!(all.of("web")[0].ref_.name, "shop-web-2");
    }

    #[test]
    fn a_service_is_down_unless_enough_containers_are_up() {
        let services = [
            service("few").scaled(2),
            service("job").one_shot(),
            service("lost"),
            service("none").scaled(0),
            service("paused"),
            service("stopped"),
        ];
        let containers = [
            container("few").running(),
            container("job").exited(0),
            container("paused").paused(),
            container("stopped").exited(0),
        ];
        let project = Project { services: &services, containers: &containers };
        assert_eq!(project.to_start(), ["few", "lost", "stopped"]);
        assert_eq!(project.standing(&services[1]), Standing::Completed);
        assert_eq!(project.standing(&services[3]), Standing::NotWanted);
        assert_eq!(project.standing(&services[4]), Standing::Up);
    }

    #[test]
    fn a_dependency_that_is_still_starting_is_listed_and_a_healthy_one_is_not() {
        let services = [service("cache"), service("db"), service("web").depending_on("db").depending_on("cache")];
        let containers = [
            container("cache").running().with_health(Health::Healthy),
            container("db").running().with_health(Health::Starting),
        ];
        assert_eq!(Project { services: &services, containers: &containers }.to_start(), ["db", "web"]);
        let all_up = Project { services: &services[..2], containers: &containers };
        assert!(all_up.to_start().is_empty());
    }

    #[test]
    fn a_one_shot_that_ended_with_an_error_is_down_and_has_failed() {
        let services = [service("job").one_shot()];
        let containers = [container("job").exited(1)];
        let project = Project { services: &services, containers: &containers };
        assert_eq!(project.to_start(), ["job"]);
        assert_eq!(project.failed().count(), 1);
    }

    #[test]
    fn what_was_never_started_has_not_failed_by_itself() {
        assert!(!container("web").has_failed());
        assert!(!container("web").failed("").has_failed());
        assert!(container("web").failed("no such device").has_failed());
        assert!(container("web").running().with_health(Health::Unhealthy).has_failed());
        assert!(!container("web").running().with_health(Health::Starting).has_failed());
        assert!(container("web").restarting(2).has_failed());
    }
}

//! For a tool's own tests on the host: a made-up deployment that answers what the tool asks, and short ways to describe
//! one. Not there in WebAssembly. What it checks, it checks with a panic.
//!
//! ```
//! use repair_tool_sdk::kinds::FailureClass;
//! use repair_tool_sdk::ports::PortKey;
//! use repair_tool_sdk::testing::{FakeHost, container, process, publish, service};
//!
//! let host = FakeHost::new(FailureClass::DockerPortConflict)
//!     .fact("port", "8080")
//!     .service(service("web").publishing(publish(8080, 80)))
//!     .container(container("web").failed("Bind for 0.0.0.0:8080 failed: port is already allocated"))
//!     .held(PortKey::tcp(8080), process(812, "nginx"));
//! assert!(host.case([]).observations.is_empty());
//! ```

mod azure_group;
mod fake_host;

pub use azure_group::{AzureGroup, arm_deployment, deleted_vault, mysql_server, wanted};
pub use fake_host::{FakeHost, Transcript};

use crate::bindings::repair::tool::types::{
    Action, Attempt, Container, ContainerRef, ContainerState, EmptyVariable, Health, Network, Origin, PortOwner,
    ProcessRef, Protocol, Published, PublishedPort, Service, ServiceImage, StaleContainer, Staleness, ValueSource,
};

/// Services that the host shows.
const SERVICES_MAX: usize = 1000;

/// A service without ports, of which one container is wanted.
pub fn service(name: &str) -> Service {
    Service {
        name: name.to_owned(),
        ports: Vec::new(),
        depends_on: Vec::new(),
        has_healthcheck: false,
        one_shot: false,
        scale: 1,
    }
}

/// As many services as the host shows at most: all depend on `cache`, `db` and `queue`, and every other one on the one
/// before it. A tool that compares each with each runs out of fuel over them.
pub fn greatest_project() -> Vec<Service> {
    let shared = ["cache", "db", "queue"];
    let of_all = |service: Service| shared.iter().fold(service, |service, on| service.depending_on(on));
    let others = (0..SERVICES_MAX - shared.len()).map(|at| {
        let one = of_all(service(&format!("service-{at:03}")));
        if at % 2 == 1 { one.depending_on(&format!("service-{:03}", at - 1)) } else { one }
    });
    shared.iter().map(|name| service(name)).chain(others).collect()
}

/// One TCP port on all addresses, written out in the Compose file.
pub fn publish(host: u16, target: u16) -> PublishedPort {
    PublishedPort {
        target,
        target_last: target,
        protocol: Protocol::Tcp,
        host_ip: None,
        published: Published::Fixed(host),
        origin: Some(Origin {
            file: "compose.yaml".to_owned(),
            line: 1,
            source: ValueSource::Literal,
            shared_with: Vec::new(),
        }),
    }
}

/// A range of TCP ports, onto as many ports of the container.
pub fn publish_range(first: u16, last: u16, target: u16) -> PublishedPort {
    let entry = publish(first, target);
    PublishedPort { published: Published::Range((first, last)), target_last: target + (last - first), ..entry }
}

/// A container of that service that was made and never started.
pub fn container(service: &str) -> Container {
    Container {
        ref_: container_ref("shop", service),
        image: "example/image:1".to_owned(),
        state: ContainerState::Created,
        health: Health::None,
        exit_code: None,
        oom_killed: false,
        restarts: 0,
        error: None,
        ever_ran: false,
        ports: Vec::new(),
    }
}

/// A container by project and service; the made-up deployment itself is the project `shop`.
pub fn container_ref(project: &str, service: &str) -> ContainerRef {
    ContainerRef {
        id: format!("id-of-{project}-{service}"),
        name: format!("{project}-{service}-1"),
        project: Some(project.to_owned()),
        service: Some(service.to_owned()),
    }
}

/// A container of the project that is stale, and never ran.
pub fn stale(service: &str, why: Staleness) -> StaleContainer {
    StaleContainer { container: container(service), why, foreign: false }
}

/// The project's network of that key, which the model wants and nothing is attached to.
pub fn network(key: &str) -> Network {
    Network {
        name: format!("shop_{key}"),
        id: format!("id-of-shop_{key}"),
        project: Some("shop".to_owned()),
        key: Some(key.to_owned()),
        wanted_as: Some(key.to_owned()),
        attached: Vec::new(),
        subnets: vec!["172.28.0.0/16".to_owned()],
        driver: "bridge".to_owned(),
    }
}

/// The image of that service, which the engine does not have and a registry should.
pub fn image(service: &str) -> ServiceImage {
    ServiceImage {
        service: service.to_owned(),
        image: "example/image:1".to_owned(),
        present: false,
        built: false,
        pull_policy: None,
    }
}

/// A required variable that stands in `.env` without a value, and whose name says that it holds a secret.
pub fn empty_variable(name: &str) -> EmptyVariable {
    EmptyVariable {
        variable: name.to_owned(),
        file: ".env".to_owned(),
        written: true,
        required: true,
        secret_like: true,
        services: Vec::new(),
        shell: false,
    }
}

/// A port is held by a process.
pub fn process(pid: u32, name: &str) -> PortOwner {
    PortOwner::Process(ProcessRef { pid: Some(pid), name: Some(name.to_owned()) })
}

/// A port is held by a container of another project.
pub fn other_container(project: &str, service: &str) -> PortOwner {
    PortOwner::OtherContainer(container_ref(project, service))
}

/// An earlier try.
pub fn attempt(tool: &str, actions: Vec<Action>, outcome: &str, seconds_ago: u32) -> Attempt {
    Attempt { tool: tool.to_owned(), actions, outcome: outcome.to_owned(), seconds_ago }
}

/// Only for tests: describes a made-up service.
impl Service {
    /// Publishes one more port.
    #[must_use]
    pub fn publishing(mut self, port: PublishedPort) -> Self {
        self.ports.push(port);
        self
    }

    /// Is expected to end.
    #[must_use]
    pub fn one_shot(self) -> Self {
        Self { one_shot: true, ..self }
    }

    /// Wants so many containers.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        Self { scale, ..self }
    }

    /// Declares a health check.
    #[must_use]
    pub fn checked(self) -> Self {
        Self { has_healthcheck: true, ..self }
    }

    /// Depends on another service.
    #[must_use]
    pub fn depending_on(mut self, service: &str) -> Self {
        self.depends_on.push(service.to_owned());
        self
    }
}

/// Only for tests: describes a made-up entry of `ports`.
impl PublishedPort {
    /// As UDP.
    #[must_use]
    pub fn udp(self) -> Self {
        Self { protocol: Protocol::Udp, ..self }
    }

    /// On one address of the host.
    #[must_use]
    pub fn on(self, host_ip: &str) -> Self {
        Self { host_ip: Some(host_ip.to_owned()), ..self }
    }

    /// With its value from there.
    #[must_use]
    pub fn valued_by(mut self, source: ValueSource) -> Self {
        if let Some(origin) = &mut self.origin {
            origin.source = source;
        }
        self
    }

    /// With a text that another service shares.
    #[must_use]
    pub fn shared_with(mut self, service: &str) -> Self {
        if let Some(origin) = &mut self.origin {
            origin.shared_with.push(service.to_owned());
        }
        self
    }

    /// Written nobody knows where.
    #[must_use]
    pub fn of_unknown_origin(self) -> Self {
        Self { origin: None, ..self }
    }
}

/// Only for tests: describes a made-up stale container.
impl StaleContainer {
    /// It is that container, of whatever state.
    #[must_use]
    pub fn being(self, container: Container) -> Self {
        Self { container, ..self }
    }

    /// It is another project's.
    #[must_use]
    pub fn foreign(mut self, project: &str) -> Self {
        self.container.ref_.project = Some(project.to_owned());
        Self { foreign: true, ..self }
    }
}

/// Only for tests: describes a made-up network.
impl Network {
    /// The model does not want it any more.
    #[must_use]
    pub fn orphaned(self) -> Self {
        Self { wanted_as: None, ..self }
    }

    /// A container is attached to it.
    #[must_use]
    pub fn attached_to(mut self, container: ContainerRef) -> Self {
        self.attached.push(container);
        self
    }

    /// Somebody else made it: another project, or a person.
    #[must_use]
    pub fn owned_by(self, project: Option<&str>) -> Self {
        let key = project.and(self.key);
        Self { project: project.map(str::to_owned), key, ..self }
    }
}

/// Only for tests: describes the made-up image of a service.
impl ServiceImage {
    /// The engine has it.
    #[must_use]
    pub fn present(self) -> Self {
        Self { present: true, ..self }
    }

    /// It is built here.
    #[must_use]
    pub fn built(self) -> Self {
        Self { built: true, ..self }
    }

    /// With that `pull_policy`.
    #[must_use]
    pub fn pulled_by(self, policy: &str) -> Self {
        Self { pull_policy: Some(policy.to_owned()), ..self }
    }
}

/// Only for tests: describes a made-up variable.
impl EmptyVariable {
    /// Written in that file.
    #[must_use]
    pub fn in_file(self, file: &str) -> Self {
        Self { file: file.to_owned(), ..self }
    }

    /// It stands nowhere.
    #[must_use]
    pub fn unwritten(self) -> Self {
        Self { written: false, ..self }
    }

    /// Compose goes on without it.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// Its name says nothing of a secret.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { secret_like: false, ..self }
    }

    /// One more service uses it.
    #[must_use]
    pub fn used_by(mut self, service: &str) -> Self {
        self.services.push(service.to_owned());
        self
    }

    /// The calling shell sets it to nothing.
    #[must_use]
    pub fn set_by_shell(self) -> Self {
        Self { shell: true, ..self }
    }
}

/// Only for tests: describes a made-up container.
impl Container {
    /// It runs.
    #[must_use]
    pub fn running(self) -> Self {
        Self { state: ContainerState::Running, ever_ran: true, ..self }
    }

    /// Somebody has paused it.
    #[must_use]
    pub fn paused(self) -> Self {
        Self { state: ContainerState::Paused, ever_ran: true, ..self }
    }

    /// The engine starts it again and again.
    #[must_use]
    pub fn restarting(self, restarts: u32) -> Self {
        Self { state: ContainerState::Restarting, ever_ran: true, restarts, exit_code: Some(1), ..self }
    }

    /// It ran and ended.
    #[must_use]
    pub fn exited(self, exit_code: i32) -> Self {
        Self { state: ContainerState::Exited, ever_ran: true, exit_code: Some(exit_code), ..self }
    }

    /// Its start failed, with the engine's own words.
    #[must_use]
    pub fn failed(self, error: &str) -> Self {
        Self { error: Some(error.to_owned()), ..self }
    }

    /// With that health.
    #[must_use]
    pub fn with_health(self, health: Health) -> Self {
        Self { health, ..self }
    }
}

#[cfg(test)]
mod tests {
    use repair_model::limits;

    use super::*;

    #[test]
    fn the_greatest_project_is_as_large_as_the_host_shows_one() {
        assert_eq!(greatest_project().len(), limits::SERVICES_MAX);
        assert_eq!(greatest_project()[4].depends_on, ["cache", "db", "queue", "service-000"]);
    }
}

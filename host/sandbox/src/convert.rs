//! What the host shows a tool, in the generated types.
//!
//! They borrow every text from the case and keep their lists in an arena: a case may hold thousands of both, and to copy
//! them would cost as much as the call of the tool.
//!
//! The conversions are total: everything that the host knows has a form in the contract, and what the contract has no
//! word for (the project's name, the hash of a container's configuration, where a proof was found) is left out.

mod azure;

use bumpalo::Bump;
use repair_model::action::Action;
use repair_model::compose::{Origin, PortKey, Protocol, Published, PublishedPort, Service, ValueSource};
use repair_model::container::{Container, ContainerRef, ContainerState, Health, PortOwner, StaleContainer, Staleness};
use repair_model::env_value::{EmptyVariable, ValueEncoding};
use repair_model::finding::Finding;
use repair_model::image::ServiceImage;
use repair_model::network::Network;
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};
use repair_model::tool::{Attempt, Case};

use crate::bindings::shown;

/// The case as a tool sees it.
pub(crate) fn case<'a>(arena: &'a Bump, case: &'a Case) -> shown::Case<'a> {
    shown::Case {
        finding: finding(arena, &case.finding),
        observations: list(arena, &case.observations, |one| observation(arena, one)),
        params: &case.params,
        history: list(arena, &case.history, |one| attempt(arena, one)),
        waited_seconds: case.waited_seconds,
    }
}

/// What is shown of each item of a list. It owns nothing, so the arena need not drop it.
fn list<'a, T, S>(arena: &'a Bump, items: &'a [T], shown: impl Fn(&'a T) -> S) -> &'a [S] {
    arena.alloc_slice_fill_iter(items.iter().map(shown))
}

fn texts<'a>(arena: &'a Bump, texts: &'a [String]) -> &'a [&'a str] {
    list(arena, texts, String::as_str)
}

fn finding<'a>(arena: &'a Bump, finding: &'a Finding) -> shown::Finding<'a> {
    let facts = finding.facts.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    shown::Finding {
        class: finding.class.as_str(),
        confidence: finding.confidence.get(),
        facts: arena.alloc_slice_fill_iter(facts),
        proof: list(arena, &finding.proof, |proof| proof.text.as_str()),
        contradictions: list(arena, &finding.contradictions, |against| against.text.as_str()),
    }
}

fn attempt<'a>(arena: &'a Bump, attempt: &'a Attempt) -> shown::Attempt<'a> {
    shown::Attempt {
        tool: &attempt.tool,
        actions: list(arena, &attempt.actions, |one| action(arena, one)),
        outcome: &attempt.outcome,
        seconds_ago: attempt.seconds_ago,
    }
}

fn action<'a>(arena: &'a Bump, action: &'a Action) -> shown::Action<'a> {
    match action {
        Action::RemapPort(port_move) => shown::Action::RemapPort(shown::PortMove {
            service: &port_move.service,
            target: port_move.target,
            protocol: protocol(port_move.protocol),
            host_ip: port_move.host_ip.as_deref(),
            before: published(port_move.before),
            after: published(port_move.after),
        }),
        Action::ComposeUp { services } => {
            shown::Action::ComposeUp(shown::ComposeUp { services: texts(arena, services) })
        }
        Action::CollectLogs { services, lines_max } => {
            shown::Action::CollectLogs(shown::CollectLogs { services: texts(arena, services), lines_max: *lines_max })
        }
        Action::RestartService { service } => shown::Action::RestartService(shown::RestartService { service }),
        Action::PullImage { services } => {
            shown::Action::PullImage(shown::PullImage { services: texts(arena, services) })
        }
        Action::RemoveStaleContainer { container, id } => {
            let removal = shown::RemoveStaleContainer { container, id };
            shown::Action::RemoveStaleContainer(removal)
        }
        Action::RemoveStaleNetwork { network, id } => {
            let removal = shown::RemoveStaleNetwork { network, id };
            shown::Action::RemoveStaleNetwork(removal)
        }
        Action::Azure(action) => azure::action(action),
        Action::SetEnvValue(value) => shown::Action::SetEnvValue(shown::EnvValue {
            variable: &value.variable,
            file: &value.file,
            bytes: value.bytes,
            encoding: match value.encoding {
                ValueEncoding::Hex => shown::ValueEncoding::Hex,
                ValueEncoding::Base64 => shown::ValueEncoding::Base64,
                ValueEncoding::Alphanumeric => shown::ValueEncoding::Alphanumeric,
            },
        }),
    }
}

fn observation<'a>(arena: &'a Bump, observation: &'a Observation) -> shown::Observation<'a> {
    shown::Observation {
        asked: query(&observation.asked),
        answer: match &observation.answer {
            Answer::Fact(known) => Ok(fact(arena, known)),
            Answer::Refused(why) => Err(refusal(why)),
        },
        truncated: observation.truncated,
    }
}

fn query(query: &Query) -> shown::Query<'_> {
    match query {
        Query::ComposeModel => shown::Query::ComposeModel,
        Query::Containers => shown::Query::Containers,
        Query::ContainerLog { service, lines_max } => {
            shown::Query::ContainerLog(shown::LogQuery { service, lines_max: *lines_max })
        }
        Query::PortOwner(key) => shown::Query::PortOwner(port_key(key)),
        Query::FreePorts { near, count } => {
            shown::Query::FreePorts(shown::FreePortsQuery { near: port_key(near), count: *count })
        }
        Query::StaleContainers => shown::Query::StaleContainers,
        Query::Networks => shown::Query::Networks,
        Query::Images => shown::Query::Images,
        Query::EmptyVariables => shown::Query::EmptyVariables,
        Query::Azure(query) => azure::query(query),
    }
}

fn fact<'a>(arena: &'a Bump, fact: &'a Fact) -> shown::Fact<'a> {
    match fact {
        Fact::ComposeModel(model) => shown::Fact::ComposeModel(list(arena, &model.services, |one| service(arena, one))),
        Fact::Containers(containers) => shown::Fact::Containers(list(arena, containers, |one| container(arena, one))),
        Fact::ContainerLog(lines) => shown::Fact::ContainerLog(texts(arena, lines)),
        Fact::PortOwner(owner) => shown::Fact::PortOwner(port_owner(owner)),
        Fact::FreePorts(ports) => shown::Fact::FreePorts(ports),
        Fact::StaleContainers(stale) => {
            shown::Fact::StaleContainers(list(arena, stale, |one| stale_container(arena, one)))
        }
        Fact::Networks(networks) => shown::Fact::Networks(list(arena, networks, |one| network(arena, one))),
        Fact::Images(images) => shown::Fact::Images(list(arena, images, service_image)),
        Fact::Azure(fact) => azure::fact(arena, fact),
        Fact::EmptyVariables(empty) => {
            shown::Fact::EmptyVariables(list(arena, empty, |one| empty_variable(arena, one)))
        }
    }
}

fn refusal(refusal: &Refusal) -> shown::Refusal<'_> {
    match refusal {
        Refusal::Unavailable(why) => shown::Refusal::Unavailable(why),
        Refusal::NotPermitted => shown::Refusal::NotPermitted,
        Refusal::OverLimit => shown::Refusal::OverLimit,
    }
}

fn service<'a>(arena: &'a Bump, service: &'a Service) -> shown::Service<'a> {
    shown::Service {
        name: &service.name,
        ports: list(arena, &service.ports, |one| published_port(arena, one)),
        depends_on: texts(arena, &service.depends_on),
        has_healthcheck: service.has_healthcheck,
        one_shot: service.one_shot,
        scale: service.scale,
    }
}

fn published_port<'a>(arena: &'a Bump, port: &'a PublishedPort) -> shown::PublishedPort<'a> {
    shown::PublishedPort {
        target: port.target,
        target_last: port.target_last,
        protocol: protocol(port.protocol),
        host_ip: port.host_ip.as_deref(),
        published: published(port.published),
        origin: port.origin.as_ref().map(|known| origin(arena, known)),
    }
}

fn origin<'a>(arena: &'a Bump, origin: &'a Origin) -> shown::Origin<'a> {
    shown::Origin {
        file: &origin.file,
        line: origin.line,
        source: match &origin.source {
            ValueSource::Literal => shown::ValueSource::Literal,
            ValueSource::Dotenv(name) => shown::ValueSource::Dotenv(name),
            ValueSource::Fallback(name) => shown::ValueSource::Fallback(name),
            ValueSource::Shell(name) => shown::ValueSource::Shell(name),
        },
        shared_with: texts(arena, &origin.shared_with),
    }
}

fn protocol(protocol: Protocol) -> shown::Protocol {
    match protocol {
        Protocol::Tcp => shown::Protocol::Tcp,
        Protocol::Udp => shown::Protocol::Udp,
        Protocol::Sctp => shown::Protocol::Sctp,
    }
}

fn published(published: Published) -> shown::Published {
    match published {
        Published::Fixed(port) => shown::Published::Fixed(port),
        Published::Range(first, last) => shown::Published::Range((first, last)),
        Published::EnginePicks => shown::Published::EnginePicks,
    }
}

fn port_key(key: &PortKey) -> shown::PortKey<'_> {
    shown::PortKey { port: key.port, protocol: protocol(key.protocol), host_ip: key.host_ip.as_deref() }
}

fn container<'a>(arena: &'a Bump, container: &'a Container) -> shown::Container<'a> {
    shown::Container {
        ref_: container_ref(&container.container),
        image: &container.image,
        state: match &container.state {
            ContainerState::Created => shown::ContainerState::Created,
            ContainerState::Running => shown::ContainerState::Running,
            ContainerState::Paused => shown::ContainerState::Paused,
            ContainerState::Restarting => shown::ContainerState::Restarting,
            ContainerState::Removing => shown::ContainerState::Removing,
            ContainerState::Exited => shown::ContainerState::Exited,
            ContainerState::Dead => shown::ContainerState::Dead,
            ContainerState::Unknown(name) => shown::ContainerState::Unknown(name),
        },
        health: match container.health {
            Health::None => shown::Health::None,
            Health::Starting => shown::Health::Starting,
            Health::Healthy => shown::Health::Healthy,
            Health::Unhealthy => shown::Health::Unhealthy,
        },
        exit_code: container.exit_code,
        oom_killed: container.oom_killed,
        restarts: container.restarts,
        error: container.error.as_deref(),
        ever_ran: container.ever_ran,
        ports: list(arena, &container.ports, port_key),
    }
}

fn container_ref(container: &ContainerRef) -> shown::ContainerRef<'_> {
    shown::ContainerRef {
        id: &container.id,
        name: &container.name,
        project: container.project.as_deref(),
        service: container.service.as_deref(),
    }
}

fn stale_container<'a>(arena: &'a Bump, stale: &'a StaleContainer) -> shown::StaleContainer<'a> {
    shown::StaleContainer {
        container: container(arena, &stale.container),
        why: match stale.why {
            Staleness::HoldsWantedName => shown::Staleness::HoldsWantedName,
            Staleness::NoSuchService => shown::Staleness::NoSuchService,
            Staleness::InterruptedReplacement => shown::Staleness::InterruptedReplacement,
        },
        foreign: stale.foreign,
    }
}

fn network<'a>(arena: &'a Bump, network: &'a Network) -> shown::Network<'a> {
    shown::Network {
        name: &network.name,
        id: &network.id,
        project: network.project.as_deref(),
        key: network.key.as_deref(),
        wanted_as: network.wanted_as.as_deref(),
        attached: list(arena, &network.attached, container_ref),
        subnets: texts(arena, &network.subnets),
        driver: &network.driver,
    }
}

fn service_image(image: &ServiceImage) -> shown::ServiceImage<'_> {
    shown::ServiceImage {
        service: &image.service,
        image: &image.image,
        present: image.present,
        built: image.built,
        pull_policy: image.pull_policy.as_deref(),
    }
}

fn empty_variable<'a>(arena: &'a Bump, empty: &'a EmptyVariable) -> shown::EmptyVariable<'a> {
    shown::EmptyVariable {
        variable: &empty.variable,
        file: &empty.file,
        written: empty.written,
        required: empty.required,
        secret_like: empty.secret_like,
        services: texts(arena, &empty.services),
        shell: empty.shell,
    }
}

fn port_owner(owner: &PortOwner) -> shown::PortOwner<'_> {
    match owner {
        PortOwner::ThisProject(container) => shown::PortOwner::ThisProject(container_ref(container)),
        PortOwner::OtherContainer(container) => shown::PortOwner::OtherContainer(container_ref(container)),
        PortOwner::Process(process) => {
            shown::PortOwner::Process(shown::ProcessRef { pid: process.pid, name: process.name.as_deref() })
        }
        PortOwner::NotHeld => shown::PortOwner::NotHeld,
        PortOwner::Unknown => shown::PortOwner::Unknown,
    }
}

//! What the host shows a tool, in the generated types.
//!
//! These conversions are total: everything that the host knows has a form in the contract, and what the contract has no
//! word for (the project's name, the hash of a container's configuration, where a proof was found) is left out.

mod azure;

use repair_model::action::Action;
use repair_model::compose::{Origin, PortKey, Protocol, Published, PublishedPort, Service, ValueSource};
use repair_model::container::{Container, ContainerRef, ContainerState, Health, PortOwner, StaleContainer, Staleness};
use repair_model::env_value::{EmptyVariable, ValueEncoding};
use repair_model::finding::Finding;
use repair_model::image::ServiceImage;
use repair_model::network::Network;
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};
use repair_model::tool::{Attempt, Case};

use crate::bindings::{self, types};

/// The case as a tool gets it.
pub(crate) fn case(case: &Case) -> bindings::Case {
    bindings::Case {
        finding: finding(&case.finding),
        observations: case.observations.iter().map(observation).collect(),
        params: case.params.clone(),
        history: case.history.iter().map(attempt).collect(),
        waited_seconds: case.waited_seconds,
    }
}

fn finding(finding: &Finding) -> types::Finding {
    types::Finding {
        class: finding.class.as_str().to_owned(),
        confidence: finding.confidence.get(),
        facts: finding.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        proof: finding.proof.iter().map(|proof| proof.text.clone()).collect(),
        contradictions: finding.contradictions.iter().map(|against| against.text.clone()).collect(),
    }
}

fn attempt(attempt: &Attempt) -> types::Attempt {
    types::Attempt {
        tool: attempt.tool.clone(),
        actions: attempt.actions.iter().map(action).collect(),
        outcome: attempt.outcome.clone(),
        seconds_ago: attempt.seconds_ago,
    }
}

fn action(action: &Action) -> types::Action {
    match action {
        Action::RemapPort(port_move) => types::Action::RemapPort(types::PortMove {
            service: port_move.service.clone(),
            target: port_move.target,
            protocol: protocol(port_move.protocol),
            host_ip: port_move.host_ip.clone(),
            before: published(port_move.before),
            after: published(port_move.after),
        }),
        Action::ComposeUp { services } => types::Action::ComposeUp(types::ComposeUp { services: services.clone() }),
        Action::CollectLogs { services, lines_max } => {
            types::Action::CollectLogs(types::CollectLogs { services: services.clone(), lines_max: *lines_max })
        }
        Action::RestartService { service } => {
            types::Action::RestartService(types::RestartService { service: service.clone() })
        }
        Action::PullImage { services } => types::Action::PullImage(types::PullImage { services: services.clone() }),
        Action::RemoveStaleContainer { container, id } => {
            let removal = types::RemoveStaleContainer { container: container.clone(), id: id.clone() };
            types::Action::RemoveStaleContainer(removal)
        }
        Action::RemoveStaleNetwork { network, id } => {
            let removal = types::RemoveStaleNetwork { network: network.clone(), id: id.clone() };
            types::Action::RemoveStaleNetwork(removal)
        }
        Action::Azure(action) => azure::action(action),
        Action::SetEnvValue(value) => types::Action::SetEnvValue(types::EnvValue {
            variable: value.variable.clone(),
            file: value.file.clone(),
            bytes: value.bytes,
            encoding: match value.encoding {
                ValueEncoding::Hex => types::ValueEncoding::Hex,
                ValueEncoding::Base64 => types::ValueEncoding::Base64,
                ValueEncoding::Alphanumeric => types::ValueEncoding::Alphanumeric,
            },
        }),
    }
}

fn observation(observation: &Observation) -> types::Observation {
    types::Observation {
        asked: query(&observation.asked),
        answer: match &observation.answer {
            Answer::Fact(known) => Ok(fact(known)),
            Answer::Refused(why) => Err(refusal(why)),
        },
        truncated: observation.truncated,
    }
}

fn query(query: &Query) -> types::Query {
    match query {
        Query::ComposeModel => types::Query::ComposeModel,
        Query::Containers => types::Query::Containers,
        Query::ContainerLog { service, lines_max } => {
            types::Query::ContainerLog(types::LogQuery { service: service.clone(), lines_max: *lines_max })
        }
        Query::PortOwner(key) => types::Query::PortOwner(port_key(key)),
        Query::FreePorts { near, count } => {
            types::Query::FreePorts(types::FreePortsQuery { near: port_key(near), count: *count })
        }
        Query::StaleContainers => types::Query::StaleContainers,
        Query::Networks => types::Query::Networks,
        Query::Images => types::Query::Images,
        Query::EmptyVariables => types::Query::EmptyVariables,
        Query::Azure(query) => azure::query(query),
    }
}

fn fact(fact: &Fact) -> types::Fact {
    match fact {
        Fact::ComposeModel(model) => types::Fact::ComposeModel(model.services.iter().map(service).collect()),
        Fact::Containers(containers) => types::Fact::Containers(containers.iter().map(container).collect()),
        Fact::ContainerLog(lines) => types::Fact::ContainerLog(lines.clone()),
        Fact::PortOwner(owner) => types::Fact::PortOwner(port_owner(owner)),
        Fact::FreePorts(ports) => types::Fact::FreePorts(ports.clone()),
        Fact::StaleContainers(stale) => types::Fact::StaleContainers(stale.iter().map(stale_container).collect()),
        Fact::Networks(networks) => types::Fact::Networks(networks.iter().map(network).collect()),
        Fact::Images(images) => types::Fact::Images(images.iter().map(service_image).collect()),
        Fact::Azure(fact) => azure::fact(fact),
        Fact::EmptyVariables(empty) => types::Fact::EmptyVariables(empty.iter().map(empty_variable).collect()),
    }
}

fn refusal(refusal: &Refusal) -> types::Refusal {
    match refusal {
        Refusal::Unavailable(why) => types::Refusal::Unavailable(why.clone()),
        Refusal::NotPermitted => types::Refusal::NotPermitted,
        Refusal::OverLimit => types::Refusal::OverLimit,
    }
}

fn service(service: &Service) -> types::Service {
    types::Service {
        name: service.name.clone(),
        ports: service.ports.iter().map(published_port).collect(),
        depends_on: service.depends_on.clone(),
        has_healthcheck: service.has_healthcheck,
        one_shot: service.one_shot,
        scale: service.scale,
    }
}

fn published_port(port: &PublishedPort) -> types::PublishedPort {
    types::PublishedPort {
        target: port.target,
        target_last: port.target_last,
        protocol: protocol(port.protocol),
        host_ip: port.host_ip.clone(),
        published: published(port.published),
        origin: port.origin.as_ref().map(origin),
    }
}

fn origin(origin: &Origin) -> types::Origin {
    types::Origin {
        file: origin.file.clone(),
        line: origin.line,
        source: match &origin.source {
            ValueSource::Literal => types::ValueSource::Literal,
            ValueSource::Dotenv(name) => types::ValueSource::Dotenv(name.clone()),
            ValueSource::Fallback(name) => types::ValueSource::Fallback(name.clone()),
            ValueSource::Shell(name) => types::ValueSource::Shell(name.clone()),
        },
        shared_with: origin.shared_with.clone(),
    }
}

fn protocol(protocol: Protocol) -> types::Protocol {
    match protocol {
        Protocol::Tcp => types::Protocol::Tcp,
        Protocol::Udp => types::Protocol::Udp,
        Protocol::Sctp => types::Protocol::Sctp,
    }
}

fn published(published: Published) -> types::Published {
    match published {
        Published::Fixed(port) => types::Published::Fixed(port),
        Published::Range(first, last) => types::Published::Range((first, last)),
        Published::EnginePicks => types::Published::EnginePicks,
    }
}

fn port_key(key: &PortKey) -> types::PortKey {
    types::PortKey { port: key.port, protocol: protocol(key.protocol), host_ip: key.host_ip.clone() }
}

fn container(container: &Container) -> types::Container {
    types::Container {
        ref_: container_ref(&container.container),
        image: container.image.clone(),
        state: match &container.state {
            ContainerState::Created => types::ContainerState::Created,
            ContainerState::Running => types::ContainerState::Running,
            ContainerState::Paused => types::ContainerState::Paused,
            ContainerState::Restarting => types::ContainerState::Restarting,
            ContainerState::Removing => types::ContainerState::Removing,
            ContainerState::Exited => types::ContainerState::Exited,
            ContainerState::Dead => types::ContainerState::Dead,
            ContainerState::Unknown(name) => types::ContainerState::Unknown(name.clone()),
        },
        health: match container.health {
            Health::None => types::Health::None,
            Health::Starting => types::Health::Starting,
            Health::Healthy => types::Health::Healthy,
            Health::Unhealthy => types::Health::Unhealthy,
        },
        exit_code: container.exit_code,
        oom_killed: container.oom_killed,
        restarts: container.restarts,
        error: container.error.clone(),
        ever_ran: container.ever_ran,
        ports: container.ports.iter().map(port_key).collect(),
    }
}

fn container_ref(container: &ContainerRef) -> types::ContainerRef {
    types::ContainerRef {
        id: container.id.clone(),
        name: container.name.clone(),
        project: container.project.clone(),
        service: container.service.clone(),
    }
}

fn stale_container(stale: &StaleContainer) -> types::StaleContainer {
    types::StaleContainer {
        container: container(&stale.container),
        why: match stale.why {
            Staleness::HoldsWantedName => types::Staleness::HoldsWantedName,
            Staleness::NoSuchService => types::Staleness::NoSuchService,
            Staleness::InterruptedReplacement => types::Staleness::InterruptedReplacement,
        },
        foreign: stale.foreign,
    }
}

fn network(network: &Network) -> types::Network {
    types::Network {
        name: network.name.clone(),
        id: network.id.clone(),
        project: network.project.clone(),
        key: network.key.clone(),
        wanted_as: network.wanted_as.clone(),
        attached: network.attached.iter().map(container_ref).collect(),
        subnets: network.subnets.clone(),
        driver: network.driver.clone(),
    }
}

fn service_image(image: &ServiceImage) -> types::ServiceImage {
    types::ServiceImage {
        service: image.service.clone(),
        image: image.image.clone(),
        present: image.present,
        built: image.built,
        pull_policy: image.pull_policy.clone(),
    }
}

fn empty_variable(empty: &EmptyVariable) -> types::EmptyVariable {
    types::EmptyVariable {
        variable: empty.variable.clone(),
        file: empty.file.clone(),
        written: empty.written,
        required: empty.required,
        secret_like: empty.secret_like,
        services: empty.services.clone(),
        shell: empty.shell,
    }
}

fn port_owner(owner: &PortOwner) -> types::PortOwner {
    match owner {
        PortOwner::ThisProject(container) => types::PortOwner::ThisProject(container_ref(container)),
        PortOwner::OtherContainer(container) => types::PortOwner::OtherContainer(container_ref(container)),
        PortOwner::Process(process) => {
            types::PortOwner::Process(types::ProcessRef { pid: process.pid, name: process.name.clone() })
        }
        PortOwner::NotHeld => types::PortOwner::NotHeld,
        PortOwner::Unknown => types::PortOwner::Unknown,
    }
}

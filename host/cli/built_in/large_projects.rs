//! The built-in tools decide Compose projects of the greatest size within the fuel of a call.

use std::collections::BTreeMap;

use repair_model::compose::{ComposeModel, Origin, Protocol, Published, PublishedPort, Service, ValueSource};
use repair_model::container::{Container, ContainerRef, ContainerState, Health, PortOwner, ProcessRef};
use repair_model::container::{StaleContainer, Staleness};
use repair_model::env_value::EmptyVariable;
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;
use repair_model::image::ServiceImage;
use repair_model::limits::{FREE_PORTS_MAX, SERVICES_MAX};
use repair_model::network::Network;
use repair_model::query::{Answer, Fact, Observation, Query, QueryKind, Refusal};
use repair_model::tool::{Case, ToolAnswer};
use repair_pipeline::outside::Tools as _;
use repair_sandbox::{LoadOptions, Toolbox};

use super::sources;

/// Services that most others wait for.
const BASE: [&str; 3] = ["db", "cache", "queue"];
const PORT: u16 = 20_000;
/// Rounds after which no tool may still ask.
const ROUNDS_MAX: usize = 5;

/// How the services of a project depend on each other, and how they stand.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Each waits for the three at the base, and every third for its neighbour; all have ended but for the base.
    Broad,
    /// Each waits for the one before it; all run, and the first is unhealthy.
    Chain,
    /// One service publishes a thousand ports, the others one each; nothing was started.
    ManyPorts,
}

#[test]
fn a_project_of_the_greatest_size_stays_within_a_tools_fuel() {
    let mut toolbox = Toolbox::load(sources(), &LoadOptions::default());
    let of_compose = |sees: &[QueryKind]| sees.contains(&QueryKind::ComposeModel);
    let tools: Vec<_> = toolbox.manifests().iter().filter(|one| of_compose(&one.sees)).cloned().collect();
    assert_eq!(tools.len(), 8);
    for manifest in tools {
        let tool = &manifest.tool.id;
        let mut proposals = 0;
        for class in &manifest.handles {
            for shape in [Shape::Broad, Shape::Chain, Shape::ManyPorts] {
                match decides(&mut toolbox, tool, *class, shape) {
                    Ok(ToolAnswer::Propose(_)) => proposals += 1,
                    Ok(_) => {}
                    Err(failure) => panic!("{tool}, {class}, {shape:?}: {failure}"),
                }
            }
        }
        assert!(proposals > 0, "{tool} never came to the end of its work");
    }
}

/// What a tool decides that is shown everything that it asks for.
fn decides(toolbox: &mut Toolbox, tool: &str, class: FailureClass, shape: Shape) -> Result<ToolAnswer, String> {
    let mut case = Case {
        finding: Finding {
            class,
            confidence: Permille::CERTAIN,
            facts: BTreeMap::from([("port".to_owned(), PORT.to_string()), ("service".to_owned(), "db".to_owned())]),
            proof: Vec::new(),
            contradictions: Vec::new(),
            next_steps: Vec::new(),
        },
        observations: Vec::new(),
        params: "{}".to_owned(),
        history: Vec::new(),
        waited_seconds: 0,
    };
    for _ in 0..ROUNDS_MAX {
        toolbox.forgive(tool);
        match toolbox.propose(tool, &case).map_err(|failure| failure.to_string())?.answer {
            ToolAnswer::Need(queries) => case.observations.extend(queries.into_iter().map(|asked| {
                let answer = answer(&asked, shape);
                Observation { asked, answer, truncated: false }
            })),
            ToolAnswer::WaitSeconds(seconds) => case.waited_seconds += seconds,
            decided @ (ToolAnswer::Propose(_) | ToolAnswer::Decline(_)) => return Ok(decided),
        }
    }
    Err("it has not decided".to_owned())
}

fn answer(asked: &Query, shape: Shape) -> Answer {
    let names = names();
    let fact = match asked {
        Query::ComposeModel => {
            let services = names.iter().enumerate().map(|(at, name)| service(&names, at, name, shape)).collect();
            Fact::ComposeModel(ComposeModel { project: "large".to_owned(), services })
        }
        Query::Containers => {
            let made = names.iter().enumerate().filter(|_| !matches!(shape, Shape::ManyPorts));
            Fact::Containers(made.map(|(at, name)| container(at, name, shape)).collect())
        }
        Query::ContainerLog { .. } => Fact::ContainerLog(vec!["it is too late".to_owned(); 200]),
        Query::PortOwner(key) if key.port == PORT => {
            Fact::PortOwner(PortOwner::Process(ProcessRef { pid: Some(7), name: Some("nginx".to_owned()) }))
        }
        Query::PortOwner(_) => Fact::PortOwner(PortOwner::NotHeld),
        Query::FreePorts { .. } => Fact::FreePorts((0..u16::from(FREE_PORTS_MAX)).map(|at| 40_000 + at).collect()),
        // As many as one plan removes, or as many as there can be.
        Query::StaleContainers => {
            let most = if matches!(shape, Shape::Broad) { 3 } else { names.len() };
            let at_rest = names.iter().enumerate().skip(BASE.len()).take(most);
            Fact::StaleContainers(at_rest.map(|(at, name)| stale(container(at, name, Shape::Broad))).collect())
        }
        Query::Networks => Fact::Networks((0..3).map(|at| network(at, &names, shape)).collect()),
        Query::Images => Fact::Images(names.iter().map(|name| image(name)).collect()),
        Query::EmptyVariables => Fact::EmptyVariables(vec![EmptyVariable {
            variable: "DB_PASSWORD".to_owned(),
            file: ".env".to_owned(),
            written: true,
            required: true,
            secret_like: true,
            services: names.clone(),
            shell: false,
        }]),
        Query::Azure(_) => return Answer::Refused(Refusal::Unavailable("there is no Azure here".to_owned())),
    };
    Answer::Fact(fact)
}

fn names() -> Vec<String> {
    let others = (0..SERVICES_MAX - BASE.len()).map(|at| format!("service-{at:04}"));
    BASE.iter().map(|name| (*name).to_owned()).chain(others).collect()
}

fn service(names: &[String], at: usize, name: &str, shape: Shape) -> Service {
    let neighbour = || at.checked_sub(1).map(|before| names[before].clone());
    let depends_on = match shape {
        Shape::Chain => neighbour().into_iter().collect(),
        Shape::Broad | Shape::ManyPorts if at < BASE.len() => Vec::new(),
        Shape::Broad | Shape::ManyPorts => {
            let base = BASE.iter().map(|name| (*name).to_owned());
            base.chain(neighbour().filter(|_| at.is_multiple_of(3))).collect()
        }
    };
    let ports = if matches!(shape, Shape::ManyPorts) && at == 0 { 1_000 } else { 1 };
    let first = PORT + at as u16 + if at == 0 { 0 } else { 1_000 };
    Service {
        name: name.to_owned(),
        ports: (0..ports).map(|next| published(first + next)).collect(),
        depends_on,
        has_healthcheck: true,
        one_shot: false,
        scale: 1,
    }
}

fn published(port: u16) -> PublishedPort {
    PublishedPort {
        target: 80,
        target_last: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        published: Published::Fixed(port),
        origin: Some(Origin {
            file: "compose.yaml".to_owned(),
            line: 7,
            source: ValueSource::Literal,
            shared_with: Vec::new(),
        }),
    }
}

fn container(at: usize, service: &str, shape: Shape) -> Container {
    let runs = matches!(shape, Shape::Chain) || at < BASE.len();
    let health = if at == 0 { Health::Unhealthy } else { Health::Healthy };
    Container {
        container: reference(at, service),
        image: format!("example/{service}:1"),
        state: if runs { ContainerState::Running } else { ContainerState::Exited },
        health: if runs { health } else { Health::None },
        exit_code: if runs { None } else { Some(1) },
        oom_killed: !runs,
        restarts: 0,
        recent_deaths: 0,
        error: None,
        ever_ran: true,
        config_hash: None,
        ports: Vec::new(),
    }
}

fn reference(at: usize, service: &str) -> ContainerRef {
    ContainerRef {
        id: format!("{at:064x}"),
        name: format!("large-{service}-1"),
        project: Some("large".to_owned()),
        service: Some(service.to_owned()),
    }
}

fn stale(container: Container) -> StaleContainer {
    StaleContainer { container, why: Staleness::HoldsWantedName, foreign: false }
}

/// One that nobody wants any more; all are attached to it, or none.
fn network(at: usize, names: &[String], shape: Shape) -> Network {
    let attached = names.iter().enumerate().filter(|_| !matches!(shape, Shape::Broad));
    Network {
        name: format!("large_{at}"),
        id: format!("{at:064x}"),
        project: Some("large".to_owned()),
        key: Some(at.to_string()),
        wanted_as: None,
        attached: attached.map(|(at, name)| reference(at, name)).collect(),
        subnets: vec![format!("10.0.{at}.0/24")],
        driver: "bridge".to_owned(),
    }
}

fn image(service: &str) -> ServiceImage {
    ServiceImage {
        service: service.to_owned(),
        image: format!("example/{service}:1"),
        present: false,
        built: false,
        pull_policy: None,
    }
}

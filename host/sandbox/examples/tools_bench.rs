//! What tools cost, each against a bare wasmtime host in the same run: `tools_bench FOLDER` with the components of a
//! folder. Prints one JSON object; `cargo xtask bench tools` calls it and names the aims.
//!
//! The bare host is wasmtime with its own defaults and the generated bindings: no fuel, no deadline, no limits, no checks.
#![expect(clippy::disallowed_macros, reason = "a benchmark prints and reads its arguments")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use repair_model::compose::{ComposeModel, Protocol, Published, PublishedPort, Service};
use repair_model::container::{Container, ContainerRef, ContainerState, Health};
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;
use repair_model::limits::{RUNTIME_COMPONENT_BYTES_MIN, RUNTIME_TOOL_WALL_MS_MAX, TOOL_TICK_MS};
use repair_model::query::{Answer, Fact, Observation, Query};
use repair_model::tool::{Case, ToolAnswer};
use repair_pipeline::outside::Tools as _;
use repair_sandbox::{LoadOptions, Origin, ToolSource, Toolbox};
use repair_test_guests::{Guest, padded};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

mod bare {
    //! The generated bindings, as any host would have them.
    wasmtime::component::bindgen!({ path: "../../wit", world: "repair-tool" });
}

/// Ports that the measured case holds.
const PORTS: u16 = 1000;
/// The tool that is asked about ports.
const ASKED: &str = "port-conflict";
/// Tools that are loaded together.
const LOADED: usize = 9;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else { panic!("usage: tools_bench FOLDER") };
    let sources = sources(Path::new(&folder));
    let cache = tempfile::tempdir().expect("a folder");
    let cached = LoadOptions { cache_dir: Some(cache.path().join("compiled")), compiler: None };

    let alone: Vec<Duration> =
        sources.iter().map(|source| timed(|| drop(load(vec![source.clone()], &LoadOptions::default())))).collect();
    let together = median(3, || drop(load(sources.clone(), &LoadOptions::default())));
    drop(load(sources.clone(), &cached));
    let from_cache = median(21, || drop(load(sources.clone(), &cached)));

    let (ours, bare) = proposing(&sources, &cached);
    let overrun = overrun();
    let slowest = alone.iter().max().copied().unwrap_or_default();
    println!(
        "{}",
        serde_json::json!({
            "tools": sources.len(),
            "cold_alone_ms": alone.iter().map(|time| ms(*time)).collect::<Vec<_>>(),
            "cold_slowest_alone_ms": ms(slowest),
            "cold_together_ms": ms(together),
            "cached_ms": ms(from_cache),
            "propose_ms": ms(ours),
            "bare_propose_ms": ms(bare),
            "loop_over_deadline_ms": ms(overrun),
            "tick_ms": TOOL_TICK_MS,
        })
    );
}

fn sources(folder: &Path) -> Vec<ToolSource> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    // The one that is asked first, so that it is among them.
    files.sort_by_key(|path| path.file_stem().is_none_or(|stem| stem != ASKED.replace('-', "_").as_str()));
    files.truncate(LOADED);
    assert_eq!(files.len(), LOADED, "the folder holds {LOADED} components");
    files
        .iter()
        .map(|path| ToolSource {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            bytes: Cow::Owned(std::fs::read(path).expect("a component")),
            origin: Origin::BuiltIn,
        })
        .collect()
}

fn load(sources: Vec<ToolSource>, options: &LoadOptions<'_>) -> Toolbox {
    let toolbox = Toolbox::load(sources, options);
    assert_eq!(toolbox.failures(), []);
    toolbox
}

/// A fresh sandbox and one call with a thousand ports: ours, and a bare host's.
fn proposing(sources: &[ToolSource], options: &LoadOptions<'_>) -> (Duration, Duration) {
    let mut toolbox = load(sources.to_vec(), options);
    let case = case();
    let reply = toolbox.propose(ASKED, &case).expect("a reply");
    assert!(matches!(reply.answer, ToolAnswer::Need(_) | ToolAnswer::Propose(_)), "{reply:?}");

    let engine = Engine::default();
    let bytes = &sources[0].bytes;
    let component = Component::from_binary(&engine, bytes).expect("a component");
    let shown = bare_case(&case);
    let said = bare_propose(&engine, &component, &shown);
    assert!(said.is_ok(), "{said:?}");

    // In turn, so that both meet the same machine.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..101 {
        ours.push(timed(|| drop(toolbox.propose(ASKED, &case))));
        theirs.push(timed(|| drop(bare_propose(&engine, &component, &shown))));
    }
    (middle(ours), middle(theirs))
}

fn bare_propose(
    engine: &Engine,
    component: &Component,
    case: &bare::exports::repair::tool::repair::Case,
) -> Result<bare::exports::repair::tool::repair::Reply, bare::exports::repair::tool::repair::ToolError> {
    let mut store = Store::new(engine, ());
    let tool = bare::RepairTool::instantiate(&mut store, component, &Linker::new(engine)).expect("an instance");
    tool.repair_tool_repair().call_propose(&mut store, case).expect("a call")
}

/// How much longer than its deadline a call runs. Fuel ends most loops first, so this one waits for memory at each turn,
/// and has the limits of a tool that brings a language runtime.
fn overrun() -> Duration {
    let mut guest = Guest::new("strayer");
    guest.pages = 1_900;
    // First every word of 64 MiB gets the address of another one, so that all stand on one ring and no neighbours are near
    // each other; then the ring is followed.
    guest.propose = "(local $at i32)
        (loop $write
            (i32.store (i32.shl (local.get $at) (i32.const 2)) (i32.shl (i32.and (i32.const 0xffffff)
                (i32.add (i32.mul (local.get $at) (i32.const 1103515245)) (i32.const 12345))) (i32.const 2)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $write (i32.lt_u (local.get $at) (i32.const 0x1000000))))
        (local.set $at (i32.const 0))
        (loop $follow (local.set $at (i32.load (local.get $at))) (br $follow))
        unreachable"
        .to_owned();
    let bytes = padded(guest.build(), RUNTIME_COMPONENT_BYTES_MIN);
    let source = ToolSource { name: "strayer.wasm".to_owned(), bytes: bytes.into(), origin: Origin::Foreign };
    let mut toolbox = load(vec![source], &LoadOptions::default());
    let took = timed(|| {
        let ended = toolbox.propose("strayer", &case()).expect_err("a loop without an end is ended");
        assert!(ended.what.contains("ran longer"), "{ended}");
    });
    took.saturating_sub(Duration::from_millis(RUNTIME_TOOL_WALL_MS_MAX))
}

fn case() -> Case {
    let services = (0..PORTS / 10)
        .map(|at| Service {
            name: format!("service-{at}"),
            ports: (0..10).map(|entry| published(20_000 + at * 10 + entry)).collect(),
            depends_on: Vec::new(),
            has_healthcheck: false,
            one_shot: false,
            scale: 1,
        })
        .collect();
    let containers = (0..PORTS / 10).map(|at| container(&format!("service-{at}"))).collect();
    let observations = vec![
        known(Query::ComposeModel, Fact::ComposeModel(ComposeModel { project: "large".to_owned(), services })),
        known(Query::Containers, Fact::Containers(containers)),
    ];
    Case {
        finding: Finding {
            class: FailureClass::DockerPortConflict,
            confidence: Permille::CERTAIN,
            facts: BTreeMap::from([("port".to_owned(), "20000".to_owned())]),
            proof: Vec::new(),
            contradictions: Vec::new(),
            next_steps: Vec::new(),
        },
        observations,
        params: "{}".to_owned(),
        history: Vec::new(),
        waited_seconds: 0,
    }
}

fn published(port: u16) -> PublishedPort {
    PublishedPort {
        target: 80,
        target_last: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        published: Published::Fixed(port),
        origin: None,
    }
}

fn container(service: &str) -> Container {
    Container {
        container: ContainerRef {
            id: format!("{service}-0123456789abcdef"),
            name: format!("large-{service}-1"),
            project: Some("large".to_owned()),
            service: Some(service.to_owned()),
        },
        image: "example/image:1".to_owned(),
        state: ContainerState::Created,
        health: Health::None,
        exit_code: None,
        oom_killed: false,
        restarts: 0,
        recent_deaths: 0,
        error: None,
        ever_ran: false,
        config_hash: None,
        ports: Vec::new(),
    }
}

fn known(asked: Query, fact: Fact) -> Observation {
    Observation { asked, answer: Answer::Fact(fact), truncated: false }
}

/// The same case in the bare host's own types.
fn bare_case(case: &Case) -> bare::exports::repair::tool::repair::Case {
    use bare::repair::tool::types;
    let observations = case
        .observations
        .iter()
        .map(|observation| {
            let Answer::Fact(fact) = &observation.answer else { panic!("a fact") };
            let (asked, fact) = match fact {
                Fact::ComposeModel(model) => {
                    let services = model.services.iter().map(bare_service).collect();
                    (types::Query::ComposeModel, types::Fact::ComposeModel(services))
                }
                Fact::Containers(containers) => {
                    let containers = containers.iter().map(bare_container).collect();
                    (types::Query::Containers, types::Fact::Containers(containers))
                }
                other => panic!("not in this case: {other:?}"),
            };
            types::Observation { asked, answer: Ok(fact), truncated: false }
        })
        .collect();
    types::Case {
        finding: types::Finding {
            class: case.finding.class.to_string(),
            confidence: case.finding.confidence.get(),
            facts: case.finding.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            proof: Vec::new(),
            contradictions: Vec::new(),
        },
        observations,
        params: case.params.clone(),
        history: Vec::new(),
        waited_seconds: 0,
    }
}

fn bare_service(service: &Service) -> bare::repair::tool::types::Service {
    use bare::repair::tool::types;
    let ports = service.ports.iter().map(|port| {
        let Published::Fixed(number) = port.published else { panic!("a fixed port") };
        types::PublishedPort {
            target: port.target,
            target_last: port.target_last,
            protocol: types::Protocol::Tcp,
            host_ip: None,
            published: types::Published::Fixed(number),
            origin: None,
        }
    });
    types::Service {
        name: service.name.clone(),
        ports: ports.collect(),
        depends_on: Vec::new(),
        has_healthcheck: false,
        one_shot: false,
        scale: 1,
    }
}

fn bare_container(container: &Container) -> bare::repair::tool::types::Container {
    use bare::repair::tool::types;
    types::Container {
        ref_: types::ContainerRef {
            id: container.container.id.clone(),
            name: container.container.name.clone(),
            project: container.container.project.clone(),
            service: container.container.service.clone(),
        },
        image: container.image.clone(),
        state: types::ContainerState::Created,
        health: types::Health::None,
        exit_code: None,
        oom_killed: false,
        restarts: 0,
        error: None,
        ever_ran: false,
        ports: Vec::new(),
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(rounds: usize, mut work: impl FnMut()) -> Duration {
    middle((0..rounds).map(|_| timed(&mut work)).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! The broken projects of the crash matrix, each with what a person types to heal it and how that ends.
//!
//! Each is as cheap to break as the engine allows, because it is broken anew for every kill.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use repair_test_support::{Engine, Finished, HeldPort, Project, Registry, WEB};

/// Heals what may be healed without a person.
pub const HEAL: [&str; 2] = ["--self-heal=preview", "--yes"];
/// The same around what a person types.
pub const HEAL_UP: [&str; 7] = ["--self-heal=preview", "--yes", "--", "docker", "compose", "up", "-d"];
/// The same with what Compose had said before.
const HEAL_LOG: [&str; 4] = ["--self-heal=preview", "--yes", "--log", "up.log"];

/// A word of a command that stands for the digest of the plan that waits.
pub const DIGEST: &str = "{digest}";
/// A word of a command that stands for the newest session that healed something.
pub const HEALED: &str = "{healed}";

/// One way in which a project is broken, and healed.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Breaks a new project.
    pub broken: fn() -> Broken,
    /// What a person types, one command after the other; a kill hits one of them.
    pub commands: &'static [&'static [&'static str]],
    /// Whether a person who goes on says `--yes`.
    pub yes: bool,
    /// The exit code of the last command, and how its session stands then.
    pub end: (i32, &'static str),
}

/// A broken project with everything that keeps it broken. The project is taken down before its image is removed.
pub struct Broken {
    /// The project.
    pub project: Project<'static>,
    /// Whose registry its image comes from.
    pub registry: Option<Registry>,
    _image: Option<Pulled>,
    _held: Option<HeldPort>,
    late: Option<TakenLate>,
}

impl Broken {
    fn new() -> Self {
        let project = Project::new(Engine::shared()).expect("a project can be made");
        Self { project, registry: None, _image: None, _held: None, late: None }
    }

    /// A project whose first port another process holds.
    fn with_taken_port(file: impl Fn(&Project<'_>) -> String) -> Self {
        let mut broken = Self::new();
        broken.write("compose.yaml", &file(&broken.project));
        let held = HeldPort::by_another_process(broken.project.engine(), broken.project.port(0));
        broken._held = Some(held.expect("the port was free"));
        broken
    }

    fn write(&self, name: &str, text: &str) {
        self.project.write(name, text).expect("a file can be written");
    }

    /// Where the points are written that `repair` comes by.
    pub fn trace(&self) -> PathBuf {
        self.project.dir().with_file_name("trace")
    }

    fn compose(&self, args: &[&str]) -> Finished {
        self.project.compose(args).expect("compose runs")
    }

    fn docker(&self, args: &[&str]) {
        let done = Finished::run(self.project.engine().docker().args(args)).and_then(Finished::success);
        done.expect("docker does it");
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        drop(self.late.take());
    }
}

/// An image that was pulled.
struct Pulled(String);

impl Drop for Pulled {
    fn drop(&mut self) {
        Engine::shared().remove_images(&[&self.0]);
    }
}

/// A port that somebody takes at the moment at which `compose up` is about to start: too late for the plan to see it.
struct TakenLate {
    over: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl TakenLate {
    fn watch(trace: PathBuf, port: u16) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let watcher = thread::spawn(move || {
            let mut held = None;
            while !ended.load(Ordering::Relaxed) {
                if held.is_none() && has_begun(&trace) {
                    let address = (std::net::Ipv4Addr::UNSPECIFIED, port);
                    held = Some(HeldPort::by_this_process(address).expect("the port was free"));
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { over, watcher: Some(watcher) }
    }
}

impl Drop for TakenLate {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.watcher.take().map(JoinHandle::join);
    }
}

fn has_begun(trace: &Path) -> bool {
    std::fs::read_to_string(trace).unwrap_or_default().lines().any(|line| line == "effect-intended:compose-up")
}

/// The scenario of that name.
pub fn named(name: &str) -> &'static Scenario {
    SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario")
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "port", broken: port, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
    Scenario { name: "port-in-env", broken: port_in_env, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
    Scenario { name: "stale-container", broken: stale_container, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
    Scenario { name: "stale-network", broken: stale_network, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
    Scenario { name: "missing-secret", broken: missing_secret, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
    Scenario {
        name: "unhealthy-dependency",
        broken: unhealthy_dependency,
        commands: &[&HEAL_LOG, &["approve", DIGEST], &["resume"]],
        yes: false,
        end: (0, "healed"),
    },
    Scenario { name: "image-pull", broken: image_pull, commands: &[&HEAL_LOG], yes: true, end: (0, "healed") },
    Scenario { name: "unknown", broken: unknown, commands: &[&HEAL], yes: true, end: (3, "escalated") },
    Scenario {
        name: "undo",
        broken: healed_port,
        commands: &[&["undo", HEALED, "--yes"]],
        yes: true,
        end: (0, "undone"),
    },
    Scenario {
        name: "plan-and-apply",
        broken: tried_port,
        commands: &[&["plan"], &["approve", DIGEST], &["apply", DIGEST]],
        yes: false,
        end: (0, "healed"),
    },
    Scenario { name: "two-rounds", broken: two_ports, commands: &[&HEAL_UP], yes: true, end: (0, "healed") },
];

fn service(name: &str, more: &str) -> String {
    format!("  {name}:\n    image: {WEB}\n{more}")
}

fn on_port(name: &str, port: impl std::fmt::Display) -> String {
    service(name, &format!("    ports:\n      - \"{port}:80\"\n"))
}

/// A port that somebody else holds, in the Compose file.
pub fn port() -> Broken {
    Broken::with_taken_port(|project| format!("services:\n{}", on_port("web", project.port(0))))
}

/// The same after somebody has tried to start it.
pub fn tried_port() -> Broken {
    let broken = port();
    assert!(!broken.compose(&["up", "--detach"]).succeeded(), "the port was not taken");
    broken
}

fn port_in_env() -> Broken {
    let broken = Broken::with_taken_port(|_| format!("services:\n{}", on_port("web", "${WEB_PORT}")));
    broken.write(".env", &format!("# Ports.\nWEB_PORT={}\n", broken.project.port(0)));
    broken
}

/// A container that never ran has the name that a service wants.
fn stale_container() -> Broken {
    let broken = Broken::new();
    let fixed = format!("    container_name: {}-fixed\n", broken.project.name());
    broken.write("compose.yaml", &format!("services:\n{}", service("old", &fixed)));
    assert!(broken.compose(&["create", "old"]).succeeded(), "the leftover is not made");
    broken.write("compose.yaml", &format!("services:\n{}", service("new", &fixed)));
    broken
}

/// A network of the project's own, under a former key, has the name that is wanted.
fn stale_network() -> Broken {
    let broken = Broken::new();
    let name = format!("{}-net", broken.project.name());
    let label = format!("com.docker.compose.project={}", broken.project.name());
    let labels = ["--label", &label, "--label", "com.docker.compose.network=front"];
    broken.docker(&[["network", "create"].as_slice(), &labels, &[&name]].concat());
    let web = service("web", "    networks: [back]\n");
    broken.write("compose.yaml", &format!("services:\n{web}networks:\n  back:\n    name: {name}\n"));
    broken
}

fn missing_secret() -> Broken {
    let broken = Broken::new();
    let web = service("web", "    environment:\n      KEY: \"${APP_SECRET_KEY:?set it in .env}\"\n");
    broken.write("compose.yaml", &format!("services:\n{web}"));
    broken.write(".env", "# Settings.\nTZ=UTC\n");
    broken
}

/// A database that hangs until it is started a second time, and a service that waits for its health.
fn unhealthy_dependency() -> Broken {
    const HANGS_ONCE: &str =
        "if [ -f /tmp/booted ]; then : > /tmp/healthy; fi; : > /tmp/booted; exec httpd -f -p 80 -h /www";
    let broken = Broken::new();
    let db = format!(
        "    command: [\"/bin/sh\", \"-c\", '{HANGS_ONCE}']\n    stop_signal: SIGKILL\n    healthcheck:\n      \
         test: [\"CMD\", \"/bin/sh\", \"-c\", \"[ -f /tmp/healthy ]\"]\n      interval: 400ms\n      retries: 2\n"
    );
    let web = "    depends_on:\n      db:\n        condition: service_healthy\n";
    broken.write("compose.yaml", &format!("services:\n{}{}", service("db", &db), service("web", web)));
    keep_log(&broken);
    broken
}

/// Starts the project, which has to fail, and keeps what Compose says.
fn keep_log(broken: &Broken) {
    let up = broken.compose(&["up", "--detach"]);
    assert!(!up.succeeded(), "it starts: {up}");
    broken.write("up.log", &format!("{}{}", up.stdout, up.stderr));
}

/// An image that its registry did not deliver, and delivers by now.
fn image_pull() -> Broken {
    let mut broken = Broken::new();
    let registry = Registry::start(broken.project.engine()).expect("a registry can be started");
    let image = registry.image();
    broken.write("compose.yaml", &format!("services:\n  web:\n    image: {image}\n"));
    broken.write("repair.toml", "[tools.image-pull]\nbackoff_seconds = 1\n");
    registry.throttle(u32::MAX, 1);
    keep_log(&broken);
    registry.throttle(0, 1);
    broken._image = Some(Pulled(image));
    broken.registry = Some(registry);
    broken
}

/// A service that ends with an error that nobody knows: only its logs are collected, for a person.
fn unknown() -> Broken {
    let broken = Broken::new();
    let odd = "    command: [\"/bin/sh\", \"-c\", \"echo the third moon is missing; exit 1\"]\n";
    broken.write("compose.yaml", &format!("services:\n{}", service("odd", odd)));
    assert!(broken.compose(&["up", "--detach"]).succeeded(), "it is started");
    for _ in 0..400 {
        if broken.project.container("odd").is_ok_and(|container| container.status == "exited") {
            return broken;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it does not end");
}

/// A project whose port was moved, to be moved back.
fn healed_port() -> Broken {
    let broken = port();
    let mut command = broken.project.command(env!("CARGO_BIN_EXE_repair"));
    command.env("REPAIR_STATE_DIR", broken.project.state_dir()).args(HEAL_UP);
    let healed = Finished::run(&mut command).and_then(Finished::success);
    healed.expect("it is healed");
    broken
}

/// Two services; the port of the second one is taken when the plan for the first one is being carried out.
fn two_ports() -> Broken {
    let mut broken = Broken::with_taken_port(|project| {
        let late = on_port("late", project.port(20)) + "    depends_on: [web]\n";
        format!("services:\n{}{late}", on_port("web", project.port(0)))
    });
    broken.late = Some(TakenLate::watch(broken.trace(), broken.project.port(20)));
    broken
}

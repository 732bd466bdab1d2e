//! What the scenarios of single tools share: real projects from texts, a person's yes without a terminal, and bystanders.
//!
//! Invariant: whatever is said of a bystander is what the engine says of it.

use repair_test_support::{Engine, Finished, Project, WEB};
use serde_json::Value;

use crate::scenario::{document, text};

/// What a person types.
pub const UP: [&str; 5] = ["--", "docker", "compose", "up", "-d"];

/// A project without a file.
pub fn project() -> Project<'static> {
    Project::new(Engine::shared()).expect("a project can be made")
}

/// A Compose file of web servers, each with further lines of its own, and whatever comes after them.
pub fn file(services: &[(&str, &str)], rest: &str) -> String {
    let service = |(name, more): &(&str, &str)| format!("  {name}:\n    image: {WEB}\n{more}");
    format!("services:\n{}{rest}", services.iter().map(service).collect::<String>())
}

/// Writes the project's Compose file.
pub fn write(project: &Project<'_>, file: &str) {
    project.write("compose.yaml", file).expect("its file can be written");
}

/// Runs `docker compose`, which has to succeed.
pub fn compose(project: &Project<'_>, args: &[&str]) {
    project.compose(args).and_then(Finished::success).expect("compose does it");
}

/// What `docker` prints; it has to succeed.
pub fn docker(project: &Project<'_>, args: &[&str]) -> String {
    let finished = Finished::run(project.engine().docker().args(args)).and_then(Finished::success);
    finished.expect("docker does it").stdout.trim().to_owned()
}

/// Runs `repair` with `args`, which has to stop at a plan; says yes to it, carries it out, and returns both documents.
pub fn healed_with_a_yes(project: &Project<'_>, args: &[&str]) -> (Value, Value) {
    let asked = document(project, 4, args);
    assert_eq!(asked["result"], "awaiting-approval", "{asked:#}");
    let digest = text(&asked, "/plan/digest");
    document(project, 0, &["approve", digest]);
    let report = document(project, 0, &["apply", digest]);
    assert_eq!(report["result"], "healed", "{report:#}");
    (asked, report)
}

/// The kinds of the actions of a report's plan, in order.
pub fn plan_of(report: &Value) -> Vec<&str> {
    let steps = report["plan"]["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().filter_map(|step| step["action"].as_object()?.keys().next()).map(String::as_str).collect()
}

/// All that a person is told to do next, in one text.
pub fn next_steps(report: &Value) -> String {
    report["next_steps"].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Everything of a project that the engine has: containers with their states and starts, networks, volumes.
pub fn all_of(project: &Project<'_>) -> Vec<String> {
    let label = format!("label=com.docker.compose.project={}", project.name());
    let list = |args: &[&str]| docker(project, &[args, &["--quiet", "--filter", &label]].concat());
    let containers = list(&["ps", "--all", "--no-trunc"]);
    let mut all: Vec<String> = containers
        .lines()
        .map(|id| {
            let format = "{{.Id}} {{.Name}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}";
            docker(project, &["inspect", "--format", format, id])
        })
        .collect();
    all.extend(list(&["network", "ls", "--no-trunc"]).lines().map(str::to_owned));
    all.extend(list(&["volume", "ls"]).lines().map(str::to_owned));
    all.sort();
    all
}

/// Another project, as it was when it was last looked at.
pub struct Bystander {
    /// The project.
    pub project: Project<'static>,
    seen: Vec<String>,
}

impl Bystander {
    /// Starts it from its file.
    pub fn start(project: Project<'static>, file: &str) -> Self {
        write(&project, file);
        compose(&project, &["up", "--detach"]);
        let seen = all_of(&project);
        Self { project, seen }
    }

    /// Looks again, after a change of the test's own.
    pub fn look(&mut self) {
        self.seen = all_of(&self.project);
    }

    /// Checks that nothing of it has changed.
    pub fn is_untouched(&self) {
        assert_eq!(all_of(&self.project), self.seen, "somebody else's things were touched");
    }
}

//! What every scenario does: run `repair` on a project of its own, read its document, and check the record at the end.
//!
//! Invariant: nothing that `repair` prints moves a cursor, colours or reorders text where no terminal is.

use std::collections::BTreeSet;

use repair_test_support::{Engine, Finished, Project, WEB};
use serde_json::Value;

/// Heals what may be healed without a person.
pub const HEAL: [&str; 2] = ["--self-heal=preview", "--yes"];

/// A project whose services are web servers with these entries of `ports`, not started.
pub fn web_project<'e>(services: &[(&str, &str)]) -> Project<'e> {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    project.write("compose.yaml", &web_file(services)).expect("its file can be written");
    project
}

/// The Compose file of such a project.
pub fn web_file(services: &[(&str, &str)]) -> String {
    let service = |(name, port): &(&str, &str)| {
        format!("  {name}:\n    image: {WEB}\n    ports:\n      - {port}\n    restart: unless-stopped\n")
    };
    format!("services:\n{}", services.iter().map(service).collect::<String>())
}

/// Starts `project` with Compose, which has to fail.
pub fn fails_to_start(project: &Project<'_>) {
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");
}

/// Runs `repair` in the project's folder without a terminal.
pub fn repair(project: &Project<'_>, args: &[&str]) -> Finished {
    let state_dir = format!("--state-dir={}", project.state_dir().display());
    let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
    command.args(with(&state_dir, args));
    let finished = Finished::run(&mut command).expect("repair can be started");
    finished.assert_plain();
    finished
}

/// Runs `repair --json`, which has to end with `code`, and returns its document.
pub fn document(project: &Project<'_>, code: i32, args: &[&str]) -> Value {
    let finished = repair(project, &with("--json", args));
    assert_eq!(finished.code, Some(code), "{finished}");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("no document ({error}): {finished}"))
}

/// `args` with one more option of `repair` itself.
fn with<'a>(option: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let (own, wrapped) = args.split_at(args.iter().position(|arg| *arg == "--").unwrap_or(args.len()));
    [own, &[option], wrapped].concat()
}

/// The text at `pointer` of a document.
pub fn text<'d>(document: &'d Value, pointer: &str) -> &'d str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {document:#}"))
}

/// The end of every scenario that wrote a log: it verifies, and every session's tools give the recorded answers again.
pub fn sound(project: &Project<'_>) {
    let audits = document(project, 0, &["audit", "verify"]);
    assert_eq!(audits[0]["verified"], true, "{audits:#}");
    let records = document(project, 0, &["audit", "show"]);
    let records = records.as_array().expect("a list of records");
    let asked: BTreeSet<&str> = records
        .iter()
        .filter(|record| record["event"]["kind"] == "tool-answered")
        .filter_map(|record| record["session"].as_str())
        .collect();
    for session in asked {
        let answers = document(project, 0, &["replay", session]);
        let all_equal = answers.as_array().is_some_and(|all| all.iter().all(|answer| answer["equal"] == true));
        assert!(all_equal, "{answers:#}");
    }
}

/// The end of every scenario in which no session began: nothing was written.
pub fn no_session(project: &Project<'_>) {
    assert!(!project.state_dir().exists(), "a session began in {}", project.state_dir().display());
}

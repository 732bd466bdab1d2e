//! Ports that must not be moved like any other: ranges, claims of neighbours, shared lines, variables of the shell.

use repair_test_support::{Engine, Finished, HeldPort, Project, WEB, http_get, is_free, wait_for};
use serde_json::Value;

use crate::ground::{HEAL, expect, fail_up, insist, insist_verified, repair, repair_command, web_on};
use crate::taken_port;

fn project() -> Project<'static> {
    Project::new(Engine::shared()).expect("a project can be made")
}

/// The host ports that Compose reads for a service, all profiles on.
fn published(project: &Project<'_>, service: &str) -> Vec<String> {
    let config = project.compose(["--profile", "*", "config", "--format", "json"]).and_then(Finished::success);
    let config: Value = serde_json::from_str(&config.expect("Compose reads it").stdout).expect("it is JSON");
    let ports = config["services"][service]["ports"].as_array().cloned().unwrap_or_default();
    ports.iter().map(|port| port["published"].as_str().unwrap_or_default().to_owned()).collect()
}

fn texts(numbers: impl IntoIterator<Item = u16>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// Insists that `repair` leaves files and containers as they are, and says `words`.
fn insist_left_alone(project: &Project<'_>, finished: &Finished, words: &[&str], compose: &str) {
    insist(finished, 3, words);
    assert_eq!(project.read("compose.yaml").expect("it is there"), compose);
    assert!(!project.dir().join("compose.override.yaml").exists(), "{finished}");
    assert_ne!(project.container("web").expect("it was created").status, "running", "{finished}");
    insist_verified(project);
}

#[test]
fn a_range_of_which_one_port_is_taken_moves_whole() {
    let project = project();
    let (first, last) = (project.port(0), project.port(2));
    let compose = format!("services:\n  web:\n    image: {WEB}\n    ports:\n      - \"{first}-{last}:80-82\"\n");
    project.write("compose.yaml", &compose).expect("it can be written");
    let _held = HeldPort::by_another_process(project.engine(), project.port(1)).expect("the port was free");
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");

    let finished = expect(&project, &HEAL, 0, &["healed and verified"]);
    let after = published(&project, "web");
    let start: u16 = after[0].parse().expect("a port");
    assert_eq!(after, texts(start..start + 3), "{finished}");
    assert!(start > last || start + 2 < first, "the new range does not touch the old one: {after:?}");
    wait_for(5, || http_get(start, "/ready")).expect("it answers");
    insist_verified(&project);
}

#[test]
fn the_nearest_free_port_is_not_one_that_another_service_claims() {
    let project = project();
    let claims = format!("  api:\n    image: {WEB}\n    ports:\n      - \"{}:80\"\n", project.port(1));
    project.write("compose.yaml", &(web_on(project.port(0)) + &claims)).expect("it can be written");
    let _held = fail_up(&project, &["web"]);
    expect(&project, &HEAL, 0, &["healed and verified"]);
    assert_eq!(published(&project, "api"), texts([project.port(1)]));
    assert_eq!(published(&project, "web"), texts([project.port(2)]));
    insist_verified(&project);
}

#[test]
fn a_service_that_shares_its_ports_by_an_anchor_is_never_moved_along() {
    let project = project();
    let port = project.port(0);
    let compose = format!(
        "x-ports: &ports\n  - \"{port}:80\"\nservices:\n  web:\n    image: {WEB}\n    ports: *ports\n  \
         spare:\n    image: {WEB}\n    profiles: [spare]\n    ports: *ports\n"
    );
    project.write("compose.yaml", &compose).expect("it can be written");
    let _held = fail_up(&project, &["web"]);
    let finished = repair(&project, &HEAL);
    assert_eq!(published(&project, "spare"), texts([port]), "{finished}");
    assert_eq!(project.read("compose.yaml").expect("it is there"), compose, "{finished}");
    if finished.code == Some(0) {
        assert_ne!(published(&project, "web"), texts([port]), "{finished}");
        assert!(project.read("compose.override.yaml").expect("it is there").contains("!override"), "{finished}");
    } else {
        insist_left_alone(&project, &finished, &["next:"], &compose);
    }
}

#[test]
fn a_port_that_the_shell_exports_is_declined_by_the_name_of_its_variable() {
    let project = project();
    let compose = web_on(0).replace("\"0:80\"", "\"${WEB_PORT:-1}:80\"");
    project.write("compose.yaml", &compose).expect("it can be written");
    project.write(".env", "WEB_PORT=2\n").expect("it can be written");
    let held = HeldPort::by_another_process(project.engine(), project.port(0)).expect("the port was free");
    let exported = held.port().to_string();
    let docker = project.engine().docker();
    let mut up = project.command(docker.get_program());
    let up = Finished::run(up.args(["compose", "up", "--detach"]).env("WEB_PORT", &exported)).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");

    let finished = Finished::run(repair_command(&project).args(HEAL).env("WEB_PORT", &exported)).expect("it starts");
    insist(&finished, 3, &["WEB_PORT", "next:"]);
    assert_eq!(project.read(".env").expect("it is there"), "WEB_PORT=2\n");
    insist_left_alone(&project, &finished, &[], &compose);
}

#[test]
fn an_address_that_this_machine_does_not_have_is_no_port_conflict() {
    let project = project();
    let wrong = format!("\"192.0.2.7:{}:80\"", project.port(0));
    let compose = web_on(0).replace("\"0:80\"", &wrong);
    project.write("compose.yaml", &compose).expect("it can be written");
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "nobody has that address: {up}");
    let finished = repair(&project, &HEAL);
    assert!(!finished.stdout.contains("docker-port-conflict"), "{finished}");
    insist_left_alone(&project, &finished, &["192.0.2.7", "does not belong to this machine", "next:"], &compose);
}

#[test]
fn a_privileged_port_that_the_engine_may_not_bind_is_declined() {
    let project = project();
    let compose = web_on(80);
    project.write("compose.yaml", &compose).expect("it can be written");
    // The tests' engine may bind everything, so the words are those of one that may not.
    let words = "echo 'listen tcp4 0.0.0.0:80: bind: permission denied' >&2; exit 1";
    let mut command = repair_command(&project);
    let finished = Finished::run(command.args(HEAL).args(["--", "sh", "-c", words])).expect("repair starts");
    insist(&finished, 3, &["docker-privileged-port", "ip_unprivileged_port_start"]);
    assert_eq!(project.read("compose.yaml").expect("it is there"), compose);
    assert_eq!(project.containers().expect("the engine answers"), []);
    insist_verified(&project);
}

#[test]
fn a_taken_port_below_1024_moves_to_where_no_privilege_is_needed() {
    let project = project();
    let port = (700..1000).rev().find(|port| is_free(*port)).expect("one of them is free");
    let _held = HeldPort::by_another_process(project.engine(), port).expect("tests run as root, as their engine does");
    project.write("compose.yaml", &web_on(port)).expect("it can be written");
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");
    let finished = expect(&project, &HEAL, 0, &["healed and verified"]);
    let after: u16 = published(&project, "web")[0].parse().expect("a port");
    assert!(after >= 1024, "{finished}");
    insist_verified(&project);
}

#[test]
fn a_pending_edit_of_another_service_is_not_rolled_out() {
    let project = project();
    let other = format!("  other:\n    image: {WEB}\n    environment:\n      STAGE: one\n");
    project.write("compose.yaml", &(web_on(project.port(0)) + &other)).expect("it can be written");
    project.compose(["up", "--detach", "other"]).and_then(Finished::success).expect("it starts");
    let running = project.container("other").expect("it runs");
    let _held = fail_up(&project, &["web"]);
    let pending = project.read("compose.yaml").expect("it is there").replace("STAGE: one", "STAGE: two");
    project.write("compose.yaml", &pending).expect("it can be written");

    expect(&project, &HEAL, 0, &["healed and verified"]);
    assert_eq!(project.container("other").expect("it runs"), running, "the other container is the same as before");
    assert_eq!(project.container("web").expect("it runs").status, "running");
    assert!(project.read("compose.yaml").expect("it is there").contains("STAGE: two"));
    insist_verified(&project);
}

#[test]
fn a_file_that_changes_between_approval_and_apply_voids_the_approval() {
    let project = project();
    let _held = taken_port(&project);
    let plan = expect(&project, &["plan", "--json"], 4, &[]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("it is JSON");
    let digest = plan["plan"]["digest"].as_str().expect("a plan has a digest").to_owned();
    expect(&project, &["approve", &digest], 0, &[]);
    let edited = project.read("compose.yaml").expect("it is there") + "# a thought of somebody else\n";
    project.write("compose.yaml", &edited).expect("it can be written");

    let finished = repair(&project, &["apply", &digest]);
    assert!(matches!(finished.code, Some(3 | 4)), "{finished}");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains("compose.yaml"), "it names the file: {finished}");
    assert_eq!(project.read("compose.yaml").expect("it is there"), edited);
    assert_eq!(project.container("web").expect("it was created").status, "created");
    let log = repair(&project, &["audit", "show", "--json"]).stdout;
    assert!(log.contains("grant-voided") && !log.contains("grant-used"), "{log}");
    // A void approval does not come back to life, even when the file does.
    project
        .write("compose.yaml", edited.trim_end_matches("# a thought of somebody else\n"))
        .expect("it can be written");
    let again = repair(&project, &["apply", &digest]);
    assert_eq!(again.code, Some(3), "{again}");
    insist_verified(&project);
}

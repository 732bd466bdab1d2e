//! The ground of the tests of bad input: `repair` as a person calls it, and one project whose port is taken.

use repair_test_support::{Finished, HeldPort, Project, WEB};

/// The arguments of the main job with nobody at the terminal.
pub const HEAL: [&str; 2] = ["--self-heal=preview", "--yes"];
/// The same, going on with a session that waits.
pub const GO_ON: [&str; 3] = ["--self-heal=preview", "--yes", "--resume"];

/// A command for `repair` in the project's folder, with a state folder of its own.
pub fn repair_command(project: &Project<'_>) -> std::process::Command {
    let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
    command.env("REPAIR_STATE_DIR", project.state_dir());
    command
}

/// Runs `repair` in the project's folder.
pub fn repair(project: &Project<'_>, args: &[&str]) -> Finished {
    Finished::run(repair_command(project).args(args)).expect("repair starts")
}

/// Runs `repair` and insists on its exit code and on some words of what it says.
pub fn expect(project: &Project<'_>, args: &[&str], code: i32, words: &[&str]) -> Finished {
    let finished = repair(project, args);
    insist(&finished, code, words);
    finished
}

/// Insists on an exit code and on some words of both streams.
pub fn insist(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!(finished.code, Some(code), "{finished}");
    let said = format!("{}\n{}", finished.stdout, finished.stderr);
    for word in words {
        assert!(said.contains(word), "`{word}` is not said: {finished}");
    }
    assert!(!said.contains("panicked"), "{finished}");
}

/// A Compose file with one web server on `port`.
pub fn web_on(port: u16) -> String {
    format!("services:\n  web:\n    image: {WEB}\n    ports:\n      - \"{port}:80\"\n")
}

/// Lets a process hold the project's first port and fails to start `services` because of that.
pub fn fail_up(project: &Project<'_>, services: &[&str]) -> HeldPort {
    let held = HeldPort::by_another_process(project.engine(), project.port(0)).expect("the port was free");
    let up = project.compose(["up", "--detach", "--no-deps"].iter().chain(services)).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");
    held
}

/// Insists that the project's log verifies.
pub fn insist_verified(project: &Project<'_>) {
    expect(project, &["audit", "verify"], 0, &["verified"]);
}

//! Signals: wherever one comes, `repair` stops within seconds at a safe point, says so in its log, and the session goes on
//! afterwards. Real engine; a wire to it holds the moment in which Compose starts a container.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the rules for the shipped program do not bind its tests"
)]

#[path = "bad_input_support/mod.rs"]
mod ground;
#[expect(dead_code, reason = "nobody types a line here")]
mod terminal;
#[path = "bad_input_support/wire.rs"]
mod wire;

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use expectrl::ControlCode;
use ground::{GO_ON, HEAL, fail_up, repair, repair_command, web_on};
use repair_test_support::{Engine, Finished, HeldPort, Project, WEB, http_get, wait_for};
use serde_json::Value;
use terminal::{QUESTION, Terminal};
use wire::Brake;

/// Within so many seconds it ends after a signal.
const SECONDS_MAX: u64 = 10;
/// Names the project of which [`keeps_a_terminal_for_another_test`] heals at a terminal of its own.
const TERMINAL_VARIABLE: &str = "REPAIR_TEST_TERMINAL_OF";

/// A web server whose port is taken; its start has failed.
fn broken() -> (Project<'static>, HeldPort) {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    project.write("compose.yaml", &web_on(project.port(0))).expect("the file can be written");
    let held = fail_up(&project, &["web"]);
    (project, held)
}

fn signal(signals: &[&str], pid: u32) {
    for signal in signals {
        Finished::run(Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]))
            .and_then(Finished::success)
            .expect("the process is there");
    }
}

/// Waits until `child` ends, which may take only seconds, and returns its exit code.
fn ends_soon(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(SECONDS_MAX);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("it does not end within {SECONDS_MAX} seconds");
}

/// The status of each session, and the kind of the last record of the log.
fn standing(project: &Project<'_>) -> (Vec<String>, String) {
    let list = |args: &[&str]| -> Vec<Value> {
        let said = repair(project, &[args, &["--json"]].concat()).success().expect("the log can be read");
        serde_json::from_str(&said.stdout).expect("a list")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let statuses = list(&["sessions"]).iter().map(|session| text(&session["status"])).collect();
    let last = list(&["audit", "show"]).last().map(|record| text(&record["event"]["kind"]));
    (statuses, last.unwrap_or_default())
}

fn is_suspended(project: &Project<'_>) {
    assert_eq!(standing(project), (vec!["suspended".to_owned()], "suspended".to_owned()));
}

/// Goes on, which has to heal; the record verifies.
fn resume_heals(project: &Project<'_>, port: u16) {
    let resumed = repair(project, &GO_ON);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    wait_for(5, || http_get(port, "/ready")).expect("the service answers");
    ground::insist_verified(project);
    assert_eq!(standing(project).0, ["healed"]);
}

/// A broken project on an engine that starts no container as long as the brake is on.
fn held() -> (Project<'static>, HeldPort, Brake, PathBuf) {
    let (project, port) = broken();
    let socket = project.dir().with_file_name("wire.sock");
    let brake = wire::connect(project.engine(), UnixListener::bind(&socket).expect("a socket can be made"));
    brake.on.store(true, Ordering::SeqCst);
    (project, port, brake, socket)
}

/// Heals until Compose is about to start a container.
fn heal_until_held(project: &Project<'_>, brake: &Brake, socket: &std::path::Path) -> Child {
    let mut command = repair_command(project);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).args(HEAL);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("repair starts");
    let held = || match brake.held.load(Ordering::SeqCst) {
        0 => Err(std::io::Error::other("no container is being started").into()),
        _ => Ok(()),
    };
    wait_for(30, held).expect("it comes to the effect");
    child
}

/// The same through the wire, without a brake: the address of the engine belongs to the target.
fn resume_on_the_wire_heals(project: &Project<'_>, brake: &Brake, socket: &std::path::Path) {
    brake.on.store(false, Ordering::SeqCst);
    let mut command = repair_command(project);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).args(GO_ON);
    let resumed = Finished::run(&mut command).expect("repair starts");
    assert_eq!(resumed.code, Some(0), "{resumed}");
    wait_for(5, || http_get(project.port(1), "/ready")).expect("the service answers");
    ground::insist_verified(project);
    assert_eq!(standing(project).0, ["healed"]);
}

fn a_signal_in_the_middle_of_an_effect(name: &str) {
    let (project, _port, brake, socket) = held();
    let mut child = heal_until_held(&project, &brake, &socket);
    signal(&[name], child.id());
    assert_eq!(ends_soon(&mut child), Some(130));
    is_suspended(&project);
    assert_ne!(project.container("web").expect("it is made").status, "running");
    resume_on_the_wire_heals(&project, &brake, &socket);
}

#[test]
fn sigint_in_the_middle_of_an_effect_suspends() {
    a_signal_in_the_middle_of_an_effect("INT");
}

#[test]
fn sigterm_in_the_middle_of_an_effect_suspends() {
    a_signal_in_the_middle_of_an_effect("TERM");
}

#[test]
fn sighup_in_the_middle_of_an_effect_suspends() {
    a_signal_in_the_middle_of_an_effect("HUP");
}

#[test]
fn a_second_signal_ends_at_once_and_a_resume_copes() {
    let (project, _port, brake, socket) = held();
    let mut child = heal_until_held(&project, &brake, &socket);
    // Two different ones, because the system keeps only one of each kind until it is taken.
    signal(&["INT", "TERM"], child.id());
    let asked = Instant::now();
    assert_eq!(ends_soon(&mut child), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    let (statuses, last) = standing(&project);
    // Whatever it came to in that moment is recorded or open, and never made up.
    assert!(
        matches!((statuses[0].as_str(), last.as_str()), ("running", "effect-started" | "settled") | ("suspended", _)),
        "{statuses:?} {last}"
    );
    resume_on_the_wire_heals(&project, &brake, &socket);
}

/// A command at a terminal, up to its question.
fn asked(command: Command) -> Terminal {
    let mut terminal = Terminal::of(command);
    terminal.until(QUESTION);
    terminal
}

/// `repair --self-heal=preview` at a terminal, up to its question.
fn healing(project: &Project<'_>) -> Terminal {
    let mut command = repair_command(project);
    command.arg(HEAL[0]);
    asked(command)
}

/// Its exit code, soon.
fn end_soon(terminal: Terminal) -> i32 {
    let begun = Instant::now();
    let (code, seen) = terminal.end();
    assert!(begun.elapsed() < Duration::from_secs(SECONDS_MAX), "it took {:?}: {seen}", begun.elapsed());
    code
}

#[test]
fn a_signal_at_the_question_suspends() {
    let (project, _port) = broken();
    for name in ["INT", "TERM", "HUP"] {
        let terminal = match standing_if_any(&project) {
            None => healing(&project),
            // The same session asks again.
            Some(_) => {
                let mut command = repair_command(&project);
                command.arg("resume");
                asked(command)
            }
        };
        signal(&[name], terminal.session.get_process().pid().as_raw().unsigned_abs());
        assert_eq!(end_soon(terminal), 130, "{name}");
        is_suspended(&project);
    }
    resume_heals(&project, project.port(1));
}

fn standing_if_any(project: &Project<'_>) -> Option<(Vec<String>, String)> {
    project.state_dir().exists().then(|| standing(project))
}

#[test]
fn a_question_that_nobody_can_answer_any_more_waits() {
    let (project, _port) = broken();
    let mut terminal = healing(&project);
    terminal.press(ControlCode::EndOfTransmission);
    assert_eq!(end_soon(terminal), 4);
    assert_eq!(standing(&project).0, ["awaiting-approval"]);
    resume_heals(&project, project.port(1));
}

/// Not a test of its own: the next one starts this as another process, which has a terminal and is killed.
#[test]
fn keeps_a_terminal_for_another_test() {
    let Some(home) = std::env::var_os(TERMINAL_VARIABLE) else { return };
    // The shell only notes how it ended; SIGHUP comes to both.
    let script = "trap '' HUP; \"$0\" \"$1\"; echo $? > ../code";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_repair"), HEAL[0]]).current_dir(home);
    let _terminal = asked(command);
    println!("it asks");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_session_whose_terminal_is_gone_at_the_question_waits() {
    let (project, _port) = broken();
    let mut keeper = repair_command(&project);
    let environment: Vec<_> =
        keeper.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    keeper = Command::new(std::env::current_exe().expect("this program"));
    for (name, value) in environment {
        match value {
            Some(value) => keeper.env(name, value),
            None => keeper.env_remove(name),
        };
    }
    keeper.args(["--exact", "keeps_a_terminal_for_another_test", "--nocapture"]).env(TERMINAL_VARIABLE, project.dir());
    let mut keeper = keeper.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("this program starts");
    let lines = BufReader::new(keeper.stdout.take().expect("its output")).lines();
    let asks = lines.map_while(Result::ok).any(|line| line.contains("it asks"));
    // The kernel closes the terminal with its keeper.
    keeper.kill().and_then(|()| keeper.wait()).expect("it is killed");
    assert!(asks, "there was no question");
    let code = wait_for(SECONDS_MAX, || match project.read("../code") {
        Ok(code) if code.ends_with('\n') => Ok(code),
        _ => Err(std::io::Error::other("it does not end").into()),
    });
    // The end of its input and the signal come at once, and either may be the first that it sees.
    let (statuses, last) = standing(&project);
    match code.expect("it ends").trim() {
        "130" => assert_eq!((statuses[0].as_str(), last.as_str()), ("suspended", "suspended")),
        "4" => assert_eq!((statuses[0].as_str(), last.as_str()), ("awaiting-approval", "approval-asked")),
        other => panic!("it ends with {other}"),
    }
    resume_heals(&project, project.port(1));
}

/// A web server whose port is taken, and that is well only once a file is there.
fn well_later() -> (Project<'static>, HeldPort) {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let file = format!(
        "services:\n  web:\n    image: {WEB}\n    ports:\n      - \"{}:80\"\n    healthcheck:\n      \
         test: [\"CMD\", \"/bin/sh\", \"-c\", \"[ -f /tmp/healthy ]\"]\n      interval: 500ms\n      start_period: 300s\n",
        project.port(0)
    );
    project.write("compose.yaml", &file).expect("the file can be written");
    let held = fail_up(&project, &["web"]);
    (project, held)
}

#[test]
fn a_signal_while_verification_waits_suspends() {
    let (project, _port) = well_later();
    let mut words = HEAL.to_vec();
    for name in ["INT", "TERM", "HUP"] {
        let mut command = repair_command(&project);
        let mut child = command
            .args(&words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("not well yet")), "verification does not wait");
        signal(&[name], child.id());
        // Whatever it says until its end has a reader.
        let rest: Vec<String> = lines.collect();
        assert_eq!(ends_soon(&mut child), Some(130), "{name}: {rest:?}");
        is_suspended(&project);
        words = vec!["resume", "--yes"];
    }
    let container = project.container("web").expect("it runs");
    let mut touch = project.engine().docker();
    Finished::run(touch.args(["exec", &container.id, "/bin/sh", "-c", ": > /tmp/healthy"]))
        .and_then(Finished::success)
        .expect("well");
    resume_heals(&project, project.port(1));
    assert_eq!(project.container("web").expect("it runs").id, container.id, "it was not replaced");
}

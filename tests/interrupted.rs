//! Two at once, killed, and interrupted: an effect that runs keeps its target busy, is never started a second time, and
//! leaves a log that says what happened. Real engine; a wire to it holds the moment in which Compose starts a container.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

#[path = "bad_input_support/mod.rs"]
mod ground;
#[path = "bad_input_support/wire.rs"]
mod wire;

use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ground::{GO_ON, HEAL, fail_up, insist, insist_verified, repair_command, web_on};
use repair_test_support::{Engine, Finished, HeldPort, Project, http_get, wait_for};
use wire::Brake;

/// A project whose port is taken, on an engine whose starts a test can hold.
struct Held {
    project: Project<'static>,
    host: String,
    brake: Brake,
    _port: HeldPort,
}

impl Held {
    /// Everything is ready for `repair`, and the brake is on.
    fn new(compose: impl Fn(&Project<'_>) -> String, services: &[&str]) -> Self {
        let project = Project::new(Engine::shared()).expect("a project can be made");
        project.write("compose.yaml", &compose(&project)).expect("the file can be written");
        let port = fail_up(&project, services);
        let socket = project.dir().with_file_name("wire.sock");
        let brake = wire::connect(project.engine(), UnixListener::bind(&socket).expect("a socket can be made"));
        brake.on.store(true, Ordering::SeqCst);
        Self { host: format!("unix://{}", socket.display()), project, brake, _port: port }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = repair_command(&self.project);
        command.env("DOCKER_HOST", &self.host).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Finished {
        Finished::run(&mut self.command(args)).expect("repair starts")
    }

    /// Starts a heal, and waits until its `compose up` is held while it starts a container.
    fn begin(&self) -> Child {
        let mut command = self.command(&HEAL);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("repair starts");
        let held =
            wait_for(30, || Ok(holds(self.brake.held.load(Ordering::SeqCst) > 0, "no container is being started")?));
        if let Err(error) = held {
            panic!("{error}: {:?}", child.wait_with_output());
        }
        child
    }

    fn release(&self) {
        self.brake.on.store(false, Ordering::SeqCst);
    }

    /// How often the engine itself says that a container of the project was started.
    fn starts(&self) -> usize {
        let label = format!("label=com.docker.compose.project={}", self.project.name());
        let mut docker = self.project.engine().docker();
        // Counted in whole seconds, so that the one that has just begun would be left out.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs() + 1;
        docker.args([
            "events",
            "--since",
            "10m",
            "--until",
            &now.to_string(),
            "--filter",
            "event=start",
            "--filter",
            &label,
        ]);
        let events = Finished::run(&mut docker).and_then(Finished::success).expect("the engine tells its events");
        events.stdout.lines().count()
    }
}

/// For what is waited for.
fn holds(condition: bool, what: &str) -> std::io::Result<()> {
    if condition { Ok(()) } else { Err(std::io::Error::other(what.to_owned())) }
}

fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn send(signal: &str, child: &Child) {
    Finished::run(Command::new("kill").args([signal, &child.id().to_string()]))
        .and_then(Finished::success)
        .expect("the process is there");
}

fn one_web(project: &Project<'_>) -> String {
    web_on(project.port(0))
}

#[test]
fn the_second_of_two_at_once_is_refused_and_the_first_heals() {
    let held = Held::new(one_web, &["web"]);
    let first = held.begin();
    let second = held.run(&HEAL);
    insist(&second, 6, &["another `repair` is at work on this target", &format!("process {}", first.id())]);
    // Looking is no effect and stays possible.
    insist(&held.run(&[]), 3, &["web"]);

    held.release();
    let output = first.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(held.starts(), 1);
    insist_verified(&held.project);
    wait_for(5, || http_get(held.project.port(1), "/ready")).expect("it answers on the next port");
}

#[test]
fn another_state_folder_does_not_open_a_second_door() {
    let held = Held::new(one_web, &["web"]);
    let first = held.begin();
    let other = held.project.dir().with_file_name("other-state");
    let second = Finished::run(held.command(&HEAL).env("REPAIR_STATE_DIR", other)).expect("repair starts");
    insist(&second, 6, &["holds a lock on the project directory"]);
    held.release();
    let output = first.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// Kills the first `repair` in the middle of its `up`, shows that the target stays busy, and lets the `up` end after
/// `meanwhile`, whose result lives as long as the caller wants.
fn killed_in_the_middle<T>(held: &Held, meanwhile: impl FnOnce() -> T) -> T {
    let mut first = held.begin();
    let meanwhile = meanwhile();
    first.kill().and_then(|()| first.wait()).expect("it is killed");
    insist(&held.run(&HEAL), 3, &["its process is gone and its effect still runs", "`repair resume 2"]);
    let sessions = held.run(&["sessions", "--json"]);
    insist(&sessions, 0, &["\"state\": \"stale\""]);
    assert_eq!(held.starts(), 0, "nothing was started past the brake");

    held.release();
    wait_for(20, || Ok(holds(held.project.container("web")?.status == "running", "Compose has not started it yet")?))
        .expect("the effect outlives the program that started it");
    meanwhile
}

#[test]
fn an_up_that_outlives_its_killed_repair_is_settled_and_not_repeated() {
    let held = Held::new(one_web, &["web"]);
    killed_in_the_middle(&held, || ());
    let container = held.project.container("web").expect("it runs");
    let after = held.run(&GO_ON);
    insist(&after, 0, &["had happened"]);
    assert_eq!(held.project.container("web").expect("it runs"), container, "the container is still the same");
    assert_eq!(held.starts(), 1, "there was no second start");
    let log = held.run(&["audit", "show", "--json"]).stdout;
    assert!(log.contains("\"by\": \"probe\""), "{log}");
    insist_verified(&held.project);
    // Settled once is settled for good.
    let again = held.run(&HEAL);
    insist(&again, 0, &["nothing to heal"]);
    assert!(!again.stderr.contains("had happened"), "{again}");
}

#[test]
fn a_killed_heal_of_a_project_that_is_still_broken_goes_on_where_it_was() {
    let compose = |project: &Project<'_>| {
        let broken = format!(
            "  late:\n    image: {}\n    ports:\n      - \"{}:80\"\n",
            repair_test_support::WEB,
            project.port(20)
        );
        web_on(project.port(0)) + &broken
    };
    let held = Held::new(compose, &["web"]);
    // Another port is taken while the first `repair` is at work, so that its `up` comes to nothing for one service.
    let taken = held.project.port(20);
    let _taken = killed_in_the_middle(&held, || {
        HeldPort::by_another_process(held.project.engine(), taken).expect("it was free")
    });
    let web = held.project.container("web").expect("it runs");

    let after = held.run(&GO_ON);
    insist(&after, 0, &["had not happened", "healed and verified"]);
    assert_eq!(held.project.container("web").expect("it runs"), web, "what the first `up` started is left alone");
    assert_eq!(held.project.container("late").expect("it runs").status, "running");
    assert_eq!(held.starts(), 2, "one start for each service: {after}");
    insist_verified(&held.project);
}

#[test]
fn ctrl_c_in_the_middle_of_an_effect_ends_it_and_is_recorded() {
    let held = Held::new(one_web, &["web"]);
    let first = held.begin();
    let asked = Instant::now();
    send("-INT", &first);
    let output = first.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(asked.elapsed() < Duration::from_secs(15), "it took {:?}", asked.elapsed());
    assert_eq!(held.starts(), 0, "the effect was ended before it started anything");
    insist(&held.run(&["sessions"]), 0, &["suspended"]);
    insist_verified(&held.project);

    // The edit is done and the container is not started; the session goes on with exactly that, under the yes that it has.
    held.release();
    insist(&held.run(&GO_ON), 0, &["1 of 2 steps", "healed and verified"]);
    assert_eq!(held.starts(), 1);
    wait_for(5, || http_get(held.project.port(1), "/ready")).expect("it answers on the next port");
    insist_verified(&held.project);
}

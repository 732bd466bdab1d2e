//! What a person and a program meet when a session waits: the question at the start and its answers, the choices beforehand,
//! refusals with their reasons, a look that changes nothing, and what others did meanwhile. Real engine; sessions are killed
//! by SIGKILL at a named point.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

mod held_port;
mod scenario;
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use expectrl::ControlCode;
use held_port::{broken, file, has_moved};
use repair_test_support::{Finished, HeldPort, Project};
use scenario::{HEAL, document, no_session, repair, sound, text};
use serde_json::Value;
use terminal::{QUESTION, Terminal};

/// Runs `repair` with `args` until it is killed at `point`.
fn killed_at(project: &Project<'_>, point: &str, args: &[&str]) {
    let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
    command.env("REPAIR_FAULT", format!("kill@{point}")).env("REPAIR_STATE_DIR", project.state_dir()).args(args);
    let finished = Finished::run(&mut command).expect("repair starts");
    assert_eq!(finished.code, None, "it was not killed at {point}: {finished}");
}

/// A heal that was killed between its edit and its `up`.
fn killed_half_way() -> (Project<'static>, HeldPort) {
    let (project, held) = broken();
    killed_at(&project, "line-written:checkpoint", &HEAL);
    (project, held)
}

fn sessions(project: &Project<'_>) -> Vec<Value> {
    document(project, 0, &["sessions"]).as_array().expect("a list").clone()
}

/// The id of the only session.
fn only_session(project: &Project<'_>) -> String {
    let sessions = sessions(project);
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    text(&sessions[0], "/id").to_owned()
}

/// Every file below `folder` with its bytes and the time of its last change.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it can be listed") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let changed = path.metadata().and_then(|it| it.modified()).expect("it has a time");
                found.insert(path.clone(), (fs::read(&path).expect("it can be read"), changed));
            }
        }
    }
    found
}

/// `repair --self-heal=preview` at a terminal.
fn at_a_terminal(project: &Project<'_>) -> Terminal {
    Terminal::start(project, &HEAL[..1])
}

const START: &str = "[q]uit: ";

#[test]
fn the_start_shows_what_waits_and_each_answer_does_what_it_says() {
    let (project, _held) = killed_half_way();
    let id = only_session(&project);
    let mut terminal = at_a_terminal(&project);
    terminal.until(START);
    for word in ["Sessions that wait", &id, "execution, running, docker-port-conflict", "ago, by "] {
        assert!(terminal.seen.contains(word), "{word}: {}", terminal.seen);
    }
    terminal.answer("what?");
    terminal.until(START);
    assert!(terminal.seen.contains("is no answer"), "{}", terminal.seen);
    terminal.answer("v");
    terminal.until(START);
    assert!(terminal.seen.contains("step 1"), "{}", terminal.seen);
    terminal.answer("q");
    let (_, seen) = terminal.end();
    assert!(seen.contains("nothing was begun"), "{seen}");

    let mut terminal = at_a_terminal(&project);
    terminal.until(START);
    terminal.answer("r");
    let (_, seen) = terminal.end();
    assert!(seen.contains("1 of 2 steps") && seen.contains("healed and verified"), "{seen}");
    assert_eq!(only_session(&project), id, "it was the same session");
    has_moved(&project);
}

#[test]
fn a_new_session_at_the_terminal_takes_the_place_of_what_waits() {
    let (project, _held) = broken();
    killed_at(&project, "line-written:diagnosed", &HEAL);
    let mut terminal = at_a_terminal(&project);
    terminal.until(START);
    terminal.answer("n");
    terminal.until(QUESTION);
    terminal.answer("yes");
    terminal.end();
    let sessions = sessions(&project);
    assert_eq!((text(&sessions[0], "/status"), text(&sessions[1], "/status")), ("aborted", "healed"));
    assert!(text(&sessions[0], "/reason").contains("superseded by session"), "{sessions:#?}");
    has_moved(&project);
}

#[test]
fn without_a_terminal_and_without_a_choice_nothing_begins() {
    let (project, _held) = killed_half_way();
    let id = only_session(&project);
    let before = everything(&project.state_dir());
    let refused = document(&project, 3, &HEAL);
    assert!(text(&refused, "/error/what").contains("an interrupted session waits"), "{refused:#}");
    let hints = refused["error"]["hints"].to_string();
    assert!(hints.contains(&format!("repair resume {id}")) && hints.contains("--new"), "{hints}");
    // A wrapped command is not even run.
    let wrapped = repair(&project, &["--self-heal=preview", "--", "touch", "was-run"]);
    assert_eq!(wrapped.code, Some(3), "{wrapped}");
    assert!(!project.dir().join("was-run").exists());
    let looked = document(&project, 3, &[]);
    assert_eq!(text(&looked, "/waiting/0/id"), id);
    assert_eq!(text(&looked, "/waiting/0/process/state"), "dead");
    assert_eq!(everything(&project.state_dir()), before, "reading commands write nothing");
    document(&project, 0, &["--self-heal=preview", "--yes", &format!("--resume={id}")]);
    has_moved(&project);
}

#[test]
fn a_program_says_beforehand_that_it_wants_a_new_session() {
    let (project, _held) = broken();
    killed_at(&project, "line-written:granted", &HEAL);
    let report = document(&project, 0, &["--self-heal=preview", "--yes", "--new"]);
    assert_eq!(report["result"], "healed", "{report:#}");
    let sessions = sessions(&project);
    assert_eq!((text(&sessions[0], "/status"), text(&sessions[1], "/status")), ("aborted", "healed"));
    sound(&project);
}

#[test]
fn resuming_without_anything_that_waits_begins_anew_or_says_so() {
    let (project, _held) = broken();
    for (args, words) in [
        (["resume"].as_slice(), "no session of this project waits"),
        (&["resume", "20200101-000000-00000000"], "no session"),
        (&["--self-heal=preview", "--yes", "--resume=20200101"], "no session"),
    ] {
        let refused = document(&project, 2, args);
        assert!(text(&refused, "/error/what").contains(words), "{refused:#}");
    }
    no_session(&project);
    let report = document(&project, 0, &["--self-heal=preview", "--yes", "--resume"]);
    assert_eq!(report["result"], "healed", "{report:#}");
    let over = document(&project, 2, &["resume", text(&report, "/session")]);
    assert!(text(&over, "/error/what").contains("is over: healed"), "{over:#}");
    has_moved(&project);
}

#[test]
fn a_dry_run_tells_what_would_happen_and_leaves_every_byte_as_it_is() {
    let (project, _held) = broken();
    killed_at(&project, "effect-ended:remap-port", &HEAL);
    let id = only_session(&project);
    let before = (everything(&project.state_dir()), everything(project.dir()));
    let told = document(&project, 0, &["resume", "--dry-run"]);
    assert_eq!((everything(&project.state_dir()), everything(project.dir())), before);
    assert_eq!(text(&told, "/handover/session"), id);
    assert_eq!(text(&told, "/handover/steps/0/status"), "started");
    let would = told["would"].to_string();
    for word in ["take it over from a lost process", "had happened"] {
        assert!(would.contains(word), "{word}: {told:#}");
    }
    assert!(text(&told, "/handover/unknown/0").contains("whether step 1"), "{told:#}");
    document(&project, 0, &["resume", &id, "--yes"]);
    has_moved(&project);
}

#[test]
fn the_handover_names_goal_progress_dirt_and_next_step() {
    let (project, _held) = killed_half_way();
    let id = only_session(&project);
    let handover = document(&project, 0, &["show", &id, "--handover"]);
    assert!(text(&handover, "/goal").contains("docker-port-conflict"), "{handover:#}");
    assert_eq!(handover["done"], 1);
    assert!(text(&handover, "/next").contains("step 2"), "{handover:#}");
    assert_eq!(text(&handover, "/files/0/standing"), "as-written");
    let edited = project.read("compose.yaml").expect("a file") + "# by hand\n";
    project.write("compose.yaml", &edited).expect("it can be written");
    let handover = document(&project, 0, &["show", &id, "--handover"]);
    assert_eq!(text(&handover, "/files/0/standing"), "foreign");
    assert!(handover["warnings"].to_string().contains("changed by somebody else"), "{handover:#}");
}

#[test]
fn a_yes_from_before_the_crash_is_void_once_the_target_changed() {
    let (project, _held) = broken();
    let planned = document(&project, 4, &["plan"]);
    let digest = text(&planned, "/plan/digest").to_owned();
    document(&project, 0, &["approve", &digest]);
    killed_at(&project, "line-written:resumed", &["apply", &digest]);
    let edited = format!("# by hand\n{}", file(project.port(0)));
    project.write("compose.yaml", &edited).expect("it can be written");
    let report = document(&project, 4, &["resume"]);
    assert_ne!(text(&report, "/plan/digest"), digest, "a new plan is asked for: {report:#}");
    assert_eq!(project.read("compose.yaml").expect("a file"), edited);
    sound(&project);
}

#[test]
fn a_yes_from_elsewhere_counts_while_the_question_stands() {
    let (project, _held) = broken();
    let mut terminal = at_a_terminal(&project);
    terminal.until(QUESTION);
    let waiting = sessions(&project);
    assert_eq!(text(&waiting[0], "/status"), "awaiting-approval");
    assert_eq!(text(&waiting[0], "/process/state"), "running");
    let second = repair(&project, &HEAL);
    assert_eq!(second.code, Some(6), "{second}");
    document(&project, 0, &["approve", text(&waiting[0], "/plan")]);
    // The person leaves without an answer of their own.
    terminal.press(ControlCode::EndOfTransmission);
    let (_, seen) = terminal.end();
    assert!(seen.contains("healed and verified"), "{seen}");
    has_moved(&project);
}

#[test]
fn a_session_given_up_while_the_question_stands_does_nothing() {
    let (project, _held) = broken();
    let mut terminal = at_a_terminal(&project);
    terminal.until(QUESTION);
    document(&project, 0, &["abort", &only_session(&project)]);
    terminal.answer("yes");
    let (_, seen) = terminal.end();
    assert!(seen.contains("gave this session up"), "{seen}");
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(0)));
    assert_eq!(text(&sessions(&project)[0], "/status"), "aborted");
    sound(&project);
}

#[test]
fn a_lost_session_can_be_given_up_and_says_what_stays_unknown() {
    let (project, _held) = broken();
    killed_at(&project, "effect-intended:remap-port", &HEAL);
    let given_up = document(&project, 0, &["abort", &only_session(&project)]);
    assert_eq!(given_up["unknown_step"], 1);
    let report = document(&project, 0, &HEAL);
    assert_eq!(report["result"], "healed", "{report:#}");
    // The tool is told of the try that nobody settled, and takes another port than that.
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(2)));
    sound(&project);
}

#[test]
fn the_projection_follows_the_session_and_is_never_believed() {
    let (project, _held) = broken();
    project
        .write("repair.toml", "[projection]\npath = \".azure/deployments/{id}/tracking/phase-state.json\"\n")
        .expect("it can be written");
    killed_at(&project, "line-written:checkpoint", &HEAL);
    let id = only_session(&project);
    let target = fs::read_dir(project.state_dir().join("targets")).expect("targets").next().expect("one");
    let inside = target.expect("it can be read").path().join("sessions").join(&id).join("phase-state.json");
    let asked_for = project.dir().join(format!(".azure/deployments/{id}/tracking/phase-state.json"));
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect("it is there")).expect("it is JSON") };
    for path in [&inside, &asked_for] {
        let state = read(path);
        assert_eq!(text(&state, "/status"), "in-progress", "{state:#}");
        assert_eq!(text(&state, "/phase"), "execution", "{state:#}");
        fs::write(path, b"{\"status\":\"completed\"").expect("it can be damaged");
    }
    assert_eq!(text(&sessions(&project)[0], "/status"), "running", "the log tells, and nothing else");
    document(&project, 0, &["resume", "--yes"]);
    for path in [&inside, &asked_for] {
        let state = read(path);
        assert_eq!(text(&state, "/status"), "completed", "{state:#}");
        assert_eq!(state["lastCompletedStep"], 2);
        assert_eq!(text(&state, "/deploymentId"), id);
    }
    sound(&project);
}

#[test]
fn another_project_name_opens_no_new_budget() {
    let (project, _held) = broken();
    project.write("../config/repair/policy/bounds.toml", "attempts_per_class_max = 3\n").expect("it can be written");
    let first = document(&project, 0, &HEAL);
    assert_eq!(first["result"], "healed", "{first:#}");
    project.down().expect("it can be taken down");
    project.write("compose.yaml", &file(project.port(0))).expect("it can be written");
    let other = format!("{}-again", project.name());
    let up = project.compose(["-p", &other, "up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");
    let options = [HEAL.as_slice(), &["-p", &other]].concat();
    let second = document(&project, 3, &options);
    let down = project.compose(["-p", &other, "down", "--remove-orphans"]).expect("compose runs");
    assert!(text(&second, "/reason").contains("attempts_per_class_max is 3"), "{second:#}");
    assert!(down.succeeded(), "{down}");
}

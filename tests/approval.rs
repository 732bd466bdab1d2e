//! A person's yes: where it is given, what it binds, and what makes it void; and that nothing foreign reaches a terminal
//! raw on the way to it.

mod held_port;
mod scenario;
mod terminal;

use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::Duration;

use expectrl::ControlCode;
use held_port::{broken, file, has_moved};
use repair_test_support::{Engine, Finished, Project, http_get, is_free, wait_for};
use scenario::{HEAL, document, fails_to_start, no_session, repair, sound, text, web_project};
use terminal::{QUESTION, Terminal};

/// Heals, and asks.
const ASK: [&str; 1] = [HEAL[0]];

/// The digest of a new plan that waits for a yes.
fn planned(project: &Project<'_>) -> String {
    let report = document(project, 4, &["plan"]);
    assert_eq!(report["result"], "awaiting-approval");
    text(&report, "/plan/digest").to_owned()
}

fn approved(project: &Project<'_>) -> String {
    let digest = planned(project);
    let approved = document(project, 0, &["approve", &digest]);
    assert_eq!(approved["built_in"], true);
    let session = text(&document(project, 0, &["sessions"]), "/0/id").to_owned();
    let shown = document(project, 0, &["show", &session]);
    assert_eq!(shown["tool"], approved["tool"], "exactly which component proposed it");
    assert_eq!(text(&shown, "/tool/component").len(), 64);
    digest
}

fn untouched(project: &Project<'_>) {
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(0)));
    assert_eq!(project.container("web").expect("the leftover").status, "created");
    sound(project);
}

#[test]
fn without_a_terminal_the_exact_commands_are_printed_and_they_work() {
    let (project, _held) = broken();
    let waiting = repair(&project, &ASK);
    assert_eq!(waiting.code, Some(4), "{waiting}");
    untouched(&project);
    let commands: Vec<Vec<&str>> = waiting
        .stdout
        .lines()
        .filter_map(|line| line.trim().strip_prefix("repair "))
        .map(|command| command.split(' ').collect())
        .collect();
    assert_eq!(commands.iter().map(|words| words[0]).collect::<Vec<_>>(), ["approve", "apply"], "{waiting}");
    for command in commands {
        let ran = repair(&project, &command);
        assert!(ran.succeeded(), "{ran}");
    }
    has_moved(&project);
}

#[test]
fn a_plan_heals_once_it_is_approved_and_only_once() {
    let (project, _held) = broken();
    let digest = planned(&project);
    untouched(&project);
    document(&project, 0, &["approve", &digest[..12]]);
    untouched(&project);
    assert_eq!(document(&project, 0, &["apply", &digest])["result"], "healed");
    has_moved(&project);

    let again = repair(&project, &["apply", &digest]);
    assert_eq!(again.code, Some(3), "{again}");
    assert!(again.stderr.contains("no session of this target waits with a plan"), "{again}");
    let again = repair(&project, &["approve", &digest]);
    assert_eq!(again.code, Some(2), "{again}");
    has_moved(&project);
}

#[test]
fn a_plan_without_an_approval_is_not_applied() {
    let (project, _held) = broken();
    let digest = planned(&project);
    let refused = repair(&project, &["apply", &digest]);
    assert_eq!(refused.code, Some(4), "{refused}");
    for expected in ["is not approved", &format!("repair approve {digest}")] {
        assert!(refused.stderr.contains(expected), "`{expected}` is missing: {refused}");
    }
    untouched(&project);
}

#[test]
fn a_yes_on_the_command_line_is_recorded_as_such() {
    let (project, _held) = broken();
    let report = document(&project, 0, &HEAL);
    let shown = repair(&project, &["show", text(&report, "/session")]);
    assert!(shown.stdout.contains("by --yes; used"), "{shown}");
    has_moved(&project);
}

#[test]
fn an_unknown_digest_is_neither_approved_nor_applied() {
    let (project, _held) = broken();
    planned(&project);
    for (command, code) in [("approve", 2), ("apply", 3)] {
        let refused = repair(&project, &[command, "00000000deadbeef"]);
        assert_eq!(refused.code, Some(code), "{refused}");
        assert!(refused.stderr.contains("repair sessions"), "{refused}");
    }
    untouched(&project);
}

#[test]
fn an_approval_expires_and_is_asked_for_again() {
    let (project, _held) = broken();
    project.write("../config/repair/policy/bounds.toml", "grant_seconds_max = 1\n").expect("bounds can be written");
    let digest = approved(&project);
    std::thread::sleep(Duration::from_secs(2));
    let report = document(&project, 4, &["apply", &digest]);
    assert_eq!(report["result"], "awaiting-approval", "{report:#}");
    let session = repair(&project, &["show", text(&report, "/session")]);
    assert!(session.stdout.contains("void: the approval expired"), "{session}");
    untouched(&project);
}

#[test]
fn a_file_edited_after_the_approval_voids_it() {
    let (project, _held) = broken();
    let digest = approved(&project);
    let edited = format!("# by hand\n{}", file(project.port(0)));
    project.write("compose.yaml", &edited).expect("its file can be written");
    let report = document(&project, 4, &["apply", &digest]);
    assert_ne!(text(&report, "/plan/digest"), digest, "a new plan takes the place of the stale one");
    assert_eq!(project.read("compose.yaml").expect("a file"), edited);
    let session = repair(&project, &["show", text(&report, "/session")]);
    assert!(session.stdout.contains("void: the target changed after the approval"), "{session}");

    // The new plan heals the edited file.
    let digest = text(&report, "/plan/digest");
    document(&project, 0, &["approve", digest]);
    assert_eq!(document(&project, 0, &["apply", digest])["result"], "healed");
    assert_eq!(project.read("compose.yaml").expect("a file"), format!("# by hand\n{}", file(project.port(1))));
    sound(&project);
}

#[test]
fn a_policy_changed_after_the_approval_voids_it() {
    let (project, _held) = broken();
    let digest = approved(&project);
    project.write("../config/repair/policy/bounds.toml", "rounds_max = 3\n").expect("bounds can be written");
    let report = document(&project, 4, &["apply", &digest]);
    assert_ne!(text(&report, "/plan/digest"), digest);
    untouched(&project);
    let session = repair(&project, &["show", text(&report, "/session")]);
    assert!(session.stdout.contains("void: the policy changed after the approval"), "{session}");
}

#[test]
fn a_policy_changed_before_the_approval_refuses_it() {
    let (project, _held) = broken();
    let digest = planned(&project);
    project.write("../config/repair/policy/bounds.toml", "rounds_max = 3\n").expect("bounds can be written");
    let refused = repair(&project, &["approve", &digest]);
    assert_eq!(refused.code, Some(5), "{refused}");
    assert!(refused.stderr.contains("the policy changed after the plan was made"), "{refused}");
    untouched(&project);
}

#[test]
fn a_holder_that_went_away_after_the_approval_voids_it() {
    let (project, held) = broken();
    let digest = approved(&project);
    drop(held);
    let report = document(&project, 3, &["apply", &digest]);
    // Nobody holds the port any more, so nothing is to be moved: a person is told to start the service.
    assert!(report["next_steps"].to_string().contains("docker compose up"), "{report:#}");
    untouched(&project);
}

/// A process with escape sequences in its name.
struct Disguised(Child);

impl Drop for Disguised {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Disguised {
    fn hold(project: &Project<'_>, port: u16) -> Self {
        let program = project.dir().with_file_name("busybox\u{1b}[2J\u{202e}");
        symlink(Engine::shared().busybox(), &program).expect("a link can be made");
        let mut command = project.command(program);
        command.args(["nc", "-ll", "-p", &port.to_string(), "-e", "true"]).stdin(Stdio::null()).stdout(Stdio::null());
        let process = Self(command.stderr(Stdio::null()).spawn().expect("busybox starts"));
        for _ in 0..500 {
            if !is_free(port) {
                return process;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("busybox does not listen on port {port}");
    }
}

#[test]
fn foreign_text_reaches_nobody_raw() {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(project.port(0))).expect("its file can be written");
    let _held = Disguised::hold(&project, project.port(0));
    fails_to_start(&project);
    // `repair` of the scenarios checks every byte of these.
    let waiting = repair(&project, &ASK);
    assert_eq!(waiting.code, Some(4), "{waiting}");
    assert!(waiting.stdout.contains("busybox\\u{1b}[2J\\u{202e}"), "{waiting}");
    document(&project, 3, &ASK);
    repair(&project, &["sessions"]);
    document(&project, 0, &["audit", "show"]);
    untouched(&project);
}

#[test]
fn what_a_wrapped_command_printed_is_quoted_escaped() {
    let (project, _held) = broken();
    let port = project.port(0);
    let script = format!(
        "printf '\\033[2J\\342\\200\\256 Bind for 0.0.0.0:{port} failed: port is already allocated\\n' >&2; exit 7"
    );
    let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
    command.arg("--self-heal=preview").arg("--state-dir").arg(project.state_dir()).args(["--", "sh", "-c", &script]);
    let waiting = Finished::run(&mut command).expect("repair starts");
    assert_eq!(waiting.code, Some(4), "{waiting}");
    let raw = |said: &str| said.contains(['\u{1b}', '\u{202e}']);
    // The command's own output is passed through as it is; everything behind it is said by `repair`.
    let (passed, own) = waiting.stderr.split_once("repair: ").expect("progress");
    assert!(raw(passed) && !raw(own) && !raw(&waiting.stdout), "{waiting:?}");
    assert!(waiting.stdout.contains("\\u{202e} Bind for"), "{waiting}");
    untouched(&project);
}

/// `repair --self-heal=preview` at a terminal, up to its question.
fn asked(project: &Project<'_>) -> Terminal {
    let mut terminal = Terminal::start(project, &ASK);
    terminal.until(QUESTION);
    terminal
}

#[test]
fn a_yes_at_the_terminal_heals() {
    let (project, held) = broken();
    let mut terminal = asked(&project);
    for (answer, expected) in [("what?", "is no answer"), ("v", "component"), ("e", "One yes covers the whole plan")] {
        terminal.answer(answer);
        terminal.until(expected);
        terminal.until(QUESTION);
    }
    terminal.answer("y");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    for expected in ["What failed", "docker-port-conflict", &format!("kill {}", held.pid()), "reversible", "healed"] {
        assert!(seen.contains(expected), "`{expected}` is missing: {seen}");
    }
    has_moved(&project);
}

#[test]
fn a_no_at_the_terminal_changes_nothing() {
    let (project, _held) = broken();
    let mut terminal = asked(&project);
    terminal.answer("n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 3, "{seen}");
    assert!(seen.contains("nothing was done, as you said"), "{seen}");
    untouched(&project);
}

#[test]
fn another_place_for_the_change_can_be_chosen_at_the_terminal() {
    let (project, _held) = broken();
    let mut terminal = asked(&project);
    terminal.answer("o");
    terminal.until("Enter to go back: ");
    terminal.answer("1");
    terminal.until(QUESTION);
    terminal.answer("y");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(0)));
    let written = project.read("compose.override.yaml").expect("an override file");
    assert!(written.contains("!override"), "{written}");
    wait_for(5, || http_get(project.port(1), "/ready")).expect("the service answers");
    sound(&project);
}

#[test]
fn an_interrupt_at_the_question_leaves_a_session_that_says_so() {
    let (project, _held) = broken();
    let mut terminal = asked(&project);
    terminal.press(ControlCode::EndOfText);
    let (code, seen) = terminal.end();
    assert_eq!(code, 130, "{seen}");
    let sessions = document(&project, 0, &["sessions"]);
    let shown = repair(&project, &["show", text(&sessions, "/0/id")]);
    assert!(shown.succeeded() && shown.stdout.contains("interrupted"), "{shown}");
    untouched(&project);

    // The next run shows it, goes on with it, and heals.
    let mut terminal = Terminal::start(&project, &ASK);
    terminal.until("[q]uit: ");
    assert!(terminal.seen.contains("approval, suspended"), "{}", terminal.seen);
    terminal.answer("r");
    terminal.until(QUESTION);
    terminal.answer("yes");
    assert_eq!(terminal.end().0, 0);
    let sessions = document(&project, 0, &["sessions"]);
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "the same session healed: {sessions:#}");
    has_moved(&project);
}

#[test]
fn a_project_without_a_failure_is_never_asked_about() {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(project.port(0))).expect("its file can be written");
    project.compose(["up", "--detach"]).and_then(Finished::success).expect("it starts");
    assert_eq!(document(&project, 0, &["plan"])["result"], "healthy");
    no_session(&project);
}

//! A log that was tampered with, cut or taken away: `audit verify` names the place, and nothing is done on top of it.
//! Real engine: the log is that of a real heal.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

#[path = "bad_input_support/mod.rs"]
mod ground;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ground::{GO_ON, HEAL, expect, fail_up, insist, insist_verified, repair, repair_command, web_on};
use repair_test_support::{Engine, Finished, HeldPort, Project};

/// A project that was healed once and then broke again, so that there is something to heal.
struct Healed {
    project: Project<'static>,
    _port: HeldPort,
}

impl Healed {
    fn new() -> Self {
        let project = Project::new(Engine::shared()).expect("a project can be made");
        let broken = web_on(project.port(0));
        project.write("compose.yaml", &broken).expect("the file can be written");
        let port = fail_up(&project, &["web"]);
        expect(&project, &HEAL, 0, &["healed and verified"]);
        insist_verified(&project);
        project.down().expect("it can be taken down");
        project.write("compose.yaml", &broken).expect("the file can be written");
        let up = project.compose(["up", "--detach"]).expect("compose runs");
        assert!(!up.succeeded(), "the port was not taken: {up}");
        Self { project, _port: port }
    }

    /// A copy of the state folder under a name of its own.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.project.dir().with_file_name(name);
        Finished::run(Command::new("cp").arg("--archive").arg(self.project.state_dir()).arg(&copy))
            .and_then(Finished::success)
            .expect("it can be copied");
        copy
    }

    fn run(&self, state: &Path, args: &[&str]) -> Finished {
        Finished::run(repair_command(&self.project).env("REPAIR_STATE_DIR", state).args(args)).expect("repair starts")
    }

    /// Insists that the log in `state` is found to be damaged, with `words`, and that nothing is done because of that.
    fn insist_damaged(&self, state: &Path, words: &[&str]) {
        insist(&self.run(state, &["audit", "verify"]), 7, words);
        let files = self.project.read("compose.yaml").expect("it is there");
        let containers = self.project.containers().expect("the engine answers");
        let log = fs::read(log_in(state)).ok();
        for args in [HEAL.as_slice(), &GO_ON, &["plan"]] {
            insist(&self.run(state, args), 7, &["audit verify"]);
        }
        assert_eq!(self.project.read("compose.yaml").expect("it is there"), files);
        assert_eq!(self.project.containers().expect("the engine answers"), containers);
        assert_eq!(fs::read(log_in(state)).ok(), log, "a damaged log is not written to");
    }
}

/// The only log in a state folder, whether it is still there or not.
fn log_in(state: &Path) -> PathBuf {
    let mut targets = fs::read_dir(state.join("targets")).expect("there are targets");
    let target = targets.next().expect("there is one").expect("it can be read").path();
    assert!(targets.next().is_none(), "there is only one");
    target.join("log.jsonl")
}

fn lines(log: &[u8]) -> Vec<Vec<u8>> {
    log.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn one_flipped_bit_is_found_at_its_place_wherever_it_is() {
    let healed = Healed::new();
    let log = fs::read(log_in(&healed.project.state_dir())).expect("the log is there");
    let lines = lines(&log);
    let last = lines.len() - 1;
    for (line, numerator) in [(0, 1), (0, 9), (1, 5), (last / 2, 3), (last / 2, 8), (last - 1, 5), (last, 2), (last, 9)]
    {
        let before: usize = lines[..line].iter().map(Vec::len).sum();
        let at = before + lines[line].len() * numerator / 10;
        let mut damaged = log.clone();
        damaged[at] ^= 1;
        let state = healed.copy(&format!("flipped-{at}"));
        fs::write(log_in(&state), &damaged).expect("it can be written");
        healed.insist_damaged(&state, &["DOES NOT VERIFY", &format!("line {} (", line + 1)]);
    }
}

#[test]
fn a_flipped_bit_at_the_end_of_a_line_is_found_too() {
    let healed = Healed::new();
    let state = healed.copy("no-end");
    let mut log = fs::read(log_in(&state)).expect("the log is there");
    let end = log.iter().position(|byte| *byte == b'\n').expect("lines have ends");
    log[end] ^= 1;
    fs::write(log_in(&state), &log).expect("it can be written");
    healed.insist_damaged(&state, &["DOES NOT VERIFY", "line 1 ("]);
}

#[test]
fn a_removed_line_is_found_where_it_was() {
    let healed = Healed::new();
    let lines = lines(&fs::read(log_in(&healed.project.state_dir())).expect("the log is there"));
    for removed in [0, 1, lines.len() / 2, lines.len() - 2] {
        let state = healed.copy(&format!("removed-{removed}"));
        let mut left = lines.clone();
        left.remove(removed);
        fs::write(log_in(&state), left.concat()).expect("it can be written");
        healed.insist_damaged(&state, &["DOES NOT VERIFY", &format!("line {} (", removed + 1)]);
    }
}

#[test]
fn a_cut_tail_is_found_by_the_signed_head() {
    let healed = Healed::new();
    let lines = lines(&fs::read(log_in(&healed.project.state_dir())).expect("the log is there"));
    let kept = lines.len() - 1;
    for kept in [kept, kept - 2, 1] {
        let state = healed.copy(&format!("cut-{kept}"));
        fs::write(log_in(&state), lines[..kept].concat()).expect("it can be written");
        healed.insist_damaged(&state, &["DOES NOT VERIFY", &lines.len().to_string()]);
    }
    // The same in the middle of a line that the head is signed over: that is no write that was cut short.
    let state = healed.copy("cut-inside");
    let mut log = lines.concat();
    log.truncate(log.len() - lines[kept].len() / 2);
    fs::write(log_in(&state), log).expect("it can be written");
    healed.insist_damaged(&state, &["DOES NOT VERIFY"]);
}

#[test]
fn an_unfinished_line_after_the_signed_head_is_set_aside_and_recorded() {
    let healed = Healed::new();
    let state = healed.project.state_dir();
    let mut log = fs::read(log_in(&state)).expect("the log is there");
    let whole = log.len();
    log.extend_from_slice(b"{\"v\":1,\"seq\":");
    fs::write(log_in(&state), &log).expect("it can be written");
    let seen = expect(&healed.project, &["audit", "verify", "--json"], 0, &["\"unfinished_tail\": true"]);
    assert_eq!(fs::read(log_in(&state)).expect("it is there"), log, "verifying writes nothing: {seen}");

    expect(&healed.project, &HEAL, 0, &["healed and verified"]);
    let after = fs::read(log_in(&state)).expect("it is there");
    assert_eq!(after[..whole], log[..whole]);
    assert_eq!(after[whole], b'{');
    let names = fs::read_dir(log_in(&state).with_file_name("")).expect("it can be listed");
    let names: Vec<_> = names.map(|entry| entry.expect("it can be read").file_name()).collect();
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("tail-")), "{names:?}");
    expect(&healed.project, &["audit", "show"], 0, &["tail"]);
    insist_verified(&healed.project);
}

#[test]
fn a_known_target_without_its_log_is_no_fresh_start() {
    let healed = Healed::new();
    let state = healed.copy("no-log");
    fs::remove_file(log_in(&state)).expect("it can be removed");
    healed.insist_damaged(&state, &["log.jsonl", "the log of a known target is missing"]);
    // With the whole folder of the target it is the list of known targets that tells.
    let log = log_in(&state);
    let folder = log.parent().expect("it lies in a folder");
    fs::remove_dir_all(folder).expect("it can be removed");
    insist(&healed.run(&state, &["audit", "verify"]), 7, &["the log of a known target is missing"]);
    insist(&healed.run(&state, &HEAL), 7, &["the log of a known target is missing"]);
    assert!(!folder.exists(), "nothing is made anew");
}

#[test]
fn a_state_folder_inside_the_project_is_not_believed() {
    let healed = Healed::new();
    let planted = healed.copy("planted");
    for place in [".repair", ".repair/state", "state", ".local/state/repair", ".state"] {
        let place = healed.project.dir().join(place);
        fs::create_dir_all(place.parent().expect("it lies in a folder")).expect("it can be made");
        let mut copy = Command::new("cp");
        let copied = Finished::run(copy.arg("--recursive").arg("--no-target-directory").arg(&planted).arg(&place));
        copied.and_then(Finished::success).expect("it can be copied");
    }
    fs::remove_dir_all(healed.project.state_dir()).expect("it can be removed");
    expect(&healed.project, &["audit", "verify"], 2, &["no log yet"]);
    let listed = repair(&healed.project, &["sessions", "--all", "--json"]);
    assert!(!listed.stdout.contains("healed"), "{listed}");
    let again = expect(&healed.project, &HEAL, 0, &["healed and verified"]);
    let log = fs::read_to_string(log_in(&healed.project.state_dir())).expect("there is a new log");
    assert!(log.lines().next().is_some_and(|line| line.contains("log-opened")), "{again}");
    assert_eq!(log.matches("session-began").count(), 1);
}

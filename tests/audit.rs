//! The audit commands as programs, on logs that the journal itself wrote. No engine is needed.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use repair_journal::{Journal, StateDir};
use repair_model::action::Action;
use repair_model::event::{Ending, Event, Holder, Intent, Purpose, SettledBy};
use repair_model::finding::FailureClass;
use repair_model::grant::{Channel, Grant};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::outcome::Outcome;
use repair_model::target::{ComposeScope, Scope, Target};
use repair_model::tool::ToolRef;
use repair_pipeline::outside::{Clock, Durability, Log as _};
use serde_json::Value;
use tempfile::TempDir;

const PLAN: &[u8] = b"{\"steps\":[\"a plan\"]}";

/// A clock that stands still.
struct At(&'static str);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0.parse().expect("a time")
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

const LONG_AGO: &str = "2025-01-31T12:00:00Z";

/// A project with a log, and a state folder that is its own.
struct Ground {
    scratch: TempDir,
    target: Target,
}

impl Ground {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        let directory = scratch.path().canonicalize().expect("it is there").join("shop");
        fs::create_dir(&directory).expect("created");
        let file = directory.join("compose.yaml");
        fs::write(&file, "services: {}\n").expect("written");
        let target = Target {
            endpoint: "unix:///var/run/docker.sock".into(),
            directory,
            project: "shop".into(),
            scope: Scope::Compose(ComposeScope::default()),
        };
        Self { scratch, target }
    }

    fn state(&self) -> StateDir {
        StateDir::new(self.path("state"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn journal(&self) -> Journal {
        let (user, host) = ("ann".to_owned(), "here".to_owned());
        let holder = Holder { user, host, pid: 1, started: String::new(), boot: String::new() };
        let mut journal =
            Journal::open_for_session(&self.state(), &self.target, holder, Box::new(At(LONG_AGO))).expect("opened");
        journal.records().expect("verifies");
        journal
    }

    /// A session that was approved and carried out; with `granted` false, carried out without an approval.
    fn session(&self, number: u8, granted: bool) -> SessionId {
        let id = SessionId::new(At(LONG_AGO).now(), [number; 4]);
        let mut journal = self.journal();
        let plan = Digest::of(Domain::Plan, PLAN);
        let blob = journal.store(PLAN).expect("stored");
        let mut events = vec![
            Event::SessionBegan {
                version: "0.1.0".into(),
                purpose: Purpose::Heal,
                command: Vec::new(),
                target: self.target.clone(),
                evidence: None,
                supersedes: Vec::new(),
            },
            Event::Planned { round: 1, plan, blob, tool: tool(), class: FailureClass::ALL[0], steps: 1 },
        ];
        if granted {
            let nonce = format!("{number:032x}");
            events.push(Event::Granted { grant: grant(&id, plan, &nonce) });
            events.push(Event::GrantUsed { nonce });
        }
        let action = Action::RestartService { service: "web".into() };
        events.extend([
            Event::Intended { step: 0, intent: Intent::Apply { plan, action, undo: None } },
            Event::Settled { step: 0, outcome: Outcome::Done { detail: "it runs".into() }, by: SettledBy::Effect },
            Event::Ended { ending: Ending::Healed, reason: "healthy".into(), next_steps: Vec::new() },
        ]);
        for event in events {
            journal.append(Some(&id), event, Durability::Process).expect("appended");
        }
        journal.sign_head().expect("signed");
        id
    }

    fn begin_segment(&self) {
        self.journal().begin_segment(&state_of_nothing()).expect("begun");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_repair"));
        command.args(args).current_dir(&self.target.directory).env_clear();
        command.env("HOME", self.scratch.path()).env("PATH", "/nowhere");
        command.env("REPAIR_STATE_DIR", self.path("state"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it starts")
    }

    /// What was printed, when it ended as expected.
    fn said(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    fn document(&self, code: i32, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn log(&self) -> PathBuf {
        self.state().target_dir(&self.target.id()).join("log.jsonl")
    }
}

fn grant(id: &SessionId, plan: Digest, nonce: &str) -> Grant {
    let any = Digest::of(Domain::Component, b"any");
    Grant {
        plan,
        component: any,
        policy: any,
        footprint: any,
        session: id.clone(),
        approver: "ann@here".into(),
        channel: Channel::Command,
        granted_at: At(LONG_AGO).now(),
        expires_at: At(LONG_AGO).now(),
        nonce: nonce.to_owned(),
        typed: Vec::new(),
    }
}

/// The state that a history without open sessions leaves.
fn state_of_nothing() -> Vec<u8> {
    repair_pipeline::session::History::default().opening_state(At(LONG_AGO).now()).expect("encoded")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// The tool that proposes in these tests.
fn tool() -> ToolRef {
    let component = Digest::of(Domain::Component, b"tool");
    ToolRef { id: "port-conflict".to_owned(), version: "0.1.0".to_owned(), component }
}

#[test]
fn a_session_is_proven_and_checked_where_nothing_else_is() {
    let ground = Ground::new();
    ground.session(1, true);
    let id = ground.session(2, true);
    let file = ground.path("proof.json");
    let said = ground.said(0, &["audit", "prove", id.as_str(), "-o", text(&file)]);
    assert!(said.contains("session 20250131-120000-02020202"), "{said}");
    // Never over another file.
    ground.said(2, &["audit", "prove", id.as_str(), "-o", text(&file)]);

    let said = ground.said(0, &["audit", "check", text(&file)]);
    assert!(said.contains("the one of the state folder here"), "{said}");
    for words in ["by ann@here by `repair approve`; used", "restart-service web: done, it runs", "status    healed"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let key = fs::read_to_string(ground.path("state/head.pub")).expect("there");
    let elsewhere = Ground::new();
    let said = elsewhere.said(0, &["audit", "check", text(&file)]);
    assert!(said.contains("is unknown here") && said.contains(key.trim()), "{said}");
    let said = elsewhere.said(0, &["audit", "check", text(&file), "--key", key.trim()]);
    assert!(said.contains("the given one"), "{said}");
    let document =
        elsewhere.document(0, &["audit", "check", text(&file), "--key-file", text(&ground.path("state/head.pub"))]);
    assert_eq!((&document["key_is"], &document["over"]), (&"given".into(), &true.into()));
    assert_eq!(document["grants"][0]["approver"], "ann@here");
    elsewhere.said(7, &["audit", "check", text(&file), "--key", &"01".repeat(32)]);
    elsewhere.said(2, &["audit", "check", text(&file), "--key", "01"]);

    let forged = fs::read_to_string(&file).expect("read").replacen("it runs", "it ran!", 1);
    let path = ground.path("forged.json");
    fs::write(&path, forged).expect("written");
    let said = ground.said(7, &["audit", "check", text(&path)]);
    assert!(said.contains("not in the tree that was signed"), "{said}");
}

#[test]
fn an_effect_without_an_approval_proves_nothing_however_it_is_signed() {
    let ground = Ground::new();
    let id = ground.session(1, false);
    // The log does not judge, but whoever folds it does.
    assert_eq!(ground.document(0, &["audit", "verify"])[0]["verified"], true);
    let path = ground.path("proof.json");
    let state = ground.state();
    fs::write(&path, repair_journal::prove(&state, &ground.target.id(), &id).expect("proven")).expect("written");
    let said = ground.said(7, &["audit", "check", text(&path)]);
    assert!(said.contains("an effect without a grant"), "{said}");
}

#[test]
fn a_checkpoint_that_was_kept_elsewhere_shows_what_was_rewritten() {
    let ground = Ground::new();
    ground.session(1, true);
    let anchor = ground.path("anchor.txt");
    ground.said(0, &["audit", "checkpoint", "-o", text(&anchor)]);
    let note = ground.said(0, &["audit", "checkpoint"]);
    assert_eq!(note, fs::read_to_string(&anchor).expect("read"), "nothing new, so nothing is signed again");
    ground.session(2, true);
    let said = ground.said(0, &["audit", "verify", "--anchor", text(&anchor)]);
    assert!(said.contains("anchored elsewhere up to record 9"), "{said}");
    let said = ground.said(0, &["audit", "verify"]);
    assert!(said.contains("nothing is anchored elsewhere"), "{said}");

    // An older copy of the whole state folder, and a session that went another way.
    let other = Ground::new();
    other.said(2, &["audit", "verify", "--anchor", text(&anchor)]);
    let said = other.said(7, &["audit", "verify", "--all", "--anchor", text(&anchor)]);
    assert!(said.contains("removed with every trace of it"), "{said}");
    let lines = fs::read_to_string(ground.log()).expect("read");
    let kept: Vec<&str> = lines.lines().take(3).collect();
    fs::write(ground.log(), format!("{}\n", kept.join("\n"))).expect("written");
    fs::remove_file(ground.log().with_file_name("head")).expect("removed");
    ground.said(0, &["audit", "verify"]);
    let document = ground.document(7, &["audit", "verify", "--anchor", text(&anchor)]);
    assert!(document[0]["problems"][0].as_str().expect("a text").contains("vouches for 9 records"), "{document}");
    fs::write(&anchor, "no checkpoint").expect("written");
    ground.said(2, &["audit", "verify", "--anchor", text(&anchor)]);
}

#[test]
fn records_are_exported_once_each_and_followed_over_new_segments() {
    let ground = Ground::new();
    ground.session(1, true);
    let lines = ground.said(0, &["audit", "export"]);
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), 9);
    assert!(records.iter().enumerate().all(|(at, record)| record["sequence"] == at));
    assert_eq!(ground.said(0, &["audit", "export", "--from", "7"]).lines().count(), 2);
    let syslog = ground.said(0, &["audit", "export", "--format", "syslog", "--from", "8"]);
    assert!(
        syslog.starts_with("<110>1 2025-01-31T12:00:00.000000Z ") && syslog.contains(" repair - ended - {"),
        "{syslog}"
    );

    let mut command = ground.command(&["audit", "export", "--follow"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let (sender, seen) = mpsc::channel();
    let lines = BufReader::new(follower.stdout.take().expect("piped")).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let next = || {
        let line = seen.recv_timeout(Duration::from_secs(30)).expect("one more");
        serde_json::from_str::<Value>(&line).expect("JSON")["sequence"].as_u64().expect("a number")
    };
    (0..9).for_each(|expected| assert_eq!(next(), expected));
    ground.begin_segment();
    ground.session(2, true);
    (9..19).for_each(|expected| assert_eq!(next(), expected));
    let id = follower.id().to_string();
    let killed = Command::new("/bin/sh").args(["-c", &format!("kill -INT {id}")]).status().expect("it starts");
    assert!(killed.success());
    assert_eq!(follower.wait().expect("it ends").code(), Some(0));
}

#[test]
fn an_export_that_nobody_reads_any_more_ends() {
    let ground = Ground::new();
    ground.session(1, true);
    let mut follower =
        ground.command(&["audit", "export", "--follow"]).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(follower.stdout.take());
    ground.session(2, true);
    assert_eq!(follower.wait().expect("it ends").code(), Some(0));
}

#[test]
fn old_segments_are_removed_after_a_yes_and_open_sessions_are_kept() {
    let ground = Ground::new();
    ground.session(1, true);
    ground.begin_segment();
    let rule = ["audit", "gc", "--older-than-days", "30"];
    let before = fs::read(ground.log()).expect("read");
    let told = ground.document(0, &[&rule[..], &["--dry-run"]].concat());
    assert_eq!((&told[0]["segments"], &told[0]["removed"]), (&1.into(), &false.into()));
    ground.said(4, &rule);
    assert_eq!(fs::read(ground.log()).expect("read"), before);
    ground.said(0, &["audit", "gc", "--older-than-days", "30000", "--yes"]);
    assert_eq!(fs::read(ground.log()).expect("read"), before);

    let said = ground.said(0, &[&rule[..], &["--yes"]].concat());
    assert!(said.contains("are removed"), "{said}");
    assert!(!ground.log().exists());
    let said = ground.said(0, &["audit", "verify"]);
    assert!(said.contains("records before 10 were removed: older than 30 days"), "{said}");
    ground.said(0, &["sessions"]);
    ground.said(0, &["audit", "show"]);
}

#[test]
fn a_session_that_is_not_over_keeps_its_segments() {
    let ground = Ground::new();
    let id = SessionId::new(At(LONG_AGO).now(), [1; 4]);
    let began = Event::SessionBegan {
        version: "0.1.0".into(),
        purpose: Purpose::Heal,
        command: Vec::new(),
        target: ground.target.clone(),
        evidence: None,
        supersedes: Vec::new(),
    };
    let mut journal = ground.journal();
    journal.append(Some(&id), began, Durability::Power).expect("appended");
    let history = repair_pipeline::session::History::fold(journal.records().expect("verifies")).expect("folded");
    let state = history.opening_state(At(LONG_AGO).now()).expect("encoded");
    journal.begin_segment(&state).expect("begun");
    drop(journal);
    let said = ground.said(0, &["audit", "gc", "--older-than-days", "30", "--yes"]);
    assert!(said.contains("nothing is old enough") && ground.log().exists(), "{said}");
}

//! A state folder with one log that is written once, and put back before each input.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use repair_journal::{Journal, PublicKey, StateDir, checkpoint, prove, public_key, read};
use repair_model::event::{Ending, Event, Holder, Purpose, Record};
use repair_model::ids::SessionId;
use repair_model::target::{ComposeScope, Scope, Target};
use repair_pipeline::outside::{Clock, Durability, Log as _, LogError};
use tempfile::TempDir;

/// The files that are changed: the two segments, the signed head, the list of targets and the public key.
pub const FILES: [&str; 5] = ["log.jsonl", "log-000000000008.jsonl", "head", "known-targets.jsonl", "head.pub"];

/// The one of this process.
pub static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

/// A state folder.
pub struct Scene {
    pub state: StateDir,
    pub target: Target,
    /// In the order of [`FILES`].
    pub originals: Vec<Original>,
    /// The records that the head vouches for.
    pub signed: Vec<Record>,
    pub records: u64,
    /// A proof of the session.
    pub proof: Vec<u8>,
    /// The head as it was kept elsewhere.
    pub note: Vec<u8>,
    pub key: PublicKey,
    whole: BTreeMap<PathBuf, Vec<u8>>,
    scratch: TempDir,
}

/// One of the files.
pub struct Original {
    pub name: &'static str,
    pub content: Vec<u8>,
    /// Whether the head vouches for it.
    pub is_log: bool,
    path: PathBuf,
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-01-31T12:00:00.25Z".parse().expect("a time")
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

impl Scene {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        let directory = scratch.path().join("project");
        fs::create_dir(&directory).expect("created");
        let target = Target {
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            directory,
            project: "shop".to_owned(),
            scope: Scope::Compose(ComposeScope::default()),
        };
        let state = StateDir::new(scratch.path().join("state"));
        let session = SessionId::new(Still.now(), [1; 4]);
        write(&state, &target, &session);
        let id = target.id();
        let head = checkpoint(&state, &id, Box::new(Still)).expect("signed");
        let signed = read(&state, &id).expect("it verifies").records;
        let proof = prove(&state, &id, &session).expect("proven");
        let key = public_key(&state).expect("read").expect("there is one");
        let original = |name: &'static str| {
            let own = state.target_dir(&id).join(name);
            let path = if own.exists() { own } else { state.root().join(name) };
            let content = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Original { name, content, is_log: name.starts_with("log"), path }
        };
        let originals = FILES.map(original).into();
        let whole = files(state.root());
        Self {
            originals,
            records: head.size,
            signed,
            proof,
            note: head.note.into_bytes(),
            key,
            whole,
            state,
            target,
            scratch,
        }
    }

    /// Puts everything back as it was written.
    pub fn restore(&self) {
        for path in self.snapshot().keys().filter(|path| !self.whole.contains_key(*path)) {
            fs::remove_file(path).expect("removed");
        }
        for (path, content) in &self.whole {
            if fs::read(path).ok().as_ref() != Some(content) {
                put(path, content);
            }
        }
    }

    /// Puts something in the place of one of [`FILES`].
    pub fn put(&self, place: usize, content: &[u8]) {
        put(&self.originals[place].path, content);
    }

    /// Every file with its content.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        assert!(self.scratch.path().is_dir());
        files(self.state.root())
    }

    /// Whether one of the files holds exactly these bytes.
    pub fn has_file_with(&self, content: &[u8]) -> bool {
        self.snapshot().values().any(|other| other == content)
    }

    pub fn open(&self) -> Result<Journal, LogError> {
        open(&self.state, &self.target)
    }
}

/// Two segments with a session in each, and a blob.
fn write(state: &StateDir, target: &Target, session: &SessionId) {
    let mut journal = open(state, target).expect("opened");
    let evidence = journal.store(b"what was seen").expect("stored");
    let began = Event::SessionBegan {
        version: "0".to_owned(),
        purpose: Purpose::Heal,
        command: vec!["docker".to_owned(), "compose".to_owned(), "up".to_owned()],
        target: target.clone(),
        evidence: Some(evidence),
        supersedes: Vec::new(),
    };
    let mut append = |session: Option<&SessionId>, event| {
        journal.append(session, event, Durability::Process).expect("appended");
    };
    append(Some(session), began);
    append(Some(session), Event::Noted { note: "\u{1b}[31mred\n \"quoted\" ü".to_owned() });
    append(Some(session), Event::Suspended { reason: "a person is asked".to_owned() });
    append(None, Event::Noted { note: String::new() });
    let reason = "it is over".to_owned();
    append(Some(session), Event::Ended { ending: Ending::Aborted, reason, next_steps: Vec::new() });
    append(None, Event::Noted { note: "between sessions".to_owned() });
    journal.records().expect("it verifies");
    journal.begin_segment(b"everything so far").expect("begun");
    let note = Event::Noted { note: "in the second segment".to_owned() };
    journal.append(None, note, Durability::Process).expect("appended");
    journal.sign_head().expect("signed");
}

fn open(state: &StateDir, target: &Target) -> Result<Journal, LogError> {
    let pid = std::process::id();
    let started = repair_processes::started(pid).expect("it runs");
    let boot = repair_processes::boot().expect("it has one");
    let holder = Holder { user: "ann".to_owned(), host: "here".to_owned(), pid, started, boot };
    Journal::open_for_session(state, target, holder, Box::new(Still))
}

fn put(path: &Path, content: &[u8]) {
    fs::write(path, content).and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600))).expect("written");
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(path.clone(), fs::read(path).expect("read"));
            }
        }
    }
    all
}

//! Tests of the whole log: a scratch state directory, a project directory and a log with a known content.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use repair_model::event::{Ending, Event, Holder, Purpose};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::target::{ComposeScope, Scope, Target};
use repair_model::tool::ToolRef;
use repair_pipeline::outside::{Clock, Durability, Log as _, LogError};
use tempfile::TempDir;

use crate::segment::Segment;
use crate::{Journal, StateDir};

mod auditing;
mod damage;
mod faults;
mod forged;
mod heads;
mod leases;
mod proofs;
mod racing;
mod retaining;
mod segments;
mod tails;
mod writing;

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-01-31T12:00:00.25Z".parse().expect("a time")
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// A clock that stands still a hundred days later.
pub(crate) struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        "2026-05-11T12:00:00Z".parse().expect("a time")
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// A state directory and a project.
pub(crate) struct Scene {
    pub(crate) scratch: TempDir,
    pub(crate) state: StateDir,
    pub(crate) target: Target,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        let directory = scratch.path().join("project");
        std::fs::create_dir(&directory).expect("created");
        let state = StateDir::new(scratch.path().join("state"));
        Self { target: target_in(&directory), state, scratch }
    }

    /// A log with two sessions' worth of lines, nothing signed, nobody holding it.
    pub(crate) fn with_lines(count: usize) -> Self {
        let scene = Self::new();
        let mut journal = scene.open();
        for number in 0..count {
            journal.append(Some(&session()), noted(&format!("note {number}")), Durability::Process).expect("appended");
        }
        scene
    }

    pub(crate) fn id(&self) -> Digest {
        self.target.id()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.state.target_dir(&self.id())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("log.jsonl")
    }

    /// The segment that starts at this sequence.
    pub(crate) fn segment(&self, start: u64) -> PathBuf {
        self.folder().join(Segment { start }.name())
    }

    /// A log of so many segments, each with so many notes, signed at its end, nobody holding it. Where each starts.
    pub(crate) fn with_segments(count: usize, notes: usize) -> (Self, Vec<u64>) {
        let scene = Self::new();
        let mut starts = vec![0];
        for number in 0..count {
            let mut journal = scene.open();
            if number > 0 {
                rotate(&mut journal, format!("state {number}").as_bytes());
                starts.push(journal.chain.segment.start);
            }
            for note in 0..notes {
                let note = noted(&format!("note {number} {note}"));
                journal.append(Some(&session()), note, Durability::Process).expect("appended");
            }
            journal.sign_head().expect("signed");
        }
        (scene, starts)
    }

    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        std::fs::read(self.log()).expect("read").split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    pub(crate) fn try_open(&self) -> Result<Journal, LogError> {
        Journal::open_for_session(&self.state, &self.target, holder(), Box::new(Still))
    }

    /// Opens for a session a hundred days later.
    pub(crate) fn open_later(&self) -> Journal {
        drop(self.open());
        Journal::open_for_session(&self.state, &self.target, holder(), Box::new(Later)).expect("opened")
    }

    /// Opens for a session. Another test may just be starting a process, which holds copies of all descriptors until it
    /// executes; so a lease that was given back can stay busy for a moment.
    pub(crate) fn open(&self) -> Journal {
        let begun = Instant::now();
        loop {
            match self.try_open() {
                Ok(journal) => return journal,
                Err(LogError::Busy(_)) if begun.elapsed() < Duration::from_secs(5) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn open_for_append(&self) -> Journal {
        Journal::open_for_append(&self.state, &self.id(), Box::new(Still)).expect("opened")
    }

    /// The message of the damage that every way to open or read the log finds.
    pub(crate) fn damage(&self) -> String {
        let Err(LogError::Damaged(read)) = crate::read(&self.state, &self.id()) else { panic!("reading accepts it") };
        for opened in [self.try_open(), Journal::open_for_append(&self.state, &self.id(), Box::new(Still))] {
            match opened {
                Err(LogError::Damaged(what)) => assert_eq!(what, read),
                Err(error) => panic!("{error}"),
                Ok(_) => panic!("opening accepts it"),
            }
        }
        let audit = crate::audit(&self.state, &self.id(), &[]).expect("audited");
        assert!(audit.problems.iter().any(|problem| problem.to_string() == read), "{read}: {:?}", audit.problems);
        read
    }
}

/// Begins a new segment, as a session does that has folded its records.
pub(crate) fn rotate(journal: &mut Journal, state: &[u8]) {
    journal.records().expect("verifies");
    let before = journal.chain.segment;
    journal.begin_segment(state).expect("begun");
    assert_ne!(journal.chain.segment, before);
}

pub(crate) fn target_in(directory: &Path) -> Target {
    Target {
        endpoint: "unix:///var/run/docker.sock".into(),
        directory: directory.to_owned(),
        project: "shop".into(),
        scope: Scope::Compose(ComposeScope::default()),
    }
}

pub(crate) fn holder() -> Holder {
    let pid = std::process::id();
    let started = repair_processes::started(pid).expect("it runs");
    let boot = repair_processes::boot().expect("it has one");
    Holder { user: "ann".into(), host: "here".into(), pid, started, boot }
}

/// The tool that proposes in these tests.
pub(crate) fn tool() -> ToolRef {
    let component = Digest::of(Domain::Component, b"tool");
    ToolRef { id: "port-conflict".to_owned(), version: "0.1.0".to_owned(), component }
}

pub(crate) fn session() -> SessionId {
    SessionId::new("2026-01-31T12:00:00Z".parse().expect("a time"), [1; 4])
}

pub(crate) fn began() -> Event {
    Event::SessionBegan {
        version: "0".to_owned(),
        purpose: Purpose::Heal,
        command: Vec::new(),
        target: target_in(Path::new("/srv/shop")),
        evidence: None,
        supersedes: Vec::new(),
    }
}

pub(crate) fn noted(note: &str) -> Event {
    Event::Noted { note: note.to_owned() }
}

pub(crate) fn suspended() -> Event {
    Event::Suspended { reason: "a person is asked".into() }
}

pub(crate) fn ended(ending: Ending) -> Event {
    Event::Ended { ending, reason: "it is over".into(), next_steps: Vec::new() }
}

/// Puts exactly these bytes into a file.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    File::create(path).and_then(|mut file| file.write_all(bytes)).expect("written");
}

/// Adds bytes to the end of a file.
pub(crate) fn add(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes)).expect("written");
}

/// Everything below a folder: names, contents, and times of the last change.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("listed") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("there");
            let content = if metadata.is_file() { std::fs::read(&path).expect("read") } else { Vec::new() };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            all.insert(path, (metadata.mtime(), metadata.mtime_nsec(), content));
        }
    }
    all
}

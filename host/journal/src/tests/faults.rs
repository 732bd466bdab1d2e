//! Killed and failing at every point of everything that the log does.
//!
//! One worker, a process of its own, opens, appends, stores, publishes, signs, begins segments, sets a torn end aside and
//! collects. A first run tells which points it comes by; then it is run once for each of them, killed there, or with the
//! write there failing. Whatever happened: the log verifies, what was acknowledged is in it, and the next session goes on.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use repair_faults::Point;
use repair_model::event::Event;
use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Later, Scene, Still, add, holder, noted, session, target_in};
use crate::{Journal, StateDir};

/// Where the worker is told what to do: its fault, and the folder to work in.
const FAULT: &str = "REPAIR_JOURNAL_TEST_FAULT";
const FOLDER: &str = "REPAIR_JOURNAL_TEST_FOLDER";

/// Errors of the system that a write can meet: no space left, and a file system that was made read-only.
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

#[test]
#[expect(clippy::disallowed_methods, reason = "the worker is told by its environment what to do")]
fn worker() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (folder, fault) = (PathBuf::from(folder), std::env::var(FAULT).ok());
    repair_faults::arm(fault.as_deref(), Some(&folder.join("trace"))).expect("armed");
    let worker =
        Worker { state: StateDir::new(folder.join("state")), acknowledged: folder.join("acknowledged"), folder };
    // A fault that is no kill ends in an error; the driver looks at what is left either way.
    let _ = worker.work();
}

struct Worker {
    folder: PathBuf,
    state: StateDir,
    acknowledged: PathBuf,
}

impl Worker {
    fn work(&self) -> Result<(), LogError> {
        let target = target_in(&self.folder.join("project"));
        let mut journal = Journal::open_for_session(&self.state, &target, holder(), Box::new(Still))?;
        self.note(&mut journal, "first")?;
        journal.append(Some(&session()), noted("not acknowledged"), Durability::Process)?;
        self.sign(&mut journal)?;
        if journal.publish(&session(), b"{}").is_err() {
            self.note(&mut journal, "a projection poisons nothing")?;
        }
        self.rotate(&mut journal)?;
        self.note(&mut journal, "second")?;
        add(&self.folder_of(&journal).join(journal.chain.segment.name()), b"{\"v\":2,\"torn");
        self.note(&mut journal, "third")?;
        self.rotate(&mut journal)?;
        self.note(&mut journal, "fourth")?;
        drop(journal);
        let mut journal = Journal::open_for_session(&self.state, &target, holder(), Box::new(Later))?;
        journal.collect(90, "ann@here", |records| records[0].sequence == 0)?;
        self.note(&mut journal, "fifth")?;
        self.sign(&mut journal)
    }

    /// Appends durably, and keeps elsewhere that this was acknowledged.
    fn note(&self, journal: &mut Journal, note: &str) -> Result<(), LogError> {
        let appended = journal.append(Some(&session()), noted(note), Durability::Power);
        if appended.is_err() {
            insist_poisoned(journal);
        }
        appended?;
        let mut file = OpenOptions::new().append(true).create(true).open(&self.acknowledged).expect("opened");
        let sequence = journal.chain.sequence() - 1;
        file.write_all(format!("{sequence} {note}\n").as_bytes()).expect("written");
        Ok(())
    }

    fn sign(&self, journal: &mut Journal) -> Result<(), LogError> {
        let signed = journal.sign_head();
        if signed.is_err() {
            insist_poisoned(journal);
        }
        signed
    }

    /// Where a segment cannot begin, the old one goes on, or nothing is written any more.
    fn rotate(&self, journal: &mut Journal) -> Result<(), LogError> {
        journal.records()?;
        match journal.begin_segment(b"state") {
            Ok(()) => Ok(()),
            Err(_) => match self.note(journal, "the old segment goes on") {
                Ok(()) | Err(LogError::Poisoned) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    fn folder_of(&self, journal: &Journal) -> PathBuf {
        self.state.target_dir(&journal.target())
    }
}

fn insist_poisoned(journal: &mut Journal) {
    assert!(matches!(journal.append(Some(&session()), noted("late"), Durability::Power), Err(LogError::Poisoned)));
    assert!(matches!(journal.sign_head(), Err(LogError::Poisoned)));
    assert!(matches!(journal.begin_segment(b"late"), Err(LogError::Poisoned)));
}

/// Runs the worker in a fresh folder.
fn run(fault: Option<&str>) -> (Scene, ExitStatus) {
    let scene = Scene::new();
    let program = std::env::current_exe().expect("this test");
    #[expect(clippy::disallowed_methods, reason = "the worker has to be a process that can be killed")]
    let mut command = Command::new(program);
    command.args(["--exact", "tests::faults::worker", "--test-threads=1"]).env(FOLDER, scene.scratch.path());
    if let Some(fault) = fault {
        command.env(FAULT, fault);
    }
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts");
    (scene, status)
}

fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// What the worker was told is durable: the sequence of each record and what it says.
fn acknowledged(scene: &Scene) -> Vec<(u64, String)> {
    let split = |line: String| {
        let (sequence, note) = line.split_once(' ').expect("two words");
        (sequence.parse().expect("a number"), note.to_owned())
    };
    lines_of(&scene.scratch.path().join("acknowledged")).into_iter().map(split).collect()
}

/// Every point that an unharmed run comes by, as it is armed: name and occurrence.
fn points() -> Vec<(String, u32)> {
    let (scene, status) = run(None);
    assert!(status.success());
    let mut occurrences = BTreeMap::<String, u32>::new();
    let trace = lines_of(&scene.scratch.path().join("trace"));
    let notes: Vec<String> = acknowledged(&scene).into_iter().map(|(_, note)| note).collect();
    assert_eq!(notes, ["first", "second", "third", "fourth", "fifth"]);
    let count = |name: String| {
        let occurrence = occurrences.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
        (name, *occurrence)
    };
    trace.into_iter().map(count).collect()
}

/// What holds whatever happened.
fn insist_sound(scene: &Scene, what: &str) {
    let (state, id) = (&scene.state, scene.id());
    let audit = crate::audit(state, &id, &[]).expect("audited");
    assert_eq!(audit.problems, [], "{what}: before the next session");
    for _ in 0..2 {
        let mut journal = scene.open();
        journal.append(Some(&session()), noted("the next session"), Durability::Power).expect(what);
        journal.sign_head().expect(what);
    }
    let reading = crate::read(state, &id).unwrap_or_else(|error| panic!("{what}: {error}"));
    let first = reading.records[0].sequence;
    for (sequence, note) in acknowledged(scene).into_iter().filter(|(sequence, _)| *sequence >= first) {
        let record = &reading.records[usize::try_from(sequence - first).expect("few records")];
        assert_eq!(record.event, Event::Noted { note }, "{what}");
    }
    let audit = crate::audit(state, &id, &[]).expect("audited");
    assert_eq!((audit.problems, audit.unsigned, audit.tail), (Vec::new(), 0, None), "{what}");
    let beside = fs::read_dir(scene.folder())
        .expect("listed")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(".new-")));
    assert_eq!(beside.count(), 0, "{what}: something was left beside");
    assert_eq!(state.known_targets().expect("read").len(), 1, "{what}");
    let presence = crate::read_present(state, &id).expect("verifies");
    assert_eq!(presence.opening_state.is_some(), presence.records[0].sequence > 0, "{what}");
}

#[test]
fn killed_at_every_point_nothing_acknowledged_is_lost_and_the_next_session_goes_on() {
    let points = points();
    for point in Point::ALL.iter().filter(|point| is_of_the_log(**point)) {
        let comes_by = points.iter().any(|(name, _)| name.split(':').next() == Some(point.as_str()));
        assert!(comes_by, "the worker does not come by {point}");
    }
    for (name, occurrence) in points {
        let fault = format!("kill@{name}#{occurrence}");
        let (scene, status) = run(Some(&fault));
        assert_eq!(status.signal(), Some(9), "{fault}");
        insist_sound(&scene, &fault);
    }
}

#[test]
fn a_full_or_read_only_disk_at_every_write_acknowledges_nothing_and_the_next_session_goes_on() {
    let can_fail =
        [Point::LineBegun, Point::LineSynced, Point::StateFileWritten, Point::StateFileRenamed, Point::TailCut];
    for (name, occurrence) in points() {
        if !can_fail.iter().any(|point| name.split(':').next() == Some(point.as_str())) {
            continue;
        }
        for error in [ENOSPC, EROFS] {
            let fault = format!("{error}@{name}#{occurrence}");
            let (scene, status) = run(Some(&fault));
            assert!(status.success(), "{fault}: the worker found that something was not poisoned");
            insist_sound(&scene, &fault);
        }
    }
}

fn is_of_the_log(point: Point) -> bool {
    matches!(
        point,
        Point::LineBegun
            | Point::LineTorn
            | Point::LineWritten
            | Point::LineSynced
            | Point::StateFileWritten
            | Point::StateFileRenamed
            | Point::TailCopied
            | Point::TailCut
            | Point::CollectionRecorded
            | Point::CollectionBegun
    )
}

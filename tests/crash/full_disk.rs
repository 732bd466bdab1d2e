//! Disks that are full or read-only while something is recorded or written: nothing is done that is not in the log, the
//! error says what is wrong, and once there is room again the session goes on and heals.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

use repair_test_support::{Engine, SmallDisk};

use crate::attempt::Attempt;
use crate::engine_events::EngineEvents;
use crate::matrix::{Reference, Wrong};
use crate::sampling::{Place, caught, is_whole, side_by_side};
use crate::scenarios::{HEAL_UP, named};

/// What the system says of a full disk.
const FULL: &str = "No space left on device";
/// Its number for that.
const ENOSPC: i32 = 28;
/// Writes of the state folder that may fail.
const WRITES: [&str; 4] = ["line-begun", "line-synced", "state-file-written", "state-file-renamed"];

/// Each kind of write that the run comes by, once; the sample has those of the log alone.
fn writes(places: Vec<Place>) -> Vec<String> {
    let is_write = |place: &Place| match place.point() {
        "line-begun" => true,
        point => is_whole() && WRITES.contains(&point),
    };
    let names: BTreeSet<_> = places.into_iter().filter(is_write).map(|place| place.name).collect();
    names.into_iter().collect()
}

/// Lets one write of the state folder fail, checks that nothing was done that is not recorded, and goes on.
fn fails_and_goes_on(write: &str, reference: &Reference<'_>, events: &EngineEvents) -> Result<(), String> {
    let mut attempt = Attempt::new(named("port"));
    let result = caught(|| {
        let said = attempt.run(&HEAL_UP, Some(&format!("{ENOSPC}@{write}")))?;
        // What other programs are told is not worth stopping for.
        let is_for_others = write.ends_with(":projection");
        let text = said.to_string();
        if !is_for_others && (said.code() == Some(0) || !text.contains(FULL)) {
            return Err("it does not stop with a clear error".to_owned().into());
        }
        let started = events.of(attempt.broken.project.name()).keys().any(|deed| deed.starts_with("start "));
        if started && !is_intended(&attempt) {
            return Err(Wrong::from("something was started that is not recorded".to_owned()));
        }
        reference.goes_on(&mut attempt, events, 1)
    });
    result.map_err(|what| format!("{write}: {what}\n{}", attempt.transcript()))
}

fn is_intended(attempt: &Attempt<'_>) -> bool {
    let records = attempt.document(&["audit", "show"]).unwrap_or_default();
    let mut records = records.as_array().into_iter().flatten();
    records.any(|record| record["event"]["intent"]["apply"]["action"]["compose-up"].is_object())
}

#[test]
fn a_full_disk_at_any_record_stops_the_run_and_with_room_again_it_heals() {
    let events = EngineEvents::listen(Engine::shared());
    let reference = Reference::of(named("port"), &events).unwrap_or_else(|what| panic!("{what}"));
    let writes = writes(reference.places(0).to_vec());
    assert!(writes.iter().any(|write| write == "line-begun:intended"), "{writes:?}");
    let failures = Mutex::new(Vec::new());
    println!("writes that fail: {}", writes.len());
    side_by_side(writes, |write| {
        if let Err(what) = fails_and_goes_on(&write, &reference, &events) {
            failures.lock().expect("no panic").push(what);
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_project_on_a_full_disk_is_left_as_it_was() {
    let mut attempt = Attempt::new(named("port"));
    let before = attempt.broken.project.read("compose.yaml").expect("a file");
    let said = attempt.run(&HEAL_UP, Some(&format!("{ENOSPC}@project-file-written"))).expect("it ends");
    assert!(said.code() != Some(0) || said.to_string().contains("healed"), "{}", attempt.transcript());
    if said.code() != Some(0) {
        assert!(said.to_string().contains(FULL), "{}", attempt.transcript());
        assert_eq!(attempt.broken.project.read("compose.yaml").expect("a file"), before);
    }
    let files: Vec<_> = fs::read_dir(attempt.broken.project.dir()).expect("a folder").flatten().collect();
    assert_eq!(files.len(), 1, "something is left beside it: {files:?}");
}

/// A broken project whose state folder is a small disk of its own; that is taken down first, so the order matters.
fn on_a_small_disk() -> (Attempt<'static>, SmallDisk) {
    let attempt = Attempt::new(named("plan-and-apply"));
    let disk = SmallDisk::mount(&attempt.broken.project.state_dir(), 16 * 1024).expect("a disk can be mounted");
    (attempt, disk)
}

#[test]
fn a_state_folder_that_is_really_full_lets_nothing_begin_and_with_room_again_it_heals() {
    let (mut attempt, disk) = on_a_small_disk();
    let planned = attempt.run(&["plan"], None).expect("a plan");
    assert_eq!(planned.code(), Some(4), "{}", attempt.transcript());
    let room = disk.fill().expect("it can be filled");
    let id = attempt.sessions().expect("a list").remove(0).id;
    for words in [["resume", "--yes"], ["abort", &id]] {
        let said = attempt.run(&words, None).expect("it ends");
        assert_eq!(said.code(), Some(1), "{}", attempt.transcript());
        assert!(said.to_string().contains("make room on that disk"), "{}", attempt.transcript());
        assert!(!attempt.broken.project.container("web").is_ok_and(|web| web.status == "running"));
    }
    fs::remove_file(room).expect("room again");
    attempt
        .run(&["--self-heal=preview", "--yes", "--new", "--", "docker", "compose", "up", "-d"], None)
        .expect("it ends");
    assert_eq!(attempt.sessions().expect("a list").last().expect("one").status, "healed", "{}", attempt.transcript());
    drop(disk);
    drop(attempt);
}

#[test]
fn a_read_only_state_folder_lets_nothing_begin() {
    let (mut attempt, disk) = on_a_small_disk();
    disk.set_read_only(true).expect("it can be remounted");
    let before = attempt.broken.project.read("compose.yaml").expect("a file");
    let said = attempt.run(&HEAL_UP, None).expect("it ends");
    assert_eq!(said.code(), Some(1), "{}", attempt.transcript());
    assert!(said.to_string().contains("Read-only file system"), "{}", attempt.transcript());
    assert_eq!(attempt.broken.project.read("compose.yaml").expect("a file"), before);
    disk.set_read_only(false).expect("it can be remounted");
    let healed = attempt.run(&HEAL_UP, None).expect("it ends");
    assert_eq!(healed.code(), Some(0), "{}", attempt.transcript());
    drop(disk);
    drop(attempt);
}

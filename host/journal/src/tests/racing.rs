//! Many starters at once, in threads and in processes: each time exactly one has the lease.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use repair_pipeline::outside::{Durability, Log as _, LogError};

use super::{Scene, Still, holder, session, suspended, target_in};
use crate::{Journal, StateDir};

const FOLDER: &str = "REPAIR_JOURNAL_TEST_RACE";
const PROCESSES: usize = 4;
const THREADS: usize = 5;
const ATTEMPTS: usize = 50;

#[test]
#[expect(clippy::disallowed_methods, reason = "a racer is told by its environment where to race")]
fn racer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = PathBuf::from(folder);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ATTEMPTS).for_each(|_| attempt(&folder)));
        }
    });
}

/// Whoever has the lease makes a file that must not be there, and removes it before the lease is given back.
fn attempt(folder: &Path) {
    let (state, target) = (StateDir::new(folder.join("state")), target_in(&folder.join("project")));
    match Journal::open_for_session(&state, &target, holder(), Box::new(Still)) {
        Ok(mut journal) => {
            let mark = folder.join("held");
            OpenOptions::new().write(true).create_new(true).open(&mark).expect("nobody else has the lease");
            journal.append(Some(&session()), suspended(), Durability::Process).expect("appended");
            fs::remove_file(&mark).expect("still there");
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(folder.join("won"))
                .and_then(|mut file| std::io::Write::write_all(&mut file, b"x"))
                .expect("counted");
        }
        Err(LogError::Busy(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn of_a_thousand_attempts_at_once_exactly_one_has_the_lease_each_time() {
    let scene = Scene::new();
    let racers: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let program = std::env::current_exe().expect("this test");
            #[expect(clippy::disallowed_methods, reason = "some of the racers have to be other processes")]
            let mut command = Command::new(program);
            command.args(["--exact", "tests::racing::racer"]).env(FOLDER, scene.scratch.path());
            command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("it starts")
        })
        .collect();
    for mut racer in racers {
        assert!(racer.wait().expect("it ends").success());
    }
    let won = fs::read(scene.scratch.path().join("won")).expect("somebody won").len();
    assert!(won > 0);
    let records = crate::read(&scene.state, &scene.id()).expect("verifies").records;
    // The first line, and two for each that won: its lease and its event.
    assert_eq!(records.len(), 1 + 2 * won);
    assert_eq!(records.last().expect("one").epoch, won as u64);
    assert_eq!(crate::audit(&scene.state, &scene.id(), &[]).expect("audited").problems, []);
}

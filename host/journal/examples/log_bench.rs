//! What the log costs, for `cargo xtask bench log`, which builds and runs this: xtask itself knows no crate that it
//! measures.
//!
//! ```text
//! log_bench fill FOLDER EVENTS      makes a log of so many events, in segments, signed
//! log_bench open FOLDER             opens it for a session
//! log_bench hash FOLDER             plain SHA-256 over the bytes of all segments, on one thread
//! log_bench links FOLDER            verifies chain, tree and head: hashing only
//! log_bench whole FOLDER            verifies everything: every record is understood as well
//! log_bench append FOLDER ROUNDS    durable appends, and plain writes of the same bytes with `fdatasync`, in turn
//! ```
//!
//! Each prints one JSON object; times are in nanoseconds. It refuses other words.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use repair_journal::{Journal, StateDir};
use repair_model::event::{Ending, Event, Holder, Purpose};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::outcome::{ServiceVerdict, Verdict};
use repair_model::target::{ComposeScope, Scope, Target};
use repair_pipeline::outside::{Clock, Durability, Log as _};
use sha2::{Digest as _, Sha256};

/// Every error ends it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Bytes that are read at once, as the verification does.
const READ_BYTES: usize = 256 * 1024;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["fill", folder, events] => fill(Path::new(folder), events.parse()?)?,
        ["open", folder] => open(Path::new(folder))?,
        ["hash", folder] => hash(Path::new(folder))?,
        ["links", folder] => links(Path::new(folder))?,
        ["whole", folder] => whole(Path::new(folder))?,
        ["append", folder, rounds] => append(Path::new(folder), rounds.parse()?)?,
        _ => return Err("see the head of host/journal/examples/log_bench.rs for what it takes".into()),
    };
    writeln!(io::stdout(), "{result}")?;
    Ok(())
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

fn state(folder: &Path) -> StateDir {
    StateDir::new(folder.join("state"))
}

fn target(folder: &Path) -> Target {
    Target {
        endpoint: "unix:///var/run/docker.sock".into(),
        directory: folder.to_owned(),
        project: "shop".into(),
        scope: Scope::Compose(ComposeScope::default()),
    }
}

fn session_of(folder: &Path) -> Result<Journal> {
    let holder =
        Holder { user: "ann".into(), host: "here".into(), pid: 1, started: String::new(), boot: String::new() };
    Ok(Journal::open_for_session(&state(folder), &target(folder), holder, Box::new(SystemClock))?)
}

/// One of the events of an ordinary session, in turn.
fn event(number: u64, folder: &Path) -> Event {
    let digest = |word: &str| Digest::of(Domain::Blob, format!("{word} {number}").as_bytes());
    match number % 6 {
        0 => Event::SessionBegan {
            version: "0.1.0".into(),
            purpose: Purpose::Heal,
            command: ["docker", "compose", "up", "-d"].map(str::to_owned).to_vec(),
            target: target(folder),
            evidence: None,
            supersedes: Vec::new(),
        },
        1 => Event::GrantUsed { nonce: digest("nonce").short() },
        2 => Event::Verified { verdict: verdict() },
        3 => Event::Suspended { reason: "a person is asked about the plan, and nobody is there to answer".into() },
        4 => Event::ToolRefused {
            round: 1,
            tool: "port-conflict".into(),
            error: "export `propose`: the reply names a service that is not in the case; fix the tool".into(),
        },
        _ => Event::Ended {
            ending: Ending::Escalated,
            reason: format!("no safe repair is known for {}", FailureClass::ALL[0]),
            next_steps: vec!["look at the holder of the port with `ss -ltnp`".into()],
        },
    }
}

fn verdict() -> Verdict {
    let service = |service: &str| ServiceVerdict {
        service: service.into(),
        healthy: false,
        settling: false,
        state: "created, its port is held".into(),
        addresses: Vec::new(),
    };
    Verdict { services: ["web", "db"].map(service).to_vec(), probes: Vec::new() }
}

fn id(number: u64) -> SessionId {
    let [.., a, b, c, d] = number.to_be_bytes();
    SessionId::new(Timestamp::UNIX_EPOCH, [a, b, c, d])
}

fn fill(folder: &Path, events: u64) -> Result<String> {
    let begun = Instant::now();
    let mut journal = session_of(folder)?;
    journal.records()?;
    let mut segments = 1;
    for number in 0..events {
        journal.append(Some(&id(number / 6)), event(number, folder), Durability::Process)?;
        if journal.is_segment_full() {
            journal.begin_segment(b"{\"v\":1}")?;
            segments += 1;
        }
    }
    // The last segment is as long as one gets, so that opening costs as much as it ever does.
    let mut number = events;
    while !journal.is_segment_full() {
        journal.append(Some(&id(number / 6)), event(number, folder), Durability::Process)?;
        number += 1;
    }
    journal.sign_head()?;
    let nanoseconds = begun.elapsed().as_nanos();
    Ok(format!(r#"{{"segments":{segments},"bytes":{},"nanoseconds":{nanoseconds}}}"#, bytes_of(folder)?))
}

fn open(folder: &Path) -> Result<String> {
    let begun = Instant::now();
    let mut journal = session_of(folder)?;
    let nanoseconds = begun.elapsed().as_nanos();
    Ok(format!(r#"{{"nanoseconds":{nanoseconds},"records":{}}}"#, journal.records()?.len()))
}

fn segments(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(state(folder).target_dir(&target(folder).id()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn bytes_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for segment in segments(folder)? {
        bytes += segment.metadata()?.len();
    }
    Ok(bytes)
}

fn hash(folder: &Path) -> Result<String> {
    let files = segments(folder)?;
    let begun = Instant::now();
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; READ_BYTES], 0);
    for file in files {
        let mut file = File::open(file)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            bytes += read;
        }
    }
    let digest = hex::encode(hasher.finalize());
    let nanoseconds = begun.elapsed().as_nanos();
    Ok(format!(r#"{{"nanoseconds":{nanoseconds},"bytes":{bytes},"digest":"{digest}"}}"#))
}

fn links(folder: &Path) -> Result<String> {
    let begun = Instant::now();
    let records = repair_journal::audit_links(&state(folder), &target(folder).id())?;
    let nanoseconds = begun.elapsed().as_nanos();
    Ok(format!(r#"{{"nanoseconds":{nanoseconds},"records":{records}}}"#))
}

fn whole(folder: &Path) -> Result<String> {
    let begun = Instant::now();
    let audit = repair_journal::audit(&state(folder), &target(folder).id(), &[])?;
    let nanoseconds = begun.elapsed().as_nanos();
    if let Some(problem) = audit.problems.first() {
        return Err(problem.clone().into());
    }
    Ok(format!(r#"{{"nanoseconds":{nanoseconds},"records":{}}}"#, audit.records))
}

fn append(folder: &Path, rounds: u64) -> Result<String> {
    let mut journal = session_of(folder)?;
    let beside = folder.join("plain.jsonl");
    let plain = OpenOptions::new().append(true).create(true).open(&beside)?;
    let (mut durable, mut written) = (Vec::new(), Vec::new());
    let log = segments(folder)?.pop().ok_or("there is no log")?;
    let mut length = None;
    for number in 0..rounds {
        let before = log.metadata()?.len();
        let append = |journal: &mut Journal| -> Result<Duration> {
            let begun = Instant::now();
            journal.append(Some(&id(number / 6)), event(number, folder), Durability::Power)?;
            Ok(begun.elapsed())
        };
        // Whichever comes second may find the disk awake, so they take turns in that too. The first line has nothing to
        // be compared with.
        let own_first = number % 2 == 0 || length.is_none();
        if own_first {
            durable.push(append(&mut journal)?);
            length = Some(usize::try_from(log.metadata()?.len() - before)?);
        }
        let line = vec![b'x'; length.unwrap_or_default()];
        let begun = Instant::now();
        let count = (&plain).write(&line)?;
        rustix::fs::fdatasync(&plain)?;
        written.push(begun.elapsed());
        if count != line.len() {
            return Err("a plain write was short".into());
        }
        if !own_first {
            durable.push(append(&mut journal)?);
        }
    }
    // Pair by pair, so that what else the machine does meets both.
    let mut ratios: Vec<f64> =
        durable.iter().zip(&written).map(|(durable, plain)| durable.as_secs_f64() / plain.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
    let (durable, written) = (median(durable).as_nanos(), median(written).as_nanos());
    Ok(format!(r#"{{"durable_nanoseconds":{durable},"plain_nanoseconds":{written},"ratio":{ratio:.3}}}"#))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

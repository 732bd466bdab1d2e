//! What the log costs: opening, verifying and appending, each against what the system does by itself in the same run.
//!
//! The measuring is done by an example of the journal (`host/journal/examples/log_bench.rs`), because nothing here may know
//! a crate that it checks. Every measurement is a process of its own, so that none warms up another but through the
//! system's caches, which all of them use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use repair_test_support::target_dir;
use serde_json::Value;

use crate::build;
use crate::memory;

/// Events of the log that is measured.
const EVENTS: &str = "1000000";
/// Durable appends that are measured.
const APPENDS: &str = "1000";
/// How often each is measured; the median counts.
const ROUNDS: usize = 5;

const OPEN_AIM_MS: f64 = 150.0;
const LINKS_AIM: f64 = 0.4;
const APPEND_AIM: f64 = 1.15;
const MEMORY_AIM_MB: f64 = 64.0;

/// Prints what it finds.
pub(super) fn measure(release: bool) -> Result<()> {
    let bench = Bench {
        program: build::example("repair-journal", "log_bench", release)?,
        folder: target_dir().join("bench").join("log"),
    };
    if bench.folder.exists() {
        fs::remove_dir_all(&bench.folder).context("cannot remove the log of an earlier benchmark")?;
    }
    fs::create_dir_all(&bench.folder).context("cannot create the folder for the log")?;
    let measured = bench.measure(release);
    fs::remove_dir_all(&bench.folder).context("cannot remove the measured log")?;
    measured
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn measure(&self, release: bool) -> Result<()> {
        let filled = self.run("fill", &[EVENTS])?;
        let megabytes = number(&filled, "bytes")? / 1e6;
        println!(
            "\na log of more than {EVENTS} events in {} segments, {megabytes:.0} MB, written in {:.1} s; {} build",
            filled["segments"],
            number(&filled, "nanoseconds")? / 1e9,
            if release { "release" } else { "development" }
        );
        self.open()?;
        self.verify(megabytes)?;
        self.append()
    }

    fn open(&self) -> Result<()> {
        let opened = self.medians(&["open"])?[0] / 1e6;
        println!(
            "opened for a session: {opened:.0} ms ({})",
            against(opened < OPEN_AIM_MS, &format!("below {OPEN_AIM_MS} ms"))
        );
        Ok(())
    }

    /// All three in turn, so that they meet the same machine.
    fn verify(&self, megabytes: f64) -> Result<()> {
        let times = self.medians(&["hash", "links", "whole"])?;
        let [hash, links, whole] = [times[0] / 1e9, times[1] / 1e9, times[2] / 1e9];
        let ratio = hash / links;
        println!("plain SHA-256 of the same bytes: {hash:.2} s, {:.0} MB/s", megabytes / hash);
        println!(
            "links (chain, tree, head): {links:.2} s, {:.0} MB/s, {ratio:.2} of plain SHA-256 ({})",
            megabytes / links,
            against(ratio >= LINKS_AIM, &format!("{LINKS_AIM} or more"))
        );
        println!(
            "everything: {whole:.2} s, {:.0} MB/s; of that, understanding every record {:.2} s",
            megabytes / whole,
            whole - links
        );
        let peak = memory::peaks(Command::new(&self.program).arg("whole").arg(&self.folder))?;
        #[expect(clippy::cast_precision_loss, reason = "sizes in KiB are far below 2^52")]
        let peak = peak.own_kib as f64 * 1024.0 / 1e6;
        println!(
            "peak memory of verifying everything: {peak:.1} MB ({})",
            against(peak < MEMORY_AIM_MB, &format!("below {MEMORY_AIM_MB} MB"))
        );
        Ok(())
    }

    fn append(&self) -> Result<()> {
        let folder = self.folder.join("appended");
        fs::create_dir(&folder).context("cannot create the folder for the second log")?;
        let times = Self { program: self.program.clone(), folder }.run("append", &[APPENDS])?;
        let (durable, plain) =
            (number(&times, "durable_nanoseconds")? / 1e3, number(&times, "plain_nanoseconds")? / 1e3);
        let ratio = number(&times, "ratio")?;
        println!(
            "durable append, medians of {APPENDS}: {durable:.0} µs, plain write and fdatasync {plain:.0} µs, median ratio {ratio:.2} ({})",
            against(ratio <= APPEND_AIM, &format!("at most {APPEND_AIM}"))
        );
        Ok(())
    }

    /// Median times of these words in nanoseconds, run in turn; the first run of each pays for caches.
    fn medians(&self, words: &[&str]) -> Result<Vec<f64>> {
        let mut times = vec![Vec::new(); words.len()];
        for round in 0..=ROUNDS {
            for (word, times) in words.iter().zip(&mut times) {
                let time = number(&self.run(word, &[])?, "nanoseconds")?;
                if round > 0 {
                    times.push(time);
                }
            }
        }
        let median = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        Ok(times.into_iter().map(median).collect())
    }

    fn run(&self, word: &str, more: &[&str]) -> Result<Value> {
        run(&self.program, word, &self.folder, more)
    }
}

fn run(program: &Path, word: &str, folder: &Path, more: &[&str]) -> Result<Value> {
    let mut command = Command::new(program);
    command.arg(word).arg(folder).args(more).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed while it was measured");
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} did not print one JSON object"))
}

fn number(object: &Value, name: &str) -> Result<f64> {
    object[name].as_f64().with_context(|| format!("the measurement has no `{name}`"))
}

fn against(met: bool, aim: &str) -> String {
    format!("aim {aim}: {}", if met { "met" } else { "MISSED" })
}

//! What tools cost, against a bare wasmtime host in the same run.
//!
//! The measuring is done by an example of the sandbox (`host/sandbox/examples/tools_bench.rs`), because nothing here may
//! know a crate that it checks. It measures the components of the built-in tools, as the build of `repair` left them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use repair_test_support::Finished;
use serde_json::Value;

use super::against;
use crate::build;

const PROPOSE_RATIO_AIM: f64 = 1.2;
const CACHED_AIM_MS: f64 = 5.0;
const COLD_RATIO_AIM: f64 = 2.0;

/// Prints the table.
pub(super) fn measure(release: bool) -> Result<()> {
    let program = build::example("repair-sandbox", "tools_bench", release)?;
    let components = components(release)?;
    let finished = Finished::run(Command::new(program).arg(&components))?.success()?;
    let measured: Value = serde_json::from_str(&finished.stdout).context("the benchmark prints JSON")?;
    let number = |name: &str| measured[name].as_f64().with_context(|| format!("the benchmark measures `{name}`"));

    let (ours, bare) = (number("propose_ms")?, number("bare_propose_ms")?);
    let (slowest, together) = (number("cold_slowest_alone_ms")?, number("cold_together_ms")?);
    let (cached, tools) = (number("cached_ms")?, number("tools")?);
    let (over, tick) = (number("loop_over_deadline_ms")?, number("tick_ms")?);
    println!("tools, against a bare wasmtime host in the same run:");
    println!(
        "  fresh sandbox and propose, a case with 1,000 ports: {ours:.2} ms, bare {bare:.2} ms, ratio {:.2} ({})",
        ours / bare,
        against(ours / bare, PROPOSE_RATIO_AIM, "")
    );
    println!("  cached load of {tools} tools in all: {cached:.2} ms ({})", against(cached, CACHED_AIM_MS, " ms"));
    println!(
        "  cold load of {tools} tools side by side: {together:.0} ms, the slowest alone {slowest:.0} ms, ratio {:.2} ({})",
        together / slowest,
        against(together / slowest, COLD_RATIO_AIM, "")
    );
    // However well they share the processors: the whole work, divided by their number, is the least that it can take.
    let one_by_one: f64 = measured["cold_alone_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).sum();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    println!("    on {processors} processors; one after another they take {one_by_one:.0} ms");
    println!("  a loop without an end ends {over:.1} ms after its deadline ({})", against(over, tick, " ms, one tick"));
    Ok(())
}

/// The folder of the built-in tools that the last build of `repair` left.
fn components(release: bool) -> Result<PathBuf> {
    build::repair(release)?;
    let builds = build::profile_dir(release).join("build");
    let newest = fs::read_dir(&builds)
        .with_context(|| format!("cannot list {}", builds.display()))?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("repair-"))
        .map(|entry| entry.path().join("out/guests/wasm32-unknown-unknown/guest"))
        .filter_map(|folder| Some((built_at(&folder)?, folder)))
        .max();
    newest.map(|(_, folder)| folder).with_context(|| format!("no tools were built below {}", builds.display()))
}

fn built_at(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join("port_conflict.wasm")).and_then(|metadata| metadata.modified()).ok()
}

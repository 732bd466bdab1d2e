//! `cargo xtask crash`: the whole crash matrices, of Compose projects and of resource groups. Every scenario is killed at
//! every point that it comes by; the tests of `cargo test` take a sample of that.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use repair_test_support::Engine;

use crate::build;

/// Runs it on a private engine, for all scenarios or for those with this in their names, and prints the table.
pub(crate) fn everywhere(only: Option<&str>) -> Result<ExitCode> {
    build::ensure_wasm_target()?;
    let engine = Engine::obtain()?;
    println!("{}", engine.description());
    let begun = Instant::now();
    let mut command = build::cargo();
    command.args(["test", "--no-fail-fast", "--test", "crash", "--test", "azure_crash"]).envs(engine.variables());
    command.env("REPAIR_CRASH_POINTS", "all");
    match only {
        // A part of the scenarios is for whoever looks for a defect; the other tests would only be in the way.
        Some(only) => command.env("REPAIR_CRASH_ONLY", only).args(["a_session_killed_anywhere", "--", "--nocapture"]),
        None => command.args(["--", "--nocapture"]),
    };
    let status = command.status().context("cannot start cargo")?;
    println!("{} s", begun.elapsed().as_secs());
    engine.stop()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

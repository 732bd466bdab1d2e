//! `cargo xtask test`: every check of this repository, each with its time. Nothing is skipped: without an engine it
//! fails.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use repair_test_support::Engine;

use crate::build;

/// Runs all checks, the quick ones first, and fails at the end with the names of all that failed.
pub(crate) fn everything() -> Result<()> {
    build::ensure_wasm_target()?;
    let mut steps = Steps::default();
    steps.run("format", || build::run(build::cargo().args(["fmt", "--all", "--check"])));
    steps.run("lints", || {
        let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        build::run(build::cargo().args(lints))
    });
    steps.run("documentation", || {
        let mut doc = build::cargo();
        doc.args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
        build::run(&mut doc)
    });
    steps.run("build of the tests", || build::run(build::cargo().args(["test", "--quiet", "--workspace", "--no-run"])));
    if let Some(engine) = steps.run("engine", Engine::obtain) {
        println!("{}", engine.description());
        steps.run("tests", || build::run(test_command(&engine).args(["--workspace", "--no-fail-fast"])));
        steps.run("end of the engine", || engine.stop());
    }
    steps.finish()
}

/// Runs `cargo test` with the person's own arguments on the engine.
pub(crate) fn some(arguments: &[OsString]) -> Result<ExitCode> {
    build::ensure_wasm_target()?;
    let engine = Engine::obtain()?;
    println!("{}", engine.description());
    let status = test_command(&engine).args(arguments).status().context("cannot start cargo")?;
    engine.stop()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn test_command(engine: &Engine) -> Command {
    let mut command = build::cargo();
    command.arg("test").envs(engine.variables());
    command
}

/// What ran, for how long, and whether it succeeded.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("== {name}");
        let begun = Instant::now();
        let result = step();
        self.done.push((name, begun.elapsed(), result.is_ok()));
        result.inspect_err(|error| eprintln!("error: {name}: {error:#}")).ok()
    }

    fn finish(self) -> Result<()> {
        println!("== times");
        for (name, time, succeeded) in &self.done {
            let verdict = if *succeeded { "ok" } else { "FAILED" };
            println!("{name:<20} {:>7.1} s  {verdict}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time, _)| *time).sum();
        println!("{:<20} {:>7.1} s", "total", total.as_secs_f64());
        let failed: Vec<_> = self.done.iter().filter(|(_, _, succeeded)| !succeeded).map(|(name, ..)| *name).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

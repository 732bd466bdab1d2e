//! Set-up, demo, tests and benchmarks of repair: `cargo xtask COMMAND`.
//!
//! It depends on no crate that it checks, so that it runs while those do not build.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the rules for the shipped program do not bind its tooling: xtask runs programs and prints"
)]

mod bench;
mod build;
mod check;
mod classify_report;
mod crash;
mod demo;
mod failures;
mod fuzz;
mod memory;
mod repair_cli;

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use repair_test_support::Engine;

const HELP: &str = "\
Set-up, demo, tests and benchmarks of repair.

Usage: cargo xtask COMMAND

Commands:
  demo [--undo]           Break a project for real, heal it, verify the log; leaves nothing running.
                          Uses the Docker Engine that is there, else (as root) a private one.
  demo --azure            The same for an Azure resource group, on a stand-in for Azure on this machine; no account is needed.
  test                    Everything: format, lints, documentation, all tests on a private engine.
  test -- ARGUMENTS       Only `cargo test ARGUMENTS`, on the same engine.
  crash [SCENARIO]        The whole crash matrix: every scenario killed at every point that it comes by, with a table.
                          Takes about half an hour; the tests take a sample of it.
  bench [classify|log|tools|engine] [--dev] [-n N]
                          Time and memory: the log against plain hashing and plain writes, tools against a bare wasmtime
                          host, classifying against a plain scan of the same text, repair against `docker compose ps` (N rounds, 15 unless told), and how
                          soon a resumed session goes on. With a part only that; only the last needs an engine.
                          Measures a release build, or with --dev the development build.
  fuzz [TARGET|all] [SECONDS] [-j]
                          Arbitrary inputs through what reads foreign text and tools: classify, compose_edit, log, policy,
                          settings, tool; each for 60 s unless told, one after the other, or two side by side with -j.
                          Fails on a finding and names its input; logs are in target/fuzz/logs. Needs cargo-fuzz, and
                          takes a nightly compiler where there is one.
  engine -- COMMAND       Run COMMAND with a private engine in its environment, then take it down.
  failures [--engine VERSION] [RECIPE…]
                          Provoke failures on private engines (28.5, 26.1, 20.10, podman) and keep what they say as
                          test data. Needs root; a recording that says the same stays as it is.
  classify-report [--binary PATH] [FOLDER…]
                          Classify every recorded case and compare: precision, recall, calibration, confusions.
  ci                      What the continuous integration runs: the set-up of the toolchain, then `test`.

Environment:
  REPAIR_TEST_ENGINE=existing   Test on this machine's own Docker Engine instead of a private one.
  REPAIR_TEST_SUITE=SUITE       Take the private engine from this Debian suite, such as trixie.
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        ["demo"] => demo::demo(false)?,
        ["demo", "--undo"] => demo::demo(true)?,
        ["demo", "--azure"] => demo::azure::demo()?,
        ["test"] => check::everything()?,
        ["test", "--", ..] => return check::some(&arguments[2..]),
        ["crash"] => return crash::everywhere(None),
        ["crash", scenario] => return crash::everywhere(Some(scenario)),
        ["bench", options @ ..] => bench::bench(bench::Options::parse(options)?)?,
        ["failures", options @ ..] => failures::record(&failures::Options::parse(options)?)?,
        ["classify-report", options @ ..] => classify_report::report(&classify_report::Options::parse(options)?)?,
        ["fuzz", options @ ..] => return fuzz::fuzz(&fuzz::Options::parse(options)?),
        ["engine", "--", _, ..] => return with_engine(&arguments[2..]),
        ["ci"] => {
            build::ensure_wasm_target()?;
            check::everything()?;
        }
        [command @ ("test" | "demo" | "engine" | "ci"), ..] => {
            bail!("unknown arguments for `{command}`; see `cargo xtask --help`")
        }
        [unknown, ..] => bail!("unknown command `{unknown}`; see `cargo xtask --help`"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command of the person's own on the engine that the tests use.
fn with_engine(command: &[OsString]) -> Result<ExitCode> {
    let engine = Engine::obtain()?;
    eprintln!("{}", engine.description());
    let (program, arguments) = command.split_first().context("a command is needed")?;
    let mut child: Command = engine.command(program);
    let status = child.args(arguments).envs(engine.variables()).status();
    let status = status.with_context(|| format!("cannot start `{}`", program.display()))?;
    engine.stop()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

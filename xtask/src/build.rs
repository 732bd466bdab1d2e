//! Toolchain and builds, by the ordinary `cargo` and `rustup`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use repair_test_support::target_dir;

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Runs `command` with its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = format!("{command:?}").replace('"', "");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed");
    Ok(())
}

/// Adds the target that guests build for. Some versions of rustup do not do that by themselves.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(workspace()).args(["--print", "target-libdir", "--target", WASM_TARGET]);
    let libraries = rustc.output().context("cannot start rustc")?;
    if Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").current_dir(workspace()).args(["target", "add", WASM_TARGET]))
        .with_context(|| format!("the target {WASM_TARGET} is missing; add it to this Rust toolchain"))
}

/// The folder of what such a build leaves.
pub(crate) fn profile_dir(release: bool) -> PathBuf {
    target_dir().join(if release { "release" } else { "debug" })
}

/// Builds `repair` and returns the path of the program.
pub(crate) fn repair(release: bool) -> Result<PathBuf> {
    ensure_wasm_target()?;
    built(&["--package", "repair"], release, "repair")
}

/// Builds an example of a package and returns the path of the program.
pub(crate) fn example(package: &str, name: &str, release: bool) -> Result<PathBuf> {
    built(&["--package", package, "--example", name], release, &format!("examples/{name}"))
}

fn built(what: &[&str], release: bool, program: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--quiet"]).args(what);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    let program = profile_dir(release).join(program);
    ensure!(program.is_file(), "cargo did not leave {}", program.display());
    Ok(program)
}

//! `tool build`: the folder of a tool, by what lies in it, into a component beside it.
//!
//! It only calls the tools of the language with the arguments that a component of this contract needs, shows what they say,
//! and loads what comes out as every run would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use repair_effects::files;
use repair_effects::process::{Finished, Invocation, ProcessError, RunOptions, Stream, run as run_process};
use repair_model::limits::COMPONENT_BYTES_MAX;
use repair_model::text::escaped;

use super::super::Context;
use super::cases::load;
use crate::args::ToolBuildArgs;
use crate::command_error::{Code, CommandError};
use crate::installed::file_error;
use crate::printer::{Tone, toned};

/// How long a build may take; the first one of a Rust tool compiles what it depends on.
const BUILD_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// Bytes that are kept of what a build prints; it is shown as it comes.
const BUILD_OUTPUT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The Rust target of tools.
const TARGET: &str = "wasm32-unknown-unknown";
/// The linker that makes a component of a core module; part of the Rust toolchain.
const LINKER: &str = "wasm-component-ld";
/// The version of componentize-py that the SDK is written for.
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// Builds the tool of a folder.
pub async fn run(context: &Context<'_>, args: &ToolBuildArgs) -> Result<Code, CommandError> {
    let dir = context.environment.current_directory.join(&args.dir);
    let dir = std::fs::canonicalize(&dir).map_err(|error| {
        CommandError::new(Code::Usage, format!("{} cannot be opened: {error}", dir.display()))
            .hint("`repair tool new NAME` writes the folder of a tool")
    })?;
    let built = if dir.join("Cargo.toml").is_file() {
        rust(context, &dir).await?
    } else if dir.join("app.py").is_file() {
        python(context, &dir).await?
    } else {
        return Err(CommandError::new(Code::Usage, format!("{} holds neither Cargo.toml nor app.py", dir.display()))
            .hint("`repair tool new NAME` writes the folder of a tool"));
    };
    let (_, manifest) = load(context, &built)?;
    let component = dir.join(format!("{}.wasm", manifest.tool.id));
    let bytes = files::read_up_to(&built, COMPONENT_BYTES_MAX).map_err(file_error)?;
    files::put_private(&component, &bytes).map_err(file_error)?;
    context.printer.line(&format!(
        "built {} into {}",
        toned(Tone::Heading, &manifest.tool.to_string()),
        escaped(&component.to_string_lossy())
    ));
    for other in others(&dir, &component) {
        let name = escaped(&other.display().to_string());
        context.printer.line(&format!(
            "{} {name} is another component; remove it if it is of an earlier id",
            toned(Tone::Warning, "note:")
        ));
    }
    context
        .printer
        .line("`repair tool test` shows it its cases, `repair tool check` says what a host would hold against it");
    context.printer.document(&serde_json::json!({ "wrote": component, "manifest": manifest }))?;
    Ok(Code::Success)
}

/// The other components in the folder: `tool test` wants one, and `tool add` of the folder would install them all.
fn others(dir: &Path, component: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_other = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm") && path != component;
    let mut others: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_other).collect();
    others.sort();
    others
}

async fn rust(context: &Context<'_>, dir: &Path) -> Result<PathBuf, CommandError> {
    let remapped = [(dir.to_owned(), "/tool"), (context.environment.cargo_home(), "/cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .join("\u{1f}");
    let arguments = ["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"];
    let invocation = Invocation::new("cargo", arguments)
        .in_directory(dir)
        .with_variable("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER)
        .with_variable("CARGO_ENCODED_RUSTFLAGS", remapped);
    let hint = format!("install Rust from https://rustup.rs, and `rustup target add {TARGET}`");
    let ended = watched(context, &invocation, &hint).await?;
    artifact(&ended.stdout.into_text()).ok_or_else(|| {
        CommandError::new(Code::NotHealed, "the build made no WebAssembly file")
            .hint("a tool is a library with `crate-type = [\"cdylib\"]`")
    })
}

/// The WebAssembly file that the last compiler message of cargo names.
fn artifact(messages: &str) -> Option<PathBuf> {
    messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let files = message.get("filenames")?.as_array()?;
        files.iter().filter_map(serde_json::Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    })
}

async fn python(context: &Context<'_>, dir: &Path) -> Result<PathBuf, CommandError> {
    let own = dir.join(".venv/bin/componentize-py");
    let program = if own.is_file() { own } else { PathBuf::from("componentize-py") };
    let hint =
        format!("make it with `python3 -m venv .venv && .venv/bin/pip install {COMPONENTIZE_PY}` in {}", dir.display());
    // Without a folder of packages of its own, those of the machine would become part of the tool.
    let packages = dir.join(".build");
    std::fs::create_dir_all(packages.join("lib/python3/site-packages"))
        .map_err(|error| CommandError::internal(&format!("{} cannot be made", packages.display()), error))?;
    let command = |arguments: &[&str]| {
        let common = ["-q", "-d", "wit", "-w", "repair-tool"];
        let arguments: Vec<&str> = common.into_iter().chain(arguments.iter().copied()).collect();
        Invocation::new(program.clone(), arguments).in_directory(dir).with_variable("VIRTUAL_ENV", packages.clone())
    };
    let bindings = dir.join("bindings");
    // Beside the old ones, which the tool's tests need, until there are new ones; it writes into no folder that is there.
    let fresh = packages.join("bindings");
    remove_folder(&fresh)?;
    watched(context, &command(&["bindings", ".build/bindings"]), &hint).await?;
    remove_folder(&bindings)?;
    std::fs::rename(&fresh, &bindings)
        .map_err(|error| CommandError::internal("the new bindings cannot be put in their place", error))?;
    watched(context, &command(&["componentize", "app", "--stub-wasi", "-o", ".build/app.wasm"]), &hint).await?;
    Ok(packages.join("app.wasm"))
}

fn remove_folder(folder: &Path) -> Result<(), CommandError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CommandError::internal(&format!("{} cannot be removed", folder.display()), error))
        }
        _ => Ok(()),
    }
}

/// Runs a step of a build, and shows what it says as it comes.
async fn watched(context: &Context<'_>, invocation: &Invocation, hint: &str) -> Result<Finished, CommandError> {
    let program = invocation.program.display().to_string();
    context.printer.progress(&format!("building with {program}"));
    let interrupted = || context.interrupt.is_set();
    let mut on_line = |stream: Stream, line: &str| {
        if stream == Stream::Stderr {
            context.printer.progress(&escaped(line));
        }
    };
    let mut options = RunOptions::new(BUILD_TIME_MAX, BUILD_OUTPUT_BYTES_MAX);
    options.on_line = Some(&mut on_line);
    options.interrupted = Some(&interrupted);
    let ended = run_process(invocation, options).await.map_err(|error| {
        let error_hint = if matches!(error, ProcessError::Start { .. }) { hint } else { "" };
        CommandError { code: Code::NotHealed, error: Box::new(error), hints: Vec::new() }.hint(error_hint)
    })?;
    if ended.interrupted {
        return Err(CommandError::new(Code::Interrupted, "the build was interrupted"));
    }
    if !ended.succeeded() {
        let error = CommandError::new(Code::NotHealed, format!("{program} ended with {}", ended.exit_code()));
        // The compiler says so when the target's own library is what it lacks.
        let lacks_target = ended.stderr.into_text().contains(&format!("`{TARGET}` target may not be installed"));
        return Err(error.hint(if lacks_target { hint } else { "correct what it says above, then build again" }));
    }
    Ok(ended)
}

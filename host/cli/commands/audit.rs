//! `audit`: the logs themselves. One file for each of its commands; what they share is which logs are meant, and how a
//! file for a person is written: new, never over another one.

mod check;
mod checkpoint;
mod export;
mod gc;
mod prove;
mod show;
mod verify;

use std::path::Path;

use repair_effects::files;
use repair_journal::{KnownTarget, StateDir};
use repair_model::text::escaped;

use super::Context;
use crate::args::AuditCommand;
use crate::command_error::{Code, CommandError};
use crate::opening::state_dir;

/// Verifies, prints, proves or removes.
pub async fn run(context: &Context<'_>, command: &AuditCommand) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    match command {
        AuditCommand::Verify(args) => verify::run(context, &state, args),
        AuditCommand::Show(args) => show::run(context, &state, args),
        AuditCommand::Prove(args) => prove::run(context, &state, args),
        AuditCommand::Check(args) => check::run(context, &state, args),
        AuditCommand::Checkpoint(args) => checkpoint::run(context, &state, args),
        AuditCommand::Export(args) => export::run(context, &state, args).await,
        AuditCommand::Gc(args) => gc::run(context, &state, args).await,
    }
}

/// The logs of the project in this folder, or all.
fn targets(context: &Context<'_>, state: &StateDir, all: bool) -> Result<Vec<KnownTarget>, CommandError> {
    let mut targets = state.known_targets()?;
    if all {
        return Ok(targets);
    }
    let here = context.here()?;
    targets.retain(|known| here.may_be(&known.target));
    if let Some(name) = &context.global.project_name {
        targets.retain(|known| known.target.project == *name);
    }
    if targets.is_empty() {
        return Err(CommandError::new(Code::Usage, "this project has no log yet: no session has begun")
            .hint("`repair audit verify --all` verifies the logs of all projects"));
    }
    Ok(targets)
}

/// Where a target is, for a person.
fn place(known: &KnownTarget) -> String {
    escaped(&known.target.directory.display().to_string())
}

/// Writes a file that a person asked for.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    files::create_new(path, bytes).map_err(|error| {
        let hints = error.hints();
        CommandError { code: Code::Usage, error: Box::new(error), hints }
    })
}

/// Reads a file that a person named.
fn read_named(path: &Path, bytes_max: usize) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;
    let unreadable = |what: String| CommandError::new(Code::Usage, format!("`{}` {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    if bytes.len() > bytes_max {
        return Err(unreadable(format!("is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

//! `clean`: removes what can be made anew. Logs, blobs and keys are kept.

use std::path::Path;

use super::Context;
use crate::command_error::{Code, CommandError};
use crate::opening::{cache_dir, state_dir};

/// Removes compiled tools and bundles.
pub fn run(context: &Context<'_>) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let folders = [cache_dir(context.environment), state.root().join("bundles")];
    let mut removed = Vec::new();
    for folder in folders {
        if remove(&folder)? {
            context.printer.line(&format!("removed {}", folder.display()));
            removed.push(folder);
        }
    }
    if removed.is_empty() {
        context.printer.line("there was nothing to remove");
    }
    context.printer.line("logs, blobs and keys are kept");
    context.printer.document(&serde_json::json!({ "removed": removed }))?;
    Ok(Code::Success)
}

/// Whether there was something. A link is not followed: only what lies in the state folder itself is removed.
fn remove(folder: &Path) -> Result<bool, CommandError> {
    match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(CommandError::internal("the state folder cannot be read", error)),
        Ok(found) if !found.is_dir() => Err(CommandError::new(
            Code::Internal,
            format!("`{}` is no folder; look at it before you remove it", folder.display()),
        )),
        Ok(_) => std::fs::remove_dir_all(folder)
            .map(|()| true)
            .map_err(|error| CommandError::internal("a folder cannot be removed", error)),
    }
}

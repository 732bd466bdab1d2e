//! `show --handover`, and the summary before a resume: what whoever goes on with a session needs to know.

use std::fmt::Write as _;

use repair_model::text::escaped;
use repair_pipeline::handover::Handover;
use repair_pipeline::outside::Dirt;

use super::Context;
use super::resume::{handover, handover_of};
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, open, options_of};
use crate::opening::{find_session, state_dir};
use crate::printer::{Tone, toned};

/// Shows the handover of one session. The project's files are looked at where the project can be opened.
pub async fn run(context: &Context<'_>, session: &str) -> Result<Code, CommandError> {
    let found = find_session(&state_dir(context.global, context.environment), session)?;
    let session = found.session()?.clone();
    let global = options_of(context.global, &session.target);
    let here = context.on(&global);
    let opened = match Scope::of_session(&session, &global) {
        Ok(scope) => open(&here, scope).await,
        Err(error) => Err(error),
    };
    let handover = match opened {
        Ok(mut opened) if opened.target().id() == found.target_id => {
            handover(&here, &mut opened, &found, &session).await
        }
        Ok(_) | Err(_) => {
            let mut handover = handover_of(&here, &found, &session, &Dirt::default());
            handover.warnings.push("the project cannot be opened here, so its files were not looked at".to_owned());
            handover
        }
    };
    context.printer.line(show_handover(&handover).trim_end());
    context.printer.document(&handover)?;
    Ok(Code::Success)
}

/// The handover as a person reads it.
pub fn show_handover(handover: &Handover) -> String {
    let mut text = String::new();
    let heading = toned(Tone::Heading, &format!("Session {}", handover.session));
    let _ = writeln!(text, "{heading}  {}, round {}, {}", handover.status, handover.round, handover.phase);
    let _ = writeln!(text, "  goal      {}", escaped(&handover.goal));
    if !handover.command.is_empty() {
        let command = escaped(&handover.command.join(" "));
        let _ = writeln!(text, "  command   {command}  (it failed at the beginning; it is not run again by this)");
    }
    if !handover.steps.is_empty() {
        let _ = writeln!(text, "  progress  {} of {} steps", handover.done, handover.steps.len());
    }
    for (at, step) in handover.steps.iter().enumerate() {
        let _ = writeln!(text, "    {:<8}  {}. {}", step.status, at + 1, escaped(&step.summary));
    }
    if let Some(decision) = &handover.decision {
        let _ = writeln!(text, "  decision  {}", decision.short());
    }
    for what in &handover.unknown {
        let _ = writeln!(text, "  {}   {}", toned(Tone::Bad, "unknown"), escaped(what));
    }
    for file in &handover.files {
        let _ = writeln!(text, "  file      {}: {}", escaped(&file.file), file.standing);
    }
    if let Some(modified) = handover.modified.as_ref().filter(|modified| modified.count > 0) {
        let first: Vec<String> = modified.first.iter().map(|path| escaped(path)).collect();
        let more = modified.count - modified.first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "  modified  {}{more}  (review, keep, or `repair undo`)", first.join(", "));
    }
    for warning in &handover.warnings {
        let _ = writeln!(text, "  {}   {}", toned(Tone::Warning, "warning"), escaped(warning));
    }
    let _ = writeln!(text, "  next      {}", escaped(&handover.next));
    text
}

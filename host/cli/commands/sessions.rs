//! `sessions` and `show`: what the logs say; nothing is written.

use repair_effects::compose::project::locate;
use repair_model::event::Intent;
use repair_model::outcome::Outcome;
use repair_model::text::escaped;
use repair_pipeline::session::Status;

use super::Context;
use super::look::{show_finding, show_verdict};
use crate::command_error::{Code, CommandError};
use crate::opening::{find_session, histories, project_choice, state_dir};
use crate::output::session_document;
use crate::printer::{Tone, toned};

/// Lists the sessions of the project in this folder, or of all.
pub fn list(context: &Context<'_>, all: bool) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let here = locate(&project_choice(context.global, context.environment, Vec::new())).ok();
    if !all && here.is_none() {
        return Err(CommandError::new(Code::Usage, "there is no Compose project here")
            .hint("`repair sessions --all` lists the sessions of all projects"));
    }
    let mut documents = Vec::new();
    for (target, _, history) in histories(&state)? {
        if all || here.as_ref().is_some_and(|here| here.directory == target.directory) {
            documents.extend(history.sessions().map(|session| session_document(session, &target)));
        }
    }
    documents.sort_by(|one, other| one.id.cmp(&other.id));
    if documents.is_empty() {
        context.printer.line("no sessions yet");
    }
    for document in &documents {
        let plan = document.plan.map(|plan| format!("  plan {}", plan.short())).unwrap_or_default();
        let place = if all { format!("  {}", escaped(&document.directory)) } else { String::new() };
        context.printer.line(&format!(
            "{}  {:<18} {}{plan}{place}",
            document.id,
            document.status,
            document.class.unwrap_or("-")
        ));
    }
    context.printer.document(&documents)?;
    Ok(Code::Success)
}

/// Shows one session.
pub fn show(context: &Context<'_>, session: &str) -> Result<Code, CommandError> {
    let printer = context.printer;
    let found = find_session(&state_dir(context.global, context.environment), session)?;
    let session = found.session()?;
    printer.line(&format!("{}  {}", toned(Tone::Heading, session.id.as_str()), session.status.as_str()));
    printer.line(&format!(
        "  project   {} in {}",
        escaped(&found.target.project),
        escaped(&found.target.directory.display().to_string())
    ));
    printer.line(&format!("  began     {:.0}", session.started));
    printer.line(&format!("  updated   {:.0}", session.updated));
    if !session.command.is_empty() {
        printer.line(&format!("  command   {}", escaped(&session.command.join(" "))));
    }
    for finding in &session.findings {
        show_finding(printer, finding);
    }
    if let Some(plan) = &session.plan {
        let decision = plan.decision.map(|decision| format!(", policy: {decision}")).unwrap_or_default();
        printer.line(&format!("  plan      {}{decision}", plan.plan));
    }
    for state in &session.grants {
        let end = match (&state.void, state.used) {
            (Some(why), _) => format!("void: {why}"),
            (None, true) => "used".to_owned(),
            (None, false) => format!("unused, stands until {:.0}", state.grant.expires_at),
        };
        printer.line(&format!("  granted   {} {}; {end}", escaped(&state.grant.approver), state.grant.channel));
    }
    for step in &session.steps {
        let what = match &step.intent {
            Intent::Apply { action, .. } => format!("{} {}", action.kind(), action.services().join(", ")),
            Intent::Undo { edit, .. } => format!("undo of {}", edit.file),
        };
        let outcome = match &step.outcome {
            None => "not settled".to_owned(),
            Some(Outcome::Done { detail }) => format!("done: {detail}"),
            Some(Outcome::Failed { error, .. }) => format!("failed: {error}"),
            Some(Outcome::Abandoned { reason }) => format!("abandoned: {reason}"),
            Some(Outcome::Unclear { reason }) => format!("unclear: {reason}"),
        };
        printer.line(&format!("  step {}    {}: {}", step.step + 1, escaped(&what), escaped(&outcome)));
    }
    if let Some(verdict) = &session.verdict {
        show_verdict(printer, verdict);
    }
    if let Status::Suspended(reason) = &session.status {
        printer.line(&format!("  suspended {}", escaped(reason)));
    }
    if let Some(reason) = &session.reason {
        printer.line(&format!("  ended     {}", escaped(reason)));
    }
    for step in &session.next_steps {
        printer.line(&format!("  next      {}", escaped(step)));
    }
    printer.document(&session_document(session, &found.target))?;
    Ok(Code::Success)
}

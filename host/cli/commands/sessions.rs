//! `sessions` and `show`: what the logs say; nothing is written.

use jiff::Timestamp;
use repair_journal::liveness;
use repair_model::event::Intent;
use repair_model::outcome::Outcome;
use repair_model::text::escaped;
use repair_pipeline::session::Status;

use super::Context;
use super::look::{show_finding, show_verdict};
use super::report::proposed_by;
use crate::command_error::{Code, CommandError};
use crate::opening::{find_session, histories, state_dir};
use crate::output::session_document;
use crate::printer::{Printer, Tone, toned};

/// Lists the sessions of the project in this folder, or of all.
pub fn list(context: &Context<'_>, all: bool) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let here = if all { None } else { context.here().ok() };
    if !all && here.is_none() {
        return Err(CommandError::new(Code::Usage, "there is no Compose project here, and no resource group is named")
            .hint("`repair sessions --all` lists the sessions of all projects"));
    }
    let mut documents = Vec::new();
    for (target, id, history) in histories(&state)? {
        if all || here.as_ref().is_some_and(|here| here.may_be(&target)) {
            let liveness = liveness(&state, &id)?;
            let of_target = history.sessions().map(|session| session_document(session, &target, Some(&liveness)));
            documents.extend(of_target);
        }
    }
    documents.sort_by(|one, other| (one.started, &one.id).cmp(&(other.started, &other.id)));
    if documents.is_empty() {
        context.printer.line("no sessions yet");
    }
    for document in &documents {
        let plan = document.plan.map(|plan| format!("  plan {}", plan.short())).unwrap_or_default();
        let place = if all { format!("  {}", escaped(&document.directory)) } else { String::new() };
        let approved = if document.approved { "  approved" } else { "" };
        let process = document.process.as_ref().map(|process| format!("  {}", process.state)).unwrap_or_default();
        context.printer.line(&format!(
            "{}  {:<18} {}{process}{approved}{plan}{place}",
            document.id,
            document.status,
            document.class.unwrap_or("-")
        ));
    }
    context.printer.document(&documents)?;
    Ok(Code::Success)
}

/// Shows one session.
/// With `on_stderr` it belongs to a question.
pub fn show(context: &Context<'_>, session: &str, on_stderr: bool) -> Result<Code, CommandError> {
    let printer = &Lines { printer: context.printer, on_stderr };
    let state = state_dir(context.global, context.environment);
    let found = find_session(&state, session)?;
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
        show_finding(context.printer, finding);
    }
    if let Some(plan) = &session.plan {
        let decision = plan.decision.map(|decision| format!(", policy: {decision}")).unwrap_or_default();
        printer.line(&format!("  plan      {}{decision}", plan.plan));
        printer.line(&format!("            {}", proposed_by(&plan.tool)));
    }
    for state in &session.grants {
        let end = match (&state.void, state.used) {
            (Some(why), _) => format!("void: {why}"),
            (None, true) => "used".to_owned(),
            (None, false) => format!("unused, stands until {:.0}", state.grant.expires_at),
        };
        let typed = match &state.grant.typed[..] {
            [] => String::new(),
            names => format!(", with the name typed: {}", escaped(&names.join(" "))),
        };
        printer.line(&format!("  granted   {} {}{typed}; {end}", escaped(&state.grant.approver), state.grant.channel));
    }
    for step in &session.steps {
        let what = match &step.intent {
            Intent::Apply { action, .. } => format!("{} {}", action.kind(), action.object()),
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
        show_verdict(context.printer, verdict);
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
    if let Status::Blocked(reason) = &session.status {
        printer.line(&format!("  blocked   {}", reason.as_str()));
    }
    if !on_stderr {
        let liveness = liveness(&state, &found.target_id)?;
        context.printer.document(&session_document(session, &found.target, Some(&liveness)))?;
    }
    Ok(Code::Success)
}

/// Lines for a person, as data or beside a question.
struct Lines<'p> {
    printer: &'p Printer,
    on_stderr: bool,
}

impl Lines<'_> {
    fn line(&self, text: &str) {
        match self.on_stderr {
            true => self.printer.ask(&format!("{text}\n")),
            false => self.printer.line(text),
        }
    }
}

/// How long ago something was, in one or two words.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit_and_never_negative() {
        let at = |second: i64| Timestamp::from_second(second).expect("in range");
        for (then, now, said) in [(0, 0, "0 s"), (9, 0, "0 s"), (0, 59, "59 s"), (0, 61, "1 min"), (0, 7200, "2 h")] {
            assert_eq!(age(at(then), at(now)), said);
        }
        assert_eq!(age(at(0), at(3 * 86_400)), "3 days");
    }
}

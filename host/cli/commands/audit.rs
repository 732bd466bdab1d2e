//! `audit verify` and `audit show`: the logs themselves; nothing is written.

use repair_effects::compose::project::locate;
use repair_journal::StateDir;
use repair_model::ids::Digest;
use repair_model::target::Target;
use repair_model::text::escaped;

use super::Context;
use crate::args::AuditCommand;
use crate::command_error::{Code, CommandError};
use crate::opening::{project_choice, state_dir};
use crate::printer::{Tone, toned};

/// Verifies or prints logs.
pub fn run(context: &Context<'_>, command: &AuditCommand) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    match command {
        AuditCommand::Verify(args) => verify(context, &state, &targets(context, &state, args.all)?),
        AuditCommand::Show(args) => show(context, &state, &targets(context, &state, args.all)?),
    }
}

fn targets(context: &Context<'_>, state: &StateDir, all: bool) -> Result<Vec<(Target, Digest)>, CommandError> {
    let mut targets: Vec<(Target, Digest)> =
        state.known_targets()?.into_iter().map(|known| (known.target, known.id)).collect();
    if all {
        return Ok(targets);
    }
    let here = locate(&project_choice(context.global, context.environment, Vec::new()))
        .map_err(repair_effects::deployment::OpenError::Project)?;
    targets.retain(|(target, _)| target.directory == here.directory);
    if targets.is_empty() {
        return Err(CommandError::new(Code::Usage, "this project has no log yet: no session has begun")
            .hint("`repair audit verify --all` verifies the logs of all projects"));
    }
    Ok(targets)
}

fn verify(context: &Context<'_>, state: &StateDir, targets: &[(Target, Digest)]) -> Result<Code, CommandError> {
    let mut documents = Vec::new();
    let mut code = Code::Success;
    for (target, id) in targets {
        let audit = repair_journal::audit(state, id, &[])?;
        let place = escaped(&target.directory.display().to_string());
        let verified = audit.problems.is_empty();
        if verified {
            context.printer.line(&format!(
                "{}  {place}: {} records, {} sessions, {} blobs; signed up to record {}, {} after it unsigned",
                toned(Tone::Good, "verified"),
                audit.records,
                audit.sessions,
                audit.blobs,
                audit.head.as_ref().map_or(0, |head| head.size),
                audit.unsigned
            ));
        } else {
            code = Code::Damaged;
            context.printer.line(&format!("{}  {place}", toned(Tone::Bad, "DOES NOT VERIFY")));
            for problem in &audit.problems {
                context.printer.line(&format!("  {}", escaped(&problem.to_string())));
            }
        }
        documents.push(serde_json::json!({
            "directory": target.directory,
            "project": target.project,
            "verified": verified,
            "records": audit.records,
            "sessions": audit.sessions,
            "blobs": audit.blobs,
            "signed_records": audit.head.as_ref().map_or(0, |head| head.size),
            "unsigned_records": audit.unsigned,
            "unfinished_tail": audit.tail.is_some(),
            "problems": audit.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    context.printer.document(&documents)?;
    Ok(code)
}

fn show(context: &Context<'_>, state: &StateDir, targets: &[(Target, Digest)]) -> Result<Code, CommandError> {
    let mut documents = Vec::new();
    for (_, id) in targets {
        for record in repair_journal::read(state, id)?.records {
            let event = serde_json::to_value(&record.event)
                .map_err(|error| CommandError::internal("a record cannot be shown", error))?;
            let session = record.session.as_ref().map_or("-", |session| session.as_str());
            let mut line = escaped(&event.to_string());
            if !context.printer.is_verbose() {
                line = repair_model::text::escaped_short(&line, 160);
            }
            context.printer.line(&format!("{:>5} {:.0} {session} {line}", record.sequence, record.time));
            documents.push(serde_json::json!({
                "sequence": record.sequence,
                "session": record.session,
                "epoch": record.epoch,
                "time": record.time,
                "event": event,
            }));
        }
    }
    context.printer.document(&documents)?;
    Ok(Code::Success)
}

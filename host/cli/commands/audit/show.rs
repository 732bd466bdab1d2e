//! `audit show`: the records of a log, for people. Nothing is written.

use repair_journal::StateDir;
use repair_model::text::{escaped, escaped_short};

use super::{Context, targets};
use crate::args::AuditArgs;
use crate::command_error::{Code, CommandError};

/// Bytes of an event on one line, unless more is asked for.
const EVENT_BYTES_MAX: usize = 160;

/// Prints logs.
pub fn run(context: &Context<'_>, state: &StateDir, args: &AuditArgs) -> Result<Code, CommandError> {
    let mut documents = Vec::new();
    for known in targets(context, state, args.all)? {
        for record in repair_journal::read(state, &known.id)?.records {
            let event = serde_json::to_value(&record.event)
                .map_err(|error| CommandError::internal("a record cannot be shown", error))?;
            let session = record.session.as_ref().map_or("-", |session| session.as_str());
            let mut line = escaped(&event.to_string());
            if !context.printer.is_verbose() {
                line = escaped_short(&line, EVENT_BYTES_MAX);
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

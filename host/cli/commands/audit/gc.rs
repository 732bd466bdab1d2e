//! `audit gc`: removes old segments of a log by a rule. What it would remove is told before it asks; that it did is
//! recorded and signed before anything goes. A session that is not over keeps every segment that holds a record of it.

use std::collections::BTreeSet;

use repair_journal::{Collection, Journal, KnownTarget, StateDir, collectable, read_present};
use repair_model::event::Record;
use repair_model::ids::SessionId;
use repair_pipeline::outside::Clock as _;

use super::{Context, place, targets};
use crate::args::AuditGcArgs;
use crate::command_error::{Code, CommandError};
use crate::opening::{SystemClock, folded, holder};
use crate::person::TerminalPerson;

/// Removes what the rule allows.
pub async fn run(context: &Context<'_>, state: &StateDir, args: &AuditGcArgs) -> Result<Code, CommandError> {
    let mut documents = Vec::new();
    let mut found = Vec::new();
    for known in targets(context, state, args.all)? {
        let open = open_sessions(state, &known)?;
        let may_go = |records: &[Record]| !holds_any(records, &open);
        let would = collectable(state, &known.id, args.older_than_days, SystemClock::new().now(), may_go)?;
        let verb = if args.dry_run { "would be removed" } else { "can be removed" };
        tell(context, &known, &would, verb);
        documents.push(document(&known, &would, false));
        if !would.is_empty() {
            found.push((known, open));
        }
    }
    if args.dry_run || found.is_empty() {
        context.printer.document(&documents)?;
        return Ok(Code::Success);
    }
    if !args.yes && !confirmed(context).await? {
        context.printer.line("nothing was removed");
        return Ok(Code::NotHealed);
    }
    let mut removed = Vec::new();
    for (known, open) in found {
        let clock = Box::new(SystemClock::new());
        let mut journal = Journal::open_for_session(state, &known.target, holder(context.environment), clock)?;
        let may_go = |records: &[Record]| !holds_any(records, &open);
        let gone = journal.collect(args.older_than_days, &context.environment.approver(), may_go)?;
        tell(context, &known, &gone, "are removed");
        removed.push(document(&known, &gone, true));
    }
    context.printer.document(&removed)?;
    Ok(Code::Success)
}

/// The sessions that are not over.
fn open_sessions(state: &StateDir, known: &KnownTarget) -> Result<BTreeSet<SessionId>, CommandError> {
    let present = read_present(state, &known.id)?;
    let history = folded(present.opening_state.as_deref(), &present.records)?;
    Ok(history.open().map(|session| session.id.clone()).collect())
}

fn holds_any(records: &[Record], sessions: &BTreeSet<SessionId>) -> bool {
    records.iter().any(|record| record.session.as_ref().is_some_and(|session| sessions.contains(session)))
}

fn tell(context: &Context<'_>, known: &KnownTarget, collection: &Collection, verb: &str) {
    let text = match collection.is_empty() {
        true => format!("{}: nothing is old enough", place(known)),
        false => format!(
            "{}: records {} to {} {verb}: {} segments, {} bytes, and the blobs that only they refer to",
            place(known),
            collection.first,
            collection.before - 1,
            collection.segments,
            collection.bytes
        ),
    };
    context.printer.line(&text);
}

fn document(known: &KnownTarget, collection: &Collection, removed: bool) -> serde_json::Value {
    serde_json::json!({
        "directory": known.target.directory,
        "project": known.target.project,
        "target": known.id,
        "removed": removed,
        "first_record": collection.first,
        "kept_from": collection.before,
        "segments": collection.segments,
        "bytes": collection.bytes,
    })
}

async fn confirmed(context: &Context<'_>) -> Result<bool, CommandError> {
    if !context.environment.interactive || context.printer.is_json() {
        return Err(CommandError::new(Code::AwaitingApproval, "nobody here can say yes")
            .hint("`repair audit gc --older-than-days N --yes` does not ask"));
    }
    let person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let answer = person.read_line("Remove them for good? [y]es [n]o: ").await;
    Ok(matches!(answer.as_deref(), Some("y" | "yes")))
}

//! `audit verify`: everything about a log is verified, and compared with checkpoints that were kept elsewhere. Nothing is
//! written.

use repair_journal::{Anchor, Audit, KnownTarget, StateDir, audit};
use repair_model::limits::HEAD_BYTES_MAX;
use repair_model::text::escaped;

use super::{Context, place, read_named, targets};
use crate::args::AuditVerifyArgs;
use crate::command_error::{Code, CommandError};
use crate::printer::{Tone, toned};

/// Verifies logs.
pub fn run(context: &Context<'_>, state: &StateDir, args: &AuditVerifyArgs) -> Result<Code, CommandError> {
    let targets = targets(context, state, args.all)?;
    let anchors = anchors(args, &targets)?;
    let mut documents = Vec::new();
    let mut code = Code::Success;
    for known in &targets {
        let mine: Vec<Anchor> =
            anchors.iter().filter(|anchor| anchor.target().ok() == Some(known.id)).cloned().collect();
        let audit = audit(state, &known.id, &mine)?;
        if !audit.problems.is_empty() {
            code = Code::Damaged;
        }
        show(context, known, &audit);
        documents.push(document(known, &audit));
    }
    context.printer.document(&documents)?;
    Ok(code)
}

/// The checkpoints in these files; each has to be about one of the logs.
fn anchors(args: &AuditVerifyArgs, targets: &[KnownTarget]) -> Result<Vec<Anchor>, CommandError> {
    let mut anchors = Vec::new();
    for file in &args.anchors {
        let anchor = Anchor { file: file.clone(), note: read_named(file, HEAD_BYTES_MAX)? };
        let usage = |what: String| CommandError::new(Code::Usage, format!("`{}`: {what}", file.display()));
        let target = anchor.target().map_err(|error| {
            usage(error.to_string()).hint("`repair audit checkpoint` prints what can be kept and compared later")
        })?;
        let is_here = targets.iter().any(|known| known.id == target);
        if !is_here && args.all {
            // Among all logs it would be there, if anything were left of it.
            let what = "this checkpoint is about a log that is not here: it was removed with every trace of it, or is in \
                        another state folder";
            return Err(CommandError::new(Code::Damaged, format!("`{}`: {what}", file.display())));
        }
        if !is_here {
            return Err(usage("this checkpoint is about the log of another target".to_owned())
                .hint("`repair audit verify --all` compares it with the logs of all projects"));
        }
        anchors.push(anchor);
    }
    Ok(anchors)
}

fn show(context: &Context<'_>, known: &KnownTarget, audit: &Audit) {
    let line = |text: &str| context.printer.line(text);
    if !audit.problems.is_empty() {
        line(&format!("{}  {}", toned(Tone::Bad, "DOES NOT VERIFY"), place(known)));
        for problem in &audit.problems {
            line(&format!("  {}", escaped(&problem.to_string())));
        }
        return;
    }
    line(&format!(
        "{}  {}: {} records, {} sessions, {} blobs; signed up to record {}, {} after it unsigned",
        toned(Tone::Good, "verified"),
        place(known),
        audit.records,
        audit.sessions,
        audit.blobs,
        audit.head.as_ref().map_or(0, |head| head.size),
        audit.unsigned
    ));
    if let Some(removal) = &audit.removal {
        line(&format!(
            "  records before {} were removed: older than {} days, asked for by {}, recorded in {} on {:.0}",
            removal.before,
            removal.older_than_days,
            escaped(&removal.approver),
            removal.recorded_in,
            removal.time
        ));
    }
    match audit.anchored {
        0 => line("  nothing is anchored elsewhere: whoever holds the key could rewrite all of it unnoticed"),
        anchored => line(&format!("  anchored elsewhere up to record {anchored}")),
    }
    for file in &audit.too_old {
        line(&format!(
            "  {} is older than every record that is left, so it cannot be compared any more",
            escaped(&file.display().to_string())
        ));
    }
}

fn document(known: &KnownTarget, audit: &Audit) -> serde_json::Value {
    let end = audit.first_record + audit.records;
    serde_json::json!({
        "directory": known.target.directory,
        "project": known.target.project,
        "target": known.id,
        "verified": audit.problems.is_empty(),
        "first_record": audit.first_record,
        "records": audit.records,
        "bytes": audit.bytes,
        "sessions": audit.sessions,
        "blobs": audit.blobs,
        "removed": audit.removal.as_ref().map(|removal| serde_json::json!({
            "before": removal.before,
            "older_than_days": removal.older_than_days,
            "approver": removal.approver,
            "recorded_in": removal.recorded_in,
            "time": removal.time,
        })),
        "anchored_records": audit.anchored.min(end),
        "anchors_too_old": audit.too_old,
        "signed_records": audit.head.as_ref().map_or(0, |head| head.size),
        "unsigned_records": audit.unsigned,
        "key": audit.head.as_ref().map(|head| head.key.to_string()),
        "unfinished_tail": audit.tail.is_some(),
        "problems": audit.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

//! `audit checkpoint`: signs the present end of a log, if it is not signed yet, and hands the signed note out. Kept
//! elsewhere, it shows later that the log then is still the beginning of the log now.

use repair_journal::StateDir;

use super::{Context, place, targets, write_new};
use crate::args::AuditCheckpointArgs;
use crate::command_error::{Code, CommandError};
use crate::opening::SystemClock;

/// Prints or writes the checkpoint of the project's log.
pub fn run(context: &Context<'_>, state: &StateDir, args: &AuditCheckpointArgs) -> Result<Code, CommandError> {
    let targets = targets(context, state, false)?;
    let [known] = targets.as_slice() else {
        let names: Vec<_> = targets.iter().map(|known| known.target.project.clone()).collect();
        return Err(CommandError::new(
            Code::Usage,
            format!("this directory has the logs of several projects: {}", names.join(", ")),
        )
        .hint("`--project-name NAME` chooses one"));
    };
    let head = repair_journal::checkpoint(state, &known.id, Box::new(SystemClock::new()))?;
    match &args.output {
        Some(path) => {
            write_new(path, head.note.as_bytes())?;
            context.printer.line(&format!(
                "wrote {}: {} with {} records; keep it where nobody who can change the log can change it, and compare later \
                 with `repair audit verify --anchor FILE`",
                path.display(),
                place(known),
                head.size
            ));
        }
        None if !context.printer.is_json() => context.printer.raw(&head.note),
        None => {}
    }
    context.printer.document(&serde_json::json!({
        "target": known.id,
        "records": head.size,
        "root": head.root,
        "time": head.time,
        "key": head.key.to_string(),
        "checkpoint": head.note,
        "wrote": args.output,
    }))?;
    Ok(Code::Success)
}

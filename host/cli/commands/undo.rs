//! `undo`: takes the file edits of a session back, byte for byte.

use repair_effects::compose::patch;
use repair_model::event::Purpose;
use repair_model::text::escaped;
use repair_pipeline::workflow::{UndoStep, undo_steps};

use super::Context;
use crate::args::UndoArgs;
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, journal, open, options, options_of};
use crate::opening::{find_session, state_dir};
use crate::person::TerminalPerson;

/// Takes back the edits of a session.
pub async fn run(context: &Context<'_>, args: &UndoArgs) -> Result<Code, CommandError> {
    let found = find_session(&state_dir(context.global, context.environment), &args.session)?;
    let steps = undo_steps(&found.history, found.session()?);
    if steps.is_empty() {
        return Err(CommandError::new(Code::Usage, format!("session {} has no edit to take back", found.id)));
    }
    let global = options_of(context.global, &found.target);
    let context = &context.on(&global);
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    if !args.yes && !confirmed(context, &person, &steps).await? {
        context.printer.line("nothing was taken back");
        return Ok(Code::NotHealed);
    }
    let mut opened = open(context, Scope::default()).await?;
    let mut journal = journal(context, &opened, false).await?;
    let purpose = Purpose::Undo { session: found.id.clone(), steps: steps.clone() };
    let options = options(context, opened.target(), purpose, args.yes, &[])?;
    let session = opened.workflow(&mut journal, &mut person, options).undo(&found.id, &steps).await?;
    for step in &steps {
        context.printer.line(&format!("restored {}", escaped(&step.edit.file)));
    }
    context
        .printer
        .line("containers keep running as they are; `docker compose up -d` puts the restored files into effect");
    context.printer.document(&serde_json::json!({
        "session": session,
        "undone": found.id,
        "files": steps.iter().map(|step| &step.edit.file).collect::<Vec<_>>(),
    }))?;
    Ok(Code::Success)
}

async fn confirmed(
    context: &Context<'_>,
    person: &TerminalPerson<'_>,
    steps: &[UndoStep],
) -> Result<bool, CommandError> {
    let mut text = String::from("This would be taken back:\n");
    for UndoStep { edit, .. } in steps {
        if patch::removes_file(edit) {
            text.push_str(&format!("  {} is removed\n", escaped(&edit.file)));
        } else {
            for hunk in &edit.hunks {
                let (now, then) = (escaped(&hunk.before), escaped(&hunk.after));
                text.push_str(&format!("  {}: `{now}` becomes `{then}` again\n", escaped(&edit.file)));
            }
        }
    }
    if !context.environment.interactive || context.printer.is_json() {
        context.printer.ask(&text);
        return Err(CommandError::new(Code::AwaitingApproval, "nobody here can say yes")
            .hint("`repair undo SESSION --yes` does not ask"));
    }
    context.printer.ask(&text);
    let answer = person.read_line("Take it back? [y]es [n]o: ").await;
    Ok(matches!(answer.as_deref(), Some("y" | "yes")))
}

//! `apply`: carries out an approved plan.

use repair_model::event::Purpose;

use super::Context;
use super::report::show;
use crate::args::{ApplyArgs, GlobalArgs};
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, journal, open, options, options_of};
use crate::opening::{histories, state_dir};
use crate::person::TerminalPerson;

/// Carries out an approved plan, in the session that waits with it.
pub async fn apply(context: &Context<'_>, args: &ApplyArgs) -> Result<Code, CommandError> {
    let (global, scope) = of_plan(context, &args.digest)?;
    let context = &context.on(&global);
    let meant = scope.azure.clone();
    let mut opened = open(context, scope).await?;
    if let Some(meant) = meant {
        opened.is_of_deployment(meant.deployment.as_deref())?;
    }
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let mut journal = journal(context, &opened, false).await?;
    let options = options(context, opened.target(), Purpose::Heal, args.yes, &[])?;
    opened.load_tools(context);
    let report = opened.workflow(&mut journal, &mut person, options).apply(&args.digest).await?;
    show(context, &report)
}

/// The target of the session that waits with the plan, wherever that is; without one, what is meant here.
fn of_plan(context: &Context<'_>, digest: &str) -> Result<(GlobalArgs, Scope), CommandError> {
    let state = state_dir(context.global, context.environment);
    let histories = histories(&state)?;
    let mut waiting = histories.iter().filter_map(|(_, _, history)| history.session_of_plan(digest));
    Ok(match (waiting.next(), waiting.next()) {
        (Some(session), None) => {
            (options_of(context.global, &session.target), Scope::of_session(session, context.global)?)
        }
        _ => (context.global.clone(), Scope::default()),
    })
}

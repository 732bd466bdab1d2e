//! `apply`: carries out an approved plan.

use repair_model::event::Purpose;

use super::Context;
use super::report::show;
use crate::args::ApplyArgs;
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, journal, open, options};
use crate::person::TerminalPerson;

/// Carries out an approved plan, in the session that waits with it.
pub async fn apply(context: &Context<'_>, args: &ApplyArgs) -> Result<Code, CommandError> {
    let mut opened = open(context, Scope::default()).await?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let mut journal = journal(context, &opened, false).await?;
    let options = options(context, opened.target(), Purpose::Heal, args.yes, &[])?;
    opened.load_tools(context);
    let report = opened.workflow(&mut journal, &mut person, options).apply(&args.digest).await?;
    show(context, &report)
}

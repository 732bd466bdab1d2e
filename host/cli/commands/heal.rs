//! `--self-heal=preview` and `plan`: a new session, or the one that waits.

use repair_model::event::Purpose;
use repair_model::evidence::Evidence;
use repair_pipeline::outside::{Clock as _, Deployment as _};
use repair_pipeline::workflow::WorkflowError;

use super::look::{failed_beside, show_verdict};
use super::report::show;
use super::starting::{Choice, Wish, choose};
use super::wrapped::run_command;
use super::{Context, log_file, resume};
use crate::args::HealArgs;
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, journal, open, options};
use crate::opening::SystemClock;
use crate::output::ReportDocument;
use crate::person::TerminalPerson;
use crate::printer::{Tone, toned};

/// How a heal was asked for.
struct Asked<'a> {
    purpose: Purpose,
    yes: bool,
    command: &'a [String],
    evidence: Vec<Evidence>,
    scope: Scope,
}

/// Heals, after running the wrapped command if there is one. A session that waits comes first: its person decides whether
/// it goes on before anything else happens.
pub async fn run(context: &Context<'_>, args: &HealArgs) -> Result<Code, CommandError> {
    let scope = Scope::of_command(&args.command, SystemClock::new().now());
    if let Choice::Resume(session) = choose(context, scope.clone(), &Wish::of(args)).await? {
        return resume::go_on(context, &session, &resume::How { yes: args.yes, ..resume::How::default() }).await;
    }
    if args.command.is_empty() {
        let evidence = args.log.as_deref().map(log_file::evidence).transpose()?;
        let evidence = evidence.into_iter().collect();
        return heal(context, Asked { purpose: Purpose::Heal, yes: args.yes, command: &[], evidence, scope }).await;
    }
    let ended = run_command(context, &args.command).await?;
    let Some(evidence) = ended.evidence else { return Ok(ended.code) };
    context.printer.progress("the command failed; looking at the project");
    let asked =
        Asked { purpose: Purpose::Heal, yes: args.yes, command: &args.command, evidence: vec![evidence], scope };
    let code = heal(context, asked).await?;
    if code == Code::Success && ended.attached {
        context.printer.progress("running the command again, to follow its services");
        return Ok(run_command(context, &args.command).await?.code);
    }
    Ok(code)
}

/// Makes a plan and stops at the approval. A session that has not begun anything gives way to it.
pub async fn plan(context: &Context<'_>, new: bool) -> Result<Code, CommandError> {
    let wish = if new { Wish::New } else { Wish::Plan };
    if let Choice::Resume(session) = choose(context, Scope::default(), &wish).await? {
        return resume::go_on(context, &session, &resume::How::default()).await;
    }
    let (command, evidence, scope) = (&[][..], Vec::new(), Scope::default());
    heal(context, Asked { purpose: Purpose::Plan, yes: false, command, evidence, scope }).await
}

async fn heal(context: &Context<'_>, asked: Asked<'_>) -> Result<Code, CommandError> {
    let scope = asked.scope.beside(&asked.evidence);
    let mut opened = open(context, scope).await?;
    let verdict = opened.deployment.verify().await.map_err(WorkflowError::Target)?;
    if verdict.healthy() {
        super::starting::give_up_earlier(context, &mut opened).await?;
        if !asked.evidence.is_empty() {
            return failed_beside(context, &asked.evidence, verdict);
        }
        show_verdict(context.printer, &verdict);
        context.printer.line(&toned(Tone::Good, "healthy: there is nothing to heal"));
        context.printer.document(&ReportDocument::healthy(verdict))?;
        return Ok(Code::Success);
    }
    let mut journal = journal(context, &opened, false).await?;
    opened.load_tools(context);
    let options = options(context, opened.target(), asked.purpose, asked.yes, asked.command)?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let report = opened.workflow(&mut journal, &mut person, options).heal(asked.evidence).await?;
    show(context, &report)
}

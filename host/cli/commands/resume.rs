//! `resume`: goes on with a session that stopped, or tells what would happen.
//!
//! Before anything runs, it prints how the session stands: phase, steps, decision, what nobody knows, whose edits are where.
//! With `--dry-run` it looks, tells and writes nothing.

use repair_journal::{Liveness, ReadOnlyLog, liveness, load_blob};
use repair_model::event::Purpose;
use repair_model::ids::SessionId;
use repair_model::outcome::Probe;
use repair_model::plan::FrozenPlan;
use repair_pipeline::handover::{Handover, edits_of};
use repair_pipeline::outside::{Deployment as _, Dirt};
use repair_pipeline::session::Session;
use repair_pipeline::workflow::{Ineligible, eligibility};

use super::handover::show_handover;
use super::report::show;
use super::{Context, starting};
use crate::args::{GlobalArgs, ResumeArgs};
use crate::command_error::{Code, CommandError};
use crate::opened::{Opened, Scope, journal, open, options, options_of};
use crate::opening::{FoundSession, find_open_session, state_dir};
use crate::output::ResumeDocument;
use crate::person::TerminalPerson;
use crate::printer::{Tone, toned};

/// How a session is gone on with.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Answer yes to later plans that are at most reversible.
    pub yes: bool,
    /// What a person saw of the unknown step.
    pub said: Option<bool>,
    /// End an effect that still runs instead of waiting for it.
    pub end_effect: bool,
    /// Tell what would happen, and write nothing.
    pub dry_run: bool,
}

/// Goes on with the session that the arguments name, or with the newest that waits for this project.
pub async fn run(context: &Context<'_>, args: &ResumeArgs) -> Result<Code, CommandError> {
    let said = match (args.happened, args.did_not_happen) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let how = How { yes: args.yes, said, end_effect: args.end_effect, dry_run: args.dry_run };
    // Values of parameters are for the session, whichever it is.
    let without_values = GlobalArgs { parameters: Vec::new(), ..context.global.clone() };
    let looking = context.on(&without_values);
    let id = match &args.session {
        Some(part) => find_open_session(&state_dir(context.global, context.environment), part)?.id,
        None => match starting::choose(&looking, Scope::default(), &starting::Wish::Resume(None)).await? {
            starting::Choice::Resume(id) => id,
            starting::Choice::New => starting::begun_here(&looking)?.ok_or_else(|| {
                CommandError::new(Code::Usage, "no session of this project waits")
                    .hint("`repair sessions` lists what was; `repair --self-heal=preview` begins a new one")
            })?,
        },
    };
    go_on(context, &id, &how).await
}

/// Goes on with one session.
pub async fn go_on(context: &Context<'_>, id: &SessionId, how: &How) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let found = find_open_session(&state, id.as_str())?;
    let session = found.session()?.clone();
    let global = options_of(context.global, &session.target);
    let context = &context.on(&global);
    let mut opened = open(context, Scope::of_session(&session, &global)?).await?;
    if opened.target().id() != found.target_id {
        return Err(another_target(&session, &opened));
    }
    if let Some(azure) = session.target.azure() {
        opened.is_of_deployment(azure.deployment.as_deref())?;
    }
    eligibility(&session, opened.policies.bounds(), context.environment.interactive)?;
    if how.dry_run {
        return foresee(context, &mut opened, &found, &session).await;
    }
    let mut journal = journal(context, &opened, how.end_effect).await?;
    // Whoever held the target until now may have gone on with it, or ended it.
    let found = find_open_session(&state, id.as_str())?;
    let session = found.session()?.clone();
    let handover = handover(context, &mut opened, &found, &session).await;
    context.printer.ask(&show_handover(&handover));
    opened.load_tools(context);
    let purpose = match &session.purpose {
        // A plan that is gone on with is carried out once it is approved.
        Purpose::Plan => Purpose::Heal,
        other => other.clone(),
    };
    let options = options(context, opened.target(), purpose, how.yes, &session.command)?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    if !confirmed_after_crash_loop(context, &person, &session).await {
        return Ok(Code::NotHealed);
    }
    let report = opened.workflow(&mut journal, &mut person, options).resume(id, how.said).await?;
    show(context, &report)
}

fn another_target(session: &Session, opened: &Opened) -> CommandError {
    let (theirs, here) = (&session.target, opened.target());
    CommandError::new(
        Code::Usage,
        format!(
            "session {} belongs to project `{}` in {} on {}, but this call means `{}` in {} on {}",
            session.id,
            theirs.project,
            theirs.directory.display(),
            theirs.endpoint,
            here.project,
            here.directory.display(),
            here.endpoint
        ),
    )
    .hint(match theirs.azure() {
        None => "leave out `-p`, `-f` and `--project-directory`, and set DOCKER_HOST or the context to that engine",
        Some(_) => "leave out `--azure` and `--subscription`, and sign in to that cloud",
    })
}

/// A session that was lost again and again goes on only when a person says so.
async fn confirmed_after_crash_loop(context: &Context<'_>, person: &TerminalPerson<'_>, session: &Session) -> bool {
    use repair_model::event::BlockReason;
    use repair_pipeline::session::Status;
    if session.status != Status::Blocked(BlockReason::CrashLoop) {
        return true;
    }
    let question = format!("Its process was lost {} times. Go on once more? [y]es [n]o: ", session.recoveries);
    let answer = person.read_line(&question).await;
    let yes = matches!(answer.as_deref(), Some("y" | "yes"));
    if !yes {
        context.printer.line("nothing was done");
    }
    yes
}

/// How the session stands, with its plan and its files as far as they can be seen.
pub async fn handover(context: &Context<'_>, opened: &mut Opened, found: &FoundSession, session: &Session) -> Handover {
    let edits = edits_of(session, |undo| opened.deployment.undo_of(undo));
    let dirt = opened.deployment.dirt(&edits).await;
    handover_of(context, found, session, &dirt)
}

/// How the session stands, from what the log says.
pub fn handover_of(context: &Context<'_>, found: &FoundSession, session: &Session, dirt: &Dirt) -> Handover {
    let state = state_dir(context.global, context.environment);
    let plan = session.plan.as_ref().and_then(|plan| load_blob(&state, &found.target_id, &plan.blob).ok());
    let plan = plan.and_then(|bytes| FrozenPlan::read(bytes).ok());
    let undone = repair_pipeline::workflow::undone_steps(&found.history, session);
    Handover::of(session, plan.as_ref(), dirt, &undone)
}

/// Tells what a resume would do.
async fn foresee(
    context: &Context<'_>,
    opened: &mut Opened,
    found: &FoundSession,
    session: &Session,
) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let liveness = liveness(&state, &found.target_id)?;
    let handover = handover(context, opened, found, session).await;
    let mut log = ReadOnlyLog::open(&state, &found.target_id)?;
    let options = options(context, opened.target(), session.purpose.clone(), false, &[])?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let probed = opened.workflow(&mut log, &mut person, options).foresee(session).await?;
    let recoveries_max = opened.policies.bounds().recoveries_max;
    let mut would = Vec::new();
    match &liveness {
        Liveness::Held(holder) => {
            would
                .push(format!("refuse, because process {} of {}@{} works on it", holder.pid, holder.user, holder.host));
        }
        Liveness::HeldByEffect(..) => would.push("wait for the effect that still runs".to_owned()),
        Liveness::Free(_) if session.status.needs_process() && session.recoveries >= recoveries_max => {
            let many =
                Ineligible::CrashLoop { session: session.id.clone(), recoveries: session.recoveries, recoveries_max };
            would.push(format!("block it: {many}"));
        }
        Liveness::Free(_) if session.status.needs_process() => {
            would.push("take it over from a lost process".to_owned())
        }
        Liveness::Free(_) => {}
    }
    match &probed {
        Some(Probe::Happened) => would.push("record that the open step had happened".to_owned()),
        Some(Probe::DidNotHappen) => {
            would.push("record that the open step had not happened, and begin it again".to_owned())
        }
        Some(Probe::Unclear(why)) => would.push(format!("ask a person whether the open step happened: {why}")),
        None => {}
    }
    would.push(handover.next.clone());
    context.printer.line(&show_handover(&handover));
    context.printer.line(&toned(Tone::Heading, "A resume would"));
    for what in &would {
        context.printer.line(&format!("  {}", repair_model::text::escaped(what)));
    }
    context.printer.document(&ResumeDocument::new(handover, would, &liveness))?;
    Ok(Code::Success)
}

//! `approve` and `abort`: they write to the log without the lease, so that they work while a session waits.

use repair_journal::{Journal, Liveness, liveness};
use repair_model::event::{Ending, Event, Record};
use repair_model::grant::{Channel, Grant};
use repair_model::ids::{Digest, SessionId};
use repair_model::plan::{FrozenPlan, Plan};
use repair_model::text::escaped;
use repair_pipeline::approval;
use repair_pipeline::outside::{Clock as _, Durability, Log as _};
use repair_pipeline::projection::PhaseState;

use super::Context;
use super::report::proposed_by;
use crate::built_in::is_built_in;
use crate::command_error::{Code, CommandError};
use crate::opening::{self, SystemClock, find_open_session, folded, histories, random, state_dir};
use crate::person::TerminalPerson;
use crate::printer::{Tone, toned};

/// Approves the plan with this digest, in the session that waits with it.
pub async fn approve(context: &Context<'_>, digest_prefix: &str) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let mut found = Vec::new();
    for (_, id, history) in histories(&state)? {
        if let Some(session) = history.session_of_plan(digest_prefix) {
            found.push((id, session.clone()));
        }
    }
    let (target_id, session) = match found.len() {
        1 => found.swap_remove(0),
        0 => {
            return Err(CommandError::new(Code::Usage, format!("no session waits with a plan {digest_prefix}"))
                .hint("`repair sessions --all` lists the sessions with their plans"));
        }
        _ => {
            return Err(CommandError::new(Code::Usage, format!("several plans begin with {digest_prefix}"))
                .hint("give the whole digest"));
        }
    };
    let clock = SystemClock::new();
    let mut journal = Journal::open_for_append(&state, &target_id, Box::new(clock))?;
    let blob =
        session.plan.as_ref().map(|plan| plan.blob).ok_or_else(|| CommandError::new(Code::Internal, "no plan"))?;
    let frozen = FrozenPlan::read(journal.load(blob)?)
        .map_err(|error| CommandError::internal("the stored plan cannot be read", error))?;
    let policies = opening::policies(context.environment, Some(&session.target.directory), context.global.timeout)?;
    if policies.digest() != frozen.plan().policy {
        return Err(CommandError::new(Code::Denied, "the policy changed after the plan was made")
            .hint("`repair plan` makes a new one"));
    }
    let typed = typed_names(context, frozen.plan()).await?;
    let grant = approval::grant(
        &frozen,
        &session.id,
        &context.environment.approver(),
        Channel::Command,
        clock.now(),
        policies.bounds().grant_seconds_max,
        random()?,
    );
    let grant = Grant { typed, ..grant };
    let (digest, expires_at) = (grant.plan, grant.expires_at);
    append_where_it_follows(&mut journal, &session.id, Event::Granted { grant })?;
    show(context, &frozen, digest, &format!("{expires_at:.0}"))
}

/// What a plan loses for good is shown, and its names have to be typed at a terminal. Empty where nothing is lost.
async fn typed_names(context: &Context<'_>, plan: &Plan) -> Result<Vec<String>, CommandError> {
    let lost = plan.lost();
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let refused = |what: &str| {
        CommandError::new(Code::AwaitingApproval, what)
            .hint("run `repair approve` at a terminal, where the names of what is lost can be typed")
    };
    let person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    if !context.environment.interactive || context.printer.is_json() {
        return Err(refused("this plan loses something for good, and nobody here can type its name"));
    }
    for step in plan.steps.iter().filter(|step| step.action.lost().is_some()) {
        context.printer.ask(&format!("{}\n", escaped(&step.summary)));
        for line in &step.detail {
            context.printer.ask(&format!("  {}\n", escaped(line)));
        }
    }
    let question = format!("Type {} to approve exactly this: ", escaped(&lost.join(" ")));
    let answer = person.read_exactly(&question).await.unwrap_or_default();
    let typed: Vec<String> = answer.split_whitespace().map(str::to_owned).collect();
    match approval::names_what_is_lost(plan, &typed) {
        true => Ok(typed),
        false => Err(refused("that is not the name of what would be lost; nothing was approved")),
    }
}

fn show(context: &Context<'_>, frozen: &FrozenPlan, digest: Digest, expires_at: &str) -> Result<Code, CommandError> {
    context.printer.line(&format!("approved, until {expires_at}:"));
    for (at, step) in frozen.plan().steps.iter().enumerate() {
        context.printer.line(&format!("  {}. {}  [{}]", at + 1, escaped(&step.summary), step.risk));
    }
    let tool = &frozen.plan().tool;
    context.printer.line(&format!("  {}", proposed_by(tool)));
    context.printer.line(&format!("carry it out with: repair apply {digest}"));
    context.printer.document(&serde_json::json!({
        "approved": digest, "expires_at": expires_at, "tool": tool, "built_in": is_built_in(&tool.id),
    }))?;
    Ok(Code::Success)
}

/// Gives up a session that is not over. What it left open stays unknown, and how to look is said.
pub fn abort(context: &Context<'_>, session: &str) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let found = find_open_session(&state, session)?;
    let state_of = found.session()?.clone();
    // A process that works on it would go on with something that is over.
    if let (Liveness::Held(holder), true) = (liveness(&state, &found.target_id)?, state_of.status.needs_process()) {
        let who = format!("process {} of {}@{}", holder.pid, holder.user, holder.host);
        return Err(CommandError::new(Code::Busy, format!("{who} works on session {}", found.id))
            .hint(format!("interrupt it there (`kill -INT {}`), then give the session up", holder.pid)));
    }
    let mut journal = Journal::open_for_append(&state, &found.target_id, Box::new(SystemClock::new()))?;
    let event = Event::Ended {
        ending: Ending::Aborted,
        reason: format!("given up by {}", context.environment.approver()),
        next_steps: Vec::new(),
    };
    append_where_it_follows(&mut journal, &found.id, event)?;
    publish(context, &mut journal, &found.id)?;
    context.printer.line(&format!("session {} was given up", found.id));
    let open = state_of.open_intent().or_else(|| state_of.unknown_step());
    if let Some(open) = open {
        let what = format!("step {} may or may not have happened; nobody looks at it any more", open.step + 1);
        context.printer.line(&format!("{} {what}", toned(Tone::Warning, "note:")));
        let look = match found.target.azure() {
            None => "`docker compose ps --all` shows how the services are".to_owned(),
            Some(azure) => format!(
                "`az deployment group list --subscription {} --resource-group {} --output table` shows how the group is",
                escaped(&azure.subscription),
                escaped(&found.target.project)
            ),
        };
        context.printer.line(&format!("{} {look}", toned(Tone::Warning, "next:")));
    }
    context.printer.document(&serde_json::json!({
        "aborted": found.id,
        "unknown_step": open.map(|open| open.step + 1),
    }))?;
    Ok(Code::Success)
}

/// The projection in the state folder follows; one in the project waits for the next session, since nothing is opened here.
fn publish(context: &Context<'_>, journal: &mut Journal, id: &SessionId) -> Result<(), CommandError> {
    let state = journal.opening_state()?;
    let history = folded(state.as_deref(), journal.records()?)?;
    let bytes = history.session(id).map(|session| serde_json::to_vec_pretty(&PhaseState::of(session)));
    if let Some(Ok(bytes)) = bytes
        && let Err(error) = journal.publish(id, &bytes)
    {
        context
            .printer
            .progress(&format!("the file for other programs was not written: {}", escaped(&error.to_string())));
    }
    Ok(())
}

/// Appends an event of a session, if it can follow what the log says by then: whoever works on the session may have gone on
/// since it was looked at.
fn append_where_it_follows(journal: &mut Journal, session: &SessionId, event: Event) -> Result<(), CommandError> {
    let state = journal.opening_state()?;
    let history = folded(state.as_deref(), journal.records()?)?;
    let sequence = journal.records()?.last().map_or(0, |record| record.sequence + 1);
    let record = Record {
        sequence,
        session: Some(session.clone()),
        epoch: 0,
        time: SystemClock::new().now(),
        event: event.clone(),
    };
    history.next(&record).map_err(|error| {
        CommandError::new(Code::NotHealed, format!("session {session} has gone on meanwhile: {}", error.what))
            .hint("`repair sessions` shows how it stands")
    })?;
    journal.append(Some(session), event, Durability::Power)?;
    Ok(journal.sign_head()?)
}

//! `approve` and `abort`: they write to the log without the lease, so that they work while a session waits.

use repair_journal::Journal;
use repair_model::event::{Ending, Event};
use repair_model::grant::Channel;
use repair_model::ids::Digest;
use repair_model::plan::FrozenPlan;
use repair_model::text::escaped;
use repair_pipeline::approval;
use repair_pipeline::outside::{Clock as _, Durability, Log as _};

use super::Context;
use crate::command_error::{Code, CommandError};
use crate::opening::{self, SystemClock, find_session, histories, random, state_dir};

/// Approves the plan with this digest, in the session that waits with it.
pub fn approve(context: &Context<'_>, digest_prefix: &str) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let mut found = Vec::new();
    for (target, id, history) in histories(&state)? {
        if let Some(session) = history.session_of_plan(digest_prefix) {
            found.push((target, id, session.clone()));
        }
    }
    let (target, target_id, session) = match found.len() {
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
    let policies = opening::policies(context.environment, Some(&target.directory), context.global.timeout)?;
    if policies.digest() != frozen.plan().policy {
        return Err(CommandError::new(Code::Denied, "the policy changed after the plan was made")
            .hint("`repair plan` makes a new one"));
    }
    let grant = approval::grant(
        &frozen,
        &session.id,
        &context.environment.approver(),
        Channel::Command,
        clock.now(),
        policies.bounds().grant_seconds_max,
        random()?,
    );
    let (digest, expires_at) = (grant.plan, grant.expires_at);
    journal.append(Some(&session.id), Event::Granted { grant }, Durability::Power)?;
    journal.sign_head()?;
    show(context, &frozen, digest, &format!("{expires_at:.0}"))
}

fn show(context: &Context<'_>, frozen: &FrozenPlan, digest: Digest, expires_at: &str) -> Result<Code, CommandError> {
    context.printer.line(&format!("approved, until {expires_at}:"));
    for (at, step) in frozen.plan().steps.iter().enumerate() {
        context.printer.line(&format!("  {}. {}  [{}]", at + 1, escaped(&step.summary), step.risk));
    }
    context.printer.line(&format!("carry it out with: repair apply {digest}"));
    context.printer.document(&serde_json::json!({ "approved": digest, "expires_at": expires_at }))?;
    Ok(Code::Success)
}

/// Gives up a session that waits.
pub fn abort(context: &Context<'_>, session: &str) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let found = find_session(&state, session)?;
    let state_of = found.session()?;
    if state_of.status.is_final() {
        return Err(CommandError::new(Code::Usage, format!("session {} is {}", found.id, state_of.status.as_str())));
    }
    if let Some(open) = state_of.open_intent() {
        return Err(CommandError::new(
            Code::NotHealed,
            format!("step {} of session {} was begun and is not settled", open.step + 1, found.id),
        )
        .hint("run `repair --self-heal=preview`: it looks whether the step happened before anything else"));
    }
    let mut journal = Journal::open_for_append(&state, &found.target_id, Box::new(SystemClock::new()))?;
    let event = Event::Ended {
        ending: Ending::Aborted,
        reason: format!("given up by {}", context.environment.approver()),
        next_steps: Vec::new(),
    };
    journal.append(Some(&found.id), event, Durability::Power)?;
    journal.sign_head()?;
    context.printer.line(&format!("session {} was given up", found.id));
    context.printer.document(&serde_json::json!({ "aborted": found.id }))?;
    Ok(Code::Success)
}

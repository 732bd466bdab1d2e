//! What each event makes of a session, and which events cannot follow.
//!
//! An event that cannot follow means that the log was not written by this program, or that this program is wrong. Either
//! way nothing is done on it. What others write without the lease may come at any moment, since they cannot see what the
//! session does meanwhile; where it comes too late it changes nothing.

use jiff::Timestamp;
use repair_model::event::{Ending, Event, Intent, SettledBy};
use repair_model::grant::{Channel, GrantVoid};
use repair_model::ids::{Digest, Domain};
use repair_model::outcome::Outcome;

use super::{AnswerState, CheckpointState, GrantState, Phase, PlanState, Session, Status, StepState};

/// Moves `session` on by an event of its own.
pub(super) fn advance(session: &mut Session, event: &Event, time: Timestamp) -> Result<(), String> {
    match event {
        Event::LogOpened { .. }
        | Event::SegmentOpened { .. }
        | Event::Collected { .. }
        | Event::TailSetAside { .. }
        | Event::LeaseTaken { .. }
        | Event::SessionBegan { .. } => Err("an event of the log names a session".to_owned()),
        Event::Noted { .. } => Ok(()),
        Event::Diagnosed { .. } | Event::ToolAnswered { .. } | Event::ToolRefused { .. } => look(session, event),
        Event::Planned { .. } | Event::PolicyAnswered { .. } | Event::ApprovalAsked { .. } => plan(session, event),
        Event::ApprovalRefused { .. } | Event::Granted { .. } | Event::GrantUsed { .. } | Event::GrantVoided { .. } => {
            grant(session, event)
        }
        Event::Intended { .. }
        | Event::EffectStarted { .. }
        | Event::OperationBegan { .. }
        | Event::Settled { .. }
        | Event::Checkpoint { .. } => step(session, event, time),
        Event::Verified { verdict } => {
            running(session)?;
            no_open_intent(session)?;
            session.verdict = Some(verdict.clone());
            session.phase = Phase::Verification;
            Ok(())
        }
        Event::RecoveryBegan { .. } | Event::Resumed { .. } | Event::Suspended { .. } | Event::Blocked { .. } => {
            stop_and_go(session, event)
        }
        Event::Ended { ending, reason, next_steps } => {
            // Whoever gives a session up does so whatever is open; the step stays unknown then.
            if *ending != Ending::Aborted {
                running(session)?;
                no_open_intent(session)?;
            }
            session.status = Status::Ended(*ending);
            session.reason = Some(reason.clone());
            session.next_steps.clone_from(next_steps);
            Ok(())
        }
    }
}

/// Whether others than the session's own process may write this: `repair approve`, `repair abort`.
pub(super) fn stands_without_lease(event: &Event) -> bool {
    match event {
        Event::Noted { .. } | Event::Ended { ending: Ending::Aborted, .. } => true,
        Event::Granted { grant } => grant.channel == Channel::Command,
        Event::ApprovalRefused { channel, .. } => *channel == Channel::Command,
        _ => false,
    }
}

/// Takes note of an event of a session that is over. Its status stays what it is.
pub(super) fn after_the_end(session: &mut Session, event: &Event, time: Timestamp) -> Result<(), String> {
    if stands_without_lease(event) {
        return Ok(());
    }
    if session.status != Status::Ended(Ending::Aborted) {
        return Err("it is over".to_owned());
    }
    // Somebody gave it up from elsewhere, and its own process had not seen that yet.
    match event {
        Event::Intended { step, intent } => session.steps.push(StepState {
            step: *step,
            intent: intent.clone(),
            intended_at: time,
            process: None,
            operation: None,
            outcome: None,
        }),
        Event::EffectStarted { step, process } => {
            open_step(session, *step)?.process = Some(process.clone());
        }
        Event::OperationBegan { step, url } => open_step(session, *step)?.operation = Some(url.clone()),
        Event::Settled { step, outcome, .. } => unsettled_step(session, *step)?.outcome = Some(outcome.clone()),
        _ => {}
    }
    Ok(())
}

fn look(session: &mut Session, event: &Event) -> Result<(), String> {
    running(session)?;
    match event {
        Event::Diagnosed { round, evidence, findings } => {
            no_open_intent(session)?;
            if *round < session.round {
                return Err(format!("round {round} after round {}", session.round));
            }
            session.round = *round;
            session.evidence = Some(*evidence);
            session.findings.clone_from(findings);
            session.phase = Phase::Planning;
        }
        Event::ToolAnswered { tool, component_blob, case, reply, answer, .. } => {
            session.answers.push(AnswerState {
                tool: tool.clone(),
                component_blob: *component_blob,
                case: *case,
                reply: *reply,
                answer: answer.clone(),
            });
        }
        _ => {}
    }
    Ok(())
}

fn plan(session: &mut Session, event: &Event) -> Result<(), String> {
    match event {
        Event::Planned { round, plan, blob, tool, class, steps } => {
            no_open_intent(session)?;
            // A person who is asked may choose another way, which is another plan.
            if session.status != Status::AwaitingApproval {
                running(session)?;
            }
            session.status = Status::Running;
            session.phase = Phase::Approval;
            // The same plan decided on once more in its round, as after a crash, is still the same one.
            let again = session.plan.as_ref().filter(|old| old.plan == *plan && old.round == *round);
            let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            let (grants_before, steps_before) = match again {
                Some(old) => (old.grants_before, old.steps_before),
                None => {
                    session.checkpoint = None;
                    (count(session.grants.len()), count(session.steps.len()))
                }
            };
            session.plan = Some(PlanState {
                plan: *plan,
                blob: *blob,
                tool: tool.clone(),
                class: *class,
                round: *round,
                steps: *steps,
                grants_before,
                steps_before,
                refused: false,
                decision: None,
                decision_id: None,
                decided: Vec::new(),
            });
        }
        Event::PolicyAnswered { plan, decision, steps } => {
            running(session)?;
            let id = decision_id(*plan, event)?;
            let state = present_plan(session, *plan)?;
            state.decision = Some(*decision);
            state.decision_id = Some(id);
            state.decided.clone_from(steps);
        }
        Event::ApprovalAsked { plan } => {
            running(session)?;
            present_plan(session, *plan)?;
            session.status = Status::AwaitingApproval;
        }
        _ => return Err("not an event of a plan".to_owned()),
    }
    Ok(())
}

/// The same answer of the policy to the same plan has the same id.
fn decision_id(plan: Digest, event: &Event) -> Result<Digest, String> {
    let bytes = serde_json::to_vec(&(plan, event)).map_err(|error| error.to_string())?;
    Ok(Digest::of(Domain::Decision, &bytes))
}

fn grant(session: &mut Session, event: &Event) -> Result<(), String> {
    match event {
        Event::ApprovalRefused { plan, channel, .. } => match present_plan(session, *plan) {
            Ok(state) => state.refused = true,
            Err(_) if *channel == Channel::Command => {}
            Err(error) => return Err(error),
        },
        Event::Granted { grant } => {
            let void = match present_plan(session, grant.plan) {
                Ok(_) => None,
                // Another plan took its place while somebody approved it from elsewhere.
                Err(_) if grant.channel == Channel::Command => Some(GrantVoid::Plan),
                Err(error) => return Err(error),
            };
            if grant.session != session.id {
                return Err("a grant for another session".to_owned());
            }
            if session.grants.iter().any(|state| state.grant.nonce == grant.nonce) {
                return Err("a grant that was given before".to_owned());
            }
            session.status = match (&session.status, grant.channel) {
                // Said from elsewhere, maybe while the session asks somebody else: it still has to be carried out.
                (other, Channel::Command) => other.clone(),
                (Status::AwaitingApproval | Status::Running, _) => Status::Running,
                (other, _) => return Err(format!("a grant while the session is {}", other.as_str())),
            };
            session.grants.push(GrantState { grant: grant.clone(), used: false, void });
        }
        Event::GrantUsed { nonce } => {
            running(session)?;
            unspent(session, nonce)?.used = true;
            session.phase = Phase::Execution;
        }
        Event::GrantVoided { nonce, why } => {
            let state = session.grants.iter_mut().find(|state| state.grant.nonce == *nonce);
            state.ok_or("a grant that was never given")?.void = Some(why.clone());
        }
        _ => return Err("not an event of a grant".to_owned()),
    }
    Ok(())
}

fn step(session: &mut Session, event: &Event, time: Timestamp) -> Result<(), String> {
    match event {
        Event::Intended { step, intent } => {
            running(session)?;
            no_open_intent(session)?;
            if let Intent::Apply { plan, .. } = intent {
                present_plan(session, *plan)?;
                if session.used_grant(*plan).is_none() {
                    return Err("an effect without a grant".to_owned());
                }
            }
            session.steps.push(StepState {
                step: *step,
                intent: intent.clone(),
                intended_at: time,
                process: None,
                operation: None,
                outcome: None,
            });
            session.phase = Phase::Execution;
        }
        Event::EffectStarted { step, process } => {
            running(session)?;
            open_step(session, *step)?.process = Some(process.clone());
        }
        Event::OperationBegan { step, url } => {
            running(session)?;
            open_step(session, *step)?.operation = Some(url.clone());
        }
        Event::Settled { step, outcome, by } => {
            let state = match by {
                SettledBy::Effect => {
                    running(session)?;
                    open_step(session, *step)?
                }
                SettledBy::Probe | SettledBy::Person { .. } => unsettled_step(session, *step)?,
            };
            state.outcome = Some(outcome.clone());
        }
        Event::Checkpoint { step, decision, evidence, .. } => {
            let done = session
                .steps
                .last()
                .is_some_and(|state| state.step == *step && matches!(state.outcome, Some(Outcome::Done { .. })));
            if !done {
                return Err(format!("a checkpoint after step {step}, which is not done"));
            }
            let place = u32::try_from(session.steps.len() - 1).unwrap_or(u32::MAX);
            let (step, decision, evidence) = (*step, *decision, *evidence);
            session.checkpoint = Some(CheckpointState { step, place, decision, evidence, time });
            if session.plan.as_ref().is_some_and(|plan| plan.steps == step.saturating_add(1)) {
                session.phase = Phase::Verification;
            }
        }
        _ => return Err("not an event of a step".to_owned()),
    }
    Ok(())
}

fn stop_and_go(session: &mut Session, event: &Event) -> Result<(), String> {
    match event {
        Event::RecoveryBegan { .. } => {
            session.recoveries += 1;
            session.status = Status::Recovering;
        }
        Event::Resumed { .. } => {
            no_open_intent(session)?;
            if session.unknown_step().is_some() {
                return Err("it goes on although nobody knows whether a step happened".to_owned());
            }
            if session.status == Status::Running {
                return Err("it goes on although it was not stopped".to_owned());
            }
            session.status = Status::Running;
            session.reason = None;
            session.next_steps.clear();
        }
        Event::Suspended { reason } => session.status = Status::Suspended(reason.clone()),
        Event::Blocked { reason, detail, next_steps } => {
            session.status = Status::Blocked(*reason);
            session.reason = Some(detail.clone());
            session.next_steps.clone_from(next_steps);
        }
        _ => return Err("not an event of stopping or going on".to_owned()),
    }
    Ok(())
}

fn running(session: &Session) -> Result<(), String> {
    match &session.status {
        Status::Running => Ok(()),
        other => Err(format!("it is {} and not running", other.as_str())),
    }
}

fn no_open_intent(session: &Session) -> Result<(), String> {
    match session.open_intent() {
        None => Ok(()),
        Some(open) => Err(format!("step {} is not settled", open.step)),
    }
}

fn present_plan(session: &mut Session, plan: Digest) -> Result<&mut PlanState, String> {
    session.plan.as_mut().filter(|state| state.plan == plan).ok_or_else(|| "not the present plan".to_owned())
}

fn unspent<'s>(session: &'s mut Session, nonce: &str) -> Result<&'s mut GrantState, String> {
    let state =
        session.grants.iter_mut().find(|state| state.grant.nonce == nonce).ok_or("a grant that was never given")?;
    if state.used {
        return Err("a grant that was used before".to_owned());
    }
    if state.void.is_some() {
        return Err("a grant that is void".to_owned());
    }
    Ok(state)
}

fn open_step(session: &mut Session, step: u32) -> Result<&mut StepState, String> {
    session
        .steps
        .iter_mut()
        .find(|state| state.outcome.is_none() && state.step == step)
        .ok_or_else(|| format!("step {step} is not open"))
}

/// The last step, as long as nobody knows whether it happened.
fn unsettled_step(session: &mut Session, step: u32) -> Result<&mut StepState, String> {
    session
        .steps
        .last_mut()
        .filter(|state| state.step == step && matches!(state.outcome, None | Some(Outcome::Unclear { .. })))
        .ok_or_else(|| format!("step {step} is not open"))
}

//! The life of a session, as a fold over the log.
//!
//! There is one transition function, [`History::next`]. It is total: every event either leads to a next state or is an
//! [`IllegalTransition`], which means that the log was not written by this program or that this program is wrong; either
//! way nothing is done. No state is kept anywhere else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use repair_model::decision::{Decided, Decision};
use repair_model::event::{EffectProcess, Ending, Event, Intent, Purpose, Record};
use repair_model::finding::{FailureClass, Finding};
use repair_model::grant::{Grant, GrantVoid};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::{Outcome, Verdict};
use repair_model::tool::{Attempt, ToolRef};

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A process works on it, or died while doing so.
    Running,
    /// It waits for a person's yes.
    AwaitingApproval,
    /// A person said yes and nobody has acted on it yet.
    Approved,
    /// It stopped for now.
    Suspended(String),
    /// It is over.
    Ended(Ending),
}

impl Status {
    /// The word for it, as `--json` prints it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Approved => "approved",
            Self::Suspended(_) => "suspended",
            Self::Ended(Ending::Healed) => "healed",
            Self::Ended(Ending::Undone) => "undone",
            Self::Ended(Ending::Escalated) => "escalated",
            Self::Ended(Ending::Failed) => "failed",
            Self::Ended(Ending::Aborted) => "aborted",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// The plan that a session is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanState {
    /// Its digest.
    pub plan: Digest,
    /// Blob of its bytes.
    pub blob: Digest,
    /// What it is meant to repair.
    pub class: FailureClass,
    /// Round in which it was made.
    pub round: u32,
    /// The policy's answer, once given.
    pub decision: Option<Decision>,
    /// The answer for each step.
    pub decided: Vec<Decided>,
}

/// A grant and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantState {
    /// The grant.
    pub grant: Grant,
    /// Whether its session has started to act on it.
    pub used: bool,
    /// Why it does not stand any more.
    pub void: Option<GrantVoid>,
}

/// One intent and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    /// Step of its plan, counted from 0.
    pub step: u32,
    /// What was about to be done.
    pub intent: Intent,
    /// When.
    pub intended_at: Timestamp,
    /// The process of the effect, once it was started.
    pub process: Option<EffectProcess>,
    /// What came of it; `None` while it is open.
    pub outcome: Option<Outcome>,
}

/// A tool's answer, for `repair replay`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerState {
    /// Which tool.
    pub tool: ToolRef,
    /// Blob of the component.
    pub component_blob: Digest,
    /// Blob of the case.
    pub case: Digest,
    /// Blob of the reply.
    pub reply: Digest,
    /// What kind of answer.
    pub answer: String,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What for.
    pub purpose: Purpose,
    /// The wrapped command.
    pub command: Vec<String>,
    /// When it began; never rewritten.
    pub started: Timestamp,
    /// When its last event was written.
    pub updated: Timestamp,
    /// How it stands.
    pub status: Status,
    /// The last round that was begun.
    pub round: u32,
    /// The last diagnosis, primary finding first.
    pub findings: Vec<Finding>,
    /// The present plan.
    pub plan: Option<PlanState>,
    /// All grants, oldest first.
    pub grants: Vec<GrantState>,
    /// All intents, oldest first.
    pub steps: Vec<StepState>,
    /// All answers of tools, oldest first.
    pub answers: Vec<AnswerState>,
    /// The last verification.
    pub verdict: Option<Verdict>,
    /// Why it ended.
    pub reason: Option<String>,
    /// What a person can do next.
    pub next_steps: Vec<String>,
}

impl Session {
    /// The intent without an outcome, if there is one: the effect may or may not have happened.
    pub fn open_intent(&self) -> Option<&StepState> {
        self.steps.iter().find(|step| step.outcome.is_none())
    }

    /// Whether it stopped in the middle of an effect, and nobody has settled it since.
    pub fn is_interrupted(&self) -> bool {
        !self.status.is_final() && self.open_intent().is_some()
    }

    /// The grant that stands for `plan` and has not been used.
    pub fn unused_grant(&self, plan: Digest) -> Option<&Grant> {
        self.grants
            .iter()
            .rev()
            .find(|state| state.grant.plan == plan && !state.used && state.void.is_none())
            .map(|state| &state.grant)
    }

    /// Effects that were started in this session.
    pub fn attempts(&self) -> u32 {
        self.steps
            .iter()
            .filter(|step| matches!(step.intent, Intent::Apply { .. }))
            .count()
            .try_into()
            .unwrap_or(u32::MAX)
    }
}

/// An event that cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence}: {what}")]
pub struct IllegalTransition {
    /// Which record.
    pub sequence: u64,
    /// Why it cannot follow.
    pub what: String,
}

/// Everything that the log of one target says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    sessions: BTreeMap<SessionId, Session>,
    classes: BTreeMap<Digest, FailureClass>,
}

impl History {
    /// Folds all records.
    ///
    /// # Errors
    /// At the first record that cannot follow.
    pub fn fold(records: &[Record]) -> Result<Self, IllegalTransition> {
        records.iter().try_fold(Self::default(), |history, record| history.next(record))
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions.values()
    }

    /// One session.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// The session that is not over and whose present plan has this digest, or a unique prefix of it.
    pub fn session_of_plan(&self, digest_prefix: &str) -> Option<&Session> {
        self.sessions.values().rev().find(|session| {
            !session.status.is_final()
                && session.plan.as_ref().is_some_and(|plan| plan.plan.to_string().starts_with(digest_prefix))
        })
    }

    /// Effects started for `class` since `since`, over all sessions of this target.
    pub fn attempts_since(&self, class: FailureClass, since: Timestamp) -> u32 {
        let count = self
            .sessions
            .values()
            .flat_map(|session| &session.steps)
            .filter(|step| step.intended_at >= since && self.class_of(&step.intent) == Some(class))
            .count();
        count.try_into().unwrap_or(u32::MAX)
    }

    /// Earlier tries for `class`, newest first, as tools see them.
    pub fn attempts_for(&self, class: FailureClass, now: Timestamp, tries_max: usize) -> Vec<Attempt> {
        let mut tries: Vec<Attempt> = Vec::new();
        for session in self.sessions.values().rev() {
            for step in session.steps.iter().rev() {
                let Intent::Apply { action, .. } = &step.intent else { continue };
                if self.class_of(&step.intent) != Some(class) || tries.len() == tries_max {
                    continue;
                }
                let tool = session.answers.iter().rev().find(|answer| answer.answer == "propose");
                tries.push(Attempt {
                    tool: tool.map(|answer| answer.tool.id.clone()).unwrap_or_default(),
                    actions: vec![action.clone()],
                    outcome: describe(step.outcome.as_ref(), session),
                    seconds_ago: now.duration_since(step.intended_at).as_secs().try_into().unwrap_or(0),
                });
            }
        }
        tries
    }

    fn class_of(&self, intent: &Intent) -> Option<FailureClass> {
        match intent {
            Intent::Apply { plan, .. } => self.classes.get(plan).copied(),
            Intent::Undo { .. } => None,
        }
    }

    /// The one transition function.
    ///
    /// # Errors
    /// When the event cannot follow.
    pub fn next(mut self, record: &Record) -> Result<Self, IllegalTransition> {
        let illegal = |what: String| IllegalTransition { sequence: record.sequence, what };
        let Some(id) = &record.session else {
            return match record.event {
                Event::LogOpened { .. }
                | Event::SegmentOpened { .. }
                | Event::Collected { .. }
                | Event::TailSetAside { .. }
                | Event::LeaseTaken { .. }
                | Event::Noted { .. } => Ok(self),
                _ => Err(illegal("an event of a session names no session".to_owned())),
            };
        };
        if let Event::SessionBegan { purpose, command, .. } = &record.event {
            let session = began(id, purpose, command, record.time);
            return match self.sessions.insert(id.clone(), session) {
                None => Ok(self),
                Some(_) => Err(illegal(format!("session {id} begins twice"))),
            };
        }
        if let Event::Planned { plan, class, .. } = &record.event {
            self.classes.insert(*plan, *class);
        }
        let session = self.sessions.get_mut(id).ok_or_else(|| illegal(format!("session {id} has not begun")))?;
        if session.status.is_final() {
            return Err(illegal(format!("session {id} is over")));
        }
        advance(session, &record.event, record.time).map_err(|what| illegal(format!("session {id}: {what}")))?;
        session.updated = record.time;
        Ok(self)
    }
}

fn began(id: &SessionId, purpose: &Purpose, command: &[String], time: Timestamp) -> Session {
    Session {
        id: id.clone(),
        purpose: purpose.clone(),
        command: command.to_vec(),
        started: time,
        updated: time,
        status: Status::Running,
        round: 0,
        findings: Vec::new(),
        plan: None,
        grants: Vec::new(),
        steps: Vec::new(),
        answers: Vec::new(),
        verdict: None,
        reason: None,
        next_steps: Vec::new(),
    }
}

fn advance(session: &mut Session, event: &Event, time: Timestamp) -> Result<(), String> {
    match event {
        Event::LogOpened { .. }
        | Event::SegmentOpened { .. }
        | Event::Collected { .. }
        | Event::TailSetAside { .. }
        | Event::LeaseTaken { .. }
        | Event::SessionBegan { .. } => Err("an event of the log names a session".to_owned()),
        Event::Noted { .. }
        | Event::ToolRefused { .. }
        | Event::RecoveryBegan { .. }
        | Event::Resumed { .. }
        | Event::Checkpoint { .. }
        | Event::Blocked { .. } => Ok(()),
        Event::Diagnosed { round, findings, .. } => {
            if *round < session.round {
                return Err(format!("round {round} after round {}", session.round));
            }
            session.round = *round;
            session.findings.clone_from(findings);
            session.status = Status::Running;
            Ok(())
        }
        Event::ToolAnswered { tool, component_blob, case, reply, answer, .. } => {
            session.answers.push(AnswerState {
                tool: tool.clone(),
                component_blob: *component_blob,
                case: *case,
                reply: *reply,
                answer: answer.clone(),
            });
            Ok(())
        }
        Event::Planned { round, plan, blob, class, .. } => {
            no_open_intent(session)?;
            session.status = Status::Running;
            session.plan = Some(PlanState {
                plan: *plan,
                blob: *blob,
                class: *class,
                round: *round,
                decision: None,
                decided: Vec::new(),
            });
            Ok(())
        }
        Event::PolicyAnswered { plan, decision, steps } => {
            let state = present_plan(session, *plan)?;
            state.decision = Some(*decision);
            state.decided.clone_from(steps);
            Ok(())
        }
        Event::ApprovalAsked { plan } => {
            present_plan(session, *plan)?;
            session.status = Status::AwaitingApproval;
            Ok(())
        }
        Event::ApprovalRefused { plan, .. } => {
            present_plan(session, *plan)?;
            Ok(())
        }
        Event::Granted { .. } | Event::GrantUsed { .. } | Event::GrantVoided { .. } => advance_grant(session, event),
        Event::Intended { .. } | Event::EffectStarted { .. } | Event::Settled { .. } => {
            advance_step(session, event, time)
        }
        Event::Verified { verdict } => {
            no_open_intent(session)?;
            session.verdict = Some(verdict.clone());
            Ok(())
        }
        Event::Suspended { reason } => {
            session.status = Status::Suspended(reason.clone());
            Ok(())
        }
        Event::Ended { ending, reason, next_steps } => {
            no_open_intent(session)?;
            session.status = Status::Ended(*ending);
            session.reason = Some(reason.clone());
            session.next_steps.clone_from(next_steps);
            Ok(())
        }
    }
}

fn advance_grant(session: &mut Session, event: &Event) -> Result<(), String> {
    match event {
        Event::Granted { grant } => {
            present_plan(session, grant.plan)?;
            if grant.session != session.id {
                return Err("a grant for another session".to_owned());
            }
            if session.grants.iter().any(|state| state.grant.nonce == grant.nonce) {
                return Err("a grant that was given before".to_owned());
            }
            session.grants.push(GrantState { grant: grant.clone(), used: false, void: None });
            session.status = Status::Approved;
            Ok(())
        }
        Event::GrantUsed { nonce } => {
            let state = unspent(session, nonce)?;
            state.used = true;
            session.status = Status::Running;
            Ok(())
        }
        Event::GrantVoided { nonce, why } => {
            let state = session
                .grants
                .iter_mut()
                .find(|state| state.grant.nonce == *nonce)
                .ok_or("a grant that was never given")?;
            state.void = Some(why.clone());
            session.status = Status::Running;
            Ok(())
        }
        _ => Err("not an event of a grant".to_owned()),
    }
}

fn advance_step(session: &mut Session, event: &Event, time: Timestamp) -> Result<(), String> {
    match event {
        Event::Intended { step, intent } => {
            no_open_intent(session)?;
            if let Intent::Apply { plan, .. } = intent {
                present_plan(session, *plan)?;
                let granted =
                    session.grants.iter().any(|state| state.grant.plan == *plan && state.used && state.void.is_none());
                if !granted {
                    return Err("an effect without a grant".to_owned());
                }
            }
            session.steps.push(StepState {
                step: *step,
                intent: intent.clone(),
                intended_at: time,
                process: None,
                outcome: None,
            });
            session.status = Status::Running;
            Ok(())
        }
        Event::EffectStarted { step, process } => {
            open_step(session, *step)?.process = Some(process.clone());
            Ok(())
        }
        Event::Settled { step, outcome, .. } => {
            open_step(session, *step)?.outcome = Some(outcome.clone());
            Ok(())
        }
        _ => Err("not an event of a step".to_owned()),
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

fn describe(outcome: Option<&Outcome>, session: &Session) -> String {
    match outcome {
        None => "unclear: not settled".to_owned(),
        Some(Outcome::Failed { error, .. }) => format!("failed: {error}"),
        Some(Outcome::Abandoned { reason }) => format!("abandoned: {reason}"),
        Some(Outcome::Unclear { reason }) => format!("unclear: {reason}"),
        Some(Outcome::Done { .. }) if session.status == Status::Ended(Ending::Healed) => "healed".to_owned(),
        Some(Outcome::Done { .. }) => match &session.verdict {
            Some(verdict) if verdict.healthy() => "healed".to_owned(),
            Some(verdict) => {
                let sick: Vec<_> = verdict
                    .services
                    .iter()
                    .filter(|service| !service.healthy)
                    .map(|service| format!("{} {}", service.service, service.state))
                    .collect();
                format!("not-verified: {}", sick.join(", "))
            }
            None => "not-verified: no verification".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;

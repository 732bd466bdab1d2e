//! Going on with a session that stopped: it is taken over, what is open is settled, and it goes on through the same stages
//! and the same gate as one that never stopped.
//!
//! Refused: a session that is over, and one that was taken over too often unless a person stands in front of it.

use repair_model::action::Action;
use repair_model::bounds::Bounds;
use repair_model::decision::Decision;
use repair_model::event::{BlockReason, Event, Intent, Purpose};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::grant::GrantVoid;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::outcome::Outcome;
use repair_model::plan::{Change, FrozenPlan, Step};
use repair_model::tool::Proposal;

use super::next_steps::other_ways;
use super::{Course, Next, Workflow, WorkflowError};
use crate::approval::{Person, Progress, yes_flag_covers};
use crate::outside::{Deployment, Durability, EffectId, Log, LogError, Tools};
use crate::planning::Draft;
use crate::report::{Conclusion, Report, StepReport};
use crate::session::{PlanState, Session, Status, StepState};

/// Why a session cannot be resumed. [`Ineligible::reason`] is the word for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// It is over.
    #[error("session {session} is over: {status}")]
    Over {
        /// Which session.
        session: SessionId,
        /// How it ended.
        status: &'static str,
    },
    /// It was taken over as often as the bounds allow, and nobody is here to say that it may go on.
    #[error(
        "session {session} was lost and taken over {recoveries} times; the bound recoveries_max is {recoveries_max}"
    )]
    CrashLoop {
        /// Which session.
        session: SessionId,
        /// How often.
        recoveries: u32,
        /// The bound.
        recoveries_max: u32,
    },
}

impl Ineligible {
    /// The word for it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Over { .. } => "over",
            Self::CrashLoop { .. } => "crash-loop",
        }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Over { session, .. } => vec![
                format!("`repair show {session}` says what happened"),
                "`repair --self-heal=preview` begins a new session".to_owned(),
            ],
            Self::CrashLoop { session, .. } => vec![
                format!("find out what ends `repair`; `repair show {session}` says how far it came"),
                format!("at a terminal, `repair resume {session}` asks whether it may go on"),
                format!("`repair abort {session}` gives it up"),
            ],
        }
    }
}

/// Whether a session may be resumed at all, with a person in front of it or without.
///
/// # Errors
/// Why it may not.
pub fn eligibility(session: &Session, bounds: &Bounds, interactive: bool) -> Result<(), Ineligible> {
    if session.status.is_final() {
        return Err(Ineligible::Over { session: session.id.clone(), status: session.status.as_str() });
    }
    if session.status == Status::Blocked(BlockReason::CrashLoop) && !interactive {
        return Err(Ineligible::CrashLoop {
            session: session.id.clone(),
            recoveries: session.recoveries,
            recoveries_max: bounds.recoveries_max,
        });
    }
    Ok(())
}

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Goes on with a session that stopped. `said` is a person's answer to whether its unknown step has happened.
    ///
    /// # Errors
    /// When it may not be resumed, or the log or the target cannot be used.
    pub async fn resume(&mut self, id: &SessionId, said: Option<bool>) -> Result<Report, WorkflowError> {
        let session = self.session_now(id)?;
        eligibility(&session, self.policies.bounds(), self.person.interactive())?;
        self.begin_segment_when_full()?;
        let mut course = self.course_of(&session)?;
        if session.status.needs_process() {
            if let Some(next) = self.crash_loop(&session) {
                return self.conclude(course, next).await;
            }
            self.take_over(&session)?;
        }
        if session.open_intent().or_else(|| session.unknown_step()).is_some()
            && self.settle_unknown(&mut course, &session, said).await?.is_none()
        {
            let reason = "it cannot be told whether a step happened".to_owned();
            let steps = self.ways_to_settle(&session);
            let blocked = Conclusion::Blocked(BlockReason::PersonNeeded, reason);
            return self.conclude(course, Next::Conclude(blocked, steps)).await;
        }
        self.go_on(id)?;
        self.checkpoint_last(id)?;
        course.steps = steps_so_far(&self.session_now(id)?, course.plan.as_ref());
        if let Purpose::Undo { session: of, steps } = &session.purpose {
            return self.go_on_undoing(course, of, steps).await;
        }
        let next = self.where_it_stands(id).await?;
        self.conclude(course, next).await
    }

    /// Carries out the plan of this digest, or of this unique prefix of one, in the session that waits with it.
    ///
    /// # Errors
    /// When no session waits with that plan, or it was not approved.
    pub async fn apply(&mut self, digest_prefix: &str) -> Result<Report, WorkflowError> {
        let found = self.folded.of(self.log)?.session_of_plan(digest_prefix).cloned();
        let session = found.ok_or_else(|| WorkflowError::Request {
            what: format!("no session of this target waits with a plan {digest_prefix}"),
            hints: vec!["`repair sessions` lists them; `repair plan` makes a new plan".to_owned()],
        })?;
        let state = session.plan.as_ref();
        if let Some(state) = state.filter(|_| session.status == Status::AwaitingApproval)
            && session.unused_grant(state.plan).is_none()
        {
            let frozen = self.stored_plan(&session, state)?;
            let unattended =
                state.decision == Some(Decision::Allow) || (self.options.yes && yes_flag_covers(frozen.plan().risk()));
            if !unattended {
                return Err(WorkflowError::NotApproved(frozen.digest()));
            }
        }
        let id = session.id.clone();
        self.resume(&id, None).await
    }

    /// Records that the session goes on.
    pub(super) fn go_on(&mut self, id: &SessionId) -> Result<(), LogError> {
        let event = Event::Resumed { approver: self.options.approver.clone(), version: self.options.version.clone() };
        self.record(id, event, Durability::Power)
    }

    fn crash_loop(&mut self, session: &Session) -> Option<Next> {
        let recoveries_max = self.policies.bounds().recoveries_max;
        if session.recoveries < recoveries_max {
            return None;
        }
        let loop_ =
            Ineligible::CrashLoop { session: session.id.clone(), recoveries: session.recoveries, recoveries_max };
        let conclusion = Conclusion::Blocked(BlockReason::CrashLoop, loop_.to_string());
        Some(Next::Conclude(conclusion, loop_.hints()))
    }

    /// What the session has come to so far, from the log.
    fn course_of(&mut self, session: &Session) -> Result<Course, WorkflowError> {
        let mut course = self.course(session.id.clone());
        course.worked_before_ms = session.worked_ms;
        course.grants = session.grants.len().try_into().unwrap_or(u32::MAX);
        let is_asked_for = session.status == Status::AwaitingApproval || !session.grants.is_empty();
        course.only_plans |= session.purpose == Purpose::Plan && !is_asked_for;
        course.findings.clone_from(&session.findings);
        // A round that was diagnosed and not planned begins once more, under its own number.
        let planned = session.plan_of_round();
        course.round = if planned.is_some() { session.round } else { session.round.saturating_sub(1) };
        if let Some(state) = planned {
            course.decided.clone_from(&state.decided);
            course.plan = Some(self.stored_plan(session, state)?);
        }
        course.steps = steps_so_far(session, course.plan.as_ref());
        Ok(course)
    }

    fn stored_plan(&mut self, session: &Session, state: &PlanState) -> Result<FrozenPlan, WorkflowError> {
        self.frozen(session, state.plan).map_err(|what| WorkflowError::Request {
            what,
            hints: vec![
                "`repair audit verify` shows what is wrong with the log".to_owned(),
                format!("`repair abort {}` gives the session up", session.id),
            ],
        })
    }

    /// Lets the deployment know the files again that drawn values were written into: only the process that drew them knew
    /// what such a file is now, and no log says it. Without that, a later step of the plan would find a changed file.
    pub(super) async fn recall_drawn_values(&mut self, session: &SessionId, frozen: &FrozenPlan, done: usize) {
        let drew = |step: &&Step| matches!(step.change, Change::SecretValue(_));
        for step in frozen.plan().steps.iter().take(done).filter(drew) {
            let effect = EffectId { session: session.clone(), place: 0, operation: None };
            // Nothing depends on the answer; the gate looks at the file itself.
            self.deployment.probe(step, &effect, &mut |_| {}).await;
        }
    }

    /// Where a session that goes on now takes up its way.
    pub(super) async fn where_it_stands(&mut self, id: &SessionId) -> Result<Next, WorkflowError> {
        let session = self.session_now(id)?;
        let Some(state) = session.plan_of_round().cloned() else { return self.another_round(id) };
        let frozen = self.stored_plan(&session, &state)?;
        if session.begun_steps().any(|step| matches!(step.outcome, Some(Outcome::Failed { .. }))) {
            return self.another_round(id);
        }
        if state.refused {
            let ways = other_ways(&frozen);
            return Ok(Next::Conclude(Conclusion::Declined, ways));
        }
        let done = session.done_steps();
        if done == frozen.plan().steps.len() {
            return Ok(Next::Verify(Box::new(frozen)));
        }
        if let Some(grant) = session.used_grant(state.plan).or_else(|| session.unused_grant(state.plan)) {
            let grant = Box::new(grant.clone());
            self.recall_drawn_values(id, &frozen, done).await;
            return Ok(Next::CarryOut(Box::new(frozen), grant, done));
        }
        let changed = self.what_changed(&frozen);
        if let Some(why) = &changed {
            self.person.tell(Progress::Void(&why.to_string()));
        }
        if session.is_plan_void() || changed.is_some() {
            return self.another_round(id);
        }
        Ok(Next::Approve(Box::new(draft_of(frozen))))
    }

    /// Whether policy or tool changed since the plan was made, so that nobody should be asked about it any more.
    fn what_changed(&self, frozen: &FrozenPlan) -> Option<GrantVoid> {
        let plan = frozen.plan();
        let component = self.tools.component(&plan.tool.id).map(|bytes| Digest::of(Domain::Component, bytes));
        if component != Some(plan.tool.component) {
            return Some(GrantVoid::Component);
        }
        (plan.policy != self.policies.digest()).then_some(GrantVoid::Policy)
    }

    /// The next round, or the present one once more. As long as nothing was done, what the session began with tells what
    /// failed; later that is what the last step printed, if it failed.
    pub(super) fn another_round(&mut self, id: &SessionId) -> Result<Next, WorkflowError> {
        let session = self.session_now(id)?;
        Ok(Next::Round(match session.steps.last() {
            None => self.evidence_of(session.first_evidence)?,
            Some(last) => failed_output(last).into_iter().collect(),
        }))
    }
}

/// Everything that the session has begun, as its report tells it. A step that was begun again is told once.
fn steps_so_far(session: &Session, plan: Option<&FrozenPlan>) -> Vec<StepReport> {
    let mut told: Vec<(u32, StepReport)> = Vec::new();
    let present_from =
        session.plan.as_ref().map_or(usize::MAX, |plan| plan.steps_before.try_into().unwrap_or(usize::MAX));
    for (place, state) in session.steps.iter().enumerate() {
        let Some(outcome) = state.outcome.clone() else { continue };
        let planned =
            plan.filter(|_| place >= present_from).map(|plan| plan.plan().steps.as_slice()).unwrap_or_default();
        let summary = match (&state.intent, planned.get(usize::try_from(state.step).unwrap_or(usize::MAX))) {
            (Intent::Undo { edit, .. }, _) => format!("restore `{}`", edit.file),
            (Intent::Apply { .. }, Some(step)) => step.summary.clone(),
            (Intent::Apply { action, .. }, None) => action.kind().to_string(),
        };
        let begun_again =
            |(step, last): &(u32, StepReport)| *step == state.step && !matches!(last.outcome, Outcome::Failed { .. });
        if told.last().is_some_and(begun_again) {
            told.pop();
        }
        told.push((state.step, StepReport { summary, outcome }));
    }
    told.into_iter().map(|(_, report)| report).collect()
}

/// What a failed step printed, as evidence for the next round.
fn failed_output(last: &StepState) -> Option<Evidence> {
    let Some(Outcome::Failed { error, output }) = &last.outcome else { return None };
    let of_azure = matches!(&last.intent, Intent::Apply { action: Action::Azure(_), .. });
    let lines = if output.is_empty() { std::slice::from_ref(error) } else { output.as_slice() };
    Some(Evidence {
        provenance: if of_azure { Provenance::ArmAnswer } else { Provenance::ComposeUp },
        lines: lines.iter().map(|line| crate::evidence::redacted(line)).collect(),
        truncated: false,
        lines_before: 0,
    })
}

/// A plan from the log as a draft. Where else it could be edited was known to the process that made it, and is not asked
/// for again.
pub(super) fn draft_of(frozen: FrozenPlan) -> Draft {
    let plan = frozen.plan();
    Draft {
        proposal: Proposal {
            reason: plan.reason.clone(),
            confidence: plan.confidence,
            actions: plan.steps.iter().map(|step| step.action.clone()).collect(),
        },
        params: plan.params.clone(),
        methods: Vec::new(),
        frozen,
    }
}

//! Carrying out a granted plan: gate, durable intent, effect, durable outcome, and nothing else.
//!
//! There is one gate and every effect passes it: declared by the tool, inside this target, risk and change computed again,
//! allowed by policy, granted, what was approved still true, attempts left. The plan leaves no choice to execution.

mod budget;

use std::os::fd::{AsFd, OwnedFd};

use repair_model::decision::Decision;
use repair_model::event::{Event, Intent, SettledBy};
use repair_model::grant::{Channel, Grant, GrantVoid};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::outcome::Outcome;
use repair_model::plan::{Change, FrozenPlan, Step};
use repair_model::risk::Risk;
use repair_model::target::Target;

use self::budget::Budget;
pub(crate) use self::budget::{ATTEMPT_WINDOW_SECONDS, attempts_since};
use crate::approval::{Person, Progress, names_what_is_lost, yes_flag_covers};
use crate::outside::{Clock, Deployment, Durability, EffectContext, EffectId, Log, LogError, Tools};
use crate::policy::{Policies, Request};
use crate::projection;
use crate::report::StepReport;
use crate::session::{Folded, GrantState, HistoryError, IllegalTransition, Session, StepState};
use crate::workflow::Elsewhere;

/// Why a step was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateRefusal {
    /// What was approved is not what would be done; the plan has to be made anew.
    Void(GrantVoid),
    /// The policy denies it.
    Denied(String),
    /// A bound is reached.
    Exhausted(String),
    /// The tool or the plan may not ask for this.
    NotAllowed(String),
}

/// What carrying out a plan came to.
#[derive(Debug)]
pub enum Execution {
    /// All steps are done.
    Done,
    /// A step failed; the log has the end of its output.
    Failed,
    /// A step was stopped before it was done, and may be begun again.
    Abandoned(String),
    /// It cannot be told whether a step happened.
    Unclear(String),
    /// A step was not started.
    Refused(GateRefusal),
    /// The person stopped it.
    Interrupted,
}

/// Why execution could not go on at all.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not say what it should.
    #[error("the log of this target is not consistent")]
    History(#[from] IllegalTransition),
}

impl From<HistoryError> for ExecutionError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Log(error) => Self::Log(error),
            HistoryError::Illegal(error) => Self::History(error),
        }
    }
}

/// Everything that execution needs.
pub struct Executor<'e, D, T, L, P> {
    /// The deployment.
    pub deployment: &'e mut D,
    /// The tools.
    pub tools: &'e mut T,
    /// The log.
    pub log: &'e mut L,
    /// What the log says, as far as it was folded.
    pub folded: &'e mut Folded,
    /// The person.
    pub person: &'e mut P,
    /// The clock.
    pub clock: &'e dyn Clock,
    /// Policies and bounds in force.
    pub policies: &'e Policies,
    /// The target.
    pub target: &'e Target,
    /// The session.
    pub session: &'e SessionId,
    /// Its round.
    pub round: u32,
    /// Effects that other projects of the same directory began.
    pub elsewhere: &'e [Elsewhere],
    /// What was done so far.
    pub reports: &'e mut Vec<StepReport>,
    /// Milliseconds spent in effects so far.
    pub effect_ms: &'e mut u64,
}

/// Where a step stands in its plan.
#[derive(Clone, Copy)]
struct Place {
    /// Its number, counted from 0.
    at: u32,
    /// How many steps are left with it.
    left: usize,
}

/// The checkpoint after a step that is done; `None` for a session that no policy has decided for.
pub(crate) fn checkpoint(session: &Session, at: u32, step: &Step) -> Option<Event> {
    let edit = match &step.change {
        Change::Edit(edit) => Some(edit.clone()),
        _ => None,
    };
    let plan = session.plan.as_ref()?;
    Some(Event::Checkpoint { step: at, decision: plan.decision_id?, evidence: session.evidence?, edit })
}

impl<D: Deployment, T: Tools, L: Log, P: Person> Executor<'_, D, T, L, P> {
    /// Carries out `frozen` under `grant`, from the step of the number `from` on: those before it are done.
    ///
    /// # Errors
    /// When the log fails; nothing is started after that.
    pub async fn carry_out(
        &mut self,
        frozen: &FrozenPlan,
        grant: &Grant,
        from: usize,
    ) -> Result<Execution, ExecutionError> {
        let steps = &frozen.plan().steps;
        for (at, step) in steps.iter().enumerate().skip(from) {
            if self.person.interrupted() {
                return Ok(Execution::Interrupted);
            }
            let place = Place { at: at.try_into().unwrap_or(u32::MAX), left: steps.len() - at };
            if let Err(refusal) = self.gate(frozen, grant, step, place).await? {
                if let GateRefusal::Void(why) = &refusal {
                    let event = Event::GrantVoided { nonce: grant.nonce.clone(), why: why.clone() };
                    self.log.append(Some(self.session), event, Durability::Power)?;
                }
                return Ok(Execution::Refused(refusal));
            }
            // The gate's looks take a while; whoever stopped it meanwhile must not see an effect start.
            if self.person.interrupted() {
                return Ok(Execution::Interrupted);
            }
            let used = |state: &GrantState| state.used && state.grant.nonce == grant.nonce;
            if !self.session_now()?.grants.iter().any(used) {
                let event = Event::GrantUsed { nonce: grant.nonce.clone() };
                self.log.append(Some(self.session), event, Durability::Process)?;
                projection::publish(self.folded, self.log, self.deployment, self.person, self.session);
            }
            self.person.tell(Progress::Applying { step: at + 1, steps: steps.len(), summary: &step.summary });
            match self.run(frozen.digest(), place.at, step).await? {
                Outcome::Done { .. } => self.checkpoint(place.at, step)?,
                Outcome::Failed { .. } => return Ok(Execution::Failed),
                Outcome::Abandoned { reason } => return Ok(Execution::Abandoned(reason)),
                Outcome::Unclear { reason } => return Ok(Execution::Unclear(reason)),
            }
        }
        Ok(Execution::Done)
    }

    fn checkpoint(&mut self, at: u32, step: &Step) -> Result<(), ExecutionError> {
        if let Some(event) = checkpoint(&self.session_now()?, at, step) {
            self.log.append(Some(self.session), event, Durability::Process)?;
            projection::publish(self.folded, self.log, self.deployment, self.person, self.session);
        }
        Ok(())
    }

    fn session_now(&mut self) -> Result<Session, ExecutionError> {
        let history = self.folded.of(self.log)?;
        let what = || IllegalTransition { sequence: 0, what: format!("session {} is not in the log", self.session) };
        Ok(history.session(self.session).cloned().ok_or_else(what)?)
    }

    /// Durable intent, effect, durable outcome.
    async fn run(&mut self, plan: Digest, at: u32, step: &Step) -> Result<Outcome, ExecutionError> {
        let undo = match &step.change {
            Change::Edit(edit) => Some(self.deployment.undo_of(edit)),
            // Nobody could write back what only the file held, and `repair` never learns a value that it drew.
            Change::Nothing
            | Change::Containers(_)
            | Change::Networks(_)
            | Change::Images(_)
            | Change::SecretValue(_)
            | Change::Resource(_)
            | Change::Deployment(_) => None,
        };
        let intent = Intent::Apply { plan, action: step.action.clone(), undo };
        self.log.append(Some(self.session), Event::Intended { step: at, intent }, Durability::Power)?;
        let session = self.session_now()?;
        let place = u32::try_from(session.steps.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let effect = EffectId { session: self.session.clone(), place, operation: None };
        // Whoever gave the session up a moment before the intent was recorded must not see its effect start.
        if session.status.is_final() {
            let outcome = Outcome::Abandoned { reason: "the session was given up before it began".to_owned() };
            let event = Event::Settled { step: at, outcome: outcome.clone(), by: SettledBy::Effect };
            self.log.append(Some(self.session), event, Durability::Power)?;
            return Ok(outcome);
        }

        let started_ms = self.clock.monotonic_ms();
        let outcome = {
            // The lease outlives this borrow in every process of the effect: each inherits its own descriptor.
            let held: Result<Vec<OwnedFd>, _> =
                self.log.lease().into_iter().map(|descriptor| descriptor.try_clone_to_owned()).collect();
            let held = held.map_err(|source| LogError::Io {
                what: "the lease could not be handed to the effect".to_owned(),
                source,
            })?;
            let (log, session) = (std::cell::RefCell::new(&mut *self.log), self.session);
            let note = |event, lasts| log.borrow_mut().append(Some(session), event, lasts);
            let mut started = |process| note(Event::EffectStarted { step: at, process }, Durability::Process);
            let mut accepted =
                |url: &str| note(Event::OperationBegan { step: at, url: url.to_owned() }, Durability::Process);
            let person = std::cell::RefCell::new(&mut *self.person);
            let mut progress = |line: &str| person.borrow_mut().tell(Progress::Output(line));
            let mut waiting = |what: &str| person.borrow_mut().tell(Progress::Waiting(what));
            let context = EffectContext {
                effect,
                lease: held.iter().map(AsFd::as_fd).collect(),
                bounds: self.policies.bounds(),
                started: &mut started,
                accepted: &mut accepted,
                progress: &mut progress,
                waiting: &mut waiting,
                interrupted: &|| person.borrow().interrupted(),
            };
            self.deployment.apply(step, context).await?
        };
        *self.effect_ms += self.clock.monotonic_ms().saturating_sub(started_ms);

        let event = Event::Settled { step: at, outcome: outcome.clone(), by: SettledBy::Effect };
        self.log.append(Some(self.session), event, Durability::Power)?;
        self.reports.push(StepReport { summary: step.summary.clone(), outcome: outcome.clone() });
        Ok(outcome)
    }

    /// The one gate. Looks again at everything that could have changed since the plan was made.
    async fn gate(
        &mut self,
        frozen: &FrozenPlan,
        grant: &Grant,
        step: &Step,
        place: Place,
    ) -> Result<Result<(), GateRefusal>, ExecutionError> {
        let attempts = match self.attempts_left(frozen, grant, place)? {
            Ok(attempts) => attempts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = self.gate_grant(frozen, grant, step, attempts) {
            return Ok(Err(refusal));
        }
        let session = self.session_now()?;
        let abandoned =
            |state: &&StepState| state.step == place.at && matches!(state.outcome, Some(Outcome::Abandoned { .. }));
        if session.begun_steps().find(abandoned).is_some() {
            // What it did before it was stopped is its own work and voids nothing.
            let goes_on = self.deployment.may_go_on(step).await;
            return Ok(goes_on.map_err(|error| GateRefusal::Void(GrantVoid::Footprint(error.what))));
        }
        Ok(self.gate_target(step).await)
    }

    fn gate_grant(&self, frozen: &FrozenPlan, grant: &Grant, step: &Step, attempts: u32) -> Result<(), GateRefusal> {
        let plan = frozen.plan();
        let Some(manifest) = self.tools.manifests().iter().find(|manifest| manifest.tool == plan.tool) else {
            return Err(GateRefusal::Void(GrantVoid::Component));
        };
        if !manifest.may.contains(&step.action.kind()) {
            let (tool, kind) = (&plan.tool.id, step.action.kind());
            return Err(GateRefusal::NotAllowed(format!("tool `{tool}` does not declare `{kind}` in its manifest")));
        }
        if plan.target != self.target.id() {
            return Err(GateRefusal::NotAllowed("the plan was made for another target".to_owned()));
        }
        let component = self.tools.component(&plan.tool.id).map(|bytes| Digest::of(Domain::Component, bytes));
        grant
            .check(
                frozen.digest(),
                component.ok_or(GateRefusal::Void(GrantVoid::Component))?,
                self.policies.digest(),
                frozen.footprint(),
                self.session,
                self.clock.now(),
            )
            .map_err(GateRefusal::Void)?;
        let decided = self.policies.decide(&Request {
            tool: &plan.tool,
            built_in: self.tools.is_built_in(&plan.tool.id),
            step,
            target: self.target,
            finding: &plan.finding,
            tool_confidence: plan.confidence,
            attempts,
            round: self.round,
            interactive: self.person.interactive(),
        });
        match (decided.decision, grant.channel) {
            (Decision::Deny, _) => Err(GateRefusal::Denied(decided.because)),
            (Decision::Ask, Channel::Policy) => {
                Err(GateRefusal::Denied(format!("nobody has said yes, and the policy asks: {}", decided.because)))
            }
            _ if step.action.lost().is_some() && !names_what_is_lost(plan, &grant.typed) => {
                Err(GateRefusal::Denied("nobody has typed the name of what would be lost for good".to_owned()))
            }
            _ if step.risk == Risk::Irreversible && step.action.lost().is_none() => {
                Err(GateRefusal::NotAllowed(format!("`{}` names nothing that it loses for good", step.action.kind())))
            }
            (_, Channel::YesFlag) if !yes_flag_covers(step.risk) => {
                Err(GateRefusal::Denied(format!("--yes does not cover a step that is {}", step.risk)))
            }
            _ => Ok(()),
        }
    }

    /// The effects already started for the plan's class, as long as all steps that are left are within the bounds: a plan
    /// that could not be finished is not begun.
    fn attempts_left(
        &mut self,
        frozen: &FrozenPlan,
        grant: &Grant,
        place: Place,
    ) -> Result<Result<u32, GateRefusal>, ExecutionError> {
        let history = self.folded.of(self.log)?;
        let budget = Budget {
            bounds: self.policies.bounds(),
            elsewhere: self.elsewhere,
            now: self.clock.now(),
            // A plan that only looks needs no pause.
            at_once: matches!(grant.channel, Channel::Terminal | Channel::Command)
                || frozen.plan().risk() == Risk::ReadOnly,
        };
        let left = budget.left(history, self.session, frozen.plan().finding.class, place.at == 0, place.left);
        Ok(left.map_err(GateRefusal::Exhausted))
    }

    async fn gate_target(&mut self, step: &Step) -> Result<(), GateRefusal> {
        let void = |what: String| GateRefusal::Void(GrantVoid::Footprint(what));
        let now = self.deployment.footprint(step).await.map_err(|error| void(error.what))?;
        if let Some(difference) = step.footprint.difference(&now) {
            return Err(void(difference));
        }
        let (risk, change) = self.deployment.assess(step).await.map_err(|error| void(error.what))?;
        if risk > step.risk {
            return Err(void(format!("the step would be {risk} now; it was approved as {}", step.risk)));
        }
        if change != step.change {
            return Err(void("the step would change something else now than what was approved".to_owned()));
        }
        Ok(())
    }
}

//! Settling what a lost process left open: by the action's own probe, never by repetition, and where the probe cannot tell,
//! by a person who looks.
//!
//! Whoever gets here holds the lease, so no effect of an earlier process runs any more: effects inherit the lease.

use repair_model::event::{Ending, Event, Intent, SettledBy};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{FrozenPlan, Step};

use super::{Course, Workflow, WorkflowError};
use crate::approval::{Person, Progress, SettleRequest};
use crate::execution::checkpoint;
use crate::outside::{Deployment, Durability, EffectId, Log, Tools};
use crate::session::{Session, StepState};

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Settles the open intents of all earlier sessions and ends those that are not over: `successor` takes their place.
    pub(super) async fn settle_earlier(&mut self, successor: &SessionId) -> Result<Vec<SessionId>, WorkflowError> {
        let left: Vec<Session> = self.folded.of(self.log)?.open().cloned().collect();
        for session in &left {
            self.give_up(session, format!("superseded by session {successor}")).await?;
        }
        Ok(left.into_iter().map(|session| session.id).collect())
    }

    /// Records the checkpoint after the last step, where its process was lost between the two.
    pub(super) fn checkpoint_last(&mut self, id: &SessionId) -> Result<(), WorkflowError> {
        let session = self.session_now(id)?;
        let Some(last) = session.begun_steps().last() else { return Ok(()) };
        let place = u32::try_from(session.steps.len() - 1).unwrap_or(u32::MAX);
        let is_done = matches!(last.outcome, Some(Outcome::Done { .. }));
        if !is_done || session.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.place == place) {
            return Ok(());
        }
        if let Ok(step) = self.planned_step(&session, last)
            && let Some(event) = checkpoint(&session, last.step, &step)
        {
            self.record(id, event, Durability::Process)?;
        }
        Ok(())
    }

    /// Gives a session up after what it left open was looked at: no process works on it.
    ///
    /// # Errors
    /// When the log fails.
    pub async fn give_up(&mut self, session: &Session, reason: String) -> Result<(), WorkflowError> {
        if session.open_intent().is_some() {
            self.take_over(session)?;
            self.probe_open(session).await?;
        }
        let event = Event::Ended { ending: Ending::Aborted, reason, next_steps: Vec::new() };
        self.record(&session.id, event, Durability::Power)?;
        Ok(self.log.sign_head()?)
    }

    /// Records that this process goes on with a session whose own process was lost.
    pub(super) fn take_over(&mut self, session: &Session) -> Result<(), WorkflowError> {
        let event = Event::RecoveryBegan { holder: self.options.holder.clone() };
        Ok(self.record(&session.id, event, Durability::Power)?)
    }

    /// Settles the step of which nobody knows whether it happened: its probe is asked, and where that cannot tell, `said` or
    /// the person in front of it. `None` when it stays unknown.
    pub(super) async fn settle_unknown(
        &mut self,
        course: &mut Course,
        session: &Session,
        said: Option<bool>,
    ) -> Result<Option<Outcome>, WorkflowError> {
        let outcome = self.probe_open(session).await?;
        let Outcome::Unclear { reason } = &outcome else { return Ok(Some(outcome)) };
        let Some(state) = session.open_intent().or_else(|| session.unknown_step()) else { return Ok(None) };
        let happened = match said {
            Some(happened) => Some(happened),
            None => {
                let planned = self.planned_step(session, state).ok();
                let ways = planned.map(|step| self.deployment.ways_to_look(&step)).unwrap_or_default();
                let request =
                    SettleRequest { session: &session.id, step: state.step, reason: reason.as_str(), ways: &ways };
                let asked_ms = self.clock.monotonic_ms();
                let answer = self.person.settle(&request).await;
                course.waited_ms += self.clock.monotonic_ms().saturating_sub(asked_ms);
                answer
            }
        };
        let Some(happened) = happened else { return Ok(None) };
        let outcome = match happened {
            true => Outcome::Done { detail: "a person looked: it had happened".to_owned() },
            false => Outcome::Abandoned { reason: "a person looked: it had not happened".to_owned() },
        };
        let by = SettledBy::Person { approver: self.options.approver.clone() };
        self.record_settled(session, state, outcome.clone(), by)?;
        Ok(Some(outcome))
    }

    /// The commands with which a person can look at the unknown step, and then say what they saw.
    pub(super) fn ways_to_settle(&mut self, session: &Session) -> Vec<String> {
        let id = &session.id;
        let state = session.open_intent().or_else(|| session.unknown_step());
        let planned = state.and_then(|state| self.planned_step(session, state).ok());
        let mut steps: Vec<String> = planned.map(|step| self.deployment.ways_to_look(&step)).unwrap_or_default();
        steps.iter_mut().for_each(|way| *way = format!("look: `{way}`"));
        steps.push(format!("if it happened: `repair resume {id} --happened`"));
        steps.push(format!("if it did not: `repair resume {id} --did-not-happen`"));
        steps
    }

    /// What would be told of the open step if it were settled now; nothing is recorded.
    ///
    /// # Errors
    /// When the log fails.
    pub async fn foresee(&mut self, session: &Session) -> Result<Option<Probe>, WorkflowError> {
        let Some(state) = session.open_intent().or_else(|| session.unknown_step()) else { return Ok(None) };
        Ok(Some(self.probe(session, state).await))
    }

    async fn probe_open(&mut self, session: &Session) -> Result<Outcome, WorkflowError> {
        let Some(state) = session.open_intent().or_else(|| session.unknown_step()) else {
            return Ok(Outcome::Done { detail: "nothing was open".to_owned() });
        };
        let swept = match (&state.intent, self.planned_step(session, state)) {
            (Intent::Undo { edit, .. }, _) => self.deployment.sweep_edit(edit).await,
            (Intent::Apply { .. }, Ok(step)) => self.deployment.sweep(&step).await,
            (Intent::Apply { .. }, Err(_)) => Vec::new(),
        };
        for what in swept {
            self.tell_recovered(&what);
        }
        if let Intent::Apply { plan, .. } = &state.intent
            && let Ok(frozen) = self.frozen(session, *plan)
        {
            // The step may have come upon a file that the ones before it wrote into.
            self.recall_drawn_values(&session.id, &frozen, session.done_steps()).await;
        }
        let (outcome, words) = match self.probe(session, state).await {
            Probe::Happened => (Outcome::Done { detail: "settled by its probe".to_owned() }, "had happened".to_owned()),
            Probe::DidNotHappen => {
                let reason = "interrupted before it was done".to_owned();
                (Outcome::Abandoned { reason }, "had not happened".to_owned())
            }
            Probe::Unclear(reason) => {
                let words = format!("is unclear: {reason}");
                (Outcome::Unclear { reason }, words)
            }
        };
        if state.outcome.as_ref() != Some(&outcome) {
            self.record_settled(session, state, outcome.clone(), SettledBy::Probe)?;
        }
        let what = format!("session {} was interrupted in step {}; its effect {words}", session.id, state.step + 1);
        self.tell_recovered(&what);
        Ok(outcome)
    }

    fn record_settled(
        &mut self,
        session: &Session,
        state: &StepState,
        outcome: Outcome,
        by: SettledBy,
    ) -> Result<(), WorkflowError> {
        let done = matches!(outcome, Outcome::Done { .. });
        self.record(&session.id, Event::Settled { step: state.step, outcome, by }, Durability::Power)?;
        if done
            && let Ok(step) = self.planned_step(session, state)
            && let Some(event) = checkpoint(session, state.step, &step)
        {
            self.record(&session.id, event, Durability::Process)?;
        }
        Ok(())
    }

    async fn probe(&mut self, session: &Session, state: &StepState) -> Probe {
        match &state.intent {
            Intent::Apply { action, .. } => match self.planned_step(session, state) {
                Ok(step) if step.action == *action => {
                    let effect = effect_of(session, state);
                    let person = &mut *self.person;
                    let mut waiting = |what: &str| person.tell(Progress::Waiting(what));
                    self.deployment.probe(&step, &effect, &mut waiting).await
                }
                Ok(_) => Probe::Unclear("the plan has another action at this step than the log says".to_owned()),
                Err(reason) => Probe::Unclear(reason),
            },
            Intent::Undo { edit, .. } => self.deployment.probe_edit(edit).await,
        }
    }

    /// The step as it was approved, from the stored bytes of its plan. A log whose plan cannot be read makes the step
    /// unclear and stops nobody from going on.
    fn planned_step(&self, session: &Session, state: &StepState) -> Result<Step, String> {
        let Intent::Apply { plan, .. } = &state.intent else { return Err("it is no step of a plan".to_owned()) };
        let frozen = self.frozen(session, *plan)?;
        let at = usize::try_from(state.step).unwrap_or(usize::MAX);
        frozen.plan().steps.get(at).cloned().ok_or_else(|| "the plan has no such step".to_owned())
    }

    /// The present plan of a session, if it is `plan`, from its stored bytes.
    pub(super) fn frozen(&self, session: &Session, plan: Digest) -> Result<FrozenPlan, String> {
        let planned = session.plan.as_ref().filter(|planned| planned.plan == plan);
        let blob = planned.ok_or("the log does not name the plan of the step")?.blob;
        let bytes = self.log.load(blob).map_err(|error| format!("the plan of the step cannot be read: {error}"))?;
        let frozen =
            FrozenPlan::read(bytes).map_err(|error| format!("the plan of the step cannot be read: {error}"))?;
        match frozen.digest() == plan {
            true => Ok(frozen),
            false => Err("the stored plan is not the one that the step belongs to".to_owned()),
        }
    }
}

/// Which effect a step of the log was.
fn effect_of(session: &Session, state: &StepState) -> EffectId {
    let place = session.steps.iter().rposition(|other| other == state).unwrap_or_default();
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    EffectId { session: session.id.clone(), place, operation: state.operation.clone() }
}

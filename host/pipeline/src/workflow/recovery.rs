//! Settling what earlier processes left behind, before anything new begins.
//!
//! An intent without an outcome is settled by the action's own probe, never by repeating it. Whoever gets here holds the
//! lease, so no effect of an earlier process runs any more: effects inherit the lease.

use repair_model::event::{Ending, Event, Intent, SettledBy};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{FrozenPlan, Step};

use super::{Workflow, WorkflowError};
use crate::approval::{Person, Progress};
use crate::outside::{Deployment, Durability, Log, Tools};
use crate::session::{History, Session, StepState};

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Settles the open intents of all earlier sessions and ends those that are not over: `successor` takes their place.
    pub(super) async fn settle_earlier(&mut self, successor: &SessionId) -> Result<(), WorkflowError> {
        let history = History::fold(self.log.records()?)?;
        let left: Vec<Session> = history.sessions().filter(|session| !session.status.is_final()).cloned().collect();
        for session in left {
            self.end(&session, format!("superseded by session {successor}")).await?;
        }
        Ok(())
    }

    /// Settles the open intents of earlier sessions on a target that turned out to be healthy, where no session takes
    /// their place. A session that waits for an approval goes on waiting.
    ///
    /// # Errors
    /// When the log fails.
    pub async fn settle_interrupted(&mut self) -> Result<(), WorkflowError> {
        let history = History::fold(self.log.records()?)?;
        let left: Vec<Session> = history.sessions().filter(|session| session.is_interrupted()).cloned().collect();
        for session in &left {
            self.end(session, "interrupted in an effect; later the target was found healthy".to_owned()).await?;
        }
        Ok(self.log.sign_head()?)
    }

    async fn end(&mut self, session: &Session, reason: String) -> Result<(), WorkflowError> {
        if let Some(open) = session.open_intent().cloned() {
            self.settle(session, &open).await?;
        }
        let event = Event::Ended { ending: Ending::Aborted, reason, next_steps: Vec::new() };
        Ok(self.log.append(Some(&session.id), event, Durability::Power)?)
    }

    /// The step as it was approved, from the stored bytes of its plan. A log whose plan cannot be read makes the step
    /// unclear and stops nobody from going on.
    fn planned_step(&self, session: &Session, plan: Digest, step: u32) -> Result<Step, String> {
        let planned = session.plan.as_ref().filter(|planned| planned.plan == plan);
        let blob = planned.ok_or("the log does not name the plan of the step")?.blob;
        let bytes = self.log.load(blob).map_err(|error| format!("the plan of the step cannot be read: {error}"))?;
        let frozen =
            FrozenPlan::read(bytes).map_err(|error| format!("the plan of the step cannot be read: {error}"))?;
        if frozen.digest() != plan {
            return Err("the stored plan is not the one that the step belongs to".to_owned());
        }
        let at = usize::try_from(step).unwrap_or(usize::MAX);
        frozen.plan().steps.get(at).cloned().ok_or_else(|| "the plan has no such step".to_owned())
    }

    async fn settle(&mut self, session: &Session, open: &StepState) -> Result<(), WorkflowError> {
        let probe = match &open.intent {
            Intent::Apply { plan, action, .. } => match self.planned_step(session, *plan, open.step) {
                Ok(step) if step.action == *action => self.deployment.probe(&step).await,
                Ok(_) => Probe::Unclear("the plan has another action at this step than the log says".to_owned()),
                Err(reason) => Probe::Unclear(reason),
            },
            Intent::Undo { edit, .. } => self.deployment.probe_edit(edit).await,
        };
        let (outcome, words) = match probe {
            Probe::Happened => (Outcome::Done { detail: "settled by its probe".to_owned() }, "had happened"),
            Probe::DidNotHappen => {
                let error = "interrupted before it happened".to_owned();
                (Outcome::Failed { error, output: Vec::new() }, "had not happened")
            }
            Probe::Unclear(reason) => (Outcome::Unclear { reason }, "is unclear"),
        };
        let what = format!("session {} was interrupted in step {}; its effect {words}", session.id, open.step + 1);
        let event = Event::Settled { step: open.step, outcome, by: SettledBy::Probe };
        self.log.append(Some(&session.id), event, Durability::Power)?;
        self.person.tell(Progress::Recovered(&what));
        Ok(())
    }
}

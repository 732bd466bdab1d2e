//! Taking back the edits of an earlier session, byte for byte, newest first.
//!
//! A file that anybody has changed since is left alone, and nothing at all is taken back then. What is to be taken back is in
//! the log before the first file is touched, so an undo that was interrupted goes on with exactly that.

use repair_model::event::{Ending, Event, Intent, SettledBy};
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Probe};

use super::{Course, Next, Workflow, WorkflowError};
use crate::approval::Person;
use crate::outside::{Deployment, Durability, Log, Tools};
use crate::report::{Conclusion, Report, StepReport};
use crate::session::{History, Session};

pub use repair_model::event::UndoStep;

/// The steps of `session`, by their place among all of its steps, that were taken back since.
pub fn undone_steps(history: &History, session: &Session) -> Vec<u32> {
    history
        .sessions()
        .flat_map(|other| &other.steps)
        .filter(|step| matches!(step.outcome, Some(Outcome::Done { .. })))
        .filter_map(|step| match &step.intent {
            Intent::Undo { session: of, step, .. } if *of == session.id => Some(*step),
            Intent::Undo { .. } | Intent::Apply { .. } => None,
        })
        .collect()
}

/// The edits of `session` that were made and not taken back since, newest first.
pub fn undo_steps(history: &History, session: &Session) -> Vec<UndoStep> {
    let taken_back = undone_steps(history, session);
    session
        .steps
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, state)| matches!(state.outcome, Some(Outcome::Done { .. })))
        .filter_map(|(at, state)| match &state.intent {
            Intent::Apply { undo: Some(edit), .. } => {
                Some(UndoStep { step: at.try_into().unwrap_or(u32::MAX), edit: edit.clone() })
            }
            Intent::Apply { undo: None, .. } | Intent::Undo { .. } => None,
        })
        .filter(|undo| !taken_back.contains(&undo.step))
        .collect()
}

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Takes back `steps` of `session`; the person has already said yes to exactly these.
    ///
    /// # Errors
    /// When a file was changed since; nothing is done then.
    pub async fn undo(&mut self, session: &SessionId, steps: &[UndoStep]) -> Result<SessionId, WorkflowError> {
        self.refuse_changed_files(session, steps).await?;
        let id = self.begin(&[]).await?;
        let course = self.course(id.clone());
        let report = self.take_back(course, session, steps).await?;
        match report.conclusion {
            Conclusion::Undone => Ok(id),
            Conclusion::NotHealed(what) | Conclusion::Suspended(what) => {
                Err(WorkflowError::Request { what, hints: report.next_steps })
            }
            Conclusion::GivenUp => Err(WorkflowError::Request {
                what: format!("session {id} was given up before everything was taken back"),
                hints: vec![format!("`repair undo {session}` takes back what is left")],
            }),
            _ => Err(WorkflowError::Request {
                what: "stopped before everything was taken back".to_owned(),
                hints: vec![format!("`repair resume {id}` goes on")],
            }),
        }
    }

    /// Goes on with an undo that was interrupted, after what it left open was settled.
    pub(super) async fn go_on_undoing(
        &mut self,
        course: Course,
        of: &SessionId,
        steps: &[UndoStep],
    ) -> Result<Report, WorkflowError> {
        let session = self.session_now(&course.session)?;
        let is_done = |undo: &&UndoStep| {
            session
                .steps
                .iter()
                .any(|state| state.step == undo.step && matches!(state.outcome, Some(Outcome::Done { .. })))
        };
        let left: Vec<UndoStep> = steps.iter().filter(|undo| !is_done(undo)).cloned().collect();
        self.take_back(course, of, &left).await
    }

    async fn take_back(
        &mut self,
        mut course: Course,
        of: &SessionId,
        steps: &[UndoStep],
    ) -> Result<Report, WorkflowError> {
        for undo in steps {
            if self.person.interrupted() || self.is_given_up(&course.session)? {
                return self.conclude(course, Next::Conclude(Conclusion::Interrupted, Vec::new())).await;
            }
            let intent = Intent::Undo { session: of.clone(), step: undo.step, edit: undo.edit.clone() };
            self.record(&course.session, Event::Intended { step: undo.step, intent }, Durability::Power)?;
            let outcome = match self.is_given_up(&course.session)? {
                false => self.deployment.edit(&undo.edit).await,
                true => Outcome::Abandoned { reason: "the session was given up before it began".to_owned() },
            };
            let failed = match &outcome {
                Outcome::Done { .. } => None,
                Outcome::Failed { error, .. } => Some(error.clone()),
                Outcome::Abandoned { reason } | Outcome::Unclear { reason } => Some(reason.clone()),
            };
            let summary = format!("restore `{}`", undo.edit.file);
            course.steps.push(StepReport { summary, outcome: outcome.clone() });
            let event = Event::Settled { step: undo.step, outcome, by: SettledBy::Effect };
            self.record(&course.session, event, Durability::Power)?;
            if let Some(error) = failed {
                self.record_failed_undo(&course, &error)?;
                return Ok(self.report(course, Conclusion::NotHealed(error), Vec::new()));
            }
        }
        self.conclude(course, Next::Conclude(Conclusion::Undone, Vec::new())).await
    }

    fn record_failed_undo(&mut self, course: &Course, error: &str) -> Result<(), WorkflowError> {
        let event = Event::Ended { ending: Ending::Failed, reason: error.to_owned(), next_steps: Vec::new() };
        self.record(&course.session, event, Durability::Power)?;
        Ok(self.log.sign_head()?)
    }

    /// Looks at each file once: an older edit of a file is made on what the newer ones leave, so only the newest can be
    /// compared beforehand.
    async fn refuse_changed_files(&mut self, session: &SessionId, steps: &[UndoStep]) -> Result<(), WorkflowError> {
        for (at, UndoStep { edit, .. }) in steps.iter().enumerate() {
            let looked_at = steps[..at].iter().any(|newer| newer.edit.file == edit.file);
            if !looked_at && self.deployment.probe_edit(edit).await != Probe::DidNotHappen {
                return Err(WorkflowError::Request {
                    what: format!("`{}` was changed after session {session} wrote it", edit.file),
                    hints: vec![
                        "compare it with `repair show` and correct it by hand; nothing was taken back".to_owned(),
                    ],
                });
            }
        }
        Ok(())
    }
}

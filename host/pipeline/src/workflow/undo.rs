//! Taking back the edits of an earlier session, byte for byte, newest first.
//!
//! A file that anybody has changed since is left alone, and nothing at all is taken back then.

use repair_model::event::{Ending, Event, Intent, SettledBy};
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::FileEdit;

use super::{Workflow, WorkflowError};
use crate::approval::Person;
use crate::outside::{Deployment, Durability, Log, Tools};
use crate::session::{History, Session};

/// One edit that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoStep {
    /// Step of the earlier session.
    pub step: u32,
    /// The edit that restores the file.
    pub edit: FileEdit,
}

/// The edits of `session` that were made and not taken back since, newest first.
pub fn undo_steps(history: &History, session: &Session) -> Vec<UndoStep> {
    let taken_back: Vec<u32> = history
        .sessions()
        .flat_map(|other| &other.steps)
        .filter(|step| matches!(step.outcome, Some(Outcome::Done { .. })))
        .filter_map(|step| match &step.intent {
            Intent::Undo { session: of, step, .. } if *of == session.id => Some(*step),
            Intent::Undo { .. } | Intent::Apply { .. } => None,
        })
        .collect();
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
        let id = SessionId::new(self.clock.now(), self.options.session_random);
        self.settle_earlier(&id).await?;
        let began = Event::SessionBegan {
            version: self.options.version.clone(),
            purpose: self.options.purpose.clone(),
            command: self.options.command.clone(),
            evidence: None,
            supersedes: Vec::new(),
        };
        self.log.append(Some(&id), began, Durability::Power)?;
        for undo in steps {
            let intent = Intent::Undo { session: session.clone(), step: undo.step, edit: undo.edit.clone() };
            self.log.append(Some(&id), Event::Intended { step: undo.step, intent }, Durability::Power)?;
            let outcome = self.deployment.edit(&undo.edit).await;
            let failed = match &outcome {
                Outcome::Done { .. } => None,
                Outcome::Failed { error, .. } => Some(error.clone()),
                Outcome::Abandoned { reason } | Outcome::Unclear { reason } => Some(reason.clone()),
            };
            let event = Event::Settled { step: undo.step, outcome, by: SettledBy::Effect };
            self.log.append(Some(&id), event, Durability::Power)?;
            if let Some(error) = failed {
                let event = Event::Ended { ending: Ending::Failed, reason: error.clone(), next_steps: Vec::new() };
                self.log.append(Some(&id), event, Durability::Power)?;
                self.log.sign_head()?;
                return Err(WorkflowError::Request { what: error, hints: Vec::new() });
            }
        }
        let reason = format!("the edits of session {session} were taken back");
        self.log.append(
            Some(&id),
            Event::Ended { ending: Ending::Undone, reason, next_steps: Vec::new() },
            Durability::Power,
        )?;
        self.log.sign_head()?;
        Ok(id)
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

//! What is written down: the begin and the end of a session, its checkpoints, and the projection that follows each.

use repair_model::event::{BlockReason, Ending, Event, EvidenceBlob};
use repair_model::evidence::Evidence;
use repair_model::ids::{Digest, SessionId};
use repair_model::limits::OPENING_STATE_BYTES_MAX;

use super::{Course, Workflow, WorkflowError};
use crate::approval::{Person, Progress};
use crate::outside::{Deployment, Durability, Log, LogError, Tools};
use crate::projection;
use crate::report::Conclusion;
use crate::session::Session;

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Begins a session in the place of all that are not over. The evidence that it begins with is in the log before
    /// anything else happens, so that a resume has it too.
    pub(super) async fn begin(&mut self, evidence: &[Evidence]) -> Result<SessionId, WorkflowError> {
        let session = SessionId::new(self.clock.now(), self.options.session_random);
        let supersedes = self.settle_earlier(&session).await?;
        self.begin_segment_when_full()?;
        let stored = match evidence {
            [] => None,
            evidence => Some(self.log.store(&serde_json::to_vec(&EvidenceBlob { evidence: evidence.to_vec() })?)?),
        };
        let began = Event::SessionBegan {
            version: self.options.version.clone(),
            purpose: self.options.purpose.clone(),
            command: self.options.command.clone(),
            evidence: stored,
            supersedes,
            target: self.target.clone(),
        };
        self.record(&session, began, Durability::Power)?;
        Ok(session)
    }

    /// A new segment opens with the folded state, so that the next resume reads this segment and nothing before it.
    pub(super) fn begin_segment_when_full(&mut self) -> Result<(), WorkflowError> {
        if self.log.is_segment_full() {
            let state = self.folded.of(self.log)?.opening_state(self.clock.now())?;
            // A state that would be too long lets the old segment go on, rather than stop everything.
            if state.len() <= OPENING_STATE_BYTES_MAX {
                self.log.begin_segment(&state)?;
            }
        }
        Ok(())
    }

    /// Appends an event of the session; the projection follows where one of its readers would see a difference.
    pub(super) fn record(&mut self, session: &SessionId, event: Event, durability: Durability) -> Result<(), LogError> {
        let shows = projection::shows(&event);
        self.log.append(Some(session), event, durability)?;
        if shows {
            projection::publish(&mut self.folded, self.log, self.deployment, self.person, session);
        }
        Ok(())
    }

    pub(super) fn record_end(
        &mut self,
        course: &Course,
        conclusion: &Conclusion,
        next_steps: &[String],
    ) -> Result<(), LogError> {
        let ended = |ending, reason: &str| {
            Some(Event::Ended { ending, reason: reason.to_owned(), next_steps: next_steps.to_vec() })
        };
        let blocked = |reason, detail: &str| {
            Some(Event::Blocked { reason, detail: detail.to_owned(), next_steps: next_steps.to_vec() })
        };
        let event = match conclusion {
            Conclusion::Healed => ended(Ending::Healed, "verified"),
            Conclusion::Undone => ended(Ending::Undone, "the edits were taken back"),
            Conclusion::Denied => blocked(BlockReason::DeniedByPolicy, "the policy denies the plan"),
            Conclusion::Blocked(reason, detail) => blocked(*reason, detail),
            Conclusion::Declined => ended(Ending::Aborted, "a person said no"),
            Conclusion::NotHealed(reason) => ended(Ending::Escalated, reason),
            Conclusion::Suspended(reason) => Some(Event::Suspended { reason: reason.clone() }),
            Conclusion::Interrupted => Some(Event::Suspended { reason: "interrupted by the person".to_owned() }),
            // The log says so already.
            Conclusion::AwaitingApproval | Conclusion::GivenUp => None,
        };
        if let Some(event) = event {
            self.record(&course.session, event, Durability::Power)?;
        }
        self.log.sign_head()
    }

    /// The session as the log has it, with whatever others recorded meanwhile.
    pub(super) fn session_now(&mut self, id: &SessionId) -> Result<Session, WorkflowError> {
        self.folded.of(self.log)?.session(id).cloned().ok_or_else(|| WorkflowError::Request {
            what: format!("no session {id} of this target is known to the newest part of its log"),
            hints: vec!["`repair sessions` lists them".to_owned()],
        })
    }

    /// Whether a person gave the session up from elsewhere.
    pub(super) fn is_given_up(&mut self, id: &SessionId) -> Result<bool, WorkflowError> {
        Ok(self.session_now(id)?.status.is_final())
    }

    /// Tells the person something that is worth a line.
    pub(super) fn tell_recovered(&mut self, what: &str) {
        self.person.tell(Progress::Recovered(what));
    }

    /// The evidence of a blob of the log.
    pub(super) fn evidence_of(&mut self, blob: Option<Digest>) -> Result<Vec<Evidence>, WorkflowError> {
        match blob {
            None => Ok(Vec::new()),
            Some(blob) => Ok(serde_json::from_slice::<EvidenceBlob>(&self.log.load(blob)?)?.evidence),
        }
    }
}

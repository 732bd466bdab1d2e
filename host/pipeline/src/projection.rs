//! The projection of a session: `phase-state.json`, in the words of programs that read such files of other deployment tools.
//!
//! It is written after every event that its readers could notice, and never read back: a damaged one is simply written anew.
//! Invariant: it says nothing that the log does not say, and nothing depends on it.

use jiff::Timestamp;
use repair_model::event::{Ending, Event, Purpose};
use repair_model::ids::{Digest, SessionId};
use repair_model::limits::PROJECTION_BYTES_MAX;
use schemars::JsonSchema;
use serde::Serialize;

use crate::approval::{Person, Progress};
use crate::outside::{Deployment, Log};
use crate::session::{Folded, Phase, Session, Status};

/// The file's name.
pub const FILE_NAME: &str = "phase-state.json";

/// A session as other programs see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseState {
    /// The session's id.
    pub deployment_id: SessionId,
    /// `inspection`, `planning`, `approval`, `execution` or `verification`.
    pub phase: &'static str,
    /// `in-progress`, `suspended`, `blocked`, `awaiting-confirmation`, `completed`, `failed` or `aborted`.
    pub status: &'static str,
    /// When the session began; never rewritten.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When its last event was recorded.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// The phases of this round that lie behind it. All of them, once the session is completed.
    pub completed_phases: Vec<&'static str>,
    /// `heal`, `plan` or `undo`.
    pub mode: &'static str,
    /// The last step that is done, counted from 1.
    pub last_completed_step: Option<u32>,
    /// When its checkpoint was recorded.
    #[schemars(with = "Option<String>")]
    pub last_checkpoint: Option<Timestamp>,
    /// Id of the policy's decision that it acts under.
    pub decision_id: Option<Digest>,
    /// Why it is suspended or blocked.
    pub suspend_reason: Option<String>,
}

impl PhaseState {
    /// The projection of `session`.
    pub fn of(session: &Session) -> Self {
        let completed = matches!(session.status, Status::Ended(Ending::Healed | Ending::Undone));
        let behind = Phase::ALL.iter().filter(|phase| completed || **phase < session.phase);
        Self {
            deployment_id: session.id.clone(),
            phase: session.phase.as_str(),
            status: status_word(&session.status),
            started_at: session.started,
            updated_at: session.updated,
            completed_phases: behind.map(|phase| phase.as_str()).collect(),
            mode: match &session.purpose {
                Purpose::Heal => "heal",
                Purpose::Plan => "plan",
                Purpose::Undo { .. } => "undo",
            },
            last_completed_step: session.checkpoint.as_ref().map(|checkpoint| checkpoint.step + 1),
            last_checkpoint: session.checkpoint.as_ref().map(|checkpoint| checkpoint.time),
            decision_id: session.plan.as_ref().and_then(|plan| plan.decision_id),
            suspend_reason: match &session.status {
                Status::Suspended(reason) => Some(reason.clone()),
                Status::Blocked(reason) => Some(reason.as_str().to_owned()),
                _ => None,
            },
        }
    }
}

/// The status in the words of the file's readers.
fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Running | Status::Recovering => "in-progress",
        Status::Suspended(_) => "suspended",
        Status::AwaitingApproval => "awaiting-confirmation",
        Status::Blocked(_) => "blocked",
        Status::Ended(Ending::Healed | Ending::Undone) => "completed",
        Status::Ended(Ending::Escalated | Ending::Failed) => "failed",
        Status::Ended(Ending::Aborted) => "aborted",
    }
}

/// Whether a reader of the projection could notice this event.
pub fn shows(event: &Event) -> bool {
    match event {
        Event::SessionBegan { .. }
        | Event::RecoveryBegan { .. }
        | Event::Resumed { .. }
        | Event::Diagnosed { .. }
        | Event::Planned { .. }
        | Event::PolicyAnswered { .. }
        | Event::ApprovalAsked { .. }
        | Event::Granted { .. }
        | Event::GrantUsed { .. }
        | Event::Checkpoint { .. }
        | Event::Verified { .. }
        | Event::Suspended { .. }
        | Event::Blocked { .. }
        | Event::Ended { .. } => true,
        Event::LogOpened { .. }
        | Event::SegmentOpened { .. }
        | Event::Collected { .. }
        | Event::TailSetAside { .. }
        | Event::LeaseTaken { .. }
        | Event::ToolAnswered { .. }
        | Event::ToolRefused { .. }
        | Event::ApprovalRefused { .. }
        | Event::GrantVoided { .. }
        | Event::Intended { .. }
        | Event::EffectStarted { .. }
        | Event::OperationBegan { .. }
        | Event::Settled { .. }
        | Event::Noted { .. } => false,
    }
}

/// Writes the projection of a session, in the state folder and where the project asks for it. What fails is told and stops
/// nobody.
pub fn publish<D: Deployment, L: Log, P: Person>(
    folded: &mut Folded,
    log: &mut L,
    deployment: &mut D,
    person: &mut P,
    id: &SessionId,
) {
    let bytes = match folded.of(log).map(|history| history.session(id).map(PhaseState::of)) {
        Ok(Some(state)) => serde_json::to_vec_pretty(&state).unwrap_or_default(),
        // The next use of the log tells what is wrong with it.
        Ok(None) | Err(_) => return,
    };
    if bytes.is_empty() || bytes.len() > PROJECTION_BYTES_MAX {
        return person.tell(Progress::Unpublished("it would be too long"));
    }
    if let Err(error) = log.publish(id, &bytes) {
        person.tell(Progress::Unpublished(&error.to_string()));
    }
    if let Err(error) = deployment.publish(id, &bytes) {
        person.tell(Progress::Unpublished(&error.what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repair_model::event::BlockReason;

    #[test]
    fn every_status_has_a_word_that_readers_of_such_files_know() {
        let known = ["in-progress", "suspended", "blocked", "awaiting-confirmation", "completed", "failed", "aborted"];
        for status in [
            Status::Running,
            Status::Recovering,
            Status::Suspended(String::new()),
            Status::AwaitingApproval,
            Status::Blocked(BlockReason::CrashLoop),
            Status::Ended(Ending::Healed),
            Status::Ended(Ending::Undone),
            Status::Ended(Ending::Escalated),
            Status::Ended(Ending::Failed),
            Status::Ended(Ending::Aborted),
        ] {
            assert!(known.contains(&status_word(&status)), "{status:?}");
        }
    }
}

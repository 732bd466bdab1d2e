//! The life of a session, as a fold over the log.
//!
//! There is one transition function, [`History::next`]. It is total: every event either leads to a next state or is an
//! [`IllegalTransition`], which means that the log was not written by this program or that this program is wrong; either
//! way nothing is done. No state is kept anywhere else.

mod folded;
mod history;
mod status;
mod transition;

use jiff::Timestamp;
use repair_model::decision::{Decided, Decision};
use repair_model::event::{EffectProcess, Event, Intent, Purpose, SettledBy};
use repair_model::finding::{FailureClass, Finding};
use repair_model::grant::{Grant, GrantVoid};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::{Outcome, Verdict};
use repair_model::target::Target;
use repair_model::tool::ToolRef;
use serde::{Deserialize, Serialize};

pub use folded::Folded;
pub use history::{History, HistoryError, IllegalTransition, Try};
pub use status::{Phase, Status, StepStatus};

use transition::stands_without_lease;

/// The plan that a session is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanState {
    /// Its digest.
    pub plan: Digest,
    /// Blob of its bytes.
    pub blob: Digest,
    /// The tool that proposed it.
    pub tool: ToolRef,
    /// What it is meant to repair.
    pub class: FailureClass,
    /// Round in which it was made.
    pub round: u32,
    /// How many steps it has.
    pub steps: u32,
    /// Grants that were given before it was made. The same state of the target yields the same plan again, and what was
    /// said to an earlier one does not stand for this one.
    pub grants_before: u32,
    /// Steps that were begun before it was made.
    pub steps_before: u32,
    /// Whether a person said no to it.
    pub refused: bool,
    /// The policy's answer, once given.
    pub decision: Option<Decision>,
    /// Names that answer: a digest over plan and answer.
    pub decision_id: Option<Digest>,
    /// The answer for each step.
    pub decided: Vec<Decided>,
}

/// A grant and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantState {
    /// The grant.
    pub grant: Grant,
    /// Whether its session has started to act on it.
    pub used: bool,
    /// Why it does not stand any more.
    pub void: Option<GrantVoid>,
}

/// One intent and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Step of its plan, counted from 0.
    pub step: u32,
    /// What was about to be done.
    pub intent: Intent,
    /// When.
    pub intended_at: Timestamp,
    /// The process of the effect, once it was started.
    pub process: Option<EffectProcess>,
    /// Where its progress can be asked for, where somebody else carries it out.
    pub operation: Option<String>,
    /// What came of it; `None` while it is open.
    pub outcome: Option<Outcome>,
}

/// Where a resume goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// The last step of the plan that is done.
    pub step: u32,
    /// Its place among all steps of the session.
    pub place: u32,
    /// Id of the policy's decision under which it was done.
    pub decision: Digest,
    /// Blob of the evidence that its plan answers to.
    pub evidence: Digest,
    /// When.
    pub time: Timestamp,
}

/// A tool's answer, for `repair replay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What for.
    pub purpose: Purpose,
    /// The wrapped command.
    pub command: Vec<String>,
    /// The target as it was asked for.
    pub target: Target,
    /// Blob of the evidence that it began with.
    pub first_evidence: Option<Digest>,
    /// When it began; never rewritten.
    pub started: Timestamp,
    /// When its last event was written.
    pub updated: Timestamp,
    /// When its own process wrote last; others may write to a session whose process is lost.
    pub own_until: Timestamp,
    /// Time of its own work so far, in milliseconds: neither waiting for a person nor lying dead counts.
    pub worked_ms: u64,
    /// How it stands.
    pub status: Status,
    /// Where it is on its way through the round.
    pub phase: Phase,
    /// How often it was taken over after its process was lost.
    pub recoveries: u32,
    /// The last round that was begun.
    pub round: u32,
    /// Blob of the evidence of the last diagnosis.
    pub evidence: Option<Digest>,
    /// The last diagnosis, primary finding first.
    pub findings: Vec<Finding>,
    /// The present plan.
    pub plan: Option<PlanState>,
    /// All grants, oldest first.
    pub grants: Vec<GrantState>,
    /// All intents, oldest first.
    pub steps: Vec<StepState>,
    /// The last checkpoint.
    pub checkpoint: Option<CheckpointState>,
    /// All answers of tools, oldest first.
    pub answers: Vec<AnswerState>,
    /// The last verification.
    pub verdict: Option<Verdict>,
    /// Why it ended or is blocked.
    pub reason: Option<String>,
    /// What a person can do next.
    pub next_steps: Vec<String>,
}

impl Session {
    /// The intent without an outcome, if there is one: the effect may or may not have happened.
    pub fn open_intent(&self) -> Option<&StepState> {
        self.steps.iter().find(|step| step.outcome.is_none())
    }

    /// The last step, where nobody could tell whether it happened.
    pub fn unknown_step(&self) -> Option<&StepState> {
        self.steps.last().filter(|step| matches!(step.outcome, Some(Outcome::Unclear { .. })))
    }

    /// Whether it stopped in the middle of an effect, and nobody has settled it since.
    pub fn is_interrupted(&self) -> bool {
        !self.status.is_final() && self.open_intent().is_some()
    }

    /// Whether it waits with a plan that somebody has approved from elsewhere.
    pub fn is_approved(&self) -> bool {
        self.status == Status::AwaitingApproval
            && self.plan.as_ref().is_some_and(|plan| self.unused_grant(plan.plan).is_some())
    }

    /// Whether it has begun anything that changes something.
    pub fn has_acted(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The present plan, unless a later round has begun since.
    pub fn plan_of_round(&self) -> Option<&PlanState> {
        self.plan.as_ref().filter(|plan| plan.round == self.round)
    }

    /// The grant that stands for `plan`, if that is the present one, and has not been used.
    pub fn unused_grant(&self, plan: Digest) -> Option<&Grant> {
        self.standing_grant(plan, false)
    }

    /// The grant under which `plan`, if that is the present one, is being carried out.
    pub fn used_grant(&self, plan: Digest) -> Option<&Grant> {
        self.standing_grant(plan, true)
    }

    fn standing_grant(&self, plan: Digest, used: bool) -> Option<&Grant> {
        self.present_grants()
            .iter()
            .rev()
            .find(|state| state.grant.plan == plan && state.used == used && state.void.is_none())
            .map(|state| &state.grant)
    }

    /// The grants that were given since the present plan was made, oldest first.
    pub fn present_grants(&self) -> &[GrantState] {
        let before = self.plan.as_ref().map_or(0, |plan| plan.grants_before);
        usize::try_from(before).ok().and_then(|before| self.grants.get(before..)).unwrap_or_default()
    }

    /// Whether what was approved of the present plan is not so any more, so that it has to be made anew.
    pub fn is_plan_void(&self) -> bool {
        self.present_grants()
            .iter()
            .any(|state| matches!(state.void, Some(GrantVoid::Footprint(_) | GrantVoid::Policy | GrantVoid::Component)))
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

    /// The plans of which it began a step.
    fn plans(&self) -> impl Iterator<Item = Digest> {
        let acted_on = self.steps.iter().filter_map(|step| match &step.intent {
            Intent::Apply { plan, .. } => Some(*plan),
            Intent::Undo { .. } => None,
        });
        acted_on.chain(self.plan.as_ref().filter(|_| !self.status.is_final()).map(|plan| plan.plan))
    }

    /// What came last of each begun step of the present plan, or of the edits that an undo takes back.
    pub fn begun_steps(&self) -> impl Iterator<Item = &StepState> {
        self.begun_places().map(|(_, step)| step)
    }

    /// The same, each with its place among all steps of the session.
    fn begun_places(&self) -> impl Iterator<Item = (usize, &StepState)> {
        let before = self.plan.as_ref().map_or(0, |plan| usize::try_from(plan.steps_before).unwrap_or(usize::MAX));
        self.steps.iter().enumerate().skip(before).filter(move |(at, step)| {
            let begun_again = self.steps[at + 1..].iter().any(|later| later.step == step.step);
            !begun_again
        })
    }

    /// Steps of the present plan that are done.
    pub fn done_steps(&self) -> usize {
        self.begun_steps().filter(|step| matches!(step.outcome, Some(Outcome::Done { .. }))).count()
    }

    /// How each step of the present plan stands, or each edit that an undo takes back, in its order. `undone` tells, by their
    /// place among all steps of the session, which were taken back since.
    pub fn step_statuses(&self, undone: &[u32]) -> Vec<StepStatus> {
        let numbers: Vec<u32> = match (&self.purpose, &self.plan) {
            (Purpose::Undo { steps, .. }, _) => steps.iter().map(|undo| undo.step).collect(),
            (_, Some(plan)) => (0..plan.steps).collect(),
            (_, None) => Vec::new(),
        };
        let mut statuses = vec![StepStatus::Pending; numbers.len()];
        for (place, step) in self.begun_places() {
            let Some(at) = numbers.iter().position(|number| *number == step.step) else { continue };
            let is_undone = undone.iter().any(|undone| usize::try_from(*undone) == Ok(place));
            statuses[at] = match &step.outcome {
                None if self.status.is_final() => StepStatus::Unknown,
                None => StepStatus::Started,
                Some(Outcome::Done { .. }) if is_undone => StepStatus::Undone,
                Some(Outcome::Done { .. }) => StepStatus::Done,
                Some(Outcome::Failed { .. }) => StepStatus::Failed,
                Some(Outcome::Abandoned { .. }) => StepStatus::Pending,
                Some(Outcome::Unclear { .. }) => StepStatus::Unknown,
            };
        }
        let nothing_follows = self.status.is_final() || statuses.contains(&StepStatus::Failed);
        for status in statuses.iter_mut().filter(|status| nothing_follows && **status == StepStatus::Pending) {
            *status = StepStatus::Skipped;
        }
        statuses
    }

    /// Counts the time since its process wrote last as own work, where that process was at work all that time: neither what
    /// others write to it, nor the end of a time in which it lay dead or a person looked.
    fn count_work(&mut self, event: &Event, time: Timestamp) {
        if stands_without_lease(event) {
            return;
        }
        let was_idle =
            matches!(event, Event::RecoveryBegan { .. } | Event::Settled { by: SettledBy::Person { .. }, .. });
        if self.status == Status::Running && !was_idle {
            let passed = time.duration_since(self.own_until).as_millis();
            self.worked_ms = self.worked_ms.saturating_add(u64::try_from(passed).unwrap_or(0));
        }
        self.own_until = time;
    }
}

#[cfg(test)]
mod tests;

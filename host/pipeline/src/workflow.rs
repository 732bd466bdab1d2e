//! The workflow itself: diagnose, plan, decide, ask, carry out, verify; again while the bounds allow.
//!
//! Every arrow appends to the log before the next stage begins, and nothing is kept that the log does not say. A session
//! that stopped goes on through the same stages and the same gate as one that did not ([`Workflow::resume`]).

use jiff::Timestamp;
use repair_model::decision::Decided;
use repair_model::event::{Ending, Holder, Purpose};
use repair_model::evidence::Evidence;
use repair_model::finding::{FailureClass, Finding};
use repair_model::grant::Grant;
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::Verdict;
use repair_model::plan::FrozenPlan;
use repair_model::target::Target;

use crate::approval::Person;
use crate::execution::ExecutionError;
use crate::outside::{Clock, Deployment, Log, LogError, TargetError, Tools};
use crate::planning::{Draft, Passed};
use crate::policy::Policies;
use crate::report::{Conclusion, Report, StepReport};
use crate::session::{Folded, HistoryError, IllegalTransition, Status};
use crate::settings::Settings;

mod approving;
mod carrying_out;
mod next_steps;
mod recording;
mod recovery;
mod resuming;
mod round;
mod undo;

#[cfg(test)]
mod tests;

pub use resuming::{Ineligible, eligibility};
pub use undo::{UndoStep, undo_steps, undone_steps};

/// How the workflow was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Version of `repair`.
    pub version: String,
    /// What for.
    pub purpose: Purpose,
    /// The wrapped command, redacted.
    pub command: Vec<String>,
    /// Whether `--yes` was given.
    pub yes: bool,
    /// User and host, as the system names them.
    pub approver: String,
    /// This process, for the record of a recovery.
    pub holder: Holder,
    /// Effects that other projects of the same directory began within the last hour: their names do not reset a budget.
    pub elsewhere: Vec<Elsewhere>,
    /// Random bytes for the session's id.
    pub session_random: [u8; 4],
    /// Random bytes for the nonces of its grants; one for each is derived by counting.
    pub nonce_random: [u8; 12],
}

/// An effect that another project of the same directory began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// What it was meant to repair.
    pub class: FailureClass,
    /// When.
    pub at: Timestamp,
}

/// Why the workflow could not come to a conclusion.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not say what it should.
    #[error("the log of this target is not consistent")]
    History(#[from] IllegalTransition),
    /// The target could not be looked at.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Something could not be written down.
    #[error("a record could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// The plan that is to be carried out was not approved.
    #[error("plan {} is not approved", .0.short())]
    NotApproved(Digest),
    /// The session cannot be resumed.
    #[error(transparent)]
    Ineligible(#[from] Ineligible),
    /// What was asked for does not exist or is not possible now.
    #[error("{what}")]
    Request {
        /// What is wrong.
        what: String,
        /// What to do next.
        hints: Vec<String>,
    },
}

impl From<ExecutionError> for WorkflowError {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::Log(error) => Self::Log(error),
            ExecutionError::History(error) => Self::History(error),
        }
    }
}

impl From<HistoryError> for WorkflowError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Log(error) => Self::Log(error),
            HistoryError::Illegal(error) => Self::History(error),
        }
    }
}

/// Everything that the workflow works on.
pub struct Workflow<'w, D, T, L, P> {
    /// The deployment.
    pub deployment: &'w mut D,
    /// The tools.
    pub tools: &'w mut T,
    /// The log; its lease is held.
    pub log: &'w mut L,
    /// What the log says, as far as it was folded; empty at first.
    pub folded: Folded,
    /// The person.
    pub person: &'w mut P,
    /// The clock.
    pub clock: &'w dyn Clock,
    /// Policies and bounds in force.
    pub policies: &'w Policies,
    /// The project's preferences.
    pub settings: &'w Settings,
    /// The target.
    pub target: &'w Target,
    /// How it was asked for.
    pub options: Options,
}

/// What one session has come to so far.
struct Course {
    session: SessionId,
    started_ms: u64,
    /// Own work of earlier processes of this session.
    worked_before_ms: u64,
    /// Time spent waiting for a person, which no bound counts.
    waited_ms: u64,
    round: u32,
    grants: u32,
    /// Whether it stops once its plan waits for an approval.
    only_plans: bool,
    /// Whether this process has asked anew already because a grant had expired.
    asked_anew: bool,
    findings: Vec<Finding>,
    plan: Option<FrozenPlan>,
    decided: Vec<Decided>,
    steps: Vec<StepReport>,
    verdict: Option<Verdict>,
    passed: Vec<Passed>,
    effect_ms: u64,
}

/// How the session goes on.
enum Next {
    Round(Vec<Evidence>),
    /// Decide on this plan, and carry it out.
    Approve(Box<Draft>),
    /// Carry this plan out from this step on.
    CarryOut(Box<FrozenPlan>, Box<Grant>, usize),
    /// All of this plan is done: check.
    Verify(Box<FrozenPlan>),
    Conclude(Conclusion, Vec<String>),
}

/// A person's or the policy's answer to a plan.
enum Approval {
    Granted(Box<Draft>, Box<Grant>),
    Stop(Conclusion, Vec<String>),
}

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Heals the target, beginning with `evidence` of what failed. Sessions that are not over are superseded.
    ///
    /// # Errors
    /// When the log or the target cannot be used; the session is ended where that is still possible.
    pub async fn heal(&mut self, evidence: Vec<Evidence>) -> Result<Report, WorkflowError> {
        let session = self.begin(&evidence).await?;
        let course = self.course(session);
        self.conclude(course, Next::Round(evidence)).await
    }

    fn course(&self, session: SessionId) -> Course {
        Course {
            session,
            started_ms: self.clock.monotonic_ms(),
            worked_before_ms: 0,
            waited_ms: 0,
            round: 0,
            grants: 0,
            only_plans: self.options.purpose == Purpose::Plan,
            asked_anew: false,
            findings: Vec::new(),
            plan: None,
            decided: Vec::new(),
            steps: Vec::new(),
            verdict: None,
            passed: Vec::new(),
            effect_ms: 0,
        }
    }

    /// Stage after stage until there is a conclusion, which is recorded, or somebody gives the session up from elsewhere.
    async fn conclude(&mut self, mut course: Course, mut next: Next) -> Result<Report, WorkflowError> {
        let (conclusion, next_steps) = loop {
            if self.is_given_up(&course.session)? {
                break (Conclusion::GivenUp, Vec::new());
            }
            let went = match next {
                Next::Conclude(conclusion, steps) => break (conclusion, steps),
                Next::Round(evidence) => self.round(&mut course, evidence).await,
                Next::Approve(draft) => self.decide_and_carry_out(&mut course, draft).await,
                Next::CarryOut(frozen, grant, from) => self.carry_out(&mut course, &frozen, &grant, from).await,
                Next::Verify(frozen) => self.verify(&mut course, &frozen).await,
            };
            next = went.or_else(|error| where_target_fails(&course, error))?;
        };
        self.record_end(&course, &conclusion, &next_steps)?;
        // Somebody may have been faster, and what the log says counts.
        let is_given_up = self.session_now(&course.session)?.status == Status::Ended(Ending::Aborted);
        match is_given_up && conclusion != Conclusion::Declined {
            true => Ok(self.report(course, Conclusion::GivenUp, Vec::new())),
            false => Ok(self.report(course, conclusion, next_steps)),
        }
    }

    fn report(&self, course: Course, conclusion: Conclusion, next_steps: Vec<String>) -> Report {
        Report {
            session: course.session,
            conclusion,
            findings: course.findings,
            plan: course.plan,
            decided: course.decided,
            steps: course.steps,
            verdict: course.verdict,
            passed: course.passed,
            next_steps,
            rounds: course.round,
            effect_ms: course.effect_ms,
        }
    }
}

/// A target that does not answer ends a session that has done nothing yet. One that has done something keeps its state: only
/// a definitive answer discards it.
fn where_target_fails(course: &Course, error: WorkflowError) -> Result<Next, WorkflowError> {
    match error {
        WorkflowError::Target(error) if course.steps.is_empty() => {
            Ok(Next::Conclude(Conclusion::NotHealed(error.what), error.hints))
        }
        WorkflowError::Target(error) => Ok(Next::Conclude(Conclusion::Suspended(error.what), error.hints)),
        error => Err(error),
    }
}

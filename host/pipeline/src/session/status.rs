//! The words for how a session and its steps stand, and which of them may follow which.
//!
//! The status of a session goes forward only: what ended stays ended, and an effect begins in `running` and nowhere else.

use repair_model::event::{BlockReason, Ending};
use serde::{Deserialize, Serialize};

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A process works on it, or was lost while doing so.
    Running,
    /// It stopped for now.
    Suspended(String),
    /// It waits for a person's yes.
    AwaitingApproval,
    /// It cannot go on by itself.
    Blocked(BlockReason),
    /// A process took it over after its own was lost, and settles what that left open.
    Recovering,
    /// It is over.
    Ended(Ending),
}

impl Status {
    /// The word for it, as `--json` prints it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended(_) => "suspended",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Blocked(_) => "blocked",
            Self::Recovering => "recovering",
            Self::Ended(Ending::Healed) => "healed",
            Self::Ended(Ending::Undone) => "undone",
            Self::Ended(Ending::Escalated) => "escalated",
            Self::Ended(Ending::Failed) => "failed",
            Self::Ended(Ending::Aborted) => "aborted",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// Whether it means that a process works on the session, so that it was lost if nobody holds the lease.
    pub fn needs_process(&self) -> bool {
        matches!(self, Self::Running | Self::Recovering)
    }
}

/// How one step of a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepStatus {
    /// Not begun, or abandoned before it was done, so that it may be begun again.
    Pending,
    /// Begun, and its outcome is not recorded.
    Started,
    /// It happened.
    Done,
    /// It did not happen, or only in part.
    Failed,
    /// It cannot be told whether it happened.
    Unknown,
    /// It happened and was taken back since.
    Undone,
    /// It will not be begun any more.
    Skipped,
}

impl StepStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Undone => "undone",
            Self::Skipped => "skipped",
        }
    }
}

/// Where a session is on its way through a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It looks at the target and names the failure.
    Inspection,
    /// It asks the tools.
    Planning,
    /// Policy and person decide.
    Approval,
    /// It carries the plan out.
    Execution,
    /// It checks that the target is healthy.
    Verification,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Inspection, Self::Planning, Self::Approval, Self::Execution, Self::Verification];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inspection => "inspection",
            Self::Planning => "planning",
            Self::Approval => "approval",
            Self::Execution => "execution",
            Self::Verification => "verification",
        }
    }
}

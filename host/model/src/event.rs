//! The events of the log. Session state is a fold over them and nothing else.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::decision::{Decided, Decision};
use crate::evidence::Evidence;
use crate::finding::{FailureClass, Finding};
use crate::grant::{Channel, Grant, GrantVoid};
use crate::ids::{Digest, SessionId};
use crate::outcome::{Outcome, Verdict};
use crate::plan::FileEdit;
use crate::target::Target;
use crate::tool::ToolRef;

/// Version of the log's format: the envelope of a line and everything in it.
pub const FORMAT_VERSION: u32 = 4;

/// The process that holds a lease. For display; only the kernel's lock decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// When the process started, as the kernel counts it, so that a reused pid is told apart.
    pub started: String,
    /// The boot in which it runs; empty where that cannot be told.
    pub boot: String,
}

/// The process that runs an effect, so that whoever comes after a crash waits for exactly this one, or ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EffectProcess {
    /// Its process group, which is also the id of its first process.
    pub group: u32,
    /// When that process started, as the kernel counts it (clock ticks since boot); empty where that cannot be told.
    pub started: String,
    /// The boot in which it runs; empty where that cannot be told.
    pub boot: String,
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// `repair --self-heal=preview`.
    Heal,
    /// `repair plan`: stops at the approval.
    Plan,
    /// `repair undo`.
    Undo {
        /// Whose edits are taken back.
        session: SessionId,
        /// Which, in the order in which they are taken back.
        steps: Vec<UndoStep>,
    },
}

/// One edit that is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoStep {
    /// Its place among all steps of the earlier session, counted from 0.
    pub step: u32,
    /// The edit that restores the file.
    pub edit: FileEdit,
}

/// What an intent is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// A step of the plan.
    Apply {
        /// The granted plan.
        plan: Digest,
        /// The action of the step.
        action: Action,
        /// How to take it back, where that is possible.
        undo: Option<FileEdit>,
    },
    /// Takes back one edit of an earlier session.
    Undo {
        /// Which session.
        session: SessionId,
        /// Which step of it.
        step: u32,
        /// The edit that restores the file.
        edit: FileEdit,
    },
}

/// Who found out what came of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettledBy {
    /// The process that ran it.
    Effect,
    /// The action's probe, after that process was lost.
    Probe,
    /// A person who looked, after the probe could not tell.
    Person {
        /// User and host.
        approver: String,
    },
}

/// Why a session cannot go on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockReason {
    /// The policy denies what would have to be done.
    DeniedByPolicy,
    /// It was recovered as often as the bounds allow.
    CrashLoop,
    /// Only a person can tell whether a step happened.
    PersonNeeded,
}

impl BlockReason {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeniedByPolicy => "denied-by-policy",
            Self::CrashLoop => "crash-loop",
            Self::PersonNeeded => "person-needed",
        }
    }
}

/// How a session ended. Nothing follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The target is healthy, and verification says so.
    Healed,
    /// The edits of another session were taken back.
    Undone,
    /// Not healed; a person has precise next steps.
    Escalated,
    /// `repair` itself failed.
    Failed,
    /// Given up by a person, who said no or took it back, or superseded by a newer session.
    Aborted,
}

/// One event. Added variants need a new [`FORMAT_VERSION`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The first line of a log.
    LogOpened {
        /// Whose log it is.
        target: Target,
    },
    /// The first line of every later segment.
    SegmentOpened {
        /// Whose log it is.
        target: Target,
        /// Blob of the state that everything before this line folds to.
        state: Digest,
        /// The Merkle tree of everything before this line: the roots of its complete subtrees, largest first.
        tree: Vec<Digest>,
    },
    /// Whole segments are removed by a retention rule. Recorded before anything is removed.
    Collected {
        /// The first record that is kept.
        before: u64,
        /// The rule: everything in a removed segment is older than this many days, and its sessions are over.
        older_than_days: u32,
        /// Who asked for it.
        approver: String,
    },
    /// An unfinished last line was set aside on opening.
    TailSetAside {
        /// How many bytes.
        bytes: u64,
        /// Their digest as a blob.
        blob: Digest,
        /// Where they were put, relative to the target's folder.
        file: PathBuf,
    },
    /// A process took the lease; the envelope's epoch is its own from here on.
    LeaseTaken {
        /// Which process.
        holder: Holder,
    },
    /// A session began.
    SessionBegan {
        /// Version of `repair`.
        version: String,
        /// What for.
        purpose: Purpose,
        /// The wrapped command, redacted.
        command: Vec<String>,
        /// Blob of the evidence that it begins with, JSON; `None` without any.
        evidence: Option<Digest>,
        /// Sessions whose place it takes; they are ended under this one's lease.
        supersedes: Vec<SessionId>,
        /// The target as this session sees it: files, profiles and services are those that it was asked for.
        target: Target,
    },
    /// Another process took over a session whose own process was lost.
    RecoveryBegan {
        /// Which process.
        holder: Holder,
    },
    /// The session goes on.
    Resumed {
        /// Who asked for it.
        approver: String,
        /// Version of `repair`.
        version: String,
    },
    /// What was seen and what it means.
    Diagnosed {
        /// Counted from 1.
        round: u32,
        /// Blob of the evidence, JSON.
        evidence: Digest,
        /// Primary finding first.
        findings: Vec<Finding>,
    },
    /// A tool answered.
    ToolAnswered {
        /// Round of the session.
        round: u32,
        /// Which tool.
        tool: ToolRef,
        /// Blob of the component.
        component_blob: Digest,
        /// Blob of the case, JSON.
        case: Digest,
        /// Blob of the reply, JSON.
        reply: Digest,
        /// `propose`, `need`, `wait` or `decline`.
        answer: String,
    },
    /// A tool failed, or its answer was refused.
    ToolRefused {
        /// Round of the session.
        round: u32,
        /// Its id.
        tool: String,
        /// Which export, limit or rule, and the fix.
        error: String,
    },
    /// A plan was frozen.
    Planned {
        /// Round of the session.
        round: u32,
        /// Its digest.
        plan: Digest,
        /// Blob of its bytes.
        blob: Digest,
        /// The tool that proposed it: others may have proposed as well, before and after it.
        tool: ToolRef,
        /// The class that it is meant to repair.
        class: FailureClass,
        /// How many steps it has.
        steps: u32,
    },
    /// The policy answered for each step of a plan.
    PolicyAnswered {
        /// The plan.
        plan: Digest,
        /// The strictest of them.
        decision: Decision,
        /// One for each step.
        steps: Vec<Decided>,
    },
    /// The session waits for a person.
    ApprovalAsked {
        /// The plan.
        plan: Digest,
    },
    /// Yes.
    Granted {
        /// What exactly.
        grant: Grant,
    },
    /// No.
    ApprovalRefused {
        /// The plan.
        plan: Digest,
        /// Who.
        approver: String,
        /// How.
        channel: Channel,
    },
    /// The session starts to carry out a plan under a grant. A grant is used once.
    GrantUsed {
        /// The grant.
        nonce: String,
    },
    /// A grant does not stand any more.
    GrantVoided {
        /// The grant.
        nonce: String,
        /// Why.
        why: GrantVoid,
    },
    /// About to start an effect.
    Intended {
        /// Step of the plan, counted from 0.
        step: u32,
        /// What.
        intent: Intent,
    },
    /// The process that runs an effect. It holds the lease until it ends.
    EffectStarted {
        /// Step of the plan.
        step: u32,
        /// The process.
        process: EffectProcess,
    },
    /// Somebody else carries an effect out and has said where its progress can be asked for, as Azure does.
    OperationBegan {
        /// Step of the plan.
        step: u32,
        /// Where.
        url: String,
    },
    /// What came of it.
    Settled {
        /// Step of the plan.
        step: u32,
        /// What.
        outcome: Outcome,
        /// Who told.
        by: SettledBy,
    },
    /// A step is behind the session for good: where a resume goes on from.
    Checkpoint {
        /// Step of the plan.
        step: u32,
        /// Id of the policy's decision under which it was done.
        decision: Digest,
        /// Blob of the evidence that the plan answers to.
        evidence: Digest,
        /// What it changed in a file, if it did.
        edit: Option<FileEdit>,
    },
    /// Verification answered.
    Verified {
        /// What it found.
        verdict: Verdict,
    },
    /// The session stops for now.
    Suspended {
        /// Why.
        reason: String,
    },
    /// The session cannot go on by itself.
    Blocked {
        /// Why.
        reason: BlockReason,
        /// In one sentence.
        detail: String,
        /// What a person can do next.
        next_steps: Vec<String>,
    },
    /// The session is over.
    Ended {
        /// How.
        ending: Ending,
        /// In one sentence.
        reason: String,
        /// What a person can do next.
        next_steps: Vec<String>,
    },
    /// Something that a reader of the audit should see and that changes no state.
    Noted {
        /// In one sentence.
        note: String,
    },
}

impl Event {
    /// Its kind, as the log spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LogOpened { .. } => "log-opened",
            Self::SegmentOpened { .. } => "segment-opened",
            Self::Collected { .. } => "collected",
            Self::TailSetAside { .. } => "tail-set-aside",
            Self::LeaseTaken { .. } => "lease-taken",
            Self::SessionBegan { .. } => "session-began",
            Self::RecoveryBegan { .. } => "recovery-began",
            Self::Resumed { .. } => "resumed",
            Self::Diagnosed { .. } => "diagnosed",
            Self::ToolAnswered { .. } => "tool-answered",
            Self::ToolRefused { .. } => "tool-refused",
            Self::Planned { .. } => "planned",
            Self::PolicyAnswered { .. } => "policy-answered",
            Self::ApprovalAsked { .. } => "approval-asked",
            Self::Granted { .. } => "granted",
            Self::ApprovalRefused { .. } => "approval-refused",
            Self::GrantUsed { .. } => "grant-used",
            Self::GrantVoided { .. } => "grant-voided",
            Self::Intended { .. } => "intended",
            Self::EffectStarted { .. } => "effect-started",
            Self::OperationBegan { .. } => "operation-began",
            Self::Settled { .. } => "settled",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Verified { .. } => "verified",
            Self::Suspended { .. } => "suspended",
            Self::Blocked { .. } => "blocked",
            Self::Ended { .. } => "ended",
            Self::Noted { .. } => "noted",
        }
    }
}

/// One line of the log as its reader hands it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Counted from 0.
    pub sequence: u64,
    /// Whose event it is; `None` for those of the log itself.
    pub session: Option<SessionId>,
    /// Epoch of the lease under which it was written.
    pub epoch: u64,
    /// Wall-clock time; for display, never for order.
    pub time: jiff::Timestamp,
    /// What happened.
    pub event: Event,
}

/// The evidence of one round, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceBlob {
    /// All sources.
    pub evidence: Vec<Evidence>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelled_as_the_log_spells_them() {
        let nonce = String::new;
        let events = [
            Event::GrantUsed { nonce: nonce() },
            Event::GrantVoided { nonce: nonce(), why: GrantVoid::Plan },
            Event::Collected { before: 1, older_than_days: 2, approver: String::new() },
            Event::Resumed { approver: String::new(), version: String::new() },
            Event::Noted { note: String::new() },
        ];
        for event in events {
            let value = serde_json::to_value(&event).expect("plain data");
            assert_eq!(value["kind"], event.kind());
        }
    }
}

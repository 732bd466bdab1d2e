//! What a run of the workflow came to.

use repair_model::decision::Decided;
use repair_model::event::BlockReason;
use repair_model::finding::Finding;
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Verdict};
use repair_model::plan::FrozenPlan;

use crate::planning::Passed;

/// How it ended; decides the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The target is healthy again, and verification says so.
    Healed,
    /// A plan waits for a yes that nobody here can give.
    AwaitingApproval,
    /// The policy denies the plan.
    Denied,
    /// A person said no.
    Declined,
    /// Not healed; `next_steps` say what a person can do.
    NotHealed(String),
    /// Stopped by the person.
    Interrupted,
    /// Stopped for now by something that may pass; it can be resumed.
    Suspended(String),
    /// It cannot go on by itself.
    Blocked(BlockReason, String),
    /// Somebody gave the session up from elsewhere.
    GivenUp,
    /// The edits of an earlier session were taken back.
    Undone,
}

/// One step that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// What it was, in the host's words.
    pub summary: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What happened, for people and programs.
#[derive(Clone, Debug)]
pub struct Report {
    /// The session.
    pub session: SessionId,
    /// How it ended.
    pub conclusion: Conclusion,
    /// The last diagnosis, primary finding first.
    pub findings: Vec<Finding>,
    /// The last plan.
    pub plan: Option<FrozenPlan>,
    /// The policy's answer for each of its steps.
    pub decided: Vec<Decided>,
    /// All steps that were begun, over all rounds.
    pub steps: Vec<StepReport>,
    /// The last verification.
    pub verdict: Option<Verdict>,
    /// Tools that did not lead to a plan. Foreign text.
    pub passed: Vec<Passed>,
    /// What a person can do next. May hold foreign text.
    pub next_steps: Vec<String>,
    /// Rounds that were begun.
    pub rounds: u32,
    /// Milliseconds that `compose up` itself took.
    pub effect_ms: u64,
}

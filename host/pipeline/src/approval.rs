//! Asking a person, and the grant that a yes becomes.

use jiff::{SignedDuration, Timestamp};
use repair_model::decision::{Decided, Decision};
use repair_model::finding::Finding;
use repair_model::grant::{Channel, Grant};
use repair_model::ids::SessionId;
use repair_model::outcome::Verdict;
use repair_model::plan::{EditMethod, FrozenPlan, Plan};
use repair_model::risk::Risk;

/// What a person is asked. Everything foreign in it is still raw; whoever shows it escapes it.
#[derive(Debug)]
pub struct ApprovalRequest<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// All findings, primary first.
    pub findings: &'a [Finding],
    /// The plan.
    pub frozen: &'a FrozenPlan,
    /// Whether the tool that proposed it is part of this program.
    pub built_in: bool,
    /// The policy's answer for each step.
    pub decided: &'a [Decided],
    /// Where else the port could be changed, the present method first.
    pub methods: &'a [EditMethod],
    /// Until when a yes would stand.
    pub expires_at: Timestamp,
}

/// What a person answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonsAnswer {
    /// Do exactly that. It is no answer to a plan that loses something for good.
    Yes,
    /// Do exactly that, with the names of what is lost for good as they were typed.
    Typed(Vec<String>),
    /// Do not.
    No,
    /// Do it there instead.
    Method(EditMethod),
    /// Nobody can answer here, or not now: leave it waiting.
    Later,
}

/// A step of which only a person can tell whether it happened.
#[derive(Debug)]
pub struct SettleRequest<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// The step of its plan, counted from 0.
    pub step: u32,
    /// Both readings.
    pub reason: &'a str,
    /// Commands with which to look.
    pub ways: &'a [String],
}

/// What the workflow tells while it runs.
#[derive(Debug)]
pub enum Progress<'a> {
    /// It looks at the target.
    Inspecting,
    /// It named the failure.
    Found(&'a Finding),
    /// It asks the tools.
    Planning,
    /// It starts a step.
    Applying {
        /// Counted from 1.
        step: usize,
        /// How many.
        steps: usize,
        /// In the host's words.
        summary: &'a str,
    },
    /// A line of an effect's output; safe to show.
    Output(&'a str),
    /// It waits for what somebody else carries out.
    Waiting(&'a str),
    /// It waits for services to settle.
    Verifying(&'a Verdict),
    /// A plan or grant does not stand any more, and why.
    Void(&'a str),
    /// An earlier session was settled.
    Recovered(&'a str),
    /// The file for other programs could not be written, and why; nothing depends on it.
    Unpublished(&'a str),
}

/// The person in front of `repair`, or nobody.
#[expect(async_fn_in_trait, reason = "one thread polls these futures, and the trait is internal to this workspace")]
pub trait Person {
    /// Whether somebody can answer here.
    fn interactive(&self) -> bool;
    /// Asks.
    async fn approve(&mut self, request: &ApprovalRequest<'_>) -> PersonsAnswer;
    /// Asks whether a step has happened; `None` when nobody can say.
    async fn settle(&mut self, request: &SettleRequest<'_>) -> Option<bool>;
    /// Tells.
    fn tell(&mut self, progress: Progress<'_>);
    /// Whether the person wants to stop.
    fn interrupted(&self) -> bool;
}

/// The strictest of the policy's answers; no step at all is denied.
pub fn strictest(decided: &[Decided]) -> Decision {
    decided.iter().map(|decided| decided.decision).max().unwrap_or_default()
}

/// Whether `--yes` may answer for a plan of this risk: never above the ceiling in code.
pub fn yes_flag_covers(risk: Risk) -> bool {
    risk <= Risk::UNATTENDED_MAX
}

/// Whether `typed` are the names of everything that the plan loses for good, in order and letter by letter.
pub fn names_what_is_lost(plan: &Plan, typed: &[String]) -> bool {
    plan.lost() == typed
}

/// The grant for one plan, in the one session that may use it.
pub fn grant(
    frozen: &FrozenPlan,
    session: &SessionId,
    approver: &str,
    channel: Channel,
    now: Timestamp,
    seconds_max: u64,
    nonce: [u8; 16],
) -> Grant {
    let seconds = i64::try_from(seconds_max).unwrap_or(i64::MAX);
    Grant {
        plan: frozen.digest(),
        component: frozen.plan().tool.component,
        policy: frozen.plan().policy,
        footprint: frozen.footprint(),
        session: session.clone(),
        approver: approver.to_owned(),
        channel,
        granted_at: now,
        expires_at: now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now),
        nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        typed: Vec::new(),
    }
}

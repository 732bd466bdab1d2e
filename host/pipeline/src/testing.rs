//! The outside as the workflow's tests see it: in memory, scripted, and in one order.
//!
//! Every fake writes what it was asked into one shared [`Trace`], so that a test can say what came before what. Nothing here
//! waits; time passes only where the workflow lets it pass.

mod deployment;
mod log;
mod plant;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use jiff::Timestamp;
use repair_model::action::ActionKind;
use repair_model::ids::{Digest, Domain};
use repair_model::plan::EditMethod;
use repair_model::query::QueryKind;
use repair_model::tool::{Case, Manifest, Reply, ToolAnswer};

use crate::approval::{ApprovalRequest, Person, PersonsAnswer, Progress, SettleRequest};
use crate::outside::{Clock, Durability, ToolFailure, Tools};

pub use deployment::FakeDeployment;
pub use log::{FakeLog, Meanwhile};
pub use plant::{Plant, assert_only_forward};
pub use world::{World, begun, compose_up, killed_after, policies, port_owner_query, proposal, remap, verdict};

/// One thing that the workflow asked of the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A record was handed to the log, and lasts.
    Append(String, Durability),
    /// The log failed at this record, blob or head.
    LogFailed,
    Store,
    SignHead,
    BeginSegment,
    MayGoOn,
    SweepEdit(String),
    Settle,
    Observe(QueryKind),
    Propose(String),
    Prepare(Option<EditMethod>),
    Approve(Digest),
    Footprint,
    Assess,
    /// The effect of a step was started.
    Apply(ActionKind),
    Probe(ActionKind),
    ProbeEdit(String),
    Edit(String),
    Pause(u64),
    Verify,
}

impl Call {
    /// Whether it changes the target.
    pub fn is_effect(&self) -> bool {
        matches!(self, Self::Apply(_) | Self::Edit(_))
    }
}

/// Everything that was asked, in order, and the moments at which the process may be killed.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    calls: Rc<RefCell<Vec<Call>>>,
    points: Rc<Cell<usize>>,
    dies_at: Rc<Cell<Option<usize>>>,
}

/// The process was killed.
struct Killed;

impl Trace {
    pub fn push(&self, call: Call) {
        self.point();
        self.calls.borrow_mut().push(call);
    }

    /// A moment at which the process may be killed.
    pub fn point(&self) {
        let point = self.points.replace(self.points.get() + 1);
        if self.dies_at.get() == Some(point) {
            self.dies_at.set(None);
            // Unlike a panic, this says nothing on stderr.
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// How many such moments there were.
    pub fn points(&self) -> usize {
        self.points.get()
    }

    /// Kills the process after so many more of them.
    pub fn die_in(&self, points: usize) {
        self.dies_at.set(Some(self.points.get() + points));
    }

    /// Lets the process live.
    pub fn live(&self) {
        self.dies_at.set(None);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    pub fn len(&self) -> usize {
        self.calls.borrow().len()
    }

    pub fn count(&self, wanted: impl Fn(&Call) -> bool) -> usize {
        self.calls.borrow().iter().filter(|call| wanted(call)).count()
    }

    pub fn effects(&self) -> usize {
        self.count(Call::is_effect)
    }
}

/// A clock that a test, and a pause of the workflow, moves.
#[derive(Clone, Debug, Default)]
pub struct FakeClock(Rc<Cell<i64>>);

impl FakeClock {
    /// May be negative, since a wall clock can be set back.
    pub fn pass_seconds(&self, seconds: i64) {
        self.pass_ms(seconds * 1000);
    }

    pub fn pass_ms(&self, milliseconds: i64) {
        self.0.set(self.0.get() + milliseconds);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-01-31T12:00:00Z".parse().expect("a time");
        Timestamp::from_millisecond(start.as_millisecond() + self.0.get()).expect("in range")
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.get()).unwrap_or(0)
    }
}

/// Tools that answer from a script; the last answer is repeated.
pub struct FakeTools {
    pub manifests: Vec<Manifest>,
    pub scripts: Vec<VecDeque<Result<ToolAnswer, ToolFailure>>>,
    /// Answers in the place of all scripts, so that a process that asks again is answered the same.
    pub answer: Option<fn(&Case) -> ToolAnswer>,
    /// Those that could not be loaded.
    pub failures: Vec<ToolFailure>,
    /// The bytes of every tool's component.
    pub component: Vec<u8>,
    /// What each call was shown.
    pub cases: Vec<(String, Case)>,
    pub trace: Trace,
}

impl FakeTools {
    /// Adds a tool that answers `answers` one after the other.
    pub fn add(&mut self, manifest: Manifest, answers: impl IntoIterator<Item = ToolAnswer>) {
        self.manifests.push(manifest);
        self.scripts.push(answers.into_iter().map(Ok).collect());
    }

    /// The digest of [`Self::component`] as manifests carry it.
    pub fn component_digest(&self) -> Digest {
        Digest::of(Domain::Component, &self.component)
    }
}

impl Tools for FakeTools {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn failures(&self) -> &[ToolFailure] {
        &self.failures
    }

    fn component(&self, _tool: &str) -> Option<&[u8]> {
        Some(&self.component)
    }

    fn is_built_in(&self, _tool: &str) -> bool {
        true
    }

    fn propose(&mut self, tool: &str, case: &Case) -> Result<Reply, ToolFailure> {
        self.trace.push(Call::Propose(tool.to_owned()));
        self.cases.push((tool.to_owned(), case.clone()));
        if let Some(answer) = self.answer {
            return Ok(Reply { answer: answer(case), notes: Vec::new() });
        }
        let at = self.manifests.iter().position(|manifest| manifest.tool.id == tool).expect("a known tool");
        let script = &mut self.scripts[at];
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        answer.expect("a script").map(|answer| Reply { answer, notes: Vec::new() })
    }
}

/// A person, or nobody.
pub struct FakePerson {
    pub interactive: bool,
    /// One for each time that they are asked; after that they do not answer.
    pub answers: VecDeque<PersonsAnswer>,
    /// What they say of steps that only a person can tell.
    pub settles: VecDeque<bool>,
    /// How long each answer takes.
    pub seconds_per_answer: i64,
    /// Wants to stop once the trace has so many entries.
    pub stops_at: Option<usize>,
    /// Everything that they were told, as its `Debug` text.
    pub told: Vec<String>,
    pub clock: FakeClock,
    pub trace: Trace,
}

impl Person for FakePerson {
    fn interactive(&self) -> bool {
        self.interactive
    }

    async fn approve(&mut self, request: &ApprovalRequest<'_>) -> PersonsAnswer {
        self.trace.push(Call::Approve(request.frozen.digest()));
        self.clock.pass_seconds(self.seconds_per_answer);
        self.answers.pop_front().unwrap_or(PersonsAnswer::Later)
    }

    async fn settle(&mut self, _request: &SettleRequest<'_>) -> Option<bool> {
        self.trace.push(Call::Settle);
        self.clock.pass_seconds(self.seconds_per_answer);
        self.settles.pop_front()
    }

    fn tell(&mut self, progress: Progress<'_>) {
        self.told.push(format!("{progress:?}"));
    }

    fn interrupted(&self) -> bool {
        self.stops_at.is_some_and(|length| self.trace.len() >= length)
    }
}

//! What the workflow needs of the outside, as traits. Everything that has an effect, or that the workflow cannot know by
//! itself, comes through here.
//!
//! The futures are polled on one thread, so none of them has to be `Send`.

use jiff::Timestamp;
use repair_model::action::Action;
use repair_model::bounds::Bounds;
use repair_model::container::Container;
use repair_model::event::{EffectProcess, Event, Record};
use repair_model::evidence::Evidence;
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::{Outcome, Probe, Verdict};
use repair_model::plan::{Change, EditMethod, FileEdit, Footprint, OtherWay, Step};
use repair_model::query::{Observation, Query};
use repair_model::risk::Risk;
use repair_model::tool::{Case, Manifest, Reply};

/// The time.
pub trait Clock {
    /// Wall-clock time: for display and expiry.
    fn now(&self) -> Timestamp;
    /// Milliseconds since some fixed moment, never going back: for bounds within one process.
    fn monotonic_ms(&self) -> u64;
}

/// Why a tool did not answer. `Display` names tool, export, limit and fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tool `{tool}`: {what}; {fix}")]
pub struct ToolFailure {
    /// Its id, or the name of its file while it has none.
    pub tool: String,
    /// What went wrong, with the export and the limit.
    pub what: String,
    /// What its author can do.
    pub fix: String,
}

/// The repair tools.
pub trait Tools {
    /// The checked manifests of the tools that could be loaded.
    fn manifests(&self) -> &[Manifest];
    /// Tools that could not be loaded; they harm nobody but themselves.
    fn failures(&self) -> &[ToolFailure];
    /// The exact bytes of a tool's component.
    fn component(&self, tool: &str) -> Option<&[u8]>;
    /// Whether the tool is part of this program, and not one that somebody has installed. An unknown one is not.
    fn is_built_in(&self, tool: &str) -> bool;
    /// Shows `case` to the tool.
    ///
    /// # Errors
    /// When the tool misbehaves; it is quarantined then.
    fn propose(&mut self, tool: &str, case: &Case) -> Result<Reply, ToolFailure>;
}

/// How long a record has to last before the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Handed to the operating system in one write: survives the end of this process.
    Process,
    /// On the disk: survives a loss of power. Needed before an effect and before anything is acknowledged.
    Power,
}

/// Why the log cannot be used. `Display` says which file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another live session holds the target.
    #[error("{0}")]
    Busy(String),
    /// The process that worked on the target is gone, and an effect that it started still runs and holds the target.
    #[error("{what}")]
    Outlived {
        /// Who and what, and what to do.
        what: String,
        /// The process of the effect, where the log tells.
        process: Option<EffectProcess>,
    },
    /// The log does not verify, or is missing for a known target.
    #[error("{0}")]
    Damaged(String),
    /// The log could not be written or read. After a failed write nothing more is written by this process.
    #[error("{what}")]
    Io {
        /// What was being done to which file, and what to do.
        what: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// An earlier failure makes it unsafe to go on.
    #[error("the log could not be written earlier in this run, so nothing more is done; start `repair` again")]
    Poisoned,
}

/// The log of one target.
pub trait Log {
    /// Appends one event and returns when it lasts as asked.
    ///
    /// # Errors
    /// When that is not certain. Nothing that depends on the event may be done then.
    fn append(&mut self, session: Option<&SessionId>, event: Event, durability: Durability) -> Result<(), LogError>;
    /// Stores content-addressed bytes, durably, and returns their blob digest.
    ///
    /// # Errors
    /// When they may not last.
    fn store(&mut self, bytes: &[u8]) -> Result<Digest, LogError>;
    /// Reads a blob back and checks it against its digest.
    ///
    /// # Errors
    /// When it is missing or differs.
    fn load(&self, blob: Digest) -> Result<Vec<u8>, LogError>;
    /// The state that the present segment opens with, as [`Log::begin_segment`] was given it; `None` in the first segment.
    ///
    /// # Errors
    /// When it is missing or was changed.
    fn opening_state(&mut self) -> Result<Option<Vec<u8>>, LogError>;
    /// All records of the present segment, including those that other processes appended meanwhile.
    ///
    /// # Errors
    /// When the log does not verify.
    fn records(&mut self) -> Result<&[Record], LogError>;
    /// Whether the present segment has grown to its size, so that a new one should begin.
    fn is_segment_full(&self) -> bool;
    /// Begins a new segment that opens with `state`, everything that the records so far fold to, and signs its head.
    ///
    /// # Errors
    /// When it may not last; the old segment goes on then.
    fn begin_segment(&mut self, state: &[u8]) -> Result<(), LogError>;
    /// Puts the projection of a session, a file for other programs, in place of its last one. It is never read back.
    ///
    /// # Errors
    /// When it cannot be written; nothing else depends on it.
    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), LogError>;
    /// Signs the log's present end, so that a later cut shows.
    ///
    /// # Errors
    /// When the head may not last.
    fn sign_head(&mut self) -> Result<(), LogError>;
    /// The descriptors that keep the lease for as long as they are open anywhere; the process that runs an effect inherits
    /// them. Empty without a lease.
    fn lease(&self) -> Vec<std::os::fd::BorrowedFd<'_>>;
}

/// Why the target could not be looked at or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TargetError {
    /// What failed: names the file, service or command.
    pub what: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// One action of a proposal, resolved against the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Which method a person may choose instead, the present one first. Empty where there is no choice.
    pub methods: Vec<EditMethod>,
    /// The step, with risk, exact change and footprint.
    pub step: Step,
}

/// A proposal resolved against the target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preparation {
    /// One for each action, in order.
    pub steps: Vec<Prepared>,
    /// What `repair` has noticed and will not do by itself.
    pub warnings: Vec<String>,
    /// What a person could do instead.
    pub other_ways: Vec<OtherWay>,
}

/// How the files of a target stand beside what a session did to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dirt {
    /// The files that the session changed.
    pub files: Vec<FileStanding>,
    /// What the version control of the project calls modified, by its path; `None` where the project has none.
    pub modified: Option<Modified>,
}

/// One file that a session changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStanding {
    /// Its name as plans use it.
    pub file: String,
    /// How it stands.
    pub standing: Standing,
}

/// How a file stands that a session wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As the session left it.
    AsWritten,
    /// As it was before the session.
    AsBefore,
    /// Somebody else changed it since.
    Foreign,
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable,
}

/// What is modified in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Modified {
    /// The first paths, at most [`repair_model::limits::MODIFIED_FILES_SHOWN_MAX`].
    pub first: Vec<String>,
    /// How many there are in all.
    pub count: usize,
}

/// Which effect of which session, so that what others were asked for in its name can be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectId {
    /// The session.
    pub session: SessionId,
    /// Its place among all steps of the session, counted from 0.
    pub place: u32,
    /// Where the progress of what it began can be asked for, where that is on record.
    pub operation: Option<String>,
}

/// What is seen of a target before anything is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// What the deployment's own tools say against it; the last piece weighs most.
    pub evidence: Vec<Evidence>,
    /// The containers of a Compose project.
    pub containers: Vec<Container>,
    /// What a person can do where nothing of that names a failure; none for what is said of a Compose project.
    pub places_to_look: Vec<String>,
}

/// How an effect is run.
pub struct EffectContext<'a> {
    /// Which effect it is.
    pub effect: EffectId,
    /// Inherited by every process of the effect.
    pub lease: Vec<std::os::fd::BorrowedFd<'a>>,
    /// Bounds in force: an effect whose wall time is over is ended, or not waited for any longer.
    pub bounds: &'a Bounds,
    /// Called once a process runs the effect, before anything is waited for.
    pub started: &'a mut dyn FnMut(EffectProcess) -> Result<(), LogError>,
    /// Called once somebody else carries the effect out and has said where its progress can be asked for.
    pub accepted: &'a mut dyn FnMut(&str) -> Result<(), LogError>,
    /// Called with each line of progress, already safe to show.
    pub progress: &'a mut dyn FnMut(&str),
    /// Called with what is waited for, whenever that changes.
    pub waiting: &'a mut dyn FnMut(&str),
    /// Turns true when the person wants to stop.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// The deployment: what can be seen of it and what can be done to it.
#[expect(async_fn_in_trait, reason = "one thread polls these futures, and the trait is internal to this workspace")]
pub trait Deployment {
    /// Looks at the whole target, to name what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be looked at.
    async fn inspect(&mut self) -> Result<Inspection, TargetError>;

    /// Answers one query about this target. Never an error: a failed look is a refusal with its reason.
    async fn observe(&mut self, query: &Query) -> Observation;

    /// Resolves the actions of a proposal, in order, each on top of what the earlier ones will have changed: exact edits,
    /// containers that would change, risks and footprints. `method` is a person's choice of where to edit.
    ///
    /// # Errors
    /// When an action names something outside this target, or cannot be done exactly as asked.
    async fn prepare(&mut self, actions: &[Action], method: Option<EditMethod>) -> Result<Preparation, TargetError>;

    /// The step's footprint as it is now.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn footprint(&mut self, step: &Step) -> Result<Footprint, TargetError>;

    /// Risk and exact change of the step as they would be now; they may not exceed what was granted.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn assess(&mut self, step: &Step) -> Result<(Risk, Change), TargetError>;

    /// Carries out the step, exactly.
    ///
    /// # Errors
    /// Only when the log failed in `context.started`; what the effect itself failed at is an [`Outcome`].
    async fn apply(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError>;

    /// Whether the step of a plan has happened, compared with what the plan saw before it: an edit by the digest of its
    /// end, a restart by when its container was started. What may still go on is waited for, and `waiting` told.
    async fn probe(&mut self, step: &Step, effect: &EffectId, waiting: &mut dyn FnMut(&str)) -> Probe;

    /// Whether a step that was abandoned half-way may go on: everything that differs from what it was planned on is its own
    /// work, and what is left to do is part of what was approved.
    ///
    /// # Errors
    /// Says what else differs, or why it cannot be told.
    async fn may_go_on(&mut self, step: &Step) -> Result<(), TargetError>;

    /// Removes what a step may have left beside its own change when its process was lost, such as a half-written file.
    /// Returns what was removed, in words.
    async fn sweep(&mut self, step: &Step) -> Vec<String>;

    /// The same for an edit that belongs to no step of a plan, such as one that takes another back.
    async fn sweep_edit(&mut self, edit: &FileEdit) -> Vec<String>;

    /// The commands with which a person can look whether `step` has happened, the most telling first.
    fn ways_to_look(&self, step: &Step) -> Vec<String>;

    /// How the files of `edits` stand against what these edits wrote, and what of the project's repository is modified.
    async fn dirt(&mut self, edits: &[FileEdit]) -> Dirt;

    /// Puts the projection of a session where the project asks for it, if it does.
    ///
    /// # Errors
    /// When it cannot be written there; nothing else depends on it.
    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError>;

    /// Whether the file of `edit` already equals its end.
    async fn probe_edit(&mut self, edit: &FileEdit) -> Probe;

    /// The edit that takes `edit` back.
    fn undo_of(&self, edit: &FileEdit) -> FileEdit;

    /// Carries out an edit, exactly: the file must equal `edit.before` and equals `edit.after` then.
    async fn edit(&mut self, edit: &FileEdit) -> Outcome;

    /// Lets time pass, and ends early when the person wants to stop.
    async fn pause_ms(&mut self, milliseconds: u64);

    /// A fresh look at the whole target: services and declared probes.
    ///
    /// # Errors
    /// When the engine does not answer.
    async fn verify(&mut self) -> Result<Verdict, TargetError>;
}

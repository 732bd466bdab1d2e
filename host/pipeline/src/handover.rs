//! What the next person or program needs to go on with a session: its goal, how far it came, what is unknown, what is next,
//! and warnings that are true.
//!
//! The same words stand in the summary before a resume, in `repair resume --dry-run` and in `repair show --handover`.

use repair_model::event::{Ending, Intent, Purpose};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::Outcome;
use repair_model::plan::{FileEdit, FrozenPlan};
use schemars::JsonSchema;
use serde::Serialize;

use crate::outside::{Dirt, Standing};
use crate::session::{Session, Status, StepStatus};
use crate::workflow::UndoStep;

/// How a session stands, for whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Handover {
    /// The session.
    pub session: SessionId,
    /// What it is meant to achieve.
    pub goal: String,
    /// How it stands.
    pub status: &'static str,
    /// Where it is on its way through the round.
    pub phase: &'static str,
    /// Its round.
    pub round: u32,
    /// The wrapped command that it began with; nothing of it runs again by itself.
    pub command: Vec<String>,
    /// Steps that are done.
    pub done: usize,
    /// All steps of the present plan, or all edits that an undo takes back.
    pub steps: Vec<HandoverStep>,
    /// Id of the policy's decision that it acts under.
    pub decision: Option<Digest>,
    /// What nobody knows.
    pub unknown: Vec<String>,
    /// What happens when it goes on.
    pub next: String,
    /// What whoever goes on should know.
    pub warnings: Vec<String>,
    /// Files that it changed, and how they stand.
    pub files: Vec<HandoverFile>,
    /// What the project's version control calls modified: the first of it, and how much in all.
    pub modified: Option<HandoverModified>,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HandoverStep {
    /// In the host's words.
    pub summary: String,
    /// How it stands.
    pub status: &'static str,
}

/// A file that the session changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HandoverFile {
    /// Its name as plans use it.
    pub file: String,
    /// How it stands.
    pub standing: &'static str,
}

/// What is modified in the project's repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HandoverModified {
    /// The first paths.
    pub first: Vec<String>,
    /// How many in all.
    pub count: usize,
}

impl Handover {
    /// How `session` stands. `plan` is its present plan where its bytes are at hand, `dirt` how its files stand where that
    /// was looked at, `undone` which of its steps were taken back.
    pub fn of(session: &Session, plan: Option<&FrozenPlan>, dirt: &Dirt, undone: &[u32]) -> Self {
        let statuses = session.step_statuses(undone);
        let steps: Vec<HandoverStep> = statuses
            .iter()
            .enumerate()
            .map(|(at, status)| HandoverStep { summary: summary(session, plan, at), status: status.as_str() })
            .collect();
        Self {
            session: session.id.clone(),
            goal: goal(session),
            status: session.status.as_str(),
            phase: session.phase.as_str(),
            round: session.round,
            command: session.command.clone(),
            done: statuses.iter().filter(|status| **status == StepStatus::Done).count(),
            unknown: unknown(session, &steps),
            next: next(session, &statuses, &steps),
            warnings: warnings(session, dirt),
            decision: session.plan.as_ref().and_then(|plan| plan.decision_id),
            files: dirt
                .files
                .iter()
                .map(|file| HandoverFile { file: file.file.clone(), standing: standing(file.standing) })
                .collect(),
            modified: dirt
                .modified
                .as_ref()
                .map(|modified| HandoverModified { first: modified.first.clone(), count: modified.count }),
            steps,
        }
    }
}

/// The edits that a session made, oldest first.
pub fn edits_of(session: &Session, undo_of: impl Fn(&FileEdit) -> FileEdit) -> Vec<FileEdit> {
    session
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Some(Outcome::Done { .. })))
        .filter_map(|step| match &step.intent {
            Intent::Apply { undo: Some(undo), .. } => Some(undo_of(undo)),
            Intent::Undo { edit, .. } => Some(edit.clone()),
            Intent::Apply { undo: None, .. } => None,
        })
        .collect()
}

fn summary(session: &Session, plan: Option<&FrozenPlan>, at: usize) -> String {
    let planned = plan.and_then(|plan| plan.plan().steps.get(at));
    match (&session.purpose, planned) {
        (Purpose::Undo { steps, .. }, _) => steps.get(at).map(|undo| restore(&undo.edit.file)).unwrap_or_default(),
        (_, Some(step)) => step.summary.clone(),
        (_, None) => format!("step {}", at + 1),
    }
}

fn goal(session: &Session) -> String {
    match &session.purpose {
        Purpose::Undo { session: of, steps } => {
            let files: Vec<&str> = steps.iter().map(|UndoStep { edit, .. }| edit.file.as_str()).collect();
            format!("take back the edits of session {of} ({})", files.join(", "))
        }
        Purpose::Heal | Purpose::Plan => match session.findings.first() {
            Some(finding) => format!("heal {}: {}", session.target.project, finding.class),
            None => format!("heal {}: the failure is not named yet", session.target.project),
        },
    }
}

fn unknown(session: &Session, steps: &[HandoverStep]) -> Vec<String> {
    let Some(state) = session.open_intent().or_else(|| session.unknown_step()) else { return Vec::new() };
    let number = match &session.purpose {
        Purpose::Undo { steps, .. } => steps.iter().position(|undo| undo.step == state.step).unwrap_or(usize::MAX),
        Purpose::Heal | Purpose::Plan => usize::try_from(state.step).unwrap_or(usize::MAX),
    };
    let what = match (steps.get(number), &state.intent) {
        (Some(step), _) => step.summary.clone(),
        (None, Intent::Apply { action, .. }) => action.kind().to_string(),
        (None, Intent::Undo { edit, .. }) => restore(&edit.file),
    };
    let why = match &state.outcome {
        Some(Outcome::Unclear { reason }) => reason.as_str(),
        _ if session.status.is_final() => "its outcome is not recorded",
        _ => "its outcome is not recorded; its probe is asked when the session goes on",
    };
    vec![format!("whether step {} ({what}) happened: {why}", number.saturating_add(1))]
}

fn restore(file: &str) -> String {
    format!("restore `{file}`")
}

fn next(session: &Session, statuses: &[StepStatus], steps: &[HandoverStep]) -> String {
    let id = &session.id;
    match &session.status {
        Status::Ended(Ending::Healed | Ending::Undone) => "nothing: it is done".to_owned(),
        Status::Ended(_) => match session.next_steps.first() {
            Some(first) => first.clone(),
            None => "`repair --self-heal=preview` begins a new session".to_owned(),
        },
        Status::Blocked(_) => match session.next_steps.first() {
            Some(first) => first.clone(),
            None => format!("`repair resume {id}` tries again"),
        },
        _ if session.open_intent().or_else(|| session.unknown_step()).is_some() => {
            "the open step is settled by its probe, then the session goes on".to_owned()
        }
        _ => goes_on(session, statuses, steps),
    }
}

/// What a session does that goes on with nothing open.
fn goes_on(session: &Session, statuses: &[StepStatus], steps: &[HandoverStep]) -> String {
    let pending = statuses
        .iter()
        .position(|status| *status == StepStatus::Pending)
        .map(|at| format!("step {}: {}", at + 1, steps.get(at).map(|step| step.summary.as_str()).unwrap_or_default()));
    if matches!(session.purpose, Purpose::Undo { .. }) {
        return pending.unwrap_or_else(|| "nothing is left to take back, so the session ends".to_owned());
    }
    let Some(plan) = session.plan_of_round() else {
        return "the target is looked at and a plan is made".to_owned();
    };
    let stands = session.used_grant(plan.plan).or_else(|| session.unused_grant(plan.plan)).is_some();
    match pending {
        None if statuses.contains(&StepStatus::Failed) => "another round looks at what failed".to_owned(),
        None => "the target is verified".to_owned(),
        Some(_) if plan.refused => "a person said no, so the session ends".to_owned(),
        Some(step) if stands => step,
        Some(_) if session.is_plan_void() => {
            "another round makes a plan anew: what was approved is not so any more".to_owned()
        }
        Some(_) if session.status == Status::AwaitingApproval => format!(
            "a yes is asked for again (`repair resume {}`, or `repair approve {}` from elsewhere)",
            session.id,
            plan.plan.short()
        ),
        Some(step) => format!("the plan is decided on, then {step}"),
    }
}

fn warnings(session: &Session, dirt: &Dirt) -> Vec<String> {
    let mut warnings = Vec::new();
    match session.recoveries {
        0 => {}
        1 => warnings.push("its process was lost once".to_owned()),
        times => warnings.push(format!("its process was lost {times} times")),
    }
    for file in &dirt.files {
        let what = match file.standing {
            Standing::AsWritten => continue,
            Standing::AsBefore => "is again as it was before the session",
            Standing::Foreign => "was changed by somebody else since the session wrote it; review it before going on",
            Standing::Missing => "was removed since the session wrote it",
            Standing::Unreadable => "cannot be read",
        };
        warnings.push(format!("`{}` {what}", file.file));
    }
    for state in &session.grants {
        if let Some(why) = &state.void {
            warnings.push(format!("an approval is void: {why}"));
        }
    }
    warnings
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::AsWritten => "as-written",
        Standing::AsBefore => "as-before",
        Standing::Foreign => "foreign",
        Standing::Missing => "missing",
        Standing::Unreadable => "unreadable",
    }
}

#[cfg(test)]
mod tests;

//! One Azure resource group and the deployment in it that is to be healed: everything that the workflow sees of it and does
//! to it.
//!
//! It answers about this group only, and about what stands in this group's way: deleted vaults of the same subscription
//! and its resource providers. Looking is GET and Azure's own preview; acting is one request at a time, each under a permit
//! that lets nothing else out. Whatever Azure carries out by itself is waited for within a bound and goes on without us,
//! so a wait can be stopped at any time and taken up again. Nothing is ever deleted but a deleted vault whose name a person
//! has typed.

mod acting;
mod awaiting;
mod describing;
mod foreseeing;
mod inspecting;
mod looking;
mod marking;
mod naming;
mod opening;
mod preparing;
pub mod request;
mod settling;
mod template;
mod verifying;
mod ways;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use repair_faults::Point;
use repair_model::action::Action;
use repair_model::azure::AzureAction;
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Probe, Verdict};
use repair_model::plan::{Change, EditMethod, FileEdit, Footprint, Step};
use repair_model::probe::ProbeSpec;
use repair_model::query::{Observation, Query};
use repair_model::risk::Risk;
use repair_model::target::Target;
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::{
    Deployment, Dirt, EffectContext, EffectId, Inspection, LogError, Preparation, TargetError,
};

use self::foreseeing::Foreseen;
pub use self::opening::{GroupOptions, OpenGroupError};
use self::request::GroupRequest;
use crate::azure::client::Arm;
use crate::azure::error::ArmError;
use crate::azure::names::GroupName;
use crate::files::{self, put_inside};

/// A resource group behind its resource manager.
pub struct ResourceGroup {
    arm: Arm,
    target: Target,
    group: GroupName,
    request: GroupRequest,
    directory: PathBuf,
    path_var: OsString,
    probes: Vec<ProbeSpec>,
    projection: Option<String>,
    interrupted: Arc<AtomicBool>,
    wanted_at: Option<Timestamp>,
    /// Whether the deployment was found by a rule, because nobody named it.
    is_guessed: bool,
    /// How long an operation that a lost process began is waited for.
    wait: Duration,
    /// What deploying would do, as it was computed last; forgotten before every gate and after every effect.
    foreseen: Option<Foreseen>,
    /// Whether this process has waited for an operation until its time was over.
    has_waited_in_vain: bool,
}

impl ResourceGroup {
    /// What is healed.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Who acts, in words and without a secret.
    pub fn login(&self) -> String {
        self.arm.credential().describe()
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// An error of Azure as the workflow tells it.
fn target_error(error: &ArmError) -> TargetError {
    TargetError { what: redacted(&error.to_string()), hints: error.hints() }
}

fn refusal(what: impl Into<String>) -> TargetError {
    TargetError { what: what.into(), hints: Vec::new() }
}

/// The action, if it is one on a resource group.
fn azure(action: &Action) -> Result<&AzureAction, TargetError> {
    match action {
        Action::Azure(action) => Ok(action),
        other => Err(refusal(format!("`{}` is nothing that can be done to an Azure resource group", other.kind()))),
    }
}

impl Deployment for ResourceGroup {
    async fn inspect(&mut self) -> Result<Inspection, TargetError> {
        self.foreseen = None;
        let evidence = self.evidence().await?;
        Ok(Inspection { evidence, containers: Vec::new(), places_to_look: self.places_to_look() })
    }

    async fn observe(&mut self, query: &Query) -> Observation {
        self.look(query).await
    }

    async fn prepare(&mut self, actions: &[Action], _: Option<EditMethod>) -> Result<Preparation, TargetError> {
        self.resolve(actions).await
    }

    async fn footprint(&mut self, step: &Step) -> Result<Footprint, TargetError> {
        self.foreseen = None;
        self.footprint_now(&step.footprint).await
    }

    async fn assess(&mut self, step: &Step) -> Result<(Risk, Change), TargetError> {
        let assessed = self.assessed(azure(&step.action)?).await?;
        Ok((assessed.risk, assessed.change))
    }

    async fn apply(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        repair_faults::pass(Point::EffectIntended, step.action.kind().as_str());
        let outcome = self.carry_out(step, context).await;
        self.foreseen = None;
        repair_faults::pass(Point::EffectEnded, step.action.kind().as_str());
        outcome
    }

    async fn probe(&mut self, step: &Step, effect: &EffectId, waiting: &mut dyn FnMut(&str)) -> Probe {
        self.has_happened(step, effect, waiting).await
    }

    async fn may_go_on(&mut self, step: &Step) -> Result<(), TargetError> {
        self.goes_on(step).await
    }

    async fn sweep(&mut self, _: &Step) -> Vec<String> {
        Vec::new()
    }

    async fn sweep_edit(&mut self, _: &FileEdit) -> Vec<String> {
        Vec::new()
    }

    fn ways_to_look(&self, step: &Step) -> Vec<String> {
        self.commands_to_look(step)
    }

    async fn dirt(&mut self, _: &[FileEdit]) -> Dirt {
        // No step of a resource group writes a file of the project.
        Dirt { files: Vec::new(), modified: files::modified(&self.directory, &self.path_var).await }
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError> {
        let Some(pattern) = &self.projection else { return Ok(()) };
        let place = files::place_of(pattern, session).map_err(refusal)?;
        let put = put_inside(&self.directory, place.as_ref(), projection);
        put.map_err(|error| TargetError { what: error.to_string(), hints: error.hints() })
    }

    async fn probe_edit(&mut self, _: &FileEdit) -> Probe {
        Probe::DidNotHappen
    }

    fn undo_of(&self, edit: &FileEdit) -> FileEdit {
        edit.clone()
    }

    async fn edit(&mut self, _: &FileEdit) -> Outcome {
        acting::failed("a resource group has no file to edit")
    }

    async fn pause_ms(&mut self, milliseconds: u64) {
        self.sleep(Duration::from_millis(milliseconds)).await;
        self.foreseen = None;
    }

    async fn verify(&mut self) -> Result<Verdict, TargetError> {
        self.verdict().await
    }
}

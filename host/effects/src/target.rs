//! Whatever is healed, as one type: a Compose project or an Azure resource group. It decides nothing by itself.

use repair_model::action::Action;
use repair_model::finding::FailureClass;
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Probe, Verdict};
use repair_model::plan::{Change, EditMethod, FileEdit, Footprint, Step};
use repair_model::query::{Observation, Query};
use repair_model::risk::Risk;
use repair_model::target::Target;
use repair_pipeline::outside::{
    Deployment, Dirt, EffectContext, EffectId, Inspection, LogError, Preparation, TargetError,
};

use crate::deployment::{ComposeDeployment, OpenError};
use crate::resource_group::{OpenGroupError, ResourceGroup};

/// What is healed.
pub enum OpenTarget {
    /// A Compose project on its engine.
    Compose(Box<ComposeDeployment>),
    /// An Azure resource group.
    Azure(Box<ResourceGroup>),
}

/// Why it cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum OpenTargetError {
    /// The project.
    #[error(transparent)]
    Compose(#[from] OpenError),
    /// The resource group.
    #[error(transparent)]
    Azure(#[from] OpenGroupError),
}

impl OpenTargetError {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Compose(error) => error.hints(),
            Self::Azure(error) => error.hints(),
        }
    }

    /// The failure that it is an instance of, where it is one of the deployment rather than of the call.
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Compose(error) => error.class(),
            Self::Azure(error) => error.class(),
        }
    }
}

/// The same call on whichever it is.
macro_rules! either {
    ($self:expr, $opened:ident => $call:expr) => {
        match $self {
            OpenTarget::Compose($opened) => $call,
            OpenTarget::Azure($opened) => $call,
        }
    };
}

impl OpenTarget {
    /// What it is.
    pub fn target(&self) -> &Target {
        either!(self, opened => opened.target())
    }
}

impl Deployment for OpenTarget {
    async fn inspect(&mut self) -> Result<Inspection, TargetError> {
        either!(self, opened => opened.inspect().await)
    }

    async fn observe(&mut self, query: &Query) -> Observation {
        either!(self, opened => opened.observe(query).await)
    }

    async fn prepare(&mut self, actions: &[Action], method: Option<EditMethod>) -> Result<Preparation, TargetError> {
        either!(self, opened => opened.prepare(actions, method).await)
    }

    async fn footprint(&mut self, step: &Step) -> Result<Footprint, TargetError> {
        either!(self, opened => opened.footprint(step).await)
    }

    async fn assess(&mut self, step: &Step) -> Result<(Risk, Change), TargetError> {
        either!(self, opened => opened.assess(step).await)
    }

    async fn apply(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        either!(self, opened => opened.apply(step, context).await)
    }

    async fn probe(&mut self, step: &Step, effect: &EffectId, waiting: &mut dyn FnMut(&str)) -> Probe {
        either!(self, opened => opened.probe(step, effect, waiting).await)
    }

    async fn may_go_on(&mut self, step: &Step) -> Result<(), TargetError> {
        either!(self, opened => opened.may_go_on(step).await)
    }

    async fn sweep(&mut self, step: &Step) -> Vec<String> {
        either!(self, opened => opened.sweep(step).await)
    }

    async fn sweep_edit(&mut self, edit: &FileEdit) -> Vec<String> {
        either!(self, opened => opened.sweep_edit(edit).await)
    }

    fn ways_to_look(&self, step: &Step) -> Vec<String> {
        either!(self, opened => opened.ways_to_look(step))
    }

    async fn dirt(&mut self, edits: &[FileEdit]) -> Dirt {
        either!(self, opened => opened.dirt(edits).await)
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError> {
        either!(self, opened => opened.publish(session, projection))
    }

    async fn probe_edit(&mut self, edit: &FileEdit) -> Probe {
        either!(self, opened => opened.probe_edit(edit).await)
    }

    fn undo_of(&self, edit: &FileEdit) -> FileEdit {
        either!(self, opened => opened.undo_of(edit))
    }

    async fn edit(&mut self, edit: &FileEdit) -> Outcome {
        either!(self, opened => opened.edit(edit).await)
    }

    async fn pause_ms(&mut self, milliseconds: u64) {
        either!(self, opened => opened.pause_ms(milliseconds).await)
    }

    async fn verify(&mut self) -> Result<Verdict, TargetError> {
        either!(self, opened => opened.verify().await)
    }
}

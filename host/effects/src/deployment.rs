//! One Compose project on one engine: everything that the workflow sees of it and does to it.
//!
//! It answers about this project only and acts on this project only: a service that the effective model does not name is
//! refused, whoever asks, and so is a container or network that does not carry its label. Looking goes through the Engine
//! API and `compose config`; acting is one file edit, one call of Compose or one request to the engine at a time.

mod acting;
mod calling;
mod comparing;
mod describing;
mod dirt;
mod looking;
mod missing_values;
mod moving;
mod networks;
mod preparing;
mod project_files;
mod pulling;
mod readings;
mod removing;
mod restarting;
mod resuming;
mod secret_values;
mod staleness;
mod starting;
mod stopped;
mod verifying;
mod wanted;
mod ways;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use repair_faults::Point;
use repair_model::action::Action;
use repair_model::compose::ComposeModel;
use repair_model::finding::FailureClass;
use repair_model::ids::SessionId;
use repair_model::outcome::{Outcome, Probe, Verdict};
use repair_model::plan::{Change, EditMethod, FileEdit, Footprint, NetworkChange, SecretEdit, Step};
use repair_model::probe::ProbeSpec;
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};
use repair_model::risk::Risk;
use repair_model::target::{ComposeScope, Scope, Target};
use repair_pipeline::classification::container_errors;
use repair_pipeline::outside::{
    Deployment, Dirt, EffectContext, EffectId, Inspection, LogError, Preparation, TargetError,
};

use self::calling::failed;
use self::missing_values::{Refused, config_with_stand_ins};
use self::preparing::Earlier;
use self::readings::unclear_plan;
use crate::compose::command::ComposeCommand;
use crate::compose::config::model_from_config;
use crate::compose::filling::Filled;
use crate::compose::patch;
use crate::compose::project::{Located, ProjectChoice, ProjectError, locate};
use crate::docker::connection::{Engine, EngineError};
use crate::docker::endpoint::{EndpointChoice, EndpointError, resolve};
use crate::process::{ComposeMissing, ComposeSearch, ComposeVersion, find_compose};

/// Why an action of Azure is refused here.
const NOT_AZURE: &str = "the target is a Compose project, and not an Azure resource group";

/// How to reach a project.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Which project.
    pub project: ProjectChoice,
    /// Which engine.
    pub endpoint: EndpointChoice,
    /// The environment of the calling shell, for interpolation.
    pub shell: BTreeMap<String, String>,
    /// The value of `PATH`.
    pub path_var: OsString,
    /// When a person's own `up` asked for the services, if one did: a stop before that is nobody's wish any more.
    pub wanted_at: Option<Timestamp>,
    /// Probes that the project declares.
    pub probes: Vec<ProbeSpec>,
    /// Where bundles for a person are written.
    pub bundles: PathBuf,
    /// Where in the project the projection of a session is put, with [`crate::files::ID`] for its id; `None` for nowhere.
    pub projection: Option<String>,
    /// Set when the person wants to stop.
    pub interrupted: Arc<AtomicBool>,
}

/// Why a project cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// It cannot be told which engine is meant.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is no usable Compose.
    #[error(transparent)]
    Compose(#[from] ComposeMissing),
    /// The engine does not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Compose refuses the project.
    #[error("{}", .0.what)]
    Refused(TargetError),
}

impl OpenError {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Project(error) => error.hints(),
            Self::Endpoint(error) => error.hints(),
            Self::Compose(error) => error.hints(),
            Self::Engine(error) => error.hints(),
            Self::Refused(error) => error.hints.clone(),
        }
    }

    /// The failure that it is an instance of, where it is one of the deployment rather than of the call.
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Engine(error) => Some(error.class()),
            Self::Refused(_) => Some(FailureClass::DockerComposeInvalidFile),
            Self::Project(_) | Self::Endpoint(_) | Self::Compose(_) => None,
        }
    }
}

/// A Compose project on its engine.
pub struct ComposeDeployment {
    engine: Engine,
    compose: ComposeCommand,
    compose_version: Option<ComposeVersion>,
    located: Located,
    target: Target,
    scope: ComposeScope,
    shell: BTreeMap<String, String>,
    path_var: OsString,
    probes: Vec<ProbeSpec>,
    wanted_at: Option<Timestamp>,
    bundles: PathBuf,
    projection: Option<String>,
    interrupted: Arc<AtomicBool>,
    /// `compose config` as it was last printed; forgotten after every edit.
    config: Option<serde_json::Value>,
    /// What Compose refused when it printed that, so that stand-ins are in it.
    refused: Option<Refused>,
    /// Files into which values were written since the last plan was made, by name.
    filled: BTreeMap<String, Filled>,
    /// Values that a lost process wrote, by file and in their order, as far as their steps were asked about.
    recalled: BTreeMap<String, Vec<SecretEdit>>,
}

impl ComposeDeployment {
    /// Finds the project and connects to its engine. A project that Compose refuses only because a required variable has
    /// no value can be opened; it is looked at with stand-ins then, and nothing of it starts.
    ///
    /// # Errors
    /// When there is no project, engine or Compose, or Compose refuses the project.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let located = locate(&options.project)?;
        let endpoint = resolve(&options.endpoint)?;
        let search =
            ComposeSearch { path_var: &options.path_var, docker_config_dir: options.endpoint.config_dir.as_deref() };
        let compose = find_compose(search).await?;
        let mut command = ComposeCommand::new(compose, &located, &options.project, &endpoint.host);
        let host = endpoint.host.clone();
        let config = config_with_stand_ins(&mut command, &located, &options.shell);
        let (engine, config) = tokio::join!(Engine::connect(endpoint), config);
        let (config, refused) = config.map_err(OpenError::Refused)?;
        let engine = engine?;
        let model = model_from_config(&config)
            .map_err(|error| OpenError::Refused(TargetError { what: error.to_string(), hints: Vec::new() }))?;
        let scope = ComposeScope {
            files: located.files.clone(),
            files_are_explicit: located.explicit,
            profiles: options.project.profiles.clone(),
            services: options.project.services.clone(),
        };
        let target = Target {
            endpoint: host,
            directory: located.directory.clone(),
            project: model.project,
            scope: Scope::Compose(scope.clone()),
        };
        Ok(Self {
            compose_version: command.compose().version,
            engine,
            compose: command,
            located,
            target,
            scope,
            shell: options.shell,
            path_var: options.path_var,
            probes: options.probes,
            wanted_at: options.wanted_at,
            bundles: options.bundles,
            projection: options.projection,
            interrupted: options.interrupted,
            config: Some(config),
            refused,
            filled: BTreeMap::new(),
            recalled: BTreeMap::new(),
        })
    }

    /// What is healed.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The probes that the project declares.
    pub fn set_probes(&mut self, probes: Vec<ProbeSpec>) {
        self.probes = probes;
    }

    /// The absolute path of a file as plans name it.
    fn path_of(&self, file: &str) -> PathBuf {
        self.located.directory.join(file)
    }

    /// A file's name as plans use it: relative to the project directory where it lies below it.
    fn name_of(&self, file: &Path) -> String {
        file.strip_prefix(&self.located.directory).unwrap_or(file).to_string_lossy().into_owned()
    }

    async fn config(&mut self) -> Result<&serde_json::Value, TargetError> {
        let config = match self.config.take() {
            Some(config) => config,
            None => self.read_config().await?,
        };
        Ok(self.config.insert(config))
    }

    /// The effective model, without origins.
    async fn model(&mut self) -> Result<ComposeModel, TargetError> {
        let config = self.config().await?;
        model_from_config(config).map_err(|error| TargetError { what: error.to_string(), hints: Vec::new() })
    }

    fn engine_failed(error: &EngineError) -> TargetError {
        TargetError { what: error.to_string(), hints: error.hints() }
    }
}

impl ComposeDeployment {
    async fn carry_out(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        match (&step.action, &step.change) {
            (Action::RemapPort(port_move), Change::Edit(edit)) => Ok(self.remap(port_move, edit).await),
            (Action::RemapPort(_), _) => Ok(failed("the plan names no edit for this move".to_owned())),
            (Action::ComposeUp { services }, _) => self.up(services, context).await,
            (Action::CollectLogs { services, lines_max }, _) => Ok(self.collect(services, *lines_max).await),
            (Action::RestartService { .. }, _) => Ok(self.restart(step, context).await),
            (Action::PullImage { services }, _) => self.pull(services, step, context).await,
            (Action::RemoveStaleContainer { container, id }, _) => {
                Ok(self.remove_container(container, id, step, context).await)
            }
            (Action::RemoveStaleNetwork { network, id }, _) => {
                Ok(self.remove_network(network, id, step, context).await)
            }
            (Action::SetEnvValue(value), Change::SecretValue(edit)) => Ok(self.write_value(value, edit).await),
            (Action::Azure(_), _) => Ok(failed(NOT_AZURE.to_owned())),
            (Action::SetEnvValue(_), _) => Ok(failed("the plan names no place for this value".to_owned())),
        }
    }
}

impl Deployment for ComposeDeployment {
    async fn inspect(&mut self) -> Result<Inspection, TargetError> {
        let containers = match self.look(&Query::Containers).await.answer {
            Answer::Fact(Fact::Containers(containers)) => containers,
            Answer::Refused(Refusal::Unavailable(what)) => {
                return Err(TargetError { what, hints: vec!["`repair doctor` checks the engine".to_owned()] });
            }
            Answer::Fact(_) | Answer::Refused(_) => Vec::new(),
        };
        let mut evidence = container_errors(&containers);
        // Last, because as long as the files are refused nothing else can be repaired.
        evidence.extend(self.refusal_evidence());
        Ok(Inspection { evidence, containers, places_to_look: Vec::new() })
    }

    async fn observe(&mut self, query: &Query) -> Observation {
        self.look(query).await
    }

    async fn prepare(&mut self, actions: &[Action], method: Option<EditMethod>) -> Result<Preparation, TargetError> {
        self.resolve(actions, method).await
    }

    async fn footprint(&mut self, step: &Step) -> Result<Footprint, TargetError> {
        self.footprint_now(&step.footprint).await
    }

    async fn assess(&mut self, step: &Step) -> Result<(Risk, Change), TargetError> {
        let nothing = Earlier::default();
        match &step.action {
            Action::ComposeUp { services } => {
                let changes = self.container_changes(services, &nothing).await?;
                Ok((starting::risk_of_up(&changes).0, Change::Containers(changes)))
            }
            Action::RestartService { service } => {
                Ok((Risk::Disruptive, Change::Containers(self.restarts(service).await?)))
            }
            Action::PullImage { services } => Ok((Risk::Safe, Change::Images(self.pulls(services).await?))),
            Action::RemoveStaleContainer { container, id } => {
                let removal = self.container_removal(container, id, &nothing).await?;
                Ok((removal.risk, Change::Containers(vec![removal.change])))
            }
            Action::RemoveStaleNetwork { network, id } => {
                self.network_removal(network, id, &nothing).await?;
                let change = NetworkChange { network: network.clone(), id: id.clone() };
                Ok((Risk::Reversible, Change::Networks(vec![change])))
            }
            // An edit is exact, and the footprint has just shown that its file is the one it was made for.
            Action::RemapPort(_) | Action::CollectLogs { .. } => Ok((step.risk, step.change.clone())),
            Action::SetEnvValue(value) => self.assess_value(value).await,
            Action::Azure(_) => Err(TargetError { what: NOT_AZURE.to_owned(), hints: Vec::new() }),
        }
    }

    async fn apply(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        repair_faults::pass(Point::EffectIntended, step.action.kind().as_str());
        let outcome = self.carry_out(step, context).await;
        repair_faults::pass(Point::EffectEnded, step.action.kind().as_str());
        outcome
    }

    async fn probe(&mut self, step: &Step, _: &EffectId, _: &mut dyn FnMut(&str)) -> Probe {
        match (&step.action, &step.change) {
            (Action::RemapPort(_), Change::Edit(edit)) => self.edit_happened(edit),
            (Action::RemapPort(_), _) => unclear_plan("which file changes"),
            (Action::ComposeUp { services }, _) => self.up_happened(services, step).await,
            // A bundle is written anew each time and changes nothing of the target.
            (Action::CollectLogs { .. }, _) => Probe::DidNotHappen,
            (Action::RestartService { .. }, _) => self.restart_happened(step).await,
            (Action::PullImage { .. }, _) => self.pull_happened(step).await,
            (Action::RemoveStaleContainer { id, .. }, _) => self.container_removal_happened(id).await,
            (Action::RemoveStaleNetwork { id, .. }, _) => self.network_removal_happened(id).await,
            (Action::SetEnvValue(value), Change::SecretValue(edit)) => self.value_happened(value, edit),
            (Action::SetEnvValue(_), _) => unclear_plan("where the value goes"),
            // It is never begun here.
            (Action::Azure(_), _) => Probe::DidNotHappen,
        }
    }

    async fn may_go_on(&mut self, step: &Step) -> Result<(), TargetError> {
        self.goes_on(step).await
    }

    async fn sweep(&mut self, step: &Step) -> Vec<String> {
        self.sweep_files(step)
    }

    async fn sweep_edit(&mut self, edit: &FileEdit) -> Vec<String> {
        crate::files::sweep(&self.path_of(&edit.file))
    }

    fn ways_to_look(&self, step: &Step) -> Vec<String> {
        self.commands_to_look(step)
    }

    async fn dirt(&mut self, edits: &[FileEdit]) -> Dirt {
        self.dirt_of(edits).await
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError> {
        self.put_projection(session, projection)
    }

    async fn probe_edit(&mut self, edit: &FileEdit) -> Probe {
        self.edit_happened(edit)
    }

    fn undo_of(&self, edit: &FileEdit) -> FileEdit {
        patch::undo(edit)
    }

    async fn edit(&mut self, edit: &FileEdit) -> Outcome {
        repair_faults::pass(Point::EffectIntended, "undo");
        let outcome = self.write(edit);
        repair_faults::pass(Point::EffectEnded, "undo");
        outcome
    }

    async fn pause_ms(&mut self, milliseconds: u64) {
        const SLICE_MS: u64 = 100;
        let mut left_ms = milliseconds;
        while left_ms > 0 && !self.interrupted.load(Ordering::Relaxed) {
            let slice_ms = left_ms.min(SLICE_MS);
            tokio::time::sleep(std::time::Duration::from_millis(slice_ms)).await;
            left_ms -= slice_ms;
        }
    }

    async fn verify(&mut self) -> Result<Verdict, TargetError> {
        self.look_again().await
    }
}

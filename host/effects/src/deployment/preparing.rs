//! From a proposal to exact steps: what changes, and what all of that depends on. Each action has a module of its own; here
//! they come together, and footprints are taken again.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::action::Action;
use repair_model::compose::PortKey;
use repair_model::container::{Container, PortOwner};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::LOG_LINES_MAX;
use repair_model::plan::{Change, ContainerMark, EditMethod, Footprint, NetworkMark, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Preparation, Prepared, TargetError};

use super::ComposeDeployment;
use super::moving::Moves;
use super::project_files::ProjectFiles;
use crate::compose::stale_urls::stale_urls;
use crate::files;

/// What the earlier steps of the same proposal will have changed.
#[derive(Default)]
pub(super) struct Earlier {
    /// Ports that they move.
    pub(super) moves: Moves,
    /// Ids of containers that they remove.
    pub(super) removed: BTreeSet<String>,
    /// Variables that they give a value.
    pub(super) values: BTreeSet<String>,
    /// Whether Compose's dry run would meet what they take out of its way, or look for images that they pull.
    pub(super) misleads_dry_run: bool,
}

impl ComposeDeployment {
    pub(super) async fn resolve(
        &mut self,
        actions: &[Action],
        method: Option<EditMethod>,
    ) -> Result<Preparation, TargetError> {
        self.filled.clear();
        self.recalled.clear();
        let model = self.model_with_origins().await?;
        let mut files = self.project_files().await?;
        let original = files.sources();
        let mut earlier = Earlier::default();
        let mut steps = Vec::new();
        let mut warnings = Vec::new();
        for action in actions {
            if let Some(stranger) = action.services().iter().find(|name| model.service(name).is_none()) {
                return Err(refusal(format!("the project has no service `{stranger}`")));
            }
            self.may_follow(action, &earlier)?;
            steps.push(match action {
                Action::RemapPort(port_move) => {
                    self.resolve_move(port_move, method, &model, &mut files, &mut earlier.moves, &mut warnings).await?
                }
                Action::ComposeUp { services } => self.resolve_up(services, &files, &earlier).await?,
                Action::CollectLogs { services, lines_max } => resolve_logs(services, *lines_max),
                Action::RestartService { service } => self.resolve_restart(service).await?,
                Action::PullImage { services } => self.resolve_pull(services, &files, &mut earlier).await?,
                Action::RemoveStaleContainer { container, id } => {
                    self.resolve_container_removal(container, id, &files, &mut earlier).await?
                }
                Action::RemoveStaleNetwork { network, id } => {
                    self.resolve_network_removal(network, id, &files, &mut earlier).await?
                }
                Action::Azure(_) => return Err(refusal(super::NOT_AZURE.to_owned())),
                Action::SetEnvValue(value) => {
                    self.resolve_value(value, &mut files, &mut earlier, &mut warnings).await?
                }
            });
        }
        for (before, after) in &earlier.moves.moved {
            warnings.extend(stale_urls(&original, *before, *after).into_iter().map(|stale| {
                let key = stale.key.map(|key| format!(" ({key})")).unwrap_or_default();
                format!(
                    "`{}`, line {}{key} still says {}; it would have to become {}",
                    stale.file, stale.line, stale.text, stale.becomes
                )
            }));
        }
        Ok(Preparation { steps, warnings, other_ways: earlier.moves.other_ways })
    }

    /// A footprint of the files and variables that the effective model is made of.
    pub(super) fn footprint_of_files(&self, files: &ProjectFiles) -> Footprint {
        Footprint { files: files.digests(), variables: files.variables(&self.shell), ..Footprint::default() }
    }

    /// The containers of `services`, without those of `gone`.
    pub(super) async fn container_marks(
        &self,
        services: &[String],
        gone: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, ContainerMark>, TargetError> {
        let containers = self.list().await?;
        let concerned = containers
            .into_iter()
            .filter(|container| !gone.contains(&container.container.id))
            .filter(|container| container.container.service.as_ref().is_some_and(|service| services.contains(service)));
        Ok(concerned
            .map(|container| {
                let mark = ContainerMark {
                    id: container.container.id,
                    state: container.state,
                    config_hash: container.config_hash,
                };
                (container.container.name, mark)
            })
            .collect())
    }

    /// What `asked` names, as it is now.
    pub(super) async fn footprint_now(&mut self, asked: &Footprint) -> Result<Footprint, TargetError> {
        let mut now = Footprint::default();
        for name in asked.files.keys() {
            now.files.insert(name.clone(), self.planned_digest(name)?);
        }
        for name in asked.variables.keys() {
            let value = self.shell.get(name).map(|value| Digest::of(Domain::Value, value.as_bytes()));
            now.variables.insert(name.clone(), value);
        }
        for key in &asked.ports_held {
            if holds(&self.owner(key).await?) {
                now.ports_held.push(key.clone());
            }
        }
        for key in &asked.ports_free {
            if !holds(&self.owner(key).await?) {
                now.ports_free.push(key.clone());
            }
        }
        if !asked.containers.is_empty() {
            let names: BTreeSet<String> = asked.containers.keys().cloned().collect();
            let services: Vec<String> = self
                .list()
                .await?
                .into_iter()
                .filter(|container| names.contains(&container.container.name))
                .filter_map(|container| container.container.service)
                .collect();
            now.containers = self.container_marks(&services, &BTreeSet::new()).await?;
        }
        if !asked.networks.is_empty() {
            now.networks = self.network_marks(&asked.networks).await?;
        }
        let references: Vec<String> = asked.images.keys().cloned().collect();
        let ids = self.image_ids(&references).await?;
        now.images = references.into_iter().zip(ids).collect();
        Ok(now)
    }

    /// The networks that `asked` names, as they are now: that of the same id, else one of the same name.
    async fn network_marks(
        &self,
        asked: &BTreeMap<String, NetworkMark>,
    ) -> Result<BTreeMap<String, NetworkMark>, TargetError> {
        let networks = self.engine_networks().await?;
        let all = self.survey(&BTreeSet::new()).await?;
        let mut marks = BTreeMap::new();
        for (name, mark) in asked {
            let same = networks.iter().find(|network| network.id == mark.id && network.name == *name);
            let Some(network) = same.or_else(|| networks.iter().find(|network| network.name == *name)) else {
                continue;
            };
            if let Some(found) = self.attached(network.clone(), &all, &BTreeSet::new()).await? {
                marks.insert(name.clone(), found.mark());
            }
        }
        Ok(marks)
    }

    pub(super) async fn owner(&self, key: &PortKey) -> Result<PortOwner, TargetError> {
        let owner = self.engine.port_owner(key, &self.target.project).await;
        owner.map_err(|error| Self::engine_failed(&error))
    }

    pub(super) async fn list(&self) -> Result<Vec<Container>, TargetError> {
        let containers = self.engine.list_containers(&self.target.project).await;
        containers.map_err(|error| Self::engine_failed(&error))
    }
}

fn resolve_logs(services: &[String], lines_max: u16) -> Prepared {
    let lines_max = lines_max.min(LOG_LINES_MAX);
    let step = Step {
        action: Action::CollectLogs { services: services.to_vec(), lines_max },
        risk: Risk::ReadOnly,
        risk_because: "it only reads".to_owned(),
        summary: format!("write the last {lines_max} log lines of {} into a bundle for you", services.join(", ")),
        detail: Vec::new(),
        change: Change::Nothing,
        footprint: Footprint::default(),
    };
    Prepared { methods: Vec::new(), step }
}

/// Whether somebody is known to hold the port.
pub(super) fn holds(owner: &PortOwner) -> bool {
    match owner {
        PortOwner::ThisProject(_) | PortOwner::OtherContainer(_) | PortOwner::Process(_) => true,
        PortOwner::NotHeld | PortOwner::Unknown => false,
    }
}

pub(super) fn refusal(what: String) -> TargetError {
    TargetError { what, hints: Vec::new() }
}

pub(super) fn file_refusal(error: &files::FileError) -> TargetError {
    TargetError { what: error.to_string(), hints: error.hints() }
}

//! From `compose up` to the exact containers that it would create, start or replace.
//!
//! Compose's own dry run says it. Where that cannot say, or would meet what an earlier step takes out of its way, Compose's
//! rule is applied to what is there.

use std::collections::BTreeMap;

use repair_model::action::Action;
use repair_model::container::{Container, ContainerState};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, Footprint, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Prepared, TargetError};

use super::ComposeDeployment;
use super::describing::{describe_change, summary_of_up};
use super::preparing::{Earlier, refusal};
use super::project_files::ProjectFiles;
use super::wanted::container_names;
use crate::compose::command::DryRun;

impl ComposeDeployment {
    pub(super) async fn resolve_up(
        &mut self,
        services: &[String],
        files: &ProjectFiles,
        earlier: &Earlier,
    ) -> Result<Prepared, TargetError> {
        let changes = self.container_changes(services, earlier).await?;
        let (risk, risk_because) = risk_of_up(&changes);
        let footprint = Footprint {
            ports_free: earlier.moves.ports_free.clone(),
            containers: self.container_marks(services, &earlier.removed).await?,
            ..self.footprint_of_files(files)
        };
        let step = Step {
            action: Action::ComposeUp { services: services.to_vec() },
            risk,
            risk_because,
            summary: summary_of_up(services, &changes),
            detail: changes.iter().map(describe_change).collect(),
            change: Change::Containers(changes),
            footprint,
        };
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// What `up` would do to each container after the `earlier` steps of the plan; refused where somebody stopped one of
    /// the services. Where they move a port, Compose replaces
    /// the containers of its service, since their configuration is another one then.
    pub(super) async fn container_changes(
        &mut self,
        services: &[String],
        earlier: &Earlier,
    ) -> Result<Vec<ContainerChange>, TargetError> {
        let containers = self.left_by_nobody(services, &earlier.removed).await?;
        let names = self.names_of(services).await?;
        let dry_run = match earlier.misleads_dry_run {
            true => None,
            false => self.compose.dry_run(services).await?,
        };
        let dry_run = match dry_run {
            Some(dry_run) => dry_run,
            None => predicted(&self.compose.hashes(services).await?, &names, &containers),
        };
        let mut changes = BTreeMap::new();
        for (name, operation) in dry_run {
            let known = containers.iter().find(|container| container.container.name == name);
            let service = known
                .and_then(|container| container.container.service.clone())
                .or_else(|| service_of_name(&names, &name))
                .or_else(|| service_of_new(&self.target.project, services, &name))
                .ok_or_else(|| {
                    refusal(format!("Compose would also touch the container `{name}`, which the plan does not name"))
                })?;
            if !services.contains(&service) {
                return Err(refusal(format!(
                    "Compose would also touch service `{service}`, which the plan does not name"
                )));
            }
            changes.insert(name.clone(), change_of(service, name, operation, known));
        }
        for container in &containers {
            let of_moved = container.container.service.as_ref().filter(|name| earlier.moves.services.contains(*name));
            let Some(service) = of_moved.filter(|service| services.contains(service)) else { continue };
            let name = container.container.name.clone();
            let change = change_of(service.clone(), name.clone(), ContainerOperation::Recreate, Some(container));
            changes.insert(name, change);
        }
        Ok(changes.into_values().collect())
    }

    /// The names that Compose would give the containers of each service.
    async fn names_of(&mut self, services: &[String]) -> Result<BTreeMap<String, Vec<String>>, TargetError> {
        let model = self.model().await?;
        let config = self.config().await?;
        let concerned = model.services.iter().filter(|service| services.contains(&service.name));
        Ok(concerned
            .map(|service| {
                let names = container_names(config, &model.project, &service.name, service.scale);
                (service.name.clone(), names)
            })
            .collect())
    }
}

/// What `up` would do by Compose's own rule: a container with another configuration hash is replaced, one that does not
/// run is started, as many as are missing are created.
fn predicted(
    hashes: &BTreeMap<String, String>,
    names: &BTreeMap<String, Vec<String>>,
    containers: &[Container],
) -> DryRun {
    let mut operations = DryRun::new();
    for (service, wanted) in names {
        let own: Vec<&Container> =
            containers.iter().filter(|container| container.container.service.as_ref() == Some(service)).collect();
        let free = wanted.iter().filter(|name| own.iter().all(|container| container.container.name != **name));
        for name in free.take(wanted.len().saturating_sub(own.len())) {
            operations.insert(name.clone(), ContainerOperation::Create);
        }
        for container in own {
            if container.config_hash.as_ref() != hashes.get(service) {
                operations.insert(container.container.name.clone(), ContainerOperation::Recreate);
            } else if container.state != ContainerState::Running {
                operations.insert(container.container.name.clone(), ContainerOperation::Start);
            }
        }
    }
    operations
}

fn service_of_name(names: &BTreeMap<String, Vec<String>>, name: &str) -> Option<String> {
    names.iter().find(|(_, names)| names.iter().any(|known| known == name)).map(|(service, _)| service.clone())
}

/// The risk of an `up` that does this, and why.
pub(super) fn risk_of_up(changes: &[ContainerChange]) -> (Risk, String) {
    let recreated = |change: &&ContainerChange| change.operation == ContainerOperation::Recreate;
    let has_run: Vec<&str> = changes
        .iter()
        .filter(recreated)
        .filter(|change| change.running || change.ever_ran)
        .map(|change| change.container.as_str())
        .collect();
    if !has_run.is_empty() {
        let names = has_run.join(", ");
        return (
            Risk::Disruptive,
            format!("{names} has run, and what it wrote outside of volumes is lost when it is replaced"),
        );
    }
    if changes.iter().any(|change| recreated(&change)) {
        return (Risk::Reversible, "only containers that never ran are replaced".to_owned());
    }
    (Risk::Safe, "it only starts or creates what is missing".to_owned())
}

fn change_of(
    service: String,
    container: String,
    operation: ContainerOperation,
    known: Option<&Container>,
) -> ContainerChange {
    ContainerChange {
        service,
        container,
        operation,
        running: known.is_some_and(|container| container.state == ContainerState::Running),
        ever_ran: known.is_some_and(|container| container.ever_ran),
        started: None,
    }
}

/// The service of a container that does not exist yet: `PROJECT-SERVICE-NUMBER`. One with a name of its own
/// (`container_name`) belongs to the only service that is started, else it cannot be told.
fn service_of_new(project: &str, services: &[String], name: &str) -> Option<String> {
    let numbered = name
        .strip_prefix(project)
        .and_then(|rest| rest.strip_prefix(['-', '_']))
        .and_then(|rest| rest.rsplit_once(['-', '_']))
        .map(|(service, _)| service)
        .filter(|service| services.iter().any(|known| known == service));
    match (numbered, services) {
        (Some(service), _) => Some(service.to_owned()),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

//! From a proposal to exact steps: which bytes change, which containers change, what all of that depends on.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::action::{Action, PortMove};
use repair_model::compose::{ComposeModel, PortKey, Published, PublishedPort, ValueSource};
use repair_model::container::{Container, ContainerState, PortOwner};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::LOG_LINES_MAX;
use repair_model::plan::{
    Change, ContainerChange, ContainerMark, ContainerOperation, EditMethod, FileEdit, Footprint, OtherWay, Step,
};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Preparation, Prepared, TargetError};

use super::ComposeDeployment;
use super::describing::{describe_change, diff_lines, holder_words, summary_of, summary_of_up};
use super::project_files::ProjectFiles;
use crate::compose::command::DryRun;
use crate::compose::edit::{EditError, methods};
use crate::compose::patch;
use crate::compose::stale_urls::stale_urls;
use crate::compose::variable_uses::variable_uses;
use crate::docker::ports::holder_stop_command;
use crate::files;

/// The moves of one proposal, as they are resolved one after the other.
#[derive(Default)]
struct Moves {
    services: BTreeSet<String>,
    ports_free: Vec<PortKey>,
    other_ways: Vec<OtherWay>,
    moved: Vec<(Published, Published)>,
}

impl ComposeDeployment {
    pub(super) async fn resolve(
        &mut self,
        actions: &[Action],
        method: Option<EditMethod>,
    ) -> Result<Preparation, TargetError> {
        let model = self.model_with_origins().await?;
        let mut files = self.project_files().await?;
        let original = files.sources();
        let mut moves = Moves::default();
        let mut steps = Vec::new();
        let mut warnings = Vec::new();
        for action in actions {
            if let Some(stranger) = action.services().iter().find(|name| model.service(name).is_none()) {
                return Err(refusal(format!("the project has no service `{stranger}`")));
            }
            steps.push(match action {
                Action::RemapPort(port_move) => {
                    self.resolve_move(port_move, method, &model, &mut files, &mut moves, &mut warnings).await?
                }
                Action::ComposeUp { services } => self.resolve_up(services, &files, &moves).await?,
                Action::CollectLogs { services, lines_max } => resolve_logs(services, *lines_max),
            });
        }
        for (before, after) in &moves.moved {
            warnings.extend(stale_urls(&original, *before, *after).into_iter().map(|stale| {
                let key = stale.key.map(|key| format!(" ({key})")).unwrap_or_default();
                format!(
                    "`{}`, line {}{key} still says {}; it would have to become {}",
                    stale.file, stale.line, stale.text, stale.becomes
                )
            }));
        }
        Ok(Preparation { steps, warnings, other_ways: moves.other_ways })
    }

    async fn resolve_move(
        &mut self,
        port_move: &PortMove,
        method: Option<EditMethod>,
        model: &ComposeModel,
        files: &mut ProjectFiles,
        moves: &mut Moves,
        warnings: &mut Vec<String>,
    ) -> Result<Prepared, TargetError> {
        let entry = entry_of(model, port_move).ok_or_else(|| {
            refusal(format!(
                "service `{}` publishes no {} on {}",
                port_move.service, port_move.target, port_move.before
            ))
        })?;
        not_claimed(model, port_move)?;
        let ways =
            methods(&files.input(&self.shell, &model.services), port_move).map_err(|error| edit_refusal(&error))?;
        let ways = without_shared_variables(ways, entry, files)?;
        let chosen = ways.iter().position(|(way, _)| Some(*way) == method).unwrap_or(0);
        let (chosen_method, edit) = ways[chosen].clone();
        let mut offered: Vec<EditMethod> = ways.iter().map(|(way, _)| *way).collect();
        offered.swap(0, chosen);

        let mut footprint =
            Footprint { files: files.digests(), variables: files.variables(&self.shell), ..Footprint::default() };
        let mut detail = Vec::new();
        for key in keys(port_move, port_move.before) {
            let owner = self.owner(&key).await?;
            detail.extend(holder_words(&owner).map(|words| format!("{key} is held by {words}")));
            if holds(&owner) {
                footprint.ports_held.push(key.clone());
            }
            let foreign = !matches!(owner, PortOwner::ThisProject(_));
            let way = holder_stop_command(&owner, &key).filter(|_| foreign);
            moves.other_ways.extend(way.filter(|way| !moves.other_ways.contains(way)));
        }
        for key in keys(port_move, port_move.after) {
            if holds(&self.owner(&key).await?) {
                return Err(refusal(format!("port {key} is taken as well")));
            }
            footprint.ports_free.push(key);
        }
        moves.ports_free.extend(footprint.ports_free.iter().cloned());
        moves.services.insert(port_move.service.clone());
        moves.moved.push((port_move.before, port_move.after));

        let note = self.git_note(&edit.file, files);
        warnings.extend(note.filter(|note| !warnings.contains(note)));
        let text = files.texts.get(&edit.file).and_then(Option::as_deref);
        let after = patch::apply(text, &edit).map_err(|error| refusal(error.to_string()))?;
        detail.extend(diff_lines(&edit.file, text.unwrap_or_default(), &after));
        files.texts.insert(edit.file.clone(), Some(after));
        let step = Step {
            action: Action::RemapPort(port_move.clone()),
            risk: Risk::Reversible,
            risk_because: "one file changes, and `repair undo` restores it byte for byte".to_owned(),
            summary: summary_of(port_move, entry, chosen_method, &edit),
            detail,
            change: Change::Edit(edit),
            footprint,
        };
        Ok(Prepared { methods: offered, step })
    }

    async fn resolve_up(
        &mut self,
        services: &[String],
        files: &ProjectFiles,
        moves: &Moves,
    ) -> Result<Prepared, TargetError> {
        let moved: Vec<String> = moves.services.iter().cloned().collect();
        let changes = self.container_changes(services, &moved).await?;
        let (risk, risk_because) = risk_of_up(&changes);
        let footprint = Footprint {
            files: files.digests(),
            variables: files.variables(&self.shell),
            ports_held: Vec::new(),
            ports_free: moves.ports_free.clone(),
            containers: self.container_marks(services).await?,
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

    /// What `up` would do to each container. `moved` are services whose ports an earlier step of the plan will have moved:
    /// Compose replaces their containers, since their configuration is another one then.
    pub(super) async fn container_changes(
        &mut self,
        services: &[String],
        moved: &[String],
    ) -> Result<Vec<ContainerChange>, TargetError> {
        let containers = self.list().await?;
        let dry_run = match self.compose.dry_run(services).await? {
            Some(dry_run) => dry_run,
            None => self.predicted(services, &containers).await?,
        };
        let mut changes = BTreeMap::new();
        for (name, operation) in dry_run {
            let known = containers.iter().find(|container| container.container.name == name);
            let service = known
                .and_then(|container| container.container.service.clone())
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
            let Some(service) = container.container.service.as_ref().filter(|service| moved.contains(service)) else {
                continue;
            };
            if services.contains(service) {
                let name = container.container.name.clone();
                let change = change_of(service.clone(), name.clone(), ContainerOperation::Recreate, Some(container));
                changes.insert(name, change);
            }
        }
        Ok(changes.into_values().collect())
    }

    /// What `up` would do by Compose's own rule, for when its dry run cannot say: a container with another configuration
    /// hash is replaced, one that does not run is started, one that is missing is created.
    async fn predicted(&mut self, services: &[String], containers: &[Container]) -> Result<DryRun, TargetError> {
        let hashes = self.compose.hashes(services).await?;
        let mut operations = DryRun::new();
        for service in services {
            let own: Vec<&Container> =
                containers.iter().filter(|container| container.container.service.as_ref() == Some(service)).collect();
            if own.is_empty() {
                let name = format!("{}-{service}-1", self.target.project);
                operations.insert(name, ContainerOperation::Create);
            }
            for container in own {
                if container.config_hash.as_ref() != hashes.get(service) {
                    operations.insert(container.container.name.clone(), ContainerOperation::Recreate);
                } else if container.state != ContainerState::Running {
                    operations.insert(container.container.name.clone(), ContainerOperation::Start);
                }
            }
        }
        Ok(operations)
    }

    async fn container_marks(&mut self, services: &[String]) -> Result<BTreeMap<String, ContainerMark>, TargetError> {
        let containers = self.list().await?;
        let concerned = containers
            .into_iter()
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
            let digest = files::digest_of(&self.path_of(name)).map_err(|error| file_refusal(&error))?;
            now.files.insert(name.clone(), digest);
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
            now.containers = self.container_marks(&services).await?;
        }
        Ok(now)
    }

    fn git_note(&self, file: &str, files: &ProjectFiles) -> Option<String> {
        if files.modified.contains(file) {
            return Some(format!("`{file}` is under version control and already differs from what was committed"));
        }
        files
            .tracked
            .contains(file)
            .then(|| format!("`{file}` is under version control; the change will show up there"))
    }

    async fn owner(&self, key: &PortKey) -> Result<PortOwner, TargetError> {
        let owner = self.engine.port_owner(key, &self.target.project).await;
        owner.map_err(|error| Self::engine_failed(&error))
    }

    pub(super) async fn list(&self) -> Result<Vec<Container>, TargetError> {
        let containers = self.engine.list_containers(&self.target.project).await;
        containers.map_err(|error| Self::engine_failed(&error))
    }
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

fn entry_of<'m>(model: &'m ComposeModel, port_move: &PortMove) -> Option<&'m PublishedPort> {
    model.service(&port_move.service)?.ports.iter().find(|port| {
        port.target == port_move.target
            && port.protocol == port_move.protocol
            && port.host_ip == port_move.host_ip
            && port.published == port_move.before
    })
}

/// Refuses a port that another entry of the project claims already.
fn not_claimed(model: &ComposeModel, port_move: &PortMove) -> Result<(), TargetError> {
    for service in &model.services {
        for entry in &service.ports {
            let itself = service.name == port_move.service && entry.published == port_move.before;
            let clash = port_move.after.ports().find(|port| entry.published.ports().contains(port));
            if let (false, Some(port), true) = (itself, clash, entry.protocol == port_move.protocol) {
                return Err(refusal(format!("port {port} is claimed by service `{}` of this project", service.name)));
            }
        }
    }
    Ok(())
}

/// A variable in `.env` that is used elsewhere as well would change more than this port, and Compose's own check would
/// refuse the edit afterwards.
fn without_shared_variables(
    mut ways: Vec<(EditMethod, FileEdit)>,
    entry: &PublishedPort,
    files: &ProjectFiles,
) -> Result<Vec<(EditMethod, FileEdit)>, TargetError> {
    let Some(ValueSource::Dotenv(variable)) = entry.origin.as_ref().map(|origin| &origin.source) else {
        return Ok(ways);
    };
    let uses = variable_uses(&files.sources(), variable);
    if uses.is_empty() {
        return Ok(ways);
    }
    ways.retain(|(method, _)| *method != EditMethod::Dotenv);
    if !ways.is_empty() {
        return Ok(ways);
    }
    let places: Vec<String> = uses.iter().map(|found| format!("`{}`, line {}", found.file, found.line)).collect();
    Err(refusal(format!("`{variable}` in `.env` is also used elsewhere ({}); change it by hand", places.join("; "))))
}

fn keys(port_move: &PortMove, published: Published) -> impl Iterator<Item = PortKey> {
    let (protocol, host_ip) = (port_move.protocol, port_move.host_ip.clone());
    published.ports().map(move |port| PortKey { port, protocol, host_ip: host_ip.clone() })
}

/// Whether somebody is known to hold the port.
fn holds(owner: &PortOwner) -> bool {
    match owner {
        PortOwner::ThisProject(_) | PortOwner::OtherContainer(_) | PortOwner::Process(_) => true,
        PortOwner::NotHeld | PortOwner::Unknown => false,
    }
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

fn refusal(what: String) -> TargetError {
    TargetError { what, hints: Vec::new() }
}

fn edit_refusal(error: &EditError) -> TargetError {
    TargetError { what: error.to_string(), hints: error.hints() }
}

pub(super) fn file_refusal(error: &files::FileError) -> TargetError {
    TargetError { what: error.to_string(), hints: error.hints() }
}

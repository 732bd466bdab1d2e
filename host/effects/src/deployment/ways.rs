//! The commands with which a person can see whether a step has happened.
//!
//! They are for a POSIX shell, only look, and show no secret. Fixed words, numbers, ids in full length and quoted names are
//! all that they are made of; a name that begins like an option or holds a control character is left out.

use std::path::Path;

use repair_model::action::{Action, PortMove};
use repair_model::env_value::EnvValue;
use repair_model::plan::{Change, Step};

use super::ComposeDeployment;
use crate::docker::is_full_id;
use crate::shell::argument as word;

/// What the commands are about, besides the step.
struct Place<'p> {
    project: &'p str,
    directory: &'p Path,
    bundles: &'p Path,
    in_repository: bool,
}

impl ComposeDeployment {
    /// The commands, the most telling first.
    pub(super) fn commands_to_look(&self, step: &Step) -> Vec<String> {
        let directory = self.located.directory.as_path();
        commands(
            step,
            &Place {
                project: &self.target.project,
                directory,
                bundles: &self.bundles,
                in_repository: directory.ancestors().any(|above| above.join(".git").exists()),
            },
        )
    }
}

fn commands(step: &Step, place: &Place<'_>) -> Vec<String> {
    match &step.action {
        Action::RemapPort(port_move) => of_move(port_move, step, place),
        Action::ComposeUp { services } => {
            let mut commands = vec![list(place, services)];
            commands.extend(inspect("{{.Name}} {{.State.Status}} {{.State.StartedAt}}", ids_in(step)));
            commands
        }
        Action::CollectLogs { .. } => {
            word(&place.bundles.to_string_lossy()).map(|at| format!("ls -l {at}")).into_iter().collect()
        }
        Action::RestartService { service } => {
            let mut commands = inspect("{{.Name}} {{.State.Status}} {{.State.StartedAt}}", ids_in(step));
            commands.push(list(place, std::slice::from_ref(service)));
            commands
        }
        Action::PullImage { .. } => {
            let images = step.footprint.images.keys().filter_map(|reference| word(reference));
            images.map(|reference| format!("docker image inspect --format '{{{{.Id}}}}' {reference}")).collect()
        }
        Action::RemoveStaleContainer { id, .. } => inspect("{{.Name}} {{.State.Status}}", std::iter::once(id.as_str())),
        Action::RemoveStaleNetwork { id, .. } => {
            let id = Some(id).filter(|id| is_full_id(id));
            id.map(|id| format!("docker network inspect --format '{{{{.Name}}}}' {id}")).into_iter().collect()
        }
        Action::SetEnvValue(value) => of_value(value, step, place),
        Action::Azure(_) => Vec::new(),
    }
}

fn of_move(port_move: &PortMove, step: &Step, place: &Place<'_>) -> Vec<String> {
    let Change::Edit(edit) = &step.change else { return Vec::new() };
    let Some(file) = path(place, &edit.file) else { return Vec::new() };
    let mut commands = Vec::new();
    if let (true, Some(directory)) = (place.in_repository, word(&place.directory.to_string_lossy())) {
        commands.push(format!("git -C {directory} diff -- {file}"));
    }
    commands.push(format!("grep -n -e {} -e {} -- {file}", port_move.after, port_move.before));
    commands
}

/// Counts lines and prints none, because a value must not reach a terminal.
fn of_value(value: &EnvValue, step: &Step, place: &Place<'_>) -> Vec<String> {
    let Change::SecretValue(edit) = &step.change else { return Vec::new() };
    let name = Some(value.variable.as_str())
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    let file = path(place, &edit.file);
    match (name, file) {
        (Some(name), Some(file)) => {
            vec![format!("grep -c -E '^(export )?{name}=.' -- {file}"), format!("ls -l -- {file}")]
        }
        _ => Vec::new(),
    }
}

fn list(place: &Place<'_>, services: &[String]) -> String {
    let services: Vec<String> = services.iter().filter_map(|service| word(service)).collect();
    let services: String = services.iter().map(|service| format!(" {service}")).collect();
    match word(place.project) {
        Some(project) => format!("docker compose -p {project} ps --all{services}"),
        None => "docker ps --all".to_owned(),
    }
}

fn inspect<'i>(format: &str, ids: impl Iterator<Item = &'i str>) -> Vec<String> {
    ids.filter(|id| is_full_id(id)).map(|id| format!("docker inspect --format '{format}' {id}")).collect()
}

/// The ids of the containers that the step changes, as the plan saw them.
fn ids_in(step: &Step) -> impl Iterator<Item = &str> {
    let changes = match &step.change {
        Change::Containers(changes) => changes.as_slice(),
        _ => &[],
    };
    changes.iter().filter_map(|change| Some(step.footprint.containers.get(&change.container)?.id.as_str()))
}

fn path(place: &Place<'_>, file: &str) -> Option<String> {
    word(&place.directory.join(file).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use repair_model::compose::{Protocol, Published};
    use repair_model::container::ContainerState;
    use repair_model::env_value::ValueEncoding;
    use repair_model::ids::{Digest, Domain};
    use repair_model::plan::{
        ContainerChange, ContainerMark, ContainerOperation, EditMethod, FileEdit, Footprint, SecretEdit,
    };
    use repair_model::risk::Risk;

    use super::*;

    fn place(in_repository: bool) -> Place<'static> {
        let (directory, bundles) = (Path::new("/srv/my shop"), Path::new("/var/lib/repair/bundles"));
        Place { project: "shop", directory, bundles, in_repository }
    }

    fn step(action: Action, change: Change, footprint: Footprint) -> Step {
        let (risk_because, summary, detail) = (String::new(), String::new(), Vec::new());
        Step { action, risk: Risk::Safe, risk_because, summary, detail, change, footprint }
    }

    fn id() -> String {
        "0123456789abcdef".repeat(4)
    }

    fn of_containers(action: Action, operation: ContainerOperation) -> Step {
        let container = "shop-web-1".to_owned();
        let mark = ContainerMark { id: id(), state: ContainerState::Running, config_hash: None };
        let containers = BTreeMap::from([(container.clone(), mark)]);
        let service = "web".to_owned();
        let change = ContainerChange { service, container, operation, running: true, ever_ran: true, started: None };
        step(action, Change::Containers(vec![change]), Footprint { containers, ..Footprint::default() })
    }

    #[test]
    fn a_moved_port_is_looked_up_in_its_file_and_in_the_repository() {
        let port_move = PortMove {
            service: "web".to_owned(),
            target: 80,
            protocol: Protocol::Tcp,
            host_ip: None,
            before: Published::Fixed(8080),
            after: Published::Fixed(8085),
        };
        let after = Digest::of(Domain::File, b"");
        let file = "compose.yaml".to_owned();
        let edit = FileEdit { file, method: EditMethod::InPlace, before: None, after, hunks: Vec::new() };
        let step = step(Action::RemapPort(port_move), Change::Edit(edit), Footprint::default());
        let grep = "grep -n -e 8085 -e 8080 -- '/srv/my shop/compose.yaml'";
        assert_eq!(commands(&step, &place(false)), [grep]);
        let diff = "git -C '/srv/my shop' diff -- '/srv/my shop/compose.yaml'";
        assert_eq!(commands(&step, &place(true)), [diff, grep]);
    }

    #[test]
    fn containers_are_inspected_by_their_full_ids() {
        let up = Action::ComposeUp { services: vec!["web".to_owned(), "--all".to_owned(), "a b".to_owned()] };
        let found = commands(&of_containers(up, ContainerOperation::Recreate), &place(true));
        let inspect =
            format!("docker inspect --format '{{{{.Name}}}} {{{{.State.Status}}}} {{{{.State.StartedAt}}}}' {}", id());
        assert_eq!(found, ["docker compose -p shop ps --all web 'a b'".to_owned(), inspect.clone()]);
        let restart = Action::RestartService { service: "web".to_owned() };
        let found = commands(&of_containers(restart, ContainerOperation::Restart), &place(true));
        assert_eq!(found, [inspect, "docker compose -p shop ps --all web".to_owned()]);
        for wrong in ["web; rm -rf /", "abc", ""] {
            let action = Action::RemoveStaleContainer { container: "x".to_owned(), id: wrong.to_owned() };
            assert!(commands(&of_containers(action, ContainerOperation::Remove), &place(true)).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn a_value_is_counted_and_never_shown() {
        let value = |variable: &str| EnvValue {
            variable: variable.to_owned(),
            file: ".env".to_owned(),
            bytes: 16,
            encoding: ValueEncoding::Hex,
        };
        let edit = SecretEdit {
            file: ".env".to_owned(),
            before: None,
            offset_bytes: 0,
            replaced: String::new(),
            prefix: String::new(),
            suffix: String::new(),
            bytes: 16,
            encoding: ValueEncoding::Hex,
        };
        let of = |variable: &str| {
            let change = Change::SecretValue(edit.clone());
            commands(&step(Action::SetEnvValue(value(variable)), change, Footprint::default()), &place(true))
        };
        let found = of("APP_KEY");
        assert_eq!(found, ["grep -c -E '^(export )?APP_KEY=.' -- '/srv/my shop/.env'", "ls -l -- '/srv/my shop/.env'"]);
        assert!(of("A'; reboot '").is_empty());
    }

    #[test]
    fn images_and_networks_are_inspected_by_what_the_plan_names() {
        let images = BTreeMap::from([("registry.example/web:1".to_owned(), None), ("-x".to_owned(), None)]);
        let pull = Action::PullImage { services: vec!["web".to_owned()] };
        let pull = step(pull, Change::Images(Vec::new()), Footprint { images, ..Footprint::default() });
        assert_eq!(commands(&pull, &place(true)), ["docker image inspect --format '{{.Id}}' registry.example/web:1"]);
        let network = Action::RemoveStaleNetwork { network: "shop_default".to_owned(), id: id() };
        let network = step(network, Change::Networks(Vec::new()), Footprint::default());
        let inspect = format!("docker network inspect --format '{{{{.Name}}}}' {}", id());
        assert_eq!(commands(&network, &place(true)), [inspect]);
    }
}

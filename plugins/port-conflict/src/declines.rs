//! Why nothing is moved, and what a person could do next.

use std::collections::BTreeSet;

use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::ports::{PublishedPort, ValueSource};
use repair_tool_sdk::project::{Container, Project};
use repair_tool_sdk::reply::{Reply, by_count};

use crate::claims::{Claims, hint};
use crate::entry::{Entry, entries};
use crate::reason::listed;

/// Entries that one plan moves; a plan has at most 16 actions, and one of them starts the services.
const MOVES_MAX: usize = 15;
/// Ports below this one need a privilege.
const UNPRIVILEGED_FROM: u16 = 1024;

/// A cut model or list of containers may hide who claims a port.
pub(crate) fn incomplete(case: &Case) -> Option<Reply> {
    (case.is_cut(&Query::ComposeModel) || case.is_cut(&Query::Containers)).then(|| {
        Reply::decline(
            "The project is larger than `repair` can look at, so a new port could be one that a hidden service claims. \
             Change the port in the Compose file by hand.",
        )
    })
}

/// The engine may not bind the port at all, so whoever holds it does not matter.
pub(crate) fn privileged(case: &Case, project: &Project<'_>) -> Option<Reply> {
    (case.finding.class == FailureClass::DockerPrivilegedPort.as_str()).then(|| privileged_ports(project))
}

fn privileged_ports(project: &Project<'_>) -> Reply {
    let low: Vec<String> = entries(project.services)
        .filter(|entry| entry.port.published.ports().next().is_some_and(|port| port < UNPRIVILEGED_FROM))
        .map(|entry| format!("{} of `{}`", entry.port.published, entry.service.name))
        .collect();
    let which = if low.is_empty() { String::new() } else { format!(" ({})", listed(&low)) };
    Reply::decline(format!(
        "The engine may not bind a port below {UNPRIVILEGED_FROM}{which}; nobody holds it. Publish a port from \
         {UNPRIVILEGED_FROM} on, such as `8080:80`, or let an administrator lower `net.ipv4.ip_unprivileged_port_start`, \
         or use an engine that runs as root."
    ))
}

/// Clashing entries whose value cannot be changed in a file for certain. Moving the others would not bring the project up.
pub(crate) fn not_movable(claims: &Claims<'_>) -> Option<Reply> {
    let stuck: Vec<String> = claims.clashes.iter().filter_map(|clash| why_stuck(&clash.entry)).collect();
    (!stuck.is_empty()).then(|| Reply::decline(stuck.join(" ")))
}

fn why_stuck(entry: &Entry<'_>) -> Option<String> {
    let name = &entry.service.name;
    let published = entry.port.published;
    match &entry.port.origin {
        None => Some(format!(
            "Port {published} of `{name}` is held, and it cannot be told for certain where it is written. Find it with \
             `docker compose config {name}`, and change it by hand."
        )),
        Some(origin) => match &origin.source {
            ValueSource::Shell(variable) => Some(format!(
                "Port {published} of `{name}` is held, and the calling shell exports it as {variable}, which beats every \
                 file. Set another value, such as `export {variable}=…`, or `unset {variable}` so that the files decide; \
                 then run the command again."
            )),
            ValueSource::Literal | ValueSource::Dotenv(_) | ValueSource::Fallback(_) => None,
        },
    }
}

/// So many entries do not fit into one plan, and to find places for all of them takes more questions than the host answers.
pub(crate) fn too_many(moves: usize) -> Option<Reply> {
    (moves > MOVES_MAX).then(|| {
        Reply::decline(format!(
            "{moves} entries of `ports` would have to move, more than the {MOVES_MAX} that one plan moves. See whether this \
             project is up a second time, from another directory: `docker compose ls --all`. If both shall run, change the \
             ports in the Compose file by hand."
        ))
    })
}

/// No entry clashes: says which look-alike it is, from the surest to the least sure.
pub(crate) fn no_clash(case: &Case, project: &Project<'_>, claims: &Claims<'_>) -> Reply {
    if project.down().next().is_none() {
        return Reply::decline(
            "Every service of this project is up, so no port of it is in conflict now. If the failed command was for \
             another project, run `repair` in that project's directory.",
        );
    }
    if let Some(reply) = look_alike(case, project) {
        return reply;
    }
    if let Some((entry, container)) = claims.own.first() {
        return Reply::decline(format!(
            "Port {} of `{service}` is held by `{}`, a container of the same service, so a second one cannot publish it. \
             If it is left over, remove it with `docker rm --force {}`; if more than one is wanted, publish a range or \
             let the engine pick the port.",
            entry.port.published,
            container.name,
            container.name,
            service = entry.service.name,
        ));
    }
    if let Some(port) = hint(case).filter(|port| !publishes(project, *port)) {
        return Reply::decline(format!(
            "Port {port} is in the failure's text, and no service of this project publishes it. Run `repair` in the \
             directory of the project that does, or see who holds it with `ss --listening --processes --numeric 'sport = {port}'`."
        ));
    }
    nobody(claims)
}

/// What the engine said of the containers that are down, and what the failure's text said.
fn look_alike(case: &Case, project: &Project<'_>) -> Option<Reply> {
    let down: BTreeSet<&str> = project.down().map(|service| service.name.as_str()).collect();
    let is_down = |container: &&Container| container.ref_.service.as_deref().is_some_and(|name| down.contains(name));
    let errors: Vec<&str> =
        project.containers.iter().filter(is_down).filter_map(|container| container.error.as_deref()).collect();
    let says = |words: &[&str]| errors.iter().any(|error| words.iter().any(|word| error.contains(word)));
    let reason = case.fact("reason");
    if reason == Some("address-not-available") || says(&["cannot assign requested address"]) {
        return Some(wrong_address(project));
    }
    if reason == Some("privileged") || says(&["bind: permission denied", "cannot expose privileged port"]) {
        return Some(privileged_ports(project));
    }
    if reason == Some("firewall") || says(&["iptables failed", "No chain/target/match"]) {
        return Some(Reply::decline(
            "The engine could not add its firewall rule; nobody holds the port. Restart the engine, so that it makes its \
             chains anew: `sudo systemctl restart docker`.",
        ));
    }
    None
}

fn wrong_address(project: &Project<'_>) -> Reply {
    let is_specific = |port: &PublishedPort| !matches!(port.host_ip.as_deref(), None | Some("" | "0.0.0.0" | "::"));
    let bound: Vec<String> = entries(project.down())
        .filter(|entry| is_specific(entry.port))
        .map(|entry| {
            let address = entry.port.host_ip.as_deref().unwrap_or_default();
            format!("{address} before port {} of `{}`", entry.port.published, entry.service.name)
        })
        .collect();
    let which = if bound.is_empty() { "in one of the services' `ports`".to_owned() } else { listed(&bound) };
    Reply::decline(format!(
        "The host address does not belong to this machine: {which}. Nobody holds the port. Compare it with `ip address`, \
         and correct or remove it in the Compose file."
    ))
}

fn nobody(claims: &Claims<'_>) -> Reply {
    if claims.unknown {
        return Reply::decline(
            "Who holds the port cannot be seen from here (a remote engine, or one in a virtual machine), and the engine \
             recorded no failed bind for a port that the failure names. On the engine's machine, look it up with \
             `docker ps` and `sudo ss --listening --processes --numeric`, or run `repair` there.",
        );
    }
    let limit = match claims.left_out {
        0 => String::new(),
        count => {
            let ports = by_count(count, "port was", "ports were");
            format!(" {count} more {ports} not looked up, because there are too many.")
        }
    };
    Reply::decline(format!(
        "Nobody holds a port of the services that are down.{limit} It may have been let go meanwhile: try \
         `docker compose up --detach` again. Stale address translation rules or an engine fault look the same: restart \
         the engine with `sudo systemctl restart docker`. Moving the port would only hide that."
    ))
}

fn publishes(project: &Project<'_>, port: u16) -> bool {
    entries(project.services).any(|entry| entry.port.published.ports().contains(&port))
}

//! Why nothing is removed, and what a person could do next.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::network::Network;
use repair_tool_sdk::reply::{Reply, by_count};

use crate::decide::{Own, described, is_in_the_way, is_named};

/// Older failures belong to another incident.
const FRESH_SECONDS: u32 = 60 * 60;
/// Failures of one removal before a person has to look.
const FAILURES_MAX: usize = 2;
/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 12;

/// No pool has room, or ranges overlap: whose network gives way is not for a program to choose.
pub(crate) fn no_room_for_addresses(networks: &[Network], cut: bool) -> Reply {
    let each: Vec<String> = networks.iter().take(LISTED_MAX).map(with_subnets).collect();
    let more = if cut || networks.len() > LISTED_MAX { " and more" } else { "" };
    let own = match networks.len() {
        0 => "This project has no network yet.".to_owned(),
        1 => format!("One network concerns this project: {}.", each.join(", ")),
        count => format!("{count} networks concern this project: {}{more}.", each.join(", ")),
    };
    Reply::decline(format!(
        "The engine has no free range of addresses for another network, or the wanted one overlaps with an existing one. \
         {own} Which network could give way is not guessed at. Three safe ways: see all of them with `docker network ls`, \
         and their ranges with `docker network inspect`; let go of those that nothing uses with `docker network prune`, \
         which asks first and leaves what is in use; or choose a range that is free: `ipam` with a `subnet` of one's own \
         under `networks` in the Compose file, or more `default-address-pools` in the engine's daemon.json."
    ))
}

fn with_subnets(network: &Network) -> String {
    let unused = if network.is_unused() { ", nothing attached" } else { "" };
    match network.subnets.as_slice() {
        [] => format!("`{}` (no range{unused})", network.name),
        subnets => format!("`{}` ({}{unused})", network.name, subnets.join(", ")),
    }
}

/// A list that was cut may hide who else is concerned.
pub(crate) fn incomplete(case: &Case) -> Option<Reply> {
    let cut = [Query::Networks, Query::ComposeModel, Query::Containers].iter().any(|query| case.is_cut(query));
    cut.then(|| {
        Reply::decline(
            "There are more networks or containers than `repair` can look at, so nothing is removed. See them with \
             `docker network ls`.",
        )
    })
}

/// The failure names a network that is not one of this project.
pub(crate) fn named_otherwise(named: Option<&str>, networks: &[Network]) -> Option<Reply> {
    let named = named.filter(|named| !networks.iter().any(|network| is_named(named, network)))?;
    Some(Reply::decline(format!(
        "The failure names the network `{named}`, and the engine has none of that name that concerns this project, so \
         nothing is removed. If containers of this project still refer to a network that is gone, make them anew: \
         `docker compose up --detach --force-recreate` (volumes stay). If somebody else makes it, start that project first, \
         or make it with `docker network create`."
    )))
}

/// The name belongs to somebody else. Whether the project only borrows it (`external`) cannot be seen here, so this counts
/// only where the failure names it.
pub(crate) fn held_by_others(named: Option<&str>, networks: &[Network], own: &Own<'_>) -> Option<Reply> {
    let named = named?;
    let network = networks.iter().find(|network| is_named(named, network) && !own.has(network))?;
    let whose = match &network.project {
        Some(project) => format!("belongs to the project `{project}`"),
        None => "was not made by Compose".to_owned(),
    };
    Some(Reply::decline(format!(
        "The network `{name}` has a name that this project wants. It {whose}{}, so it is left alone. To use it as it is, \
         declare it with `external: true` and `name: {name}` in the Compose file; to have one of one's own, give it another \
         `name`, or none, so that Compose makes up a free one.",
        attached(network),
        name = network.name,
    )))
}

/// Containers are attached to the project's own network that is in the way.
pub(crate) fn in_use(networks: &[Network], own: &Own<'_>) -> Option<Reply> {
    let used = networks.iter().filter(|network| own.has(network) && is_in_the_way(network) && !network.is_unused());
    let words: Vec<String> = used.map(|network| format!("{}{}", described(network), attached(network))).collect();
    (!words.is_empty()).then(|| {
        Reply::decline(format!(
            "{}. A network with containers is not removed. If they may stop for a moment, `docker compose down` removes the \
             project's containers and networks (volumes stay), and `docker compose up --detach` makes them anew; else give \
             the network its former key, or another `name`, in the Compose file.",
            words.join("; ")
        ))
    })
}

fn attached(network: &Network) -> String {
    let names: Vec<String> =
        network.attached.iter().take(LISTED_MAX).map(|container| format!("`{}`", container.name)).collect();
    let more = if network.attached.len() > LISTED_MAX { " and more" } else { "" };
    if names.is_empty() { String::new() } else { format!("; attached: {}{more}", names.join(", ")) }
}

/// Nothing stale may go.
pub(crate) fn nothing_stale(named: Option<&str>, networks: &[Network], own: &Own<'_>) -> Reply {
    if let Some(network) = networks.iter().find(|network| named.is_some_and(|named| is_named(named, network))) {
        return Reply::decline(format!(
            "The network `{}` is one that this project wants, and it is not removed{}. If its options in the Compose file \
             have changed, `docker compose down` and `docker compose up --detach` make it anew (volumes stay); if \
             containers have lost it, `docker compose up --detach --force-recreate` makes them anew.",
            network.name,
            attached(network),
        ));
    }
    let left: Vec<String> = networks
        .iter()
        .filter(|network| own.is_stale(network))
        .map(|network| format!("{}{}", described(network), attached(network)))
        .collect();
    let left = if left.is_empty() { String::new() } else { format!(" Left over, but in use: {}.", left.join("; ")) };
    Reply::decline(format!(
        "No unused network of this project is in its way.{left} See them with `docker network ls --filter \
         label=com.docker.compose.project`."
    ))
}

/// So many leftovers are no accident.
pub(crate) fn too_many(removed: &[&Network], removals_max: u16) -> Reply {
    Reply::decline(format!(
        "{} networks of this project are stale, more than the {removals_max} that one plan removes. See whether this is the \
         right project: `docker network ls`. `removals_max` in `[tools.stale-networks]` of repair.toml raises the number.",
        removed.len()
    ))
}

/// The engine has refused the same removal twice within the hour, and would again.
pub(crate) fn failed_before(case: &Case, removed: &[&Network]) -> Option<Reply> {
    removed.iter().find_map(|network| {
        let removal = Action::remove_stale_network(network);
        let failures: Vec<&Attempt> = case
            .history
            .iter()
            .filter(|attempt| attempt.seconds_ago < FRESH_SECONDS && attempt.outcome.starts_with("failed"))
            .filter(|attempt| attempt.actions.contains(&removal))
            .collect();
        let last = failures.first().filter(|_| failures.len() >= FAILURES_MAX)?;
        Some(Reply::decline(format!(
            "The engine did not remove the network `{name}` twice ({}), so a third try would fail too. See what is attached \
             to it: `docker network inspect {name}`.",
            last.outcome,
            name = network.name,
        )))
    })
}

/// Leftovers that keep nobody from running.
pub(crate) fn all_up(removed: &[&Network]) -> Reply {
    let names: Vec<String> = removed.iter().map(|network| format!("`{}`", network.name)).collect();
    Reply::decline(format!(
        "Every service of this project is up, so {} {} in nobody's way. `docker network rm` removes what is not needed.",
        names.join(", "),
        by_count(names.len(), "stands", "stand")
    ))
}

//! Why nothing is started, and what a person could do next.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, repair_with_files, word};
use repair_tool_sdk::azure::{MysqlServer, Repetition, same_id};
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::reply::{Reply, by_count, times};

use crate::servers::{Meant, is_named};

/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 8;

fn show(server: &MysqlServer, group: &str) -> String {
    let name = word(&server.name, "SERVER");
    format!("`az mysql flexible-server show --name {name} --resource-group {group} --query state`")
}

fn start(server: &MysqlServer, group: &str) -> String {
    format!("`az mysql flexible-server start --name {} --resource-group {group}`", word(&server.name, "SERVER"))
}

fn list(group: &str) -> String {
    format!(
        "`az mysql flexible-server list --resource-group {group} --query \"[].{{name:name, state:state}}\" --output table`"
    )
}

fn with_states<'a>(servers: impl IntoIterator<Item = &'a MysqlServer>) -> String {
    let all: Vec<String> = servers.into_iter().map(|server| format!("`{}` ({})", server.name, server.state)).collect();
    let more = if all.len() > LISTED_MAX { " and more" } else { "" };
    format!("{}{more}", all[..all.len().min(LISTED_MAX)].join(", "))
}

/// A list that was cut may lack the one that is stopped.
pub(crate) fn incomplete(case: &Case, group: &str) -> Option<Reply> {
    case.is_cut(&Query::MysqlServers).then(|| {
        Reply::decline(format!(
            "The group has more servers than `repair` can look at, so none is started. See them: {}.",
            list(group)
        ))
    })
}

/// The failure names a server that is not one of those that the deployment is about.
pub(crate) fn named_otherwise(
    named: Option<&str>,
    servers: &[MysqlServer],
    meant: &Meant<'_>,
    group: &str,
) -> Option<Reply> {
    let named = named.filter(|named| !meant.has(named))?;
    Some(Reply::decline(match servers.iter().find(|server| is_named(server, named)) {
        Some(server) => format!(
            "The failure names the server `{}` ({}), and nothing shows that this deployment needs it, so it is not started. {}",
            server.name,
            server.state,
            next_steps([
                "ask who has stopped it; a stopped server costs less".to_owned(),
                format!("if it may run, start it: {}", start(server, group)),
                format!("name the template of the deployment that needs it: {}", repair_with_files(group)),
            ])
        ),
        None => format!(
            "The failure names the server `{}`, and this group has none of that name, so nothing is started. {}",
            excerpt(named),
            next_steps([
                format!(
                    "see which group has it: `az mysql flexible-server list --query \"[?name=='{}'].id\"`",
                    word(named.split('.').next().unwrap_or_default(), "SERVER")
                ),
                "run `repair` for the deployment of that group".to_owned(),
            ])
        ),
    }))
}

/// No server of the group is one that the deployment is about.
pub(crate) fn none_meant(servers: &[MysqlServer], meant: &Meant<'_>, again: &Repetition<'_>) -> Option<Reply> {
    meant.servers.is_empty().then(|| {
        let group = again.group();
        let seen = match servers {
            [] => "This group has no MySQL flexible server.".to_owned(),
            some => format!("This group has {}.", with_states(some)),
        };
        Reply::decline(format!(
            "Neither the template nor an error of the deployment `{}` names a server of this group, so none is started. \
             {seen}{} {}",
            again.deployment.name,
            again.remarks(),
            next_steps([
                format!("see the servers: {}", list(group)),
                format!(
                    "start the one that is needed: `az mysql flexible-server start --name SERVER --resource-group {group}`; it \
                     costs money from then on"
                ),
                format!("run `repair` again with the deployment's template: {}", repair_with_files(group)),
            ])
        ))
    })
}

/// So many servers are no accident.
pub(crate) fn too_many(meant: &Meant<'_>, servers_max: usize) -> Option<Reply> {
    let concerned: Vec<&MysqlServer> = meant.servers.iter().copied().filter(|server| !server.is_ready()).collect();
    (concerned.len() > servers_max).then(|| {
        Reply::decline(format!(
            "{} servers of the template are not ready ({}), more than the {servers_max} that one plan starts. See whether this \
             is the right group, and whether somebody has stopped all of it on purpose.",
            concerned.len(),
            with_states(concerned.iter().copied())
        ))
    })
}

/// Disabled, going away, or in a state that nobody knows.
pub(crate) fn in_no_usable_state(meant: &Meant<'_>, group: &str) -> Option<Reply> {
    let server =
        meant.servers.iter().find(|server| !server.is_ready() && !server.is_stopped() && !server.is_moving())?;
    let look = format!("read its state: {}", show(server, group));
    let then = if same_id(&server.state, "Disabled") {
        next_steps([
            look,
            "find out why; Azure disables a server whose encryption key cannot be reached, or whose subscription is disabled: \
             `az account show --query state`"
                .to_owned(),
            "give the server's identity access to its key again, and wait some minutes until it is `Ready`".to_owned(),
            format!("run `repair` again: {}", repair_again(group)),
        ])
    } else if same_id(&server.state, "Dropping") {
        next_steps([
            look,
            "somebody is deleting it; ask who, since its backups go some days after it".to_owned(),
            "when it is gone, deploy again: the template makes a new server, which is empty".to_owned(),
        ])
    } else {
        next_steps([
            look,
            format!(
                "if it stays so for more than half an hour, look at its health: `az resource show --ids {} --query \
                 properties`, and open a support request",
                word(&server.id, "ID")
            ),
            format!("run `repair` again when it is `Ready` or `Stopped`: {}", repair_again(group)),
        ])
    };
    Some(Reply::decline(format!(
        "The server `{}` is in state {}, in which it can neither be started nor changed. {then}",
        server.name, server.state
    )))
}

/// Nothing is wrong any more.
pub(crate) fn all_well(meant: &Meant<'_>, again: &Repetition<'_>) -> Reply {
    Reply::decline(format!(
        "The {} ready ({}) and the deployment `{}` has succeeded, so there is nothing to repeat. Run again what failed.",
        by_count(meant.servers.len(), "server that the template wants is", "servers that the template wants are"),
        with_states(meant.servers.iter().copied()),
        again.deployment.name
    ))
}

/// The server could be started, and the deployment cannot be repeated. A server that nobody deploys to only costs money.
pub(crate) fn obstructed(meant: &Meant<'_>, obstacle: &str, group: &str) -> Reply {
    let stopped = meant.servers.iter().find(|server| server.is_stopped());
    let by_hand = stopped.map_or_else(String::new, |server| {
        format!(" It is not started, because nothing would be deployed after it; by hand: {}.", start(server, group))
    });
    Reply::decline(format!("The template wants {}.{by_hand} {obstacle}", with_states(meant.servers.iter().copied())))
}

/// One start that fails may be Azure's own trouble; two are not.
pub(crate) fn does_not_start(
    case: &Case,
    stopped: &[&MysqlServer],
    failed_starts_max: usize,
    group: &str,
) -> Option<Reply> {
    stopped.iter().find_map(|server| {
        let tries = case.tries_in_vain(&Action::start_mysql(server));
        let failed: Vec<&Attempt> = tries.into_iter().filter(|attempt| attempt.failed()).collect();
        let last = failed.first().filter(|_| failed.len() >= failed_starts_max)?;
        Some(Reply::decline(format!(
            "The server `{}` did not start {} within an hour (last: {}), so it is not started again. {}",
            server.name,
            times(failed.len()),
            excerpt(&last.outcome),
            next_steps([
                format!("read its state: {}", show(server, group)),
                "look at the region's health: https://azure.status.microsoft".to_owned(),
                format!("start it by hand in ten minutes: {}", start(server, group)),
                "if that fails too, open a support request with the time and the error".to_owned(),
            ])
        )))
    })
}

/// The same was in vain twice.
pub(crate) fn spent(meant: &Meant<'_>, last: &Attempt, group: &str) -> Reply {
    let server = meant.servers.first().copied();
    Reply::decline(format!(
        "The same was done twice within an hour and did not help (last: {}), so it is not done again. The template wants {}. {}",
        excerpt(&last.outcome),
        with_states(meant.servers.iter().copied()),
        next_steps([
            format!(
                "see whether somebody or a schedule stops it again: {}",
                server.map(|server| show(server, group)).unwrap_or_default()
            ),
            format!(
                "read the errors of the newest deployment: `az deployment operation group list --resource-group {group} --name \
                 NAME --query \"[?properties.provisioningState=='Failed'].properties.statusMessage\"`"
            ),
        ])
    ))
}

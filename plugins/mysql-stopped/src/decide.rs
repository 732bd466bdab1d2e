//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::command::{excerpt, word};
use repair_tool_sdk::azure::{Awaited, MysqlServer, Repetition};
use repair_tool_sdk::case::{Attempt, Case, Query};
use repair_tool_sdk::reply::{Reply, Stop, by_count};

use crate::declines;
use crate::servers::{Meant, is_stopping};

/// Servers that one plan starts or waits for; where more are concerned, a person looks first.
const SERVERS_MAX: usize = 4;
/// Failed starts of a server before a person has to look. One is nothing: Azure's own start fails now and then.
const FAILED_STARTS_MAX: usize = 2;
/// That the deployment succeeds once the server runs, in permille: Azure refused it for exactly that.
const CONFIDENCE_START: u16 = 900;
/// The same after a start that failed.
const CONFIDENCE_START_AGAIN: u16 = 760;
/// That a server comes out of its present state by itself, and that the deployment succeeds then.
const CONFIDENCE_WAIT: u16 = 850;
/// That the deployment succeeds because the server is ready by now.
const CONFIDENCE_READY: u16 = 780;
/// What it costs that neither template nor error names the server.
const UNNAMED_COSTS: u16 = 120;

/// Starts what is stopped, waits for what is on its way, then deploys the template again.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case) -> Result<Reply, Stop> {
    case.ask([Query::MysqlServers, Query::ArmDeployment, Query::WantedResources])?;
    let again = case.repetition()?;
    let servers = case.mysql_servers()?;
    let meant = Meant::of(servers, &again);
    if let Some(reply) = declines::incomplete(case, again.group())
        .or_else(|| declines::named_otherwise(case.fact("server"), servers, &meant, again.group()))
        .or_else(|| declines::none_meant(servers, &meant, &again))
        .or_else(|| declines::too_many(&meant, SERVERS_MAX))
        .or_else(|| declines::in_no_usable_state(&meant, again.group()))
    {
        return Ok(reply);
    }
    let stopped: Vec<&MysqlServer> = meant.servers.iter().copied().filter(|server| server.is_stopped()).collect();
    let moving: Vec<&MysqlServer> = meant.servers.iter().copied().filter(|server| server.is_moving()).collect();
    let deploys = !again.deployment.succeeded();
    if stopped.is_empty() && moving.is_empty() && !deploys {
        return Ok(declines::all_well(&meant, &again));
    }
    if let Some(obstacle) = again.obstacle().filter(|_| deploys) {
        return Ok(declines::obstructed(&meant, &obstacle, again.group()));
    }
    if let Some(reply) = declines::does_not_start(case, &stopped, FAILED_STARTS_MAX, again.group()) {
        return Ok(reply);
    }
    let waits = moving.iter().map(|server| Action::await_state(Awaited::MysqlServer, server.name.clone()));
    // Nothing can be deployed onto what is being stopped; the next look finds it stopped, and starts it.
    let is_going_down = moving.iter().any(|server| is_stopping(server));
    let actions: Vec<Action> = if is_going_down {
        waits.collect()
    } else {
        let starts = stopped.iter().map(|server| Action::start_mysql(server));
        let first = waits.chain(starts);
        if deploys { again.after(first) } else { first.collect() }
    };
    if let Some(last) = case.spent(&actions) {
        return Ok(declines::spent(&meant, last, again.group()));
    }
    let failed = failed_start(case, &stopped);
    let surely = match (stopped.is_empty(), moving.is_empty(), failed) {
        (_, false, _) => CONFIDENCE_WAIT,
        (false, true, None) => CONFIDENCE_START,
        (false, true, Some(_)) => CONFIDENCE_START_AGAIN,
        (true, true, _) => CONFIDENCE_READY,
    };
    let confidence = surely - if meant.by_id { 0 } else { UNNAMED_COSTS };
    let mut reason: Vec<String> = Vec::new();
    reason.extend(moving.iter().map(|server| being_moved(server)));
    if !is_going_down {
        reason.extend(stopped.iter().map(|server| being_started(server, again.group())));
        reason.extend(failed.map(|last| {
            format!(
                "A start has failed before ({}), which Azure's own does now and then; it is tried once more.",
                excerpt(&last.outcome)
            )
        }));
    }
    reason.push(the_rest(&meant, is_going_down, &again));
    Ok(Reply::propose(reason.join(" "), confidence, actions))
}

fn failed_start<'a>(case: &'a Case, stopped: &[&MysqlServer]) -> Option<&'a Attempt> {
    let failed = stopped.iter().flat_map(|server| case.tries_in_vain(&Action::start_mysql(server)));
    failed.into_iter().find(|attempt| attempt.failed())
}

fn being_moved(server: &MysqlServer) -> String {
    format!("The server `{}` is in state {} and refuses changes; it is waited for.", server.name, server.state)
}

fn being_started(server: &MysqlServer, group: &str) -> String {
    format!(
        "The server `{name}` ({}, in {}) is stopped and refuses changes, so it is started, which takes about two minutes and \
         changes no data. It costs money from then on; stop it again with `az mysql flexible-server stop --name {} \
         --resource-group {group}`. Azure itself starts a stopped server after 30 days.",
        server.sku,
        server.location,
        word(&server.name, "SERVER"),
        name = server.name,
    )
}

fn the_rest(meant: &Meant<'_>, is_going_down: bool, again: &Repetition<'_>) -> String {
    let mut words = String::new();
    if !meant.by_id {
        words.push_str("It is the only server of the group. ");
    }
    if meant.servers.iter().all(|server| server.is_ready()) {
        let names: Vec<String> = meant.servers.iter().map(|server| format!("`{}`", server.name)).collect();
        let servers =
            by_count(names.len(), "server that the deployment needs is", "servers that the deployment needs are");
        words.push_str(&format!("The {servers} ready by now ({}). ", names.join(", ")));
    }
    words.push_str(match (is_going_down, again.deployment.succeeded()) {
        (true, _) => "It will be stopped then, and started with another plan.",
        (false, true) => "The deployment itself has succeeded and is not repeated.",
        (false, false) => "Then the same template is deployed again.",
    });
    if !is_going_down && !again.deployment.succeeded() {
        words.push_str(&again.remarks());
    }
    words
}

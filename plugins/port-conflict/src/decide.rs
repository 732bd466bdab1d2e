//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::Case;
use repair_tool_sdk::project::{ByService, Project};
use repair_tool_sdk::reply::{Reply, Stop, by_count};

use crate::claims::{Claims, Holder, hint, look_up};
use crate::declines;
use crate::parameters::Params;
use crate::placement::{Move, place};
use crate::reason::reason;

/// Moves every clashing port in one plan, then starts what is down.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    params.check()?;
    let project = case.project()?;
    if let Some(reply) = declines::incomplete(case).or_else(|| declines::privileged(case, &project)) {
        return Ok(reply);
    }
    let containers = project.by_service();
    let claims = look_up(case, &project, &containers)?;
    if claims.clashes.is_empty() {
        return Ok(declines::no_clash(case, &project, &claims));
    }
    if let Some(reply) = declines::not_movable(&claims).or_else(|| declines::too_many(claims.clashes.len())) {
        return Ok(reply);
    }
    let moves = place(case, &project, &containers, &claims.clashes, params)?;
    if let Some(reply) = declines::too_many(moves.len()) {
        return Ok(reply);
    }
    let remaps = moves.iter().map(|one| one.entry.moved_to(one.first));
    let actions: Vec<Action> = remaps.chain([Action::compose_up(to_start(&project, &containers, &moves))]).collect();
    let reply = Reply::propose(reason(&containers, &claims.clashes, &moves), confidence(case, &claims), actions);
    Ok(match claims.left_out {
        0 => reply,
        left_out => reply.note(format!(
            "{left_out} {} not looked up, because there are too many",
            by_count(left_out, "port was", "ports were")
        )),
    })
}

/// What is down, and what runs and has to be replaced because its port moves; in the order of the model.
fn to_start(project: &Project<'_>, containers: &ByService<'_>, moves: &[Move<'_>]) -> Vec<String> {
    let mut names: BTreeSet<String> = project.to_start().into_iter().collect();
    names.extend(moves.iter().filter(|one| one.entry.is_up(containers)).map(|one| one.entry.service.name.clone()));
    let services = project.services.iter();
    services.filter(|service| names.contains(&service.name)).map(|service| service.name.clone()).collect()
}

/// As sure as the least certain clash. A text that names another port lowers it: there may be more to it.
fn confidence(case: &Case, claims: &Claims<'_>) -> u16 {
    let of_holders = claims.clashes.iter().map(|clash| match clash.holder {
        Holder::Container(_) | Holder::Process(_) | Holder::Sibling(_) => 950,
        Holder::ClaimedBy(_) => 900,
        Holder::Unseen => 700,
    });
    let named = |port| claims.clashes.iter().any(|clash| clash.entry.port.published.ports().contains(&port));
    let of_text = if hint(case).is_some_and(|port| !named(port)) { 800 } else { 1000 };
    of_holders.min().unwrap_or(0).min(of_text)
}

//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::network::Network;
use repair_tool_sdk::project::Project;
use repair_tool_sdk::reply::{Reply, Stop};

use crate::{Params, declines};

/// That the project comes up once its names are free, in permille: Compose refuses exactly this.
const CONFIDENCE_IN_THE_WAY: u16 = 930;
/// The same where networks are only left over.
const CONFIDENCE_LEFT_OVER: u16 = 700;

/// Removes what is stale, unused and the project's own, then starts what is down.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    case.ask([Query::Networks, Query::ComposeModel, Query::Containers])?;
    let networks = case.networks()?;
    let project = case.project()?;
    if case.finding.class == FailureClass::DockerNetworkOverlap.as_str() {
        return Ok(declines::no_room_for_addresses(networks, case.is_cut(&Query::Networks)));
    }
    let own = Own::of(&project, networks);
    let named = case.fact("network");
    if let Some(reply) = declines::incomplete(case)
        .or_else(|| declines::named_otherwise(named, networks))
        .or_else(|| declines::held_by_others(named, networks, &own))
        .or_else(|| declines::in_use(networks, &own))
    {
        return Ok(reply);
    }
    let removed: Vec<&Network> =
        networks.iter().filter(|network| own.is_stale(network) && is_meant(named, network)).collect();
    let removed: Vec<&Network> = removed.into_iter().filter(|network| network.is_unused()).collect();
    if removed.is_empty() {
        return Ok(declines::nothing_stale(named, networks, &own));
    }
    if removed.len() > usize::from(params.removals_max) {
        return Ok(declines::too_many(&removed, params.removals_max));
    }
    if let Some(reply) = declines::failed_before(case, &removed) {
        return Ok(reply);
    }
    let up = project.to_start();
    if up.is_empty() {
        return Ok(declines::all_up(&removed));
    }
    let confidence =
        if removed.iter().all(|one| is_in_the_way(one)) { CONFIDENCE_IN_THE_WAY } else { CONFIDENCE_LEFT_OVER };
    let removals = removed.iter().map(|one| Action::remove_stale_network(one));
    let actions: Vec<Action> = removals.chain([Action::compose_up(up)]).collect();
    Ok(Reply::propose(reason(&removed), confidence, actions))
}

/// Which networks are the project's own, as far as the answers tell.
pub(crate) struct Own<'a> {
    project: Option<&'a str>,
    /// Projects of attached containers that are not among the project's.
    others: BTreeSet<&'a str>,
}

impl<'a> Own<'a> {
    /// The project's name is not told outright. Its containers have it, and so has a network that it does not want, which
    /// is only shown because it is the project's.
    fn of(project: &Project<'a>, networks: &'a [Network]) -> Self {
        let by_container = project.containers.iter().find_map(|container| container.ref_.project.as_deref());
        let by_network = || {
            networks.iter().filter(|network| network.wanted_as.is_none()).find_map(|network| network.project.as_deref())
        };
        let own: BTreeSet<&str> = project.containers.iter().map(|container| container.ref_.id.as_str()).collect();
        let attached = networks.iter().flat_map(|network| &network.attached);
        let others = attached
            .filter(|container| !own.contains(container.id.as_str()))
            .filter_map(|other| other.project.as_deref());
        Self { project: by_container.or_else(by_network), others: others.collect() }
    }

    /// Whether it is, or may be where the project's name is not known: the host refuses what is not.
    pub(crate) fn has(&self, network: &Network) -> bool {
        match (self.project, network.project.as_deref()) {
            (_, None) => false,
            (Some(own), Some(of)) => own == of,
            (None, Some(of)) => !self.others.contains(of),
        }
    }

    /// Whether the project does not want it, or wants its name for another of its networks.
    pub(crate) fn is_stale(&self, network: &Network) -> bool {
        self.has(network) && (network.wanted_as.is_none() || is_in_the_way(network))
    }
}

/// Whether the project wants its name under another key, which Compose refuses to take.
pub(crate) fn is_in_the_way(network: &Network) -> bool {
    network.wanted_as.is_some() && network.wanted_as != network.key
}

/// A failure that names a network is about that one, and about others that would fail in the same way next.
fn is_meant(named: Option<&str>, network: &Network) -> bool {
    named.is_none_or(|named| is_named(named, network) || is_in_the_way(network))
}

/// By name, or by the beginning of its id as engines print it.
pub(crate) fn is_named(named: &str, network: &Network) -> bool {
    const SHORT_ID: usize = 12;
    network.name == named || (named.len() >= SHORT_ID && network.id.starts_with(named))
}

/// For the person who has to approve the plan.
fn reason(removed: &[&Network]) -> String {
    let each: Vec<String> = removed.iter().map(|one| described(one)).collect();
    format!("{}. Nothing is attached to what is removed, and a network stores nothing.", each.join("; "))
}

/// The network, and why it is stale.
pub(crate) fn described(network: &Network) -> String {
    let key = network.key.as_deref().unwrap_or_default();
    match &network.wanted_as {
        Some(wanted) => {
            format!("`{}` was made as the network `{key}`, and this project wants the name as `{wanted}`", network.name)
        }
        None => format!("`{}` was made as the network `{key}`, which this project has no more", network.name),
    }
}

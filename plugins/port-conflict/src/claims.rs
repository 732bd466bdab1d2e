//! Which entries clash, and with whom. An entry clashes only on an observation: the host saw the holder, the model itself
//! claims the port twice, or, where the host cannot see holders, the engine recorded the failed bind on the container.

use std::collections::BTreeSet;

use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::NEED_QUERIES_MAX;
use repair_tool_sdk::ports::{PortKey, PortOwner, ProcessRef};
use repair_tool_sdk::project::{ByService, ContainerRef, Project};
use repair_tool_sdk::reply::Stop;

use crate::entry::{Entry, entries};

/// Who stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder<'a> {
    /// A container of somebody else on the same engine.
    Container(&'a ContainerRef),
    /// A process of the host.
    Process(&'a ProcessRef),
    /// A container of another service of this project, or of a service that the model no longer has.
    Sibling(&'a ContainerRef),
    /// Nobody yet: another service of the model, which is down as well, claims it first.
    ClaimedBy(&'a str),
    /// The host cannot tell; the engine says that it is held.
    Unseen,
}

/// An entry that cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clash<'a> {
    pub entry: Entry<'a>,
    /// The first held port of the entry.
    pub port: PortKey,
    pub holder: Holder<'a>,
}

/// What the look at all ports of services that are down has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims<'a> {
    /// In the order of the model.
    pub clashes: Vec<Clash<'a>>,
    /// Ports that a container of the very same service holds.
    pub own: Vec<(Entry<'a>, &'a ContainerRef)>,
    /// Whether the host could not tell the owner of some port.
    pub unknown: bool,
    /// Ports that were not looked up, because there are too many.
    pub left_out: usize,
}

/// The port that the failure's text names; a hint and nothing more.
pub(crate) fn hint(case: &Case) -> Option<u16> {
    case.fact("port").or_else(|| case.fact("port_denied"))?.parse().ok()
}

/// Looks up who holds the ports of the services that are down.
pub(crate) fn look_up<'a>(
    case: &'a Case,
    project: &Project<'a>,
    containers: &ByService<'a>,
) -> Result<Claims<'a>, Stop> {
    let down: Vec<Entry<'a>> = entries(project.down()).collect();
    let looked_up = to_look_up(case, project, &down);
    case.ask(looked_up.iter().cloned().map(Query::PortOwner))?;

    let ports: usize = down.iter().map(Entry::width).sum();
    let mut claims = Claims { left_out: ports.saturating_sub(looked_up.len()), ..Claims::default() };
    for (entry, claimed) in down.iter().zip(claimed_earlier(&down)) {
        let holders: Vec<Option<Clash<'a>>> = looked_up
            .iter()
            .filter(|key| entry.port.published.ports().contains(&key.port) && entry.key(key.port) == **key)
            .map(|key| holder_of(case, containers, entry, key, &mut claims))
            .collect();
        let one_is_free = holders.len() < entry.width() || holders.iter().any(Option::is_none);
        let held = holders.into_iter().flatten().next().filter(|_| !(entry.takes_any_of_range() && one_is_free));
        claims.clashes.extend(held.or(claimed));
    }
    keep_unseen_only_where_the_text_agrees(&mut claims, hint(case));
    Ok(claims)
}

/// At most [`NEED_QUERIES_MAX`] ports, those first that are most likely held: the hinted one, then those whose container
/// the engine failed to start. Of a wide range the first ports stand for all.
fn to_look_up(case: &Case, project: &Project<'_>, down: &[Entry<'_>]) -> Vec<PortKey> {
    let hint = hint(case);
    let not_started = project.containers.iter().filter(|container| container.error.is_some());
    let failed: BTreeSet<&str> = not_started.filter_map(|container| container.ref_.service.as_deref()).collect();
    // Service by service and lazily, because of a large project only the first few ports are taken.
    let services = || down.chunk_by(|one, other| std::ptr::eq(one.service, other.service));
    let is_likely = |entries: &&[Entry<'_>]| failed.contains(entries[0].service.name.as_str());
    let by_likelihood = services().filter(is_likely).chain(services().filter(|entries| !is_likely(entries)));
    let of_entries = by_likelihood.flatten().flat_map(|entry| entry.port.keys().take(NEED_QUERIES_MAX));
    let hinted = hint.into_iter().flat_map(|port| {
        let named = down.iter().filter(move |entry| entry.port.published.ports().contains(&port));
        named.map(move |entry| entry.key(port))
    });

    let mut chosen = Vec::new();
    for key in hinted.chain(of_entries) {
        if chosen.len() == NEED_QUERIES_MAX {
            break;
        }
        if !chosen.contains(&key) {
            chosen.push(key);
        }
    }
    chosen
}

fn holder_of<'a>(
    case: &'a Case,
    containers: &ByService<'a>,
    entry: &Entry<'a>,
    key: &PortKey,
    claims: &mut Claims<'a>,
) -> Option<Clash<'a>> {
    let holder = match case.port_owner(key) {
        Ok(PortOwner::OtherContainer(container)) => Holder::Container(container),
        Ok(PortOwner::Process(process)) => Holder::Process(process),
        Ok(PortOwner::ThisProject(container)) if container.service.as_deref() == Some(&entry.service.name) => {
            claims.own.push((*entry, container));
            return None;
        }
        Ok(PortOwner::ThisProject(container)) => Holder::Sibling(container),
        Ok(PortOwner::NotHeld) => return None,
        // A refused look tells as little as an owner that cannot be told.
        Ok(PortOwner::Unknown) | Err(_) => {
            claims.unknown = true;
            let engine_says_so = containers
                .of(&entry.service.name)
                .iter()
                .filter_map(|container| container.error.as_deref())
                .any(|error| names_held_port(error, key.port));
            if !engine_says_so {
                return None;
            }
            Holder::Unseen
        }
    };
    Some(Clash { entry: *entry, port: key.clone(), holder })
}

/// For each entry its clash with another one that is down and claims one of its ports: the first one of the model may have
/// it. Entries are gone through by port, so that only those meet that share one.
fn claimed_earlier<'a>(down: &[Entry<'a>]) -> Vec<Option<Clash<'a>>> {
    let ports = |at: usize| down[at].port.published.ports();
    let is_certain = |at: &usize| down[*at].width() > 0 && !down[*at].takes_any_of_range();
    let mut by_port: Vec<usize> = (0..down.len()).filter(is_certain).collect();
    by_port.sort_by_key(|at| *ports(*at).start());
    let mut earliest: Vec<Option<usize>> = vec![None; down.len()];
    let mut open: Vec<usize> = Vec::new();
    for at in by_port {
        open.retain(|other| ports(*other).end() >= ports(at).start());
        for other in open.iter().copied().filter(|other| down[at].stands_in_the_way_of(&down[*other])) {
            let (first, later) = (at.min(other), at.max(other));
            earliest[later] = Some(earliest[later].map_or(first, |known| known.min(first)));
        }
        open.push(at);
    }
    let clash = |(entry, first): (&Entry<'a>, Option<usize>)| {
        let first = down[first?];
        let port = *entry.port.published.ports().start().max(first.port.published.ports().start());
        Some(Clash { entry: *entry, port: entry.key(port), holder: Holder::ClaimedBy(&first.service.name) })
    };
    down.iter().zip(earliest).map(clash).collect()
}

/// What the engine recorded may be old. It counts when the failure at hand names one of the same ports.
fn keep_unseen_only_where_the_text_agrees(claims: &mut Claims<'_>, hint: Option<u16>) {
    let agrees = claims.clashes.iter().any(|clash| {
        clash.holder == Holder::Unseen && hint.is_some_and(|port| clash.entry.port.published.ports().contains(&port))
    });
    if !agrees {
        claims.clashes.retain(|clash| clash.holder != Holder::Unseen);
    }
}

/// Whether the engine's error says that exactly this port is held. Wrong addresses, privileged ports and failed firewall
/// rules name ports as well, and are not meant.
fn names_held_port(error: &str, port: u16) -> bool {
    let says_held = ["address already in use", "port is already allocated", "Only one usage of each socket address"]
        .iter()
        .any(|words| error.contains(words));
    let name = format!(":{port}");
    says_held
        && error.match_indices(&name).any(|(at, _)| !error[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::names_held_port;

    #[test]
    fn every_engines_words_for_a_held_port_are_understood() {
        for error in [
            "driver failed programming external connectivity: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            "Bind for 0.0.0.0:8080 failed: port is already allocated",
            "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
            "failed to bind host port 0.0.0.0:8080/tcp: address already in use",
            "cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use",
            "Bind for :::8080 failed: port is already allocated",
            "Bind for [::]:8080 failed: port is already allocated",
        ] {
            assert!(names_held_port(error, 8080), "{error}");
            assert!(!names_held_port(error, 808), "{error}");
            assert!(!names_held_port(error, 8081), "{error}");
        }
    }

    #[test]
    fn look_alikes_are_not_a_held_port() {
        for error in [
            "listen tcp4 10.9.9.9:8080: bind: cannot assign requested address",
            "listen tcp4 0.0.0.0:8080: bind: permission denied",
            "failed programming external connectivity on endpoint web: iptables failed: --dport 8080 (exit status 1)",
        ] {
            assert!(!names_held_port(error, 8080), "{error}");
        }
    }
}

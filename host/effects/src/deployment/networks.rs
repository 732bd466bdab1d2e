//! Networks of the project: what stands in the way, and what may go. The decision is made on values; nothing here acts.
//!
//! A network may go when it is the project's own by its label, is of this engine alone, nothing is attached to it, running
//! or not, and the project either does not want it or wants its name under another key, which Compose refuses to take.

use std::collections::BTreeSet;

use repair_model::container::ContainerRef;
use repair_model::network::Network;
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use super::staleness::{Real, made_elsewhere};
use super::wanted::Wanted;
use crate::docker::networks::EngineNetwork;
use crate::docker::survey::Surveyed;

/// Why a network may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obsolete {
    /// The project wants no such network.
    NotWanted,
    /// The project wants its name under another key.
    OtherKey,
}

/// One network with what is attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) network: EngineNetwork,
    /// In order of name.
    pub(super) containers: Vec<ContainerRef>,
}

/// Decides on one network.
///
/// # Errors
/// Says why it has to stay, to follow on the network's name in a sentence.
pub(super) fn may_go(found: &Attached, wanted: &Wanted, all: &[Surveyed], real: Real<'_>) -> Result<Obsolete, String> {
    let network = &found.network;
    match network.project.as_deref() {
        None => return Err("belongs to no Compose project".to_owned()),
        Some(project) if project != wanted.project => return Err("belongs to another project".to_owned()),
        Some(_) => {}
    }
    if !network.local {
        return Err("spans several engines, so what is attached to it cannot be seen from here".to_owned());
    }
    if let [first, ..] = found.containers.as_slice() {
        return Err(format!("has containers attached to it, such as `{}`", first.name));
    }
    let ours = |container: &&Surveyed| container.project() == Some(wanted.project.as_str());
    if let Some(stranger) = all.iter().filter(ours).find(|container| made_elsewhere(container, wanted, real)) {
        return Err(format!(
            "may be that of another directory with the same project name, as `{}` is",
            stranger.name()
        ));
    }
    let key = network.key.as_deref().ok_or("has no key in its labels")?;
    let mut keys = wanted.networks.iter().filter(|(_, other)| other.name == network.name).peekable();
    if keys.peek().is_none() {
        return match wanted.networks.contains_key(key) {
            true => Err(format!("is that of the key `{key}`, which the project still has")),
            false => Ok(Obsolete::NotWanted),
        };
    }
    for (other, wanted) in keys {
        if wanted.external {
            return Err(format!("is wanted by the project as the external network `{other}`"));
        }
        if other == key {
            return Err(format!("is wanted by the project as its network `{key}`"));
        }
    }
    Ok(Obsolete::OtherKey)
}

/// The containers that are attached to a network: those that the network tells, and those that name it and may not run.
fn attached(network: &EngineNetwork, told: &[String], all: &[Surveyed]) -> Vec<ContainerRef> {
    // A container may name its network by any unique beginning of the id.
    let names = |container: &Surveyed| {
        container.networks.iter().any(|text| *text == network.name || network.id.starts_with(text.as_str()))
    };
    let known = all.iter().filter(|container| names(container) || told.iter().any(|id| id == container.id()));
    let unknown = told.iter().filter(|id| !all.iter().any(|container| container.id() == id.as_str()));
    let mut containers: Vec<ContainerRef> = known.map(|container| container.summary.container.clone()).collect();
    containers.extend(unknown.map(|id| ContainerRef {
        id: id.clone(),
        name: id.clone(),
        project: None,
        service: None,
    }));
    containers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    containers
}

impl ComposeDeployment {
    /// A network with what is attached to it; `None` when it is gone.
    pub(super) async fn attached(
        &self,
        network: EngineNetwork,
        all: &[Surveyed],
        gone: &BTreeSet<String>,
    ) -> Result<Option<Attached>, TargetError> {
        let told = self.engine.attached_to(&network.id).await.map_err(|error| Self::engine_failed(&error))?;
        let Some(mut told) = told else { return Ok(None) };
        told.retain(|id| !gone.contains(id));
        let containers = attached(&network, &told, all);
        Ok(Some(Attached { network, containers }))
    }

    pub(super) async fn engine_networks(&self) -> Result<Vec<EngineNetwork>, TargetError> {
        self.engine.networks().await.map_err(|error| Self::engine_failed(&error))
    }

    /// Answers the query for networks: the project's own, and those that have a name it wants.
    pub(super) async fn networks(&mut self) -> Result<Vec<Network>, TargetError> {
        let wanted = self.wanted().await?;
        let all = self.survey(&BTreeSet::new()).await?;
        let mut found = Vec::new();
        for network in self.engine_networks().await? {
            let wanted_as = wanted.network_key(&network.name, network.key.as_deref()).map(str::to_owned);
            if network.project.as_ref() != Some(&wanted.project) && wanted_as.is_none() {
                continue;
            }
            let Some(Attached { network, containers }) = self.attached(network, &all, &BTreeSet::new()).await? else {
                continue;
            };
            let EngineNetwork { id, name, project, key, driver, local: _, subnets } = network;
            found.push(Network { name, id, project, key, wanted_as, attached: containers, subnets, driver });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::staleness::tests::{container, wanted};
    use super::super::wanted::WantedNetwork;
    use super::*;

    fn network(name: &str, project: &str, key: &str) -> Attached {
        let label = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let network = EngineNetwork {
            id: "c".repeat(64),
            name: name.to_owned(),
            project: label(project),
            key: label(key),
            driver: "bridge".to_owned(),
            local: true,
            subnets: vec!["172.30.0.0/16".to_owned()],
        };
        Attached { network, containers: Vec::new() }
    }

    /// The project wants `front`, in a profile `back`, and somebody else's `outer`.
    fn decide(found: &Attached, all: &[Surveyed]) -> Result<Obsolete, String> {
        let wants =
            |name: &str, external| WantedNetwork { name: name.to_owned(), external, active: name != "shop_back" };
        let networks = [
            ("front", wants("shop_front", false)),
            ("back", wants("shop_back", false)),
            ("outer", wants("shop_outer", true)),
        ];
        let networks = networks.map(|(key, network)| (key.to_owned(), network)).into();
        may_go(found, &Wanted { networks, ..wanted() }, all, &|_: &Path| None)
    }

    #[test]
    fn a_network_goes_when_nothing_is_attached_and_the_project_wants_it_no_more() {
        assert_eq!(decide(&network("shop_old", "shop", "old"), &[]), Ok(Obsolete::NotWanted));
        assert_eq!(decide(&network("shop_front", "shop", "default"), &[]), Ok(Obsolete::OtherKey));
    }

    #[test]
    fn what_the_project_wants_stays() {
        for (name, key) in [("shop_front", "front"), ("shop_back", "back"), ("shop_renamed", "front")] {
            let why = decide(&network(name, "shop", key), &[]).expect_err("it stays");
            assert!(why.contains(&format!("`{key}`")), "{why}");
        }
        assert!(decide(&network("shop_outer", "shop", "old"), &[]).is_err_and(|why| why.contains("external")));
    }

    #[test]
    fn what_is_not_the_projects_own_stays() {
        for project in ["", "shop-two", "sho", "SHOP"] {
            assert!(decide(&network("shop_old", project, "old"), &[]).is_err(), "{project:?}");
        }
        assert!(decide(&network("shop_old", "shop", ""), &[]).is_err());
        let mut swarm = network("shop_old", "shop", "old");
        swarm.network.local = false;
        assert!(decide(&swarm, &[]).is_err());
    }

    #[test]
    fn another_checkout_under_the_same_project_name_protects_all_networks_of_that_name() {
        let checkout = Surveyed { made_in: Some("/home/me/shop".into()), ..container('a', "shop-x-1", "shop", "x") };
        let old = network("shop_old", "shop", "old");
        assert!(decide(&old, std::slice::from_ref(&checkout)).is_err_and(|why| why.contains("shop-x-1")));
        let other_name = Surveyed { made_in: Some("/srv/two".into()), ..container('a', "two-x-1", "two", "x") };
        assert!(decide(&old, &[other_name]).is_ok());
    }

    #[test]
    fn whatever_names_it_is_attached_even_if_it_does_not_run() {
        let found = network("shop_old", "shop", "old");
        let names = |text: &str| {
            let networks = [text.to_owned()].into();
            let container = Surveyed { networks, ..container('a', "elsewhere", "other", "x") };
            !attached(&found.network, &[], &[container]).is_empty()
        };
        let id = "c".repeat(64);
        for text in ["shop_old", id.as_str(), &id[..12]] {
            assert!(names(text), "{text}");
        }
        for text in ["shop_older", "shop", "bridge", "d"] {
            assert!(!names(text), "{text}");
        }
        let unknown = attached(&found.network, &["e".repeat(64)], &[]);
        assert_eq!(unknown.len(), 1, "what the network tells counts, whoever it is");
        let used = Attached { containers: unknown, ..found };
        assert!(decide(&used, &[]).is_err());
    }
}

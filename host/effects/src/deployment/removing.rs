//! Removing what is stale: one container that does not run, or one network that nothing is attached to.
//!
//! Both are judged anew by the host when the plan is made and again at the gate, whatever the tool says. Nothing is forced,
//! no volume is touched, and what is removed is named by its full id.

use std::time::Duration;

use repair_model::action::Action;
use repair_model::container::{ContainerState, Staleness};
use repair_model::limits::REMOVAL_SHOWS_SECONDS_MAX;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, Footprint, NetworkChange, NetworkMark, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{EffectContext, Prepared, TargetError};

use super::ComposeDeployment;
use super::calling::{failed, outcome_of, patience};
use super::describing::{bytes_in_words, removal_risk, why_stale};
use super::networks::{Attached, Obsolete, may_go};
use super::preparing::{Earlier, refusal};
use super::project_files::ProjectFiles;
use super::readings::{Look, settled, unclear};
use super::staleness::{Standing, is_at_rest, judge};
use crate::docker::connection::EngineError;
use crate::docker::survey::Surveyed;

/// Time for the engine to count what a container has written, in seconds; it is told to the person where it is known.
const COUNT_SECONDS_MAX: u64 = 3;

/// How long it is looked whether a request shows that reached the engine right before its process was lost.
const REQUEST_SHOWS: Duration = Duration::from_secs(1);

/// A container that may be removed.
pub(super) struct Removal {
    pub(super) risk: Risk,
    pub(super) change: ContainerChange,
    container: Surveyed,
    risk_because: String,
    why: String,
}

impl ComposeDeployment {
    pub(super) async fn resolve_container_removal(
        &mut self,
        name: &str,
        id: &str,
        files: &ProjectFiles,
        earlier: &mut Earlier,
    ) -> Result<Prepared, TargetError> {
        let removal = self.container_removal(name, id, earlier).await?;
        let mut detail = vec![removal.why];
        if removal.change.ever_ran {
            let patience = Duration::from_secs(COUNT_SECONDS_MAX);
            let bytes = self.engine.written_bytes(id, patience).await;
            let bytes = bytes.map(|bytes| format!(" ({})", bytes_in_words(bytes))).unwrap_or_default();
            detail.push(format!("what it wrote outside of volumes is lost{bytes}"));
        }
        if removal.container.anonymous_volumes > 0 {
            let count = removal.container.anonymous_volumes;
            detail.push(format!("{count} of its volumes have no name; they stay, and nothing will use them any more"));
        }
        let service = removal.change.service.clone();
        let step = Step {
            action: Action::RemoveStaleContainer { container: name.to_owned(), id: id.to_owned() },
            risk: removal.risk,
            risk_because: removal.risk_because,
            summary: format!("remove the container {name} of `{service}`"),
            detail,
            footprint: Footprint {
                containers: self.container_marks(&[service], &earlier.removed).await?,
                ..self.footprint_of_files(files)
            },
            change: Change::Containers(vec![removal.change]),
        };
        earlier.removed.insert(id.to_owned());
        earlier.misleads_dry_run = true;
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// Judges the container `name` with the id `id` by what the engine and Compose say now.
    pub(super) async fn container_removal(
        &mut self,
        name: &str,
        id: &str,
        earlier: &Earlier,
    ) -> Result<Removal, TargetError> {
        let wanted = self.wanted().await?;
        let all = self.survey(&earlier.removed).await?;
        let found = all.iter().find(|container| container.id() == id && container.name() == name);
        let container = found.ok_or_else(|| match all.iter().find(|container| container.name() == name) {
            Some(_) => refusal(format!("`{name}` is another container now")),
            None => refusal(format!("there is no container `{name}` with that id")),
        })?;
        let why = match judge(container, &wanted, &all, &|path| path.canonicalize().ok()) {
            Standing::Stale(why) => why,
            Standing::Foreign => {
                let why = "holds a name that the project wants and is not the project's own, so it is left alone";
                return Err(refusal(format!("container `{name}` {why}")));
            }
            Standing::Fine(why) => return Err(refusal(format!("container `{name}` is not stale: it {why}"))),
        };
        let last = self.engine.last_start(id).await.map_err(|error| Self::engine_failed(&error))?;
        let last = last.ok_or_else(|| refusal(format!("container `{name}` is gone")))?;
        for state in [&container.summary.state, &last.state] {
            if !is_at_rest(state) {
                return Err(refusal(format!(
                    "container `{name}` is {state}, and only one that does not run is removed"
                )));
            }
        }
        let ever_ran = last.started.is_some();
        let (risk, risk_because) = removal_risk(ever_ran, container.anonymous_volumes);
        let service = container.service().unwrap_or_default().to_owned();
        let wanting = wanted.names.get(name).filter(|_| why == Staleness::HoldsWantedName);
        Ok(Removal {
            risk,
            risk_because,
            why: why_stale(why, &service, wanting.map(String::as_str)),
            change: ContainerChange {
                service,
                container: name.to_owned(),
                operation: ContainerOperation::Remove,
                running: false,
                ever_ran,
                started: last.started,
            },
            container: container.clone(),
        })
    }

    pub(super) async fn remove_container(
        &self,
        name: &str,
        id: &str,
        step: &Step,
        context: EffectContext<'_>,
    ) -> Outcome {
        let is_planned = step.footprint.containers.get(name).is_some_and(|mark| mark.id == id);
        if !is_planned {
            return failed(format!("the plan does not say which container `{name}` is"));
        }
        let answer = self.engine.remove_container(id, patience(&context)).await;
        let gone = Outcome::Done { detail: format!("container {name} was gone already") };
        outcome_of(answer, format!("container {name} was removed"), &format!("remove container `{name}`"), gone)
    }

    /// A removal has happened when there is no container of that id. One that the engine is at goes on without the process
    /// that asked for it, so it is waited for.
    pub(super) async fn container_removal_happened(&self, id: &str) -> Probe {
        settled(
            &self.interrupted,
            || removal_goes_on("container"),
            async || match self.engine.last_start(id).await {
                Ok(last) => Ok(removal_shows(last.as_ref().map(|last| &last.state))),
                Err(error) => Err(removal_unseen("container", &error)),
            },
        )
        .await
    }

    pub(super) async fn resolve_network_removal(
        &mut self,
        name: &str,
        id: &str,
        files: &ProjectFiles,
        earlier: &mut Earlier,
    ) -> Result<Prepared, TargetError> {
        let (found, obsolete) = self.network_removal(name, id, earlier).await?;
        let network = &found.network;
        let key = network.key.as_deref().unwrap_or_default();
        let (risk_because, why) = match obsolete {
            Obsolete::OtherKey => (
                "nothing is attached to it, and `up` makes it anew",
                format!("the project wants this name for another of its networks than `{key}`"),
            ),
            Obsolete::NotWanted => (
                "nothing is attached to it, and a network stores nothing: `docker network create` makes it again",
                format!("the project has no network `{key}` any more"),
            ),
        };
        let subnets = network.subnets.join(", ");
        let step = Step {
            action: Action::RemoveStaleNetwork { network: name.to_owned(), id: id.to_owned() },
            risk: Risk::Reversible,
            risk_because: risk_because.to_owned(),
            summary: format!("remove the network {name}"),
            detail: vec![why, format!("driver {}, subnets {subnets}", network.driver)],
            change: Change::Networks(vec![NetworkChange { network: name.to_owned(), id: id.to_owned() }]),
            footprint: Footprint {
                networks: [(name.to_owned(), found.mark())].into(),
                ..self.footprint_of_files(files)
            },
        };
        earlier.misleads_dry_run = true;
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// Judges the network `name` with the id `id` by what the engine and Compose say now.
    pub(super) async fn network_removal(
        &mut self,
        name: &str,
        id: &str,
        earlier: &Earlier,
    ) -> Result<(Attached, Obsolete), TargetError> {
        let wanted = self.wanted().await?;
        let all = self.survey(&earlier.removed).await?;
        let networks = self.engine_networks().await?;
        let gone = || refusal(format!("there is no network `{name}` with that id"));
        let network = networks.into_iter().find(|network| network.id == id && network.name == name).ok_or_else(gone)?;
        let found = self.attached(network, &all, &earlier.removed).await?.ok_or_else(gone)?;
        match may_go(&found, &wanted, &all, &|path| path.canonicalize().ok()) {
            Ok(obsolete) => Ok((found, obsolete)),
            Err(why) => Err(refusal(format!("network `{name}` {why}"))),
        }
    }

    pub(super) async fn remove_network(
        &self,
        name: &str,
        id: &str,
        step: &Step,
        context: EffectContext<'_>,
    ) -> Outcome {
        let is_planned = step.footprint.networks.get(name).is_some_and(|mark| mark.id == id);
        if !is_planned {
            return failed(format!("the plan does not say which network `{name}` is"));
        }
        let answer = self.engine.remove_network(id, patience(&context)).await;
        let gone = Outcome::Done { detail: format!("network {name} was gone already") };
        outcome_of(answer, format!("network {name} was removed"), &format!("remove network `{name}`"), gone)
    }

    /// A removal has happened when there is no network of that id.
    pub(super) async fn network_removal_happened(&self, id: &str) -> Probe {
        settled(
            &self.interrupted,
            || removal_goes_on("network"),
            async || match self.engine.attached_to(id).await {
                Ok(None) => Ok(Look::Final(Probe::Happened)),
                Ok(Some(_)) => Ok(Look::Unless(Probe::DidNotHappen, REQUEST_SHOWS)),
                Err(error) => Err(removal_unseen("network", &error)),
            },
        )
        .await
    }
}

/// What the state of a container says of its removal; `None` when it is gone.
fn removal_shows(state: Option<&ContainerState>) -> Look {
    let patience = Duration::from_secs(REMOVAL_SHOWS_SECONDS_MAX);
    match state {
        None => Look::Final(Probe::Happened),
        Some(ContainerState::Removing) => Look::Unless(
            unclear(
                &format!("the engine has been removing the container for more than {} s", patience.as_secs()),
                "it is gone when you look",
                "it is still there",
            ),
            patience,
        ),
        Some(_) => Look::Unless(Probe::DidNotHappen, REQUEST_SHOWS),
    }
}

fn removal_goes_on(what: &str) -> Probe {
    let seen = format!("you wished to stop while the removal of the {what} may go on");
    unclear(&seen, "it is gone when you look", "it is still there")
}

fn removal_unseen(what: &str, error: &EngineError) -> Probe {
    unclear(&error.to_string(), &format!("the {what} is gone"), "it is still there")
}

impl Attached {
    /// What a footprint keeps of it.
    pub(super) fn mark(&self) -> NetworkMark {
        let attached = self.containers.iter().map(|container| container.name.clone()).collect();
        NetworkMark { id: self.network.id.clone(), attached }
    }
}

#[cfg(test)]
mod tests {
    use super::super::readings::tests::has_both_readings;
    use super::*;

    #[test]
    fn a_removal_that_the_engine_is_at_is_waited_for() {
        assert_eq!(removal_shows(None), Look::Final(Probe::Happened));
        let rest = removal_shows(Some(&ContainerState::Exited));
        assert_eq!(rest, Look::Unless(Probe::DidNotHappen, REQUEST_SHOWS));
        let busy = removal_shows(Some(&ContainerState::Removing));
        let Look::Unless(Probe::Unclear(words), patience) = &busy else { panic!("{busy:?}") };
        assert!(has_both_readings(words) && patience.as_secs() == REMOVAL_SHOWS_SECONDS_MAX, "{words}");
        assert!(matches!(removal_goes_on("network"), Probe::Unclear(words) if has_both_readings(&words)));
    }
}

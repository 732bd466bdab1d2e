//! What the host shows a tool: the failure, the answers so far, and what was tried before.
//!
//! An answer is in one of three states, and they must not be confused: known, refused, or not asked yet. The accessors
//! of [`Case`] return the first as `Ok` and the other two as [`Missing`], which `?` turns into the right reply.

use crate::azure::{
    ArmDeployment, AzureAccount, DeletedVault, ManagementLock, MysqlServer, ResourceProvider, WantedResource,
};
pub use crate::bindings::repair::tool::types::{
    Attempt, Case, Fact, Finding, FreePortsQuery, LogQuery, Observation, Query, Refusal,
};
use crate::env_value::EmptyVariable;
use crate::kinds::{FREE_PORTS_MAX, LOG_LINES_MAX, NEED_QUERIES_MAX};
use crate::network::Network;
use crate::ports::{PortKey, PortOwner};
use crate::project::{Container, Project, Service, ServiceImage, StaleContainer};

/// Why an answer is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// These were not asked yet; never empty.
    NotAsked(Vec<Query>),
    /// The host will not or cannot answer, so asking again is of no use.
    Refused {
        /// The question.
        asked: Query,
        /// Why.
        refusal: Refusal,
    },
}

impl Query {
    /// Asks for the end of a service's log: at most `lines_max` lines, and at most [`LOG_LINES_MAX`].
    pub fn container_log(service: impl Into<String>, lines_max: u16) -> Self {
        Self::ContainerLog(LogQuery { service: service.into(), lines_max: lines_max.min(LOG_LINES_MAX) })
    }

    /// Asks for `count` free ports at or above `near.port`, at most [`FREE_PORTS_MAX`].
    pub fn free_ports(near: PortKey, count: u8) -> Self {
        Self::FreePorts(FreePortsQuery { near, count: count.min(FREE_PORTS_MAX) })
    }
}

impl Case {
    /// A fact of the finding. It was extracted from text: it names, it proves nothing, and it never chooses a target.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.finding.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The newest observation of exactly this query.
    pub fn observation(&self, query: &Query) -> Option<&Observation> {
        self.observations.iter().rev().find(|observation| observation.asked == *query)
    }

    /// The host's answer to exactly this query.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn answer(&self, query: &Query) -> Result<&Fact, Missing> {
        match self.observation(query).map(|observation| &observation.answer) {
            Some(Ok(fact)) => Ok(fact),
            Some(Err(refusal)) => Err(Missing::Refused { asked: query.clone(), refusal: refusal.clone() }),
            None => Err(Missing::NotAsked(vec![query.clone()])),
        }
    }

    /// Whether a limit cut the answer to `query`, so that what it lacks may still exist.
    pub fn is_cut(&self, query: &Query) -> bool {
        self.observation(query).is_some_and(|observation| observation.truncated)
    }

    /// Makes sure that all of these were asked, so that they cost one round and not one each. Refused ones count as
    /// asked. Of more than [`NEED_QUERIES_MAX`] the first are asked first.
    ///
    /// # Errors
    /// [`Missing::NotAsked`] with those that were not.
    pub fn ask(&self, queries: impl IntoIterator<Item = Query>) -> Result<(), Missing> {
        let mut open: Vec<Query> = Vec::new();
        for query in queries {
            if open.len() < NEED_QUERIES_MAX && self.observation(&query).is_none() && !open.contains(&query) {
                open.push(query);
            }
        }
        if open.is_empty() { Ok(()) } else { Err(Missing::NotAsked(open)) }
    }

    /// The services of the effective Compose model.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn compose_model(&self) -> Result<&[Service], Missing> {
        match self.answer(&Query::ComposeModel)? {
            Fact::ComposeModel(services) => Ok(services),
            _ => Err(Missing::wrong_kind(Query::ComposeModel)),
        }
    }

    /// The project's containers, running or not.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn containers(&self) -> Result<&[Container], Missing> {
        match self.answer(&Query::Containers)? {
            Fact::Containers(containers) => Ok(containers),
            _ => Err(Missing::wrong_kind(Query::Containers)),
        }
    }

    /// Model and containers together; both are asked for in one round.
    ///
    /// # Errors
    /// When one of them was refused or not asked yet.
    pub fn project(&self) -> Result<Project<'_>, Missing> {
        self.ask([Query::ComposeModel, Query::Containers])?;
        Ok(Project { services: self.compose_model()?, containers: self.containers()? })
    }

    /// Who holds a port.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn port_owner(&self, port: &PortKey) -> Result<&PortOwner, Missing> {
        let query = Query::PortOwner(port.clone());
        match self.answer(&query)? {
            Fact::PortOwner(owner) => Ok(owner),
            _ => Err(Missing::wrong_kind(query)),
        }
    }

    /// Free ports at or above `near.port`, ascending; from any answer about this very port that asked for at least
    /// `count`. Fewer than `count` come back when there are no more.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn free_ports(&self, near: &PortKey, count: u8) -> Result<&[u16], Missing> {
        let wanted = Query::free_ports(near.clone(), count);
        let asked = self.observations.iter().rev().map(|observation| &observation.asked).find(|asked| {
            matches!(asked, Query::FreePorts(asked) if asked.near == *near && asked.count >= count.min(FREE_PORTS_MAX))
        });
        let query = asked.unwrap_or(&wanted);
        match self.answer(query)? {
            Fact::FreePorts(ports) => Ok(ports),
            _ => Err(Missing::wrong_kind(query.clone())),
        }
    }

    /// The lines of a service's log, as far as [`Query::container_log`] with these arguments was answered.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn container_log(&self, service: &str, lines_max: u16) -> Result<&[String], Missing> {
        let query = Query::container_log(service, lines_max);
        match self.answer(&query)? {
            Fact::ContainerLog(lines) => Ok(lines),
            _ => Err(Missing::wrong_kind(query)),
        }
    }

    /// Containers in the way of the project, foreign ones too, and its leftovers; in order of name.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn stale_containers(&self) -> Result<&[StaleContainer], Missing> {
        match self.answer(&Query::StaleContainers)? {
            Fact::StaleContainers(stale) => Ok(stale),
            _ => Err(Missing::wrong_kind(Query::StaleContainers)),
        }
    }

    /// Networks of the project, and those that have a name it wants; in order of name.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn networks(&self) -> Result<&[Network], Missing> {
        match self.answer(&Query::Networks)? {
            Fact::Networks(networks) => Ok(networks),
            _ => Err(Missing::wrong_kind(Query::Networks)),
        }
    }

    /// The image of each service, in order of service.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn images(&self) -> Result<&[ServiceImage], Missing> {
        match self.answer(&Query::Images)? {
            Fact::Images(images) => Ok(images),
            _ => Err(Missing::wrong_kind(Query::Images)),
        }
    }

    /// Variables that the project uses and that have no value, in order of name.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn empty_variables(&self) -> Result<&[EmptyVariable], Missing> {
        match self.answer(&Query::EmptyVariables)? {
            Fact::EmptyVariables(empty) => Ok(empty),
            _ => Err(Missing::wrong_kind(Query::EmptyVariables)),
        }
    }

    /// The Azure deployment that is to be healed.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn arm_deployment(&self) -> Result<&ArmDeployment, Missing> {
        match self.answer(&Query::ArmDeployment)? {
            Fact::ArmDeployment(deployment) => Ok(deployment),
            _ => Err(Missing::wrong_kind(Query::ArmDeployment)),
        }
    }

    /// What the template wants, in order of id.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn wanted_resources(&self) -> Result<&[WantedResource], Missing> {
        match self.answer(&Query::WantedResources)? {
            Fact::WantedResources(resources) => Ok(resources),
            _ => Err(Missing::wrong_kind(Query::WantedResources)),
        }
    }

    /// Deleted vaults that still have this name, in order of location.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn deleted_vaults(&self, vault: &str) -> Result<&[DeletedVault], Missing> {
        let query = Query::DeletedVaults(vault.to_owned());
        match self.answer(&query)? {
            Fact::DeletedVaults(vaults) => Ok(vaults),
            _ => Err(Missing::wrong_kind(query)),
        }
    }

    /// MySQL flexible servers of the resource group, in order of name.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn mysql_servers(&self) -> Result<&[MysqlServer], Missing> {
        match self.answer(&Query::MysqlServers)? {
            Fact::MysqlServers(servers) => Ok(servers),
            _ => Err(Missing::wrong_kind(Query::MysqlServers)),
        }
    }

    /// How the subscription is registered for a resource provider.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn resource_provider(&self, namespace: &str) -> Result<&ResourceProvider, Missing> {
        let query = Query::ResourceProvider(namespace.to_owned());
        match self.answer(&query)? {
            Fact::ResourceProvider(provider) => Ok(provider),
            _ => Err(Missing::wrong_kind(query)),
        }
    }

    /// Locks on the resource group and on what is in it, in order of name.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn locks(&self) -> Result<&[ManagementLock], Missing> {
        match self.answer(&Query::Locks)? {
            Fact::Locks(locks) => Ok(locks),
            _ => Err(Missing::wrong_kind(Query::Locks)),
        }
    }

    /// Who acts in which subscription.
    ///
    /// # Errors
    /// When it was refused or not asked yet.
    pub fn azure_account(&self) -> Result<&AzureAccount, Missing> {
        match self.answer(&Query::AzureAccount)? {
            Fact::AzureAccount(account) => Ok(account),
            _ => Err(Missing::wrong_kind(Query::AzureAccount)),
        }
    }
}

impl Attempt {
    /// Whether it healed the deployment.
    pub fn healed(&self) -> bool {
        self.outcome == "healed"
    }
}

impl Missing {
    /// The host answered with the fact of another query. It does not do so; a tool that trapped over it would only
    /// hide where the fault is.
    fn wrong_kind(asked: Query) -> Self {
        Self::Refused { asked, refusal: Refusal::Unavailable("the answer is of another kind".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{FailureClass, QueryKind};
    use crate::project::Staleness;
    use crate::testing::{FakeHost, empty_variable, image, network, stale};

    fn host() -> FakeHost {
        FakeHost::new(FailureClass::DockerContainerNameConflict)
            .contradiction("the name is free again")
            .stale(stale("web", Staleness::HoldsWantedName).foreign("other"))
            .stale(stale("api", Staleness::NoSuchService))
            .network(network("front").orphaned())
            .image(image("web").built())
            .empty_variable(empty_variable("DB_KEY").used_by("db"))
    }

    fn queries() -> [Query; 4] {
        [Query::StaleContainers, Query::Networks, Query::Images, Query::EmptyVariables]
    }

    #[test]
    fn what_was_answered_is_known() {
        let case = host().case(queries());
        let names: Vec<_> = case
            .stale_containers()
            .expect("known")
            .iter()
            .map(|stale| (stale.container.ref_.name.as_str(), stale.foreign))
            .collect();
        assert_eq!(names, [("shop-api-1", false), ("shop-web-1", true)]);
        let [front] = case.networks().expect("known") else { panic!("one network") };
        assert!(front.is_of("shop") && front.is_unused() && front.wanted_as.is_none());
        let [web] = case.images().expect("known") else { panic!("one image") };
        assert!(web.built && !web.present);
        let [key] = case.empty_variables().expect("known") else { panic!("one variable") };
        assert_eq!(key.services, ["db"]);
        assert_eq!(case.finding.contradictions, ["the name is free again"]);
    }

    #[test]
    fn what_was_not_asked_or_was_refused_is_missing() {
        let open = host().case([]);
        let missing =
            [open.stale_containers().err(), open.networks().err(), open.images().err(), open.empty_variables().err()];
        assert_eq!(missing, queries().map(|query| Some(Missing::NotAsked(vec![query]))));

        let refusal = Refusal::Unavailable("the engine does not answer".to_owned());
        let refused = host().refusing(QueryKind::Networks, refusal.clone()).case(queries());
        assert_eq!(refused.networks().err(), Some(Missing::Refused { asked: Query::Networks, refusal }));
        assert!(refused.images().is_ok());
    }
}

//! Answers to queries.

use std::collections::BTreeSet;

use repair_model::compose::ComposeModel;
use repair_model::limits::{FREE_PORTS_MAX, LOG_LINES_MAX, SERVICES_MAX};
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use crate::compose::origins::attach_origins;
use crate::compose::snapshot::Snapshot;

impl ComposeDeployment {
    /// Answers one query. A look that fails is a refusal with its reason, so that a tool can still decide.
    pub(super) async fn look(&mut self, query: &Query) -> Observation {
        let (answer, truncated) = match self.find_out(query).await {
            Ok((fact, truncated)) => (Answer::Fact(fact), truncated),
            Err(refusal) => (Answer::Refused(refusal), false),
        };
        Observation { asked: query.clone(), answer, truncated }
    }

    async fn find_out(&mut self, query: &Query) -> Result<(Fact, bool), Refusal> {
        let unavailable = |error: &dyn std::fmt::Display| Refusal::Unavailable(error.to_string());
        match query {
            Query::ComposeModel => {
                let model = self.model_with_origins().await.map_err(|error| unavailable(&error))?;
                Ok((Fact::ComposeModel(model), false))
            }
            Query::Containers => {
                let containers = self.engine.list_containers(&self.target.project).await;
                Ok((Fact::Containers(containers.map_err(|error| unavailable(&error))?), false))
            }
            Query::ContainerLog { service, lines_max } => {
                if *lines_max > LOG_LINES_MAX {
                    return Err(Refusal::OverLimit);
                }
                self.known_service(service).await.map_err(|error| unavailable(&error))?;
                let log = self.engine.container_log(&self.target.project, service, *lines_max).await;
                let log = log.map_err(|error| unavailable(&error))?;
                let lines = log.lines.iter().map(|line| redacted(line)).collect();
                Ok((Fact::ContainerLog(lines), log.truncated))
            }
            Query::PortOwner(key) => {
                let owner = self.engine.port_owner(key, &self.target.project).await;
                Ok((Fact::PortOwner(owner.map_err(|error| unavailable(&error))?), false))
            }
            Query::FreePorts { near, count } => {
                if *count > FREE_PORTS_MAX {
                    return Err(Refusal::OverLimit);
                }
                let claimed = claimed(&self.model().await.map_err(|error| unavailable(&error))?);
                let ports = self.engine.free_ports(near, *count, &claimed).await;
                let ports = ports.map_err(|error| unavailable(&error))?;
                let truncated = ports.len() < usize::from(*count);
                Ok((Fact::FreePorts(ports), truncated))
            }
            Query::StaleContainers => {
                let (found, cut) = bounded(self.stale_containers().await.map_err(|error| unavailable(&error))?);
                Ok((Fact::StaleContainers(found), cut))
            }
            Query::Networks => {
                let (found, cut) = bounded(self.networks().await.map_err(|error| unavailable(&error))?);
                Ok((Fact::Networks(found), cut))
            }
            Query::Images => {
                let (found, cut) = bounded(self.images().await.map_err(|error| unavailable(&error))?);
                Ok((Fact::Images(found), cut))
            }
            Query::Azure(_) => Err(Refusal::Unavailable("the target is a Compose project".to_owned())),
            Query::EmptyVariables => {
                let (found, cut) = bounded(self.empty_variables().await.map_err(|error| unavailable(&error))?);
                Ok((Fact::EmptyVariables(found), cut))
            }
        }
    }

    async fn known_service(&mut self, service: &str) -> Result<(), TargetError> {
        match self.model().await?.service(service) {
            Some(_) => Ok(()),
            None => Err(TargetError {
                what: format!("the project has no service `{service}`"),
                hints: vec!["`docker compose config --services` lists them".to_owned()],
            }),
        }
    }

    /// The model with the place where each port is written. Where the files cannot be read exactly, the ports have no
    /// origin, and whoever would edit them says so.
    pub(super) async fn model_with_origins(&mut self) -> Result<ComposeModel, TargetError> {
        let mut model = self.model().await?;
        let files = self.project_files().await?;
        if let Ok(snapshot) = Snapshot::read(&files.input(&self.shell, &model.services)) {
            attach_origins(&mut model.services, &snapshot.source, &snapshot.variables());
        }
        Ok(model)
    }
}

/// A list within the limit of a project's size, and whether it had to be cut.
fn bounded<T>(mut list: Vec<T>) -> (Vec<T>, bool) {
    let cut = list.len() > SERVICES_MAX;
    list.truncate(SERVICES_MAX);
    (list, cut)
}

/// Every host port that some service of the project claims.
pub(super) fn claimed(model: &ComposeModel) -> BTreeSet<u16> {
    model.services.iter().flat_map(|service| &service.ports).flat_map(|port| port.published.ports()).collect()
}

//! The fresh look that verification takes: one list of containers, and the declared probes.

use repair_model::compose::Service;
use repair_model::container::{ContainerState, Health};
use repair_model::outcome::{ProbeVerdict, ServiceVerdict, Verdict};
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use crate::docker::containers::Summary;
use crate::docker::probes;

impl ComposeDeployment {
    /// Looks at every wanted service, and asks the declared probes once all of them are well.
    pub(super) async fn look_again(&mut self) -> Result<Verdict, TargetError> {
        let model = self.model().await?;
        let summaries = self.engine.list_summaries(&self.target.project).await;
        let summaries = summaries.map_err(|error| Self::engine_failed(&error))?;
        let mut services: Vec<ServiceVerdict> = model
            .services
            .iter()
            .filter(|service| self.scope.wants(&service.name) && service.scale > 0)
            .map(|service| verdict_on(service, &summaries))
            .collect();
        if let Some(refused) = self.refused_in_words() {
            for service in &mut services {
                (service.healthy, service.settling) = (false, false);
                service.state = format!("{}; {refused}", service.state);
            }
        }
        let mut verdict = Verdict { services, probes: Vec::new() };
        if verdict.healthy() {
            for probe in &self.probes {
                let answered = probes::run(probe).await;
                verdict.probes.push(answered);
            }
        } else {
            verdict.probes = self.probes.iter().map(not_asked).collect();
        }
        Ok(verdict)
    }
}

fn not_asked(probe: &repair_model::probe::ProbeSpec) -> ProbeVerdict {
    ProbeVerdict { probe: probe.to_string(), passed: false, detail: "not asked while services are not well".to_owned() }
}

/// Enough containers have to be well; one that is not makes the service so.
fn verdict_on(service: &Service, summaries: &[Summary]) -> ServiceVerdict {
    let own: Vec<&Summary> =
        summaries.iter().filter(|summary| summary.container.service.as_ref() == Some(&service.name)).collect();
    let well = own.iter().filter(|summary| is_well(service, summary)).count();
    let sick = own.iter().find(|summary| !is_well(service, summary));
    let enough = well >= usize::try_from(service.scale).unwrap_or(usize::MAX);
    let state = match (sick, own.first()) {
        (Some(summary), _) if !enough => describe(summary),
        (_, Some(summary)) => describe(summary),
        (_, None) => "missing".to_owned(),
    };
    let mut addresses: Vec<_> = own.iter().flat_map(|summary| summary.ports_held.iter().cloned()).collect();
    addresses.sort();
    addresses.dedup();
    let settling =
        sick.is_some_and(|summary| summary.state == ContainerState::Running && summary.health == Health::Starting);
    ServiceVerdict { service: service.name.clone(), healthy: enough, settling, state, addresses }
}

/// A job that has ended with 0 is well: one that others wait for, or one that publishes nothing.
fn is_well(service: &Service, summary: &Summary) -> bool {
    match summary.state {
        ContainerState::Running => matches!(summary.health, Health::None | Health::Healthy),
        ContainerState::Exited => summary.exit_code == Some(0) && (service.one_shot || service.ports.is_empty()),
        _ => false,
    }
}

fn describe(summary: &Summary) -> String {
    match (&summary.state, summary.health, summary.exit_code) {
        (ContainerState::Running, Health::Healthy, _) => "running, healthy".to_owned(),
        (ContainerState::Running, Health::Starting, _) => "running, health not decided yet".to_owned(),
        (ContainerState::Running, Health::Unhealthy, _) => "running, unhealthy".to_owned(),
        (ContainerState::Exited, _, Some(code)) => format!("exited ({code})"),
        (state, _, _) => state.to_string(),
    }
}

//! The fresh look that verification takes: how the deployment stands, the servers of the group, and the declared probes.
//!
//! Only the newest deployment of the lineage counts. A server that somebody stopped does not make a deployment sick that
//! succeeded: stopping one saves money, and nobody asked for it to run.

use jiff::SignedDuration;
use repair_model::outcome::{ProbeVerdict, ServiceVerdict, Verdict};
use repair_model::text::escaped;
use repair_pipeline::outside::TargetError;

use super::inspecting::state_word;
use super::{ResourceGroup, target_error};
use crate::azure::deployments::{Deployment, DeploymentState};
use crate::azure::error::Reach;
use crate::azure::servers::ServerState;
use crate::docker::probes;

/// How far Azure's clock and ours may be apart.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

impl ResourceGroup {
    pub(super) async fn verdict(&mut self) -> Result<Verdict, TargetError> {
        let lineage = self.lineage().await.map_err(|error| target_error(&error))?;
        let state = lineage.current.as_ref().map(|current| current.state.clone());
        let is_earlier = lineage.current.as_ref().is_some_and(|current| self.is_earlier(current));
        let succeeded = state == Some(DeploymentState::Succeeded) && !is_earlier;
        let mut services = vec![ServiceVerdict {
            service: format!("deployment {}", lineage.name),
            healthy: succeeded,
            settling: matches!(state, Some(DeploymentState::Under(_))),
            state: match &lineage.current {
                Some(current) if is_earlier && current.state == DeploymentState::Succeeded => {
                    "Succeeded, before the command that failed".to_owned()
                }
                Some(current) if current.name != lineage.name => {
                    format!("{} (as {})", escaped(state_word(&current.state)), escaped(&current.name))
                }
                Some(current) => escaped(state_word(&current.state)),
                None => "never made".to_owned(),
            },
            addresses: Vec::new(),
        }];
        // A login that may not look at the servers can still see whether the deployment is well.
        let servers = match self.arm.servers(&self.group).await {
            Ok(servers) => servers,
            Err(error) if error.reach() == Reach::Refused && !error.is_passing() => Vec::new(),
            Err(error) => return Err(target_error(&error)),
        };
        for server in servers {
            services.push(ServiceVerdict {
                service: format!("mysql {}", escaped(&server.name)),
                healthy: server.state == ServerState::Ready || (succeeded && server.state == ServerState::Stopped),
                settling: server.state.is_in_transition(),
                state: escaped(server.state.as_str()),
                addresses: Vec::new(),
            });
        }
        let mut verdict = Verdict { services, probes: Vec::new() };
        let healthy = verdict.healthy();
        for probe in &self.probes {
            verdict.probes.push(match healthy {
                true => probes::run(probe).await,
                false => ProbeVerdict {
                    probe: probe.to_string(),
                    passed: false,
                    detail: "not asked while the deployment is not well".to_owned(),
                },
            });
        }
        Ok(verdict)
    }

    /// Whether a deployment is of a time before what was wanted.
    pub(super) fn is_earlier(&self, deployment: &Deployment) -> bool {
        let wanted = self.wanted_at.and_then(|at| at.checked_sub(CLOCK_SKEW).ok());
        wanted.zip(deployment.timestamp).is_some_and(|(wanted, ended)| ended < wanted)
    }
}

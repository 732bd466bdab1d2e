//! Waiting for what Azure does by itself, with progress, within a bound, and stopped at any time by the person.
//!
//! Waiting looks and changes nothing. A look that fails in passing (rate, lock, server error, no connection) is tried again
//! until the time is over.

use std::time::{Duration, Instant};

use repair_model::azure::Awaited;
use repair_model::outcome::Outcome;
use repair_model::text::escaped;
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::{EffectContext, LogError};

use super::ResourceGroup;
use super::acting::{failed, output_of, shown};
use super::inspecting::state_word;
use crate::azure::deployments::DeploymentState;
use crate::azure::error::ArmError;
use crate::azure::names::{DeploymentName, Location, ProviderNamespace, ServerName, VaultName};
use crate::azure::poller::{self, PollUrl, Waited, Waiting};
use crate::azure::providers::Registration;
use crate::azure::servers::ServerState;

/// Between two looks at a thing.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The same where Resource Manager is on this machine, as in a test.
const LOOK_AGAIN_LOCALLY: Duration = Duration::from_millis(100);
/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(50);
/// The longest time that Azure can ask to be left alone between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is waited for.
#[derive(Clone, Copy)]
pub(super) enum Until<'a> {
    ServerReady(&'a ServerName),
    VaultGone(&'a Location, &'a VaultName),
    VaultThere(&'a VaultName),
    Registered(&'a ProviderNamespace),
    Deployed(&'a DeploymentName),
    DeploymentEnded(&'a DeploymentName),
    ServerAtRest(&'a ServerName),
}

/// How waiting ended.
pub(super) enum Rest {
    /// It is as it should be; how, in one sentence.
    Reached(String),
    /// It will not become so by waiting; why, and Azure's words on it.
    Failed(String, Vec<String>),
    /// The time is over; how it is.
    TimeIsOver(String),
    /// The person wants to stop.
    Interrupted,
}

/// One look.
pub(super) enum Seen {
    Reached(String),
    Failed(String, Vec<String>),
    /// It is on its way there; its state.
    UnderWay(String),
    /// Not yet, and nothing shows that it will be; its state.
    NotYet(String),
}

impl ResourceGroup {
    /// Between two looks.
    pub(super) fn pause(&self) -> Duration {
        if self.arm.cloud().is_local() { LOOK_AGAIN_LOCALLY } else { LOOK_AGAIN }
    }

    /// Lets time pass, and ends early when the person wants to stop.
    pub(super) async fn sleep(&self, whole: Duration) {
        let until = Instant::now() + whole;
        while !self.interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(TICK)).await;
        }
    }

    /// Waits at the address that Azure named.
    pub(super) async fn waited(
        &self,
        poll: &PollUrl,
        what: &str,
        whole: Duration,
        waiting: &mut dyn FnMut(&str),
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Waited, ArmError> {
        let mut progress = |look: &poller::Look| {
            let percent = look.percent.map(|percent| format!(", {percent:.0} %")).unwrap_or_default();
            let state = redacted(&look.state);
            waiting(&format!("waiting for Azure to {what}: {state}{percent}"));
        };
        let pause = Some(self.pause());
        self.arm.wait(poll, Waiting { whole, pause, progress: &mut progress, interrupted }).await
    }

    /// Looks until it is so, cannot become so, or the time is over.
    pub(super) async fn until(
        &self,
        wanted: Until<'_>,
        until: Instant,
        waiting: &mut dyn FnMut(&str),
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Rest, ArmError> {
        loop {
            let mut pause = self.pause();
            let Some(seen) = poller::unless_interrupted(self.seen(wanted), interrupted).await else {
                return Ok(Rest::Interrupted);
            };
            let state = match seen {
                Ok(Seen::Reached(detail)) => return Ok(Rest::Reached(detail)),
                Ok(Seen::Failed(error, output)) => return Ok(Rest::Failed(error, output)),
                Ok(Seen::UnderWay(state) | Seen::NotYet(state)) => state,
                Err(error) if error.is_passing() => {
                    pause = error.retry_after().map_or(pause, |named| named.min(PAUSE_MAX));
                    shown(&error)
                }
                Err(error) => return Err(error),
            };
            if interrupted() {
                return Ok(Rest::Interrupted);
            }
            if Instant::now() >= until {
                return Ok(Rest::TimeIsOver(state));
            }
            waiting(&state);
            self.sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// One look.
    pub(super) async fn seen(&self, wanted: Until<'_>) -> Result<Seen, ArmError> {
        match wanted {
            Until::ServerReady(name) | Until::ServerAtRest(name) => self.server_seen(name, wanted).await,
            Until::VaultGone(location, name) => {
                let held = self.arm.deleted_vault(location, name).await?;
                Ok(match held {
                    None => Seen::Reached(format!("the name `{name}` is free")),
                    Some(_) => Seen::NotYet(format!("the deleted vault `{name}` still holds its name")),
                })
            }
            Until::VaultThere(name) => Ok(match self.arm.vault(&self.group, name).await? {
                Some(vault) if matches!(vault.state.as_str(), "Succeeded" | "") => {
                    Seen::Reached(format!("the vault `{name}` is back"))
                }
                Some(vault) => Seen::UnderWay(format!("the vault `{name}` is {}", escaped(&vault.state))),
                None => Seen::NotYet(format!("the vault `{name}` is not back yet")),
            }),
            Until::Registered(namespace) => {
                let registration = self.arm.provider(namespace).await?.map(|provider| provider.registration);
                Ok(match registration {
                    Some(Registration::Registered) => {
                        Seen::Reached(format!("the subscription is registered for `{namespace}`"))
                    }
                    Some(other) => {
                        let word = super::looking::registration_word(&other);
                        let said = format!("the subscription is {} for `{namespace}`", escaped(word));
                        if other == Registration::Registering { Seen::UnderWay(said) } else { Seen::NotYet(said) }
                    }
                    None => Seen::Failed(format!("Azure has no resource provider `{namespace}`"), Vec::new()),
                })
            }
            Until::Deployed(name) | Until::DeploymentEnded(name) => self.deployment_seen(name, wanted).await,
        }
    }

    async fn server_seen(&self, name: &ServerName, wanted: Until<'_>) -> Result<Seen, ArmError> {
        let Some(server) = self.arm.server(&self.group, name).await? else {
            return Ok(Seen::Failed(format!("the group has no MySQL server `{name}`"), Vec::new()));
        };
        let word = escaped(server.state.as_str());
        let said = format!("the MySQL server `{name}` is {word}");
        Ok(match (&server.state, wanted) {
            (ServerState::Ready, _) => Seen::Reached(said),
            (state, Until::ServerAtRest(_)) if !state.is_in_transition() => Seen::Reached(said),
            (ServerState::Dropping | ServerState::Disabled, _) => Seen::Failed(said, Vec::new()),
            _ => Seen::NotYet(said),
        })
    }

    async fn deployment_seen(&self, name: &DeploymentName, wanted: Until<'_>) -> Result<Seen, ArmError> {
        let Some(deployment) = self.arm.deployment(&self.group, name).await? else {
            return Ok(match wanted {
                Until::DeploymentEnded(_) => Seen::Reached(format!("there is no deployment `{name}` any more")),
                _ => Seen::NotYet(format!("there is no deployment `{name}` yet")),
            });
        };
        let said = format!("the deployment `{name}` is {}", escaped(state_word(&deployment.state)));
        Ok(match (&deployment.state, wanted) {
            (DeploymentState::Succeeded, _) => Seen::Reached(said),
            (DeploymentState::Under(_), _) => Seen::NotYet(said),
            (_, Until::DeploymentEnded(_)) => Seen::Reached(said),
            _ => Seen::Failed(said, Vec::new()),
        })
    }

    /// The action that only waits.
    pub(super) async fn wait_for(
        &mut self,
        what: Awaited,
        name: &str,
        context: EffectContext<'_>,
    ) -> Result<Outcome, LogError> {
        let seconds = context.bounds.operation_seconds_max;
        let until = Instant::now() + Duration::from_secs(seconds);
        let (waiting, interrupted) = (context.waiting, context.interrupted);
        let rest = match what {
            Awaited::Deployment => match DeploymentName::new(name) {
                Ok(name) => self.until(Until::DeploymentEnded(&name), until, waiting, interrupted).await,
                Err(error) => return Ok(failed(error.to_string())),
            },
            Awaited::MysqlServer => match ServerName::new(name) {
                Ok(name) => self.until(Until::ServerAtRest(&name), until, waiting, interrupted).await,
                Err(error) => return Ok(failed(error.to_string())),
            },
        };
        Ok(match rest {
            Ok(Rest::Reached(detail)) => Outcome::Done { detail },
            Ok(Rest::Failed(error, output)) => Outcome::Failed { error, output },
            Ok(Rest::TimeIsOver(state)) => failed(format!("after {seconds} s {state}")),
            Ok(Rest::Interrupted) => Outcome::Abandoned { reason: "you wished to stop waiting".to_owned() },
            Err(error) => Outcome::Failed { error: shown(&error), output: output_of(&error) },
        })
    }
}

//! Whether a step that a lost process began has happened, and whether one that was stopped may be begun again.
//!
//! Azure goes on without us. So what may still be on its way is waited for first, at the address that the log keeps or by
//! looking at the thing itself. A purge of which nobody knows whether Azure has taken it is never begun again by itself: a
//! person looks.

use std::time::Instant;

use repair_model::azure::AzureAction;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::Step;
use repair_model::text::escaped;
use repair_pipeline::outside::{Deployment as _, EffectId, TargetError};

use super::awaiting::{Rest, Seen, Until};
use super::naming::repetition;
use super::{ResourceGroup, azure, refusal};
use crate::azure::error::{ArmError, Reach};
use crate::azure::names::{DeploymentName, Location, NameError, ProviderNamespace, ServerName, VaultName};
use crate::azure::poller::{PollUrl, Waited};
use crate::azure::servers::ServerState;

/// Looks during which nothing may happen before a request counts as lost.
const PATIENCE_LOOKS: u32 = 6;

/// What the address of an operation says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// That it failed.
    Failed,
    /// That it goes on, when the wait for it ended.
    GoesOn,
    /// That it is done, or nothing any more: the thing itself tells.
    Nothing,
}

impl ResourceGroup {
    pub(super) async fn has_happened(
        &mut self,
        step: &Step,
        effect: &EffectId,
        waiting: &mut dyn FnMut(&str),
    ) -> Probe {
        let action = match azure(&step.action) {
            Ok(action) => action.clone(),
            Err(error) => return Probe::Unclear(error.what),
        };
        match self.settled(&action, effect, waiting).await {
            Ok(Ok(probe)) => probe,
            Ok(Err(error)) => Probe::Unclear(format!(
                "Azure could not be asked ({}): if the thing is as the summary of the step says, it happened; if it is as it \
                 was before, it did not",
                super::acting::shown(&error)
            )),
            Err(error) => Probe::Unclear(error.to_string()),
        }
    }

    async fn settled(
        &mut self,
        action: &AzureAction,
        effect: &EffectId,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Result<Probe, ArmError>, NameError> {
        let mut said = Said::Nothing;
        if let Some(operation) = &effect.operation {
            match self.said_of(operation, waiting).await {
                Ok(of_operation) => said = of_operation,
                Err(error) => return Ok(Err(error)),
            }
        }
        let probe = self.probe_of(action, effect, said == Said::Failed, waiting).await?;
        let changes = !matches!(action, AzureAction::AwaitState { .. });
        Ok(probe.map(|probe| match probe {
            // What may still come about has not failed to happen.
            Probe::DidNotHappen if changes && (said == Said::GoesOn || self.interrupted()) => Probe::Unclear(
                "Azure may still be at it: if it comes to its end, it happened; if not, it did not".to_owned(),
            ),
            probe => probe,
        }))
    }

    /// What the thing itself says.
    async fn probe_of(
        &mut self,
        action: &AzureAction,
        effect: &EffectId,
        has_failed: bool,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Result<Probe, ArmError>, NameError> {
        Ok(match action {
            AzureAction::StartMysql { server, .. } => {
                let server = ServerName::new(server)?;
                self.server_started(&server, waiting).await
            }
            AzureAction::RecoverVault(vault) => {
                let name = VaultName::new(&vault.vault)?;
                match self.came_to_be(Until::VaultThere(&name), waiting).await {
                    Ok(Probe::Happened) => Ok(match self.answers(&name).await {
                        Outcome::Done { .. } => Probe::Happened,
                        Outcome::Failed { error, .. } => Probe::Unclear(format!(
                            "{error}: if it answers soon, it happened; if it is gone, it did not"
                        )),
                        Outcome::Unclear { reason } | Outcome::Abandoned { reason } => Probe::Unclear(reason),
                    }),
                    other => other,
                }
            }
            AzureAction::PurgeVault(vault) => {
                let (name, location) = (VaultName::new(&vault.vault)?, Location::new(&vault.location)?);
                let gone = self.after_patience(Until::VaultGone(&location, &name), waiting).await;
                gone.map(|gone| match gone {
                    true => Probe::Happened,
                    // Azure itself says that it took the purge and could not carry it out.
                    false if has_failed => Probe::DidNotHappen,
                    false => Probe::Unclear(format!(
                        "the deleted vault `{name}` still holds its name: if Azure has taken the purge, it goes within \
                         minutes, and it happened; if it stays, it did not"
                    )),
                })
            }
            AzureAction::RegisterProvider { namespace } => {
                let namespace = ProviderNamespace::new(namespace)?;
                self.came_to_be(Until::Registered(&namespace), waiting).await
            }
            AzureAction::DeployTemplate { deployment } => {
                let name = DeploymentName::new(&repetition(deployment, effect))?;
                self.deployed(&name, waiting).await
            }
            // It changes nothing, so it is simply begun again.
            AzureAction::AwaitState { .. } => Ok(Probe::DidNotHappen),
        })
    }

    /// Waits until the operation that the log names has ended, one way or the other.
    async fn said_of(&mut self, operation: &str, waiting: &mut dyn FnMut(&str)) -> Result<Said, ArmError> {
        let poll = PollUrl::resume(operation, &self.arm)?;
        let whole = self.wait_left();
        let flag = self.interrupted.clone();
        let interrupted = || flag.load(std::sync::atomic::Ordering::Relaxed);
        match self.waited(&poll, "end what was begun", whole, waiting, &interrupted).await {
            Ok(Waited::StillRunning { .. }) => {
                self.has_waited_in_vain = true;
                Ok(Said::GoesOn)
            }
            Ok(Waited::Interrupted { .. }) => Ok(Said::GoesOn),
            Ok(Waited::Failed(_)) => Ok(Said::Failed),
            Ok(Waited::Done(_)) => Ok(Said::Nothing),
            // Azure forgets the addresses of old operations; the thing itself still tells.
            Err(error) if error.reach() == Reach::Refused => Ok(Said::Nothing),
            Err(error) => Err(error),
        }
    }

    /// How long is still waited: an operation that was waited for in vain is not waited for once more.
    fn wait_left(&self) -> std::time::Duration {
        if self.has_waited_in_vain { std::time::Duration::ZERO } else { self.wait }
    }

    async fn server_started(&mut self, name: &ServerName, waiting: &mut dyn FnMut(&str)) -> Result<Probe, ArmError> {
        let mut looks = 0;
        let until = Instant::now() + self.wait_left();
        loop {
            let state = self.arm.server(&self.group, name).await?.map(|server| server.state);
            match state {
                Some(ServerState::Ready) => return Ok(Probe::Happened),
                Some(ServerState::Stopped) | None => {
                    looks += 1;
                    if looks >= PATIENCE_LOOKS {
                        return Ok(Probe::DidNotHappen);
                    }
                }
                Some(state) => {
                    let word = escaped(state.as_str());
                    if Instant::now() >= until || self.interrupted() {
                        self.has_waited_in_vain = true;
                        return Ok(Probe::Unclear(format!(
                            "the MySQL server `{name}` is {word}: if it becomes Ready, it happened; if it becomes Stopped, it \
                             did not"
                        )));
                    }
                    waiting(&format!("the MySQL server `{name}` is {word}"));
                }
            }
            self.sleep(self.pause()).await;
        }
    }

    /// Whether something became so. What is under way is waited for: to begin it again would be a second time. Of what is not,
    /// a request that was sent might still arrive.
    async fn came_to_be(&mut self, wanted: Until<'_>, waiting: &mut dyn FnMut(&str)) -> Result<Probe, ArmError> {
        let until = Instant::now() + self.wait_left();
        let mut looks = 0;
        loop {
            match self.seen(wanted).await? {
                Seen::Reached(_) => return Ok(Probe::Happened),
                Seen::Failed(..) => return Ok(Probe::DidNotHappen),
                Seen::UnderWay(state) if Instant::now() >= until || self.interrupted() => {
                    self.has_waited_in_vain = true;
                    let why = format!("{state}: if it comes to its end, it happened; if it goes back, it did not");
                    return Ok(Probe::Unclear(why));
                }
                Seen::UnderWay(state) => waiting(&state),
                Seen::NotYet(state) => {
                    looks += 1;
                    if looks >= PATIENCE_LOOKS {
                        return Ok(Probe::DidNotHappen);
                    }
                    waiting(&state);
                }
            }
            self.sleep(self.pause()).await;
        }
    }

    /// Whether something becomes so while a request that was sent might still arrive.
    async fn after_patience(&self, wanted: Until<'_>, waiting: &mut dyn FnMut(&str)) -> Result<bool, ArmError> {
        for _ in 0..PATIENCE_LOOKS {
            match self.seen(wanted).await? {
                Seen::Reached(_) => return Ok(true),
                Seen::Failed(..) => return Ok(false),
                Seen::UnderWay(state) | Seen::NotYet(state) => waiting(&state),
            }
            self.sleep(self.pause()).await;
        }
        Ok(false)
    }

    async fn deployed(&mut self, name: &DeploymentName, waiting: &mut dyn FnMut(&str)) -> Result<Probe, ArmError> {
        for _ in 0..PATIENCE_LOOKS {
            if self.arm.deployment(&self.group, name).await?.is_some() {
                let until = Instant::now() + self.wait_left();
                let flag = self.interrupted.clone();
                let interrupted = || flag.load(std::sync::atomic::Ordering::Relaxed);
                return Ok(match self.until(Until::Deployed(name), until, waiting, &interrupted).await? {
                    Rest::Reached(_) => Probe::Happened,
                    Rest::Failed(..) => Probe::DidNotHappen,
                    Rest::TimeIsOver(state) => {
                        self.has_waited_in_vain = true;
                        Probe::Unclear(format!("{state}: if it succeeds, it happened; if it fails, it did not"))
                    }
                    Rest::Interrupted => Probe::Unclear(format!(
                        "the deployment `{name}` goes on: if it succeeds, it happened; if it fails, it did not"
                    )),
                });
            }
            waiting(&format!("there is no deployment `{name}` yet"));
            self.sleep(self.pause()).await;
        }
        Ok(Probe::DidNotHappen)
    }

    /// Each step is done or not, and its probe says that it is not: so all that it was planned on has to be as it was.
    pub(super) async fn goes_on(&mut self, step: &Step) -> Result<(), TargetError> {
        let now = self.footprint(step).await?;
        if let Some(difference) = step.footprint.difference(&now) {
            return Err(refusal(difference));
        }
        let (risk, change) = self.assess(step).await?;
        if risk > step.risk {
            return Err(refusal(format!("the step would be {risk} now; it was approved as {}", step.risk)));
        }
        match change == step.change {
            true => Ok(()),
            false => Err(refusal("the step would change something else now than what was approved")),
        }
    }
}

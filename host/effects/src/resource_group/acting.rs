//! Carrying out one step: one request, under its own permit, with the session and the step in its id; then waiting for what
//! Azure makes of it.
//!
//! A request is sent once. Where nobody can tell whether Azure has it, the outcome is unclear and the step's probe is asked.
//! Invariant: whatever is recorded as done was seen done in Azure afterwards, not only answered.

use std::time::{Duration, Instant};

use repair_faults::Point;
use repair_model::action::ActionKind;
use repair_model::azure::AzureAction;
use repair_model::outcome::Outcome;
use repair_model::plan::{Change, Step};
use repair_model::text::escaped;
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::{EffectContext, LogError};

use super::awaiting::{Rest, Until};
use super::foreseeing::request_of;
use super::inspecting::evidence_of;
use super::naming::repetition;
use super::{ResourceGroup, azure};
use crate::azure::client::Started;
use crate::azure::error::{ArmError, Reach};
use crate::azure::names::{DeploymentName, Location, NameError, ProviderNamespace, ServerName, VaultName};
use crate::azure::poller::{PollUrl, Waited};
use crate::azure::request_ids::RequestIds;
use crate::azure::vaults::VaultAccess;

/// Lines of Azure's words that a failed step keeps.
const OUTPUT_LINES_KEPT: usize = 60;

/// A failure in one sentence.
pub(super) fn failed(error: impl Into<String>) -> Outcome {
    Outcome::Failed { error: error.into(), output: Vec::new() }
}

/// What a step asks Azure for, and how it is seen that it was done.
struct Asked<'a> {
    kind: ActionKind,
    /// In an infinitive, such as ``start `db` ``.
    what: String,
    /// What is true once it is done.
    until: Until<'a>,
}

impl ResourceGroup {
    pub(super) async fn carry_out(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        let action = match azure(&step.action) {
            Ok(action) => action.clone(),
            Err(error) => return Ok(failed(error.what)),
        };
        let place = u16::try_from(context.effect.place).ok();
        let Some(ids) = place.and_then(|place| RequestIds::new(&context.effect.session, place)) else {
            return Ok(failed("the session has more steps than a request's id can say"));
        };
        match self.act(&action, step, &ids, context).await {
            Ok(outcome) => outcome,
            Err(error) => Ok(failed(error.to_string())),
        }
    }

    async fn act(
        &mut self,
        action: &AzureAction,
        step: &Step,
        ids: &RequestIds,
        context: EffectContext<'_>,
    ) -> Result<Result<Outcome, LogError>, NameError> {
        Ok(match action {
            AzureAction::StartMysql { server, .. } => {
                let server = ServerName::new(server)?;
                let sent = self.arm.start_server(&self.group, &server, ids).await;
                let asked = Asked {
                    kind: ActionKind::StartMysql,
                    what: format!("start `{server}`"),
                    until: Until::ServerReady(&server),
                };
                self.finish(sent, asked, context).await
            }
            AzureAction::PurgeVault(vault) => {
                let (name, location) = (VaultName::new(&vault.vault)?, Location::new(&vault.location)?);
                let sent = self.arm.purge(&location, &name, ids).await;
                let asked = Asked {
                    kind: ActionKind::PurgeVault,
                    what: format!("purge `{name}`"),
                    until: Until::VaultGone(&location, &name),
                };
                self.finish(sent, asked, context).await
            }
            AzureAction::RecoverVault(vault) => {
                let (name, location) = (VaultName::new(&vault.vault)?, Location::new(&vault.location)?);
                let tenant = match self.arm.subscription().await {
                    Ok(subscription) => subscription.tenant,
                    Err(error) => {
                        let output = output_of(&error);
                        let error = format!("the subscription cannot be looked at: {}", shown(&error));
                        return Ok(Ok(Outcome::Failed { error, output }));
                    }
                };
                let Some(tenant) = tenant else {
                    return Ok(Ok(failed("Azure does not say of which tenant the subscription is")));
                };
                let sent = self.arm.recover(&self.group, &name, &location, &tenant, ids).await;
                let asked = Asked {
                    kind: ActionKind::RecoverVault,
                    what: format!("recover `{name}`"),
                    until: Until::VaultThere(&name),
                };
                match self.finish(sent, asked, context).await {
                    Ok(Outcome::Done { .. }) => Ok(self.answers(&name).await),
                    other => other,
                }
            }
            AzureAction::RegisterProvider { namespace } => {
                let namespace = ProviderNamespace::new(namespace)?;
                let sent = self.arm.register(&namespace, ids).await;
                let asked = Asked {
                    kind: ActionKind::RegisterProvider,
                    what: format!("register `{namespace}`"),
                    until: Until::Registered(&namespace),
                };
                self.finish(sent, asked, context).await
            }
            AzureAction::DeployTemplate { deployment } => self.deploy(deployment, step, ids, context).await,
            AzureAction::AwaitState { what, name } => self.wait_for(*what, name, context).await,
        })
    }

    async fn deploy(
        &mut self,
        deployment: &str,
        step: &Step,
        ids: &RequestIds,
        context: EffectContext<'_>,
    ) -> Result<Outcome, LogError> {
        let name = match DeploymentName::new(&repetition(deployment, &context.effect)) {
            Ok(name) => name,
            Err(error) => return Ok(failed(error.to_string())),
        };
        let loaded = match self.load().await {
            Ok(loaded) => loaded,
            Err(error) => return Ok(failed(error.to_string())),
        };
        let Change::Deployment(approved) = &step.change else {
            return Ok(failed("the plan does not say what is deployed"));
        };
        if (loaded.template_digest(), loaded.parameters_digest()) != (approved.template, approved.parameters) {
            return Ok(failed("template or parameters are not those that were approved"));
        }
        let sent = self.arm.deploy(&self.group, &name, &request_of(&loaded), ids).await;
        let asked =
            Asked { kind: ActionKind::DeployTemplate, what: format!("deploy `{name}`"), until: Until::Deployed(&name) };
        self.finish(sent, asked, context).await
    }

    /// Records where the progress can be asked for, and waits until what was asked for is seen.
    async fn finish(
        &mut self,
        sent: Result<Started, ArmError>,
        asked: Asked<'_>,
        context: EffectContext<'_>,
    ) -> Result<Outcome, LogError> {
        let started = match sent {
            Ok(started) => started,
            Err(error) => return Ok(outcome_of_refusal(&error, &asked.what)),
        };
        if let Some(poll) = &started.poll {
            (context.accepted)(poll.as_str())?;
        }
        repair_faults::pass(Point::OperationAccepted, asked.kind.as_str());
        let until = Instant::now() + Duration::from_secs(context.bounds.operation_seconds_max);
        let interrupted = context.interrupted;
        if let Some(poll) = &started.poll
            && let Some(ended) = self.wait_at(poll, &asked.what, until, context.waiting, interrupted).await
        {
            return Ok(ended);
        }
        Ok(match self.until(asked.until, until, context.waiting, interrupted).await {
            Ok(Rest::Reached(detail)) => Outcome::Done { detail },
            Ok(Rest::Failed(error, output)) => Outcome::Failed { error, output },
            Ok(Rest::Interrupted) => stopped_waiting(&asked.what),
            Ok(Rest::TimeIsOver(state)) => {
                self.has_waited_in_vain = true;
                still_going(&asked.what, &state, context.bounds.operation_seconds_max)
            }
            Err(error) => unclear(&asked.what, &shown(&error)),
        })
    }

    /// Waits at the address that Azure named; an outcome where that settles it, `None` where the thing itself has to be
    /// looked at.
    async fn wait_at(
        &mut self,
        poll: &PollUrl,
        what: &str,
        until: Instant,
        waiting: &mut dyn FnMut(&str),
        interrupted: &dyn Fn() -> bool,
    ) -> Option<Outcome> {
        let whole = until.saturating_duration_since(Instant::now());
        match self.waited(poll, what, whole, waiting, interrupted).await {
            Ok(Waited::Done(_)) => None,
            Ok(Waited::Failed(error)) => Some(Outcome::Failed {
                error: format!("Azure could not {what}: {}", shown(&error)),
                output: output_of(&error),
            }),
            Ok(Waited::Interrupted { .. }) => Some(stopped_waiting(what)),
            Ok(Waited::StillRunning { .. }) => {
                self.has_waited_in_vain = true;
                // A part of a second is left of the bound's last one.
                Some(still_going(what, "running", whole.as_secs() + u64::from(whole.subsec_nanos() > 0)))
            }
            // The address is of no use; the thing itself still tells.
            Err(error) if error.reach() != Reach::NotSent => None,
            Err(error) => Some(unclear(what, &shown(&error))),
        }
    }

    /// Whether a vault that came back answers: its existence alone proves nothing.
    pub(super) async fn answers(&self, name: &VaultName) -> Outcome {
        let vault = match self.arm.vault(&self.group, name).await {
            Ok(Some(vault)) => vault,
            Ok(None) => return failed(format!("the vault `{name}` came back and is gone again")),
            Err(error) => return unclear(&format!("recover `{name}`"), &shown(&error)),
        };
        match self.arm.vault_answers(&vault.uri).await {
            Ok(VaultAccess::Readable) => {
                Outcome::Done { detail: format!("the vault `{name}` is back, answers, and can be read by this login") }
            }
            Ok(VaultAccess::Denied(why)) => Outcome::Done {
                detail: format!(
                    "the vault `{name}` is back and answers; this login may not read it ({}), so look whether those who \
                     use it may",
                    escaped(&redacted(&why))
                ),
            },
            Ok(VaultAccess::Silent(why)) => {
                failed(format!("the vault `{name}` is back and does not answer: {}", escaped(&redacted(&why))))
            }
            Err(error) => failed(format!("the vault `{name}` is back, and it could not be asked: {}", shown(&error))),
        }
    }
}

/// What came of a request that Azure did not take, or of which nobody knows whether it has.
fn outcome_of_refusal(error: &ArmError, what: &str) -> Outcome {
    let words = shown(error);
    match error.reach() {
        Reach::NotSent => failed(format!("the request to {what} was not sent: {words}")),
        Reach::Refused => {
            Outcome::Failed { error: format!("Azure refused to {what}: {words}"), output: output_of(error) }
        }
        Reach::Unclear => unclear(what, &words),
    }
}

fn unclear(what: &str, why: &str) -> Outcome {
    Outcome::Unclear {
        reason: format!(
            "Azure was asked to {what}: if it carries that out, it happened; if the request was lost, it did not ({why})"
        ),
    }
}

fn stopped_waiting(what: &str) -> Outcome {
    Outcome::Unclear {
        reason: format!(
            "Azure goes on by itself to {what}: if it comes to its end, it happened; if it fails, it did not"
        ),
    }
}

fn still_going(what: &str, state: &str, seconds: u64) -> Outcome {
    Outcome::Unclear {
        reason: format!(
            "after {seconds} s Azure has not come to an end to {what} ({state}): if it does, it happened; if it fails, it did \
             not"
        ),
    }
}

pub(super) fn shown(error: &ArmError) -> String {
    escaped(&redacted(&error.to_string()))
}

/// Azure's words on a failure, redacted, for the next round.
pub(super) fn output_of(error: &ArmError) -> Vec<String> {
    let mut lines = evidence_of(error).lines;
    lines.truncate(OUTPUT_LINES_KEPT);
    lines
}

//! What Azure says of the deployment that is to be healed: which one it is, how it stands, and why it failed.

use jiff::Timestamp;
use repair_model::azure::{ArmDeployment, ArmError as ErrorFact, RunningDeployment};
use repair_model::evidence::{Evidence, Provenance};
use repair_pipeline::evidence::{from_text, redacted};
use repair_pipeline::outside::TargetError;
use serde_json::json;

use super::naming::{base_of, is_of};
use super::{ResourceGroup, target_error};
use crate::azure::deployments::{Deployment, DeploymentState, Operation};
use crate::azure::error::{ArmError, Reach};
use crate::azure::names::DeploymentName;
use crate::azure::nested::NestedError;

/// Errors of a deployment that a tool is shown.
const ERRORS_SHOWN_MAX: usize = 64;
/// Bytes of one message that a tool is shown.
const MESSAGE_BYTES_MAX: usize = 2 * 1024;
/// The name of a deployment whose template has none; what `az` takes.
const UNNAMED: &str = "main";

/// The deployment that is to be healed, with its repetitions.
pub(super) struct Lineage {
    /// What it is known under.
    pub(super) name: String,
    /// The newest of its name, or of those that repeat it.
    pub(super) current: Option<Deployment>,
    /// All of the group that run right now.
    pub(super) running: Vec<Deployment>,
}

impl ResourceGroup {
    /// Finds the deployment: by its name, else by the template's file name, as `az` does, else the newest of the group.
    pub(super) async fn lineage(&self) -> Result<Lineage, ArmError> {
        let all = self.arm.deployments(&self.group).await?;
        let stem = || {
            let stem = self.request.template.as_deref().and_then(|template| template.file_stem());
            stem.and_then(|stem| stem.to_str()).filter(|stem| DeploymentName::new(stem).is_ok()).map(str::to_owned)
        };
        let name = match &self.request.deployment {
            Some(name) => base_of(name).to_owned(),
            None => named_by_nobody(stem(), &all),
        };
        let current = all.iter().find(|deployment| is_of(&deployment.name, &name)).cloned();
        let running = all.into_iter().filter(|deployment| !deployment.state.has_ended()).collect();
        Ok(Lineage { name, current, running })
    }

    /// The operations of a deployment that failed.
    pub(super) async fn failures(&self, deployment: &Deployment) -> Result<Vec<Operation>, ArmError> {
        let Ok(name) = DeploymentName::new(&deployment.name) else { return Ok(Vec::new()) };
        let operations = self.arm.operations(&self.group, &name).await?;
        Ok(operations.into_iter().filter(|operation| operation.error.is_some()).collect())
    }

    /// What Azure says of the deployment, as text. A look that Azure refuses is evidence too.
    pub(super) async fn evidence(&self) -> Result<Vec<Evidence>, TargetError> {
        match self.said_of_deployment().await {
            Ok(evidence) => Ok(evidence),
            Err(error) if error.reach() == Reach::Refused => Ok(vec![evidence_of(&error)]),
            Err(error) => Err(target_error(&error)),
        }
    }

    async fn said_of_deployment(&self) -> Result<Vec<Evidence>, ArmError> {
        let lineage = self.lineage().await?;
        let Some(current) = lineage.current else { return Ok(Vec::new()) };
        let text = match &current.state {
            DeploymentState::Succeeded => return Ok(Vec::new()),
            DeploymentState::Under(state) => {
                let message = format!(
                    "The deployment '{}' of resource group '{}' is still active: it is {state}.",
                    current.name, self.group
                );
                json_error(&json!({ "code": "DeploymentActive", "message": message }))
            }
            DeploymentState::Failed | DeploymentState::Canceled => {
                let mut text = current.error.as_ref().map(|error| json_error(&error.to_value())).unwrap_or_default();
                for operation in self.failures(&current).await? {
                    if let (Some(error), Some(target)) = (&operation.error, &operation.target) {
                        text.push_str(&format!("{}: {}\n", target.id, operation.status_code));
                        text.push_str(&json_error(&error.to_value()));
                    }
                }
                text
            }
        };
        Ok(vec![from_text(Provenance::ArmDeployment(current.name), text.as_bytes())])
    }

    /// The same as a tool is shown it.
    pub(super) async fn deployment_fact(&self) -> Result<ArmDeployment, ArmError> {
        let lineage = self.lineage().await?;
        let now = Timestamp::now();
        let running = lineage.running.iter().map(|deployment| RunningDeployment {
            name: deployment.name.clone(),
            seconds: seconds_since(deployment.timestamp, now),
        });
        let running = running.collect();
        let not_again = self.load().await.err().map(|error| error.to_string());
        // One that succeeded before what was wanted is as good as none: Azure keeps nothing of what it refused beforehand.
        let is_over = |current: &Deployment| current.state == DeploymentState::Succeeded && self.is_earlier(current);
        let Some(current) = lineage.current.filter(|current| !is_over(current)) else {
            let (state, errors) = ("NotFound".to_owned(), Vec::new());
            return Ok(ArmDeployment { name: lineage.name, state, correlation: None, errors, running, not_again });
        };
        let mut errors = Vec::new();
        for operation in self.failures(&current).await? {
            let id = operation.target.as_ref().map(|target| target.id.clone());
            errors.extend(operation.error.iter().flat_map(|error| facts_of(error, id.as_deref())));
        }
        if errors.is_empty() {
            errors.extend(current.error.iter().flat_map(|error| facts_of(error, None)));
        }
        errors.truncate(ERRORS_SHOWN_MAX);
        Ok(ArmDeployment {
            name: lineage.name,
            state: state_word(&current.state).to_owned(),
            correlation: current.correlation_id,
            errors,
            running,
            not_again,
        })
    }
}

/// A deployment of the template's own name, or one that has just failed. One that is well is not meant by a template that
/// was never deployed under its name.
fn named_by_nobody(stem: Option<String>, newest_first: &[Deployment]) -> String {
    let Some(stem) = stem else {
        return newest_first.first().map_or_else(|| UNNAMED.to_owned(), |newest| base_of(&newest.name).to_owned());
    };
    if newest_first.iter().any(|known| is_of(&known.name, &stem)) {
        return stem;
    }
    // One that runs is somebody else's: nothing says yet that it needs anything.
    match newest_first.iter().find(|known| known.state.has_ended()) {
        Some(ended) if ended.state != DeploymentState::Succeeded => base_of(&ended.name).to_owned(),
        _ => stem,
    }
}

/// The word of Azure for how a deployment stands.
pub(super) fn state_word(state: &DeploymentState) -> &str {
    match state {
        DeploymentState::Succeeded => "Succeeded",
        DeploymentState::Failed => "Failed",
        DeploymentState::Canceled => "Canceled",
        DeploymentState::Under(word) => word,
    }
}

/// An error of a request as evidence.
pub(super) fn evidence_of(error: &ArmError) -> Evidence {
    from_text(Provenance::ArmAnswer, error.as_evidence_text().as_bytes())
}

fn json_error(error: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(&json!({ "error": error })).unwrap_or_default();
    format!("{text}\n")
}

fn facts_of(error: &NestedError, id: Option<&str>) -> Vec<ErrorFact> {
    let fact = |(depth, error): (usize, &NestedError)| ErrorFact {
        code: redacted(&error.code),
        message: shortened(&redacted(&error.message)),
        resource_id: error.target.as_deref().filter(|target| target.starts_with('/')).or(id).map(str::to_owned),
        depth: u8::try_from(depth).unwrap_or(u8::MAX),
    };
    error.walk().into_iter().map(fact).collect()
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Seconds since `then` by Azure's clock; none when that lies in the future by ours.
fn seconds_since(then: Option<Timestamp>, now: Timestamp) -> u32 {
    let seconds = then.map_or(0, |then| now.duration_since(then).as_secs());
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

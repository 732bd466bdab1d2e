//! The preview of a deployment: what Azure believes that it would change.
//!
//! It is evidence and no proof: it does not see what nested references hide, nor names that a deleted vault holds.

use azure_mgmt_resources::package_resources_2021_04::models::{DeploymentWhatIf, DeploymentWhatIfProperties};
use serde_json::Value;

use super::client::{Arm, sdk_look, unreadable};
use super::deployments::{DeploymentRequest, properties};
use super::error::{ArmError, ErrorKind, Refusal};
use super::limits::WHAT_IF_TIMEOUT;
use super::names::{DeploymentName, GroupName};
use super::nested::NestedError;
use super::poller::{PollUrl, Waited, Waiting};
use super::resource_id::ResourceId;
use super::transport::Answer;

/// What a deployment would change.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// One entry for each resource, in the order of Azure.
    pub changes: Vec<WhatIfChange>,
}

/// What would become of one resource.
#[derive(Clone, PartialEq)]
pub struct WhatIfChange {
    /// The id of the resource, as Azure writes it; it may hold an expression that Azure could not evaluate.
    pub resource_id: String,
    /// What would happen to it.
    pub change_type: ChangeType,
    /// The resource as it is; null where there is none. May hold values that nobody should read.
    pub before: Value,
    /// The resource as it would be; null where there would be none.
    pub after: Value,
}

impl std::fmt::Debug for WhatIfChange {
    /// Without the resource itself, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.change_type, self.resource_id)
    }
}

/// What would happen to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// It would be made.
    Create,
    /// It would be removed.
    Delete,
    /// It is there and the template does not name it; it would stay as it is.
    Ignore,
    /// It would be sent; whether that changes something is not known.
    Deploy,
    /// It would stay as it is.
    NoChange,
    /// Properties of it would change.
    Modify,
    /// Azure cannot tell.
    Unsupported,
    /// A word that this version does not know. Treat it like [`Self::Unsupported`].
    Other,
}

impl ChangeType {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "create" => Self::Create,
            "delete" => Self::Delete,
            "ignore" => Self::Ignore,
            "deploy" => Self::Deploy,
            "nochange" => Self::NoChange,
            "modify" => Self::Modify,
            "unsupported" => Self::Unsupported,
            _ => Self::Other,
        }
    }
}

impl WhatIfChange {
    /// The id, if it is one that can be used.
    pub fn resource(&self) -> Option<ResourceId> {
        ResourceId::new(&self.resource_id).ok()
    }
}

impl Arm {
    /// What a deployment would change. Azure may take minutes; at most [`WHAT_IF_TIMEOUT`] are waited.
    ///
    /// # Errors
    /// When Azure refuses the template, cannot compute it, or the person wants to stop.
    pub async fn what_if(
        &self,
        group: &GroupName,
        name: &DeploymentName,
        request: &DeploymentRequest,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<WhatIf, ArmError> {
        let body = DeploymentWhatIf::new(DeploymentWhatIfProperties::new(properties(request)?));
        let (subscription, group, name) = (self.subscription_id().as_str(), group.as_str(), name.as_str());
        let answer = sdk_look!(self, azure_mgmt_resources::package_resources_2021_04, |sdk| {
            sdk.deployments_client().what_if(group, name, body.clone(), subscription)
        })?;
        read_what_if(&self.result_of(&answer, interrupted).await?, answer.status)
    }

    /// The result of a look that Azure computes for a while: the body of the answer itself, or of what it points to.
    async fn result_of(&self, answer: &Answer, interrupted: &dyn Fn() -> bool) -> Result<Value, ArmError> {
        let Some(poll) = PollUrl::of(answer, self.base())? else { return answer.json() };
        let mut whole = WHAT_IF_TIMEOUT;
        let mut next = Some(poll);
        while let Some(poll) = next {
            let begun = tokio::time::Instant::now();
            // Where Azure is on this machine there is no rate to keep to.
            let pause = Some(std::time::Duration::from_millis(50));
            let waited = self.wait(&poll, Waiting { whole, pause, progress: &mut |_| {}, interrupted }).await?;
            whole = whole.saturating_sub(begun.elapsed());
            match waited {
                Waited::Done(body) if body.get("properties").is_some() || poll.result().is_none() => return Ok(body),
                Waited::Done(_) => next = poll.result(),
                Waited::Failed(error) => return Err(error),
                Waited::StillRunning { .. } => return Err(ArmError::new(ErrorKind::TimedOut(WHAT_IF_TIMEOUT))),
                Waited::Interrupted { .. } => return Err(ArmError::new(ErrorKind::Interrupted)),
            }
        }
        Ok(Value::Null)
    }
}

fn read_what_if(body: &Value, status: u16) -> Result<WhatIf, ArmError> {
    if let Some(error) = body.get("error").and_then(NestedError::from_value) {
        let refusal = Refusal { status, error, ..Refusal::default() };
        return Err(ArmError::new(ErrorKind::Refused(Box::new(refusal))));
    }
    let changes = body.pointer("/properties/changes").and_then(Value::as_array);
    let changes = changes.ok_or_else(|| unreadable("it holds no list of changes"))?;
    Ok(WhatIf { changes: changes.iter().map(read_change).collect() })
}

fn read_change(value: &Value) -> WhatIfChange {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let part = |key: &str| value.get(key).cloned().unwrap_or(Value::Null);
    WhatIfChange {
        resource_id: text("resourceId").to_owned(),
        change_type: ChangeType::of(text("changeType")),
        before: part("before"),
        after: part("after"),
    }
}

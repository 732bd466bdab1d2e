//! Resource groups and the deployments in them: looking, checking a template, and deploying it.
//!
//! A deployment is always sent in incremental mode, which deletes nothing that a template does not name; there is no way
//! to ask for another. Templates and parameters are in memory only: neither `Debug` nor an error shows one.

use std::fmt;
use std::time::Duration;

use azure_mgmt_resources::package_resources_2021_04::models::{
    Deployment as SdkDeployment, DeploymentProperties, deployment_properties::Mode,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::client::{Arm, Group, Started, if_there, sdk_change, sdk_look, unreadable};
use super::error::{ArmError, ErrorKind};
use super::limits::{DEPLOYMENT_BODY_BYTES_MAX, DEPLOYMENTS_MAX, HISTORY_MAX};
use super::names::{DeploymentName, GroupName};
use super::nested::NestedError;
use super::permit::Permit;
use super::request_ids::RequestIds;
use super::resource_id::ResourceId;

/// The version of the deployments API that the SDK speaks and that lists are asked for in.
const VERSION: &str = "2021-04-01";

/// What is deployed.
#[derive(Clone, PartialEq)]
pub struct DeploymentRequest {
    /// The template: an object of ARM JSON.
    pub template: Value,
    /// The parameters: an object whose values are objects with `value` or `reference`, as in a parameter file.
    pub parameters: Value,
}

impl fmt::Debug for DeploymentRequest {
    /// Names and numbers only: values of parameters, and literals in a template, may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let resources = self.template.get("resources").and_then(Value::as_array).map_or(0, Vec::len);
        write!(f, "DeploymentRequest({resources} resources, parameters {names:?}, values [redacted])")
    }
}

/// A deployment in the history of a resource group.
#[derive(Clone, PartialEq)]
pub struct Deployment {
    /// Its name, as Azure writes it.
    pub name: String,
    /// Its id, as Azure writes it.
    pub id: String,
    /// How it stands.
    pub state: DeploymentState,
    /// `Incremental` or `Complete`; foreign text.
    pub mode: String,
    /// When it last changed; `None` where Azure does not say.
    pub timestamp: Option<Timestamp>,
    /// Under which id Azure keeps it in its activity log.
    pub correlation_id: Option<String>,
    /// How long it took or has taken.
    pub duration: Option<Duration>,
    /// Why it failed.
    pub error: Option<NestedError>,
    /// Its parameters as Azure writes them, null where there are none; those of secure types have no value.
    pub parameters: Value,
}

impl fmt::Debug for Deployment {
    /// Without the values of its parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deployment({}, {:?})", self.id, self.state)
    }
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// All of it is there.
    Succeeded,
    /// It has ended, and not well.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// It has not ended; Azure's word, such as `Running` or `Accepted`.
    Under(String),
}

impl DeploymentState {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Under(word.to_owned()),
        }
    }

    /// Whether nothing more comes of it.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Under(_))
    }
}

/// One step of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its state in Azure's word, such as `Succeeded` or `Failed`.
    pub state: String,
    /// The status with which the provider answered, such as `Conflict`.
    pub status_code: String,
    /// What it made or changed; `None` for the bookkeeping of the deployment itself.
    pub target: Option<OperationTarget>,
    /// Why it failed.
    pub error: Option<NestedError>,
}

/// What an operation of a deployment is about; foreign text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationTarget {
    /// The id of the resource.
    pub id: String,
    /// Its full type.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl OperationTarget {
    /// The id, if it is one that can be used.
    pub fn resource_id(&self) -> Option<ResourceId> {
        ResourceId::new(&self.id).ok()
    }
}

impl Arm {
    /// A resource group; `None` where there is none of that name.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn group(&self, group: &GroupName) -> Result<Option<Group>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_resources::package_resources_2021_04, |sdk| sdk
            .resource_groups_client()
            .get(group.as_str(), self.subscription_id().as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        let value = answer.json()?;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(Group {
            name: text("/name"),
            location: text("/location"),
            state: text("/properties/provisioningState"),
        }))
    }

    /// The deployments of a resource group, newest first, at most [`DEPLOYMENTS_MAX`].
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub async fn deployments(&self, group: &GroupName) -> Result<Vec<Deployment>, ArmError> {
        let path = format!(
            "/subscriptions/{}/resourcegroups/{group}/providers/Microsoft.Resources/deployments",
            self.subscription_id()
        );
        let (all, is_cut) = self.list(&path, VERSION, HISTORY_MAX).await?;
        if is_cut {
            // Azure names no order, so the newest one may be among those that are missing.
            return Err(unreadable("the group's deployments are too many or too large to be read; delete old ones"));
        }
        let mut all: Vec<_> = all.iter().filter_map(read_deployment).collect();
        all.sort_by_key(|deployment| std::cmp::Reverse(deployment.timestamp));
        all.truncate(DEPLOYMENTS_MAX);
        Ok(all)
    }

    /// A deployment; `None` where there is none of that name.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn deployment(&self, group: &GroupName, name: &DeploymentName) -> Result<Option<Deployment>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_resources::package_resources_2021_04, |sdk| sdk
            .deployments_client()
            .get(group.as_str(), name.as_str(), self.subscription_id().as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        read_deployment(&answer.json()?).map(Some).ok_or_else(|| unreadable("it is not a deployment"))
    }

    /// The steps of a deployment, in the order of Azure. What one of them says of its failure may be an object, a string,
    /// or JSON in a string, and each is read.
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub async fn operations(&self, group: &GroupName, name: &DeploymentName) -> Result<Vec<Operation>, ArmError> {
        let path =
            format!("/subscriptions/{}/resourcegroups/{group}/deployments/{name}/operations", self.subscription_id());
        let all = self.whole_list(&path, VERSION).await?;
        Ok(all.iter().map(read_operation).collect())
    }

    /// The template that a deployment was made from; `None` where there is no such deployment.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn export_template(&self, group: &GroupName, name: &DeploymentName) -> Result<Option<Value>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_resources::package_resources_2021_04, |sdk| sdk
            .deployments_client()
            .export_template(group.as_str(), name.as_str(), self.subscription_id().as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        answer.json()?.get("template").cloned().map(Some).ok_or_else(|| unreadable("it holds no template"))
    }

    /// Deploys, in incremental mode. Sent once; whether it took effect after an error, [`ArmError::reach`] tells.
    ///
    /// # Errors
    /// When Azure refuses it, or it is not known whether Azure has it.
    pub async fn deploy(
        &self,
        group: &GroupName,
        name: &DeploymentName,
        request: &DeploymentRequest,
        ids: &RequestIds,
    ) -> Result<Started, ArmError> {
        let body = SdkDeployment::new(properties(request)?);
        let permit = Permit::deploy(self.subscription_id(), group, name);
        sdk_change!(self, azure_mgmt_resources::package_resources_2021_04, permit, ids, |sdk| sdk
            .deployments_client()
            .create_or_update(group.as_str(), name.as_str(), body, self.subscription_id().as_str()))
    }
}

/// What is sent of a template.
pub(super) fn properties(request: &DeploymentRequest) -> Result<DeploymentProperties, ArmError> {
    let unsendable = |why: String| Err(ArmError::new(ErrorKind::Unsendable(why)));
    if !request.template.is_object() || !(request.parameters.is_object() || request.parameters.is_null()) {
        return unsendable("template and parameters have to be JSON objects".to_owned());
    }
    let bytes = request.template.to_string().len() + request.parameters.to_string().len();
    if bytes > DEPLOYMENT_BODY_BYTES_MAX {
        return unsendable(format!(
            "template and parameters have {bytes} bytes, more than {DEPLOYMENT_BODY_BYTES_MAX}"
        ));
    }
    let mut properties = DeploymentProperties::new(Mode::Incremental);
    properties.template = Some(request.template.clone());
    properties.parameters = Some(request.parameters.clone()).filter(Value::is_object);
    Ok(properties)
}

fn read_deployment(value: &Value) -> Option<Deployment> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let owned = |pointer| text(pointer).unwrap_or_default().to_owned();
    let part = |pointer: &str| value.pointer(pointer).cloned().unwrap_or(Value::Null);
    let duration = text("/properties/duration").and_then(|text| text.parse::<SignedDuration>().ok());
    Some(Deployment {
        name: text("/name")?.to_owned(),
        id: owned("/id"),
        state: DeploymentState::of(text("/properties/provisioningState").unwrap_or_default()),
        mode: owned("/properties/mode"),
        timestamp: text("/properties/timestamp").and_then(|text| text.parse().ok()),
        correlation_id: text("/properties/correlationId").map(str::to_owned),
        duration: duration.and_then(|duration| duration.try_into().ok()),
        error: value.pointer("/properties/error").and_then(NestedError::from_value),
        parameters: part("/properties/parameters"),
    })
}

fn read_operation(value: &Value) -> Operation {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let target = value.pointer("/properties/targetResource").filter(|target| target.is_object()).map(|_| {
        let part = |key| text(&format!("/properties/targetResource/{key}"));
        OperationTarget { id: part("id"), kind: part("resourceType"), name: part("resourceName") }
    });
    let state = text("/properties/provisioningState");
    // A step that succeeded has a status message too, such as an empty object.
    let error = value.pointer("/properties/statusMessage").filter(|_| !state.eq_ignore_ascii_case("succeeded"));
    Operation {
        id: text("/operationId"),
        status_code: text("/properties/statusCode"),
        target,
        error: error.and_then(NestedError::from_value),
        state,
    }
}

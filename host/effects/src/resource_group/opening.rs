//! Opening a resource group: names checked, signed in, and the group found.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use repair_model::finding::FailureClass;
use repair_model::probe::ProbeSpec;
use repair_model::target::{AzureScope, Scope, Target};

use super::ResourceGroup;
use super::request::{GroupRequest, ParameterSource};
use crate::azure::client::{Arm, ArmOptions};
use crate::azure::cloud::Cloud;
use crate::azure::credential::CredentialChoice;
use crate::azure::error::{ArmError, ErrorKind};
use crate::azure::names::{DeploymentName, GroupName, NameError, SubscriptionId};
use crate::azure::transport::HttpOptions;

/// How to reach a resource group.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// What is asked for.
    pub request: GroupRequest,
    /// What relative paths of it are relative to, and where `repair.toml` lies; absolute.
    pub directory: PathBuf,
    /// Which Azure.
    pub cloud: Cloud,
    /// Who asks.
    pub credential: CredentialChoice,
    /// How connections are made.
    pub http: HttpOptions,
    /// The value of `PATH`, in which a Bicep compiler is looked for.
    pub path_var: OsString,
    /// Probes that `repair.toml` declares.
    pub probes: Vec<ProbeSpec>,
    /// Where in the directory the projection of a session is put; `None` for nowhere.
    pub projection: Option<String>,
    /// Set when the person wants to stop.
    pub interrupted: Arc<AtomicBool>,
    /// When a command failed that was to deploy: a deployment that succeeded before is not what was wanted. Azure keeps nothing
    /// of one that it refuses beforehand.
    pub wanted_at: Option<Timestamp>,
    /// How long an operation that a lost process began is waited for.
    pub wait: Duration,
}

/// Why a resource group cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum OpenGroupError {
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Azure cannot be asked, or refuses.
    #[error(transparent)]
    Azure(#[from] ArmError),
    /// There is no such group.
    #[error("there is no resource group `{group}` in subscription {subscription}")]
    NoGroup {
        /// Its name.
        group: String,
        /// Where it was looked for.
        subscription: String,
    },
    /// There is no such deployment, and nothing that could be deployed.
    #[error("there is no deployment `{deployment}` in resource group `{group}`")]
    NoDeployment {
        /// Its name.
        deployment: String,
        /// Where it was looked for.
        group: String,
    },
}

impl OpenGroupError {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Name(name) if name.field.contains("subscription") => {
                vec!["`az account list --output table` lists the subscriptions with their ids".to_owned()]
            }
            Self::Name(name) if name.field.contains("deployment") => {
                vec![
                    "`az deployment group list --resource-group GROUP --output table` lists the deployments".to_owned(),
                ]
            }
            Self::Name(_) => vec!["`az group list --output table` lists the groups of a subscription".to_owned()],
            Self::Azure(error) => error.hints(),
            Self::NoGroup { group, subscription } => vec![
                format!("`az group list --subscription {subscription} --output table` lists those that there are"),
                format!("`az group create --subscription {subscription} --name {group} --location REGION` makes it"),
            ],
            Self::NoDeployment { group, .. } => vec![
                format!(
                    "`az deployment group list --resource-group {group} --output table` lists those that there are"
                ),
                "give the template with --template FILE if it was never deployed".to_owned(),
            ],
        }
    }

    /// The failure that it is an instance of, where it is one of the deployment rather than of the call.
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::NoGroup { .. } => Some(FailureClass::AzureResourceGroupNotFound),
            Self::Azure(error) => Some(error.class()).filter(|class| *class != FailureClass::Unknown),
            Self::Name(_) | Self::NoDeployment { .. } => None,
        }
    }

    /// Whether the call has to be made in another way, rather than something mended.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Name(_) | Self::NoDeployment { .. } => true,
            Self::Azure(error) => {
                matches!(error.kind, ErrorKind::AmbiguousSubscription(_) | ErrorKind::Name(_))
            }
            Self::NoGroup { .. } => false,
        }
    }
}

impl ResourceGroup {
    /// Signs in and finds the group.
    ///
    /// # Errors
    /// When a name is not one, nobody is signed in, or there is no such group.
    pub async fn open(options: GroupOptions) -> Result<Self, OpenGroupError> {
        let GroupOptions { request, directory, cloud, credential, http, path_var, .. } = options;
        let group = GroupName::new(&request.group)?;
        let deployment = request.deployment.as_deref().map(DeploymentName::new).transpose()?;
        let subscription = request.subscription.as_deref().map(SubscriptionId::new).transpose()?;
        let arm = Arm::connect(ArmOptions { cloud, subscription, credential, http }).await?;
        let arm = arm.with_patience(options.interrupted.clone());
        let subscription = arm.subscription_id().to_string();
        let Some(found) = arm.group(&group).await? else {
            return Err(OpenGroupError::NoGroup { group: group.to_string(), subscription });
        };
        // The group's own spelling, so that a path and a record always have the same.
        let group = GroupName::new(&found.name).unwrap_or(group);
        let mut files = Vec::new();
        let mut values = Vec::new();
        for source in &request.parameters {
            match source {
                ParameterSource::File(file) => files.push(directory.join(file)),
                ParameterSource::Value { name, .. } => values.push(name.clone()),
            }
        }
        let scope = AzureScope {
            subscription,
            deployment: request.deployment.clone(),
            template: request.template.as_ref().map(|template| directory.join(template)),
            parameters: files,
            values,
            obstacle: request.obstacle.clone(),
        };
        let target = Target {
            endpoint: arm.cloud().resource_manager().as_str().trim_end_matches('/').to_owned(),
            directory: directory.clone(),
            project: group.to_string(),
            scope: Scope::Azure(scope),
        };
        let mut opened = Self {
            arm,
            target,
            group,
            request,
            directory,
            path_var,
            probes: options.probes,
            projection: options.projection,
            interrupted: options.interrupted,
            wanted_at: options.wanted_at,
            is_guessed: deployment.is_none(),
            wait: options.wait,
            foreseen: None,
            has_waited_in_vain: false,
        };
        let lineage = opened.lineage().await?;
        if let (Some(name), None, None) = (deployment, &opened.request.template, &lineage.current) {
            let (deployment, group) = (name.to_string(), opened.group.to_string());
            return Err(OpenGroupError::NoDeployment { deployment, group });
        }
        // Which one is meant is found out once; what a session does must not change that.
        opened.request.deployment = Some(lineage.name.clone());
        if let Scope::Azure(scope) = &mut opened.target.scope {
            scope.deployment = Some(lineage.name);
        }
        Ok(opened)
    }
}

//! What deploying once more would do, by Azure's preview. It is evidence and no proof: names that a deleted vault holds are
//! not seen by it.

use repair_model::azure::{WantedChange, WantedResource};
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::TargetError;

use super::template::{self, Loaded, NotLoaded, load};
use super::{ResourceGroup, refusal, target_error};
use crate::azure::deployments::DeploymentRequest;
use crate::azure::error::ArmError;
use crate::azure::names::{DeploymentName, Location};
use crate::azure::what_if::{ChangeType, WhatIfChange};

/// What would be sent, and what it would do.
#[derive(Clone, Debug)]
pub(super) struct Foreseen {
    pub(super) loaded: Loaded,
    /// In order of id, without what stays untouched.
    pub(super) resources: Vec<WantedResource>,
}

impl ResourceGroup {
    /// Template and parameters as they are now: from the files that were named, else as Azure kept them of the deployment.
    pub(super) async fn load(&self) -> Result<Loaded, NotLoaded> {
        match &self.request.template {
            None if self.request.obstacle.is_none() => self.exported().await,
            _ => load(&self.directory, &self.request, &self.path_var).await,
        }
    }

    async fn exported(&self) -> Result<Loaded, NotLoaded> {
        let unknown = |error: ArmError| NotLoaded(redacted(&error.to_string()));
        let current = self.lineage().await.map_err(unknown)?.current;
        let name = current.as_ref().and_then(|current| DeploymentName::new(&current.name).ok());
        let (Some(current), Some(name)) = (current, name) else { return Err(NotLoaded::unnamed()) };
        let template = self.arm.export_template(&self.group, &name).await.map_err(unknown)?;
        let template = template.ok_or_else(NotLoaded::unnamed)?;
        template::exported(template, &current.parameters, &self.directory, &self.request)
    }

    /// The preview of `name`, taken once and then remembered until something may have changed.
    pub(super) async fn foresee(&mut self, name: &str) -> Result<Foreseen, TargetError> {
        if let Some(foreseen) = &self.foreseen {
            return Ok(foreseen.clone());
        }
        let loaded = self.load().await.map_err(|error| refusal(error.to_string()))?;
        let name = DeploymentName::new(name).map_err(|error| refusal(error.to_string()))?;
        let request = request_of(&loaded);
        let what_if = self.arm.what_if(&self.group, &name, &request, &|| self.interrupted()).await;
        let what_if = what_if.map_err(|error| {
            let told = target_error(&error);
            TargetError { what: format!("Azure cannot say what deploying would do: {}", told.what), ..told }
        })?;
        let mut resources: Vec<WantedResource> = what_if.changes.iter().filter_map(wanted).collect();
        resources.sort_by_key(|resource| resource.id.to_lowercase());
        Ok(self.foreseen.insert(Foreseen { loaded, resources }).clone())
    }
}

/// What is sent.
pub(super) fn request_of(loaded: &Loaded) -> DeploymentRequest {
    DeploymentRequest { template: loaded.template.clone(), parameters: loaded.parameters.clone() }
}

/// A resource that the template wants; `None` for one that it leaves alone. Whether something that exists would be changed
/// or is so already, Azure's preview cannot tell reliably ("noise"), so both count as written.
fn wanted(change: &WhatIfChange) -> Option<WantedResource> {
    let id = change.resource();
    let change_of = match change.change_type {
        ChangeType::Ignore => return None,
        ChangeType::Create => WantedChange::Create,
        ChangeType::Deploy | ChangeType::NoChange | ChangeType::Modify => WantedChange::Write,
        ChangeType::Delete => WantedChange::Delete,
        ChangeType::Unsupported | ChangeType::Other => WantedChange::Unsupported,
    };
    let location = [&change.after, &change.before].into_iter().find_map(|side| side.get("location")?.as_str());
    Some(WantedResource {
        // An id that cannot be read as one still has to be shown and compared.
        resource_type: id.as_ref().and_then(|id| id.resource_type()).unwrap_or_default(),
        name: id.as_ref().map(|id| id.name().to_owned()).unwrap_or_default(),
        id: change.resource_id.clone(),
        location: location.and_then(|location| Location::new(location).ok()).map(|location| location.to_string()),
        change: change_of,
    })
}

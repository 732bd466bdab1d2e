//! Failures of resources that a test writes beforehand.

use serde_json::{Value, json};

/// When a scripted failure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before anything is done: the deployment itself is refused, with the failure among its details.
    Preflight,
    /// While the deployment runs: the deployment fails.
    Run,
}

/// A failure that meets a resource of a deployment so many times.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptedFailure {
    /// A part of the resource's id, whatever the case.
    pub resource: String,
    /// How many times it still comes.
    pub times: u32,
    /// When.
    pub stage: Stage,
    /// The HTTP status that the provider answers.
    pub status: u16,
    /// The value of `error` that the provider answers: an object with `code` and `message`.
    pub error: Value,
}

impl ScriptedFailure {
    /// One failure of one's own making.
    pub fn new(resource: &str, stage: Stage, status: u16, code: &str, message: &str) -> Self {
        let error = json!({"code": code, "message": message});
        Self { resource: resource.to_owned(), times: 1, stage, status, error }
    }

    /// So many of them instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// `QuotaExceeded`, before anything is done.
    pub fn quota(resource: &str) -> Self {
        Self::new(
            resource,
            Stage::Preflight,
            400,
            "QuotaExceeded",
            "Operation could not be completed as it results in exceeding approved standardBSFamily Cores quota. \
             Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current \
             Usage: 10, Additional Required: 1, (Minimum) New Limit Required: 11. Submit a request for Quota increase \
             at https://aka.ms/ProdportalCRP/.",
        )
    }

    /// `SkuNotAvailable`, before anything is done.
    pub fn sku_not_available(resource: &str) -> Self {
        Self::new(
            resource,
            Stage::Preflight,
            409,
            "SkuNotAvailable",
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_B1ms' \
             is currently not available in location 'westeurope'. Please try another size or deploy to a different \
             location or different zone. See https://aka.ms/azureskunotavailable for details.",
        )
    }

    /// `RequestDisallowedByPolicy`, before anything is done.
    pub fn disallowed_by_policy(resource: &str) -> Self {
        Self::new(
            resource,
            Stage::Preflight,
            403,
            "RequestDisallowedByPolicy",
            "Resource was disallowed by policy. Policy identifiers: '[{\"policyAssignment\":{\"name\":\"Allowed \
             locations\"},\"policyDefinition\":{\"name\":\"Allowed locations\"}}]'.",
        )
    }

    /// `InternalServerError` while the deployment runs.
    pub fn internal_error(resource: &str) -> Self {
        Self::new(
            resource,
            Stage::Run,
            500,
            "InternalServerError",
            "An unexpected error occured while processing the request. Tracking ID: \
             '6bc64c96-eeeb-42f5-b2cb-e99f68fd85bb'",
        )
    }

    pub(crate) fn meets(&self, id: &str, stage: Stage) -> bool {
        let id = id.to_ascii_lowercase();
        self.times > 0 && self.stage == stage && id.contains(&self.resource.to_ascii_lowercase())
    }
}

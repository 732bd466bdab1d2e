//! Deployments of templates to a resource group, running and past.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What becomes of resources that a template does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Incremental,
    /// They are deleted.
    Complete,
}

impl Mode {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "Incremental",
            Self::Complete => "Complete",
        }
    }
}

/// How far a deployment is, or one of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Under way.
    Running,
    /// All went well.
    Succeeded,
    /// Something went wrong.
    Failed,
    /// Somebody called it off.
    Canceled,
}

impl Progress {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

/// A deployment to a resource group.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Id of its subscription.
    pub subscription: String,
    /// Name of its resource group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// What becomes of other resources.
    pub mode: Mode,
    /// Its template.
    pub template: Value,
    /// The values of its parameters after defaults, secrets included.
    pub parameters: Map<String, Value>,
    /// How far it is.
    pub progress: Progress,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The id that ties its traces together.
    pub correlation_id: String,
    /// The value of `error`, after a failure: an object; else null.
    pub error: Value,
    /// The value of `outputs`, after success: an object; else null.
    pub outputs: Value,
    /// What was done for it, in the order in which it began.
    pub operations: Vec<DeploymentOperation>,
    pub(crate) steps: Vec<Step>,
    pub(crate) operation_id: String,
}

impl Deployment {
    /// `/subscriptions/…/resourceGroups/…/providers/Microsoft.Resources/deployments/…`.
    pub fn id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Resources/deployments/{}",
            self.subscription, self.group, self.name
        )
    }

    /// Whether it lies in this group under this name.
    pub(crate) fn is(&self, subscription: &str, group: &str, name: &str) -> bool {
        self.subscription.eq_ignore_ascii_case(subscription)
            && self.group.eq_ignore_ascii_case(group)
            && self.name.eq_ignore_ascii_case(name)
    }
}

/// What a deployment did with one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentOperation {
    /// Its id, without the deployment's.
    pub operation_id: String,
    /// `Create`, `Read` or `EvaluateDeploymentOutput`.
    pub kind: &'static str,
    /// How far it is.
    pub progress: Progress,
    /// Id, type and name of the resource; nothing for the outputs.
    pub target: Option<(String, String, String)>,
    /// The HTTP status as a word, such as `OK` or `Conflict`.
    pub status_code: String,
    /// What the provider answered, when it failed: an object with `error`; else null.
    pub status_message: Value,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A resource that a running deployment still has to deal with, or has dealt with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The entry of the template, expressions and all.
    pub(crate) source: Value,
    /// Indices of the steps that come first.
    pub(crate) after: Vec<usize>,
    /// `None` until it begins.
    pub(crate) progress: Option<Progress>,
    /// Index of its operation, once it has begun.
    pub(crate) operation: usize,
}

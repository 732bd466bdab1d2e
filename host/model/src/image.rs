//! The images that the target's services are made from, as the engine has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The image of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceImage {
    /// The service.
    pub service: String,
    /// The reference, as the effective model has it or as Compose would name what it builds.
    pub image: String,
    /// Whether the engine has it.
    pub present: bool,
    /// Whether the service has a `build` section, so that the image may exist in no registry.
    pub built: bool,
    /// The service's `pull_policy`, where it has one.
    pub pull_policy: Option<String>,
}

//! Networks of the engine, as far as they concern the target: its own by label, and those that have a name it wants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::container::ContainerRef;

/// One network of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Its name; the engine does not keep names unique.
    pub name: String,
    /// Full id.
    pub id: String,
    /// Compose project, by its label.
    pub project: Option<String>,
    /// Key within that project, by the label `com.docker.compose.network`.
    pub key: Option<String>,
    /// Key of the effective model's network that wants this name; `None` if the model wants no network of that name.
    pub wanted_as: Option<String>,
    /// Containers that are attached to it, running or not, in order of name.
    pub attached: Vec<ContainerRef>,
    /// Its subnets in CIDR notation.
    pub subnets: Vec<String>,
    /// Its driver, such as `bridge`.
    pub driver: String,
}

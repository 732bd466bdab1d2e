//! Bounded, redacted text that was seen, with where it came from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a piece of evidence comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// The output of the wrapped command.
    Command,
    /// A file that a person handed over.
    File(String),
    /// The engine's error on the container of that name.
    ContainerError(String),
    /// The output of the repair's own `compose up`.
    ComposeUp,
    /// What Compose says of a project that it refuses.
    ComposeConfig,
    /// What Azure says of the deployment of that name.
    ArmDeployment(String),
    /// What Azure answered to a look or a request of `repair`.
    ArmAnswer,
}

/// One source of text. Already redacted, split into lines and bounded; never a source of targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where it comes from.
    pub provenance: Provenance,
    /// Its lines, without line ends.
    pub lines: Vec<String>,
    /// Whether something at the start was cut.
    pub truncated: bool,
    /// Lines of the source before the first of [`Self::lines`], so that a proof names the line of the source.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lines_before: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(lines: &u64) -> bool {
    *lines == 0
}

//! The missing-secret repair tool: lets the host draw a value for a secret that the project needs and that stands nowhere.
//!
//! It refuses whatever is not plainly a secret that any random value will do for: an address, a name or a switch is named
//! for a person to set. It never sees a value, and a variable that has one is never touched. The text of a failure only
//! says whether the variable is what failed; that it is empty, and who uses it, is observed.

mod decide;
mod declines;
mod words;

pub use decide::decide;

use repair_tool_sdk::case::Case;
use repair_tool_sdk::env_value::ValueEncoding;
use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// See the crate.
pub struct MissingSecret;

/// What `[tools.missing-secret]` in `repair.toml` may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Random bytes behind each value; the text is longer.
    #[schemars(range(min = 16, max = 64))]
    pub bytes: u16,
    /// How they are written.
    pub encoding: Encoding,
}

/// How random bytes become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Two lower-case hexadecimal digits for each byte.
    Hex,
    /// The URL-safe alphabet of Base64 without padding.
    Base64,
    /// ASCII letters and digits.
    Alphanumeric,
}

impl Default for Params {
    fn default() -> Self {
        Self { bytes: 32, encoding: Encoding::Hex }
    }
}

impl From<Encoding> for ValueEncoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Hex => Self::Hex,
            Encoding::Base64 => Self::Base64,
            Encoding::Alphanumeric => Self::Alphanumeric,
        }
    }
}

impl Tool for MissingSecret {
    type Params = Params;
    const ID: &'static str = "missing-secret";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Draws a value for a secret that the project needs and that stands nowhere.";
    /// Of `docker-container-crash-loop` this tool takes the cases in which the container itself names the variable;
    /// `collect-logs` takes the rest.
    const HANDLES: &'static [FailureClass] =
        &[FailureClass::DockerComposeInvalidFile, FailureClass::DockerContainerCrashLoop];
    const SEES: &'static [QueryKind] =
        &[QueryKind::EmptyVariables, QueryKind::Containers, QueryKind::ContainerLog, QueryKind::ComposeModel];
    const MAY: &'static [ActionKind] = &[ActionKind::SetEnvValue, ActionKind::ComposeUp];

    fn propose(case: &Case, params: Params) -> Result<Reply, Stop> {
        decide(case, &params)
    }
}

repair_tool_sdk::export!(MissingSecret);

#[cfg(test)]
mod tests;

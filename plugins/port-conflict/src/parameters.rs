//! What `[tools.port-conflict]` in `repair.toml` may say.

use std::collections::BTreeSet;

use repair_tool_sdk::reply::by_count;
use repair_tool_sdk::tool::ToolError;
use schemars::JsonSchema;
use serde::Deserialize;

/// The tool's parameters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Ports that only make sense together. When one of a bundle's `from` has to move, all of them do, to its `to`; the
    /// first bundle that can be used is. Without one, the nearest free port is taken.
    #[schemars(length(max = 16))]
    pub bundles: Vec<Bundle>,
    /// Whether a bundle may move the port of a service that runs, which replaces its container. If not, such a bundle
    /// is not used.
    pub recreate_running: bool,
}

/// Ports that move together, position by position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Where the project publishes them now; it has to publish all of them.
    #[schemars(length(min = 1, max = 16), inner(range(min = 1)))]
    pub from: Vec<u16>,
    /// Where they go; as many as in `from`.
    #[schemars(length(min = 1, max = 16), inner(range(min = 1)))]
    pub to: Vec<u16>,
}

impl Default for Params {
    fn default() -> Self {
        Self { bundles: Vec::new(), recreate_running: true }
    }
}

impl Params {
    /// Checks what the schema cannot say.
    ///
    /// # Errors
    /// Names the first bundle that contradicts itself.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        self.bundles.iter().enumerate().try_for_each(|(at, bundle)| {
            bundle.check().map_err(|what| ToolError {
                code: "bundle".to_owned(),
                message: format!("`bundles[{at}]` of the tool `port-conflict` {what}"),
                hint: Some("correct it in repair.toml: as many different ports in `to` as in `from`".to_owned()),
            })
        })
    }
}

impl Bundle {
    fn check(&self) -> Result<(), String> {
        if self.from.is_empty() || self.from.len() != self.to.len() {
            let ports = by_count(self.from.len(), "port", "ports");
            return Err(format!("has {} {ports} in `from` and {} in `to`", self.from.len(), self.to.len()));
        }
        let mut seen = BTreeSet::new();
        match self.from.iter().chain(&self.to).find(|port| **port == 0 || !seen.insert(**port)) {
            Some(0) => Err("names port 0".to_owned()),
            Some(port) => Err(format!("names port {port} twice")),
            None => Ok(()),
        }
    }
}

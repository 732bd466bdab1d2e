//! `repair.toml` of a project: preferences, and nothing that loosens.

use std::collections::BTreeMap;
use std::path::PathBuf;

use repair_model::limits::SETTINGS_BYTES_MAX;
use repair_model::probe::ProbeSpec;
use schemars::JsonSchema;
use serde::Deserialize;

/// The file's name, in the project directory.
pub const FILE_NAME: &str = "repair.toml";

/// What a project may say. Unknown keys are refused, so that a typo never passes for a setting.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Parameters of each tool, by its id; checked against the tool's own schema.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub tools: BTreeMap<String, toml::Table>,
    /// Probes that have to pass before the project counts as healthy.
    #[serde(rename = "probe")]
    pub probes: Vec<ProbeSpec>,
    /// Where other programs look for the state of a session.
    pub projection: Option<ProjectionSettings>,
    /// The Azure deployment that is healed where there is no Compose project, or where `--azure` names its group.
    pub azure: Option<AzureSettings>,
}

/// An Azure deployment. It says what, never where to sign in or as whom: that is for whoever calls.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureSettings {
    /// The resource group.
    pub resource_group: String,
    /// The deployment; without one the newest of the group.
    pub deployment: Option<String>,
    /// Id of the subscription; without one that of the login.
    pub subscription: Option<String>,
    /// The template, ARM JSON or Bicep, relative to the project directory.
    pub template: Option<PathBuf>,
    /// Files of parameters, ARM JSON, relative to the project directory.
    #[serde(default)]
    pub parameters: Vec<PathBuf>,
}

/// A file of the project that follows the state of each session, beside the one in the state folder. It is never read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectionSettings {
    /// Its path below the project directory, with `{id}` in the place of the session's id, such as
    /// `.azure/deployments/{id}/tracking/phase-state.json`.
    pub path: String,
}

/// A `repair.toml` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{FILE_NAME}: {0}")]
pub struct SettingsError(String);

impl Settings {
    /// Reads the text of a `repair.toml`.
    ///
    /// # Errors
    /// With line and column of what is wrong.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        if text.len() > SETTINGS_BYTES_MAX {
            return Err(SettingsError(format!("has {} bytes; at most {SETTINGS_BYTES_MAX} are read", text.len())));
        }
        toml::from_str(text).map_err(|error| SettingsError(error.to_string()))
    }

    /// The parameters of one tool as JSON; an empty object when the file says nothing.
    pub fn params(&self, tool: &str) -> serde_json::Value {
        let table = self.tools.get(tool).cloned().unwrap_or_default();
        serde_json::to_value(table).unwrap_or_else(|_| serde_json::Value::Object(serde_json::Map::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_says_nothing() {
        let settings = Settings::parse("").expect("valid");
        assert!(settings.probes.is_empty());
        assert_eq!(settings.params("port-conflict"), serde_json::json!({}));
    }

    #[test]
    fn a_projection_is_asked_for_with_its_path_and_nothing_else() {
        let settings = Settings::parse("[projection]\npath = \"state/{id}.json\"\n").expect("valid");
        assert_eq!(settings.projection.expect("asked for").path, "state/{id}.json");
        assert!(Settings::parse("[projection]\nfile = \"x\"\n").is_err());
        assert!(Settings::parse("[projection]\n").is_err());
    }

    #[test]
    fn an_azure_deployment_says_what_and_never_where_to_sign_in() {
        let settings = Settings::parse("[azure]\nresource_group = \"rg\"\ntemplate = \"main.json\"\n").expect("valid");
        assert_eq!(settings.azure.expect("asked for").template, Some(PathBuf::from("main.json")));
        for foreign in ["endpoint = \"https://example.org\"", "login = \"azure-cli\"", "client_secret = \"x\""] {
            assert!(Settings::parse(&format!("[azure]\nresource_group = \"rg\"\n{foreign}\n")).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_typo_is_an_error_that_names_it() {
        let error = Settings::parse("[tool.port-conflict]\nbundles = []\n").expect_err("`tool` is not `tools`");
        assert!(error.to_string().contains("tool"), "{error}");
    }

    #[test]
    fn bundles_reach_the_tool_as_json() {
        let settings = Settings::parse("[[tools.port-conflict.bundles]]\nfrom = [8080]\nto = [8085]\n").expect("valid");
        assert_eq!(settings.params("port-conflict"), serde_json::json!({"bundles": [{"from": [8080], "to": [8085]}]}));
    }
}

//! Parameters of a tool, checked against the schema in its manifest before the tool sees them.
//!
//! The schema is the tool's, and it is the host that works it out. So its references and patterns are counted when the
//! manifest is read, and a pattern is held to the size and to the linear time of an engine that never goes back.

use jsonschema::PatternOptions;
use repair_model::limits::PARAMS_PATTERN_BYTES_MAX;

/// Parameters that their own tool does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("repair.toml: [tools.{tool}]{place}: {what}")]
pub struct ParamsError {
    /// The tool's id.
    pub tool: String,
    /// JSON pointer into the parameters; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Whether `params` fit `schema` (JSON Schema 2020-12). No remote reference is ever followed.
///
/// # Errors
/// At the first place that does not fit.
pub fn check_params(tool: &str, schema: &str, params: &serde_json::Value) -> Result<(), ParamsError> {
    let fail = |place: String, what: String| ParamsError { tool: tool.to_owned(), place, what };
    let schema: serde_json::Value = serde_json::from_str(schema)
        .map_err(|error| fail(String::new(), format!("the schema in the tool's manifest is not JSON: {error}")))?;
    let patterns = PatternOptions::regex().size_limit(PARAMS_PATTERN_BYTES_MAX);
    let validator = jsonschema::draft202012::options()
        .with_pattern_options(patterns)
        .build(&schema)
        .map_err(|error| fail(String::new(), format!("the schema in the tool's manifest is not valid: {error}")))?;
    match validator.iter_errors(params).next() {
        None => Ok(()),
        Some(error) => Err(fail(error.instance_path().to_string(), error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": { "tries": { "type": "integer", "minimum": 1 } },
        "additionalProperties": false
    }"#;

    #[test]
    fn fitting_parameters_pass() {
        assert_eq!(check_params("t", SCHEMA, &serde_json::json!({ "tries": 2 })), Ok(()));
        assert_eq!(check_params("t", SCHEMA, &serde_json::json!({})), Ok(()));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_place() {
        let error = check_params("t", SCHEMA, &serde_json::json!({ "tries": 0 })).expect_err("below 1");
        assert_eq!(error.place, "/tries");
        assert!(check_params("t", SCHEMA, &serde_json::json!({ "trys": 1 })).is_err());
    }

    #[test]
    fn a_remote_reference_is_not_followed() {
        let schema = r#"{ "$ref": "http://127.0.0.1:1/schema.json" }"#;
        assert!(check_params("t", schema, &serde_json::json!({})).is_err());
    }

    #[test]
    fn a_pattern_is_bounded_in_size_and_takes_linear_time() {
        let check = |pattern: &str, text: &str| {
            let schema = serde_json::json!({ "properties": { "a": { "pattern": pattern } } }).to_string();
            check_params("t", &schema, &serde_json::json!({ "a": text })).map_err(|error| error.to_string())
        };
        assert_eq!(check(r"^[a-z0-9-]{1,63}$", "shop"), Ok(()));
        assert_eq!(check(r"^(a+)+$", &"a".repeat(10_000)), Ok(()));
        // Tens of megabytes, and a pattern that has to be tried over and over.
        for pattern in [r"^\p{L}{1,300}$", r"^(?=(a+)+$)(a|aa)+b$"] {
            let error = check(pattern, "shop").expect_err("refused");
            assert!(
                error.starts_with("repair.toml: [tools.t]: the schema in the tool's manifest is not valid"),
                "{error}"
            );
        }
    }
}

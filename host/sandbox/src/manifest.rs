//! Checks what a tool says of itself and parses every name in it.
//!
//! A name that this host does not know is refused with the names that it knows: a tool that expects more than there is
//! must not half work.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use repair_model::action::ActionKind;
use repair_model::finding::FailureClass;
use repair_model::ids::Digest;
use repair_model::limits::{
    PARAMS_PATTERNS_MAX, PARAMS_SCHEMA_BYTES_MAX, PARAMS_SCHEMA_DEPTH_MAX, PARAMS_SCHEMA_VALUES_MAX, TOOL_ID_BYTES_MAX,
    TOOL_SUMMARY_BYTES_MAX, TOOL_VERSION_BYTES_MAX,
};
use repair_model::query::QueryKind;
use repair_model::text::{escaped, is_spaced_plainly};
use repair_model::tool::{Manifest, ToolRef};
use serde_json::Value;

use crate::bindings::said;
use crate::fault::{Fault, listed, quoted};

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestFault {
    #[error("its manifest differs between two calls of `describe`")]
    Unsteady,
    #[error(
        "its id `{0}` is not made of lower-case words joined by hyphens and beginning with a letter, at most {TOOL_ID_BYTES_MAX} characters"
    )]
    Id(String),
    #[error("its version `{0}` is not a semantic version")]
    Version(String),
    #[error(
        "its summary is empty, longer than {TOOL_SUMMARY_BYTES_MAX} bytes or not one plain line with single blanks"
    )]
    Summary,
    #[error(
        "its contact is empty, longer than {TOOL_SUMMARY_BYTES_MAX} bytes or not one plain line with single blanks"
    )]
    Contact,
    #[error("`{field}` names `{name}`, which this host does not know; it knows {known}")]
    UnknownName { field: &'static str, name: String, known: String },
    #[error("`{field}` names `{name}` twice")]
    NamedTwice { field: &'static str, name: String },
    #[error("`handles` is empty, so it would never be asked")]
    HandlesNothing,
    #[error("`params-schema` has {bytes} bytes, more than the limit of {PARAMS_SCHEMA_BYTES_MAX} bytes")]
    SchemaSize { bytes: usize },
    #[error("`params-schema` is not JSON: {0}")]
    SchemaNotJson(String),
    #[error("`params-schema` is not a JSON object")]
    SchemaNotObject,
    #[error("`params-schema` is nested deeper than the limit of {PARAMS_SCHEMA_DEPTH_MAX} levels, references followed")]
    SchemaDepth,
    #[error("`params-schema` has more than the limit of {PARAMS_SCHEMA_VALUES_MAX} values, references followed")]
    SchemaValues,
    #[error("`params-schema` has more than the limit of {PARAMS_PATTERNS_MAX} patterns, references followed")]
    SchemaPatterns,
    #[error("`params-schema` refers to `{0}`, which lies outside it")]
    SchemaReference(String),
    #[error("`params-schema` refers to `{0}`, which is no place in it")]
    SchemaPlace(String),
    #[error("`params-schema` gives a part of itself the id `{0}`, so nobody can tell where its references lead")]
    SchemaId(String),
}

impl Fault for ManifestFault {
    fn fix(&self) -> String {
        match self {
            Self::Unsteady => "let `describe` return constants".to_owned(),
            Self::Id(_) => "choose an id such as `port-conflict`".to_owned(),
            Self::Version(_) => "use a version such as `0.1.0`".to_owned(),
            Self::Summary => "say in one short sentence what it repairs".to_owned(),
            Self::Contact => "give a URL or an address, or none".to_owned(),
            Self::UnknownName { .. } => {
                "correct the name, or use the release of repair that the tool was written for".to_owned()
            }
            Self::NamedTwice { .. } => "name it once".to_owned(),
            Self::HandlesNothing => "name the classes of findings that it repairs".to_owned(),
            Self::SchemaSize { .. } | Self::SchemaDepth | Self::SchemaValues | Self::SchemaPatterns => {
                "use fewer and simpler parameters".to_owned()
            }
            Self::SchemaNotJson(_) | Self::SchemaNotObject => {
                "return a JSON Schema; `{\"type\":\"object\"}` allows any parameters".to_owned()
            }
            Self::SchemaReference(_) | Self::SchemaPlace(_) => {
                "put what it refers to under `$defs` and refer to `#/$defs/…`".to_owned()
            }
            Self::SchemaId(_) => "leave out every `$id` but the outermost".to_owned(),
        }
    }
}

/// Everything that is wrong with a manifest; never nothing. An author who mends one thing at a time would have to build
/// the tool as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestFaults(Vec<ManifestFault>);

impl fmt::Display for ManifestFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0, ToString::to_string))
    }
}

impl Fault for ManifestFaults {
    fn fix(&self) -> String {
        joined(&self.0, Fault::fix)
    }
}

fn joined(faults: &[ManifestFault], words: impl Fn(&ManifestFault) -> String) -> String {
    faults.iter().map(words).collect::<Vec<_>>().join("; ")
}

/// The checked manifest of the component with that digest.
pub(crate) fn checked(said: said::Manifest, component: Digest) -> Result<Manifest, ManifestFaults> {
    let mut faults = Vec::new();
    if !is_id(&said.id) {
        faults.push(ManifestFault::Id(quoted(&said.id)));
    }
    if said.version.len() > TOOL_VERSION_BYTES_MAX || semver::Version::parse(&said.version).is_err() {
        faults.push(ManifestFault::Version(quoted(&said.version)));
    }
    if !is_plain_line(&said.summary) {
        faults.push(ManifestFault::Summary);
    }
    if said.contact.as_deref().is_some_and(|contact| !is_plain_line(contact)) {
        faults.push(ManifestFault::Contact);
    }
    faults.extend(check_schema(&said.params_schema).err());
    let handles = named("handles", &said.handles, FailureClass::ALL, |class| class.as_str(), &mut faults);
    if said.handles.is_empty() {
        faults.push(ManifestFault::HandlesNothing);
    }
    let sees = named("sees", &said.sees, &QueryKind::ALL, |kind| kind.as_str(), &mut faults);
    let may = named("may", &said.may, &ActionKind::ALL, |kind| kind.as_str(), &mut faults);
    if !faults.is_empty() {
        return Err(ManifestFaults(faults));
    }
    Ok(Manifest {
        tool: ToolRef { id: said.id, version: said.version, component },
        summary: said.summary,
        handles,
        sees,
        may,
        params_schema: said.params_schema,
        contact: said.contact,
    })
}

/// Whether people can be shown it as it is.
fn is_plain_line(text: &str) -> bool {
    text.len() <= TOOL_SUMMARY_BYTES_MAX && escaped(text) == text && is_spaced_plainly(text)
}

/// Whether `text` matches `^[a-z][a-z0-9]*(-[a-z0-9]+)*$` within its length, so that it is safe as a file name too.
pub fn is_id(text: &str) -> bool {
    text.len() <= TOOL_ID_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// Parses the names of one field, up to the first that is wrong. Refusing repetitions bounds the list by what the host
/// knows.
fn named<T: Copy>(
    field: &'static str,
    names: &[String],
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    faults: &mut Vec<ManifestFault>,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let mut parsed = Vec::new();
    for name in names {
        let Some(known) = all.iter().copied().find(|known| name_of(*known) == name) else {
            let known = listed(all.iter().copied().map(&name_of));
            faults.push(ManifestFault::UnknownName { field, name: quoted(name), known });
            break;
        };
        if !seen.insert(name) {
            faults.push(ManifestFault::NamedTwice { field, name: name.clone() });
            break;
        }
        parsed.push(known);
    }
    parsed
}

fn check_schema(text: &str) -> Result<(), ManifestFault> {
    if text.len() > PARAMS_SCHEMA_BYTES_MAX {
        return Err(ManifestFault::SchemaSize { bytes: text.len() });
    }
    let schema = Value::from_str(text).map_err(|error| ManifestFault::SchemaNotJson(quoted(&error.to_string())))?;
    if !schema.is_object() {
        return Err(ManifestFault::SchemaNotObject);
    }
    Walk { schema: &schema, values_left: PARAMS_SCHEMA_VALUES_MAX, patterns_left: PARAMS_PATTERNS_MAX }
        .value(&schema, 1)
}

/// Goes through a schema as its validator would: a reference counts as if everything that it refers to stood there. So a
/// circle is too deep, and a few definitions that each refer twice to the next one are too many values, where a validator
/// would go on for hours.
struct Walk<'s> {
    schema: &'s Value,
    values_left: usize,
    patterns_left: usize,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), ManifestFault> {
        if depth > PARAMS_SCHEMA_DEPTH_MAX {
            return Err(ManifestFault::SchemaDepth);
        }
        self.values_left = self.values_left.checked_sub(1).ok_or(ManifestFault::SchemaValues)?;
        match value {
            Value::Object(members) => members.iter().try_for_each(|(key, member)| self.member(key, member, depth)),
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            _ => Ok(()),
        }
    }

    fn member(&mut self, key: &str, member: &Value, depth: usize) -> Result<(), ManifestFault> {
        match (key, member) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => self.reference(reference, depth),
            ("$id", Value::String(id)) if depth > 1 => Err(ManifestFault::SchemaId(quoted(id))),
            ("pattern", Value::String(_)) => self.patterns(1),
            ("patternProperties", Value::Object(patterns)) => self.patterns(patterns.len()),
            _ => Ok(()),
        }?;
        self.value(member, depth + 1)
    }

    fn reference(&mut self, reference: &str, depth: usize) -> Result<(), ManifestFault> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(ManifestFault::SchemaReference(quoted(reference)));
        };
        // A name in the place of a pointer leads to nothing. A validator decodes what is encoded, so that would lead
        // elsewhere than here.
        let schema = Some(self.schema).filter(|_| !pointer.contains('%'));
        let place = schema
            .and_then(|schema| schema.pointer(pointer))
            .ok_or_else(|| ManifestFault::SchemaPlace(quoted(reference)))?;
        self.value(place, depth + 1)
    }

    fn patterns(&mut self, count: usize) -> Result<(), ManifestFault> {
        self.patterns_left = self.patterns_left.checked_sub(count).ok_or(ManifestFault::SchemaPatterns)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> said::Manifest {
        said::Manifest {
            id: "port-conflict".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "Moves a service to a free port.".to_owned(),
            handles: vec!["docker-port-conflict".to_owned()],
            sees: vec!["compose-model".to_owned(), "port-owner".to_owned()],
            may: vec!["remap-port".to_owned()],
            params_schema: r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{}}}"##.to_owned(),
            contact: None,
        }
    }

    /// The manifest, or the only thing that is wrong with it.
    fn checked_with(change: impl FnOnce(&mut said::Manifest)) -> Result<Manifest, ManifestFault> {
        let mut manifest = said();
        change(&mut manifest);
        checked(manifest, Digest::from_bytes([7; 32])).map_err(|ManifestFaults(mut faults)| {
            let fault = faults.pop().expect("something is wrong");
            assert_eq!(faults, []);
            fault
        })
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut manifest = said();
        manifest.version = "one".to_owned();
        manifest.may = vec!["rm-rf".to_owned(), "remap-port".to_owned(), "remap-port".to_owned()];
        manifest.handles.clear();
        let faults = checked(manifest, Digest::from_bytes([7; 32])).expect_err("refused");
        let words = faults.to_string();
        let told: Vec<&str> = words.split("; ").filter(|part| !part.starts_with("it knows")).collect();
        assert_eq!(told[0], "its version `one` is not a semantic version");
        assert_eq!(told[1], "`handles` is empty, so it would never be asked");
        assert!(told[2].starts_with("`may` names `rm-rf`, which this host does not know"), "{told:?}");
        assert_eq!(told.len(), 3);
        assert!(faults.fix().contains("use a version such as") && faults.fix().contains("correct the name"));
    }

    #[test]
    fn a_good_manifest_passes_with_its_names_parsed() {
        let manifest = checked_with(|_| {}).expect("a manifest");
        assert_eq!(manifest.handles, [FailureClass::DockerPortConflict]);
        assert_eq!(manifest.sees, [QueryKind::ComposeModel, QueryKind::PortOwner]);
        assert_eq!(manifest.may, [ActionKind::RemapPort]);
        assert_eq!(manifest.tool.component, Digest::from_bytes([7; 32]));
    }

    #[test]
    fn ids_follow_the_grammar() {
        for good in ["a", "a1", "port-conflict", "a-1", &"x".repeat(64)] {
            assert!(is_id(good), "{good}");
        }
        let long = "x".repeat(65);
        for wrong in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "1a",
            "A",
            "a_b",
            "../a",
            "a/b",
            "a\\b",
            "a.b",
            "a b",
            "é",
            "a\0",
            long.as_str(),
        ] {
            assert!(!is_id(wrong), "{wrong:?}");
            assert!(matches!(checked_with(|said| said.id = wrong.to_owned()), Err(ManifestFault::Id(_))));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let fault = checked_with(|said| said.may.push("rm-rf".to_owned())).expect_err("refused");
        assert_eq!(
            fault.to_string(),
            "`may` names `rm-rf`, which this host does not know; it knows `remap-port`, `compose-up`, `collect-logs`, \
             `restart-service`, `pull-image`, `remove-stale-container`, `remove-stale-network`, `set-env-value`, \
             `start-mysql`, `recover-vault`, `purge-vault`, `register-provider`, `deploy-template`, `await-state`"
        );
        let fault = checked_with(|said| said.sees = vec!["environment".to_owned()]).expect_err("refused");
        assert!(fault.to_string().starts_with("`sees` names `environment`"), "{fault}");
        let fault = checked_with(|said| said.handles = vec!["everything".to_owned()]).expect_err("refused");
        assert!(fault.to_string().contains("`docker-port-conflict`"), "{fault}");
    }

    #[test]
    fn lists_hold_each_name_once_and_handles_is_not_empty() {
        let twice = checked_with(|said| said.may.push("remap-port".to_owned()));
        assert_eq!(twice, Err(ManifestFault::NamedTwice { field: "may", name: "remap-port".to_owned() }));
        assert_eq!(checked_with(|said| said.handles.clear()), Err(ManifestFault::HandlesNothing));
    }

    #[test]
    fn a_summary_is_one_plain_line() {
        for wrong in [
            "",
            "  ",
            "a  b",
            " a",
            "a\u{3000}b",
            "a\nb",
            "\u{1b}[31mred",
            "a\u{202e}b",
            &"x".repeat(TOOL_SUMMARY_BYTES_MAX + 1),
        ] {
            assert_eq!(checked_with(|said| said.summary = wrong.to_owned()), Err(ManifestFault::Summary), "{wrong:?}");
        }
    }

    #[test]
    fn a_contact_is_one_plain_line_or_nothing() {
        assert!(checked_with(|said| said.contact = Some("https://example.org/tool".to_owned())).is_ok());
        for wrong in ["", "a\nb", "\u{1b}]8;;x", &"x".repeat(TOOL_SUMMARY_BYTES_MAX + 1)] {
            assert_eq!(checked_with(|said| said.contact = Some(wrong.to_owned())), Err(ManifestFault::Contact));
        }
    }

    #[test]
    fn a_version_is_semantic() {
        for wrong in ["", "1", "1.0", "v1.0.0", "latest", &format!("1.0.0-{}", "a".repeat(100))] {
            assert!(matches!(checked_with(|said| said.version = wrong.to_owned()), Err(ManifestFault::Version(_))));
        }
    }

    #[test]
    fn a_schema_is_a_bounded_local_object() {
        let schema = |text: &str| checked_with(|said| said.params_schema = text.to_owned());
        assert!(matches!(schema("{"), Err(ManifestFault::SchemaNotJson(_))));
        assert_eq!(schema("[]"), Err(ManifestFault::SchemaNotObject));
        assert_eq!(schema("true"), Err(ManifestFault::SchemaNotObject));
        for reference in ["https://example.org/s.json", "other.json#/a", "file:///etc/passwd", ""] {
            let text = format!(r#"{{"properties":{{"a":[{{"$ref":"{reference}"}}]}}}}"#);
            assert_eq!(schema(&text), Err(ManifestFault::SchemaReference(reference.to_owned())));
        }
        let deep = format!("{}{}{}", "{\"a\":".repeat(40), "1", "}".repeat(40));
        assert_eq!(schema(&deep), Err(ManifestFault::SchemaDepth));
        let deeper = format!("{}{}{}", "{\"a\":".repeat(4_000), "1", "}".repeat(4_000));
        assert!(matches!(schema(&deeper), Err(ManifestFault::SchemaNotJson(_))));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(PARAMS_SCHEMA_BYTES_MAX));
        assert!(matches!(schema(&large), Err(ManifestFault::SchemaSize { .. })));
    }

    #[test]
    fn a_reference_counts_as_what_it_refers_to() {
        let schema = |text: &str| checked_with(|said| said.params_schema = text.to_owned()).err();
        for circle in [
            r##"{"$ref":"#"}"##,
            r##"{"$dynamicRef":"#"}"##,
            r##"{"$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"$ref":"#/$defs/a"}}}"##,
        ] {
            assert_eq!(schema(circle), Some(ManifestFault::SchemaDepth), "{circle}");
        }
        let doubling = |levels: usize| {
            let next = |at| format!(r##""d{at}":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]"##, at + 1);
            let levels: Vec<String> = (0..levels).map(next).collect();
            format!(r#"{{"$defs":{{{},"d{}":{{}}}}}}"#, levels.join(","), levels.len())
        };
        assert_eq!(schema(&doubling(3)), None);
        assert_eq!(schema(&doubling(13)), Some(ManifestFault::SchemaValues));
    }

    #[test]
    fn a_reference_leads_to_one_place() {
        let schema = |text: &str| checked_with(|said| said.params_schema = text.to_owned()).err();
        for reference in ["#a", "#/$defs/b", "#/%24defs/a"] {
            let text = format!(r#"{{"$defs":{{"a":{{"$anchor":"a"}}}},"$ref":"{reference}"}}"#);
            assert_eq!(schema(&text), Some(ManifestFault::SchemaPlace(reference.to_owned())));
        }
        // The same text names one place here and another one for a validator.
        let decoy = r##"{"%24defs":{"a":{}},"$defs":{"a":{"not":{}}},"$ref":"#/%24defs/a"}"##;
        assert_eq!(schema(decoy), Some(ManifestFault::SchemaPlace("#/%24defs/a".to_owned())));
        assert_eq!(schema(r#"{"$id":"https://example.org/params"}"#), None);
        let nested = r##"{"$defs":{"a":{"$id":"b","$ref":"#/c"}}}"##;
        assert_eq!(schema(nested), Some(ManifestFault::SchemaId("b".to_owned())));
        assert_eq!(schema(r#"{"properties":{"$id":{"type":"string"},"pattern":{"type":"string"}}}"#), None);
    }

    #[test]
    fn patterns_are_counted_wherever_they_stand() {
        let schema = |count: usize, pattern: fn(usize) -> String| {
            let members: Vec<String> = (0..count).map(pattern).collect();
            checked_with(|said| said.params_schema = format!(r#"{{"patternProperties":{{{}}}}}"#, members.join(",")))
                .err()
        };
        let key = |at| format!(r#""^{at}":{{}}"#);
        let both = |at| format!(r#""^{at}":{{"pattern":"a"}}"#);
        assert_eq!(schema(PARAMS_PATTERNS_MAX, key), None);
        assert_eq!(schema(PARAMS_PATTERNS_MAX + 1, key), Some(ManifestFault::SchemaPatterns));
        assert_eq!(schema(PARAMS_PATTERNS_MAX / 2, both), None);
        assert_eq!(schema(PARAMS_PATTERNS_MAX / 2 + 1, both), Some(ManifestFault::SchemaPatterns));
    }
}

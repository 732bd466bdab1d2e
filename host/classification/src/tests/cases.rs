//! The recorded and written cases below `tests/failures`: the primary finding is the right one, and
//! redaction has left its decisive lines alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::classify;
use crate::redaction::REDACTED;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class: String,
    kind: String,
    resembles: Option<String>,
    #[serde(rename = "about")]
    _about: String,
    #[serde(rename = "origin")]
    _origin: Option<BTreeMap<String, String>>,
    #[serde(default)]
    facts: BTreeMap<String, String>,
    text: String,
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_case_has_the_right_primary_finding() {
    let mut paths = Vec::new();
    files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/failures")), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no cases were found");
    let mut complaints = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let case: Case = match toml::from_str(&std::fs::read_to_string(&path).expect("a case")) {
            Ok(case) => case,
            Err(error) => {
                complaints.push(format!("{name}: {error}"));
                continue;
            }
        };
        let primary = classify(case.text.as_bytes()).remove(0);
        if primary.class.as_str() != case.class {
            let proof: Vec<_> =
                primary.proof.iter().map(|line| line.text.chars().take(160).collect::<String>()).collect();
            complaints.push(format!("{name}: is {} by {proof:#?}", primary.class));
        }
        for line in primary.proof.iter().filter(|line| line.text.contains(REDACTED)) {
            complaints.push(format!("{name}: the decisive line {} is redacted: {}", line.line, line.text));
        }
        for (fact, value) in &case.facts {
            if primary.facts.get(fact) != Some(value) {
                complaints.push(format!("{name}: {fact} is {:?} instead of {value:?}", primary.facts.get(fact)));
            }
        }
        if case.kind == "look-alike" && (case.resembles.is_none() || case.resembles.as_ref() == Some(&case.class)) {
            complaints.push(format!("{name}: a look-alike has to resemble another class"));
        }
        if !["decisive", "look-alike", "unknown"].contains(&case.kind.as_str()) {
            complaints.push(format!("{name}: kind `{}` is not known", case.kind));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

//! The cases: recordings in TOML, or plain texts beside one `labels.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::failures::fixture;

/// The file that names the classes of the texts beside it: `{"001": {"class": "docker-disk-full"}}` is about `001.txt`.
const LABELS: &str = "labels.json";

/// The class of what has none.
pub(crate) const UNKNOWN: &str = "unknown";
const DECISIVE: &str = "decisive";

/// One text with the answer that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// The path of its file, for people.
    pub(crate) name: String,
    pub(crate) class: String,
    /// Whether it is plainly of its class: it neither resembles another one nor is unknown.
    pub(crate) decisive: bool,
    /// Facts that must be found.
    pub(crate) facts: BTreeMap<String, String>,
    pub(crate) text: Vec<u8>,
}

#[derive(Deserialize)]
struct Label {
    class: String,
    /// As in recordings; by default what the class suggests.
    #[serde(default)]
    kind: String,
    #[serde(default)]
    facts: BTreeMap<String, String>,
}

/// Every case below `folder`, by name.
pub(crate) fn read(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == LABELS) {
                cases.extend(labelled(&folder, &path)?);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                cases.push(recorded(&path)?);
            }
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    listed.map(|entry| Ok(entry.with_context(|| format!("cannot list {}", folder.display()))?.path())).collect()
}

fn recorded(path: &Path) -> Result<Case> {
    let recording = fixture::read(path)?;
    Ok(Case {
        name: path.display().to_string(),
        class: recording.class,
        decisive: recording.kind == DECISIVE,
        facts: recording.facts,
        text: recording.text.into_bytes(),
    })
}

fn labelled(folder: &Path, labels: &Path) -> Result<Vec<Case>> {
    let text = fs::read(labels).with_context(|| format!("cannot read {}", labels.display()))?;
    let labels: BTreeMap<String, Label> =
        serde_json::from_slice(&text).with_context(|| format!("{} does not name classes", labels.display()))?;
    let case = |(name, label): (String, Label)| {
        let path = folder.join(format!("{name}.txt"));
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Label { class, kind, facts } = label;
        let decisive = if kind.is_empty() { class != UNKNOWN } else { kind == DECISIVE };
        Ok(Case { name: path.display().to_string(), class, decisive, facts, text })
    };
    labels.into_iter().map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_and_labelled_texts_are_found_in_any_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("a/one.toml", "class = \"docker-disk-full\"\nkind = \"decisive\"\nabout = \"Full.\"\ntext = \"full\"\n");
        write(
            "b/labels.json",
            r#"{"001":{"class":"unknown","source":"x"},"002":{"class":"azure-lock","kind":"look-alike"}}"#,
        );
        write("b/001.txt", "text");
        write("b/002.txt", "text");
        write("b/notes.md", "no case");
        let cases = read(dir.path()).expect("they can be read");
        let found: Vec<_> = cases.iter().map(|case| (case.class.as_str(), case.decisive)).collect();
        assert_eq!(found, [("docker-disk-full", true), ("unknown", false), ("azure-lock", false)]);
        assert_eq!(cases[1].text, b"text");
    }

    #[test]
    fn a_label_without_its_text_is_an_error() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(LABELS), r#"{"001":{"class":"unknown"}}"#).expect("a file");
        assert!(read(dir.path()).is_err());
    }
}

//! What a recording looks like on disk, and when two recordings are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Shorter runs of hexadecimal digits may be words.
const ID_DIGITS_MIN: usize = 12;

/// One case: a text, and what a reader must find in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fixture {
    pub(crate) class: String,
    /// `decisive`, `look-alike` or `unknown`.
    pub(crate) kind: String,
    /// For look-alikes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) resembles: String,
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) facts: BTreeMap<String, String>,
}

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Such as `docker 28.5.2`.
    #[serde(default)]
    pub(crate) engine: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) compose: String,
    #[serde(default)]
    pub(crate) recipe: String,
}

/// What became of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// There was none.
    New,
    /// It said something else before.
    Changed,
    /// It says the same as the file that is there.
    Unchanged,
    /// The file of another engine says the same.
    SameAs(String),
}

impl Fixture {
    /// Writes it into `dir`, unless a file there says the same. `version` is the engine's.
    pub(crate) fn keep(&self, dir: &Path, recipe: &str, version: &str) -> Result<Kept> {
        let stem = format!("{}--{recipe}-", self.class);
        let name = format!("{stem}{version}.toml");
        let path = dir.join(&name);
        let own = path.exists().then(|| read(&path)).transpose()?;
        if own.as_ref().is_some_and(|own| own.says_the_same(self)) {
            return Ok(Kept::Unchanged);
        }
        for other in recordings(dir, &stem)? {
            if other != path && read(&other)?.says_the_same(self) {
                // What this engine said before is no longer true of it.
                if own.is_some() {
                    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
                }
                return Ok(Kept::SameAs(file_name(&other)));
            }
        }
        let text = toml::to_string(self).context("a recording can be written as TOML")?;
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(if own.is_some() { Kept::Changed } else { Kept::New })
    }

    /// Whether both differ in ids, numbers and the repetition of lines alone, which differ between any two runs.
    fn says_the_same(&self, other: &Self) -> bool {
        let plain = |fixture: &Self| Self { origin: None, text: String::new(), ..fixture.clone() };
        plain(self) == plain(other) && distinct_lines(&self.text) == distinct_lines(&other.text)
    }
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> Result<Fixture> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a recording", path.display()))
}

/// The files in `dir` of one recipe: what follows `stem` is a version.
fn recordings(dir: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
        let name = file_name(&path);
        if name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit())) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The different lines of a text, with every id and number replaced by one mark.
fn distinct_lines(text: &str) -> BTreeSet<String> {
    text.split(['\n', '\r']).map(|line| without_numbers(line).trim().to_owned()).collect()
}

fn without_numbers(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let hexadecimal = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let decimal = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count = if hexadecimal >= ID_DIGITS_MIN { hexadecimal } else { decimal };
        if count > 0 {
            plain.push('#');
            rest = &rest[count..];
        } else {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    // One-digit and two-digit times are padded to one width.
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(text: &str) -> Fixture {
        Fixture {
            class: "docker-port-conflict".to_owned(),
            kind: "decisive".to_owned(),
            resembles: String::new(),
            about: "A port is held.".to_owned(),
            text: text.to_owned(),
            origin: Some(Origin {
                engine: "docker 28.5.2".to_owned(),
                compose: "2.40.3".to_owned(),
                recipe: "port-held".to_owned(),
            }),
            facts: BTreeMap::from([("port".to_owned(), "8080".to_owned())]),
        }
    }

    #[test]
    fn control_characters_survive_the_file() {
        let whole = fixture("\u{1b}[33m⠿\u{1b}[0m web\r\nfailed: \"x\"\n  'y' \\\n");
        let text = toml::to_string(&whole).expect("it can be written");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
        assert_eq!(toml::from_str::<Fixture>(&text).expect("it can be read"), whole);
    }

    #[test]
    fn ids_and_repeated_lines_make_no_difference_and_words_do() {
        let one = fixture("endpoint 0123456789abcdef: in use\n 0.3s\n 1.2s\n");
        let same = fixture("endpoint fedcba98765432100: in use\n 10.1s\n");
        assert!(one.says_the_same(&same));
        assert!(!one.says_the_same(&fixture("endpoint 0123456789abcdef: not in use\n 0.3s\n")));
        let other_fact = Fixture { facts: BTreeMap::new(), ..same };
        assert!(!one.says_the_same(&other_fact));
    }

    #[test]
    fn a_recording_that_says_the_same_leaves_the_files_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let keep = |text, version| fixture(text).keep(dir.path(), "port-held", version).expect("it can be kept");
        assert_eq!(keep("port 1 is held\n", "28.5.2"), Kept::New);
        assert_eq!(keep("port 2 is held\n", "28.5.2"), Kept::Unchanged);
        let same = Kept::SameAs("docker-port-conflict--port-held-28.5.2.toml".to_owned());
        assert_eq!(keep("port 3 is held\n", "26.1.5"), same);
        assert_eq!(keep("port 3 is taken\n", "26.1.5"), Kept::New);
        assert_eq!(keep("port 3 is in use\n", "26.1.5"), Kept::Changed);
        assert_eq!(keep("port 3 is held\n", "26.1.5"), same);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }
}

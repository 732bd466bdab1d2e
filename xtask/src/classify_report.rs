//! `cargo xtask classify-report`: how well `repair classify` names what failed, over every case that is kept.
//!
//! It runs the built program as a person would, and knows of classification only what the program prints.

mod cases;
mod score;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use repair_test_support::{Finished, target_dir};
use serde::Deserialize;

use self::cases::Case;
use self::score::{Answer, Score};
use crate::build;

/// What the person asked for.
pub(crate) struct Options {
    binary: PathBuf,
    folders: Vec<PathBuf>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { binary: target_dir().join("debug/repair"), folders: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--binary" => options.binary = words.next().context("`--binary` needs a path")?.into(),
                word => {
                    ensure!(!word.starts_with('-'), "unknown argument `{word}`; see `cargo xtask --help`");
                    options.folders.push(word.into());
                }
            }
        }
        if options.folders.is_empty() {
            options.folders = vec![build::workspace().join("tests/failures")];
        }
        Ok(options)
    }
}

/// Classifies every case, prints the report and fails when an aim is missed.
pub(crate) fn report(options: &Options) -> Result<()> {
    ensure!(options.binary.is_file(), "there is no {}; build `repair` first", options.binary.display());
    let mut cases = Vec::new();
    for folder in &options.folders {
        cases.extend(cases::read(folder)?);
    }
    ensure!(!cases.is_empty(), "no cases in {:?}", options.folders);
    let scratch = tempfile::tempdir().context("cannot create a folder")?;
    let file = scratch.path().join("evidence.txt");
    let answers = cases
        .iter()
        .map(|case| classify(&options.binary, &file, case).with_context(|| case.name.clone()))
        .collect::<Result<Vec<_>>>()?;
    let score = Score::of(&cases, &answers);
    print!("{}", score.report());
    let missed = score.missed_aims();
    ensure!(missed.is_empty(), "aims missed:\n{}", missed.join("\n"));
    println!("every aim is met");
    Ok(())
}

/// What `repair classify --json` prints, as far as it is compared.
#[derive(Deserialize)]
struct Printed {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    class: String,
    confidence: f64,
    #[serde(default)]
    facts: serde_json::Map<String, serde_json::Value>,
}

fn classify(binary: &Path, file: &Path, case: &Case) -> Result<Answer> {
    std::fs::write(file, &case.text).context("cannot write the text of the case")?;
    // A class is an answer whatever the exit code says of it.
    let finished = Finished::run(Command::new(binary).args(["classify", "--json"]).arg(file))?;
    let printed: Printed =
        serde_json::from_str(&finished.stdout).with_context(|| format!("no JSON with findings from {finished}"))?;
    Ok(answer(printed))
}

/// The first finding; none is the answer that nothing is known.
fn answer(printed: Printed) -> Answer {
    let Some(first) = printed.findings.into_iter().next() else { return Answer::default() };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let facts = first.facts.into_iter().map(|(name, value)| (name, text(value))).collect();
    Answer { class: first.class, confidence: first.confidence, facts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Answer {
        answer(serde_json::from_str(json).expect("it has the shape"))
    }

    #[test]
    fn the_first_finding_is_the_answer_and_none_is_unknown() {
        let two = r#"{"schema":1,"findings":[{"class":"docker-disk-full","confidence":0.9,"facts":{"port":80},"proof":[]},
            {"class":"unknown","confidence":0.2}]}"#;
        let first = of(two);
        assert_eq!((first.class.as_str(), first.confidence), ("docker-disk-full", 0.9));
        assert_eq!(first.facts["port"], "80");
        assert_eq!(of(r#"{"findings":[]}"#).class, "unknown");
    }

    #[test]
    fn folders_replace_the_project_s_own_and_unknown_options_are_refused() {
        let options = Options::parse(&["--binary", "bin/repair", "a", "b"]).expect("it can be read");
        assert_eq!(options.binary, Path::new("bin/repair"));
        assert_eq!(options.folders, [Path::new("a"), Path::new("b")]);
        assert!(Options::parse(&["--json"]).is_err());
        assert!(Options::parse(&["--binary"]).is_err());
    }
}

//! The inputs that a search begins with: what the repository has of such texts, and the files in `fuzz/seeds`.
//!
//! The form of each is the one that its target documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::literals;

/// Bytes of the largest tool that is taken as a seed, with one for its kind.
pub(super) const TOOL_BYTES_MAX: usize = 256 * 1024;
/// Built tools among the seeds. Each costs seconds to compile with the instrumented compiler.
const TOOLS_MAX: usize = 1;
/// Inputs of random bytes for each kind of component that is made from such.
const RANDOM_MAX: u64 = 12;
const RANDOM_BYTES: usize = 1024;
/// The files that the target `log` chooses from, and its flags.
const LOG_PLACES: u8 = 7;
const LOG_FLAGS: u8 = 8;
/// First port, new port 9000 and no flags, as the target `compose_edit` reads them.
const FIRST_PORT: [u8; 4] = [0, 0x23, 0x28, 0];
const BETWEEN: &str = "%%\n";

/// Writes the seeds of a target into its corpus.
pub(super) fn seed(root: &Path, target: &str, corpus: &Path) -> Result<()> {
    let mut corpus = Corpus { folder: corpus.to_owned(), count: 0 };
    match target {
        "classify" => cases(&root.join("tests/failures"), &mut corpus)?,
        "compose_edit" => compose_files(root, &mut corpus)?,
        "log" => (0..LOG_PLACES)
            .flat_map(|place| (0..LOG_FLAGS).map(move |flags| [place, flags]))
            .try_for_each(|chosen| corpus.add(&chosen))?,
        "policy" => policies(root, &mut corpus)?,
        "settings" => settings(root, &mut corpus)?,
        "tool" => tools(root, &mut corpus)?,
        _ => {}
    }
    let own = root.join("fuzz/seeds").join(target);
    if own.is_dir() {
        for entry in fs::read_dir(&own)? {
            let path = entry?.path();
            fs::copy(&path, corpus.folder.join(path.file_name().context("an entry has a name")?))?;
        }
    }
    Ok(())
}

struct Corpus {
    folder: PathBuf,
    count: usize,
}

impl Corpus {
    fn add(&mut self, input: &[u8]) -> Result<()> {
        self.count += 1;
        Ok(fs::write(self.folder.join(format!("seed-{:04}", self.count)), input)?)
    }
}

/// One input for each case, so that the search begins where the rules do.
fn cases(folder: &Path, corpus: &mut Corpus) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            cases(&path, corpus)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let case: toml::Table = fs::read_to_string(&path)?.parse()?;
            let text = case.get("text").and_then(toml::Value::as_str).context("a case has a text")?;
            // The byte that the target takes the size of a piece from, and the text.
            corpus.add(&[&[97], text.as_bytes()].concat())?;
        }
    }
    Ok(())
}

/// Every Compose file of the tests: alone, below an override, and beside a `.env`.
fn compose_files(root: &Path, corpus: &mut Corpus) -> Result<()> {
    for place in ["tests", "xtask/src", "host/effects/src/compose"] {
        for text in literals::with_word(&root.join(place), &["services:", "ports:"])? {
            let over = "services:\n  web:\n    image: x\n";
            let dotenv = "# ours\nPORT=8080\nexport P='8080' # quoted\nEMPTY=\n";
            let line_end = if text.ends_with('\n') { "" } else { "\n" };
            let sections = [text.clone(), format!("{text}{line_end}{BETWEEN}{over}{BETWEEN}{dotenv}")];
            for text in sections {
                corpus.add(&[&FIRST_PORT, text.as_bytes()].concat())?;
            }
        }
    }
    Ok(())
}

/// The policies and presets of the repository and those of its tests, as the user's and as the project's.
fn policies(root: &Path, corpus: &mut Corpus) -> Result<()> {
    let mut texts = literals::with_word(&root.join("host/pipeline/src/policy/tests"), &["forbid", "permit"])?;
    for name in ["presets/ci.cedar", "presets/read-only.cedar", "presets/strict.cedar", "default.cedar"] {
        texts.push(fs::read_to_string(root.join("policies").join(name))?);
    }
    for text in texts {
        corpus.add(format!("{BETWEEN}{text}\n").as_bytes())?;
        corpus.add(format!("{BETWEEN}{BETWEEN}{text}\n").as_bytes())?;
    }
    let no_policies = BETWEEN.repeat(4);
    for text in literals::with_word(&root.join("host/pipeline/src/policy/tests"), &["_max", "_min", "_permille"])? {
        corpus.add(format!("{no_policies}{text}\n{BETWEEN}rounds_max = 2\n").as_bytes())?;
    }
    let bounds = fs::read_to_string(root.join("policies/default.bounds.toml"))?;
    corpus.add(format!("{no_policies}{bounds}{BETWEEN}{bounds}").as_bytes())
}

fn settings(root: &Path, corpus: &mut Corpus) -> Result<()> {
    for place in ["tests", "host/pipeline/src", "host/cli"] {
        let words = ["[tools", "[[tools", "[[probe", "[azure]", "[projection]"];
        for text in literals::with_word(&root.join(place), &words)? {
            corpus
                .add(format!("{text}\n{BETWEEN}{{\"type\": \"object\", \"additionalProperties\": true}}").as_bytes())?;
        }
    }
    Ok(())
}

/// Built tools, whole and with a bit changed, and bytes that components are made from.
fn tools(root: &Path, corpus: &mut Corpus) -> Result<()> {
    let mut built = Vec::new();
    for target in [repair_test_support::target_dir(), root.join("target")] {
        for profile in ["debug", "release"] {
            built_tools(&target.join(profile).join("build"), &mut built)?;
        }
    }
    built.sort_by_key(|tool| tool.len());
    built.dedup();
    for tool in built.into_iter().filter(|tool| tool.len() < TOOL_BYTES_MAX).take(TOOLS_MAX) {
        for part in 0..8 {
            let mut damaged = tool.clone();
            damaged[tool.len() / 8 * part + 16] ^= 1 << part;
            corpus.add(&[&[0], damaged.as_slice()].concat())?;
        }
        corpus.add(&[&[0], tool.as_slice()].concat())?;
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for kind in 1..=3 {
        corpus.add(&[kind])?;
        for _ in 0..RANDOM_MAX {
            let random = (0..RANDOM_BYTES).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            });
            let input: Vec<u8> = std::iter::once(kind).chain(random).collect();
            corpus.add(&input)?;
        }
    }
    Ok(())
}

/// What `build.rs` has made, wherever it is.
fn built_tools(builds: &Path, built: &mut Vec<Vec<u8>>) -> Result<()> {
    let Ok(entries) = fs::read_dir(builds) else { return Ok(()) };
    for entry in entries {
        let guests = entry?.path().join("out/guests/wasm32-unknown-unknown/guest");
        let Ok(files) = fs::read_dir(&guests) else { continue };
        for file in files {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                built.push(fs::read(&path)?);
            }
        }
    }
    Ok(())
}

//! `cargo xtask fuzz`: arbitrary bytes through the classifier, beginning with the recorded and written cases.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{fs, io};

use anyhow::{Context as _, Result, bail};

/// Bytes of one input; longer ones only slow the search down.
const INPUT_BYTES_MAX: u32 = 16 * 1024;

pub(crate) fn fuzz(seconds: u32) -> Result<ExitCode> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = root.join("target/fuzz");
    let corpus = target.join("corpus");
    seed(&root.join("tests/failures"), &corpus).context("the cases cannot be made into a corpus")?;
    let artifacts = target.join("artifacts/");
    fs::create_dir_all(&artifacts).context("cannot create the folder for findings")?;
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", "classify"]).arg(&corpus);
    command.arg("--fuzz-dir").arg(root.join("fuzz")).arg("--target-dir").arg(target.join("build")).arg("--");
    command.args([format!("-max_total_time={seconds}"), format!("-max_len={INPUT_BYTES_MAX}")]);
    command.arg(format!("-artifact_prefix={}", artifacts.display()));
    let status = match command.env_remove("RUSTUP_TOOLCHAIN").status() {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("cargo is not on the PATH"),
        Err(error) => return Err(error).context("cannot start cargo"),
    };
    if !status.success() {
        eprintln!(
            "the fuzz target failed or could not be built; it needs `rustup toolchain install nightly` and \
             `cargo install cargo-fuzz`; inputs that broke it lie in {}",
            artifacts.display()
        );
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// One file for each case, so that the search begins where the rules do.
fn seed(cases: &Path, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus)?;
    for entry in fs::read_dir(cases)? {
        let path = entry?.path();
        if path.is_dir() {
            seed(&path, corpus)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let case: toml::Table = fs::read_to_string(&path)?.parse()?;
            let text = case.get("text").and_then(toml::Value::as_str).context("a case has a text")?;
            let name = path.file_stem().context("a case has a name")?;
            // The text, and behind it the byte that the target takes the size of a piece from.
            fs::write(corpus.join(name), [text.as_bytes(), &[97]].concat())?;
        }
    }
    Ok(())
}

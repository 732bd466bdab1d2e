//! `cargo xtask fuzz`: arbitrary inputs through everything that reads what others wrote, beginning with what the repository
//! has of such texts. Each target says in `fuzz/fuzz_targets` what may not happen.
//!
//! Builds once, then runs the built programs, so that two can run side by side. A finding is an input on which a target
//! panicked, took too long or took too much memory; it is named, and tried again at the beginning of the next run.

mod literals;
mod seeds;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::{io, thread};

use anyhow::{Context as _, Result, bail, ensure};

/// A target and its bounds.
#[derive(Clone, Copy)]
struct Target {
    name: &'static str,
    /// Bytes of one input; longer ones only slow the search down.
    input_bytes_max: usize,
}

const fn target(name: &'static str, input_bytes_max: usize) -> Target {
    Target { name, input_bytes_max }
}

const TARGETS: [Target; 6] = [
    target("classify", 16 * 1024),
    target("compose_edit", 16 * 1024),
    target("log", 8 * 1024),
    target("policy", 16 * 1024),
    target("settings", 16 * 1024),
    // Built tools are among its seeds.
    target("tool", seeds::TOOL_BYTES_MAX),
];

/// Nothing that takes an input from others may keep a person waiting for longer, instrumented as the code is.
const INPUT_SECONDS_MAX: u32 = 25;
/// Memory of a whole run, which also holds the inputs that were kept.
const MEMORY_MIB_MAX: u32 = 2048;
const SECONDS_UNLESS_TOLD: u32 = 60;

/// What a person asked for.
pub(crate) struct Options {
    targets: Vec<Target>,
    seconds: u32,
    side_by_side: usize,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { targets: TARGETS.to_vec(), seconds: SECONDS_UNLESS_TOLD, side_by_side: 1 };
        for word in words {
            if let Ok(seconds) = word.parse() {
                options.seconds = seconds;
            } else if *word == "-j" {
                options.side_by_side = 2;
            } else if *word != "all" {
                options.targets.retain(|target| target.name == *word);
                let names = || TARGETS.map(|target| target.name).join(", ");
                ensure!(!options.targets.is_empty(), "`fuzz` knows no target `{word}`; known are {} and all", names());
            }
        }
        Ok(options)
    }
}

pub(crate) fn fuzz(options: &Options) -> Result<ExitCode> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().context("cannot resolve the repository's folder")?;
    let folders = Folders { work: root.join("target/fuzz"), root };
    let programs = build(&folders, &options.targets)?;
    for target in &options.targets {
        let corpus = folders.of("corpus", *target)?;
        seeds::seed(&folders.root, target.name, &corpus)
            .with_context(|| format!("the seeds of `{}` cannot be written", target.name))?;
    }
    let waiting = Mutex::new(options.targets.iter().copied());
    let next = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let broken = thread::scope(|scope| {
        let run_all = || {
            let mut broken = 0;
            while let Some(target) = next() {
                broken += usize::from(!run(&folders, &programs, target, options.seconds)?);
            }
            Ok::<usize, anyhow::Error>(broken)
        };
        let threads: Vec<_> = (0..options.side_by_side).map(|_| scope.spawn(run_all)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("a thread that only waits does not panic"));
        joined.sum::<Result<usize>>()
    })?;
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where everything lies.
struct Folders {
    root: PathBuf,
    work: PathBuf,
}

impl Folders {
    /// The folder of a target for one purpose, made where it is missing.
    fn of(&self, what: &str, target: Target) -> Result<PathBuf> {
        let folder = self.work.join(what).join(target.name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

/// Builds the targets and returns the folder of the programs. A nightly compiler is used where one is installed; the pinned
/// one takes the same flags if it is told to.
fn build(folders: &Folders, targets: &[Target]) -> Result<PathBuf> {
    let nightly = cargo(folders).args(["+nightly", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let has_nightly = nightly.is_ok_and(|status| status.success());
    let host = host(folders, has_nightly)?;
    let built = folders.work.join("build");
    let build = |name: Option<&str>| -> Result<()> {
        let mut command = cargo(folders);
        if has_nightly {
            command.arg("+nightly");
        } else {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command.args(["fuzz", "build"]).args(name).args(["--target", &host]);
        command.arg("--fuzz-dir").arg(folders.root.join("fuzz")).arg("--target-dir").arg(&built);
        let status = command.status().context("cannot start cargo")?;
        ensure!(
            status.success(),
            "the fuzz targets cannot be built; this needs `cargo install cargo-fuzz --locked` and a C++ compiler"
        );
        Ok(())
    };
    match targets {
        [target] => build(Some(target.name))?,
        _ => build(None)?,
    }
    Ok(built.join(host).join("release"))
}

fn host(folders: &Folders, has_nightly: bool) -> Result<String> {
    let mut rustc = Command::new("rustc");
    if has_nightly {
        rustc.arg("+nightly");
    }
    let said = rustc.arg("-vV").current_dir(&folders.root).env_remove("RUSTUP_TOOLCHAIN").output();
    let said = String::from_utf8_lossy(&said.context("cannot start rustc")?.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for which platform it compiles")?.to_owned())
}

fn cargo(folders: &Folders) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&folders.root).env_remove("RUSTUP_TOOLCHAIN");
    cargo
}

/// Runs one target for so long. False when it found something.
fn run(folders: &Folders, programs: &Path, target: Target, seconds: u32) -> Result<bool> {
    let Target { name, input_bytes_max } = target;
    let (corpus, findings) = (folders.of("corpus", target)?, folders.of("findings", target)?);
    let program = programs.join(name);
    let log = folders.work.join("logs").join(format!("{name}.log"));
    fs::create_dir_all(folders.work.join("logs")).context("cannot create the folder for logs")?;
    let log_file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    // What a target writes goes into memory where there is such a folder, and away with it.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let scratch = scratch.context("cannot create a folder for what a target writes")?;
    println!("{name}: {seconds} s, log in {}", log.display());
    let mut command = Command::new(&program);
    command.args([&corpus, &findings]).current_dir(&folders.root).env("TMPDIR", scratch.path());
    command.arg(format!("-artifact_prefix={}/", findings.display()));
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={input_bytes_max}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        "-print_final_stats=1".to_owned(),
    ]);
    let words = folders.root.join("fuzz/words").join(name);
    if words.exists() {
        command.arg(format!("-dict={}", words.display()));
    }
    let error_file = log_file.try_clone().context("cannot write the log")?;
    let status = match command.stdin(Stdio::null()).stdout(log_file).stderr(error_file).status() {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("{} was not built", program.display()),
        Err(error) => return Err(error).with_context(|| format!("cannot start {}", program.display())),
    };
    let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    if status.success() {
        let runs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("?");
        println!("{name}: nothing found in {} inputs", runs.trim());
        return Ok(true);
    }
    let why = said.lines().find(|line| line.contains("panicked at") || line.contains("ERROR: "));
    eprintln!("{name}: FOUND something: {}", why.unwrap_or("see the log").trim());
    if let Some((_, input)) = said.lines().find_map(|line| line.split_once("Test unit written to ")) {
        eprintln!("{name}: the input is {input}; once more: {} {input}", program.display());
    }
    Ok(false)
}

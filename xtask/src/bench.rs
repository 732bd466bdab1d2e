//! `cargo xtask bench`: what `repair` costs a person, measured on whole processes on a real engine.
//!
//! The two commands that are compared run in turn in the same run, so that both meet the same machine.

mod classification;
mod log;
mod resume;
mod tools;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use repair_test_support::{DevLake, DevLakePorts, Engine, Finished, HeldPort, Project};
use serde_json::Value;

use crate::build;
use crate::memory;
use crate::repair_cli::Repair;

const RATIO_AIM: f64 = 0.7;
const MEMORY_AIM_MB: f64 = 40.0;
const OVERHEAD_AIM_SECONDS: f64 = 0.5;

/// How often a heal is measured; each takes seconds.
const HEALS: usize = 3;

/// What the person asked for.
pub(crate) struct Options {
    release: bool,
    rounds: usize,
    /// Only one part, which needs no engine.
    only: Option<Part>,
}

/// A part of the benchmarks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Classification,
    Log,
    Tools,
    /// What needs an engine.
    Engine,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { release: true, rounds: 15, only: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--dev" => options.release = false,
                "classify" => options.only = Some(Part::Classification),
                "log" => options.only = Some(Part::Log),
                "tools" => options.only = Some(Part::Tools),
                "engine" => options.only = Some(Part::Engine),
                "-n" => {
                    let count = words.next().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
                    options.rounds = count.context("`-n` needs a number of rounds")?;
                }
                other => bail!("unknown argument `{other}` for `bench`; see `cargo xtask --help`"),
            }
        }
        Ok(options)
    }
}

pub(crate) fn bench(options: Options) -> Result<()> {
    let wants = |part| options.only.is_none_or(|only| only == part);
    if wants(Part::Log) {
        log::measure(options.release)?;
    }
    if wants(Part::Tools) {
        tools::measure(options.release)?;
    }
    if matches!(options.only, Some(Part::Log | Part::Tools)) {
        return Ok(());
    }
    let program = build::repair(options.release)?;
    if wants(Part::Classification) {
        classification::measure(&program)?;
    }
    if !wants(Part::Engine) {
        return Ok(());
    }
    let engine = Engine::obtain()?;
    println!("{}; {} build of repair", engine.description(), if options.release { "release" } else { "development" });
    let result = measure(&engine, &program, options.rounds);
    result.and(engine.stop())
}

fn measure(engine: &Engine, program: &Path, rounds: usize) -> Result<()> {
    let project = started_project(engine)?;
    let repair = Repair::new(program.to_owned(), &project.state_dir());
    compare_with_ps(&project, &repair, rounds)?;
    report_memory(&project, &repair)?;
    drop(project);
    report_overhead(engine, program)?;
    resume::measure(engine, program)
}

fn started_project(engine: &Engine) -> Result<Project<'_>> {
    let project = Project::new(engine)?;
    let ports = ports_of(&project);
    DevLake::write(&project, ports)?;
    project.compose(["up", "--detach"])?.success()?;
    DevLake::answers(ports)?;
    Ok(project)
}

fn ports_of(project: &Project<'_>) -> DevLakePorts {
    let [mysql, grafana, devlake, config_ui] = [0, 10, 20, 30].map(|index| project.port(index));
    DevLakePorts { mysql, grafana, devlake, config_ui }
}

/// Nothing is wrong: `repair` against the command that people would run instead.
fn compare_with_ps(project: &Project<'_>, repair: &Repair, rounds: usize) -> Result<()> {
    let ps = || {
        let mut command = project.command(project.engine().docker().get_program());
        command.args(["compose", "ps"]);
        command
    };
    // The first run of each pays for caches.
    wall_time(&mut repair.inspect(project))?;
    wall_time(&mut ps())?;
    let (mut of_repair, mut of_ps) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_repair.push(wall_time(&mut repair.inspect(project))?);
        of_ps.push(wall_time(&mut ps())?);
    }
    let (of_repair, of_ps) = (median(of_repair), median(of_ps));
    let ratio = of_repair.as_secs_f64() / of_ps.as_secs_f64();
    println!(
        "healthy project, medians of {rounds}: repair {:.1} ms, docker compose ps {:.1} ms, ratio {ratio:.2} ({})",
        of_repair.as_secs_f64() * 1e3,
        of_ps.as_secs_f64() * 1e3,
        against(ratio, RATIO_AIM, "")
    );
    Ok(())
}

fn report_memory(project: &Project<'_>, repair: &Repair) -> Result<()> {
    let peaks = memory::peaks(&mut repair.inspect(project))?;
    #[expect(clippy::cast_precision_loss, reason = "sizes in KiB are far below 2^52")]
    let megabytes = |kib: u64| kib as f64 * 1024.0 / 1e6;
    let own = megabytes(peaks.own_kib);
    println!("peak memory on a healthy project: repair {own:.1} MB ({})", against(own, MEMORY_AIM_MB, " MB"));
    if let Some((name, kib)) = peaks.largest_child {
        println!("  its largest child, {name}: {:.1} MB", megabytes(kib));
    }
    Ok(())
}

/// What a heal adds to the `up` inside it.
fn report_overhead(engine: &Engine, program: &Path) -> Result<()> {
    let mut added = Vec::new();
    for _ in 0..HEALS {
        let (heal, up) = timed_heal(engine, program)?;
        println!("heal {:.2} s, of which `compose up` {:.2} s", heal.as_secs_f64(), up.as_secs_f64());
        added.push(heal.saturating_sub(up));
    }
    let added = median(added).as_secs_f64();
    println!(
        "time added beyond `up`, median of {HEALS}: {added:.2} s ({})",
        against(added, OVERHEAD_AIM_SECONDS, " s")
    );
    Ok(())
}

/// Wall time of one heal, and of the `up` inside it.
fn timed_heal(engine: &Engine, program: &Path) -> Result<(Duration, Duration)> {
    let project = Project::new(engine)?;
    let ports = ports_of(&project);
    DevLake::write(&project, ports)?;
    let _held = HeldPort::by_another_process(engine, ports.devlake)?;
    ensure!(!project.compose(["up", "--detach"])?.succeeded(), "the project started although its port is taken");

    let watch = ComposeWatch::new(&project)?;
    let repair = Repair::new(program.to_owned(), &project.state_dir());
    let begun = Instant::now();
    Finished::run(repair.heal(&project).env("DOCKER_CONFIG", watch.docker_config()))?.success()?;
    let heal = begun.elapsed();
    DevLake::answers(DevLake::published(&project)?)?;
    Ok((heal, watch.time_in_up()?))
}

/// A Compose plugin that notes when the real one began and ended. So the time of `up` is what Compose really took, and
/// not what `repair` says.
struct ComposeWatch {
    dir: PathBuf,
}

impl ComposeWatch {
    fn new(project: &Project<'_>) -> Result<Self> {
        let dir = project.dir().with_file_name("watch");
        let plugins = dir.join("cli-plugins");
        fs::create_dir_all(&plugins).context("cannot create the folder of the watching plugin")?;
        let plugin = plugins.join("docker-compose");
        let script = format!(
            "#!/bin/sh\nbegun=$(date +%s%N)\n'{}' \"$@\"\ncode=$?\n\
             echo \"$begun $(date +%s%N) $*\" >>'{}'\nexit $code\n",
            real_plugin(project)?,
            dir.join("calls").display()
        );
        fs::write(&plugin, script).context("cannot write the watching plugin")?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&plugin, mode).context("cannot make the watching plugin executable")?;
        Ok(Self { dir })
    }

    fn docker_config(&self) -> &Path {
        &self.dir
    }

    /// The sum over every `up` that was not a dry run.
    fn time_in_up(&self) -> Result<Duration> {
        let calls = fs::read_to_string(self.dir.join("calls"))
            .context("repair did not use the Compose plugin of DOCKER_CONFIG, so its `up` could not be timed")?;
        let mut total = Duration::ZERO;
        let mut found = false;
        for call in calls.lines() {
            let words: Vec<_> = call.split(' ').collect();
            if !words.contains(&"up") || words.contains(&"--dry-run") {
                continue;
            }
            let nanoseconds = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
            let (begun, ended) = nanoseconds(0).zip(nanoseconds(1)).context("a call is noted with two times")?;
            total += Duration::from_nanos(ended.saturating_sub(begun));
            found = true;
        }
        ensure!(found, "repair healed without `compose up`; its calls:\n{calls}");
        Ok(total)
    }
}

fn real_plugin(project: &Project<'_>) -> Result<String> {
    let mut info = project.engine().docker();
    let listed = Finished::run(info.args(["info", "--format", "{{json .ClientInfo.Plugins}}"]))?.success()?;
    let listed: Value = serde_json::from_str(&listed.stdout).context("docker info answers JSON")?;
    let plugins = listed.as_array().context("docker info lists plugins")?;
    let compose = plugins.iter().find(|plugin| plugin["Name"] == "compose").context("Compose is a plugin")?;
    Ok(compose["Path"].as_str().context("a plugin has a path")?.to_owned())
}

/// Runs `command` silently; a failing command is not worth timing.
fn wall_time(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    let time = begun.elapsed();
    ensure!(status.success(), "{command:?} failed while it was measured");
    Ok(time)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn against(value: f64, aim: f64, unit: &str) -> String {
    format!("aim below {aim}{unit}: {}", if value < aim { "met" } else { "MISSED" })
}

//! How soon a session that goes on begins its next step: from the record that it goes on to the record of the intent, as
//! the log has them. The gate's looks at files and ports lie between the two and count.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use repair_test_support::{DevLake, Engine, Finished, HeldPort, Project};
use serde_json::Value;

use super::{against, median, ports_of};
use crate::repair_cli::Repair;

const NEXT_STEP_AIM_MS: f64 = 50.0;
/// How often it is measured; each takes seconds.
const RESUMES: usize = 3;

/// Prints the median.
pub(super) fn measure(engine: &Engine, program: &std::path::Path) -> Result<()> {
    let times: Vec<Duration> = (0..RESUMES).map(|_| once(engine, program)).collect::<Result<_>>()?;
    let milliseconds = median(times).as_secs_f64() * 1e3;
    println!(
        "a resumed session begins its next step after {milliseconds:.1} ms, median of {RESUMES} ({})",
        against(milliseconds, NEXT_STEP_AIM_MS, " ms")
    );
    Ok(())
}

fn once(engine: &Engine, program: &std::path::Path) -> Result<Duration> {
    let project = Project::new(engine)?;
    let ports = ports_of(&project);
    DevLake::write(&project, ports)?;
    let _held = HeldPort::by_another_process(engine, ports.devlake)?;
    ensure!(!project.compose(["up", "--detach"])?.succeeded(), "the project started although its port is taken");
    let repair = Repair::new(program.to_owned(), &project.state_dir());
    let run = |args: &[&str]| Finished::run(&mut repair.command(&project, args));
    let planned = run(&["plan", "--json"])?;
    ensure!(planned.code == Some(4), "no plan waits: {planned}");
    let plan: Value = serde_json::from_str(&planned.stdout).context("`plan --json` prints a document")?;
    let digest = plan["plan"]["digest"].as_str().context("a plan has a digest")?;
    run(&["approve", digest])?.success()?;
    run(&["resume"])?.success()?;
    let shown = run(&["audit", "show", "--json"])?.success()?;
    let records: Vec<Value> = serde_json::from_str(&shown.stdout).context("`audit show --json` prints a list")?;
    let time = |kind: &str| -> Result<jiff::Timestamp> {
        let record = records.iter().find(|record| record["event"]["kind"] == kind);
        let text =
            record.and_then(|record| record["time"].as_str()).with_context(|| format!("no `{kind}` is recorded"))?;
        text.parse().with_context(|| format!("`{text}` is no time"))
    };
    let passed = time("intended")?.duration_since(time("resumed")?);
    Duration::try_from(passed).context("time went backwards between two records")
}

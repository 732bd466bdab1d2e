//! `repair` alone: look and explain. Nothing is changed and nothing is written.

use std::path::Path;
use std::time::Duration;

use repair_effects::shell::shell_quoted;
use repair_effects::target::OpenTarget;
use repair_model::bounds::Bounds;
use repair_model::evidence::{Evidence, Provenance};
use repair_model::finding::{FailureClass, Finding};
use repair_model::outcome::Verdict;
use repair_model::target::Target;
use repair_model::text::escaped;
use repair_pipeline::classification::{classify, point_to};
use repair_pipeline::outside::{Clock as _, Deployment};
use repair_pipeline::workflow::WorkflowError;

use super::starting::remind;
use super::wrapped::run_command;
use super::{Context, log_file};
use crate::command_error::{Code, CommandError};
use crate::opened::{Scope, tell_login};
use crate::opening::SystemClock;
use crate::output::ReportDocument;
use crate::place::{Place, named_azure};
use crate::printer::{Printer, Tone, toned};
use crate::screen;

/// Looks at the project in this folder, and at a log if there is one.
pub async fn run(context: &Context<'_>, log: Option<&Path>) -> Result<Code, CommandError> {
    let evidence = log.map(log_file::evidence).transpose()?;
    explain(context, evidence.into_iter().collect(), Scope::default()).await
}

/// Runs a command and explains its failure.
pub async fn wrapped(context: &Context<'_>, command: &[String]) -> Result<Code, CommandError> {
    let ended = run_command(context, command).await?;
    match ended.evidence {
        None => Ok(ended.code),
        Some(evidence) => {
            let scope = Scope::of_command(command, SystemClock::new().now());
            explain(context, vec![evidence], scope).await
        }
    }
}

async fn explain(context: &Context<'_>, evidence: Vec<Evidence>, scope: Scope) -> Result<Code, CommandError> {
    let scope = scope.beside(&evidence);
    let place = Place::find(context.global, context.environment, &scope)?;
    let wait = Duration::from_secs(Bounds::default().operation_seconds_max);
    let mut deployment = context.opening(&scope, wait).open(place).await?;
    if let OpenTarget::Azure(group) = &deployment {
        tell_login(context, group);
    }
    let verdict = deployment.verify().await.map_err(WorkflowError::Target)?;
    let waiting = remind(context, &deployment.target().id())?;
    if verdict.healthy() && !evidence.is_empty() {
        return failed_beside(context, &evidence, verdict);
    }
    if verdict.healthy() {
        show_verdict(context.printer, &verdict);
        context.printer.line(&toned(Tone::Good, "healthy"));
        let code = if waiting.is_empty() { Code::Success } else { Code::NotHealed };
        context.printer.document(&ReportDocument { waiting, code: code as u8, ..ReportDocument::healthy(verdict) })?;
        return Ok(code);
    }
    let findings = diagnose(&mut deployment, evidence).await?;
    let next_steps = next_steps(&findings, deployment.target());
    show_verdict(context.printer, &verdict);
    for finding in &findings {
        show_finding(context.printer, finding);
    }
    for step in &next_steps {
        context.printer.line(&format!("{} {}", toned(Tone::Warning, "next:"), escaped(step)));
    }
    let document = ReportDocument::explained(&findings, verdict, next_steps);
    context.printer.document(&ReportDocument { waiting, ..document })?;
    Ok(Code::NotHealed)
}

/// Every service is well, and yet a command failed or a log says so: that must not pass for a success.
pub fn failed_beside(context: &Context<'_>, evidence: &[Evidence], verdict: Verdict) -> Result<Code, CommandError> {
    let findings = classify(evidence, &[]);
    let from_log = evidence.iter().any(|piece| matches!(piece.provenance, Provenance::File(_)));
    let what = if from_log { "the log names a failure" } else { "the command failed" };
    let next_steps = findings.first().map(|finding| finding.next_steps.clone()).unwrap_or_default();
    show_verdict(context.printer, &verdict);
    for finding in &findings {
        show_finding(context.printer, finding);
    }
    let what = format!("{what}, though every service is healthy: there is nothing to heal");
    context.printer.line(&toned(Tone::Bad, &what));
    for step in &next_steps {
        context.printer.line(&format!("{} {}", toned(Tone::Warning, "next:"), escaped(step)));
    }
    context.printer.document(&ReportDocument::explained(&findings, verdict, next_steps))?;
    Ok(Code::NotHealed)
}

/// Evidence and the engine's view as findings; used where nothing is recorded.
async fn diagnose<D: Deployment>(
    deployment: &mut D,
    mut evidence: Vec<Evidence>,
) -> Result<Vec<Finding>, CommandError> {
    let seen = deployment.inspect().await.map_err(WorkflowError::Target)?;
    evidence.extend(seen.evidence);
    let mut findings = classify(&evidence, &seen.containers);
    point_to(&seen.places_to_look, &mut findings);
    Ok(findings)
}

fn next_steps(findings: &[Finding], target: &Target) -> Vec<String> {
    let mut steps = findings.first().map(|finding| finding.next_steps.clone()).unwrap_or_default();
    if findings.iter().any(|finding| finding.class != FailureClass::Unknown) {
        let named = named_azure(target).map(|name| format!(" --azure {}", shell_quoted(&name))).unwrap_or_default();
        steps.push(format!("`repair --self-heal=preview{named}` makes a plan and asks before it changes anything"));
    }
    steps
}

/// One line for each service and probe.
pub fn show_verdict(printer: &Printer, verdict: &Verdict) {
    for service in &verdict.services {
        let tone = if service.healthy { Tone::Good } else { Tone::Bad };
        let addresses: Vec<String> = service.addresses.iter().map(ToString::to_string).collect();
        let at = if addresses.is_empty() { String::new() } else { format!("  at {}", addresses.join(", ")) };
        printer.line(&format!("  {:<20} {}{at}", escaped(&service.service), toned(tone, &escaped(&service.state))));
    }
    for probe in &verdict.probes {
        let tone = if probe.passed { Tone::Good } else { Tone::Bad };
        printer.line(&format!("  {}  {}", escaped(&probe.probe), toned(tone, &escaped(&probe.detail))));
    }
}

/// A finding with the lines that prove it.
pub fn show_finding(printer: &Printer, finding: &Finding) {
    printer.line(&format!("{} ({})", toned(Tone::Bad, finding.class.as_str()), finding.confidence));
    for line in screen::proof(finding) {
        printer.line(&format!("  {line}"));
    }
}

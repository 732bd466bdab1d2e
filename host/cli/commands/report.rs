//! What a session came to, for people and for programs.

use repair_model::outcome::Outcome;
use repair_model::plan::Change;
use repair_model::text::escaped;
use repair_model::tool::ToolRef;
use repair_pipeline::report::{Conclusion, Report};

use super::Context;
use super::look::{show_finding, show_verdict};
use crate::built_in::is_built_in;
use crate::command_error::{Code, CommandError};
use crate::output::{ReportDocument, result_of};
use crate::printer::{Printer, Tone, toned};

/// Prints what the workflow came to; its exit code.
pub fn show(context: &Context<'_>, report: &Report) -> Result<Code, CommandError> {
    let (_, code) = result_of(&report.conclusion);
    context.printer.document(&ReportDocument::healed(report))?;
    show_report(context.printer, report);
    Ok(code)
}

fn show_report(printer: &Printer, report: &Report) {
    let healed = report.conclusion == Conclusion::Healed;
    if !healed {
        for finding in report.findings.iter().take(1) {
            show_finding(printer, finding);
        }
    }
    for step in &report.steps {
        let (tone, mark, why) = match &step.outcome {
            Outcome::Done { .. } => (Tone::Good, "done", String::new()),
            Outcome::Failed { error, .. } => (Tone::Bad, "failed", format!(": {}", escaped(error))),
            Outcome::Abandoned { reason } => (Tone::Warning, "abandoned", format!(": {}", escaped(reason))),
            Outcome::Unclear { reason } => (Tone::Warning, "unclear", format!(": {}", escaped(reason))),
        };
        printer.line(&format!("  {}  {}{why}", toned(tone, mark), escaped(&step.summary)));
    }
    if let Some(verdict) = &report.verdict {
        show_verdict(printer, verdict);
    }
    show_conclusion(printer, report);
    if let Some(frozen) = &report.plan {
        for warning in &frozen.plan().warnings {
            printer.line(&format!("{} {}", toned(Tone::Warning, "note:"), escaped(warning)));
        }
    }
    for step in &report.next_steps {
        printer.line(&format!("{} {}", toned(Tone::Warning, "next:"), escaped(step)));
    }
    if healed {
        printer.line(&toned(Tone::Faint, &afterwards(report)));
    }
}

/// What can be done once all is well; only an edit can be taken back.
fn afterwards(report: &Report) -> String {
    let verify = "`repair audit verify` checks the record";
    let steps = report.plan.iter().flat_map(|frozen| &frozen.plan().steps);
    if steps.map(|step| &step.change).any(|change| matches!(change, Change::Edit(_))) {
        return format!("`repair undo {}` takes the edits back; {verify}", report.session);
    }
    verify.to_owned()
}

fn show_conclusion(printer: &Printer, report: &Report) {
    match &report.conclusion {
        Conclusion::Healed => {
            printer.line(&format!("{} (session {})", toned(Tone::Good, "healed and verified"), report.session));
        }
        Conclusion::AwaitingApproval => show_waiting(printer, report),
        Conclusion::Denied => printer.line(&toned(Tone::Bad, "denied by policy; nothing was done")),
        Conclusion::Declined => printer.line("nothing was done, as you said"),
        Conclusion::NotHealed(reason) => {
            printer.line(&format!("{} {}", toned(Tone::Bad, "not healed:"), escaped(reason)));
            show_where(printer, report);
        }
        Conclusion::Interrupted => {
            printer.line(&format!("interrupted; `repair resume {}` goes on with it", report.session));
        }
        Conclusion::Suspended(reason) => {
            printer.line(&format!("{} {}", toned(Tone::Warning, "stopped for now:"), escaped(reason)));
            printer.line(&format!("  `repair resume {}` goes on with it", report.session));
        }
        Conclusion::Blocked(reason, detail) => {
            let what = format!("blocked ({}):", reason.as_str());
            printer.line(&format!("{} {}", toned(Tone::Bad, &what), escaped(detail)));
            show_where(printer, report);
        }
        Conclusion::GivenUp => printer.line("somebody gave this session up meanwhile; nothing more was done"),
        Conclusion::Undone => printer.line(&toned(Tone::Good, "everything was taken back")),
    }
}

/// Where to read what was tried.
fn show_where(printer: &Printer, report: &Report) {
    printer.line(&toned(Tone::Faint, &format!("`repair show {}` tells what was tried", report.session)));
}

/// What a person somewhere else needs to decide: the plan, and the exact commands.
/// Who proposed a plan: exactly which component, and whose.
pub fn proposed_by(tool: &ToolRef) -> String {
    let whose = if is_built_in(&tool.id) { "part of repair" } else { "not part of repair" };
    format!("proposed by {tool}, {whose}, component {}", tool.component)
}

fn show_waiting(printer: &Printer, report: &Report) {
    let Some(frozen) = &report.plan else { return };
    for (at, step) in frozen.plan().steps.iter().enumerate() {
        printer.line(&format!("  {}. {}  [{}]", at + 1, escaped(&step.summary), step.risk));
        for line in &step.detail {
            printer.line(&format!("       {}", escaped(line)));
        }
    }
    printer.line(&format!("  {}", proposed_by(&frozen.plan().tool)));
    for way in &frozen.plan().other_ways {
        printer.line(&format!("  or instead, {}: {}", escaped(&way.what), escaped(&way.command)));
    }
    printer.line(&toned(Tone::Warning, "this plan waits for a yes:"));
    printer.line(&format!("  repair approve {}", frozen.digest()));
    printer.line(&format!("  repair apply {}", frozen.digest()));
}

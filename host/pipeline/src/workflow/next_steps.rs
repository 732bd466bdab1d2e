//! What a person can do next, gathered from the host, the plan and the tools.

use repair_model::decision::{Decided, Decision};
use repair_model::finding::Finding;
use repair_model::outcome::Outcome;
use repair_model::plan::FrozenPlan;

use crate::planning::Passed;
use crate::report::StepReport;

pub(super) fn done_detail(step: &StepReport) -> Option<String> {
    match &step.outcome {
        Outcome::Done { detail } => Some(detail.clone()),
        Outcome::Failed { .. } | Outcome::Abandoned { .. } | Outcome::Unclear { .. } => None,
    }
}

/// The host's own next steps first, then what the tools said.
pub(super) fn next_steps_of(finding: &Finding, passed: &[Passed]) -> Vec<String> {
    let mut steps = finding.next_steps.clone();
    steps.extend(passed.iter().map(|passed| {
        if passed.refused { passed.words.clone() } else { format!("{}: {}", passed.tool, passed.words) }
    }));
    steps
}

pub(super) fn other_ways(frozen: &FrozenPlan) -> Vec<String> {
    frozen.plan().other_ways.iter().map(|way| format!("{}: `{}`", way.what, way.command)).collect()
}

/// What finishes an effect that was stopped half-way and that no tool goes on with.
pub(super) fn half_done(steps: &[StepReport]) -> Option<String> {
    let left = steps.last().filter(|step| matches!(step.outcome, Outcome::Abandoned { .. }))?;
    Some(format!("`docker compose up -d` finishes what was stopped half-way ({})", left.summary))
}

/// Never leaves a person without a next step.
pub(super) fn or_look(steps: Vec<String>) -> Vec<String> {
    if steps.is_empty() {
        let look = "`docker compose ps --all` and `docker compose logs --tail 50` show what the services say";
        return vec![look.to_owned()];
    }
    steps
}

pub(super) fn denied_steps(decided: &[Decided]) -> Vec<String> {
    decided
        .iter()
        .filter(|decided| decided.decision == Decision::Deny)
        .map(|decided| format!("{} ({})", decided.because, decided.policies.join(", ")))
        .collect()
}

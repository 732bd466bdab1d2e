//! What `--json` prints: types of their own, so that programs do not break when the inside changes.

use std::collections::BTreeMap;

use repair_classification::{Found, ProofLine, Summary};
use repair_journal::Liveness;
use repair_model::decision::Decided;
use repair_model::event::{EffectProcess, Holder};
use repair_model::finding::{Finding, Proof};
use repair_model::ids::{Digest, Permille, SessionId};
use repair_model::outcome::{Outcome, Verdict};
use repair_model::plan::{OtherWay, Plan, Step};
use repair_model::tool::ToolRef;
use repair_pipeline::handover::Handover;
use repair_pipeline::report::{Conclusion, Report};
use repair_pipeline::session::Session;
use schemars::JsonSchema;
use serde::Serialize;

use crate::built_in::is_built_in;
use crate::command_error::Code;

/// Version of all documents below.
const FORMAT: &str = "repair/1";

/// The result of looking or healing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportDocument {
    /// Version of this format.
    pub format: &'static str,
    /// `healthy`, `healed`, `undone`, `awaiting-approval`, `denied`, `declined`, `not-healed`, `suspended`, `blocked`,
    /// `given-up` or `interrupted`.
    pub result: &'static str,
    /// The exit code.
    pub code: u8,
    /// Why, where it is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The session; absent when nothing was healed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Primary finding first.
    pub findings: Vec<FindingDocument>,
    /// The last plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanDocument>,
    /// All steps that were begun.
    pub steps: Vec<StepDocument>,
    /// The last verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Tools that saw the case and did not lead to a plan.
    pub passed: Vec<PassedDocument>,
    /// Sessions of the target that wait to be gone on with, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingDocument>,
    /// What a person can do next.
    pub next_steps: Vec<String>,
    /// Rounds that were begun.
    pub rounds: u32,
    /// Milliseconds that effects took.
    pub effect_ms: u64,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingDocument {
    /// Its class.
    pub class: &'static str,
    /// From 0 to 1.
    pub confidence: f64,
    /// What was extracted.
    pub facts: BTreeMap<String, String>,
    /// The lines that prove it.
    pub proof: Vec<ProofDocument>,
    /// Lines that speak against it; the confidence already counts them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<ProofDocument>,
    /// What a person can do about it, safest first.
    pub next_steps: Vec<String>,
}

/// A line of proof.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProofDocument {
    /// Counted from 1.
    pub line: u64,
    /// The line, redacted.
    pub text: String,
}

/// The failures that a text names.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClassifiedDocument {
    /// Version of this format.
    pub format: &'static str,
    /// Primary finding first; never empty.
    pub findings: Vec<FindingDocument>,
    /// Lines of the text.
    pub lines: u64,
    /// Bytes of the text.
    pub bytes: u64,
}

/// A plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanDocument {
    /// What a person approves.
    pub digest: Digest,
    /// The tool that proposed it, with its version.
    pub tool: String,
    /// Digest of its component.
    pub component: Digest,
    /// Whether it is part of `repair`.
    pub built_in: bool,
    /// Its greatest risk.
    pub risk: &'static str,
    /// Its steps with the policy's answers.
    pub steps: Vec<PlannedStepDocument>,
    /// What the host noticed.
    pub warnings: Vec<String>,
    /// What a person could do instead.
    pub other_ways: Vec<OtherWay>,
}

/// A step of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlannedStepDocument {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// The policy's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// A step that was begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepDocument {
    /// What it was.
    pub summary: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// A tool that did not lead to a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PassedDocument {
    /// Its id.
    pub tool: String,
    /// Its words, or the host's.
    pub words: String,
    /// Whether the host refused it.
    pub refused: bool,
}

/// A session that waits to be gone on with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WaitingDocument {
    /// Its id.
    pub id: SessionId,
    /// How it stands.
    pub status: &'static str,
    /// Whether its plan was approved from elsewhere.
    pub approved: bool,
    /// Where it is on its way through the round.
    pub phase: &'static str,
    /// Whether a process works on it.
    pub process: ProcessDocument,
    /// When its last event was written.
    #[schemars(with = "String")]
    pub updated: jiff::Timestamp,
}

/// Whether a process works on a session. The kernel's lock decides; the rest is for display.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProcessDocument {
    /// `running`: a live `repair` holds the target; `stale`: that is gone and an effect of it still runs; `dead`: nobody
    /// holds the target.
    pub state: &'static str,
    /// Why it is that, in one sentence.
    pub because: String,
    /// Who held the target last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// The process of the effect that still runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectProcess>,
}

/// What a resume would do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResumeDocument {
    /// Version of this format.
    pub format: &'static str,
    /// How the session stands.
    pub handover: Handover,
    /// Whether a process works on it.
    pub process: ProcessDocument,
    /// What would happen, in order.
    pub would: Vec<String>,
}

impl ResumeDocument {
    /// What a resume would do.
    pub fn new(handover: Handover, would: Vec<String>, liveness: &Liveness) -> Self {
        Self { format: FORMAT, handover, process: ProcessDocument::new(liveness), would }
    }
}

impl WaitingDocument {
    /// A session of a target that is held or not.
    pub fn new(session: &Session, liveness: &Liveness) -> Self {
        Self {
            id: session.id.clone(),
            status: session.status.as_str(),
            approved: session.is_approved(),
            phase: session.phase.as_str(),
            process: ProcessDocument::new(liveness),
            updated: session.updated,
        }
    }
}

impl ProcessDocument {
    /// Who holds the target of a session that is not over.
    pub fn new(liveness: &Liveness) -> Self {
        match liveness {
            Liveness::Held(holder) => Self {
                state: "running",
                because: format!("process {} of {}@{} holds the target", holder.pid, holder.user, holder.host),
                holder: Some(holder.clone()),
                effect: None,
            },
            Liveness::HeldByEffect(holder, effect) => Self {
                state: "stale",
                because: format!("process {} is gone, and an effect that it started holds the target", holder.pid),
                holder: Some(holder.clone()),
                effect: effect.clone(),
            },
            Liveness::Free(holder) => Self {
                state: "dead",
                because: "nobody holds the target".to_owned(),
                holder: holder.clone(),
                effect: None,
            },
        }
    }
}

/// A session in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionDocument {
    /// Its id.
    pub id: SessionId,
    /// How it stands.
    pub status: &'static str,
    /// Whether its plan was approved from elsewhere.
    pub approved: bool,
    /// Where it is, or was last, on its way through the round.
    pub phase: &'static str,
    /// Whether a process works on it; absent once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessDocument>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: jiff::Timestamp,
    /// When its last event was written.
    #[schemars(with = "String")]
    pub updated: jiff::Timestamp,
    /// The class of its primary finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// Its present plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The tool that proposed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolRef>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The project directory.
    pub directory: String,
    /// The Compose project.
    pub project: String,
}

/// The word and the exit code of a conclusion.
pub fn result_of(conclusion: &Conclusion) -> (&'static str, Code) {
    match conclusion {
        Conclusion::Healed => ("healed", Code::Success),
        Conclusion::AwaitingApproval => ("awaiting-approval", Code::AwaitingApproval),
        Conclusion::Denied => ("denied", Code::Denied),
        Conclusion::Declined => ("declined", Code::NotHealed),
        Conclusion::NotHealed(_) => ("not-healed", Code::NotHealed),
        Conclusion::Interrupted => ("interrupted", Code::Interrupted),
        Conclusion::Suspended(_) => ("suspended", Code::NotHealed),
        Conclusion::Blocked(..) => ("blocked", Code::NotHealed),
        Conclusion::GivenUp => ("given-up", Code::NotHealed),
        Conclusion::Undone => ("undone", Code::Success),
    }
}

impl ReportDocument {
    /// A healthy target: nothing was done and nothing was written.
    pub fn healthy(verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::empty("healthy", Code::Success) }
    }

    /// A look that found something, without healing.
    pub fn explained(findings: &[Finding], verdict: Verdict, next_steps: Vec<String>) -> Self {
        Self {
            findings: findings.iter().map(finding_document).collect(),
            verdict: Some(verdict),
            next_steps,
            ..Self::empty("not-healed", Code::NotHealed)
        }
    }

    /// What healing came to.
    pub fn healed(report: &Report) -> Self {
        let (result, code) = result_of(&report.conclusion);
        let reason = match &report.conclusion {
            Conclusion::NotHealed(reason) | Conclusion::Suspended(reason) | Conclusion::Blocked(_, reason) => {
                Some(reason.clone())
            }
            _ => None,
        };
        Self {
            reason,
            session: Some(report.session.clone()),
            findings: report.findings.iter().map(finding_document).collect(),
            plan: report.plan.as_ref().map(|frozen| plan_document(frozen.digest(), frozen.plan(), &report.decided)),
            steps: report
                .steps
                .iter()
                .map(|step| StepDocument { summary: step.summary.clone(), outcome: step.outcome.clone() })
                .collect(),
            verdict: report.verdict.clone(),
            passed: report
                .passed
                .iter()
                .map(|passed| PassedDocument {
                    tool: passed.tool.clone(),
                    words: passed.words.clone(),
                    refused: passed.refused,
                })
                .collect(),
            next_steps: report.next_steps.clone(),
            rounds: report.rounds,
            effect_ms: report.effect_ms,
            ..Self::empty(result, code)
        }
    }

    fn empty(result: &'static str, code: Code) -> Self {
        Self {
            format: FORMAT,
            result,
            code: code as u8,
            reason: None,
            session: None,
            findings: Vec::new(),
            plan: None,
            steps: Vec::new(),
            verdict: None,
            passed: Vec::new(),
            waiting: Vec::new(),
            next_steps: Vec::new(),
            rounds: 0,
            effect_ms: 0,
        }
    }
}

fn finding_document(finding: &Finding) -> FindingDocument {
    let lines = |lines: &[Proof]| {
        lines.iter().map(|line| ProofDocument { line: line.line.into(), text: line.text.clone() }).collect()
    };
    FindingDocument {
        class: finding.class.as_str(),
        confidence: fraction(finding.confidence),
        facts: finding.facts.clone(),
        proof: lines(&finding.proof),
        contradictions: lines(&finding.contradictions),
        next_steps: finding.next_steps.clone(),
    }
}

fn found_document(found: &Found) -> FindingDocument {
    let lines = |lines: &[ProofLine]| {
        lines.iter().map(|line| ProofDocument { line: line.line, text: line.text.clone() }).collect()
    };
    FindingDocument {
        class: found.class.as_str(),
        confidence: fraction(found.confidence),
        facts: found.facts.clone(),
        proof: lines(&found.proof),
        contradictions: lines(&found.contradictions),
        next_steps: found.next_steps.clone(),
    }
}

fn fraction(confidence: Permille) -> f64 {
    f64::from(confidence.get()) / 1000.0
}

impl ClassifiedDocument {
    /// What was found in a text.
    pub fn new(summary: &Summary) -> Self {
        Self {
            format: FORMAT,
            findings: summary.findings.iter().map(found_document).collect(),
            lines: summary.lines,
            bytes: summary.bytes,
        }
    }
}

/// A plan with the policy's answers, as far as there are any.
pub fn plan_document(digest: Digest, plan: &Plan, decided: &[Decided]) -> PlanDocument {
    PlanDocument {
        digest,
        tool: plan.tool.to_string(),
        component: plan.tool.component,
        built_in: is_built_in(&plan.tool.id),
        risk: plan.risk().as_str(),
        steps: plan
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| PlannedStepDocument { step: step.clone(), decided: decided.get(at).cloned() })
            .collect(),
        warnings: plan.warnings.clone(),
        other_ways: plan.other_ways.clone(),
    }
}

/// A session in a list.
pub fn session_document(
    session: &Session,
    target: &repair_model::target::Target,
    liveness: Option<&Liveness>,
) -> SessionDocument {
    SessionDocument {
        id: session.id.clone(),
        status: session.status.as_str(),
        approved: session.is_approved(),
        phase: session.phase.as_str(),
        process: liveness.filter(|_| !session.status.is_final()).map(ProcessDocument::new),
        started: session.started,
        updated: session.updated,
        class: session.findings.first().map(|finding| finding.class.as_str()),
        plan: session.plan.as_ref().map(|plan| plan.plan),
        tool: session.plan.as_ref().map(|plan| plan.tool.clone()),
        reason: session.reason.clone(),
        directory: target.directory.display().to_string(),
        project: target.project.clone(),
    }
}

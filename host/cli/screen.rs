//! What a person reads before they decide: the host's own words first, foreign text last and escaped.

use std::fmt::Write as _;

use repair_model::decision::Decision;
use repair_model::finding::Finding;
use repair_model::plan::EditMethod;
use repair_model::risk::Risk;
use repair_model::text::{escaped, escaped_words};
use repair_pipeline::approval::{ApprovalRequest, SettleRequest};

use crate::printer::{Tone, toned};

/// Characters of one line of foreign text on the approval screen; `view` shows all.
const FOREIGN_CHARACTERS_MAX: usize = 400;
/// Lines of proof on one screen.
const PROOF_LINES_MAX: usize = 3;

/// The one screen of an approval.
pub fn approval(request: &ApprovalRequest<'_>) -> String {
    let mut text = String::from("\n");
    let plan = request.frozen.plan();
    if let Some(primary) = request.findings.first() {
        let _ = writeln!(text, "{}  {}", toned(Tone::Heading, "What failed"), toned(Tone::Bad, primary.class.as_str()));
        for line in proof(primary) {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(text, "\n{}", toned(Tone::Heading, "What repair would do"));
    for (at, step) in plan.steps.iter().enumerate() {
        let decided = request.decided.get(at);
        let asks = decided.map(|decided| format!("{}: {}", decided.decision, decided.policies.join(", ")));
        let _ = writeln!(text, "  {}. {}", at + 1, escaped(&step.summary));
        for line in &step.detail {
            let _ = writeln!(text, "       {}", detail_line(line));
        }
        let _ = writeln!(
            text,
            "       {} {}",
            toned(risk_tone(step.risk), step.risk.as_str()),
            toned(Tone::Faint, &format!("({}; {})", escaped(&step.risk_because), asks.unwrap_or_default()))
        );
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "  {} {}", toned(Tone::Warning, "note:"), escaped(warning));
    }
    for way in &plan.other_ways {
        let _ = writeln!(text, "  or instead, {}: {}", escaped(&way.what), escaped(&way.command));
    }
    let reason = escaped_words(&plan.reason, FOREIGN_CHARACTERS_MAX);
    let whose = if request.built_in { "" } else { ", which you installed and which is not part of repair," };
    let _ = writeln!(text, "\n{}", toned(Tone::Faint, &format!("The tool {}{whose} says: {reason}", plan.tool)));
    text
}

/// The question under it.
pub fn question(request: &ApprovalRequest<'_>) -> String {
    if let Some(lost) = lost_names(request) {
        return format!(
            "\nThis loses something for good. Type {lost} to do exactly this, or [n]o [v]iew [e]xplain [o]ther way: "
        );
    }
    let undo = if request.frozen.plan().risk() <= Risk::Reversible { "" } else { ", cannot all be undone" };
    format!("\nDo exactly this{undo}? [y]es [n]o [v]iew [e]xplain [o]ther way: ")
}

/// The names that a person has to type; `None` where nothing is lost for good.
fn lost_names(request: &ApprovalRequest<'_>) -> Option<String> {
    let lost: Vec<String> = request.frozen.plan().lost().into_iter().map(escaped).collect();
    (!lost.is_empty()).then(|| lost.join(" "))
}

/// Everything that a yes binds.
pub fn whole_plan(request: &ApprovalRequest<'_>) -> String {
    let plan = request.frozen.plan();
    let json = serde_json::to_string_pretty(plan).unwrap_or_default();
    let lines: Vec<String> = json.lines().map(escaped).collect();
    format!(
        "\nplan {}\ncomponent {}\npolicy {}\nfootprint {}\nsession {}\nstands until {}\n\n{}\n",
        request.frozen.digest(),
        plan.tool.component,
        plan.policy,
        request.frozen.footprint(),
        request.session,
        request.expires_at,
        lines.join("\n")
    )
}

/// Why the policy asks, and what each risk means.
pub fn explanation(request: &ApprovalRequest<'_>) -> String {
    let mut text = String::from("\n");
    for (at, (step, decided)) in request.frozen.plan().steps.iter().zip(request.decided).enumerate() {
        let _ =
            writeln!(text, "  {}. {} is {}: {}", at + 1, step.action.kind(), step.risk, escaped(&step.risk_because));
        let _ = writeln!(
            text,
            "     {}: {} ({})",
            decided.decision,
            escaped(&decided.because),
            decided.policies.join(", ")
        );
    }
    let asks = request.decided.iter().any(|decided| decided.decision == Decision::Ask);
    if asks {
        let what = if lost_names(request).is_some() { "The typed name" } else { "One yes" };
        let _ = writeln!(text, "  {what} covers the whole plan, once, in session {}.", request.session);
    }
    text
}

/// A step of which nobody knows whether it happened: both readings, and how to look.
pub fn unknown_step(request: &SettleRequest<'_>) -> String {
    let mut text = String::new();
    let heading = toned(Tone::Heading, "It cannot be told whether a step happened");
    let _ = writeln!(text, "\n{heading}  step {} of session {}", request.step + 1, request.session);
    let _ = writeln!(text, "  {}", escaped(request.reason));
    for way in request.ways {
        let _ = writeln!(text, "  look: {}", escaped(way));
    }
    text
}

/// The other places where the port could be changed, and what a person could do instead.
pub fn other_ways(request: &ApprovalRequest<'_>) -> String {
    let mut text = String::from("\n");
    for (at, method) in request.methods.iter().skip(1).enumerate() {
        let _ = writeln!(text, "  {}. {}", at + 1, method_words(*method));
    }
    for way in &request.frozen.plan().other_ways {
        let _ = writeln!(text, "  by yourself: {}: {}", escaped(&way.what), escaped(&way.command));
    }
    if request.methods.len() < 2 && request.frozen.plan().other_ways.is_empty() {
        text.push_str("  There is no other way that repair knows.\n");
    }
    text
}

/// The last lines that prove a finding, each said once: the engine's words come back inside those of the command.
pub fn proof(finding: &Finding) -> Vec<String> {
    let mut lines: Vec<&str> = Vec::new();
    for line in finding.proof.iter().rev().map(|proof| proof.text.trim()) {
        if lines.len() < PROOF_LINES_MAX && !lines.iter().any(|said| said.contains(line) || line.contains(said)) {
            lines.push(line);
        }
    }
    lines.into_iter().map(|line| escaped_words(line, FOREIGN_CHARACTERS_MAX)).collect()
}

fn method_words(method: EditMethod) -> &'static str {
    match method {
        EditMethod::Dotenv => "change the variable in `.env`",
        EditMethod::Override => "write it into the override file, and leave the Compose file as it is",
        EditMethod::InPlace => "change the Compose file itself",
    }
}

fn detail_line(line: &str) -> String {
    let safe = escaped(line);
    match safe.as_bytes().first() {
        Some(b'+') => toned(Tone::Good, &safe),
        Some(b'-') => toned(Tone::Bad, &safe),
        _ => safe,
    }
}

fn risk_tone(risk: Risk) -> Tone {
    match risk {
        Risk::ReadOnly | Risk::Safe => Tone::Good,
        Risk::Reversible => Tone::Warning,
        Risk::Disruptive | Risk::Irreversible => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use repair_model::action::Action;
    use repair_model::decision::Decided;
    use repair_model::finding::{FailureClass, Proof};
    use repair_model::ids::{Digest, Permille, SessionId};
    use repair_model::plan::{Change, Footprint, FrozenPlan, OtherWay, Plan, Step};
    use repair_model::tool::ToolRef;

    use super::*;

    /// What a tool, or a log that it quotes, would need to draw a screen of its own.
    const DIRTY: &str = "a\0b\u{1b}[2Jc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g\rh";

    fn dirty_plan() -> Plan {
        let dirty = || DIRTY.to_owned();
        Plan {
            target: Digest::from_bytes([1; 32]),
            tool: ToolRef { id: "loud".into(), version: "1.0.0".into(), component: Digest::from_bytes([2; 32]) },
            policy: Digest::from_bytes([3; 32]),
            finding: Finding {
                class: FailureClass::DockerPortConflict,
                confidence: Permille::CERTAIN,
                facts: BTreeMap::from([(dirty(), dirty())]),
                proof: vec![Proof { evidence: 0, line: 1, text: dirty() }],
                contradictions: Vec::new(),
                next_steps: vec![dirty()],
            },
            params: "{}".into(),
            reason: dirty(),
            confidence: Permille::CERTAIN,
            steps: vec![Step {
                action: Action::ComposeUp { services: vec![dirty()] },
                risk: Risk::Reversible,
                risk_because: dirty(),
                summary: dirty(),
                detail: vec![dirty(), format!("+{DIRTY}")],
                change: Change::Nothing,
                footprint: Footprint::default(),
            }],
            warnings: vec![dirty()],
            other_ways: vec![OtherWay { what: dirty(), command: dirty() }],
        }
    }

    #[test]
    fn nothing_foreign_reaches_an_approval_as_it_is() {
        let frozen = FrozenPlan::new(dirty_plan()).expect("a plan");
        let expires_at = "2026-01-31T12:00:00Z".parse().expect("a time");
        let session = SessionId::new(expires_at, [0; 4]);
        let findings = [frozen.plan().finding.clone()];
        let decided =
            [Decided { decision: Decision::Ask, policies: vec!["built-in/ask".into()], because: DIRTY.to_owned() }];
        let request = ApprovalRequest {
            session: &session,
            findings: &findings,
            frozen: &frozen,
            built_in: false,
            decided: &decided,
            methods: &[],
            expires_at,
        };
        let installed = "which you installed and which is not part of repair";
        assert!(approval(&request).contains(installed));
        assert!(!approval(&ApprovalRequest { built_in: true, ..request }).contains(installed));
        let ways = [DIRTY.to_owned()];
        let unknown = SettleRequest { session: &session, step: 0, reason: DIRTY, ways: &ways };
        let screens = [
            approval(&request),
            question(&request),
            whole_plan(&request),
            explanation(&request),
            other_ways(&request),
            unknown_step(&unknown),
        ];
        for screen in screens {
            assert!(!screen.contains("\u{1b}[2J"), "{screen:?}");
            // What is left of escape sequences are the host's own colours.
            let plain = anstream::adapter::strip_str(&screen).to_string();
            let raw = plain.chars().find(|character| *character != '\n' && escaped(&character.to_string()).len() > 4);
            assert_eq!(raw, None, "{plain:?}");
        }
    }
}

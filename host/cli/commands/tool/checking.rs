//! `tool check`: everything that a host would hold against a component, before anybody installs it.
//!
//! Loading makes the checks that every run makes. Beyond them this asks what only a person would notice later: parameters
//! that no project could leave out, answers that differ, kinds that are declared and never used, limits that are near.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use repair_model::action::Action;
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;
use repair_model::query::Query;
use repair_model::text::escaped;
use repair_model::tool::{Manifest, ToolAnswer};
use repair_pipeline::planning::check_params;
use repair_pipeline::rehearsal::{CASE_FORMAT, End, RecordedCase};
use repair_sandbox::{Toolbox, Usage, Weight};
use serde::Serialize;

use super::super::Context;
use super::cases::{case_of, cases_in, load, shown};
use crate::args::ToolCheckArgs;
use crate::command_error::{Code, CommandError};
use crate::printer::{Tone, toned};

/// Share of a limit, in percent, from which on a tool is told that it is near.
const NEAR_PERCENT: u64 = 50;

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Good,
    /// Worth a look, and no reason to refuse.
    Remark,
    Bad,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Checked {
    check: &'static str,
    standing: Standing,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Checked {
    fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, standing: Standing::Good, what: what.into(), fix: None }
    }

    fn remark(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, standing: Standing::Remark, what: what.into(), fix: Some(fix.into()) }
    }

    fn bad(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, standing: Standing::Bad, what: what.into(), fix: Some(fix.into()) }
    }
}

/// Checks a component.
pub fn run(context: &Context<'_>, args: &ToolCheckArgs) -> Result<Code, CommandError> {
    let file = context.environment.current_directory.join(&args.file);
    let cases = if args.cases.is_empty() {
        cases_in(file.parent().unwrap_or(Path::new(".")))?
    } else {
        args.cases
            .iter()
            .map(|case| case_of(&context.environment.current_directory.join(case)))
            .collect::<Result<_, _>>()?
    };
    let (mut tools, manifest) = load(context, &file)?;
    let mut all = of_component(&tools, &manifest);
    all.extend(of_manifest(&manifest));
    if cases.is_empty() {
        all.push(Checked::remark(
            "cases",
            "there is no recorded case; it is shown an empty one of each class that it handles",
            "`repair tool record SESSION` makes one of a real session",
        ));
    }
    let named: Vec<(String, RecordedCase)> = if cases.is_empty() {
        let classes = manifest.handles.iter();
        classes.map(|class| (format!("an empty case of {class}"), empty_case(*class))).collect()
    } else {
        cases.into_iter().map(|case| (case.name, case.case)).collect()
    };
    all.extend(of_answers(&mut tools, &manifest, &named));

    context.printer.line(&format!(
        "{}  {}",
        toned(Tone::Heading, &manifest.tool.to_string()),
        escaped(&manifest.summary)
    ));
    for one in &all {
        print(context, one);
    }
    context.printer.document(&serde_json::json!({ "manifest": manifest, "checks": all }))?;
    let bad = all.iter().filter(|one| one.standing == Standing::Bad).count();
    if bad > 0 {
        context.printer.line("correct what is BAD above, build the tool again, and check it again");
    }
    Ok(if bad == 0 { Code::Success } else { Code::NotHealed })
}

fn print(context: &Context<'_>, one: &Checked) {
    let (tone, word) = match one.standing {
        Standing::Good => (Tone::Good, "ok    "),
        Standing::Remark => (Tone::Warning, "remark"),
        Standing::Bad => (Tone::Bad, "BAD   "),
    };
    context.printer.line(&format!("{}  {:<12} {}", toned(tone, word), one.check, escaped(&one.what)));
    if let Some(fix) = &one.fix {
        context.printer.line(&format!("{:22}{}", "", escaped(fix)));
    }
}

/// What loading has found out already, in numbers.
fn of_component(tools: &Toolbox, manifest: &Manifest) -> Vec<Checked> {
    let Some(Weight { component_bytes, contract, compile_ms, described, limits }) = tools.weight(&manifest.tool.id)
    else {
        return Vec::new();
    };
    vec![
        Checked::good("imports", "it imports types only, so it can call nothing"),
        Checked::good("contract", format!("it exports `{contract}`")),
        Checked::good("size", format!("{} KiB, ready to run after {compile_ms} ms", component_bytes.div_ceil(1024))),
        near("describe", described, &limits).unwrap_or_else(|| {
            Checked::good("describe", format!("says the same twice, for {} units of fuel", described.fuel))
        }),
    ]
}

fn near(check: &'static str, used: Usage, limits: &repair_sandbox::CallLimits) -> Option<Checked> {
    let fuel = used.fuel.saturating_mul(100) / limits.fuel_max.max(1);
    let memory = (used.memory_bytes as u64).saturating_mul(100) / (limits.memory_bytes_max as u64).max(1);
    let (percent, what) = if fuel >= memory { (fuel, "fuel") } else { (memory, "memory") };
    (percent >= NEAR_PERCENT).then(|| {
        Checked::remark(
            check,
            format!("uses {percent} % of the {what} of a call"),
            "do less in one call; a larger project would end it",
        )
    })
}

fn of_manifest(manifest: &Manifest) -> Vec<Checked> {
    let id = &manifest.tool.id;
    let mut all = Vec::new();
    all.push(match check_params(id, &manifest.params_schema, &serde_json::json!({})) {
        Ok(()) => Checked::good("parameters", "a project may leave all of them out"),
        Err(error) => Checked::bad(
            "parameters",
            format!("a project that says nothing is refused: {error}"),
            "give each parameter a default, and require none",
        ),
    });
    if manifest.may.is_empty() {
        all.push(Checked::remark(
            "may",
            "it proposes nothing, so it can only explain",
            "name the actions that it proposes",
        ));
    }
    if manifest.may.iter().any(|kind| kind.is_azure()) && manifest.may.iter().any(|kind| !kind.is_azure()) {
        all.push(Checked::remark(
            "may",
            "it acts on Compose projects and on Azure; a plan is for one of them",
            "make two tools of it, so that each is accepted for less",
        ));
    }
    if manifest.contact.is_none() {
        all.push(Checked::remark(
            "contact",
            "whoever installs it does not learn whom to ask",
            "say where you are reached: `CONTACT` in Rust, `contact` in Python",
        ));
    }
    all
}

/// Shows every case twice, and whatever is shown on the way twice in one instance.
fn of_answers(tools: &mut Toolbox, manifest: &Manifest, cases: &[(String, RecordedCase)]) -> Vec<Checked> {
    let id = manifest.tool.id.clone();
    let mut all = Vec::new();
    let (mut asked, mut proposed) = (BTreeSet::new(), BTreeSet::new());
    for (name, case) in cases {
        let first = shown(tools, manifest, case);
        if let End::Failed(failure, _) = &first.end {
            all.push(Checked::bad("answers", format!("{name}: {}", failure.what), failure.fix.clone()));
            continue;
        }
        let second = shown(tools, manifest, case);
        if first.transcript() != second.transcript() {
            all.push(Checked::bad(
                "steadiness",
                format!("{name}: the same case gets another answer"),
                "depend on nothing but the case; sort what has no order",
            ));
            continue;
        }
        let mut twice = first.turns.iter().map(|turn| tools.is_steady(&id, &turn.case));
        if let Some(unsteady) = twice.find(|steady| !matches!(steady, Ok(true))) {
            let (what, fix) = match unsteady {
                Ok(_) => ("it answers differently".to_owned(), "keep nothing between two calls".to_owned()),
                Err(failure) => (failure.what, failure.fix),
            };
            all.push(Checked::bad("steadiness", format!("{name}: asked twice in one go, {what}"), fix));
            continue;
        }
        if let End::TurnedDown(words) = &first.end {
            all.push(Checked::bad(
                "answers",
                format!("{name}: the host would turn it down: {words}"),
                "propose what the host accepts, or decline with words for a person",
            ));
        }
        let limits = tools.weight(&id).map(|weight| weight.limits);
        let used = first.turns.iter().map(|turn| turn.used).max_by_key(|used| used.fuel).unwrap_or_default();
        all.extend(limits.and_then(|limits| near("propose", used, &limits)));
        for turn in &first.turns {
            match &turn.reply.answer {
                ToolAnswer::Need(queries) => asked.extend(queries.iter().map(Query::kind)),
                ToolAnswer::Propose(proposal) => proposed.extend(proposal.actions.iter().map(Action::kind)),
                ToolAnswer::WaitSeconds(_) | ToolAnswer::Decline(_) => {}
            }
        }
    }
    if all.iter().any(|one| one.standing == Standing::Bad) {
        // What a case that failed did not come to ask for says nothing.
        return all;
    }
    let answered = match cases.len() {
        1 => "one case, answered twice and the same".to_owned(),
        count => format!("{count} cases, each answered twice and the same"),
    };
    all.insert(0, Checked::good("steadiness", answered));
    let unasked: Vec<String> =
        manifest.sees.iter().filter(|kind| !asked.contains(kind)).map(ToString::to_string).collect();
    let unproposed: Vec<String> =
        manifest.may.iter().filter(|kind| !proposed.contains(kind)).map(ToString::to_string).collect();
    let fix = "add a recorded case that uses it, or take it out: a tool that wants less is accepted sooner";
    if !unasked.is_empty() {
        all.push(Checked::remark("sees", format!("no case asks for {}", unasked.join(", ")), fix));
    }
    if !unproposed.is_empty() {
        all.push(Checked::remark("may", format!("no case proposes {}", unproposed.join(", ")), fix));
    }
    all
}

/// A failure of which nothing but its class is known.
fn empty_case(class: FailureClass) -> RecordedCase {
    RecordedCase {
        format: CASE_FORMAT.to_owned(),
        about: String::new(),
        finding: Finding {
            class,
            confidence: Permille::CERTAIN,
            facts: BTreeMap::new(),
            proof: Vec::new(),
            contradictions: Vec::new(),
            next_steps: Vec::new(),
        },
        params: serde_json::Map::new(),
        history: Vec::new(),
        answers: Vec::new(),
    }
}

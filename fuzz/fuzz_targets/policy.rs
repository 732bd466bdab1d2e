//! Arbitrary policies and bounds in the layers of the system, the user and the project. Whatever loads, nothing above the
//! ceiling is let through unattended, and the project's layer never widens what the other layers say. What does not load
//! says why, and the layers without the project's load whenever all do.
//!
//! Form of an input: policies of the system, of the user, of the project; then bounds of the same three.
#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use repair_fuzz::texts;
use repair_model::action::{Action, PortMove};
use repair_model::bounds::BoundsLayer;
use repair_model::compose::{Protocol, Published};
use repair_model::decision::Decision;
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::{Digest, Domain, Permille};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, EditMethod, FileEdit, Footprint, Step};
use repair_model::risk::Risk;
use repair_model::target::{ComposeScope, Scope, Target};
use repair_model::tool::ToolRef;
use repair_pipeline::policy::{BoundsSource, Layer, Policies, PolicyProblem, PolicySource, Request};

const LAYERS: [Layer; 3] = [Layer::System, Layer::User, Layer::Project];

/// An explanation asks about every action at every risk, which takes most of a second of the instrumented code.
const EXPLAINED_EVERY: usize = 16;

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let texts: [Option<&str>; 6] = texts(&input);
    let with = match load(&texts, &LAYERS) {
        Ok(policies) => policies,
        Err(problems) => return check_problems(&texts, &problems),
    };
    let without = load(&texts, &LAYERS[..2]);
    let without = without.unwrap_or_else(|problems| panic!("the project's layer mended {problems:?}"));

    let wider: BoundsLayer = serde_json::to_value(with.bounds()).and_then(serde_json::from_value).expect("all bounds");
    let tightened = without.bounds().clone().tightened(&wider);
    assert_eq!(tightened.as_ref(), Ok(with.bounds()), "the project widened the bounds");

    for (at, step) in (0..).zip(steps()) {
        let decide = |policies: &Policies| decided(policies, &step, at % 5, at % 2 == 0);
        let (decision, without) = (decide(&with), decide(&without));
        check(step.risk, decision, without);
        let is_misfit = step.change == Change::Nothing;
        assert!(!is_misfit || without == Decision::Deny, "a change that does not fit its action is let through");
    }
    if input.len() % EXPLAINED_EVERY == 0 {
        let (all, fewer) = (with.explain(), without.explain());
        assert_eq!(all.answers.len(), fewer.answers.len());
        for (one, other) in all.answers.iter().zip(&fewer.answers) {
            check(one.risk, one.decided.decision, other.decided.decision);
        }
    }
});

fn load(texts: &[Option<&str>; 6], layers: &[Layer]) -> Result<Policies, Vec<PolicyProblem>> {
    let at = |place: usize| layers.iter().zip(&texts[place..]).filter_map(|(layer, text)| Some((*layer, (*text)?)));
    let policies = at(0).map(|(layer, text)| PolicySource { layer, name: format!("{layer}.cedar"), text: text.into() });
    let bounds = at(3).map(|(layer, text)| BoundsSource { layer, name: format!("{layer}.toml"), text: text.into() });
    Policies::load(policies.collect(), bounds.collect())
}

/// Each problem names a file that was handed in and a place in it.
fn check_problems(texts: &[Option<&str>; 6], problems: &[PolicyProblem]) {
    assert!(!problems.is_empty());
    for problem in problems {
        let at = LAYERS.iter().position(|layer| problem.file.starts_with(layer.as_str())).expect("a file of ours");
        let text = texts[if problem.file.ends_with(".cedar") { at } else { at + 3 }].expect("it was handed in");
        let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
        assert!((1..=lines).contains(&usize::try_from(problem.line).expect("a line")), "{problem}");
        assert!(problem.column > 0 && !problem.what.is_empty() && !problem.fix.is_empty(), "{problem:?}");
    }
}

fn check(risk: Risk, with: Decision, without: Decision) {
    assert!(with != Decision::Allow || risk <= Risk::UNATTENDED_MAX, "{risk} is let through unattended");
    assert!(freedom(with) <= freedom(without), "the project widened {without:?} to {with:?}");
}

fn freedom(decision: Decision) -> u8 {
    match decision {
        Decision::Deny => 0,
        Decision::Ask => 1,
        Decision::Allow => 2,
    }
}

fn decided(policies: &Policies, step: &Step, attempts: u32, interactive: bool) -> Decision {
    let tool = ToolRef {
        id: "port-conflict".to_owned(),
        version: "0.1.0".to_owned(),
        component: Digest::of(Domain::Component, b"tool"),
    };
    let target = Target {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        directory: PathBuf::from("/srv/shop"),
        project: "shop".to_owned(),
        scope: Scope::Compose(ComposeScope::default()),
    };
    let finding = Finding {
        class: FailureClass::DockerPortConflict,
        confidence: Permille::new(600).expect("a permille"),
        facts: BTreeMap::new(),
        proof: Vec::new(),
        contradictions: Vec::new(),
        next_steps: Vec::new(),
    };
    let tool_confidence = Permille::new(700).expect("a permille");
    let (tool, target, finding) = (&tool, &target, &finding);
    let built_in = attempts % 2 == 0;
    let request = Request { tool, built_in, step, target, finding, tool_confidence, attempts, round: 2, interactive };
    policies.decide(&request).decision
}

/// A move and an `up` at risks around the ceiling, with names and numbers that no explanation of the policies uses.
fn steps() -> Vec<Step> {
    let port_move = PortMove {
        service: "db".to_owned(),
        target: 5432,
        protocol: Protocol::Udp,
        host_ip: Some("0.0.0.0".to_owned()),
        before: Published::Range(5000, 5001),
        after: Published::Range(6000, 6001),
    };
    let edit = FileEdit {
        file: "../compose.yaml".to_owned(),
        method: EditMethod::Override,
        before: None,
        after: Digest::of(Domain::File, b"after"),
        hunks: Vec::new(),
    };
    let container = ContainerChange {
        service: "db".to_owned(),
        container: "shop-db-1".to_owned(),
        operation: ContainerOperation::Recreate,
        running: true,
        ever_ran: true,
        started: None,
    };
    let up = Action::ComposeUp { services: vec!["db".to_owned(), "web".to_owned()] };
    let kinds = [
        (Action::RemapPort(port_move), Change::Edit(edit)),
        (up, Change::Containers(vec![container])),
        // A change that does not fit its action is denied by everybody.
        (Action::RestartService { service: "db".to_owned() }, Change::Nothing),
    ];
    let of_risk = |risk: Risk| kinds.clone().map(|(action, change)| step(risk, action, change));
    [Risk::Safe, Risk::UNATTENDED_MAX, Risk::Disruptive].into_iter().flat_map(of_risk).collect()
}

fn step(risk: Risk, action: Action, change: Change) -> Step {
    Step {
        action,
        risk,
        risk_because: String::new(),
        summary: String::new(),
        detail: Vec::new(),
        change,
        footprint: Footprint::default(),
    }
}

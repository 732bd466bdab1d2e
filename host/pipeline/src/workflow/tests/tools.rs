//! What tools say, and what the host makes of it.

use super::*;
use repair_model::action::Action;
use repair_model::ids::Permille;
use repair_model::query::{Answer, Query, QueryKind, Refusal};
use repair_model::risk::Risk;
use repair_model::tool::{Proposal, ToolAnswer};

fn proposals_to(world: &World, tool: &str) -> usize {
    world.trace.count(|call| *call == Call::Propose(tool.to_owned()))
}

#[test]
fn an_action_outside_the_manifest_is_refused_and_the_next_tool_is_asked() {
    let mut world = World::without_tools();
    let logs = Action::CollectLogs { services: vec!["web".to_owned()], lines_max: 10 };
    world.add_tool("greedy", [proposal(vec![remap("web"), logs])]);
    world.add_tool("honest", [proposal(vec![remap("web"), compose_up("web")])]);
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    let [Event::ToolRefused { tool, error, .. }] = world.log.events("tool-refused")[..] else {
        panic!("exactly one tool is refused")
    };
    assert_eq!(tool, "greedy");
    assert!(error.contains("collect-logs"), "{error}");
    assert_eq!(report.plan.expect("a plan").plan().tool.id, "honest");
}

#[test]
fn a_query_outside_the_manifest_is_answered_not_permitted_and_never_looked_up() {
    let mut world = World::without_tools();
    let need = ToolAnswer::Need(vec![Query::ComposeModel, port_owner_query(8080)]);
    world.add_tool("curious", [need, proposal(vec![remap("web")])]);
    world.heal().expect("healed");
    let shown = &world.tools.cases[1].1.observations;
    assert_eq!(shown[0].answer, Answer::Refused(Refusal::NotPermitted));
    assert!(matches!(shown[1].answer, Answer::Refused(Refusal::Unavailable(_))), "this one was looked up");
    assert_eq!(world.trace.count(|call| *call == Call::Observe(QueryKind::ComposeModel)), 0);
    assert_eq!(world.trace.count(|call| *call == Call::Observe(QueryKind::PortOwner)), 1);
}

#[test]
fn a_tool_that_never_decides_is_stopped() {
    let mut world = World::without_tools();
    world.policies = policies("", "tool_rounds_max = 2");
    world.add_tool("endless", (1..100).map(|port| ToolAnswer::Need(vec![port_owner_query(port)])));
    world.add_tool("waiting", [ToolAnswer::WaitSeconds(1)]);
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::NotHealed("no safe repair is known".to_owned()));
    assert_eq!((proposals_to(&world, "endless"), proposals_to(&world, "waiting")), (3, 3));
    assert_eq!(world.log.events("tool-refused").len(), 2);
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn a_tool_that_asks_again_for_what_it_was_told_is_stopped() {
    let mut world = World::without_tools();
    world.add_tool("forgetful", [ToolAnswer::Need(vec![port_owner_query(8080)])]);
    world.heal().expect("a report");
    assert_eq!(proposals_to(&world, "forgetful"), 2);
}

#[test]
fn the_seconds_that_a_tool_asks_to_wait_are_clamped() {
    let mut world = World::without_tools();
    world.policies = policies("", "backoff_seconds_max = 5");
    let waits = [ToolAnswer::WaitSeconds(u32::MAX), ToolAnswer::WaitSeconds(0), ToolAnswer::WaitSeconds(3)];
    world.add_tool("patient", waits.into_iter().chain([ToolAnswer::Decline("enough".to_owned())]));
    world.heal().expect("a report");
    let pauses: Vec<Call> = world.trace.calls().into_iter().filter(|call| matches!(call, Call::Pause(_))).collect();
    assert_eq!(pauses, [Call::Pause(5_000), Call::Pause(1_000), Call::Pause(3_000)]);
}

#[test]
fn after_a_wait_a_tool_sees_how_long_it_was_and_what_is_there_by_then() {
    let mut world = World::without_tools();
    let need = ToolAnswer::Need(vec![port_owner_query(8080), Query::ComposeModel]);
    let waits = [ToolAnswer::WaitSeconds(20), ToolAnswer::WaitSeconds(3)];
    world.add_tool("patient", [need].into_iter().chain(waits).chain([ToolAnswer::Decline("enough".to_owned())]));
    world.heal().expect("a report");
    let waited: Vec<u32> = world.tools.cases.iter().map(|(_, case)| case.waited_seconds).collect();
    assert_eq!(waited, [0, 0, 20, 23]);
    let seen = &world.tools.cases[3].1.observations;
    assert_eq!(
        seen.iter().map(|seen| seen.asked.kind()).collect::<Vec<_>>(),
        [QueryKind::PortOwner, QueryKind::ComposeModel]
    );
    assert_eq!(seen[1].answer, Answer::Refused(Refusal::NotPermitted), "still");
    assert_eq!(world.trace.count(|call| *call == Call::Observe(QueryKind::PortOwner)), 3, "once, and after each wait");
}

#[test]
fn why_others_passed_is_told_beside_a_plan_that_only_looks() {
    let mut world = World::without_tools();
    world.add_tool("careful", [ToolAnswer::Decline("`db` says: no such table".to_owned())]);
    let logs = Action::CollectLogs { services: vec!["web".to_owned()], lines_max: 10 };
    world.add_tool("looking", [proposal(vec![logs])]);
    world.tools.manifests[1].may = vec![repair_model::action::ActionKind::CollectLogs];
    world.deployment.verdicts = [Ok(verdict(false, false))].into();
    let report = world.heal().expect("a report");
    assert_eq!(report.plan.expect("a plan").plan().tool.id, "looking");
    assert!(report.next_steps.iter().any(|step| step.contains("no such table")), "{:?}", report.next_steps);
}

/// A plan that only looks waits until all have been asked, and another one may propose the same meanwhile.
#[test]
fn a_plan_is_its_own_tools_also_when_another_one_has_proposed_after_it() {
    let mut world = World::without_tools();
    let logs = || Action::CollectLogs { services: vec!["web".to_owned()], lines_max: 10 };
    for (at, tool) in ["first", "second"].into_iter().enumerate() {
        world.add_tool(tool, [proposal(vec![logs()]), ToolAnswer::Decline("enough".to_owned())]);
        world.tools.manifests[at].may = vec![repair_model::action::ActionKind::CollectLogs];
    }
    world.options.yes = true;
    world.deployment.verdicts = [Ok(verdict(false, false)), Ok(verdict(false, false))].into();
    world.heal().expect("a report");
    let planned = world.log.events("planned");
    let Some(Event::Planned { tool, .. }) = planned.first() else { panic!("it was planned: {planned:?}") };
    assert_eq!(tool.id, "first");
    let tries: Vec<_> = world.history().tries().map(|one| one.tool).collect();
    assert_eq!(tries, ["first"]);
}

#[test]
fn a_tool_that_is_not_sure_enough_is_not_acted_upon() {
    let mut world = World::without_tools();
    let confidence = Permille::new(599).expect("a permille");
    let unsure = Proposal { reason: String::new(), confidence, actions: vec![remap("web")] };
    world.add_tool("unsure", [ToolAnswer::Propose(unsure)]);
    world.options.yes = true;
    let report = world.heal().expect("a report");
    assert!(report.next_steps.iter().any(|step| step.contains("confidence_floor_permille")), "{:?}", report.next_steps);
    assert_eq!(world.trace.effects(), 0);
    assert!(world.log.events("planned").is_empty());
}

#[test]
fn a_finding_below_the_floor_is_not_acted_upon_and_no_tool_sees_it() {
    let mut world = World::new();
    world.policies = policies("", "confidence_floor_permille = 999");
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("not certain enough")));
    assert!(world.tools.cases.is_empty());
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn a_plan_without_actions_or_with_too_many_is_refused() {
    let mut world = World::without_tools();
    world.policies = policies("", "plan_actions_max = 1");
    world.add_tool("idle", [proposal(Vec::new())]);
    world.add_tool("busy", [proposal(vec![remap("web"), compose_up("web")])]);
    world.options.yes = true;
    world.heal().expect("a report");
    assert_eq!(world.log.events("tool-refused").len(), 2);
    assert_eq!(world.trace.effects(), 0);
}

/// Whoever installed the tool was told how far each kind of action can go.
#[test]
fn an_action_that_turns_out_riskier_than_its_kind_is_refused() {
    let mut world = World::without_tools();
    world.deployment.up_risk = Risk::Irreversible;
    world.add_tool("greedy", [proposal(vec![compose_up("web")])]);
    world.options.yes = true;
    let report = world.heal().expect("a report");
    let words = "a `compose-up` that is irreversible is refused; it may be disruptive at most";
    assert!(report.next_steps.iter().any(|step| step.contains(words)), "{:?}", report.next_steps);
    assert_eq!(world.trace.effects(), 0);
    assert!(world.log.events("planned").is_empty());
}

#[test]
fn a_tool_that_misbehaves_harms_nobody_else() {
    let mut world = World::without_tools();
    world.add_tool("broken", [ToolAnswer::Decline(String::new())]);
    let (tool, what, fix) = ("broken".to_owned(), "`propose` used all of its fuel".to_owned(), "loop less".to_owned());
    world.tools.scripts[0] = [Err(crate::outside::ToolFailure { tool, what, fix })].into();
    world.add_tool("honest", [proposal(vec![remap("web")])]);
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.log.events("tool-refused").len(), 1);
}

#[test]
fn what_cannot_be_prepared_is_refused_with_its_hints() {
    let mut world = World::new();
    let hints = vec!["write the port as a number".to_owned()];
    world.deployment.prepare_fails =
        Some(crate::outside::TargetError { what: "`web.yaml` cannot be edited exactly".to_owned(), hints });
    let report = world.heal().expect("a report");
    assert!(
        report.next_steps.iter().any(|step| step.contains("write the port as a number")),
        "{:?}",
        report.next_steps
    );
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn what_is_refused_stands_in_the_log_with_the_tool_and_the_bound() {
    let mut world = World::without_tools();
    world.policies = policies("", "tool_rounds_max = 2\nplan_actions_max = 2");
    let (tool, what, fix) = ("cut.wasm".to_owned(), "it is not a component".to_owned(), "build it again".to_owned());
    world.tools.failures = vec![crate::outside::ToolFailure { tool, what, fix }];
    world.add_tool("asking", (1..100).map(|port| ToolAnswer::Need(vec![port_owner_query(port)])));
    world.add_tool("repeating", [ToolAnswer::Need(vec![port_owner_query(8080)])]);
    world.add_tool("waiting", [ToolAnswer::WaitSeconds(0)]);
    world.add_tool("busy", [proposal(vec![remap("web"), compose_up("web"), compose_up("db")])]);
    let other = Action::RemoveStaleContainer { container: "bank-db-1".to_owned(), id: "0a1b".to_owned() };
    world.add_tool("greedy", [proposal(vec![other])]);
    world.heal().expect("a report");
    let refused: Vec<String> = world
        .log
        .events("tool-refused")
        .into_iter()
        .map(|event| match event {
            Event::ToolRefused { tool, error, .. } => format!("{tool} | {error}"),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "cut.wasm | tool `cut.wasm`: it is not a component; build it again",
        "asking | tool `asking` had not decided after 2 rounds; the bound tool_rounds_max is 2",
        "repeating | tool `repeating` asked again for what it had been told",
        "waiting | tool `waiting` had not decided after 2 rounds; the bound tool_rounds_max is 2",
        "busy | tool `busy` proposed 3 actions; the bound plan_actions_max is 2",
        "greedy | tool `greedy` proposed `remove-stale-container`, which its manifest does not declare in `may`",
    ];
    assert_eq!(refused, expected);
    let pauses = world.trace.calls().into_iter().filter(|call| matches!(call, Call::Pause(_))).collect::<Vec<_>>();
    assert_eq!(pauses, vec![Call::Pause(1_000); 3], "a wait of nothing takes a second and a round");
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn what_cannot_be_loaded_is_recorded_once_a_session() {
    let mut world = World::new();
    let (tool, what, fix) = ("cut.wasm".to_owned(), "it is not a component".to_owned(), "build it again".to_owned());
    world.tools.failures = vec![crate::outside::ToolFailure { tool, what, fix }];
    world.deployment.verdicts = [Ok(verdict(false, false)), Ok(verdict(false, false))].into();
    world.person.answers = [PersonsAnswer::Yes, PersonsAnswer::Yes].into();
    let report = world.heal().expect("a report");
    assert!(report.rounds > 1, "{report:?}");
    assert_eq!(world.log.events("tool-refused").len(), 1);
}

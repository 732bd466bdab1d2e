//! Healed is what verification says, and it knows when waiting is useless.

use super::*;
use repair_model::action::{Action, ActionKind};
use repair_model::outcome::ProbeVerdict;

fn looks(world: &World) -> usize {
    world.trace.count(|call| *call == Call::Verify)
}

#[test]
fn verification_waits_while_services_settle_and_looks_twice_at_what_is_healthy() {
    let mut world = World::new();
    world.deployment.verdicts = [Ok(verdict(false, true)), Ok(verdict(false, true))].into();
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(looks(&world), 4);
    assert_eq!(world.trace.count(|call| matches!(call, Call::Pause(_))), 3);
}

#[test]
fn a_service_that_runs_and_then_dies_is_not_healed() {
    let mut world = World::new();
    world.policies = policies("", "rounds_max = 1");
    world.deployment.verdicts = [Ok(verdict(true, false)), Ok(verdict(false, false))].into();
    assert!(matches!(world.heal().expect("a report").conclusion, Conclusion::NotHealed(_)));
}

#[test]
fn verification_stops_when_waiting_is_useless() {
    let mut world = World::new();
    world.policies = policies("", "rounds_max = 1");
    world.deployment.verdicts = [Ok(verdict(false, false))].into();
    assert!(matches!(world.heal().expect("a report").conclusion, Conclusion::NotHealed(_)));
    assert_eq!(looks(&world), 1);
    assert_eq!(world.log.events("verified").len(), 1);
}

#[test]
fn verification_ends_at_its_bound() {
    let mut world = World::new();
    world.policies = policies("", "rounds_max = 1\nverify_seconds_max = 2");
    world.deployment.verdicts = std::iter::repeat_n(Ok(verdict(false, true)), 1000).collect();
    assert!(matches!(world.heal().expect("a report").conclusion, Conclusion::NotHealed(_)));
    let looks = u64::try_from(looks(&world)).expect("few");
    assert_eq!(looks, 2_000_u64.div_ceil(crate::verification::LOOK_INTERVAL_MS) + 1);
}

#[test]
fn a_probe_gets_time_to_answer_while_its_containers_run() {
    let mut silent = verdict(true, false);
    silent.probes.push(ProbeVerdict { probe: "http".to_owned(), passed: false, detail: "refused".to_owned() });
    let mut world = World::new();
    world.deployment.verdicts = [Ok(silent.clone()), Ok(silent)].into();
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(looks(&world), 4);
}

#[test]
fn a_target_without_services_is_never_healed() {
    let mut world = World::new();
    world.policies = policies("", "rounds_max = 1\nverify_seconds_max = 1");
    world.deployment.verdicts = std::iter::repeat_n(Ok(repair_model::outcome::Verdict::default()), 1000).collect();
    assert!(matches!(world.heal().expect("a report").conclusion, Conclusion::NotHealed(_)));
}

#[test]
fn a_plan_that_only_looks_runs_once_and_leaves_the_rest_to_a_person() {
    let mut world = World::without_tools();
    let logs = Action::CollectLogs { services: vec!["web".to_owned()], lines_max: 10 };
    world.add_tool("collect-logs", [proposal(vec![logs])]);
    world.tools.manifests[0].may.push(ActionKind::CollectLogs);
    world.deployment.outcomes = [Outcome::Done { detail: "written to a bundle".to_owned() }].into();
    world.deployment.verdicts = [Ok(verdict(false, true))].into();
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::NotHealed("a person has to look".to_owned()));
    assert_eq!(report.next_steps[0], "written to a bundle");
    assert_eq!((looks(&world), world.trace.effects()), (1, 1));
}

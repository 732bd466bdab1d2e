//! A yes stands for exactly what it was given for.

use super::*;
use crate::approval;
use crate::outside::{Clock as _, Durability, Log as _};
use repair_model::grant::{Channel, Grant, GrantVoid};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::plan::{Change, Footprint, FrozenPlan};
use repair_model::risk::Risk;

/// A world whose waiting plan somebody has approved from elsewhere with the grant that `change` makes of the right one.
fn approved(change: impl FnOnce(&mut Grant)) -> World {
    let mut world = waiting();
    let history = world.history();
    let session = history.sessions().last().expect("a session");
    let blob = session.plan.as_ref().expect("a plan").blob;
    let frozen = FrozenPlan::read(world.log.load(blob).expect("stored")).expect("a plan");
    let mut grant =
        approval::grant(&frozen, &session.id, "bob@host", Channel::Command, world.clock.now(), 600, [9; 16]);
    change(&mut grant);
    let id = session.id.clone();
    world.log.append(Some(&id), Event::Granted { grant }, Durability::Power).expect("in memory");
    world
}

/// Nothing was started, and the log says why the yes does not stand.
fn assert_void(mut world: World, why: impl Fn(&GrantVoid) -> bool) {
    let report = world.apply().expect("a report");
    assert_ne!(report.conclusion, Conclusion::Healed);
    assert_eq!(world.trace.effects(), 0);
    let voided = world.log.events("grant-voided");
    assert!(matches!(voided[..], [Event::GrantVoided { why: recorded, .. }] if why(recorded)), "{voided:?}");
    assert!(world.log.events("grant-used").is_empty());
    world.history();
}

#[test]
fn an_approved_plan_is_carried_out_once() {
    let mut world = approved(|_| {});
    assert_eq!(world.apply().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.trace.effects(), 2);
    assert!(matches!(world.apply(), Err(WorkflowError::Request { .. })), "the session is over");
    assert_eq!(world.trace.effects(), 2);
}

#[test]
fn a_grant_is_void_when_the_component_differs() {
    let mut world = approved(|_| {});
    world.tools.component = b"another build".to_vec();
    assert_void(world, |why| *why == GrantVoid::Component);
}

#[test]
fn a_grant_is_void_when_the_tool_is_gone() {
    let mut world = approved(|_| {});
    world.tools.manifests.clear();
    assert_void(world, |why| *why == GrantVoid::Component);
}

#[test]
fn a_grant_is_void_when_it_names_another_component() {
    let other = Digest::of(Domain::Component, b"other");
    assert_void(approved(|grant| grant.component = other), |why| *why == GrantVoid::Component);
}

#[test]
fn a_grant_is_void_when_the_policy_differs() {
    let mut world = approved(|_| {});
    world.policies = policies("", "rounds_max = 3");
    assert_void(world, |why| *why == GrantVoid::Policy);
}

#[test]
fn a_grant_is_void_when_it_names_another_footprint() {
    let other = Digest::of(Domain::Footprint, b"other");
    assert_void(approved(|grant| grant.footprint = other), |why| matches!(why, GrantVoid::Footprint(_)));
}

#[test]
fn a_grant_is_void_when_the_target_differs_and_the_plan_is_made_anew() {
    let mut world = approved(|_| {});
    world.deployment.footprints.push_back(Footprint::default());
    let report = world.apply().expect("a report");
    assert_eq!(report.conclusion, Conclusion::AwaitingApproval, "the new plan needs a yes of its own");
    assert_eq!(world.trace.effects(), 0);
    assert_eq!(world.log.events("planned").len(), 2);
    let [Event::GrantVoided { why: GrantVoid::Footprint(what), .. }] = world.log.events("grant-voided")[..] else {
        panic!("not void")
    };
    assert!(what.contains("compose.yaml"), "{what}");
    assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))), "the old yes does not come back");
}

#[test]
fn a_grant_is_void_once_it_has_expired() {
    let world = approved(|_| {});
    world.clock.pass_seconds(600);
    assert_void(world, |why| matches!(why, GrantVoid::Expired(_)));
}

#[test]
fn a_grant_is_void_when_the_clock_was_set_back() {
    let world = approved(|_| {});
    world.clock.pass_seconds(-100);
    assert_void(world, |why| matches!(why, GrantVoid::NotYet(_)));
}

#[test]
fn a_grant_for_another_session_makes_the_log_unusable_rather_than_count() {
    let mut world = waiting();
    let history = world.history();
    let session = history.sessions().last().expect("a session").clone();
    let plan = session.plan.as_ref().expect("a plan");
    let frozen = FrozenPlan::read(world.log.load(plan.blob).expect("stored")).expect("a plan");
    let other = SessionId::new(world.clock.now(), [7; 4]);
    let grant = approval::grant(&frozen, &other, "bob@host", Channel::Command, world.clock.now(), 600, [9; 16]);
    world.log.append(Some(&session.id), Event::Granted { grant }, Durability::Power).expect("in memory");
    let digest = frozen.digest().to_string();
    let applied = std::pin::pin!(world.workflow().apply(&digest))
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
        .map(|result| matches!(result, Err(WorkflowError::History(_))));
    assert_eq!(applied, std::task::Poll::Ready(true));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn other_bytes_than_the_approved_plan_are_refused_before_anything_is_recorded() {
    for yes in [false, true] {
        let mut world = approved(|_| {});
        let blob = world.history().sessions().last().and_then(|session| session.plan.clone()).expect("a plan").blob;
        let bytes = world.log.blobs.get_mut(&blob).expect("stored");
        bytes.push(b' ');
        let records = world.log.records.len();
        world.options.yes = yes;
        assert!(world.apply().is_err());
        assert_eq!(world.trace.effects(), 0);
        assert_eq!(world.log.records.len(), records);
    }
}

#[test]
fn other_bytes_than_the_waiting_plan_are_not_covered_by_yes() {
    let mut world = waiting();
    let blob = world.history().sessions().last().and_then(|session| session.plan.clone()).expect("a plan").blob;
    world.log.blobs.get_mut(&blob).expect("stored").push(b' ');
    world.options.yes = true;
    assert!(world.apply().is_err());
    assert_eq!(world.trace.effects(), 0);
    world.history();
}

#[test]
fn a_step_that_has_become_riskier_is_not_started() {
    let mut world = approved(|_| {});
    let change = Change::Nothing;
    world.deployment.assessments.push_back((Risk::Disruptive, change));
    assert_void(world, |why| matches!(why, GrantVoid::Footprint(what) if what.contains("disruptive")));
}

#[test]
fn a_step_that_would_change_something_else_is_not_started() {
    let mut world = approved(|_| {});
    world.deployment.assessments.push_back((Risk::Reversible, Change::Nothing));
    assert_void(world, |why| matches!(why, GrantVoid::Footprint(what) if what.contains("something else")));
}

#[test]
fn a_grant_that_turns_void_between_two_steps_stops_the_second() {
    let mut world = approved(|_| {});
    let as_planned = world.history().sessions().last().and_then(|session| session.plan.clone()).expect("a plan");
    let frozen = FrozenPlan::read(world.log.load(as_planned.blob).expect("stored")).expect("a plan");
    world.deployment.footprints.push_back(frozen.plan().steps[0].footprint.clone());
    world.deployment.footprints.push_back(Footprint::default());
    let report = world.apply().expect("a report");
    assert_eq!(report.conclusion, Conclusion::AwaitingApproval);
    assert_eq!(world.trace.effects(), 1);
    assert_eq!(world.log.events("grant-voided").len(), 1);
}

#[test]
fn a_tool_whose_manifest_no_longer_declares_the_action_is_refused_at_the_gate() {
    let mut world = approved(|_| {});
    world.tools.manifests[0].may.clear();
    let report = world.apply().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("does not declare")));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn a_plan_for_another_target_is_refused_at_the_gate() {
    let mut world = approved(|_| {});
    world.target.project = "other".to_owned();
    let report = world.apply().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("another target")));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn a_grant_without_the_typed_name_loses_nothing() {
    for (typed, effects) in [(Vec::new(), 0), (vec!["kv-other".to_owned()], 0), (vec!["kv-shop".to_owned()], 1)] {
        let mut world = approving::purging();
        world.person.answers = [PersonsAnswer::Later].into();
        assert_eq!(world.heal().expect("a report").conclusion, Conclusion::AwaitingApproval);
        let grant = Grant { typed: typed.clone(), ..world.grant_for_waiting() };
        let id = grant.session.clone();
        world.log.append(Some(&id), Event::Granted { grant }, Durability::Power).expect("in memory");
        let report = world.apply().expect("a report");
        assert_eq!(world.trace.effects(), effects, "{typed:?}: {report:?}");
    }
}

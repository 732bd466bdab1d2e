//! A session that goes on passes the same gates as one that was not interrupted, and knows what it knew.

use super::*;
use crate::outside::TargetError;
use crate::testing::{Plant, assert_only_forward, killed_after};
use repair_model::event::Purpose;
use repair_model::grant::{Channel, GrantVoid};
use repair_model::ids::Digest;
use repair_model::plan::{EditMethod, Footprint};

/// A heal that is killed once `stands` is true, or the moment before that.
fn killed_when(make: impl Fn() -> World, stands: impl Fn(&World) -> bool) -> World {
    for points in 0..200 {
        let mut world = make();
        if !killed_after(&mut world, points, |world| drop(world.heal())) {
            break;
        }
        if world.history().sessions().last().is_some() && stands(&world) {
            return world;
        }
    }
    panic!("no such moment");
}

fn patient() -> World {
    let mut world = World::new();
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 9).collect();
    world
}

/// Killed after the yes and before anything was done.
fn granted() -> World {
    killed_when(patient, |world| !world.log.events("granted").is_empty())
}

/// Killed after the first of two steps.
fn half_done() -> World {
    killed_when(patient, |world| world.log.events("checkpoint").len() == 1)
}

fn asked(world: &World) -> usize {
    world.trace.count(|call| matches!(call, Call::Approve(_)))
}

fn voided(world: &World) -> Vec<GrantVoid> {
    let why = |event: &Event| match event {
        Event::GrantVoided { why, .. } => why.clone(),
        _ => unreachable!("only those were asked for"),
    };
    world.log.events("grant-voided").into_iter().map(why).collect()
}

#[test]
fn a_yes_from_before_the_crash_stands_as_long_as_nothing_changed() {
    let mut world = granted();
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!((asked(&world), world.trace.effects(), voided(&world).len()), (1, 2, 0));
}

#[test]
fn a_target_that_changed_after_the_crash_voids_the_yes_and_the_new_plan_is_asked_for_anew() {
    let mut world = granted();
    world.deployment.footprints.push_back(Footprint::default());
    let report = world.resume().expect("healed");
    assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 2));
    assert!(matches!(voided(&world)[..], [GrantVoid::Footprint(_)]));
    assert_eq!((asked(&world), world.trace.effects()), (2, 2));
}

#[test]
fn a_policy_that_changed_after_the_crash_voids_the_yes() {
    let mut world = granted();
    world.policies = policies("", "rounds_max = 3");
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(voided(&world), [GrantVoid::Policy]);
    assert_eq!(asked(&world), 2);

    let mut world = half_done();
    let nothing = r#"@id("nothing") forbid (principal, action == Repair::Action::"apply", resource);"#;
    world.policies = policies(nothing, "");
    assert_eq!(world.resume().expect("a report").conclusion, Conclusion::Denied);
    assert_eq!(world.trace.effects(), 1, "the rest is not done");
}

#[test]
fn a_tool_that_changed_after_the_crash_voids_the_yes() {
    let mut world = granted();
    world.tools.component = b"another build".to_vec();
    world.tools.manifests[0].tool.component = world.tools.component_digest();
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(voided(&world), [GrantVoid::Component]);
    assert_eq!(asked(&world), 2);
}

#[test]
fn a_plan_whose_policy_or_tool_changed_while_it_waited_is_made_anew_before_anybody_is_asked() {
    let changes: [fn(&mut World); 2] = [
        |world| world.policies = policies("", "rounds_max = 3"),
        |world| {
            world.tools.component = b"another build".to_vec();
            world.tools.manifests[0].tool.component = world.tools.component_digest();
        },
    ];
    for change in changes {
        let mut world = waiting();
        let before = world.history().sessions().last().and_then(|session| session.plan.clone()).expect("a plan");
        change(&mut world);
        world.person.interactive = true;
        let report = world.resume().expect("healed");
        assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 2));
        assert_ne!(report.plan.expect("a plan").digest(), before.plan);
        assert_eq!(asked(&world), 1);
    }
}

#[test]
fn an_expired_yes_is_asked_for_again_and_the_same_plan_goes_on() {
    let mut world = granted();
    world.clock.pass_seconds(100_000);
    let report = world.resume().expect("healed");
    assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 1));
    assert!(matches!(voided(&world)[..], [GrantVoid::Expired(_)]));
    assert_eq!((asked(&world), world.trace.effects()), (2, 2));
}

#[test]
fn a_yes_that_expired_in_mid_plan_is_asked_for_again_and_only_the_rest_is_done() {
    let mut world = half_done();
    world.clock.pass_seconds(100_000);
    let report = world.resume().expect("healed");
    assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 1));
    assert_eq!((asked(&world), world.trace.effects()), (2, 2));
    let steps: Vec<u32> = world
        .log
        .events("intended")
        .into_iter()
        .map(|event| match event {
            Event::Intended { step, .. } => *step,
            _ => unreachable!("only intents"),
        })
        .collect();
    assert_eq!(steps, [0, 1]);
    assert_only_forward(&world);
}

#[test]
fn an_expired_yes_leaves_the_session_waiting_where_nobody_can_be_asked() {
    for mut world in [granted(), half_done()] {
        let done = world.trace.effects();
        world.clock.pass_seconds(100_000);
        world.person.interactive = false;
        assert_eq!(world.resume().expect("a report").conclusion, Conclusion::AwaitingApproval);
        assert_eq!(world.trace.effects(), done);
        assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))));
        world.approve();
        assert_eq!(world.apply().expect("healed").conclusion, Conclusion::Healed);
        assert_eq!(world.trace.effects(), 2);
    }
}

#[test]
fn what_the_policy_allows_is_allowed_again_after_it_expired() {
    let all = r#"@id("all") permit (principal, action == Repair::Action::"apply_unattended", resource);"#;
    let make = || {
        let mut world = patient();
        world.person.interactive = false;
        world.policies = policies(all, "");
        world
    };
    let mut world = killed_when(make, |world| !world.log.events("granted").is_empty());
    world.clock.pass_seconds(100_000);
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.log.events("granted").len(), 2);
}

#[test]
fn a_yes_that_expires_at_once_suspends_the_session_rather_than_ask_for_ever() {
    let mut world = patient();
    world.policies = policies("", "grant_seconds_max = 0");
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::Suspended(_)), "{:?}", report.conclusion);
    assert_eq!((asked(&world), world.trace.effects()), (2, 0));
    assert!(matches!(last_status(&world), Status::Suspended(_)));
}

#[test]
fn a_yes_to_an_earlier_round_does_not_stand_for_the_same_plan_in_a_later_one() {
    let mut world = World::without_tools();
    world.add_tool("retry", [proposal(vec![compose_up("web")])]);
    world.person.answers = [PersonsAnswer::Yes, PersonsAnswer::Yes, PersonsAnswer::Later].into();
    world.deployment.outcomes = [failed("up failed"), failed("up failed")].into();
    world.deployment.up_risk = repair_model::risk::Risk::Disruptive;
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::AwaitingApproval);
    let plans: Vec<Digest> = world
        .log
        .events("planned")
        .into_iter()
        .map(|event| match event {
            Event::Planned { plan, .. } => *plan,
            _ => unreachable!("only plans"),
        })
        .collect();
    assert_eq!(plans[1], plans[2], "the same state of the target yields the same plan");
    assert_eq!(world.trace.effects(), 2);
    world.person.interactive = false;
    assert_eq!(world.resume().expect("a report").conclusion, Conclusion::AwaitingApproval);
    assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))));
    assert_eq!(world.trace.effects(), 2, "nobody has said yes to it once more");
    world.approve();
    let report = world.apply().expect("healed");
    assert_eq!((report.conclusion, report.steps.len()), (Conclusion::Healed, 3));
    assert_eq!(world.log.events("grant-used").len(), 3);
}

#[test]
fn a_step_that_was_abandoned_and_may_not_go_on_is_planned_and_asked_for_anew() {
    let mut world = patient();
    world.deployment.outcomes.push_back(Outcome::Abandoned { reason: "ended by a signal".to_owned() });
    assert!(matches!(world.heal().expect("a report").conclusion, Conclusion::Suspended(_)));
    let what = "`web.yaml` was changed by somebody else".to_owned();
    world.deployment.goes_on = Err(TargetError { what: what.clone(), hints: Vec::new() });
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(voided(&world), [GrantVoid::Footprint(what)]);
    assert_eq!(asked(&world), 2);
    assert_eq!(world.trace.count(|call| *call == Call::MayGoOn), 1, "the new plan's step begins afresh");
}

#[test]
fn what_the_wrapped_command_printed_is_known_after_any_crash_before_the_plan() {
    for points in 0..200 {
        let mut world = patient();
        // Nothing but the command's own output names the failure.
        world.deployment.containers.clear();
        if !killed_after(&mut world, points, |world| drop(world.heal())) {
            break;
        }
        if world.history().sessions().last().is_none() {
            continue;
        }
        if world.history().open().last().is_none() {
            break;
        }
        let report = world.resume().expect("a report");
        assert_eq!(report.conclusion, Conclusion::Healed, "killed at {points}");
        assert_eq!(report.rounds, 1, "killed at {points}");
        assert_eq!(report.findings[0].facts["port"], "8080", "killed at {points}");
    }
}

#[test]
fn what_a_failed_step_printed_is_known_to_the_next_round_after_a_crash() {
    let make = || {
        let mut world = patient();
        world.deployment.containers.clear();
        let output = vec!["Bind for 0.0.0.0:9090 failed: port is already allocated".to_owned()];
        world.deployment.outcomes =
            [Outcome::Done { detail: "edited".to_owned() }, Outcome::Failed { error: "up failed".to_owned(), output }]
                .into();
        world
    };
    let mut met = 0;
    for points in 0..200 {
        let mut world = make();
        if !killed_after(&mut world, points, |world| drop(world.heal())) {
            break;
        }
        // After the failure is recorded, and before there is another plan.
        if world.log.events("settled").len() < 2 || world.log.events("planned").len() > 1 {
            continue;
        }
        met += 1;
        let report = world.resume().expect("healed");
        assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 2), "killed at {points}");
        assert_eq!(report.findings[0].facts["port"], "9090", "killed at {points}");
    }
    assert!(met > 5, "{met}");
}

#[test]
fn a_round_that_becomes_void_before_it_did_anything_leaves_its_evidence_to_the_next() {
    let make = || {
        let mut world = patient();
        world.deployment.containers.clear();
        let output = vec!["Bind for 0.0.0.0:9090 failed: port is already allocated".to_owned()];
        let failed = Outcome::Failed { error: "up failed".to_owned(), output };
        world.deployment.outcomes = [Outcome::Done { detail: "edited".to_owned() }, failed].into();
        world
    };
    let planned = make().heal().expect("healed").plan.expect("a plan").plan().steps[0].footprint.clone();
    let mut world = make();
    // As planned for both steps of the first round, and then something else for the second.
    world.deployment.footprints = [planned.clone(), planned, Footprint::default()].into();
    let report = world.heal().expect("healed");
    assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 3));
    assert_eq!(report.findings[0].facts["port"], "9090");
}

#[test]
fn another_way_is_not_offered_after_a_resume() {
    let mut world = waiting();
    world.person.interactive = true;
    world.person.answers = [PersonsAnswer::Method(EditMethod::Override), PersonsAnswer::Yes].into();
    let prepared = world.trace.count(|call| matches!(call, Call::Prepare(_)));
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.trace.count(|call| matches!(call, Call::Prepare(_))), prepared);
}

#[test]
fn a_plan_that_was_killed_before_it_waited_stops_at_its_approval_when_it_is_resumed() {
    let all = r#"@id("all") permit (principal, action == Repair::Action::"apply_unattended", resource);"#;
    for points in 1..40 {
        let mut world = patient();
        world.options.purpose = Purpose::Plan;
        world.options.yes = true;
        world.policies = policies(all, "");
        if !killed_after(&mut world, points, |world| drop(world.heal())) {
            break;
        }
        let Some(session) = world.history().sessions().last().cloned() else { continue };
        if session.status == Status::AwaitingApproval {
            break;
        }
        world.options.purpose = Purpose::Heal;
        assert_eq!(world.resume().expect("a plan").conclusion, Conclusion::AwaitingApproval, "killed at {points}");
        assert_eq!(world.trace.effects(), 0, "killed at {points}");
    }
}

#[test]
fn an_engine_that_does_not_answer_suspends_a_session_whose_only_step_was_settled_by_its_probe() {
    let make = || {
        let mut world = World::without_tools();
        world.add_tool("retry", [proposal(vec![compose_up("web")])]);
        world.deployment.plant = Some(Plant::new());
        world.deployment.plant.as_mut().expect("a plant").running.insert("api".to_owned());
        world
    };
    let up = |world: &World| {
        let plant = world.deployment.plant.as_ref().expect("a plant");
        !plant.done.is_empty() && world.history().sessions().any(|session| session.open_intent().is_some())
    };
    let mut world = killed_when(make, up);
    let error = TargetError { what: "the engine does not answer".to_owned(), hints: Vec::new() };
    world.deployment.verdicts.push_back(Err(error.clone()));
    assert_eq!(world.resume().expect("a report").conclusion, Conclusion::Suspended(error.what));
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.trace.effects(), 1);
}

#[test]
fn a_resume_tells_every_step_that_was_begun_over_all_rounds_and_processes() {
    let mut whole = patient();
    whole.deployment.outcomes = [Outcome::Done { detail: "edited".to_owned() }, failed("up failed")].into();
    let told: Vec<_> = whole.heal().expect("healed").steps.into_iter().map(|step| step.summary).collect();
    let make = || {
        let mut world = patient();
        world.deployment.outcomes = [Outcome::Done { detail: "edited".to_owned() }, failed("up failed")].into();
        world
    };
    let mut world = killed_when(make, |world| world.log.events("checkpoint").len() == 2);
    let report = world.resume().expect("healed");
    let again: Vec<_> = report.steps.into_iter().map(|step| step.summary).collect();
    assert_eq!(again, told);
}

#[test]
fn a_step_that_its_probe_settled_is_reported_as_settled() {
    let mut world = patient();
    world.deployment.outcomes.push_back(Outcome::Unclear { reason: "both readings".to_owned() });
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    assert!(report.steps.iter().all(|step| matches!(step.outcome, Outcome::Done { .. })), "{:?}", report.steps);
}

#[test]
fn a_no_from_before_the_crash_is_not_asked_for_again_and_ends_the_session() {
    let make = || {
        let mut world = patient();
        world.person.answers.push_front(PersonsAnswer::No);
        world
    };
    let mut world = killed_when(make, |world| !world.log.events("approval-refused").is_empty());
    assert!(!last_status(&world).is_final(), "it was killed before its end was recorded");
    let report = world.resume().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Declined);
    assert!(report.next_steps[0].contains("docker stop other"), "{:?}", report.next_steps);
    assert_eq!((asked(&world), world.trace.effects()), (1, 0));
    assert_eq!(last_status(&world), Status::Ended(Ending::Aborted));
}

#[test]
fn yes_at_the_command_line_answers_for_a_resumed_session_up_to_its_ceiling() {
    let mut world = waiting();
    world.options.yes = true;
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    assert!(matches!(world.log.events("granted")[..], [Event::Granted { grant }] if grant.channel == Channel::YesFlag));
}

//! Bounds hold over rounds, sessions and processes, because they are counted from the log.

use super::*;

/// A world in which every `compose up` fails and `--yes` always answers.
fn hopeless(bounds: &str) -> World {
    let mut world = World::without_tools();
    world.add_tool("retry", [proposal(vec![compose_up("web")])]);
    world.options.yes = true;
    world.policies = policies("", bounds);
    world.deployment.outcomes = std::iter::repeat_n(failed("up failed"), 100).collect();
    world
}

#[test]
fn attempts_for_a_class_are_counted_over_sessions() {
    let mut world = hopeless("attempts_per_class_max = 5\nrounds_max = 2");
    world.heal().expect("a report");
    world.clock.pass_seconds(60);
    world.heal().expect("a report");
    assert_eq!(world.trace.effects(), 4);
    world.clock.pass_seconds(60);
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("attempts_per_class_max")));
    assert!(!report.next_steps.is_empty());
    assert_eq!(world.trace.effects(), 5);
    world.clock.pass_seconds(60);
    world.heal().expect("a report");
    assert_eq!(world.trace.effects(), 5, "another session changes nothing");
    world.clock.pass_seconds(3601);
    world.heal().expect("a report");
    assert!(world.trace.effects() > 5, "an hour later the attempts are forgotten");
}

#[test]
fn attempts_of_a_session_are_bounded() {
    let mut world = hopeless("attempts_per_session_max = 2");
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("attempts_per_session_max")));
    assert_eq!(world.trace.effects(), 2);
    assert!(!report.next_steps.is_empty());
}

#[test]
fn rounds_are_bounded_and_the_end_has_next_steps() {
    let mut world = hopeless("rounds_max = 3");
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("rounds_max")));
    assert_eq!((report.rounds, world.trace.effects()), (3, 3));
    assert_eq!(last_status(&world), Status::Ended(Ending::Escalated));
    assert!(!report.next_steps.is_empty(), "a person is told what to do");
}

#[test]
fn the_time_of_a_session_is_bounded_and_waiting_for_a_person_does_not_count() {
    let mut world = hopeless("session_seconds_max = 10\nbackoff_seconds_max = 20");
    world.options.yes = false;
    world.deployment.up_risk = repair_model::risk::Risk::Disruptive;
    world.person.seconds_per_answer = 1000;
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 4).collect();
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("rounds_max")));

    let mut world = hopeless("session_seconds_max = 10\nbackoff_seconds_max = 20");
    let wait = repair_model::tool::ToolAnswer::WaitSeconds(20);
    world.tools.scripts[0].push_front(Ok(wait));
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("session_seconds_max")));
    assert_eq!(world.trace.effects(), 1);
}

#[test]
fn a_plan_that_could_not_be_finished_within_the_bounds_is_not_begun() {
    for bound in ["attempts_per_session_max = 1", "attempts_per_class_max = 1"] {
        let mut world = World::new();
        world.policies = policies("", bound);
        let report = world.heal().expect("a report");
        let name = bound.split(' ').next().expect("a name");
        assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains(name)));
        assert_eq!(world.trace.effects(), 0, "no half of it either");
        assert!(world.log.events("grant-used").is_empty());
    }
}

/// Everything that a person could vary without a person: none of it resets a count.
#[test]
fn another_text_of_the_same_failure_counts_for_the_same_class() {
    let mut world = hopeless("attempts_per_class_max = 2\nrounds_max = 1");
    for port in [8080, 9090, 7070] {
        world.clock.pass_seconds(60);
        let error = format!("failed to bind host port 0.0.0.0:{port}/tcp: address already in use");
        world.deployment.containers[0].error = Some(error);
        world.heal().expect("a report");
    }
    assert_eq!(world.trace.effects(), 2);
}

#[test]
fn effects_of_other_projects_of_the_directory_are_spent_here_too() {
    let mut world = hopeless("attempts_per_class_max = 2\nrounds_max = 1");
    let class = repair_model::finding::FailureClass::DockerPortConflict;
    let at = crate::outside::Clock::now(&world.clock);
    world.options.elsewhere = vec![crate::workflow::Elsewhere { class, at }; 2];
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("attempts_per_class_max")));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn attempts_that_were_spent_before_a_crash_stay_spent() {
    let mut world = hopeless("attempts_per_session_max = 3\nrounds_max = 4");
    world.deployment.outcomes.clear();
    world.deployment.outcomes = std::iter::repeat_n(Outcome::Abandoned { reason: "ended".to_owned() }, 9).collect();
    world.heal().expect("a report");
    for _ in 0..2 {
        assert!(matches!(world.resume().expect("a report").conclusion, Conclusion::Suspended(_)));
    }
    assert_eq!(world.trace.effects(), 3);
    let report = world.resume().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("attempts_per_session_max")));
    assert_eq!(world.trace.effects(), 3);
}

#[test]
fn a_resume_in_mid_plan_does_not_wait_for_the_cooldown_and_a_new_session_does() {
    let mut world = hopeless("cooldown_seconds_min = 600\nrounds_max = 1");
    world.heal().expect("a report");
    let report = world.heal().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::NotHealed(what) if what.contains("cooldown_seconds_min")));
    assert_eq!(world.trace.effects(), 1);
    world.options.yes = false;
    world.person.answers = [PersonsAnswer::Yes].into();
    world.deployment.up_risk = repair_model::risk::Risk::Disruptive;
    world.heal().expect("a report");
    assert_eq!(world.trace.effects(), 2, "a person does not wait");
}

#[test]
fn the_time_of_a_session_adds_up_over_its_processes_and_lying_dead_does_not_count() {
    let abandoned = Outcome::Abandoned { reason: "ended".to_owned() };
    for (processes, is_over) in [(3, true), (2, false)] {
        let mut world = hopeless("session_seconds_max = 10");
        world.deployment.seconds_per_effect = 4;
        world.deployment.outcomes = std::iter::repeat_n(abandoned.clone(), processes - 1).collect();
        world.deployment.outcomes.push_back(failed("up failed"));
        world.heal().expect("a report");
        for _ in 1..processes {
            world.clock.pass_seconds(1000);
            assert!(matches!(last_status(&world), Status::Suspended(_)));
            let report = world.resume().expect("a report");
            let out_of_time =
                matches!(&report.conclusion, Conclusion::NotHealed(what) if what.contains("session_seconds_max"));
            assert!(!out_of_time || is_over, "{:?}", report.conclusion);
        }
        let status = last_status(&world);
        assert_eq!(status == Status::Ended(Ending::Escalated), is_over, "{processes} processes: {status:?}");
    }
}

#[test]
fn a_person_who_looks_at_an_unknown_step_may_take_their_time() {
    let mut world = hopeless("session_seconds_max = 10");
    world.deployment.outcomes = [Outcome::Unclear { reason: "both readings".to_owned() }, failed("up failed")].into();
    world.deployment.probe = repair_model::outcome::Probe::Unclear("both readings".to_owned());
    world.person.settles = [false].into();
    world.person.seconds_per_answer = 1000;
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    let worked = world.history().sessions().last().expect("a session").worked_ms;
    assert!(worked < 10_000, "{worked}");
}

#[test]
fn a_crash_loop_is_blocked_until_a_person_lets_it_go_on_and_is_blocked_again_after_the_next_loss() {
    use crate::testing::killed_after;
    let mut world = World::new();
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 9).collect();
    world.policies = policies("", "recoveries_max = 2");
    assert!(killed_after(&mut world, 10, |world| drop(world.heal())));
    for _ in 0..2 {
        assert!(killed_after(&mut world, 10, |world| drop(world.resume())));
    }
    world.person.interactive = false;
    let report = world.resume().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::Blocked(BlockReason::CrashLoop, _)), "{:?}", report.conclusion);
    assert!(report.next_steps.iter().any(|step| step.contains("repair abort")), "{:?}", report.next_steps);
    let records = world.log.records.len();
    let Err(WorkflowError::Ineligible(why)) = world.resume() else { panic!("nobody let it go on") };
    assert_eq!((why.reason(), world.log.records.len()), ("crash-loop", records));

    world.person.interactive = true;
    assert!(killed_after(&mut world, 16, |world| drop(world.resume())));
    assert_eq!(last_status(&world), Status::Running, "a person let it go on");
    let report = world.resume().expect("a report");
    assert!(matches!(report.conclusion, Conclusion::Blocked(BlockReason::CrashLoop, _)), "{:?}", report.conclusion);
    assert_eq!(world.trace.effects(), 0);
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
}

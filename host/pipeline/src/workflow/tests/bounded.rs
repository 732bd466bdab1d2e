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

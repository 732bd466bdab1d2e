//! A person who wants to stop gets that, at whatever moment.

use super::crashing::{SCENARIOS, assert_same_end, whole_run};
use super::*;

#[test]
fn an_interrupted_heal_starts_no_further_effect_and_can_be_followed_by_another() {
    let mut whole = World::new();
    whole.heal().expect("healed");
    let length = whole.trace.len();
    for at in 0..length {
        let mut world = World::new();
        world.person.stops_at = Some(at);
        world.heal().expect("a report");
        let calls = world.trace.calls();
        let later: Vec<_> = calls[at..].iter().filter(|call| call.is_effect()).collect();
        // Once the last look before an intent has been taken, the intent is recorded and its effect decides for itself.
        let intending = match &calls[at..] {
            [Call::Append(kind, _), ..] => kind == "intended" || kind == "grant-used",
            rest => matches!(rest, [Call::Apply(_), ..]),
        };
        assert!(later.len() <= usize::from(intending), "stopped at {at}: {later:?}");
        world.history();
        world.person.stops_at = None;
        world.options.yes = true;
        assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed, "stopped at {at}");
    }
}

#[test]
fn a_heal_that_is_interrupted_before_or_between_its_steps_is_suspended() {
    let mut whole = World::new();
    whole.heal().expect("healed");
    let calls = whole.trace.calls();
    let last_effect = calls.iter().rposition(Call::is_effect).expect("an effect");
    for at in 0..last_effect - 1 {
        let mut world = World::new();
        world.person.stops_at = Some(at);
        assert_eq!(world.heal().expect("a report").conclusion, Conclusion::Interrupted, "stopped at {at}");
        assert!(matches!(last_status(&world), Status::Suspended(_)), "stopped at {at}");
        assert_eq!(world.trace.calls().last(), Some(&Call::SignHead));
    }
}

#[test]
fn a_suspended_session_goes_on_under_the_yes_that_it_has() {
    let mut world = World::new();
    let mut whole = World::new();
    whole.heal().expect("healed");
    let granted = whole.trace.calls().iter().position(|call| *call == Call::Footprint).expect("the gate");
    world.person.stops_at = Some(granted);
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::Interrupted);
    world.person.stops_at = None;
    assert_eq!(world.apply().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.trace.effects(), 2);
    assert_eq!(world.trace.count(|call| matches!(call, Call::Approve(_))), 1);
}

#[test]
fn stopping_the_verification_of_the_last_round_counts_as_stopped_and_not_as_a_bound() {
    let mut world = World::new();
    world.policies = policies("", "rounds_max = 1");
    world.deployment.verdicts = std::iter::repeat_n(Ok(verdict(false, true)), 1000).collect();
    let mut whole = World::new();
    whole.heal().expect("healed");
    let verified = whole.trace.calls().iter().position(|call| *call == Call::Verify).expect("a look");
    world.person.stops_at = Some(verified + 5);
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::Interrupted);
    assert!(matches!(last_status(&world), Status::Suspended(_)));
    assert!(world.trace.count(|call| *call == Call::Verify) < 5, "it does not go on looking");
}

#[test]
fn a_session_that_was_stopped_at_any_moment_goes_on_to_the_same_end() {
    for scenario in SCENARIOS {
        let (whole, _) = whole_run(&scenario);
        let begins_at = (scenario.world)().trace.len();
        for at in begins_at..whole.trace.len() {
            let mut world = (scenario.world)();
            world.person.stops_at = Some(at);
            // An undo that was stopped says so by an error.
            let when = format!("{}: stopped at {at}", scenario.name);
            let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (scenario.finish)(&mut world)));
            assert!(stopped.is_ok() || scenario.name.contains("undone"), "{when}");
            world.person.stops_at = None;
            (scenario.finish)(&mut world);
            assert_same_end(&world, &whole, &when);
        }
    }
}

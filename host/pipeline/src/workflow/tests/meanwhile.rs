//! Others write to the log while a session is at work: whatever comes when, the log stays legal, a yes stands for exactly one
//! plan, and nothing is done for a session that was given up.

use super::*;
use crate::testing::{Meanwhile, assert_only_forward, killed_after};
use repair_model::grant::GrantVoid;
use repair_model::plan::EditMethod;

/// A heal during which `what` happens once the trace has so many entries.
fn heal_with(at: usize, what: Meanwhile) -> (World, Result<Conclusion, String>) {
    let mut world = World::new();
    world.log.meanwhile = Some((at, what));
    let came_to = world.heal().map(|report| report.conclusion).map_err(|error| error.to_string());
    (world, came_to)
}

fn length_of_a_heal() -> usize {
    let mut whole = World::new();
    whole.heal().expect("healed");
    whole.trace.len()
}

#[test]
fn a_session_that_is_given_up_at_any_moment_begins_nothing_afterwards() {
    for at in 0..length_of_a_heal() {
        let (world, came_to) = heal_with(at, Meanwhile::Abort);
        assert_only_forward(&world);
        if world.log.meanwhile.is_some() {
            continue; // No session was there yet.
        }
        let kinds = world.log.kinds();
        let aborted = kinds.iter().position(|kind| kind == "ended").expect("given up");
        let calls = world.trace.calls();
        let appended: Vec<usize> = (0..calls.len()).filter(|at| matches!(calls[*at], Call::Append(..))).collect();
        // The record of the one who gave it up is none of this process's calls.
        let from = appended.get(aborted).copied().unwrap_or(calls.len());
        let intended_before = kinds[..aborted].iter().filter(|kind| *kind == "intended").count();
        assert!(world.trace.effects() <= intended_before, "at {at}: {:?}", &calls[from..]);
        assert_eq!(came_to, Ok(Conclusion::GivenUp), "at {at}");
        assert_eq!(last_status(&world), Status::Ended(Ending::Aborted), "at {at}");
        let history = world.history();
        assert!(history.sessions().all(|session| session.open_intent().is_none()), "at {at}");
    }
}

#[test]
fn an_approval_from_elsewhere_at_any_moment_harms_nothing() {
    for at in 0..length_of_a_heal() {
        let (world, came_to) = heal_with(at, Meanwhile::Approve);
        assert_only_forward(&world);
        assert_eq!(came_to, Ok(Conclusion::Healed), "at {at}");
        assert_eq!(world.trace.effects(), 2, "at {at}");
        assert_eq!(world.log.events("grant-used").len(), 1, "at {at}");
    }
}

/// The moment at which the person is asked the first time.
fn asked_at(world: fn() -> World) -> usize {
    let mut whole = world();
    whole.heal().expect("a report");
    whole.trace.calls().iter().position(|call| matches!(call, Call::Approve(_))).expect("somebody was asked")
}

#[test]
fn a_person_who_leaves_the_answer_to_somebody_else_lets_the_session_go_on_under_their_approval() {
    let mut world = World::new();
    world.person.answers = [PersonsAnswer::Later].into();
    world.log.meanwhile = Some((asked_at(World::new), Meanwhile::Approve));
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    let history = world.history();
    let session = history.sessions().last().expect("a session");
    assert_eq!(session.grants.len(), 1);
    assert_eq!(session.grants[0].grant.approver, "bob@host");
}

#[test]
fn a_no_at_the_terminal_counts_for_more_than_a_yes_from_elsewhere() {
    let mut world = World::new();
    world.person.answers = [PersonsAnswer::No].into();
    world.log.meanwhile = Some((asked_at(World::new), Meanwhile::Approve));
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::Declined);
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn an_approval_of_a_plan_that_another_one_has_replaced_is_void_from_the_start() {
    let mut world = World::new();
    world.person.answers = [PersonsAnswer::Method(EditMethod::Override), PersonsAnswer::Later].into();
    let asked = asked_at(World::new);
    // It was read from the log while the first plan waited, and is written when the second one does.
    world.log.meanwhile = Some((asked, Meanwhile::ApproveLate));
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::AwaitingApproval);
    assert_eq!(world.trace.effects(), 0);
    let history = world.history();
    let session = history.sessions().last().expect("a session");
    assert_eq!(session.grants.len(), 1, "it was written");
    assert_eq!(session.grants[0].void, Some(GrantVoid::Plan));
    assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))));
}

#[test]
fn what_comes_after_the_end_of_a_session_changes_nothing_and_harms_nobody() {
    let mut world = World::new();
    world.heal().expect("healed");
    let before = world.history();
    world.approve();
    world.abort();
    assert_eq!(world.history(), before);
    world.person.answers.push_back(PersonsAnswer::Yes);
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed, "the log can still be used");
}

#[test]
fn the_time_until_somebody_approved_a_dead_session_is_not_its_work() {
    let mut world = World::new();
    assert!(killed_after(&mut world, 40, |world| drop(world.heal())));
    let status = last_status(&world);
    assert_eq!(status, Status::Running);
    let worked = world.history().sessions().last().expect("a session").worked_ms;
    world.clock.pass_seconds(10_000);
    world.approve();
    world.clock.pass_seconds(10_000);
    world.person.answers.push_back(PersonsAnswer::Yes);
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    let after = world.history().sessions().last().expect("a session").worked_ms;
    assert!(after < worked + 10_000, "{worked} and then {after}");
}

#[test]
fn an_undo_that_is_given_up_at_any_moment_takes_nothing_more_back() {
    fn healed() -> (World, repair_model::ids::SessionId) {
        let mut world = World::without_tools();
        world.add_tool("port-conflict", [proposal(vec![remap("web"), remap("api"), compose_up("web")])]);
        let session = world.heal().expect("healed").session;
        (world, session)
    }
    let (mut whole, session) = healed();
    let begins_at = whole.trace.len();
    whole.undo(&session).expect("taken back");
    for at in begins_at..whole.trace.len() {
        let (mut world, session) = healed();
        world.log.meanwhile = Some((at, Meanwhile::Abort));
        let healed_records = world.log.records.len();
        let result = world.undo(&session);
        assert_only_forward(&world);
        let kinds = world.log.kinds()[healed_records..].to_vec();
        let Some(aborted) = kinds.iter().position(|kind| kind == "ended") else { panic!("at {at}: {kinds:?}") };
        let intended = kinds[..aborted].iter().filter(|kind| *kind == "intended").count();
        assert!(world.trace.count(|call| matches!(call, Call::Edit(_))) <= intended, "at {at}");
        let late = kinds[aborted..].iter().filter(|kind| *kind == "intended").count();
        assert!(late <= 1, "at {at}: it is heard before the next edit is intended");
        if !matches!(last_status(&world), Status::Ended(Ending::Undone)) {
            assert!(result.is_err(), "at {at}");
        }
    }
}

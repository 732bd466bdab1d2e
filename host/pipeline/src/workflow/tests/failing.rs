//! The log fails, or an earlier process died: what was begun is settled, and nothing is done that is not recorded.

use super::*;
use crate::outside::{Durability, Log as _, LogError, TargetError};
use repair_model::action::Action;
use repair_model::event::Intent;
use repair_model::ids::Digest;
use repair_model::outcome::Probe;
use repair_model::plan::Change;

#[test]
fn no_effect_is_started_after_a_write_of_the_log_has_failed() {
    let mut whole = World::new();
    whole.heal().expect("healed");
    let writes = whole.log.writes;
    assert!(writes > 20, "records, blobs and heads: {writes}");
    for at in 0..writes {
        let mut world = World::new();
        world.log.fails_at = Some(at);
        let error = world.heal().expect_err("the log failed");
        assert!(matches!(error, WorkflowError::Log(LogError::Io { .. })), "write {at}: {error:?}");
        let calls = world.trace.calls();
        let failed = calls.iter().position(|call| *call == Call::LogFailed).expect("it failed");
        let after: Vec<_> = calls[failed + 1..].iter().filter(|call| call.is_effect()).collect();
        assert!(after.is_empty(), "write {at}: {after:?}");
        world.history();
    }
}

#[test]
fn after_a_failed_write_the_next_process_settles_what_was_open_and_heals() {
    let mut whole = World::new();
    whole.heal().expect("healed");
    for at in 0..whole.log.writes {
        let mut world = World::new();
        world.log.fails_at = Some(at);
        world.heal().expect_err("the log failed");
        world.log.fails_at = None;
        world.log.poisoned = false;
        world.options.yes = true;
        assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed, "write {at}");
        let history = world.history();
        assert!(history.sessions().all(|session| session.status.is_final()), "write {at}");
        assert!(history.sessions().all(|session| session.open_intent().is_none()), "write {at}");
    }
}

/// A world whose last process died after the first intent, and what the edit's probe says.
fn left_open(probe: Probe) -> World {
    let mut world = World::new();
    let mut whole = World::new();
    whole.heal().expect("healed");
    let intended = whole.log.kinds().iter().position(|kind| kind == "intended").expect("an intent");
    world.log.records = whole.log.records[..=intended].to_vec();
    world.log.blobs = whole.log.blobs;
    world.options.session_random = [1; 4];
    world.deployment.probe = probe;
    world
}

fn settled_and_healed(mut world: World) -> Outcome {
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    let history = world.history();
    let first = history.sessions().next().expect("the session that was left");
    assert_eq!(first.status, Status::Ended(Ending::Aborted));
    assert_eq!(first.reason.as_deref(), Some(format!("superseded by session {}", report.session).as_str()));
    let Some(Event::Settled { outcome, by: SettledBy::Probe, .. }) = world.log.events("settled").first() else {
        panic!("not settled by its probe")
    };
    let calls = world.trace.calls();
    let settled = calls.iter().position(|call| *call == Call::Append("settled".to_owned(), Durability::Power));
    let effect = calls.iter().position(Call::is_effect);
    assert!(settled < effect, "it is settled before anything is started");
    let [probed] = &world.deployment.probed[..] else { panic!("its probe is asked once") };
    assert!(matches!(probed.change, Change::Edit(_)), "with the step as it was planned");
    assert_eq!(world.trace.effects(), 2, "the open effect itself is never repeated; the new plan's two steps are");
    assert!(world.person.told.iter().any(|words| words.contains("was interrupted in step 1")));
    outcome.clone()
}

#[test]
fn an_open_intent_that_happened_is_settled_as_done() {
    assert!(matches!(settled_and_healed(left_open(Probe::Happened)), Outcome::Done { .. }));
}

#[test]
fn an_open_intent_that_did_not_happen_is_settled_as_abandoned() {
    assert!(matches!(settled_and_healed(left_open(Probe::DidNotHappen)), Outcome::Abandoned { .. }));
}

#[test]
fn an_open_intent_that_cannot_be_told_is_settled_as_unclear() {
    let probe = Probe::Unclear("neither file nor digest".to_owned());
    assert!(matches!(settled_and_healed(left_open(probe)), Outcome::Unclear { .. }));
}

#[test]
fn the_probe_is_shown_the_edit_and_not_what_takes_it_back() {
    let mut world = left_open(Probe::Happened);
    let Some(Event::Intended { intent: Intent::Apply { undo: Some(undo), .. }, .. }) =
        world.log.events("intended").first().copied().cloned()
    else {
        panic!("no edit is open")
    };
    world.heal().expect("healed");
    let Change::Edit(probed) = &world.deployment.probed[0].change else { panic!("an edit") };
    assert_eq!((probed.before, Some(probed.after)), (Some(undo.after), undo.before));
}

/// Why the open step cannot be told, once `spoil` has changed what the dead process left.
fn unclear_after(spoil: impl Fn(&mut World)) -> String {
    let mut world = left_open(Probe::Happened);
    spoil(&mut world);
    world.heal().expect("a damaged plan of an earlier session stops nobody");
    assert!(world.deployment.probed.is_empty(), "nothing is asked about a step that nobody approved");
    match world.log.events("settled").first() {
        Some(Event::Settled { outcome: Outcome::Unclear { reason }, by: SettledBy::Probe, .. }) => reason.clone(),
        other => panic!("not settled as unclear: {other:?}"),
    }
}

fn plan_blob(world: &World) -> Digest {
    match world.log.events("planned").first() {
        Some(Event::Planned { blob, .. }) => *blob,
        other => panic!("no plan: {other:?}"),
    }
}

#[test]
fn an_open_intent_whose_plan_is_missing_or_spoilt_is_settled_as_unclear() {
    let reason = unclear_after(|world| {
        world.log.blobs.remove(&plan_blob(world));
    });
    assert!(reason.starts_with("the plan of the step cannot be read: blob"), "{reason}");
    let reason = unclear_after(|world| {
        world.log.blobs.insert(plan_blob(world), b"{}".to_vec());
    });
    assert!(reason.starts_with("the plan of the step cannot be read: missing field"), "{reason}");
    let reason = unclear_after(|world| {
        let blob = plan_blob(world);
        world.log.blobs.get_mut(&blob).expect("a plan").push(b' ');
    });
    assert_eq!(reason, "the stored plan is not the one that the step belongs to");
}

#[test]
fn an_open_intent_that_its_plan_does_not_name_is_settled_as_unclear() {
    fn intended(world: &mut World) -> (&mut u32, &mut Action) {
        match world.log.records.last_mut().map(|record| &mut record.event) {
            Some(Event::Intended { step, intent: Intent::Apply { action, .. } }) => (step, action),
            other => panic!("no open intent: {other:?}"),
        }
    }
    let reason = unclear_after(|world| *intended(world).1 = compose_up("db"));
    assert_eq!(reason, "the plan has another action at this step than the log says");
    let reason = unclear_after(|world| *intended(world).0 = 7);
    assert_eq!(reason, "the plan has no such step");
}

#[test]
fn a_session_that_waits_is_superseded_by_a_new_one() {
    let mut world = waiting();
    world.person.interactive = true;
    world.heal().expect("healed");
    let history = world.history();
    assert_eq!(history.sessions().next().expect("the first").status, Status::Ended(Ending::Aborted));
}

#[test]
fn a_log_that_says_what_cannot_be_stops_everything() {
    let mut world = World::new();
    let (id, event) = begun(&world);
    for _ in 0..2 {
        world.log.append(Some(&id), event.clone(), Durability::Power).expect("in memory");
    }
    assert!(matches!(world.heal(), Err(WorkflowError::History(_))));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn an_engine_that_stops_answering_ends_a_session_that_has_done_nothing_and_suspends_one_that_has() {
    let error = TargetError { what: "the engine does not answer".to_owned(), hints: vec!["start it".to_owned()] };
    let mut untouched = World::new();
    untouched.deployment.containers_fail = Some(error.what.clone());
    let report = untouched.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::NotHealed(error.what.clone()));
    assert_eq!(last_status(&untouched), Status::Ended(Ending::Escalated));

    let mut healing = World::new();
    healing.deployment.verdicts.push_back(Err(error.clone()));
    let report = healing.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Suspended(error.what.clone()));
    assert_eq!(report.next_steps, error.hints);
    assert_eq!(healing.resume().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(healing.trace.effects(), 2, "nothing is done twice");

    let mut applying = waiting();
    applying.options.yes = true;
    applying.deployment.verdicts.push_back(Err(error.clone()));
    let report = applying.apply().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Suspended(error.what));
    assert!(matches!(last_status(&applying), Status::Suspended(_)));
}

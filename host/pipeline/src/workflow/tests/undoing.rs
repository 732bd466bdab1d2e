//! Taking edits back.

use super::*;
use repair_model::ids::SessionId;
use repair_model::outcome::Probe;

/// A world in which the ports of `web` and then of `api` were moved.
fn moved() -> (World, SessionId) {
    let mut world = World::without_tools();
    world.add_tool("port-conflict", [proposal(vec![remap("web"), remap("api"), compose_up("web")])]);
    let session = world.heal().expect("healed").session;
    (world, session)
}

fn edited(world: &World) -> Vec<Call> {
    world.trace.calls().into_iter().filter(|call| matches!(call, Call::Edit(_))).collect()
}

#[test]
fn undo_takes_the_newest_edit_back_first_and_leaves_what_is_no_edit() {
    let (mut world, session) = moved();
    let id = world.undo(&session).expect("taken back");
    assert_eq!(edited(&world), [Call::Edit("api.yaml".to_owned()), Call::Edit("web.yaml".to_owned())]);
    assert_eq!(world.history().session(&id).expect("the undo").status, Status::Ended(Ending::Undone));
    let calls = world.trace.calls();
    for at in (0..calls.len()).filter(|at| matches!(calls[*at], Call::Edit(_))) {
        let durable = |kind: &str| Call::Append(kind.to_owned(), crate::outside::Durability::Power);
        assert_eq!((&calls[at - 1], &calls[at + 1]), (&durable("intended"), &durable("settled")));
    }
}

#[test]
fn a_second_undo_has_nothing_to_take_back() {
    let (mut world, session) = moved();
    world.undo(&session).expect("taken back");
    assert!(world.undo_steps(&session).is_empty());
}

#[test]
fn undo_refuses_when_any_of_the_files_was_changed_since() {
    for file in ["api.yaml", "web.yaml"] {
        for probe in [Probe::Happened, Probe::Unclear("other bytes".to_owned())] {
            let (mut world, session) = moved();
            let records = world.log.records.len();
            world.deployment.edit_probes.insert(file.to_owned(), probe);
            let error = world.undo(&session).expect_err("changed");
            assert!(error.to_string().contains(file), "{error}");
            assert_eq!(edited(&world), [], "nothing at all is taken back");
            assert_eq!(world.log.records.len(), records);
        }
    }
}

#[test]
fn an_older_edit_of_the_same_file_is_not_mistaken_for_a_change() {
    let mut world = World::without_tools();
    world.add_tool("port-conflict", [proposal(vec![remap("web"), remap("web")])]);
    let session = world.heal().expect("healed").session;
    world.undo(&session).expect("taken back");
    assert_eq!(edited(&world).len(), 2);
    assert_eq!(world.trace.count(|call| matches!(call, Call::ProbeEdit(_))), 1);
}

#[test]
fn an_undo_that_fails_half_way_stops_and_can_be_finished() {
    let (mut world, session) = moved();
    world.deployment.outcomes = [Outcome::Done { detail: String::new() }, failed("read-only file system")].into();
    let error = world.undo(&session).expect_err("the second edit failed");
    assert!(error.to_string().contains("read-only"), "{error}");
    let left: Vec<String> = world.undo_steps(&session).into_iter().map(|step| step.edit.file).collect();
    assert_eq!(left, ["web.yaml"]);
    world.undo(&session).expect("taken back");
    assert!(world.undo_steps(&session).is_empty());
}

#[test]
fn no_edit_is_taken_back_after_a_write_of_the_log_has_failed() {
    let (mut whole, session) = moved();
    let before = whole.log.writes;
    whole.undo(&session).expect("taken back");
    for at in before..whole.log.writes {
        let (mut world, session) = moved();
        world.log.fails_at = Some(at);
        world.undo(&session).expect_err("the log failed");
        let calls = world.trace.calls();
        let failed = calls.iter().position(|call| *call == Call::LogFailed).expect("it failed");
        assert!(!calls[failed..].iter().any(Call::is_effect), "write {at}");
    }
}

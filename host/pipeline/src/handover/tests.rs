//! What the next person reads, for each way in which a session can stand.

use super::*;
use crate::approval::PersonsAnswer;
use crate::outside::{Durability, FileStanding, Log as _, Modified};
use crate::testing::{Call, World, compose_up, killed_after, policies, proposal, remap};
use crate::workflow::undone_steps;
use repair_model::event::{BlockReason, Event};
use repair_model::outcome::Probe;

fn handover(world: &World, dirt: &Dirt) -> Handover {
    let history = world.history();
    let session = history.sessions().last().expect("a session");
    let plan = session.plan.as_ref().map(|plan| world.log.load(plan.blob).expect("stored"));
    let plan = plan.map(|bytes| FrozenPlan::read(bytes).expect("a plan"));
    Handover::of(session, plan.as_ref(), dirt, &undone_steps(&history, session))
}

/// Everything that it says, one line for each thing, the session's id as ID and the plan's digest as PLAN.
fn told(world: &World) -> String {
    words(world, &handover(world, &Dirt::default()))
}

fn words(world: &World, handover: &Handover) -> String {
    let steps: Vec<String> = handover.steps.iter().map(|step| format!("{} {}", step.summary, step.status)).collect();
    let mut lines = vec![
        format!("goal: {}", handover.goal),
        format!("stands: {} in {}, round {}", handover.status, handover.phase, handover.round),
        format!("done: {}/{} [{}]", handover.done, handover.steps.len(), steps.join(", ")),
    ];
    lines.extend(handover.unknown.iter().map(|unknown| format!("unknown: {unknown}")));
    lines.push(format!("next: {}", handover.next));
    lines.extend(handover.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.extend(handover.files.iter().map(|file| format!("file: {} {}", file.file, file.standing)));
    let mut text = lines.join("\n");
    for (number, session) in world.history().sessions().enumerate() {
        text = text.replace(&session.id.to_string(), &format!("ID{}", number + 1));
        if let Some(plan) = &session.plan {
            text = text.replace(&plan.plan.short(), "PLAN");
        }
    }
    text
}

fn patient() -> World {
    let mut world = World::new();
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 9).collect();
    world
}

/// A heal that was killed at the first moment at which `stands` is true.
fn killed_when(make: impl Fn() -> World, stands: impl Fn(&World) -> bool) -> World {
    (0..)
        .map(|points| {
            let mut world = make();
            assert!(killed_after(&mut world, points, |world| drop(world.heal())), "no such moment");
            world
        })
        .find(|world| world.history().sessions().last().is_some() && stands(world))
        .expect("some moment")
}

fn has(kind: &'static str, count: usize) -> impl Fn(&World) -> bool {
    move |world| world.log.events(kind).len() == count
}

#[track_caller]
fn assert_told(world: &World, expected: &[&str]) {
    assert_eq!(told(world), expected.join("\n"));
}

#[test]
fn a_session_that_was_lost_at_its_beginning() {
    assert_told(
        &killed_when(patient, has("session-began", 1)),
        &[
            "goal: heal shop: the failure is not named yet",
            "stands: running in inspection, round 0",
            "done: 0/0 []",
            "next: the target is looked at and a plan is made",
        ],
    );
}

#[test]
fn a_session_that_was_lost_with_a_plan_that_nobody_decided_on() {
    assert_told(
        &killed_when(patient, has("policy-answered", 1)),
        &[
            "goal: heal shop: docker-port-conflict",
            "stands: running in approval, round 1",
            "done: 0/2 [remap-port pending, compose-up pending]",
            "next: the plan is decided on, then step 1: remap-port",
        ],
    );
}

#[test]
fn a_session_that_waits_for_a_yes_and_one_that_has_it() {
    let mut world = patient();
    world.person.interactive = false;
    world.heal().expect("a report");
    let waits = "stands: awaiting-approval in approval, round 1";
    let (goal, done) = ("goal: heal shop: docker-port-conflict", "done: 0/2 [remap-port pending, compose-up pending]");
    let next = "next: a yes is asked for again (`repair resume ID1`, or `repair approve PLAN` from elsewhere)";
    assert_told(&world, &[goal, waits, done, next]);
    world.approve();
    assert_told(&world, &[goal, waits, done, "next: step 1: remap-port"]);
}

#[test]
fn a_session_that_was_lost_in_a_step_and_one_that_was_lost_after_it() {
    let goal = "goal: heal shop: docker-port-conflict";
    assert_told(
        &killed_when(patient, has("intended", 1)),
        &[
            goal,
            "stands: running in execution, round 1",
            "done: 0/2 [remap-port started, compose-up pending]",
            "unknown: whether step 1 (remap-port) happened: its outcome is not recorded; its probe is asked when the \
             session goes on",
            "next: the open step is settled by its probe, then the session goes on",
        ],
    );
    assert_told(
        &killed_when(patient, has("checkpoint", 1)),
        &[
            goal,
            "stands: running in execution, round 1",
            "done: 1/2 [remap-port done, compose-up pending]",
            "next: step 2: compose-up",
        ],
    );
    assert_told(
        &killed_when(patient, has("checkpoint", 2)),
        &[
            goal,
            "stands: running in verification, round 1",
            "done: 2/2 [remap-port done, compose-up done]",
            "next: the target is verified",
        ],
    );
}

#[test]
fn a_session_whose_step_failed_and_whose_next_round_had_begun() {
    let make = || {
        let mut world = patient();
        let failed = Outcome::Failed { error: "up failed".to_owned(), output: Vec::new() };
        world.deployment.outcomes = [Outcome::Done { detail: String::new() }, failed].into();
        world
    };
    let goal = "goal: heal shop: docker-port-conflict";
    let done = "done: 1/2 [remap-port done, compose-up failed]";
    let failed = killed_when(make, has("settled", 2));
    let stands = "stands: running in execution, round 1";
    assert_told(&failed, &[goal, stands, done, "next: another round looks at what failed"]);
    let begun = killed_when(make, has("diagnosed", 2));
    let stands = "stands: running in planning, round 2";
    assert_told(&begun, &[goal, stands, done, "next: the target is looked at and a plan is made"]);
}

#[test]
fn a_session_whose_approval_does_not_stand_any_more() {
    let mut world = killed_when(patient, has("granted", 1));
    world.deployment.footprints.push_back(repair_model::plan::Footprint::default());
    let voided = |world: &mut World| killed_after(world, 6, |world| drop(world.resume()));
    while world.log.events("grant-voided").is_empty() {
        assert!(voided(&mut world), "killed too late");
        if world.log.events("grant-voided").is_empty() {
            world.deployment.footprints = [repair_model::plan::Footprint::default()].into();
        }
    }
    let told = told(&world);
    assert!(told.contains("next: another round makes a plan anew: what was approved is not so any more"), "{told}");
    assert!(told.contains("warning: an approval is void: the target changed after the approval"), "{told}");
}

#[test]
fn a_session_that_was_stopped_between_two_steps() {
    let mut whole = patient();
    whole.heal().expect("healed");
    let settled = Call::Append("checkpoint".to_owned(), Durability::Process);
    let at = whole.trace.calls().iter().position(|call| *call == settled).expect("a checkpoint");
    let mut world = patient();
    world.person.stops_at = Some(at);
    world.heal().expect("a report");
    assert_told(
        &world,
        &[
            "goal: heal shop: docker-port-conflict",
            "stands: suspended in execution, round 1",
            "done: 1/2 [remap-port done, compose-up pending]",
            "next: step 2: compose-up",
        ],
    );
}

#[test]
fn a_session_that_the_policy_denies() {
    let mut world = patient();
    let nothing = r#"@id("nothing") forbid (principal, action == Repair::Action::"apply", resource);"#;
    world.policies = policies(nothing, "");
    world.heal().expect("a report");
    let told = told(&world);
    assert!(told.contains("stands: blocked in approval, round 1"), "{told}");
    assert!(told.contains("user/nothing"), "it says which policy: {told}");
}

#[test]
fn a_session_with_a_step_that_only_a_person_can_tell() {
    let mut world = patient();
    world.deployment.outcomes = [Outcome::Unclear { reason: "both readings".to_owned() }].into();
    world.deployment.probe = Probe::Unclear("both readings".to_owned());
    world.heal().expect("a report");
    assert_told(
        &world,
        &[
            "goal: heal shop: docker-port-conflict",
            "stands: blocked in execution, round 1",
            "done: 0/2 [remap-port unknown, compose-up pending]",
            "unknown: whether step 1 (remap-port) happened: both readings",
            "next: look: `look at remap-port`",
        ],
    );
}

#[test]
fn a_session_that_is_taken_over_again_and_again() {
    let mut world = killed_when(patient, has("diagnosed", 1));
    world.policies = policies("", "recoveries_max = 2");
    for _ in 0..2 {
        assert!(killed_after(&mut world, 4, |world| drop(world.resume())));
    }
    assert!(told(&world).contains("warning: its process was lost 2 times"), "{}", told(&world));
    world.resume().expect("a report");
    let history = world.history();
    assert_eq!(history.sessions().last().map(|session| session.status.clone()), Some(crash_loop()));
    assert!(told(&world).contains("next: find out what ends `repair`"), "{}", told(&world));
}

fn crash_loop() -> Status {
    Status::Blocked(BlockReason::CrashLoop)
}

#[test]
fn sessions_that_are_over() {
    let goal = "goal: heal shop: docker-port-conflict";
    let mut world = patient();
    let healed = world.heal().expect("healed").session;
    let stands = "stands: healed in verification, round 1";
    let done = "done: 2/2 [remap-port done, compose-up done]";
    assert_told(&world, &[goal, stands, done, "next: nothing: it is done"]);
    world.undo(&healed).expect("taken back");
    assert_told(
        &world,
        &[
            "goal: take back the edits of session ID1 (web.yaml)",
            "stands: undone in execution, round 0",
            "done: 1/1 [restore `web.yaml` done]",
            "next: nothing: it is done",
        ],
    );
    let history = world.history();
    let session = history.session(&healed).expect("the first");
    let undone = Handover::of(session, None, &Dirt::default(), &undone_steps(&history, session));
    let statuses: Vec<_> = undone.steps.iter().map(|step| (step.summary.as_str(), step.status)).collect();
    assert_eq!(statuses, [("step 1", "undone"), ("step 2", "done")], "without its plan the steps have numbers");

    let mut declined = World::new();
    declined.person.answers = [PersonsAnswer::No].into();
    declined.heal().expect("a report");
    assert_told(
        &declined,
        &[
            goal,
            "stands: aborted in approval, round 1",
            "done: 0/2 [remap-port skipped, compose-up skipped]",
            "next: stop the holder: `docker stop other`",
        ],
    );
}

#[test]
fn a_session_that_was_given_up_in_a_step() {
    let mut world = killed_when(patient, has("intended", 1));
    world.abort();
    assert_told(
        &world,
        &[
            "goal: heal shop: docker-port-conflict",
            "stands: aborted in execution, round 1",
            "done: 0/2 [remap-port unknown, compose-up skipped]",
            "unknown: whether step 1 (remap-port) happened: its outcome is not recorded",
            "next: `repair --self-heal=preview` begins a new session",
        ],
    );
}

#[test]
fn an_undo_that_was_lost_between_two_edits() {
    let healed = || {
        let mut world = World::without_tools();
        world.add_tool("port-conflict", [proposal(vec![compose_up("web"), remap("web"), remap("api")])]);
        let session = world.heal().expect("healed").session;
        (world, session)
    };
    let lost = |settled: usize, intended: usize| {
        (0..)
            .map(|points| {
                let (mut world, session) = healed();
                assert!(killed_after(&mut world, points, |world| drop(world.undo(&session))), "no such moment");
                world
            })
            .find(|world| has("settled", 3 + settled)(world) && has("intended", 3 + intended)(world))
            .expect("some moment")
    };
    let goal = "goal: take back the edits of session ID1 (api.yaml, web.yaml)";
    let stands = "stands: running in execution, round 0";
    assert_told(
        &lost(1, 1),
        &[
            goal,
            stands,
            "done: 1/2 [restore `api.yaml` done, restore `web.yaml` pending]",
            "next: step 2: restore `web.yaml`",
        ],
    );
    assert_told(
        &lost(1, 2),
        &[
            goal,
            stands,
            "done: 1/2 [restore `api.yaml` done, restore `web.yaml` started]",
            "unknown: whether step 2 (restore `web.yaml`) happened: its outcome is not recorded; its probe is asked when \
             the session goes on",
            "next: the open step is settled by its probe, then the session goes on",
        ],
    );
    assert!(told(&lost(2, 2)).contains("next: nothing is left to take back, so the session ends"));
}

#[test]
fn files_that_do_not_stand_as_the_session_left_them_are_named_with_a_warning() {
    let mut world = patient();
    world.heal().expect("healed");
    let standings = [
        ("a", Standing::AsWritten),
        ("b", Standing::AsBefore),
        ("c", Standing::Foreign),
        ("d", Standing::Missing),
        ("e", Standing::Unreadable),
    ];
    let file = |(file, standing): (&str, Standing)| FileStanding { file: file.to_owned(), standing };
    let modified = Modified { first: vec!["c".to_owned()], count: 21 };
    let dirt = Dirt { files: standings.into_iter().map(file).collect(), modified: Some(modified) };
    let handover = handover(&world, &dirt);
    assert_eq!(
        handover.warnings,
        [
            "`b` is again as it was before the session",
            "`c` was changed by somebody else since the session wrote it; review it before going on",
            "`d` was removed since the session wrote it",
            "`e` cannot be read",
        ]
    );
    let told = words(&world, &handover);
    assert!(
        told.ends_with("file: a as-written\nfile: b as-before\nfile: c foreign\nfile: d missing\nfile: e unreadable")
    );
    assert_eq!(handover.modified.map(|modified| (modified.first, modified.count)), Some((vec!["c".to_owned()], 21)));
}

#[test]
fn the_edits_of_a_session_are_those_that_happened_in_their_order() {
    let mut world = World::without_tools();
    world.add_tool("port-conflict", [proposal(vec![remap("web"), remap("api")])]);
    world.deployment.outcomes =
        [Outcome::Done { detail: String::new() }, Outcome::Abandoned { reason: String::new() }].into();
    let session = world.heal().expect("a report").session;
    let history = world.history();
    let undo_of =
        |edit: &FileEdit| FileEdit { before: Some(edit.after), after: edit.before.expect("some"), ..edit.clone() };
    let edits = edits_of(history.session(&session).expect("it"), undo_of);
    let Some(Event::Checkpoint { edit: Some(made), .. }) = world.log.events("checkpoint").first() else {
        panic!("no edit was made")
    };
    assert_eq!(edits, std::slice::from_ref(made));
}

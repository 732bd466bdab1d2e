//! What production writes beside the bare events: a checkpoint after each step, and the projection after each change.

use super::crashing::SCENARIOS;
use super::*;
use crate::projection::{PhaseState, shows};
use crate::session::History;
use crate::testing::{Plant, killed_after};
use repair_model::event::{Intent, Purpose, Record};
use std::collections::BTreeMap;

/// Every step of a plan that is done, with whether a checkpoint follows it.
fn checkpoints(records: &[Record]) -> Vec<(u32, bool)> {
    let mut done = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let Event::Settled { step, outcome: Outcome::Done { .. }, .. } = &record.event else { continue };
        let opened = records[..at].iter().rev().find_map(|record| match &record.event {
            Event::Intended { intent, .. } => Some(matches!(intent, Intent::Apply { .. })),
            _ => None,
        });
        if opened != Some(true) {
            continue;
        }
        let until_next = records[at..].iter().take_while(|record| !matches!(record.event, Event::Intended { .. }));
        let checkpoint = until_next
            .filter(|record| matches!(record.event, Event::Checkpoint { step: of, .. } if of == *step))
            .count();
        assert!(checkpoint <= 1, "one is enough");
        done.push((*step, checkpoint == 1));
    }
    done
}

#[test]
fn a_checkpoint_follows_each_step_that_is_done_and_names_decision_evidence_and_edit() {
    let mut world = World::new();
    world.heal().expect("healed");
    assert_eq!(checkpoints(&world.log.records), [(0, true), (1, true)]);
    let history = world.history();
    let session = history.sessions().last().expect("a session");
    let written = world.log.events("checkpoint");
    let [Event::Checkpoint { decision, evidence, edit, .. }, Event::Checkpoint { edit: None, .. }] = written[..] else {
        panic!("{written:?}")
    };
    assert_eq!(Some(*decision), session.plan.as_ref().and_then(|plan| plan.decision_id));
    assert_eq!(Some(*evidence), session.evidence);
    assert_eq!(edit.as_ref().map(|edit| edit.file.as_str()), Some("web.yaml"));
    assert_eq!(session.checkpoint.as_ref().map(|checkpoint| (checkpoint.step, checkpoint.place)), Some((1, 1)));
}

/// That no step is done without its checkpoint, however it was settled and whatever crashed meanwhile.
pub(super) fn assert_checkpoints(world: &World, when: &str) {
    let without: Vec<_> = checkpoints(&world.log.records).into_iter().filter(|(_, checkpoint)| !checkpoint).collect();
    assert_eq!(without, [], "{when}");
}

fn state_of(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn the_projection_in_both_places_says_what_the_log_says_after_each_change() {
    for scenario in SCENARIOS {
        let mut world = (scenario.world)();
        (scenario.finish)(&mut world);
        // What the log said after each record that shows, beside what was published then.
        let mut history = History::default();
        let mut expected: BTreeMap<_, Vec<serde_json::Value>> = BTreeMap::new();
        let mut status_before = None;
        for record in &world.log.records {
            history = history.next(record).expect("legal");
            let Some(id) = &record.session else { continue };
            let session = history.session(id).expect("begun");
            let status = Some((id.clone(), session.status.clone()));
            // An approval from elsewhere is no change that anybody here could publish.
            let by_command = matches!(&record.event, Event::Granted { grant } if grant.approver == "bob@host");
            if shows(&record.event) && !by_command {
                let state = serde_json::to_value(PhaseState::of(session)).expect("plain data");
                expected.entry(id.clone()).or_default().push(state);
            } else {
                assert_eq!(status, status_before, "{}: {:?} changes the status", scenario.name, record.event);
            }
            status_before = status;
        }
        for (id, states) in expected {
            for published in [&world.log.published[&id], &world.deployment.published[&id]] {
                let published: Vec<_> = published.iter().map(|bytes| state_of(bytes)).collect();
                assert_eq!(published, states, "{}", scenario.name);
                assert!(published.iter().all(|state| state["startedAt"] == published[0]["startedAt"]));
            }
        }
    }
}

#[test]
fn a_projection_that_cannot_be_written_stops_nobody_and_is_told() {
    let mut world = World::new();
    world.log.publish_fails = true;
    world.deployment.publish_fails = true;
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert!(world.person.told.iter().any(|told| told.contains("Unpublished")), "{:?}", world.person.told);
    assert!(world.log.published.is_empty() && world.deployment.published.is_empty());
}

#[test]
fn a_projection_that_somebody_spoilt_is_never_read_and_written_anew() {
    let mut world = World::new();
    world.deployment.plant = Some(Plant::new());
    world.deployment.plant.as_mut().expect("a plant").running.insert("api".to_owned());
    assert!(killed_after(&mut world, 40, |world| drop(world.heal())));
    for published in world.log.published.values_mut().chain(world.deployment.published.values_mut()) {
        published.push(b"{\"status\": \"completed\"".to_vec());
    }
    world.person.answers.push_back(PersonsAnswer::Yes);
    assert_eq!(world.resume().expect("healed").conclusion, Conclusion::Healed);
    for published in world.log.published.values().chain(world.deployment.published.values()) {
        assert_eq!(state_of(published.last().expect("published"))["status"], "completed");
    }
}

/// Phase, status and phases that are over, of each state that was published.
fn told(world: &World) -> Vec<String> {
    let published = world.log.published.values().next_back().expect("published");
    let mut told: Vec<String> = published
        .iter()
        .map(|bytes| {
            let state = state_of(bytes);
            let word = |name: &str| state[name].as_str().unwrap_or("-").to_owned();
            let behind = state["completedPhases"].as_array().expect("a list").len();
            format!(
                "{} {} behind:{behind} step:{} {}",
                word("phase"),
                word("status"),
                state["lastCompletedStep"],
                word("suspendReason")
            )
        })
        .collect();
    told.dedup();
    told
}

#[test]
fn the_projection_of_a_heal_goes_through_its_phases_one_by_one() {
    let mut world = World::new();
    world.heal().expect("healed");
    assert_eq!(
        told(&world),
        [
            "inspection in-progress behind:0 step:null -",
            "planning in-progress behind:1 step:null -",
            "approval in-progress behind:2 step:null -",
            "approval awaiting-confirmation behind:2 step:null -",
            "approval in-progress behind:2 step:null -",
            "execution in-progress behind:3 step:null -",
            "execution in-progress behind:3 step:1 -",
            "verification in-progress behind:4 step:2 -",
            "verification completed behind:5 step:2 -",
        ]
    );
}

#[test]
fn a_new_round_begins_its_phases_and_steps_anew() {
    let mut world = World::new();
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 3).collect();
    world.deployment.outcomes = [Outcome::Done { detail: String::new() }, failed("up failed")].into();
    world.heal().expect("healed");
    let told = told(&world);
    let again = told.iter().rposition(|line| line.starts_with("planning")).expect("twice");
    assert_eq!(told[again], "planning in-progress behind:1 step:1 -", "the first round's step is the last one yet");
    assert_eq!(told[again + 1], "approval in-progress behind:2 step:null -", "the new plan has none");
}

#[test]
fn each_way_to_stop_has_its_word_and_its_reason_in_the_projection() {
    let last = |world: &World| told(world).last().cloned().expect("published");
    assert_eq!(last(&waiting()), "approval awaiting-confirmation behind:2 step:null -");

    let mut denied = World::new();
    denied.policies = policies(r#"@id("none") forbid (principal, action == Repair::Action::"apply", resource);"#, "");
    denied.heal().expect("a report");
    assert_eq!(last(&denied), "approval blocked behind:2 step:null denied-by-policy");

    let mut stopped = World::new();
    stopped.deployment.outcomes.push_back(Outcome::Abandoned { reason: "ended".to_owned() });
    stopped.heal().expect("a report");
    assert_eq!(last(&stopped), "execution suspended behind:3 step:null ended");

    let mut declined = World::new();
    declined.person.answers = [PersonsAnswer::No].into();
    declined.heal().expect("a report");
    assert_eq!(last(&declined), "approval aborted behind:2 step:null -");

    let mut escalated = World::without_tools();
    escalated.heal().expect("a report");
    assert_eq!(last(&escalated), "planning failed behind:1 step:null -");

    let mut undone = World::new();
    let session = undone.heal().expect("healed").session;
    undone.undo(&session).expect("taken back");
    assert_eq!(last(&undone), "execution completed behind:5 step:null -");
    let published = undone.log.published.values().next_back().and_then(|states| states.last()).expect("published");
    assert_eq!(state_of(published)["mode"], "undo");

    let mut planned = World::new();
    planned.options.purpose = Purpose::Plan;
    planned.heal().expect("a plan");
    let published = planned.log.published.values().next_back().and_then(|states| states.last()).expect("published");
    assert_eq!(state_of(published)["mode"], "plan");
}

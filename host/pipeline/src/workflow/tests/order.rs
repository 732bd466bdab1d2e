//! What a heal records, and when.

use super::*;
use crate::outside::Durability::Power;
use repair_model::action::ActionKind;
use repair_model::outcome::Probe;

#[test]
fn a_whole_heal_records_every_stage_in_its_order() {
    let mut world = World::new();
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    assert_eq!(report.rounds, 1);
    assert_eq!(report.steps.len(), 2);
    let expected = [
        "session-began",
        "diagnosed",
        "tool-answered",
        "planned",
        "policy-answered",
        "approval-asked",
        "granted",
        "grant-used",
        "intended",
        "effect-started",
        "settled",
        "checkpoint",
        "intended",
        "effect-started",
        "settled",
        "checkpoint",
        "verified",
        "ended",
    ];
    assert_eq!(world.log.kinds(), expected);
    assert_eq!(last_status(&world), Status::Ended(Ending::Healed));
}

#[test]
fn an_effect_starts_after_its_durable_intent_and_its_outcome_is_recorded_before_anything_else() {
    let mut world = World::new();
    world.heal().expect("healed");
    let calls = world.trace.calls();
    let effects: Vec<usize> = (0..calls.len()).filter(|at| calls[*at].is_effect()).collect();
    assert_eq!(effects.len(), 2);
    for at in effects {
        assert_eq!(calls[at - 1], Call::Append("intended".to_owned(), Power));
        assert!(matches!(&calls[at + 1], Call::Append(kind, _) if kind == "effect-started"), "{:?}", calls[at + 1]);
        assert_eq!(calls[at + 2], Call::Append("settled".to_owned(), Power));
    }
}

#[test]
fn every_step_passes_the_gate_right_before_its_intent() {
    let mut world = World::new();
    world.heal().expect("healed");
    let calls = world.trace.calls();
    let assessed: Vec<usize> = (0..calls.len()).filter(|at| calls[*at] == Call::Assess).collect();
    assert_eq!(assessed.len(), 2);
    for at in assessed {
        assert_eq!(calls[at - 1], Call::Footprint);
        let next = calls[at + 1..].iter().find(|call| !matches!(call, Call::Append(kind, _) if kind == "grant-used"));
        assert_eq!(next, Some(&Call::Append("intended".to_owned(), Power)));
    }
}

#[test]
fn a_yes_and_the_end_are_durable_and_signed() {
    let mut world = World::new();
    world.heal().expect("healed");
    let calls = world.trace.calls();
    for kind in ["granted", "ended"] {
        let at = calls.iter().position(|call| *call == Call::Append(kind.to_owned(), Power)).expect(kind);
        assert_eq!(calls.get(at + 1), Some(&Call::SignHead), "{kind}");
    }
}

#[test]
fn an_edit_records_how_it_is_taken_back_before_it_is_made() {
    let mut world = World::new();
    world.heal().expect("healed");
    let undone: Vec<bool> = world
        .log
        .events("intended")
        .iter()
        .map(|event| match event {
            Event::Intended { intent: repair_model::event::Intent::Apply { undo, .. }, .. } => undo.is_some(),
            _ => false,
        })
        .collect();
    assert_eq!(undone, [true, false]);
    assert_eq!(world.trace.count(|call| *call == Call::Apply(ActionKind::RemapPort)), 1);
}

#[test]
fn a_failed_effect_leads_to_the_next_round_with_its_output_as_evidence() {
    let mut world = World::new();
    world.person.answers.push_back(PersonsAnswer::Yes);
    let output = vec!["Bind for 0.0.0.0:9090 failed: port is already allocated, password=hunter2".to_owned()];
    world.deployment.containers.clear();
    world.deployment.outcomes.push_back(Outcome::Done { detail: "edited".to_owned() });
    world.deployment.outcomes.push_back(Outcome::Failed { error: "up failed".to_owned(), output });
    let report = world.heal().expect("healed");
    assert_eq!((report.conclusion, report.rounds), (Conclusion::Healed, 2));
    let Some(Event::Diagnosed { round: 2, evidence, findings }) = world.log.events("diagnosed").get(1) else {
        panic!("no second diagnosis")
    };
    assert_eq!(findings[0].facts["port"], "9090");
    let blob = String::from_utf8(world.log.blobs[evidence].clone()).expect("text");
    assert!(blob.contains("9090") && !blob.contains("hunter2"), "{blob}");
    let history = &world.tools.cases[1].1.history;
    assert_eq!(history.len(), 2, "the tool is told of both steps of the first round");
}

#[test]
fn a_step_that_cannot_be_told_blocks_the_session_and_nothing_follows() {
    let mut world = World::new();
    world.deployment.outcomes.push_back(Outcome::Unclear { reason: "both readings".to_owned() });
    world.deployment.probe = Probe::Unclear("both readings".to_owned());
    let report = world.heal().expect("a report");
    let blocked = Conclusion::Blocked(BlockReason::PersonNeeded, "both readings".to_owned());
    assert_eq!(report.conclusion, blocked);
    assert_eq!(world.trace.effects(), 1);
    assert_eq!(last_status(&world), Status::Blocked(BlockReason::PersonNeeded));
    assert!(report.next_steps.iter().any(|step| step.contains("--did-not-happen")), "{:?}", report.next_steps);
}

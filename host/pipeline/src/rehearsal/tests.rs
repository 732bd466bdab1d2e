//! A rehearsal goes by the rules of planning.

use std::collections::BTreeMap;

use repair_model::action::{Action, ActionKind};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, Domain, Permille};
use repair_model::query::{Fact, QueryKind};
use repair_model::tool::{Proposal, ToolRef};

use super::*;

fn manifest() -> Manifest {
    Manifest {
        tool: ToolRef {
            id: "starter".to_owned(),
            version: "1.0.0".to_owned(),
            component: Digest::of(Domain::Component, b"starter"),
        },
        summary: "Starts.".to_owned(),
        handles: vec![FailureClass::DockerOomKilled],
        sees: vec![QueryKind::Containers],
        may: vec![ActionKind::ComposeUp],
        params_schema: r#"{"type":"object","properties":{"tries":{"type":"integer"}}}"#.to_owned(),
        contact: None,
    }
}

fn recorded() -> RecordedCase {
    RecordedCase::parse(
        r#"{
            "format": "repair-case/1",
            "finding": {
                "class": "docker-oom-killed", "confidence": 900, "facts": {}, "proof": [], "next_steps": []
            },
            "history": [{"tool": "starter", "actions": [], "outcome": "healed", "seconds_ago": 5}],
            "answers": [{"asked": "containers", "answer": {"fact": {"containers": []}}, "truncated": false}]
        }"#,
    )
    .expect("a case")
}

fn propose(action: Action) -> ToolAnswer {
    ToolAnswer::Propose(Proposal { reason: "because".to_owned(), confidence: Permille::CERTAIN, actions: vec![action] })
}

fn rehearsed(case: &RecordedCase, mut answers: Vec<ToolAnswer>) -> Rehearsal<()> {
    answers.reverse();
    rehearse(case, &manifest(), &Bounds::default(), |_| {
        let answer = if answers.len() > 1 { answers.pop() } else { answers.first().cloned() };
        Ok((Reply { answer: answer.expect("an answer"), notes: Vec::new() }, ()))
    })
}

fn up() -> Action {
    Action::ComposeUp { services: vec!["web".to_owned()] }
}

#[test]
fn a_recorded_answer_is_shown_and_any_other_query_is_refused() {
    let need = ToolAnswer::Need(vec![Query::Containers, Query::Networks]);
    let rehearsal = rehearsed(&recorded(), vec![need, propose(up())]);
    assert_eq!(rehearsal.end, End::Decided);
    let [first, second] = rehearsal.turns.as_slice() else { panic!("two calls") };
    assert!(first.case.observations.is_empty());
    assert_eq!(first.unanswered, [Query::Networks]);
    let [containers, networks] = second.case.observations.as_slice() else { panic!("two answers") };
    assert!(matches!(containers.answer, Answer::Fact(Fact::Containers(_))));
    assert_eq!(networks.answer, Answer::Refused(Refusal::NotPermitted), "the manifest does not see networks");

    let unrecorded = RecordedCase { answers: Vec::new(), ..recorded() };
    let rehearsal = rehearsed(&unrecorded, vec![ToolAnswer::Need(vec![Query::Containers]), propose(up())]);
    assert!(matches!(&rehearsal.turns[1].case.observations[0].answer, Answer::Refused(Refusal::Unavailable(_))));
}

#[test]
fn what_planning_turns_down_is_turned_down_here() {
    let turned_down = |answers| match rehearsed(&recorded(), answers).end {
        End::TurnedDown(words) => words,
        other => panic!("{other:?}"),
    };
    let restart = Action::RestartService { service: "web".to_owned() };
    assert!(turned_down(vec![propose(restart)]).contains("`restart-service`"));
    let again = vec![ToolAnswer::Need(vec![Query::Containers]); 2];
    assert!(turned_down(again).contains("asked again for what it had been told"));
    assert!(turned_down(vec![ToolAnswer::WaitSeconds(0)]).contains("had not decided after"));
    let wrong = RecordedCase { params: [("tries".to_owned(), "x".into())].into_iter().collect(), ..recorded() };
    let rehearsal = rehearsed(&wrong, vec![propose(up())]);
    assert!(rehearsal.turns.is_empty(), "a tool never sees parameters that its schema refuses");
    assert!(matches!(rehearsal.end, End::TurnedDown(words) if words.contains("[tools.starter]/tries")));
}

#[test]
fn a_case_beyond_the_limits_is_not_shown() {
    let padded = "x".repeat(CASE_BYTES_MAX);
    let large = RecordedCase { params: [("note".to_owned(), padded.into())].into_iter().collect(), ..recorded() };
    let rehearsal = rehearsed(&large, vec![propose(up())]);
    assert!(rehearsal.turns.is_empty());
    assert!(matches!(rehearsal.end, End::TurnedDown(words) if words.contains("at most 4194304 are shown")));
}

#[test]
fn a_wait_passes_at_once_and_is_told() {
    let rehearsal = rehearsed(&recorded(), vec![ToolAnswer::WaitSeconds(7), propose(up())]);
    assert_eq!(rehearsal.turns[1].case.waited_seconds, 7);
    assert_eq!(rehearsal.turns[1].case.history[0].seconds_ago, 12);
}

#[test]
fn a_transcript_keeps_every_reply_and_why_the_host_would_stop() {
    let failure = || ToolFailure { tool: "starter".to_owned(), what: "it broke".to_owned(), fix: "mend it".to_owned() };
    let failed: Rehearsal<()> = rehearse(&recorded(), &manifest(), &Bounds::default(), |_| Err(failure()));
    assert_eq!(failed.transcript().turned_down, Some(failure().to_string()));
    let rehearsal = rehearsed(&recorded(), vec![ToolAnswer::WaitSeconds(1), ToolAnswer::Decline("no".to_owned())]);
    assert_eq!(rehearsal.transcript().replies.len(), 2);
    assert_eq!(rehearsal.transcript().turned_down, None);
}

#[test]
fn a_case_that_a_session_showed_is_rehearsed_with_the_same_answers() {
    let shown = Case { observations: recorded().answers, params: r#"{"tries":2}"#.to_owned(), ..recorded().opening() };
    let again = RecordedCase::of(&shown, "of a session".to_owned()).expect("a case");
    assert_eq!(again.answers, recorded().answers);
    assert_eq!(again.params["tries"], 2);
    let text = serde_json::to_string(&again).expect("encodes");
    assert_eq!(RecordedCase::parse(&text).expect("reads back"), again);
}

#[test]
fn a_case_of_another_format_or_with_an_unknown_field_is_refused_by_name() {
    let with = |change: fn(&mut BTreeMap<String, serde_json::Value>)| {
        let text = serde_json::to_string(&recorded()).expect("encodes");
        let mut members = serde_json::from_str(&text).expect("an object");
        change(&mut members);
        RecordedCase::parse(&serde_json::to_string(&members).expect("encodes")).expect_err("refused").to_string()
    };
    let newer = with(|members| drop(members.insert("format".to_owned(), "repair-case/2".into())));
    assert!(newer.contains("`repair-case/2`"), "{newer}");
    let typo = with(|members| drop(members.insert("anwsers".to_owned(), serde_json::json!([]))));
    assert!(typo.contains("anwsers"), "{typo}");
    let large = RecordedCase::parse(&" ".repeat(RECORDED_CASE_BYTES_MAX + 1)).expect_err("too large");
    assert!(matches!(large, CaseError::Size(_)));
}

//! Which events may follow which, and which never do.

mod segments;
mod transitions;

use super::*;
use repair_model::action::Action;
use repair_model::event::{Ending, Record, SettledBy};
use repair_model::grant::Channel;
use repair_model::ids::Domain;
use repair_model::target::{ComposeScope, Scope};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn id() -> SessionId {
    SessionId::new(at(0), [7; 4])
}

fn digest(name: &str) -> Digest {
    Digest::of(Domain::Blob, name.as_bytes())
}

fn grant(nonce: &str) -> Grant {
    Grant {
        plan: digest("plan"),
        component: digest("component"),
        policy: digest("policy"),
        footprint: digest("footprint"),
        session: id(),
        approver: "ann@host".into(),
        channel: Channel::Terminal,
        granted_at: at(1),
        expires_at: at(99),
        nonce: nonce.into(),
        typed: Vec::new(),
    }
}

fn began() -> Event {
    Event::SessionBegan {
        version: "0".into(),
        purpose: Purpose::Heal,
        command: vec![],
        evidence: None,
        supersedes: vec![],
        target: Target {
            endpoint: "unix:///run/docker.sock".into(),
            directory: "/srv/shop".into(),
            project: "shop".into(),
            scope: Scope::Compose(ComposeScope::default()),
        },
    }
}

/// The tool that proposes in these tests.
fn tool() -> ToolRef {
    let component = Digest::of(Domain::Component, b"tool");
    ToolRef { id: "port-conflict".to_owned(), version: "0.1.0".to_owned(), component }
}

fn planned() -> Event {
    Event::Planned {
        round: 1,
        plan: digest("plan"),
        blob: digest("blob"),
        tool: tool(),
        class: FailureClass::DockerPortConflict,
        steps: 2,
    }
}

fn intended(step: u32) -> Event {
    let action = Action::ComposeUp { services: vec!["web".into()] };
    Event::Intended { step, intent: Intent::Apply { plan: digest("plan"), action, undo: None } }
}

fn settled(step: u32) -> Event {
    Event::Settled { step, outcome: Outcome::Done { detail: "up".into() }, by: SettledBy::Effect }
}

fn ended() -> Event {
    Event::Ended { ending: Ending::Healed, reason: "healthy".into(), next_steps: vec![] }
}

fn fold(events: Vec<Event>) -> Result<History, IllegalTransition> {
    let records: Vec<Record> = events
        .into_iter()
        .enumerate()
        .map(|(sequence, event)| Record {
            sequence: sequence as u64,
            session: Some(id()),
            epoch: 1,
            time: at(sequence as i64),
            event,
        })
        .collect();
    History::fold(&records)
}

fn granted_and_used(nonce: &str) -> Vec<Event> {
    vec![began(), planned(), Event::Granted { grant: grant(nonce) }, Event::GrantUsed { nonce: nonce.into() }]
}

#[test]
fn a_whole_heal_folds_to_healed() {
    let mut events = granted_and_used("a");
    events.extend([intended(0), settled(0), ended()]);
    let history = fold(events).expect("legal");
    let session = history.session(&id()).expect("there");
    assert_eq!(session.status, Status::Ended(Ending::Healed));
    assert_eq!(history.attempts_since(Some(FailureClass::DockerPortConflict), at(0)), 1);
    assert_eq!(history.attempts_since(Some(FailureClass::DockerPortConflict), at(50)), 0);
}

#[test]
fn an_effect_needs_a_used_grant() {
    let ungranted = fold(vec![began(), planned(), intended(0)]).expect_err("no grant");
    assert!(ungranted.what.contains("without a grant"), "{ungranted}");
    let unused = fold(vec![began(), planned(), Event::Granted { grant: grant("a") }, intended(0)]);
    assert!(unused.is_err());
}

#[test]
fn a_grant_is_used_once_and_never_after_it_is_void() {
    let mut twice = granted_and_used("a");
    twice.push(Event::GrantUsed { nonce: "a".into() });
    assert!(fold(twice).is_err());
    let void = vec![
        began(),
        planned(),
        Event::Granted { grant: grant("a") },
        Event::GrantVoided { nonce: "a".into(), why: GrantVoid::Policy },
        Event::GrantUsed { nonce: "a".into() },
    ];
    assert!(fold(void).is_err());
}

#[test]
fn a_session_cannot_end_or_go_on_over_an_open_intent() {
    for next in [ended(), intended(1), planned()] {
        let mut events = granted_and_used("a");
        events.extend([intended(0), next]);
        assert!(fold(events).is_err());
    }
}

#[test]
fn nothing_follows_the_end_and_nothing_begins_twice() {
    assert!(fold(vec![began(), ended(), planned()]).is_err());
    assert!(fold(vec![began(), began()]).is_err());
    assert!(fold(vec![planned()]).is_err());
}

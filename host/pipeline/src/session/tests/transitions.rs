//! Every kind of event in every status: which may follow, and that none makes the fold fail otherwise than by saying so.

use super::*;
use proptest::prelude::*;
use repair_model::decision::Decision;
use repair_model::event::{BlockReason, Holder};
use repair_model::outcome::Verdict;

fn holder() -> Holder {
    Holder { user: "ann".into(), host: "host".into(), pid: 1, started: "1".into(), boot: String::new() }
}

/// Every kind of event, most of them in several forms.
fn pool() -> Vec<Event> {
    let Event::SessionBegan { target, .. } = began() else { unreachable!("it is the beginning") };
    let mut pool = vec![
        began(),
        Event::LogOpened { target: target.clone() },
        Event::SegmentOpened { target, state: digest("state"), tree: vec![] },
        Event::Collected { before: 1, older_than_days: 1, approver: "ann".into() },
        Event::TailSetAside { bytes: 1, blob: digest("tail"), file: "tail".into() },
        Event::LeaseTaken { holder: holder() },
        Event::RecoveryBegan { holder: holder() },
        Event::Resumed { approver: "ann".into(), version: "0".into() },
        Event::Diagnosed { round: 1, evidence: digest("evidence"), findings: vec![] },
        Event::Diagnosed { round: 2, evidence: digest("evidence"), findings: vec![] },
        Event::ToolAnswered {
            round: 1,
            tool: tool(),
            component_blob: digest("component"),
            case: digest("case"),
            reply: digest("reply"),
            answer: "propose".into(),
        },
        Event::ToolRefused { round: 1, tool: "t".into(), error: "fuel".into() },
        Event::Verified { verdict: Verdict::default() },
        Event::Suspended { reason: "stopped".into() },
        Event::Noted { note: "note".into() },
    ];
    for plan in [digest("plan"), digest("other")] {
        let class = FailureClass::DockerPortConflict;
        let planned = |round| Event::Planned { round, plan, blob: digest("blob"), tool: tool(), class, steps: 2 };
        pool.extend([planned(1), planned(2)]);
        pool.push(Event::PolicyAnswered { plan, decision: Decision::Ask, steps: vec![] });
        pool.push(Event::ApprovalAsked { plan });
        for channel in [Channel::Terminal, Channel::Command, Channel::Policy] {
            pool.push(Event::ApprovalRefused { plan, approver: "ann".into(), channel });
            let nonce = format!("{channel:?}{plan}");
            pool.push(Event::Granted { grant: Grant { plan, channel, ..grant(&nonce) } });
            pool.push(Event::GrantUsed { nonce: nonce.clone() });
            pool.push(Event::GrantVoided { nonce, why: GrantVoid::Policy });
        }
        for step in [0, 1, u32::MAX] {
            let action = Action::ComposeUp { services: vec!["web".into()] };
            pool.push(Event::Intended { step, intent: Intent::Apply { plan, action, undo: None } });
        }
    }
    for step in [0, 1, u32::MAX] {
        let process = EffectProcess { group: 1, started: String::new(), boot: String::new() };
        pool.push(Event::EffectStarted { step, process });
        let (decision, evidence) = (digest("decision"), digest("evidence"));
        pool.push(Event::Checkpoint { step, decision, evidence, edit: None });
        for outcome in [
            Outcome::Done { detail: String::new() },
            Outcome::Failed { error: String::new(), output: vec![] },
            Outcome::Abandoned { reason: String::new() },
            Outcome::Unclear { reason: String::new() },
        ] {
            for by in [SettledBy::Effect, SettledBy::Probe, SettledBy::Person { approver: "ann".into() }] {
                pool.push(Event::Settled { step, outcome: outcome.clone(), by });
            }
        }
    }
    for reason in [BlockReason::DeniedByPolicy, BlockReason::CrashLoop, BlockReason::PersonNeeded] {
        pool.push(Event::Blocked { reason, detail: String::new(), next_steps: vec![] });
    }
    for ending in [Ending::Healed, Ending::Undone, Ending::Escalated, Ending::Failed, Ending::Aborted] {
        pool.push(Event::Ended { ending, reason: String::new(), next_steps: vec![] });
    }
    pool
}

fn record(sequence: u64, event: Event) -> Record {
    let is_of_log = matches!(
        event,
        Event::LogOpened { .. }
            | Event::SegmentOpened { .. }
            | Event::Collected { .. }
            | Event::TailSetAside { .. }
            | Event::LeaseTaken { .. }
    );
    Record { sequence, session: (!is_of_log).then(id), epoch: 1, time: at(i64::try_from(sequence).unwrap_or(0)), event }
}

fn kind(event: &Event) -> String {
    serde_json::to_value(event).expect("plain data")["kind"].as_str().expect("a kind").to_owned()
}

proptest! {
    /// An event that cannot follow is refused and the history stays as it was, so that more is met than in one random log.
    #[test]
    fn no_order_of_events_makes_the_fold_panic_or_reopens_what_is_over(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..120),
    ) {
        let pool = pool();
        let mut history = History::fold(&[record(0, began())]).expect("a beginning");
        for (at, pick) in picks.iter().enumerate() {
            let before = history.session(&id()).expect("begun").clone();
            let event = pool[pick.index(pool.len())].clone();
            let Ok(next) = history.clone().next(&record(at as u64 + 1, event.clone())) else { continue };
            let after = next.session(&id()).expect("begun");
            if before.status.is_final() {
                prop_assert_eq!(&after.status, &before.status);
            } else if matches!(event, Event::Intended { .. }) {
                prop_assert_eq!(&before.status, &Status::Running, "an effect begins while it runs and nowhere else");
                prop_assert!(before.open_intent().is_none());
            }
            prop_assert!(after.attempts() >= before.attempts());
            prop_assert!(after.recoveries >= before.recoveries);
            prop_assert!(after.worked_ms >= before.worked_ms);
            prop_assert!(after.round >= before.round);
            prop_assert_eq!(after.started, before.started);
            // Whatever is said of it may be asked at every moment.
            let _ = (after.step_statuses(&[0]), after.is_approved(), after.done_steps(), after.unknown_step());
            let _ = crate::projection::PhaseState::of(after);
            let state = next.opening_state(after.updated).expect("a state");
            prop_assert!(History::from_segment(Some(&state), &[]).is_ok());
            history = next;
        }
    }
}

/// How a session comes to each status, each with a plan and a used grant.
fn ways() -> Vec<(&'static str, Vec<Event>)> {
    let mut running = granted_and_used("a");
    running.extend([intended(0), settled(0)]);
    let then = |event: Event| running.iter().cloned().chain([event]).collect::<Vec<_>>();
    let blocked = Event::Blocked { reason: BlockReason::PersonNeeded, detail: String::new(), next_steps: vec![] };
    let over = |ending| Event::Ended { ending, reason: String::new(), next_steps: vec![] };
    vec![
        ("running", running.clone()),
        ("suspended", then(Event::Suspended { reason: String::new() })),
        ("awaiting-approval", then(Event::ApprovalAsked { plan: digest("plan") })),
        ("blocked", then(blocked)),
        ("recovering", then(Event::RecoveryBegan { holder: holder() })),
        ("healed", then(over(Ending::Healed))),
        ("aborted", then(over(Ending::Aborted))),
    ]
}

#[test]
fn each_status_admits_exactly_these_events() {
    let mut table = String::new();
    for (name, way) in ways() {
        let history = fold(way).expect(name);
        assert_eq!(history.session(&id()).expect("begun").status.as_str(), name);
        let admitted = |event: &Event| history.clone().next(&record(99, event.clone())).is_ok();
        let of_session = |event: &Event| record(0, event.clone()).session.is_some();
        let mut kinds: Vec<String> =
            pool().iter().filter(|event| of_session(event) && admitted(event)).map(kind).collect();
        kinds.sort();
        kinds.dedup();
        table.push_str(&format!("{name}: {}\n", kinds.join(" ")));
    }
    assert_eq!(table, TABLE, "{table}");
}

const TABLE: &str = "\
running: approval-asked approval-refused blocked checkpoint diagnosed ended granted intended noted planned policy-answered recovery-began suspended tool-answered tool-refused verified
suspended: approval-refused blocked checkpoint ended granted noted recovery-began resumed suspended
awaiting-approval: approval-refused blocked checkpoint ended granted noted planned recovery-began resumed suspended
blocked: approval-refused blocked checkpoint ended granted noted recovery-began resumed suspended
recovering: approval-refused blocked checkpoint ended granted noted recovery-began resumed suspended
healed: approval-refused ended granted noted
aborted: approval-asked approval-refused blocked checkpoint diagnosed ended grant-used grant-voided granted intended noted planned policy-answered recovery-began resumed suspended tool-answered tool-refused verified
";

/// Only a session that runs can end by itself; others can give it up whatever it does.
#[test]
fn nothing_but_giving_up_ends_a_session_that_does_not_run() {
    for (name, way) in ways() {
        let history = fold(way).expect(name);
        for ending in [Ending::Healed, Ending::Undone, Ending::Escalated, Ending::Failed] {
            let event = Event::Ended { ending, reason: String::new(), next_steps: vec![] };
            let ends = history
                .clone()
                .next(&record(99, event))
                .is_ok_and(|next| next.session(&id()).is_some_and(|session| session.status == Status::Ended(ending)));
            assert_eq!(ends, name == "running", "{name}: {ending:?}");
        }
        let event = Event::Ended { ending: Ending::Aborted, reason: String::new(), next_steps: vec![] };
        assert!(history.next(&record(99, event)).is_ok(), "{name}");
    }
}

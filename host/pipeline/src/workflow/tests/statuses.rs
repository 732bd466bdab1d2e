//! Every status is over, or has a way out through what the command line calls: resuming, giving up, and a new heal that takes
//! the session's place.

use super::*;
use crate::outside::TargetError;
use crate::testing::{Plant, assert_only_forward, killed_after};
use repair_model::ids::SessionId;
use repair_model::outcome::Probe;

/// Whether a process has to be lost for a session to stand like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Yes,
    No,
}

/// A world whose last session stands in some status, and how.
struct Standing {
    name: &'static str,
    world: fn() -> World,
    status: fn(&Status) -> bool,
    lost: Lost,
}

const NOT_OVER: [Standing; 12] = [
    Standing {
        name: "running, lost before a plan",
        world: || killed(8),
        status: |status| *status == Status::Running,
        lost: Lost::Yes,
    },
    Standing {
        name: "running, lost in a step",
        world: || killed_where(|world| world.history().open().any(|session| session.open_intent().is_some())),
        status: |status| *status == Status::Running,
        lost: Lost::Yes,
    },
    Standing {
        name: "recovering, lost",
        world: recovering,
        status: |status| *status == Status::Recovering,
        lost: Lost::Yes,
    },
    Standing { name: "suspended by a person", world: stopped, status: is_suspended, lost: Lost::No },
    Standing { name: "suspended in a step", world: abandoned, status: is_suspended, lost: Lost::No },
    Standing { name: "suspended by the engine", world: unreachable_engine, status: is_suspended, lost: Lost::No },
    Standing {
        name: "awaiting approval",
        world: waiting,
        status: |status| *status == Status::AwaitingApproval,
        lost: Lost::No,
    },
    Standing {
        name: "approved from elsewhere",
        world: || {
            let mut world = waiting();
            world.approve();
            world
        },
        status: |status| *status == Status::AwaitingApproval,
        lost: Lost::No,
    },
    Standing {
        name: "awaiting approval, its process lost while it asked",
        world: || killed_where(|world| last_status(world) == Status::AwaitingApproval),
        status: |status| *status == Status::AwaitingApproval,
        lost: Lost::Yes,
    },
    Standing {
        name: "denied",
        world: denied,
        status: |status| *status == Status::Blocked(BlockReason::DeniedByPolicy),
        lost: Lost::No,
    },
    Standing {
        name: "a person is needed",
        world: unclear,
        status: |status| *status == Status::Blocked(BlockReason::PersonNeeded),
        lost: Lost::No,
    },
    Standing {
        name: "crash loop",
        world: crash_loop,
        status: |status| *status == Status::Blocked(BlockReason::CrashLoop),
        lost: Lost::No,
    },
];

fn planted() -> World {
    let mut world = World::new();
    world.deployment.plant = Some(Plant::new());
    world.deployment.plant.as_mut().expect("a plant").running.insert("api".to_owned());
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 20).collect();
    world
}

fn killed(points: usize) -> World {
    let mut world = planted();
    assert!(killed_after(&mut world, points, |world| drop(world.heal())));
    world
}

fn killed_where(stands: fn(&World) -> bool) -> World {
    (5..).map(killed).find(|world| world.history().sessions().last().is_some() && stands(world)).expect("some moment")
}

fn recovering() -> World {
    let mut world = killed_where(|world| world.history().open().any(|session| session.open_intent().is_some()));
    while last_status(&world) != Status::Recovering {
        assert!(killed_after(&mut world, 2, |world| drop(world.resume())));
    }
    world
}

fn is_suspended(status: &Status) -> bool {
    matches!(status, Status::Suspended(_))
}

fn stopped() -> World {
    let mut world = planted();
    world.person.stops_at = Some(4);
    world.heal().expect("a report");
    world.person.stops_at = None;
    world
}

fn abandoned() -> World {
    let mut world = World::new();
    world.person.answers.push_back(PersonsAnswer::Yes);
    world.deployment.outcomes.push_back(Outcome::Abandoned { reason: "ended by a signal".to_owned() });
    world.heal().expect("a report");
    world
}

fn unreachable_engine() -> World {
    let mut world = planted();
    let error = TargetError { what: "the engine does not answer".to_owned(), hints: Vec::new() };
    world.deployment.verdicts.push_back(Err(error));
    world.heal().expect("a report");
    world
}

fn denied() -> World {
    let mut world = planted();
    let nothing = r#"@id("nothing") forbid (principal, action == Repair::Action::"apply", resource);"#;
    world.policies = policies(nothing, "");
    world.heal().expect("a report");
    world.policies = policies("", "");
    world
}

fn unclear() -> World {
    let mut world = World::new();
    world.person.answers.push_back(PersonsAnswer::Yes);
    world.deployment.outcomes.push_back(Outcome::Unclear { reason: "both readings".to_owned() });
    world.deployment.probe = Probe::Unclear("both readings".to_owned());
    world.heal().expect("a report");
    world.deployment.probe = Probe::Happened;
    world
}

fn crash_loop() -> World {
    let mut world = killed(8);
    world.policies = policies("", "recoveries_max = 1");
    assert!(killed_after(&mut world, 3, |world| drop(world.resume())));
    world.resume().expect("a report");
    world
}

fn last(world: &World) -> SessionId {
    world.history().sessions().last().expect("a session").id.clone()
}

#[test]
fn what_is_not_over_stands_as_it_should_and_needs_a_process_only_where_one_was_lost() {
    for standing in NOT_OVER {
        let world = (standing.world)();
        let status = last_status(&world);
        assert!((standing.status)(&status) && !status.is_final(), "{}: {status:?}", standing.name);
        if standing.lost == Lost::No {
            assert!(!status.needs_process(), "{}", standing.name);
        }
    }
}

#[test]
fn what_is_not_over_can_be_resumed_by_a_person_and_is_healed_then() {
    for standing in NOT_OVER {
        let mut world = (standing.world)();
        world.person.interactive = true;
        let session = last(&world);
        let report = world.resume().expect(standing.name);
        assert_eq!(report.conclusion, Conclusion::Healed, "{}", standing.name);
        assert_eq!(report.session, session, "{}: the same session", standing.name);
        assert_only_forward(&world);
    }
}

#[test]
fn what_is_not_over_can_be_given_up() {
    for standing in NOT_OVER {
        let mut world = (standing.world)();
        let session = last(&world);
        world.give_up(&session);
        assert_eq!(last_status(&world), Status::Ended(Ending::Aborted), "{}", standing.name);
        assert!(world.history().sessions().all(|session| session.open_intent().is_none()), "{}", standing.name);
        assert_only_forward(&world);
    }
}

#[test]
fn a_new_heal_takes_the_place_of_what_is_not_over_and_says_so() {
    for standing in NOT_OVER {
        let mut world = (standing.world)();
        world.person.interactive = true;
        let session = last(&world);
        let report = world.heal().expect(standing.name);
        let history = world.history();
        assert_eq!(history.session(&session).expect("it").status, Status::Ended(Ending::Aborted), "{}", standing.name);
        assert_ne!(report.session, session);
        let began = world.log.events("session-began");
        let Some(Event::SessionBegan { supersedes, .. }) = began.last() else { panic!("no session") };
        assert_eq!(*supersedes, [session], "{}", standing.name);
        assert_only_forward(&world);
    }
}

#[test]
fn what_is_over_is_refused_with_its_reason_and_nothing_is_recorded() {
    let healed: fn() -> World = || {
        let mut world = World::new();
        world.heal().expect("healed");
        world
    };
    let undone: fn() -> World = || {
        let mut world = World::new();
        let session = world.heal().expect("healed").session;
        world.undo(&session).expect("taken back");
        world
    };
    let escalated: fn() -> World = || {
        let mut world = World::without_tools();
        world.heal().expect("a report");
        world
    };
    let not_undone: fn() -> World = || {
        let mut world = World::new();
        let session = world.heal().expect("healed").session;
        world.deployment.outcomes = [failed("read-only file system")].into();
        world.undo(&session).expect_err("it failed");
        world
    };
    let declined: fn() -> World = || {
        let mut world = World::new();
        world.person.answers = [PersonsAnswer::No].into();
        world.heal().expect("a report");
        world
    };
    let endings = [
        (Ending::Healed, healed),
        (Ending::Undone, undone),
        (Ending::Escalated, escalated),
        (Ending::Failed, not_undone),
        (Ending::Aborted, declined),
    ];
    for (ending, world) in endings {
        let mut world = world();
        assert_eq!(last_status(&world), Status::Ended(ending));
        let records = world.log.records.len();
        let calls = world.trace.len();
        let Err(WorkflowError::Ineligible(why)) = world.resume() else { panic!("{ending:?} was resumed") };
        assert_eq!(why.reason(), "over", "{ending:?}");
        assert!(why.to_string().contains(Status::Ended(ending).as_str()), "{why}");
        assert!(!why.hints().is_empty());
        assert_eq!((world.log.records.len(), world.trace.len()), (records, calls), "{ending:?}");
    }
}

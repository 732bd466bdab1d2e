//! A process that is killed at any moment leaves a session that the next one brings to the same end: the same conclusion, the
//! same state of the target, and nothing done twice.
//!
//! A moment is any at which the workflow asks something of the outside: before and after each record, and before and after
//! each change of the target that no crash can split.

use super::recording::assert_checkpoints;
use super::*;
use repair_model::action::Action;
use repair_model::env_value::{EnvValue, ValueEncoding};
use repair_model::event::Purpose;
use repair_model::tool::{Case, ToolAnswer};

use crate::testing::{Plant, assert_only_forward, killed_after};

/// What is run, killed and resumed.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// The world before its first process.
    pub(super) world: fn() -> World,
    /// What people do until the session is over or waits, in as many processes as that takes.
    pub(super) finish: fn(&mut World),
}

pub(super) const SCENARIOS: [Scenario; 11] = [
    Scenario { name: "a port moves", world: || healing(moves_web), finish: heal_or_resume },
    Scenario { name: "up alone", world: || healing(|_| proposal(vec![up()])), finish: heal_or_resume },
    Scenario { name: "a restart", world: restarting, finish: heal_or_resume },
    Scenario { name: "images are pulled", world: || healing(pulls), finish: heal_or_resume },
    Scenario { name: "a leftover is removed", world: || healing(removes), finish: heal_or_resume },
    Scenario { name: "a value is drawn", world: || healing(draws), finish: heal_or_resume },
    Scenario { name: "two edits are undone", world: undoing, finish: undo_or_resume },
    Scenario { name: "the first up fails", world: failing_once, finish: heal_or_resume },
    Scenario { name: "approved from elsewhere", world: unattended, finish: approve_and_apply },
    Scenario { name: "nobody approves", world: unattended, finish: heal_or_resume },
    Scenario { name: "a person says no", world: declined, finish: heal_or_resume },
];

fn up() -> Action {
    Action::ComposeUp { services: vec!["api".to_owned(), "web".to_owned()] }
}

fn healing(answer: fn(&Case) -> ToolAnswer) -> World {
    let mut world = World::new();
    world.tools.answer = Some(answer);
    world.tools.manifests[0].may = repair_model::action::ActionKind::ALL.to_vec();
    world.deployment.plant = Some(Plant::new());
    world.person.answers = std::iter::repeat_n(PersonsAnswer::Yes, 20).collect();
    world
}

/// Moves the port unless that was done already.
fn moves_web(case: &Case) -> ToolAnswer {
    let moved = case.history.iter().any(|attempt| {
        matches!(attempt.actions[..], [Action::RemapPort(_)]) && attempt.outcome.starts_with("not-verified")
    });
    proposal(if moved { vec![up()] } else { vec![remap("web"), up()] })
}

fn pulls(_case: &Case) -> ToolAnswer {
    proposal(vec![Action::PullImage { services: vec!["api".to_owned(), "web".to_owned()] }, up()])
}

fn removes(_case: &Case) -> ToolAnswer {
    let leftover = Action::RemoveStaleContainer { container: "shop-old-1".to_owned(), id: "0".to_owned() };
    proposal(vec![leftover, up()])
}

fn draws(_case: &Case) -> ToolAnswer {
    let value =
        EnvValue { variable: "PASSWORD".to_owned(), file: ".env".to_owned(), bytes: 32, encoding: ValueEncoding::Hex };
    proposal(vec![Action::SetEnvValue(value), up()])
}

fn restarting() -> World {
    let mut world = healing(|_| proposal(vec![Action::RestartService { service: "api".to_owned() }, up()]));
    let plant = world.deployment.plant.as_mut().expect("a plant");
    plant.running.insert("api".to_owned());
    plant.started.insert("api".to_owned(), 1);
    world
}

fn failing_once() -> World {
    let mut world = healing(moves_web);
    world.deployment.plant.as_mut().expect("a plant").starts_fail = 1;
    world
}

fn unattended() -> World {
    let mut world = healing(moves_web);
    world.person.interactive = false;
    world
}

fn declined() -> World {
    let mut world = healing(moves_web);
    world.person.answers = std::iter::repeat_n(PersonsAnswer::No, 20).collect();
    world
}

/// A world in which two edits were made.
fn undoing() -> World {
    let mut world = healing(|_| proposal(vec![remap("web"), remap("api"), up()]));
    world.heal().expect("healed");
    world
}

fn heal_or_resume(world: &mut World) {
    match world.history().sessions().last() {
        None => drop(world.heal().expect("a report")),
        Some(session) if session.status.is_final() => {}
        Some(_) => drop(world.resume().expect("a report")),
    }
}

fn approve_and_apply(world: &mut World) {
    let waits = |world: &World| {
        world.history().sessions().last().is_some_and(|session| session.status == Status::AwaitingApproval)
    };
    if !waits(world) {
        heal_or_resume(world);
    }
    if waits(world) {
        world.approve();
        world.apply().expect("a report");
    }
}

fn undo_or_resume(world: &mut World) {
    let (first, last) = {
        let history = world.history();
        let mut sessions = history.sessions().cloned();
        (sessions.next().expect("the heal"), sessions.next_back())
    };
    match last {
        None => drop(world.undo(&first.id).expect("taken back")),
        Some(undo) if undo.status.is_final() => {}
        Some(_) => {
            world.options.purpose = Purpose::Heal;
            world.resume().expect("a report");
        }
    }
}

/// What is compared: how the last session stands, the state of the target, and what was done to it, in whatever order.
fn end_of(world: &World) -> (Status, Plant, Vec<String>) {
    let plant = world.deployment.plant.as_ref().expect("a plant");
    let mut done = plant.done.clone();
    done.sort();
    (last_status(world), plant.state(), done)
}

/// Everything that must hold after a run with crashes or stops, beside one without.
pub(super) fn assert_same_end(world: &World, whole: &World, when: &str) {
    assert_eq!(end_of(world), end_of(whole), "{when}");
    assert_only_forward(world);
    assert_checkpoints(world, when);
    let history = world.history();
    assert!(history.sessions().all(|session| session.open_intent().is_none()), "{when}");
    let of = |world: &World| world.history().sessions().map(|session| session.attempts()).sum::<u32>();
    assert!(of(world) >= of(whole), "{when}: an attempt was forgotten");
    let began: Vec<_> = world.log.events("session-began");
    assert_eq!(began.len(), whole.log.events("session-began").len(), "{when}: no session but the one was begun");
}

pub(super) fn whole_run(scenario: &Scenario) -> (World, usize) {
    let mut whole = (scenario.world)();
    let before = whole.trace.points();
    (scenario.finish)(&mut whole);
    let points = whole.trace.points() - before;
    assert!(points > 20, "{}: {points} moments", scenario.name);
    (whole, points)
}

#[test]
fn a_heal_that_is_killed_at_any_moment_comes_to_the_same_end() {
    for scenario in SCENARIOS {
        let (whole, points) = whole_run(&scenario);
        for at in 0..points {
            let mut world = (scenario.world)();
            assert!(killed_after(&mut world, at, scenario.finish), "{}: {at}", scenario.name);
            assert_only_forward(&world);
            (scenario.finish)(&mut world);
            assert_same_end(&world, &whole, &format!("{}: killed at {at} of {points}", scenario.name));
        }
    }
}

#[test]
fn a_resume_that_is_killed_too_comes_to_the_same_end() {
    let scenario = SCENARIOS[0];
    let (whole, points) = whole_run(&scenario);
    for first in 0..points {
        // Every third, each time another one, so that all of them are met.
        for second in (first % 3..).step_by(3) {
            let mut world = (scenario.world)();
            assert!(killed_after(&mut world, first, scenario.finish), "{first}");
            if !killed_after(&mut world, second, scenario.finish) {
                break;
            }
            (scenario.finish)(&mut world);
            assert_same_end(&world, &whole, &format!("killed at {first} and at {second}"));
        }
    }
}

/// How a person answers for a step that no probe can tell.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// By an option of `repair resume`, once it is blocked.
    AsOption,
    /// At the terminal, when asked.
    AtTerminal,
}

/// Every world of these scenarios that was killed with an intent open, and what really became of it.
fn left_open(mut each: impl FnMut(World, bool, &World, String)) {
    let scenarios =
        SCENARIOS.iter().filter(|scenario| !matches!(scenario.name, "nobody approves" | "a person says no"));
    for scenario in scenarios {
        let (whole, points) = whole_run(scenario);
        let mut met = 0;
        for at in 0..points {
            let mut world = (scenario.world)();
            assert!(killed_after(&mut world, at, scenario.finish));
            let last = world.history().sessions().last().cloned();
            let Some(session) = last.filter(|session| session.open_intent().is_some()) else { continue };
            met += 1;
            let happened = match world.foresee(&session).expect("an open intent") {
                repair_model::outcome::Probe::Happened => true,
                repair_model::outcome::Probe::DidNotHappen => false,
                other => panic!("{other:?}"),
            };
            world.deployment.plant.as_mut().expect("a plant").is_unclear = true;
            each(world, happened, &whole, format!("{}: killed at {at} of {points}", scenario.name));
        }
        assert!(met > 4, "{}: {met} with an open intent", scenario.name);
    }
}

#[test]
fn what_no_probe_can_tell_blocks_the_session_until_a_person_says_it() {
    for says in [Says::AsOption, Says::AtTerminal] {
        left_open(|mut world, happened, whole, when| {
            let effects = world.trace.effects();
            let report = world.resume().expect("a report");
            assert!(matches!(report.conclusion, Conclusion::Blocked(BlockReason::PersonNeeded, _)), "{when}");
            assert_eq!(last_status(&world), Status::Blocked(BlockReason::PersonNeeded), "{when}");
            assert_eq!(world.trace.effects(), effects, "{when}: nothing is done as long as nobody knows");
            assert!(report.next_steps.iter().any(|step| step.contains("--happened")), "{:?}", report.next_steps);
            // Once more without an answer changes nothing.
            world.resume().expect("a report");
            assert_eq!(last_status(&world), Status::Blocked(BlockReason::PersonNeeded), "{when}");
            assert_eq!(world.trace.effects(), effects, "{when}");
            match says {
                Says::AsOption => drop(world.resume_saying(Some(happened)).expect("a report")),
                Says::AtTerminal => {
                    world.person.settles = [happened].into();
                    world.resume().expect("a report");
                }
            }
            assert_eq!(end_of(&world), end_of(whole), "{when}, {says:?}");
            assert_only_forward(&world);
            assert_checkpoints(&world, &when);
        });
    }
}

#[test]
fn what_a_person_says_does_not_count_where_the_probe_can_tell() {
    left_open(|mut world, happened, whole, when| {
        world.deployment.plant.as_mut().expect("a plant").is_unclear = false;
        world.resume_saying(Some(!happened)).expect("a report");
        assert_eq!(end_of(&world), end_of(whole), "{when}");
    });
}

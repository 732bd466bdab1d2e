//! How abuse is counted and remembered; which guests are stopped where stands in `hostile`.

use repair_model::limits::RUNTIME_COMPONENT_BYTES_MIN;
use repair_pipeline::outside::{ToolFailure, Tools};

use repair_test_guests::{Guest, padded};

use super::Sourced as _;
use super::{case, loaded, proposed_within, source};
use crate::limits::CallLimits;
use crate::{LoadOptions, Toolbox};

#[test]
fn memory_is_counted_from_the_start() {
    let limits = CallLimits { memory_bytes_max: 3 * 65_536, ..CallLimits::default() };
    let grower = |pages: u32| {
        let mut guest = Guest::new("grower");
        guest.propose = format!("(drop (memory.grow (i32.const {pages}))) {}", guest.propose);
        guest.source()
    };
    assert!(proposed_within(grower(1), limits.clone()).is_ok());
    assert!(proposed_within(grower(2), limits).is_err());
}

#[test]
fn a_tool_that_misbehaved_is_not_called_again() {
    // It panics at every case with a history and declines the others.
    let mut guest = Guest::new("grudger");
    let decline = guest.propose.clone();
    // The last parameter but one is the history's length.
    guest.propose = format!("(if (local.get 14) (then unreachable)) {decline}");
    let mut toolbox = loaded(vec![guest.source(), Guest::new("calm").source()]);
    assert_eq!(toolbox.failures(), []);
    assert!(toolbox.propose("grudger", &case()).is_ok());

    let attempt = repair_model::tool::Attempt {
        tool: "calm".to_owned(),
        actions: Vec::new(),
        outcome: "healed".to_owned(),
        seconds_ago: 1,
    };
    let with_history = repair_model::tool::Case { history: vec![attempt], ..case() };
    let failure = toolbox.propose("grudger", &with_history).expect_err("ended");
    assert_eq!(failure.what, "`propose` panicked");
    assert_eq!(
        toolbox.propose("grudger", &case()),
        Err(failure),
        "quarantined, although this case was answered before"
    );
    assert!(toolbox.propose("calm", &with_history).is_ok(), "the others go on");
}

#[test]
fn asked_twice_in_one_go_a_tool_may_use_as_much_each_time() {
    let mut guest = Guest::new("worker");
    guest.propose = format!("{} {}", loop_of(10_000), guest.propose);
    let limits = CallLimits { fuel_max: 80_000, ..CallLimits::default() };
    let mut toolbox = Toolbox::load_within(vec![guest.source()], &LoadOptions::default(), Some(&limits));
    let (_, used) = toolbox.propose_measured("worker", &case()).expect("it declines");
    assert!(used.fuel > limits.fuel_max / 2, "{used:?}");
    assert_eq!(toolbox.is_steady("worker", &case()), Ok(true));
}

/// A component of [`RUNTIME_COMPONENT_BYTES_MIN`] and more is taken for one that brings a language runtime.
#[test]
fn a_large_component_has_limits_of_its_own() {
    let small = |guest: Guest| source("tool", guest.build());
    let large = |guest: Guest| source("tool", padded(guest.build(), RUNTIME_COMPONENT_BYTES_MIN));
    let ends = |source| -> ToolFailure {
        let mut toolbox = loaded(vec![source]);
        toolbox.propose("tool", &case()).expect_err("it is ended")
    };
    let growing = |pages: u32| {
        let mut guest = Guest::new("tool");
        guest.propose = format!("(drop (memory.grow (i32.const {pages}))) {}", guest.propose);
        guest
    };
    assert!(ends(small(growing(600))).what.contains("more than 33554432 bytes of memory"));
    assert!(loaded(vec![large(growing(600))]).propose("tool", &case()).is_ok());
    assert!(ends(large(growing(2_100))).what.contains("more than 134217728 bytes of memory"));

    let endless = || {
        let mut guest = Guest::new("tool");
        guest.propose = "(loop $on (br $on)) unreachable".to_owned();
        guest
    };
    assert!(ends(small(endless())).what.contains("its fuel of 200000000 units"));
    // So much fuel may last longer than the wall time on a busy machine.
    let ended = ends(large(endless())).what;
    assert!(ended.contains("its fuel of 2000000000 units") || ended.contains("longer than 10000 ms"), "{ended}");

    let memories = |count: usize| {
        let instances = "(core instance (instantiate $m))".repeat(count);
        wat::parse_str(format!("(component (core module $m (memory 1)) {instances})")).expect("a component")
    };
    let refused = |bytes| loaded(vec![source("tool", bytes)]).failures()[0].what.clone();
    assert!(refused(memories(40)).contains("it holds 40 memories, more than the limit of 32"));
    let large = |count| refused(padded(memories(count), RUNTIME_COMPONENT_BYTES_MIN));
    assert!(large(70).contains("it holds 70 memories, more than the limit of 64"));
    assert!(!large(40).contains("memories"), "{}", large(40));
}

/// Instructions that go round so many times.
fn loop_of(rounds: u32) -> String {
    format!(
        "(local $left i32) (local.set $left (i32.const {rounds}))
         (loop $on (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    )
}

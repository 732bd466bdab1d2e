//! Guests that attack: each is ended, named with the limit, and quarantined.

use repair_pipeline::outside::Tools;

use super::guest::Guest;
use super::{case, loaded, proposed, proposed_within, refused};
use crate::limits::CallLimits;

const ENDLESS: &str = "(loop $again (br $again)) unreachable";

#[test]
fn an_endless_loop_uses_up_its_fuel() {
    let failure = proposed(Guest::proposing("spinner", ENDLESS).source()).expect_err("ended");
    assert_eq!(
        failure.to_string(),
        "tool `spinner`: `propose` used up its fuel of 200000000 units; \
         look for a loop without an end, or do less in one call"
    );
}

#[test]
fn the_wall_clock_ends_what_fuel_does_not() {
    let limits = CallLimits { fuel_max: u64::MAX, wall_ms_max: 100, ..CallLimits::default() };
    let began = std::time::Instant::now();
    let failure = proposed_within(Guest::proposing("spinner", ENDLESS).source(), limits).expect_err("ended");
    assert_eq!(failure.what, "`propose` ran longer than 100 ms");
    assert!(began.elapsed().as_secs() < 30);
}

#[test]
fn an_endless_loop_at_instantiation_is_ended_too() {
    let mut guest = Guest::new("early");
    guest.fields = format!("(func $start {ENDLESS}) (start $start)");
    assert!(refused(guest.source()).what.starts_with("`describe` used up its fuel"));
}

#[test]
fn a_memory_bomb_is_ended() {
    let failure = proposed(
        Guest::proposing("glutton", "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable")
            .source(),
    );
    let failure = failure.expect_err("ended");
    assert_eq!(failure.what, "`propose` asked for more than 33554432 bytes of memory");
    assert_eq!(failure.fix, "keep less at a time; a case never needs more");
}

#[test]
fn memory_is_counted_from_the_start_and_over_all_instances() {
    let mut guest = Guest::new("wide");
    guest.pages = 1_000;
    assert_eq!(refused(guest.source()).what, "`describe` asked for more than 33554432 bytes of memory");
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
fn a_table_bomb_is_ended() {
    let mut guest = Guest::proposing("tabler", "(drop (table.grow $t (ref.null func) (i32.const 100000))) unreachable");
    guest.fields = "(table $t 1 funcref)".to_owned();
    let failure = proposed(guest.source()).expect_err("ended");
    assert_eq!(failure.what, "`propose` asked for more than 20000 table elements");
}

#[test]
fn deep_recursion_is_ended() {
    let mut guest = Guest::proposing("diver", "(call $dive)");
    guest.fields = "(func $dive (result i32) (i32.add (call $dive) (i32.const 1)))".to_owned();
    let failure = proposed(guest.source()).expect_err("ended");
    assert_eq!(failure.what, "`propose` needed more than 524288 bytes of stack");
    assert_eq!(failure.fix, "look for a recursion without an end, or use a loop");
}

#[test]
fn a_panic_is_named_as_one() {
    let failure = proposed(Guest::proposing("nervous", "unreachable").source()).expect_err("ended");
    assert_eq!(failure.what, "`propose` panicked");
    let mut guest = Guest::new("shy");
    guest.describe = "unreachable".to_owned();
    let failure = refused(guest.source());
    assert_eq!((failure.tool.as_str(), failure.what.as_str()), ("shy.wasm", "`describe` panicked"));
}

#[test]
fn other_traps_are_named() {
    let failure = proposed(Guest::proposing("divider", "(i32.div_s (i32.const 1) (i32.const 0))").source());
    assert_eq!(
        failure.expect_err("ended").what,
        "`propose` was ended by a fault of its own: wasm trap: integer divide by zero"
    );
}

#[test]
fn an_address_outside_of_memory_cannot_be_read() {
    for address in ["-4", "131064", "1"] {
        let failure =
            proposed(Guest::proposing("liar", &format!("(i32.const {address})")).source()).expect_err("ended");
        assert!(failure.what.starts_with("`propose` returned something that cannot be read: "), "{failure}");
    }
}

#[test]
fn a_text_that_is_not_unicode_cannot_be_read() {
    let mut guest = Guest::new("garbled");
    let at = guest.data.put(&[0xff, 0xfe, 0x80]);
    let text = super::guest::slice(at, 3);
    guest.answers(3, &text, [0; 8]);
    let failure = proposed(guest.source()).expect_err("ended");
    assert!(failure.what.starts_with("`propose` returned something that cannot be read: "), "{failure}");
}

#[test]
fn a_reply_larger_than_the_limit_is_not_copied() {
    let mut guest = Guest::new("talker");
    guest.pages = 400;
    let text = super::guest::slice(0, 20 * 1024 * 1024);
    guest.answers(3, &text, [0; 8]);
    let failure = proposed(guest.source()).expect_err("ended");
    assert_eq!(failure.what, "`propose` returned more than 4194304 bytes");

    // The same empty texts, two million of them.
    let mut guest = Guest::new("repeater");
    guest.pages = 400;
    let notes = super::guest::slice(0, 2_000_000);
    let why = guest.data.text("why");
    guest.answers(3, &why, notes);
    let failure = proposed(guest.source()).expect_err("ended");
    assert_eq!(failure.what, "`propose` returned more than 4194304 bytes");
}

#[test]
fn a_component_of_many_instances_is_refused() {
    let instances = "(core instance (instantiate $m))".repeat(40);
    let text = format!("(component (core module $m (memory 1)) {instances})");
    let failure = refused(super::guest::source("swarm.wasm", wat::parse_str(text).expect("the text parses")));
    assert_eq!(failure.what, "it holds 40 memories, more than the limit of 32");

    // Instances without a memory are only counted when they are made.
    let text = format!(
        r#"(component (core module $m) {instances}
            (instance $i) (export "repair:tool/repair@0.4.0" (instance $i)))"#
    );
    let failure = refused(super::guest::source("swarm.wasm", wat::parse_str(text).expect("the text parses")));
    assert!(failure.what.starts_with("`describe` "), "{failure}");
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

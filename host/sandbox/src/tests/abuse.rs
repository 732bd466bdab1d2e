//! How abuse is counted and remembered; which guests are stopped where stands in `hostile`.

use repair_pipeline::outside::Tools;

use repair_test_guests::Guest;

use super::Sourced as _;
use super::{case, loaded, proposed_within};
use crate::limits::CallLimits;

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

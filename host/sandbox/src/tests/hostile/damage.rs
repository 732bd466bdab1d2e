//! Real tools whose files were damaged: cut, or one bit of them flipped.

use repair_pipeline::outside::Tools as _;

use repair_test_guests::Guest;

use super::super::{Sourced as _, source};
use super::super::{case, loaded, proposed};

/// Places at which a file is cut.
const CUTS: usize = 64;
/// Bits that are flipped, one at a time.
const FLIPS: usize = 400;

/// What became of a damaged tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was refused, at the door or when asked.
    Refused,
    /// It is a tool like any other; whether it says the same as the whole one.
    Tool { same: bool },
}

fn fate(bytes: Vec<u8>) -> Fate {
    let whole = proposed(Guest::new("whole").source());
    let mut toolbox = loaded(vec![source("damaged.wasm", bytes)]);
    if let [failure] = toolbox.failures() {
        assert!(!failure.what.contains("inside of `repair`"), "{failure}");
        assert!(failure.tool == "damaged.wasm" && !failure.fix.is_empty(), "{failure}");
        return Fate::Refused;
    }
    let id = toolbox.manifests()[0].tool.id.clone();
    let first = toolbox.propose(&id, &case());
    assert_eq!(toolbox.propose(&id, &case()), first, "the same case gets the same reply");
    match first {
        Ok(_) => Fate::Tool { same: first == whole },
        Err(failure) => {
            assert!(failure.tool == id && !failure.what.is_empty() && !failure.fix.is_empty(), "{failure}");
            Fate::Refused
        }
    }
}

#[test]
fn a_tool_that_was_cut_is_refused_wherever_it_was() {
    let whole = Guest::new("whole").build();
    for at in 0..CUTS {
        let length = whole.len() * at / CUTS;
        assert_eq!(fate(whole[..length].to_vec()), Fate::Refused, "{length} of {} bytes", whole.len());
    }
    assert_eq!(fate(whole), Fate::Tool { same: true });
}

#[test]
#[expect(clippy::disallowed_macros, reason = "how many were refused is there to be shown")]
fn a_tool_with_a_flipped_bit_is_refused_or_a_tool_like_any_other() {
    let whole = Guest::new("whole").build();
    let fates: Vec<Fate> = (0..FLIPS)
        .map(|flip| {
            let mut damaged = whole.clone();
            damaged[whole.len() * flip / FLIPS] ^= 1 << (flip % 8);
            fate(damaged)
        })
        .collect();
    let count = |fate| fates.iter().filter(|found| **found == fate).count();
    let (refused, same, other) =
        (count(Fate::Refused), count(Fate::Tool { same: true }), count(Fate::Tool { same: false }));
    eprintln!("{FLIPS} flipped bits: {refused} refused, {same} harmless, {other} with another answer");
    assert!(refused > FLIPS / 4 && same > 0, "{refused} refused, {same} the same, {other} other");
}

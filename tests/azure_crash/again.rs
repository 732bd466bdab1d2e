//! Killed, and the resume killed too: what Azure has taken is still found, and still asked for once.

use std::sync::Mutex;

use crate::attempt::Attempt;
use crate::matrix::{Reference, Wrong};
use crate::sampling::{Place, caught, is_whole, side_by_side};
use crate::scenarios::{SCENARIOS, Scenario};

/// Where the first run is killed: Azure has the request, and nothing, or only its address, is on record.
const FIRST: [&str; 3] = ["kill@request-answered", "kill@operation-accepted", "kill@request-begun"];

/// The scenarios, of which the sample has the first.
const OF: [&str; 4] = ["purge", "recover", "start", "redeploy"];

/// Where a resume is killed.
fn hurts(place: &Place) -> bool {
    place.point() == "line-written" || place.point().starts_with("request-") || place.point().starts_with("effect-")
}

#[test]
fn a_resume_that_is_killed_too_asks_for_nothing_twice() {
    let (of, first) = if is_whole() { (&OF[..], &FIRST[..]) } else { (&OF[..1], &FIRST[..1]) };
    let named = |name: &&str| SCENARIOS.iter().find(|scenario| scenario.name == *name).expect("a scenario");
    let scenarios: Vec<&Scenario> = of.iter().map(named).collect();
    let references: Vec<_> =
        scenarios.iter().map(|scenario| Reference::of(scenario).unwrap_or_else(|what| panic!("{what}"))).collect();
    let mut kills = Vec::new();
    for (at, scenario) in scenarios.iter().enumerate() {
        for first in first {
            let mut attempt = Attempt::new(scenario);
            let killed = attempt.applied(Some(first)).unwrap_or_else(|what| panic!("{what}")).0;
            assert!(killed, "{first}: {}", attempt.transcript());
            let places = attempt.resumed(None).unwrap_or_else(|what| panic!("{what}")).1;
            kills.extend(places.into_iter().filter(hurts).map(|place| (at, *first, place)));
        }
    }
    let count = kills.len();
    let failures = Mutex::new(Vec::new());
    side_by_side(kills, |(at, first, place)| {
        let mut attempt = Attempt::new(scenarios[at]);
        let result = caught(|| {
            let killed = attempt.applied(Some(first))?.0 && attempt.resumed(Some(&place.kill()))?.0;
            references[at].goes_on(&mut attempt)?;
            if killed { Ok(()) } else { Err(Wrong::from("it was not killed twice".to_owned())) }
        });
        if let Err(wrong) = result {
            let what = format!("{first}, then {}: {wrong}\n{}", place.kill(), attempt.transcript());
            failures.lock().expect("no panic").push(what);
        }
    });
    let failures = failures.into_inner().expect("no panic");
    println!("killed twice: {count}, failures: {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

//! Killed at any instruction that matters while Azure is asked for something, a session goes on and comes to the same end as
//! one that was not killed: the same vaults, servers and deployments, and nothing asked for twice. A made-up Azure, whose
//! ledger is the witness.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]
#![expect(clippy::disallowed_macros, reason = "a matrix prints its table")]

#[path = "azure_crash/again.rs"]
mod again;
#[path = "azure_crash/attempt.rs"]
mod attempt;
#[expect(dead_code, reason = "the matrix needs some of what the scenarios share")]
mod azure_scenario;
#[path = "azure_crash/matrix.rs"]
mod matrix;
#[path = "crash/sampling.rs"]
mod sampling;
#[path = "azure_crash/scenarios.rs"]
mod scenarios;
#[path = "crash/table.rs"]
mod table;
#[expect(dead_code, reason = "a terminal in a project of Compose is not needed here")]
mod terminal;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use matrix::{Reference, kill_everywhere};
use repair_faults::Point;
use sampling::{caught, is_whole, side_by_side};
use scenarios::SCENARIOS;

/// Only scenarios with this in their names, for whoever looks for a defect.
const ONLY_VARIABLE: &str = "REPAIR_CRASH_ONLY";
/// Points that every matrix of Azure has to come by, each with every action that passes it.
const ASKING: [(Point, &[&str]); 5] = [
    (Point::EffectIntended, &ACTIONS),
    (Point::RequestBegun, &REQUESTS),
    (Point::RequestAnswered, &REQUESTS),
    (
        Point::OperationAccepted,
        &["start-mysql", "recover-vault", "purge-vault", "register-provider", "deploy-template"],
    ),
    (Point::EffectEnded, &ACTIONS),
];
/// What can be done to a resource group.
const ACTIONS: [&str; 6] =
    ["start-mysql", "recover-vault", "purge-vault", "register-provider", "deploy-template", "await-state"];
/// The requests with which that is asked for.
const REQUESTS: [&str; 5] =
    ["azure-start-server", "azure-recover-vault", "azure-purge-vault", "azure-register-provider", "azure-deploy"];

#[test]
fn a_session_killed_anywhere_on_azure_ends_as_one_that_was_not() {
    let begun = Instant::now();
    let only = std::env::var(ONLY_VARIABLE).unwrap_or_default();
    let references = Mutex::new(Vec::new());
    let failures = Mutex::new(Vec::new());
    let scenarios: Vec<_> = SCENARIOS.iter().filter(|scenario| scenario.name.contains(&only)).enumerate().collect();
    side_by_side(scenarios, |(at, scenario)| match caught::<_, String>(|| Reference::of(scenario)) {
        Ok(reference) => references.lock().expect("no panic").push((at, reference)),
        Err(what) => failures.lock().expect("no panic").push(what),
    });
    let mut failures = failures.into_inner().expect("no panic");
    let mut references = references.into_inner().expect("no panic");
    references.sort_by_key(|(at, _)| *at);
    let references: Vec<_> = references.into_iter().map(|(_, reference)| reference).collect();

    let (table, failed) = kill_everywhere(&references);
    failures.extend(failed);
    println!("{table}");
    println!("{} s, {}", begun.elapsed().as_secs(), if is_whole() { "everywhere" } else { "a sample" });
    let total = table.total();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(total.duplicates, 0);
    assert!(total.passed * 20 <= total.kills, "{} of {} kills were not reached", total.passed, total.kills);
    if only.is_empty() {
        every_action_is_killed_at_each_point(&references);
    }
}

fn every_action_is_killed_at_each_point(references: &[Reference<'_>]) {
    let passed: BTreeSet<&str> = references.iter().flat_map(Reference::names).collect();
    for (point, details) in ASKING {
        for detail in details {
            let name = format!("{point}:{detail}");
            assert!(passed.contains(name.as_str()), "no scenario comes by `{name}`: {passed:?}");
        }
    }
}

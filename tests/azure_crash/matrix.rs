//! The matrix: every scenario, its `apply` killed at every point that it comes by, against the same scenario that is not
//! killed. The points are those of the trace; a sample of them is chosen by rules that do not change from run to run.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use repair_fake_azure::{LedgerEntry, World};

use crate::attempt::Attempt;
use crate::sampling::{Place, caught, hash, is_whole, side_by_side};
use crate::scenarios::Scenario;
use crate::table::Table;

/// The points of effects, which are all in the sample.
const EFFECTS: [&str; 5] =
    ["effect-intended", "request-begun", "request-answered", "operation-accepted", "effect-ended"];
/// Of the other points, one in so many is in the sample.
const SAMPLED_OF: u64 = 48;

/// A scenario that was not killed.
pub struct Reference<'s> {
    scenario: &'s Scenario,
    places: Vec<Place>,
    aftermath: Aftermath,
}

/// What an attempt leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Aftermath {
    /// Vaults with their secrets, deleted vaults, servers, providers, and how the newest deployment stands.
    world: Vec<String>,
    /// What Azure has carried out, and how often.
    deeds: BTreeMap<String, u32>,
}

/// One kill.
struct Kill {
    scenario: usize,
    place: Place,
}

/// A wrong end.
#[derive(Debug)]
pub struct Wrong {
    what: String,
    /// What Azure has carried out more often than without the kill.
    duplicates: u32,
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self { what, duplicates: 0 }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl<'s> Reference<'s> {
    /// Runs it.
    ///
    /// # Errors
    /// When it does not heal the shop.
    pub fn of(scenario: &'s Scenario) -> Result<Self, String> {
        let mut attempt = Attempt::new(scenario);
        let run = |attempt: &mut Attempt<'_>| {
            let (_, places) = attempt.applied(None)?;
            attempt.go_on()?;
            Ok::<_, String>((places, Aftermath::of(attempt)))
        };
        match run(&mut attempt) {
            Ok((places, aftermath)) => Ok(Self { scenario, places, aftermath }),
            Err(what) => Err(format!("{}, not killed: {what}\n{}", scenario.name, attempt.transcript())),
        }
    }

    /// The names of the points that it comes by, with their details.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.name.as_str())
    }

    /// Kills one run and goes on with it, then compares. False when it did not come by.
    fn kill(&self, place: &Place) -> Result<bool, Wrong> {
        let mut attempt = Attempt::new(self.scenario);
        let result = self.kill_one(&mut attempt, place);
        result.map_err(|wrong| Wrong {
            what: format!("{}: {}\n{}", self.scenario.name, wrong.what, attempt.transcript()),
            ..wrong
        })
    }

    fn kill_one(&self, attempt: &mut Attempt<'_>, place: &Place) -> Result<bool, Wrong> {
        let (killed, _) = attempt.applied(Some(&place.kill()))?;
        self.goes_on(attempt)?;
        Ok(killed)
    }

    /// Goes on with an attempt that was killed, and compares.
    ///
    /// # Errors
    /// When it ends otherwise than this one.
    pub fn goes_on(&self, attempt: &mut Attempt<'_>) -> Result<(), Wrong> {
        attempt.go_on()?;
        let aftermath = Aftermath::of(attempt);
        let duplicates = more(&aftermath.deeds, &self.aftermath.deeds);
        let what = if duplicates > 0 {
            format!("Azure did more: {:?} instead of {:?}", aftermath.deeds, self.aftermath.deeds)
        } else if aftermath.world != self.aftermath.world {
            format!("another world: {:#?}\ninstead of {:#?}", aftermath.world, self.aftermath.world)
        } else {
            return Ok(());
        };
        Err(Wrong { what, duplicates })
    }
}

impl Aftermath {
    fn of(attempt: &Attempt<'_>) -> Self {
        attempt.shop.sound();
        let mut deeds = BTreeMap::new();
        for entry in attempt.shop.accepted() {
            *deeds.entry(deed(&entry)).or_default() += 1;
        }
        Self { world: attempt.shop.azure.world(|world| seen(world)), deeds }
    }
}

/// What a request asked for, without the name of the session in it.
fn deed(entry: &LedgerEntry) -> String {
    let path = entry.path.to_lowercase();
    let kind = path.split("/providers/").last().unwrap_or_default();
    match kind.split_once("/deployments/") {
        Some((provider, _)) => format!("{} {provider}/deployments", entry.method),
        None => format!("{} {kind}", entry.method),
    }
}

fn seen(world: &World) -> Vec<String> {
    let vaults = world.vaults.iter().map(|vault| format!("vault {} {:?}", vault.name(), vault.secrets));
    let deleted = world.deleted_vaults.iter().map(|deleted| format!("deleted {}", deleted.vault.name()));
    let servers = world.servers.iter().map(|server| format!("server {} {:?}", server.resource.name, server.state));
    let providers = world.providers.iter().map(|one| format!("{} {:?}", one.namespace, one.registration));
    let newest = world.deployments.last().map(|newest| format!("newest deployment {:?}", newest.progress));
    let mut resources: Vec<String> = world.resources.iter().map(|one| one.id().to_lowercase()).collect();
    resources.sort();
    vaults.chain(deleted).chain(servers).chain(providers).chain(newest).chain(resources).collect()
}

fn more(these: &BTreeMap<String, u32>, those: &BTreeMap<String, u32>) -> u32 {
    these.iter().map(|(what, times)| times.saturating_sub(those.get(what).copied().unwrap_or(0))).sum()
}

/// Kills everywhere, or at the sample, and returns the table and everything that went wrong.
pub fn kill_everywhere(references: &[Reference<'_>]) -> (Table, Vec<String>) {
    let mut kills = VecDeque::new();
    for (scenario, reference) in references.iter().enumerate() {
        let chosen = |place: &&Place| is_whole() || is_sampled(reference.scenario, place);
        kills.extend(reference.places.iter().filter(chosen).map(|place| Kill { scenario, place: place.clone() }));
    }
    let all = kills.len();
    let table = Mutex::new(Table::default());
    let failures = Mutex::new(Vec::new());
    side_by_side(kills, |kill: Kill| {
        let reference = &references[kill.scenario];
        let result = caught(|| reference.kill(&kill.place));
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let row = table.row(reference.scenario.name, kill.place.point());
        match result {
            Ok(true) => row.kills += 1,
            Ok(false) => row.passed += 1,
            Err(wrong) => {
                row.failures += 1;
                row.duplicates += wrong.duplicates;
                let what = format!("{}: {}", kill.place.kill(), wrong.what);
                eprintln!("FAILED {what}");
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(what);
            }
        }
        let done = table.total().runs();
        if done.is_multiple_of(100) {
            println!("{done} of {all}");
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    (table.into_inner().unwrap_or_else(PoisonError::into_inner), failures)
}

/// Every point of an effect, and a stable part of the rest.
fn is_sampled(scenario: &Scenario, place: &Place) -> bool {
    EFFECTS.contains(&place.point()) || hash(&format!("{} {}", scenario.name, place.kill())).is_multiple_of(SAMPLED_OF)
}

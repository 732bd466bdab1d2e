//! The matrix: every scenario, killed at every point that it comes by, against the same scenario that is not killed.
//!
//! Nothing is listed by hand: the points are those of the trace of the run that is not killed. A sample of them is chosen
//! by rules that do not change from run to run, so that a failure comes again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::aftermath::{Aftermath, drawn_values, nothing_half_written};
use crate::attempt::Attempt;
use crate::engine_events::EngineEvents;
use crate::sampling::{Place, caught, hash, is_whole, side_by_side};
use crate::scenarios::Scenario;
use crate::table::Table;

/// Of the points that are neither an effect's nor a record's in the first scenario, one in so many is in the sample.
const SAMPLED_OF: u64 = 96;
/// The points of effects.
const EFFECTS: [&str; 9] = [
    "effect-intended",
    "process-started",
    "process-recorded",
    "process-ended",
    "request-begun",
    "request-answered",
    "project-file-written",
    "project-file-renamed",
    "effect-ended",
];

/// A scenario that was not killed.
pub struct Reference<'s> {
    scenario: &'s Scenario,
    aftermath: Aftermath,
    /// The points of each command.
    places: Vec<Vec<Place>>,
}

/// One kill.
#[derive(Clone, Debug)]
struct Kill {
    scenario: usize,
    command: usize,
    place: Place,
}

/// What came of one.
enum Came {
    Killed,
    /// The run did not come by.
    Passed,
}

/// A wrong end.
#[derive(Debug)]
pub struct Wrong {
    what: String,
    /// How much the engine did more often than without the kill.
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
    /// When it does not end as the scenario says.
    pub fn of(scenario: &'s Scenario, events: &EngineEvents) -> Result<Self, String> {
        let mut attempt = Attempt::new(scenario);
        match Self::run(scenario, &mut attempt, events) {
            Ok((places, aftermath)) => Ok(Self { scenario, aftermath, places }),
            Err(what) => Err(format!("{}, not killed: {what}\n{}", scenario.name, attempt.transcript())),
        }
    }

    fn run(
        scenario: &Scenario,
        attempt: &mut Attempt<'_>,
        events: &EngineEvents,
    ) -> Result<(Vec<Vec<Place>>, Aftermath), String> {
        let mut places = Vec::new();
        let mut code = None;
        for command in scenario.commands {
            let (said, passed) = attempt.traced(command)?;
            places.push(passed);
            code = said.code();
        }
        let status = attempt.sessions()?.pop().map(|session| session.status).unwrap_or_default();
        let (end_code, end_status) = scenario.end;
        if code != Some(end_code) || status != end_status {
            return Err(format!("it ends with {code:?} and `{status}`"));
        }
        Ok((places, Aftermath::of(attempt, events)?))
    }

    /// The points of its command of the number `command`, in order.
    pub fn places(&self, command: usize) -> &[Place] {
        &self.places[command]
    }

    /// The names of the points that it comes by.
    pub fn points(&self) -> BTreeSet<&str> {
        self.places.iter().flatten().map(Place::point).collect()
    }

    /// Kills one run and goes on with it, then compares.
    fn kill(&self, command: usize, place: &Place, events: &EngineEvents) -> Result<Came, Wrong> {
        let mut attempt = Attempt::new(self.scenario);
        let result = attempt.until_killed(command, &place.kill()).map_err(Wrong::from).and_then(|killed| {
            self.goes_on(&mut attempt, events, 1)?;
            Ok(if killed { Came::Killed } else { Came::Passed })
        });
        result.map_err(|wrong| Wrong {
            what: format!("{}: {wrong}\n{}", self.scenario.name, attempt.transcript()),
            ..wrong
        })
    }

    /// Goes on with an attempt that was killed so often, and compares.
    ///
    /// # Errors
    /// When it ends otherwise than this one.
    pub fn goes_on(&self, attempt: &mut Attempt<'_>, events: &EngineEvents, kills: u32) -> Result<(), Wrong> {
        let drawn = drawn_values(attempt);
        if attempt.go_on()? {
            // A run that was over when it was killed leaves that to the next one.
            nothing_half_written(attempt)?;
        }
        let now = drawn_values(attempt);
        if drawn.iter().any(|value| !now.contains(value)) {
            return Err("a drawn value that stood there is another one now".to_owned().into());
        }
        let aftermath = Aftermath::of(attempt, events)?;
        let duplicates = aftermath.duplicates(&self.aftermath);
        aftermath.equals(&self.aftermath, kills).map_err(|what| Wrong { what, duplicates })
    }
}

/// Kills everywhere, or at the sample, and returns the table and everything that went wrong.
pub fn kill_everywhere(references: &[Reference<'_>], events: &EngineEvents) -> (Table, Vec<String>) {
    let mut kills = VecDeque::new();
    for (scenario, reference) in references.iter().enumerate() {
        for (command, places) in reference.places.iter().enumerate() {
            let kill = |place: &Place| Kill { scenario, command, place: place.clone() };
            let chosen = |place: &&Place| is_whole() || is_sampled(scenario, reference.scenario, command, place);
            kills.extend(places.iter().filter(chosen).map(kill));
        }
    }
    let all = kills.len();
    let table = Mutex::new(Table::default());
    let failures = Mutex::new(Vec::new());
    side_by_side(kills, |kill: Kill| {
        let reference = &references[kill.scenario];
        let result = caught(|| reference.kill(kill.command, &kill.place, events));
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let row = table.row(reference.scenario.name, kill.place.point());
        match result {
            Ok(Came::Killed) => row.kills += 1,
            Ok(Came::Passed) => row.passed += 1,
            Err(wrong) => {
                row.failures += 1;
                row.duplicates += wrong.duplicates;
                let what = format!("{} in command {}: {wrong}", kill.place.kill(), kill.command + 1);
                eprintln!("FAILED {what}");
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(what);
            }
        }
        let done = table.total().runs();
        if done.is_multiple_of(100) {
            println!("{done} of {all}");
        }
    });
    let take = |failures: Mutex<Vec<String>>| failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    (table.into_inner().unwrap_or_else(PoisonError::into_inner), take(failures))
}

/// Every point of an effect, every kind of record in the first scenario once, and a stable part of the rest.
fn is_sampled(at: usize, scenario: &Scenario, command: usize, place: &Place) -> bool {
    let is_effect = EFFECTS.contains(&place.point());
    let is_kind_of_record = at == 0 && place.point() == "line-written" && place.occurrence == 1;
    let place = format!("{} {command} {}", scenario.name, place.kill());
    is_effect || is_kind_of_record || hash(&place).is_multiple_of(SAMPLED_OF)
}

/// How often each point comes by in all references, for the table's head.
pub fn comes_by(references: &[Reference<'_>]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for place in references.iter().flat_map(|reference| reference.places.iter().flatten()) {
        *times.entry(place.point().to_owned()).or_default() += 1;
    }
    times
}

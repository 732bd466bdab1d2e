//! Hostile tools: each is made, loaded beside a calm one, asked twice, and has to be stopped where the table says.
//!
//! Whatever they do, the calm tool answers, nothing panics, what is said of them is fit for a terminal, and the host stays
//! within [`RESIDENT_BYTES_MAX`].

#![deny(dead_code, reason = "a guest that no line of the table makes")]

mod code;
mod damage;
mod fixes;
mod table;
mod words;
mod worlds;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use repair_model::limits::OBSERVATIONS_MAX;
use repair_model::query::{Answer, Observation, Query, Refusal};
use repair_model::text::escaped;
use repair_model::tool::Case;
use repair_pipeline::outside::{ToolFailure, Tools as _};

use self::table::{GUESTS, Hostile, Stopped};
use super::case;
use super::{Sourced as _, source};
use crate::call::Callable;
use crate::contract::Contract;
use crate::limits::{CallLimits, Ticker};
use crate::{LoadOptions, Toolbox};
use repair_test_guests::Guest;

/// The tool that nothing may happen to.
const CALM: &str = "calm";
/// What all tests of this crate together may take of memory: the compiler's, that of calls, and the guests themselves.
const RESIDENT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What issue and reader expect at least.
const GUESTS_MIN: usize = 30;

/// The most memory that this process has had resident.
fn resident_bytes_max() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib * 1024
}

/// A hostile guest beside a calm one.
fn beside_a_calm_one(hostile: &Hostile) -> Toolbox {
    let bytes = (hostile.made)(Guest::new(hostile.name));
    let sources = vec![Guest::new(CALM).source(), source(&format!("{}.wasm", hostile.name), bytes)];
    let limits = CallLimits { wall_ms_max: hostile.wall_ms_max, ..CallLimits::default() };
    Toolbox::load_within(sources, &LoadOptions::default(), Some(&limits))
}

/// A case that no tool is shown; a quarantined one gives its failure all the same, because it is not asked at all.
fn case_beyond_the_limits() -> Case {
    let asked = Query::Containers;
    let observation = Observation { asked, answer: Answer::Refused(Refusal::OverLimit), truncated: true };
    Case { observations: vec![observation; OBSERVATIONS_MAX + 1], ..case() }
}

/// Whether `said` is what was expected.
fn fits(said: &str, expected: &str) -> bool {
    let expected = &*expected.replace("{dirty}", words::SHOWN);
    expected.strip_suffix('…').map_or(said == expected, |begin| said.starts_with(begin))
}

/// Whether a failure has the expected words, names `tool`, and could be shown.
fn check(failure: &ToolFailure, tool: &str, (what, fix): (&str, &str)) -> Result<(), String> {
    let fits_all = failure.tool == tool && fits(&failure.what, what) && fits(&failure.fix, fix);
    let is_plain = escaped(&failure.to_string()) == failure.to_string();
    let is_defect = failure.what.contains("inside of `repair`");
    if fits_all && is_plain && !is_defect {
        Ok(())
    } else {
        Err(format!("expected of {tool}: {what}; {fix}: {failure:?}"))
    }
}

/// What came of a guest in words, or what should have.
fn stopped(hostile: &Hostile) -> Result<String, String> {
    let mut toolbox = beside_a_calm_one(hostile);
    let name = hostile.name;
    let said = match hostile.stopped {
        Stopped::Load(what, fix) => {
            let [failure] = toolbox.failures() else { return Err(format!("{name} was loaded")) };
            check(failure, &format!("{name}.wasm"), (what, fix))?;
            failure.to_string()
        }
        Stopped::Propose(what, fix) => {
            let first = toolbox.propose(name, &case());
            let Err(failure) = first else { return Err(format!("{name} was not stopped: {first:?}")) };
            check(&failure, name, (what, fix))?;
            if toolbox.propose(name, &case_beyond_the_limits()) != Err(failure.clone()) {
                return Err(format!("{name} was asked again"));
            }
            failure.to_string()
        }
        Stopped::Nowhere(answer, why) => {
            if !toolbox.failures().is_empty() {
                return Err(format!("{name} was not loaded: {:?}", toolbox.failures()));
            }
            let first = toolbox.propose(name, &case());
            let said = match &first {
                Ok(reply) => format!("{:?}", reply.answer),
                Err(failure) => failure.to_string(),
            };
            if !fits(&said, answer) {
                return Err(format!("expected of {name}: {answer}: {said}"));
            }
            if toolbox.propose(name, &case()) != first {
                return Err(format!("{name} has two answers to the same case"));
            }
            format!("{said} ({why})")
        }
    };
    let calm = toolbox.propose(CALM, &case());
    if calm.is_err() || toolbox.failures().len() > 1 {
        return Err(format!("{name} harmed another tool: {calm:?}, {:?}", toolbox.failures()));
    }
    Ok(said)
}

#[test]
#[expect(clippy::disallowed_macros, reason = "the table is there to be shown")]
fn every_hostile_guest_is_stopped_where_the_table_says_and_harms_nobody() {
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for hostile in GUESTS {
        let stage = match hostile.stopped {
            Stopped::Load(..) => "load",
            Stopped::Propose(..) => "propose",
            Stopped::Nowhere(..) => "nowhere",
        };
        match stopped(hostile) {
            Ok(said) => {
                let _ = writeln!(table, "{:<28} {stage:<8} {}", hostile.name, escaped(&said));
            }
            Err(why) => wrong.push(escaped(&why)),
        }
    }
    let resident = resident_bytes_max();
    eprintln!("{table}{} guests, {} MiB resident at most", GUESTS.len(), resident / 1024 / 1024);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(resident <= RESIDENT_BYTES_MAX, "{resident} bytes were resident, more than {RESIDENT_BYTES_MAX}");
}

#[test]
fn the_table_is_long_enough_and_names_each_guest_once() {
    let mut names: Vec<&str> = GUESTS.iter().map(|hostile| hostile.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), GUESTS.len());
    assert!(names.len() >= GUESTS_MIN, "{}", names.len());
    assert!(names.iter().all(|name| crate::manifest::is_id(name)), "each could be the id of a tool: {names:?}");
}

/// The clock of the calls goes on between them, and none may begin in the middle of a tick that counts as a whole one.
#[test]
fn a_call_has_all_of_its_time_whenever_it_begins() {
    let bytes = code::proposing(Guest::new("slow"), &code::asking_in_vain());
    let limits = CallLimits { wall_ms_max: 20, ..CallLimits::default() };
    let mut toolbox = Toolbox::load_within(vec![source("slow.wasm", bytes)], &LoadOptions::default(), Some(&limits));
    // The last pause is long enough for the clock to fall asleep.
    for pause_ms in (0..50).map(|at| at % 17).chain([300]) {
        std::thread::sleep(Duration::from_millis(pause_ms));
        let begun = Instant::now();
        let ended = toolbox.propose("slow", &case()).expect_err("it is ended");
        assert!(ended.what.contains("ran longer than 20 ms"), "{ended}");
        assert!(begun.elapsed() >= Duration::from_millis(limits.wall_ms_max), "{:?}", begun.elapsed());
        toolbox.forgive("slow");
    }
}

#[test]
fn a_tool_with_two_faces_shows_both_in_one_instance() {
    let engine = crate::engine::engine().expect("an engine");
    let bytes = code::two_faced(Guest::new("two-faces"));
    let component = wasmtime::component::Component::from_binary(&engine, &bytes).expect("a component");
    let (ticker, limits) = (Ticker::start(&engine).expect("a thread"), CallLimits::default());
    let callable = Callable {
        engine: &engine,
        component: &component,
        contract: Contract::PRESENT,
        limits: &limits,
        ticker: &ticker,
    };
    let (arena, case) = (bumpalo::Bump::new(), case());
    let (first, second) = callable.propose_twice(&crate::convert::case(&arena, &case)).expect("two answers");
    assert_ne!(first, second, "so a tool that keeps something can be found out");
}

//! What every crash matrix needs: the moments of a trace, which of them are in the sample, and workers that go through the
//! kills side by side.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Set to `all` to kill everywhere.
pub const POINTS_VARIABLE: &str = "REPAIR_CRASH_POINTS";
/// Targets that are broken and healed side by side.
const WORKERS: usize = 4;

/// Whether everything is asked for.
pub fn is_whole() -> bool {
    std::env::var(POINTS_VARIABLE).is_ok_and(|points| points == "all")
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `point:detail`.
    pub name: String,
    /// Which time that comes by, counted from 1.
    pub occurrence: u32,
}

impl Place {
    /// The moments of a trace, in order, each with how often it came by until then.
    pub fn counted(trace: Vec<String>) -> Vec<Self> {
        let mut times = BTreeMap::new();
        let mut places = Vec::new();
        for name in trace {
            let occurrence = times.entry(name.clone()).or_insert(0);
            *occurrence += 1;
            places.push(Self { name, occurrence: *occurrence });
        }
        places
    }

    /// The point without its detail.
    pub fn point(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }

    /// The fault that kills there.
    pub fn kill(&self) -> String {
        format!("kill@{}#{}", self.name, self.occurrence)
    }
}

/// Works through `jobs` with several workers.
pub fn side_by_side<J: Send>(jobs: impl Into<VecDeque<J>>, work: impl Fn(J) + Sync) {
    let jobs = Mutex::new(jobs.into());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(job) = job else { break };
                    work(job);
                }
            });
        }
    });
}

/// A panic is a failure as any other: the rest of the matrix still counts.
pub fn caught<T, E: From<String>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned().into())
    })
}

/// The same on every machine and in every run (FNV-1a, 64 bits).
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

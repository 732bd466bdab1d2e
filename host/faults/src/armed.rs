//! What a development build does at a point: count it, write it into the trace, and die or fail where it is armed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{Point, die};

static ARMED: OnceLock<Mutex<Armed>> = OnceLock::new();

struct Armed {
    fault: Option<Fault>,
    trace: Option<File>,
    passed: BTreeMap<String, u32>,
    asked: BTreeMap<String, u32>,
}

/// What happens, and when: `kill@NAME`, `kill@NAME#2`, `28@NAME` (an error number of the system), where NAME is
/// `point` or `point:detail` and the number counts from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    what: What,
    name: String,
    occurrence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Kill,
    Fail(i32),
}

/// Why nothing was armed.
#[derive(Debug)]
pub enum ArmError {
    /// Not the form of a fault, or no such point.
    Malformed(String),
    /// The trace cannot be written.
    Trace(io::Error),
    /// Something is armed already.
    Twice,
}

impl FromStr for Fault {
    type Err = ArmError;

    fn from_str(text: &str) -> Result<Self, ArmError> {
        let malformed = || ArmError::Malformed(text.to_owned());
        let (what, at) = text.split_once('@').ok_or_else(malformed)?;
        let what = match what {
            "kill" => What::Kill,
            number => What::Fail(number.parse().map_err(|_| malformed())?),
        };
        let (name, occurrence) = match at.rsplit_once('#') {
            Some((name, number)) => (name, number.parse().map_err(|_| malformed())?),
            None => (at, 1),
        };
        let point = name.split(':').next().unwrap_or_default();
        if occurrence == 0 || !Point::ALL.iter().any(|known| known.as_str() == point) {
            return Err(malformed());
        }
        Ok(Self { what, name: name.to_owned(), occurrence })
    }
}

/// Arms `fault`, and appends every point that this process comes by to the file `trace`, one `point:detail` a line.
///
/// # Errors
/// When the fault cannot be understood, the trace cannot be written, or something is armed already.
pub fn arm(fault: Option<&str>, trace: Option<&Path>) -> Result<(), ArmError> {
    let fault = fault.map(str::parse).transpose()?;
    let open = |path: &Path| OpenOptions::new().append(true).create(true).open(path).map_err(ArmError::Trace);
    let trace = trace.map(open).transpose()?;
    let armed = Armed { fault, trace, passed: BTreeMap::new(), asked: BTreeMap::new() };
    ARMED.set(Mutex::new(armed)).map_err(|_| ArmError::Twice)
}

pub(crate) fn pass(point: Point, detail: &str) {
    if is_due(point, detail) {
        die();
    }
}

pub(crate) fn is_due(point: Point, detail: &str) -> bool {
    let Some(armed) = ARMED.get() else { return false };
    armed.lock().unwrap_or_else(PoisonError::into_inner).is_due(point, detail)
}

pub(crate) fn failure(point: Point, detail: &str) -> Option<io::Error> {
    let armed = ARMED.get()?;
    armed.lock().unwrap_or_else(PoisonError::into_inner).failure(point, detail)
}

impl Armed {
    fn is_due(&mut self, point: Point, detail: &str) -> bool {
        let name = full_name(point, detail);
        if let Some(trace) = &mut self.trace {
            // One write for each, so that a trace that ends in a kill has whole lines. A trace that cannot be written
            // shows as points that are missing.
            let _ = trace.write_all(format!("{name}\n").as_bytes());
        }
        let due = self
            .fault
            .as_ref()
            .is_some_and(|fault| fault.what == What::Kill && fault.comes_by(&mut self.passed, point, &name));
        count(&mut self.passed, point, &name);
        due
    }

    fn failure(&mut self, point: Point, detail: &str) -> Option<io::Error> {
        let name = full_name(point, detail);
        let due = self.fault.as_ref().and_then(|fault| match fault.what {
            What::Fail(number) if fault.comes_by(&mut self.asked, point, &name) => Some(number),
            What::Fail(_) | What::Kill => None,
        });
        count(&mut self.asked, point, &name);
        due.map(io::Error::from_raw_os_error)
    }
}

impl Fault {
    fn comes_by(&self, before: &mut BTreeMap<String, u32>, point: Point, name: &str) -> bool {
        let meant = if self.name == name { name } else { point.as_str() };
        self.name == meant && before.get(meant).copied().unwrap_or(0) + 1 == self.occurrence
    }
}

/// Counts both the point with its detail and the point alone.
fn count(counts: &mut BTreeMap<String, u32>, point: Point, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
    if name != point.as_str() {
        *counts.entry(point.as_str().to_owned()).or_default() += 1;
    }
}

fn full_name(point: Point, detail: &str) -> String {
    if detail.is_empty() { point.to_string() } else { format!("{point}:{detail}") }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Comes by these points in order; which of them was due, and which of them fails with which number.
    pub(crate) fn run(fault: &str, points: &[(Point, &str)]) -> (Option<usize>, Option<(usize, i32)>) {
        let fault = Some(fault.parse().expect("a fault"));
        let mut armed = Armed { fault, trace: None, passed: BTreeMap::new(), asked: BTreeMap::new() };
        let (mut died, mut failed) = (None, None);
        for (at, (point, detail)) in points.iter().enumerate() {
            if let Some(error) = armed.failure(*point, detail) {
                failed = Some((at, error.raw_os_error().expect("a number")));
            }
            if armed.is_due(*point, detail) {
                died = Some(at);
            }
        }
        (died, failed)
    }

    pub(crate) fn is_fault(text: &str) -> bool {
        text.parse::<Fault>().is_ok()
    }
}

//! Fault points: the moments at which a crash or a failing write would hurt most, each with a name.
//!
//! Code passes a point with [`pass`], and writes that may fail ask [`failure`] first. A test arms one occurrence of one
//! point ([`arm`]); when it comes by, the process ends by SIGKILL, as if the power were gone for it alone, or the write
//! fails with the given error. A trace tells which points a run came by, so that a driver kills at each of them and
//! forgets none: it takes them from [`Point::ALL`] and from the trace, never from a list of its own.
//!
//! In a release build every call is empty and nothing can be armed.

#[cfg(debug_assertions)]
mod armed;

use std::fmt;
use std::io;

#[cfg(debug_assertions)]
pub use armed::{ArmError, arm};

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Where a process may be killed. A new point is one line here; the crash matrix finds it by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

points! {
    /// A line of the log is about to be written. Detail: the kind of its event.
    LineBegun = "line-begun",
    /// The first half of a line is written and its end is not. Detail: the kind of its event.
    LineTorn = "line-torn",
    /// A line is written and not yet synced. Detail: the kind of its event.
    LineWritten = "line-written",
    /// A line is synced and its writer does not know it yet. Detail: the kind of its event.
    LineSynced = "line-synced",
    /// A file of the state folder is written beside its place. Detail: what it is.
    StateFileWritten = "state-file-written",
    /// A file of the state folder has its name, and the folder is not synced yet. Detail: what it is.
    StateFileRenamed = "state-file-renamed",
    /// An unfinished end is copied aside and not yet cut off.
    TailCopied = "tail-copied",
    /// An unfinished end is cut off and not yet recorded.
    TailCut = "tail-cut",
    /// A removal by the retention rule is recorded and nothing is removed yet.
    CollectionRecorded = "collection-recorded",
    /// Some of what a retention rule removes is removed.
    CollectionBegun = "collection-begun",
    /// An intent is durable and its effect has not begun. Detail: the kind of the action.
    EffectIntended = "effect-intended",
    /// The process of an effect is started and not yet recorded. Detail: the program.
    ProcessStarted = "process-started",
    /// The process of an effect is recorded and runs. Detail: the program.
    ProcessRecorded = "process-recorded",
    /// The process of an effect has ended and its outcome is not recorded. Detail: the program.
    ProcessEnded = "process-ended",
    /// A request that changes something is about to be sent. Detail: the request.
    RequestBegun = "request-begun",
    /// Such a request was answered and the outcome is not recorded. Detail: the request.
    RequestAnswered = "request-answered",
    /// Somebody else has begun to carry out an effect, that is recorded, and nobody waits for it yet. Detail: the kind of
    /// the action.
    OperationAccepted = "operation-accepted",
    /// A file of the project is written beside its place.
    ProjectFileWritten = "project-file-written",
    /// A file of the project has its new content, and the folder is not synced yet.
    ProjectFileRenamed = "project-file-renamed",
    /// An effect has come to its end and its outcome is not recorded. Detail: the kind of the action.
    EffectEnded = "effect-ended",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Comes by `point`. Does not return when it is armed for a kill.
#[inline]
pub fn pass(point: Point, detail: &str) {
    #[cfg(debug_assertions)]
    armed::pass(point, detail);
    #[cfg(not(debug_assertions))]
    let _ = (point, detail);
}

/// Whether `point` is armed for a kill right now, for a caller that has to leave something half done first; it calls
/// [`die`] then. Counts as coming by.
#[inline]
pub fn is_due(point: Point, detail: &str) -> bool {
    #[cfg(debug_assertions)]
    let due = armed::is_due(point, detail);
    #[cfg(not(debug_assertions))]
    let due = {
        let _ = (point, detail);
        false
    };
    due
}

/// The error with which a write at `point` has to fail, if it is armed for one. Does not count as coming by.
#[inline]
pub fn failure(point: Point, detail: &str) -> Option<io::Error> {
    #[cfg(debug_assertions)]
    let failure = armed::failure(point, detail);
    #[cfg(not(debug_assertions))]
    let failure = {
        let _ = (point, detail);
        None
    };
    failure
}

/// Ends this process as SIGKILL does: nothing is flushed, nothing is dropped.
pub fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is on its way; nothing may happen until it arrives.
    loop {
        std::thread::park();
    }
}

#[cfg(all(test, debug_assertions))]
mod tests;

//! What is wrong with a log, and where: one type for the reader, the head, the blobs and the audit.
//!
//! A [`Problem`] is damage: it never goes away by trying again. Everything else that can go wrong is a [`LogError`] of
//! another kind, so the two are kept apart until the last moment ([`Trouble`]).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use repair_pipeline::outside::LogError;

/// Where in a log file something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Sequence number of the line, counted from 0; its line number in an editor is one more.
    pub sequence: u64,
    /// Offset of the line's first byte.
    pub offset: u64,
}

/// A place in the state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file or folder.
    pub file: PathBuf,
    /// Which line of it, for a log.
    pub at: Option<At>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.at {
            Some(at) => write!(f, ", line {} (sequence {}, byte {})", at.sequence + 1, at.sequence, at.offset),
            None => Ok(()),
        }
    }
}

/// Damage at one place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, and what to do where that is special.
    pub what: String,
}

impl Problem {
    /// A problem with a whole file or folder.
    pub(crate) fn with_file(file: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { place: Place { file: file.into(), at: None }, what: what.into() }
    }

    /// A problem with one line of a log.
    pub(crate) fn with_line(file: impl Into<PathBuf>, at: At, what: impl Into<String>) -> Self {
        Self { place: Place { file: file.into(), at: Some(at) }, what: what.into() }
    }
}

/// Damage, or any other reason not to go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Found damage.
    Damage(Problem),
    /// Busy, poisoned, or an error of the system.
    Other(LogError),
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self::Other(error)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Damage(problem)
    }
}

impl From<Trouble> for LogError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Damage(problem) => Self::Damaged(problem.to_string()),
            Trouble::Other(error) => error,
        }
    }
}

/// Turns a system error into a [`LogError`] that says what was being done to which file, and what to do.
pub(crate) fn cannot<E: Into<io::Error>>(verb: &str, path: &Path) -> impl FnOnce(E) -> LogError {
    move |error| {
        let source = error.into();
        let advice = match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::WriteZero => "make room on that disk and start `repair` again",
            io::ErrorKind::ReadOnlyFilesystem => "choose a writable folder with `--state-dir`",
            io::ErrorKind::PermissionDenied => "check its owner and mode, or choose another folder with `--state-dir`",
            _ => "check that disk and start `repair` again",
        };
        LogError::Io { what: format!("cannot {verb} `{}`; {advice}", path.display()), source }
    }
}

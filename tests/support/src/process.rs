//! Running commands and keeping all that they said.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// What of the surroundings of whoever runs the tests would make `repair` behave otherwise.
const SURROUNDINGS: [&str; 3] = ["CI", "NO_COLOR", "REPAIR_STATE_DIR"];

/// Hides from `repair` where the tests run: on the machine of a person or in a pipeline, with which habits.
pub fn without_surroundings(command: &mut Command) -> &mut Command {
    for variable in SURROUNDINGS {
        command.env_remove(variable);
    }
    command
}

/// A command that has ended, with its whole output. `Display` is meant for the message of a failed assertion.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The command line, for display.
    pub command: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, lossily decoded.
    pub stdout: String,
    /// Standard error, lossily decoded.
    pub stderr: String,
}

impl Finished {
    /// Runs `command` to its end with nothing on standard input.
    ///
    /// # Errors
    /// When it cannot be started; a failing exit is not an error.
    pub fn run(command: &mut Command) -> Result<Self> {
        let line = line_of(command);
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
        Ok(Self {
            command: line,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Whether it ended with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Itself, if it succeeded.
    ///
    /// # Errors
    /// When it failed; the error shows its whole output.
    pub fn success(self) -> Result<Self> {
        if !self.succeeded() {
            bail!("{self}");
        }
        Ok(self)
    }

    /// Makes sure that nothing of what it said moves a cursor, colours or reorders text.
    ///
    /// # Panics
    /// When something does.
    pub fn assert_plain(&self) {
        for said in [&self.stdout, &self.stderr] {
            assert!(!said.contains(is_raw), "something raw reaches the reader: {said:?}");
        }
    }
}

/// Escape sequences and other control characters, and the marks that reorder text.
fn is_raw(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "`{}` ended with exit code {code}", self.command)?,
            None => writeln!(f, "`{}` was ended by a signal", self.command)?,
        }
        write!(f, "--- stdout\n{}\n--- stderr\n{}", self.stdout.trim_end(), self.stderr.trim_end())
    }
}

/// The command line for display; arguments with spaces are quoted.
fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| match word.to_string_lossy() {
        word if word.contains(' ') => format!("'{word}'"),
        word => word.into_owned(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

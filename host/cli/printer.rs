//! The one place that prints. Data goes to stdout, everything else to stderr; everything is legible without colour.

use std::io::Write as _;
use std::process::ExitCode;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use repair_model::text::{escaped, escaped_json};
use serde::Serialize;

use crate::command_error::CommandError;
use crate::environment::Environment;

/// What a piece of text is, and so how it looks where colours are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// A heading.
    Heading,
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Something to look at.
    Warning,
    /// An aside.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Heading => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// `text` in a tone; the printer drops the colour where it is not wanted.
pub fn toned(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// Prints for people and for programs.
pub struct Printer {
    json: bool,
    verbose: u8,
    terminal: bool,
    started: std::time::Instant,
}

impl Printer {
    /// A printer for this run. Colours follow NO_COLOR, CLICOLOR, CLICOLOR_FORCE and whether the stream is a terminal.
    pub fn new(json: bool, verbose: u8, environment: &Environment) -> Self {
        Self { json, verbose, terminal: environment.stderr_is_terminal, started: std::time::Instant::now() }
    }

    /// Whether data is printed as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether more is to be said.
    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Whether the output of effects is to be shown as it comes.
    pub fn shows_output(&self) -> bool {
        self.verbose > 1 || (self.verbose > 0 && !self.terminal)
    }

    /// A line of data for a person; nothing with `--json`.
    pub fn line(&self, text: &str) {
        if !self.json {
            let _ = writeln!(AutoStream::auto(std::io::stdout().lock()), "{text}");
        }
    }

    /// A document for a program; nothing without `--json`.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn document<T: Serialize>(&self, document: &T) -> Result<(), CommandError> {
        if self.json {
            let text = serde_json::to_string_pretty(document)
                .map_err(|error| CommandError::internal("the result cannot be encoded", error))?;
            let _ = writeln!(std::io::stdout().lock(), "{}", escaped_json(&text));
        }
        Ok(())
    }

    /// Raw data, whatever the format.
    pub fn raw(&self, text: &str) {
        let _ = write!(std::io::stdout().lock(), "{text}");
    }

    /// One line of a stream of data, whatever the format.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub fn stream(&self, line: &str) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }

    /// Progress: on a terminal with the time since the start.
    pub fn progress(&self, text: &str) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let mut stderr = AutoStream::auto(std::io::stderr().lock());
        let _ = if self.terminal {
            let style = Tone::Faint.style();
            writeln!(stderr, "{style}{elapsed:5.1} s{style:#}  {text}")
        } else {
            writeln!(stderr, "repair: {text}")
        };
    }

    /// A question or its screen, on stderr, so that stdout stays data.
    pub fn ask(&self, text: &str) {
        let mut stderr = AutoStream::auto(std::io::stderr().lock());
        let _ = write!(stderr, "{text}");
        let _ = stderr.flush();
    }

    /// An error with its causes and hints; its exit code.
    pub fn failed(&self, failure: &CommandError) -> ExitCode {
        let (what, causes) = (failure.error.to_string(), failure.causes());
        if self.json {
            let document = serde_json::json!({
                "error": { "code": failure.code as u8, "what": what, "causes": causes, "hints": failure.hints }
            });
            let _ = writeln!(std::io::stdout().lock(), "{}", escaped_json(&format!("{document:#}")));
        } else {
            self.complain(&what, &causes, &failure.hints);
        }
        failure.code.into()
    }

    fn complain(&self, what: &str, causes: &[String], hints: &[String]) {
        let mut stderr = AutoStream::auto(std::io::stderr().lock());
        let lines = what.lines().map(escaped).collect::<Vec<_>>().join("\n  ");
        let _ = writeln!(stderr, "{} {lines}", toned(Tone::Bad, "error:"));
        for cause in causes {
            let _ = writeln!(stderr, "  because: {}", escaped(cause));
        }
        for hint in hints {
            let _ = writeln!(stderr, "{} {}", toned(Tone::Warning, "next:"), escaped(hint));
        }
    }
}

//! Names failures in text: bytes go in, findings come out, and nothing else happens.
//!
//! Text is read as a stream in constant memory. [`cleaning`] takes terminal sequences away, `reading` looks for the
//! literal anchors of the rules, `passage` makes the few lines around an anchor readable (escapes undone, wrapped lines
//! joined), and a rule's pattern decides on that passage. What decides is data: one file for each family below `rules/`.
//!
//! The crate refuses to guess. A rule that is contradicted on its own passage does not hold, a failure that a retry
//! overcame is dropped, and what no rule proves is `unknown`. It never chooses a target: all that it extracts are words.

pub mod cleaning;
mod escapes;
mod evaluation;
mod findings;
mod next_steps;
mod passage;
mod reading;
pub mod redaction;
mod rule_file;
mod rules;
#[cfg(test)]
mod tests;

pub use findings::{Found, ProofLine, UNKNOWN_PERMILLE};
pub use reading::{Reading, Summary};
pub use rule_file::Weight;
pub use rules::{RuleError, RuleSet};

/// Names the failures in one text that is already in memory.
pub fn classify(text: &[u8]) -> Vec<Found> {
    let mut reading = RuleSet::built_in().start();
    reading.push(text);
    reading.finish().findings
}

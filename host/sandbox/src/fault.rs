//! How a fault inside the sandbox becomes a [`ToolFailure`] that names the tool and the way out.
//!
//! Invariant: text that a tool wrote is escaped and cut before it becomes part of a fault.

use std::fmt::Display;

use repair_model::text::escaped_words;
use repair_pipeline::outside::ToolFailure;

/// Characters of foreign text that a message repeats at most.
const QUOTED_CHARACTERS_MAX: usize = 300;

/// Something that a tool, or its file, did wrong. `Display` says what, [`Fault::fix`] what its author can do.
pub(crate) trait Fault: Display {
    /// The next step, as half a sentence without a full stop.
    fn fix(&self) -> String;

    /// The failure of `tool`.
    fn of(&self, tool: &str) -> ToolFailure {
        ToolFailure { tool: quoted(tool), what: self.to_string(), fix: self.fix() }
    }
}

/// Foreign text as a message may repeat it.
pub(crate) fn quoted(text: &str) -> String {
    escaped_words(text, QUOTED_CHARACTERS_MAX)
}

/// Names joined for a sentence, each in backticks.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

//! Where policies and bounds come from, and what is wrong with one of them.
//!
//! Invariant: the built-in layer is part of the program. No caller can hand it in, replace it or leave it out.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Who wrote a policy. In the order in which bounds are tightened; policies of all layers are asked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Part of `repair`.
    BuiltIn,
    /// The machine's owner.
    System,
    /// The person who runs `repair`.
    User,
    /// The project, which may have been cloned from anywhere: it may forbid, and nothing else.
    Project,
}

impl Layer {
    /// The first part of the ids of its policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::System => "system",
            Self::User => "user",
            Self::Project => "project",
        }
    }

    /// Whether its policies may permit.
    pub const fn may_permit(self) -> bool {
        !matches!(self, Self::Project)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text of one policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// Who wrote it.
    pub layer: Layer,
    /// The path that people are shown. It decides nothing.
    pub name: String,
    /// Policies in Cedar's syntax.
    pub text: String,
}

/// The text of one bounds file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundsSource {
    /// Who wrote it.
    pub layer: Layer,
    /// The path that people are shown. It decides nothing.
    pub name: String,
    /// TOML with the fields of [`repair_model::bounds::BoundsLayer`].
    pub text: String,
}

/// What both kinds of file have.
pub(super) trait Source {
    fn layer(&self) -> Layer;
    fn name(&self) -> &str;
}

impl Source for PolicySource {
    fn layer(&self) -> Layer {
        self.layer
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Source for BoundsSource {
    fn layer(&self) -> Layer {
        self.layer
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The policies that are part of `repair`.
pub(super) fn built_in_policies() -> PolicySource {
    PolicySource {
        layer: Layer::BuiltIn,
        name: "default.cedar (built in)".to_owned(),
        text: include_str!("../../../../policies/default.cedar").to_owned(),
    }
}

/// The bounds that are part of `repair`.
pub(super) fn built_in_bounds() -> BoundsSource {
    BoundsSource {
        layer: Layer::BuiltIn,
        name: "default.bounds.toml (built in)".to_owned(),
        text: include_str!("../../../../policies/default.bounds.toml").to_owned(),
    }
}

/// One thing that is wrong with a policy or bounds file. While there is any, nothing is decided.
///
/// `what` and `fix` quote the file; escape them before they reach a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyProblem {
    /// The name that the file was handed in under.
    pub file: String,
    /// Counted from 1; 1 where the whole file is meant.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, what, fix } = self;
        write!(f, "{file}:{line}:{column}: {what}; {fix}")
    }
}

impl std::error::Error for PolicyProblem {}

/// A file while it is being checked: knows where an offset is, and collects what is wrong.
pub(super) struct Page<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub problems: &'a mut Vec<PolicyProblem>,
}

impl Page<'_> {
    /// Adds a problem at a byte offset.
    pub fn problem(&mut self, offset_bytes: usize, what: impl Into<String>, fix: impl Into<String>) {
        let (line, column) = place(self.text, offset_bytes);
        self.problems.push(PolicyProblem {
            file: self.file.to_owned(),
            line,
            column,
            what: what.into(),
            fix: fix.into(),
        });
    }
}

/// Line and column of a byte offset; an offset beyond the end is the end.
pub(super) fn place(text: &str, offset_bytes: usize) -> (u32, u32) {
    let before = &text[..text.floor_char_boundary(offset_bytes)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("a\nößb", 2), (2, 1));
        assert_eq!(place("a\nößb", 6), (2, 3));
        assert_eq!(place("a\nößb", 3), (2, 1), "inside a character is its start");
        assert_eq!(place("ab", 99), (1, 3));
    }
}

//! How much an action could cost if it were wrong.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Computed by the host from an action *and* what was observed, never taken from a tool. Ordered from harmless to final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Looks only.
    ReadOnly,
    /// Only starts or creates what is missing.
    Safe,
    /// Changes something that `repair undo` restores byte for byte.
    Reversible,
    /// Replaces or restarts something that runs or has run, rolls out other edits, or costs money.
    Disruptive,
    /// Cannot be taken back.
    Irreversible,
}

impl Risk {
    /// All risks, from harmless to final.
    pub const ALL: [Self; 5] = [Self::ReadOnly, Self::Safe, Self::Reversible, Self::Disruptive, Self::Irreversible];

    /// The greatest risk that may ever run unattended or under `--yes`, whatever a policy says.
    pub const UNATTENDED_MAX: Self = Self::Reversible;

    /// From 0 (read-only) to 4 (irreversible), as policies compare it.
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Safe => "safe",
            Self::Reversible => "reversible",
            Self::Disruptive => "disruptive",
            Self::Irreversible => "irreversible",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

const _: () = assert!(Risk::UNATTENDED_MAX.rank() < Risk::Disruptive.rank());

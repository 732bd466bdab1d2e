//! What the policy says to an action.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy's answer. Ordered: the greater one wins when several apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// May run unattended.
    Allow,
    /// May run once a person has said yes.
    Ask,
    /// May not run.
    #[default]
    Deny,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        })
    }
}

/// The answer for one action, and the policies behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// The answer.
    pub decision: Decision,
    /// `@id`s of the policies that decided, each with its layer, such as `built-in/ask-before-edits`.
    pub policies: Vec<String>,
    /// Why, in one sentence of the host.
    pub because: String,
}

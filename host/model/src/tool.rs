//! Repair tools as the host sees them: what a manifest declares, what a tool is shown, what it answers.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionKind};
use crate::finding::{FailureClass, Finding};
use crate::ids::{Digest, Permille};
use crate::query::{Observation, Query, QueryKind};

/// Which tool, and exactly which component of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRef {
    /// Its id.
    pub id: String,
    /// Semantic version, as its manifest says.
    pub version: String,
    /// Digest of the component's bytes.
    pub component: Digest,
}

impl fmt::Display for ToolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)
    }
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Which tool.
    pub tool: ToolRef,
    /// One sentence for people.
    pub summary: String,
    /// The classes that it repairs.
    pub handles: Vec<FailureClass>,
    /// The kinds of query that it may use.
    pub sees: Vec<QueryKind>,
    /// The kinds of action that it may propose.
    pub may: Vec<ActionKind>,
    /// JSON Schema of its parameters.
    pub params_schema: String,
    /// Where its author is reached, in the author's words. Foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// An earlier try for the same class on the same target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Id of the tool that proposed it.
    pub tool: String,
    /// What was done.
    pub actions: Vec<Action>,
    /// What came of it, in the host's words: `healed`, `failed: …`, `not-verified: …`, `abandoned: …`, `unclear: …`.
    pub outcome: String,
    /// How long ago.
    pub seconds_ago: u32,
}

/// What the host asks a tool to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// The failure.
    pub finding: Finding,
    /// The host's answers so far.
    pub observations: Vec<Observation>,
    /// The tool's parameters as JSON, valid against its schema.
    pub params: String,
    /// Earlier tries, newest first.
    pub history: Vec<Attempt>,
    /// How long the host has waited on the tool's word so far; what was observed was looked at again after each wait.
    #[serde(default)]
    pub waited_seconds: u32,
}

/// What a tool wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// Why it should work. Foreign text.
    pub reason: String,
    /// How sure the tool is.
    pub confidence: Permille,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

/// What a tool says to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToolAnswer {
    /// Do this.
    Propose(Proposal),
    /// Tell me more first.
    Need(Vec<Query>),
    /// Ask again after so many seconds.
    WaitSeconds(u32),
    /// Not this tool's case, and what a person could do. Foreign text.
    Decline(String),
}

/// Answer and notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The answer.
    pub answer: ToolAnswer,
    /// For the tool's author. Foreign text.
    pub notes: Vec<String>,
}

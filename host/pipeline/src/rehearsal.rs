//! Shows a tool a recorded case as planning would, with recorded answers in the place of looks.
//!
//! A tool is a pure function, so its author needs neither a broken deployment nor an engine: the case says what failed and
//! what the host would answer, and the rehearsal says what the tool made of it, turn by turn. It goes by the same rules as
//! [`crate::planning`]: declared queries only, bounded rounds, bounded waits, and the same check of a proposal.

use repair_model::bounds::Bounds;
use repair_model::finding::Finding;
use repair_model::limits::{CASE_BYTES_MAX, RECORDED_CASE_BYTES_MAX};
use repair_model::query::{Answer, Observation, Query, Refusal};
use repair_model::tool::{Attempt, Case, Manifest, Reply, ToolAnswer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outside::ToolFailure;
use crate::planning::{check_params, check_proposal, new_questions, wait};

/// Version of [`RecordedCase`].
pub const CASE_FORMAT: &str = "repair-case/1";
/// Version of [`Transcript`].
pub const TRANSCRIPT_FORMAT: &str = "repair-transcript/1";

/// A failure with everything that the host would answer about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedCase {
    /// `repair-case/1`.
    pub format: String,
    /// What it shows, for whoever reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The failure.
    pub finding: Finding,
    /// The tool's parameters, as `[tools.ID]` in `repair.toml` says them.
    #[serde(default)]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Earlier tries, newest first.
    #[serde(default)]
    pub history: Vec<Attempt>,
    /// What the host answers to each query. Any other query is answered with a refusal.
    #[serde(default)]
    pub answers: Vec<Observation>,
}

/// A file of a case that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// It is not a case.
    #[error("it is not a recorded case: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of another version.
    #[error("its format is `{0}`, and this version of repair reads `{CASE_FORMAT}`")]
    Format(String),
    /// It is too large.
    #[error("it has {0} bytes; at most {RECORDED_CASE_BYTES_MAX} are read")]
    Size(usize),
}

impl RecordedCase {
    /// Reads the text of a case.
    ///
    /// # Errors
    /// With line and column of what is wrong.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        if text.len() > RECORDED_CASE_BYTES_MAX {
            return Err(CaseError::Size(text.len()));
        }
        let case: Self = serde_json::from_str(text)?;
        if case.format != CASE_FORMAT {
            return Err(CaseError::Format(case.format));
        }
        Ok(case)
    }

    /// The case that a session showed a tool at last, as one to rehearse.
    ///
    /// # Errors
    /// When its parameters are no JSON object; a session shows none such.
    pub fn of(case: &Case, about: String) -> Result<Self, CaseError> {
        Ok(Self {
            format: CASE_FORMAT.to_owned(),
            about,
            finding: case.finding.clone(),
            params: serde_json::from_str(&case.params)?,
            history: case.history.clone(),
            answers: case.observations.clone(),
        })
    }

    /// What the tool is shown first.
    fn opening(&self) -> Case {
        Case {
            finding: self.finding.clone(),
            observations: Vec::new(),
            params: serde_json::Value::Object(self.params.clone()).to_string(),
            history: self.history.clone(),
            waited_seconds: 0,
        }
    }

    fn answer(&self, manifest: &Manifest, asked: Query) -> Observation {
        if !manifest.sees.contains(&asked.kind()) {
            return Observation { asked, answer: Answer::Refused(Refusal::NotPermitted), truncated: false };
        }
        let recorded = self.answers.iter().find(|recorded| recorded.asked == asked).cloned();
        recorded.unwrap_or_else(|| {
            let why = "the recorded case has no answer to this query".to_owned();
            Observation { asked, answer: Answer::Refused(Refusal::Unavailable(why)), truncated: false }
        })
    }

    fn has_answer(&self, asked: &Query) -> bool {
        self.answers.iter().any(|recorded| recorded.asked == *asked)
    }
}

/// One call of a tool. `U` is what the caller measures of it.
#[derive(Clone, Debug)]
pub struct Turn<U> {
    /// What it was shown.
    pub case: Case,
    /// What it said.
    pub reply: Reply,
    /// What that used.
    pub used: U,
    /// Queries of the reply that the recorded case has no answer to.
    pub unanswered: Vec<Query>,
}

/// How a rehearsal ended, after its last turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The tool decided, and the host would go on with it.
    Decided,
    /// The host would turn it down, in its words.
    TurnedDown(String),
    /// The tool misbehaved, or returned an error of its own, when it was shown this case.
    Failed(ToolFailure, Box<Case>),
}

/// What a tool made of a recorded case.
#[derive(Clone, Debug)]
pub struct Rehearsal<U> {
    /// Its calls, in order.
    pub turns: Vec<Turn<U>>,
    /// How it ended.
    pub end: End,
}

/// Shows `case` to the tool of `manifest` by way of `ask`.
pub fn rehearse<U>(
    case: &RecordedCase,
    manifest: &Manifest,
    bounds: &Bounds,
    mut ask: impl FnMut(&Case) -> Result<(Reply, U), ToolFailure>,
) -> Rehearsal<U> {
    let mut turns = Vec::new();
    let params = serde_json::Value::Object(case.params.clone());
    if let Err(error) = check_params(&manifest.tool.id, &manifest.params_schema, &params) {
        return Rehearsal { turns, end: End::TurnedDown(error.to_string()) };
    }
    let mut shown = case.opening();
    let rounds = bounds.tool_rounds_max;
    for _ in 0..=rounds {
        let bytes = serde_json::to_vec(&shown).map_or(usize::MAX, |encoded| encoded.len());
        if bytes > CASE_BYTES_MAX {
            let words = format!("its case has {bytes} bytes; at most {CASE_BYTES_MAX} are shown to a tool");
            return Rehearsal { turns, end: End::TurnedDown(words) };
        }
        let (reply, used) = match ask(&shown) {
            Ok(said) => said,
            Err(failure) => return Rehearsal { turns, end: End::Failed(failure, Box::new(shown)) },
        };
        let before = shown.clone();
        let step = go_on(case, manifest, bounds, &reply, &mut shown);
        let unanswered = match &reply.answer {
            ToolAnswer::Need(queries) => queries.iter().filter(|query| !case.has_answer(query)).cloned().collect(),
            _ => Vec::new(),
        };
        turns.push(Turn { case: before, reply, used, unanswered });
        if let Some(end) = step {
            return Rehearsal { turns, end };
        }
    }
    let id = &manifest.tool.id;
    Rehearsal {
        turns,
        end: End::TurnedDown(format!(
            "tool `{id}` had not decided after {rounds} rounds; the bound tool_rounds_max is {rounds}"
        )),
    }
}

/// What the host does with a reply: `None` when the tool is asked again, with what has been added to `shown`.
fn go_on(
    recorded: &RecordedCase,
    manifest: &Manifest,
    bounds: &Bounds,
    reply: &Reply,
    shown: &mut Case,
) -> Option<End> {
    match &reply.answer {
        ToolAnswer::Decline(_) => Some(End::Decided),
        ToolAnswer::Propose(proposal) => Some(
            check_proposal(manifest, bounds, &recorded.finding, proposal)
                .map_or_else(End::TurnedDown, |()| End::Decided),
        ),
        ToolAnswer::WaitSeconds(seconds) => {
            wait(shown, *seconds, bounds);
            None
        }
        ToolAnswer::Need(queries) => {
            let new = match new_questions(&manifest.tool.id, shown, queries) {
                Ok(new) => new,
                Err(words) => return Some(End::TurnedDown(words)),
            };
            shown.observations.extend(new.into_iter().map(|query| recorded.answer(manifest, query)));
            None
        }
    }
}

/// What of a rehearsal is kept beside its case, so that a change of the tool shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// `repair-transcript/1`.
    pub format: String,
    /// What the tool said, call by call.
    pub replies: Vec<Reply>,
    /// Why the host would not go on, in its words: it turned the tool down, or the tool failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_down: Option<String>,
}

impl<U> Rehearsal<U> {
    /// What is kept of it.
    pub fn transcript(&self) -> Transcript {
        Transcript {
            format: TRANSCRIPT_FORMAT.to_owned(),
            replies: self.turns.iter().map(|turn| turn.reply.clone()).collect(),
            turned_down: match &self.end {
                End::Decided => None,
                End::TurnedDown(words) => Some(words.clone()),
                End::Failed(failure, _) => Some(failure.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests;

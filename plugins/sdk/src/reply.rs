//! What a tool answers.

use crate::bindings::repair::tool::types::{Action, Query, Refusal, ToolError};
pub use crate::bindings::repair::tool::types::{Answer, Proposal, Reply};
use crate::case::Missing;
use crate::kinds::{NEED_QUERIES_MAX, QueryKind, REPLY_NOTES_MAX, REPLY_TEXT_BYTES_MAX};

/// The way out of [`Tool::propose`](crate::tool::Tool::propose) for `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The reply is already clear.
    Reply(Reply),
    /// The tool cannot work with what it was given, such as parameters that contradict each other.
    Error(ToolError),
}

/// The word for so many: a sentence for a person has one thing that waits, and two that wait.
///
/// ```
/// use repair_tool_sdk::reply::by_count;
///
/// assert_eq!([1, 2].map(|tries| format!("{tries} {}", by_count(tries, "try", "tries"))), ["1 try", "2 tries"]);
/// ```
pub fn by_count<'w>(count: usize, one: &'w str, other: &'w str) -> &'w str {
    if count == 1 { one } else { other }
}

/// How often, in words.
pub fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

impl Reply {
    /// Proposes a plan. `reason` says to a person why it should work; `confidence` is in thousandths, and what is above
    /// 1000 counts as 1000.
    pub fn propose(reason: impl Into<String>, confidence: u16, actions: impl IntoIterator<Item = Action>) -> Self {
        Self::of(Answer::Propose(Proposal {
            reason: reason.into(),
            confidence: confidence.min(1000),
            actions: actions.into_iter().collect(),
        }))
    }

    /// Asks for more. The host grants a bounded number of rounds, so ask for everything at once.
    pub fn need(queries: impl IntoIterator<Item = Query>) -> Self {
        Self::of(Answer::Need(queries.into_iter().take(NEED_QUERIES_MAX).collect()))
    }

    /// Wants to be asked again after so many seconds.
    pub fn wait_seconds(seconds: u32) -> Self {
        Self::of(Answer::WaitSeconds(seconds))
    }

    /// Leaves the case alone. `because` says why and what a person could do next.
    pub fn decline(because: impl Into<String>) -> Self {
        Self::of(Answer::Decline(because.into()))
    }

    /// Adds a line to the tool's own log, for its author.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The proposed actions; none if it is not a proposal.
    pub fn actions(&self) -> &[Action] {
        match &self.answer {
            Answer::Propose(proposal) => &proposal.actions,
            _ => &[],
        }
    }

    fn of(answer: Answer) -> Self {
        Self { answer, notes: Vec::new() }
    }

    /// Cuts texts and notes to what the host accepts: a long list of names must not cost the whole answer.
    pub(crate) fn within_limits(mut self) -> Self {
        match &mut self.answer {
            Answer::Propose(proposal) => cut(&mut proposal.reason),
            Answer::Decline(because) => cut(because),
            Answer::Need(_) | Answer::WaitSeconds(_) => {}
        }
        self.notes.truncate(REPLY_NOTES_MAX);
        self.notes.iter_mut().for_each(cut);
        self
    }
}

fn cut(text: &mut String) {
    const MARK: &str = "…";
    if text.len() > REPLY_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(REPLY_TEXT_BYTES_MAX - MARK.len()));
        text.push_str(MARK);
    }
}

impl From<Missing> for Reply {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::NotAsked(queries) => Self::need(queries),
            Missing::Refused { asked, refusal } => {
                let kind = QueryKind::of(&asked);
                Self::decline(match refusal {
                    Refusal::Unavailable(why) => {
                        format!("`{kind}` could not be looked at: {why}. Correct that, then run `repair` again.")
                    }
                    Refusal::NotPermitted => {
                        format!("`{kind}` is not in this tool's manifest; its author has to add it to `sees`.")
                    }
                    Refusal::OverLimit => {
                        format!("`{kind}` is more than the limits of `repair` allow, so nothing is decided here.")
                    }
                })
            }
        }
    }
}

impl From<Missing> for Stop {
    fn from(missing: Missing) -> Self {
        Self::Reply(missing.into())
    }
}

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<ToolError> for Stop {
    fn from(error: ToolError) -> Self {
        Self::Error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_character_and_say_so() {
        let reply = Reply::decline("é".repeat(REPLY_TEXT_BYTES_MAX)).within_limits();
        let Answer::Decline(text) = reply.answer else { panic!("a decline stays one") };
        assert!(text.len() <= REPLY_TEXT_BYTES_MAX && text.ends_with("é…"));
    }

    #[test]
    fn a_refusal_declines_and_an_open_question_asks() {
        let open = Reply::from(Missing::NotAsked(vec![Query::Containers]));
        assert_eq!(open, Reply::need([Query::Containers]));
        let refused = Reply::from(Missing::Refused {
            asked: Query::Containers,
            refusal: Refusal::Unavailable("the engine does not answer".to_owned()),
        });
        let Answer::Decline(text) = refused.answer else { panic!("asking again is of no use") };
        assert!(text.contains("`containers`") && text.contains("the engine does not answer"));
    }
}

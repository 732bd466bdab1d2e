//! When the next pull is due: by what the registry says, by how often it was tried, and by how long was waited.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Attempt, Case};
use repair_tool_sdk::tool::Tool;

use crate::{ImagePull, Params};

/// Older tries belong to another incident.
const FORGOTTEN_AFTER_SECONDS: u32 = 60 * 60;
/// The longest wait. A registry that asks for more is not waited for.
pub(crate) const WAIT_SECONDS_MAX: u32 = 60;

/// What was tried, and when the next try is due.
pub(crate) struct Patience {
    /// Pulls of this tool since the last one that healed, within the hour.
    pub(crate) tries: usize,
    /// Of the last of them.
    pub(crate) last_outcome: Option<String>,
    /// Whether no further pull is made.
    pub(crate) is_exhausted: bool,
    /// What the registry says, if that is longer than this tool waits.
    pub(crate) asks_for_more: Option<u32>,
    seconds_left: u32,
    has_waited: bool,
}

impl Patience {
    pub(crate) fn of(case: &Case, params: &Params) -> Self {
        let tries: Vec<&Attempt> = tries(case);
        let said = case.fact("retry-after-seconds").and_then(|text| text.parse::<u32>().ok());
        let said_briefly = said.filter(|seconds| *seconds <= WAIT_SECONDS_MAX).unwrap_or(0);
        let (wait, passed) = match tries.first() {
            None => (said_briefly, 0),
            Some(last) => {
                let doublings = u32::try_from(tries.len() - 1).unwrap_or(u32::MAX);
                let backoff = params.backoff_seconds.saturating_mul(2_u32.saturating_pow(doublings));
                (backoff.min(WAIT_SECONDS_MAX).max(said_briefly), last.seconds_ago)
            }
        };
        Self {
            tries: tries.len(),
            last_outcome: tries.first().map(|last| last.outcome.clone()),
            is_exhausted: tries.len() >= params.max_tries as usize,
            asks_for_more: said.filter(|seconds| *seconds > WAIT_SECONDS_MAX),
            seconds_left: wait.saturating_sub(passed),
            has_waited: case.waited_seconds > 0,
        }
    }

    /// How long to wait before the next pull. One wait is enough, even where the host made it shorter: a tool that went on
    /// waiting would never decide.
    pub(crate) fn seconds_left(&self) -> Option<u32> {
        (self.seconds_left > 0 && !self.has_waited).then_some(self.seconds_left)
    }
}

/// Newest first.
fn tries(case: &Case) -> Vec<&Attempt> {
    case.history
        .iter()
        .take_while(|attempt| !attempt.healed() && attempt.seconds_ago < FORGOTTEN_AFTER_SECONDS)
        .filter(|attempt| attempt.tool == ImagePull::ID)
        .filter(|attempt| attempt.actions.iter().any(|action| matches!(action, Action::PullImage(_))))
        .collect()
}

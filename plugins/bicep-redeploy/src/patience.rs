//! When the next deployment is due: by what Azure says, by how often it was tried, and by how long was waited.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::ArmDeployment;
use repair_tool_sdk::case::{Attempt, Case};

use crate::Params;

/// The longest wait. If Azure asks for more, a person comes back later.
pub(crate) const WAIT_SECONDS_MAX: u32 = 60;

/// What was tried, and when the next try is due.
pub(crate) struct Patience {
    /// Deployments in vain since the last one that healed, within the hour.
    pub(crate) tries: usize,
    /// Of the last of them.
    pub(crate) last_outcome: Option<String>,
    /// Whether no further deployment is made.
    pub(crate) is_exhausted: bool,
    /// What Azure says, if that is longer than this tool waits.
    pub(crate) asks_for_more: Option<u32>,
    seconds_left: u32,
    has_waited: bool,
}

impl Patience {
    /// `rests_first` where something else is at work that ends by itself and that cannot be asked about.
    pub(crate) fn of(case: &Case, params: &Params, deployment: &ArmDeployment, rests_first: bool) -> Self {
        let tries: Vec<&Attempt> = case.tries_in_vain(&Action::deploy_template(deployment));
        let said = case.fact("retry-after-seconds").and_then(|text| text.parse::<u32>().ok());
        let said_briefly = said.filter(|seconds| *seconds <= WAIT_SECONDS_MAX).unwrap_or(0);
        let (wait, passed) = match tries.first() {
            None => (if rests_first { params.backoff_seconds.max(said_briefly) } else { said_briefly }, 0),
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

    /// How long to wait before the next deployment. One wait is enough, even where the host made it shorter: a tool that went
    /// on waiting would never decide.
    pub(crate) fn seconds_left(&self) -> Option<u32> {
        (self.seconds_left > 0 && !self.has_waited).then_some(self.seconds_left)
    }
}

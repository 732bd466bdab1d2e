//! When the next try is due: by how often it was tried, by how long ago that was, and by what the other side says of waiting.
//!
//! Which tries count, the tool tells: only it knows what it would repeat. Nothing is kept between two calls; all of it comes
//! from the history that the host keeps, so a restart forgets no try.
//!
//! ```
//! use repair_tool_sdk::action::Action;
//! use repair_tool_sdk::kinds::FailureClass;
//! use repair_tool_sdk::patience::{Backoff, Patience};
//! use repair_tool_sdk::testing::{FakeHost, attempt};
//!
//! let pull = Action::pull_image(["web"]);
//! let case = FakeHost::new(FailureClass::DockerRegistryThrottled)
//!     .attempt(attempt("pull-again", vec![pull.clone()], "failed: toomanyrequests", 3))
//!     .attempt(attempt("pull-again", vec![pull.clone()], "failed: toomanyrequests", 20))
//!     .case([]);
//! let backoff = Backoff { max_tries: 4, first_seconds: 4, rests_first: false };
//! let patience = Patience::of(&case, &case.tries_in_vain(&pull), backoff);
//! assert!(!patience.is_exhausted);
//! assert_eq!(patience.seconds_left(), Some(5), "8 s after the second try, of which 3 s have passed");
//! ```

use crate::case::{Attempt, Case};

/// The longest wait. Where the other side asks for more, a person comes back later.
pub const WAIT_SECONDS_MAX: u32 = 60;

/// The fact that says how long the other side asks to stay away.
const RETRY_AFTER: &str = "retry-after-seconds";

/// How often a tool tries, and how long it waits in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Tries before a person has to look.
    pub max_tries: u32,
    /// Time after the first try, in seconds; it doubles with each further one.
    pub first_seconds: u32,
    /// Whether to wait as long before the first try too: where something else is at work that ends by itself and that cannot
    /// be asked about.
    pub rests_first: bool,
}

/// What was tried, and when the next try is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often it was tried in vain.
    pub tries: usize,
    /// How the last of these tries ended.
    pub last_outcome: Option<String>,
    /// Whether no further try is made.
    pub is_exhausted: bool,
    /// How long the other side asks to stay away, if that is longer than [`WAIT_SECONDS_MAX`].
    pub asks_for_more: Option<u32>,
    seconds_left: u32,
    has_waited: bool,
}

impl Patience {
    /// After these tries, newest first. A fact `retry-after-seconds` of the finding makes the wait longer and never shorter;
    /// what is no number of seconds says nothing.
    pub fn of(case: &Case, tries: &[&Attempt], backoff: Backoff) -> Self {
        let said = case.fact(RETRY_AFTER).and_then(|text| text.parse::<u32>().ok());
        let said_briefly = said.filter(|seconds| *seconds <= WAIT_SECONDS_MAX).unwrap_or(0);
        let last = tries.first();
        let own = match last {
            None if !backoff.rests_first => 0,
            _ => backoff_seconds(backoff.first_seconds, tries.len()),
        };
        let passed = last.map_or(0, |last| last.seconds_ago);
        Self {
            tries: tries.len(),
            last_outcome: last.map(|last| last.outcome.clone()),
            is_exhausted: tries.len() >= backoff.max_tries as usize,
            asks_for_more: said.filter(|seconds| *seconds > WAIT_SECONDS_MAX),
            seconds_left: own.min(WAIT_SECONDS_MAX).max(said_briefly).saturating_sub(passed),
            has_waited: case.waited_seconds > 0,
        }
    }

    /// How long to wait before the next try. One wait is enough, even where the host made it shorter: a tool that went on
    /// waiting would never decide.
    pub fn seconds_left(&self) -> Option<u32> {
        (self.seconds_left > 0 && !self.has_waited).then_some(self.seconds_left)
    }
}

/// The wait after so many tries: `first` seconds after one, and twice as long with each further one.
///
/// ```
/// use repair_tool_sdk::patience::backoff_seconds;
///
/// assert_eq!([1, 2, 3].map(|tries| backoff_seconds(4, tries)), [4, 8, 16]);
/// assert_eq!(backoff_seconds(4, 1000), u32::MAX);
/// ```
pub fn backoff_seconds(first: u32, tries: usize) -> u32 {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(2_u32.saturating_pow(doublings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::kinds::FailureClass;
    use crate::testing::{FakeHost, attempt};

    const BACKOFF: Backoff = Backoff { max_tries: 3, first_seconds: 10, rests_first: false };

    fn pull() -> Action {
        Action::pull_image(["web"])
    }

    /// So many tries, the newest so long ago.
    fn tried(times: u32, seconds_ago: u32) -> FakeHost {
        let host = FakeHost::new(FailureClass::DockerRegistryThrottled);
        (0..times).fold(host, |host, time| {
            host.attempt(attempt("any", vec![pull()], &format!("failed: {time}"), seconds_ago + time))
        })
    }

    fn patience(host: &FakeHost, backoff: Backoff) -> Patience {
        let case = host.case([]);
        Patience::of(&case, &case.tries_in_vain(&pull()), backoff)
    }

    fn left(host: &FakeHost) -> Option<u32> {
        patience(host, BACKOFF).seconds_left()
    }

    #[test]
    fn each_wait_is_twice_the_one_before_and_never_longer_than_the_longest() {
        for (times, seconds) in [(1, 10), (2, 20), (3, 40), (4, WAIT_SECONDS_MAX), (32, WAIT_SECONDS_MAX)] {
            assert_eq!(left(&tried(times, 0)), Some(seconds), "after {times} tries");
            assert_eq!(left(&tried(times, 3)), Some(seconds - 3), "after {times} tries");
            assert_eq!(left(&tried(times, seconds)), None, "after {times} tries");
        }
    }

    #[test]
    fn the_first_try_is_due_at_once_unless_something_else_is_at_work() {
        assert_eq!(left(&tried(0, 0)), None);
        let resting = Backoff { rests_first: true, ..BACKOFF };
        assert_eq!(patience(&tried(0, 0), resting).seconds_left(), Some(10));
        assert_eq!(patience(&tried(1, 4), resting).seconds_left(), Some(6), "later ones are not affected");
    }

    #[test]
    fn what_the_other_side_says_makes_the_wait_longer_and_never_shorter() {
        let told = |times, said: &str| tried(times, 0).fact(RETRY_AFTER, said);
        assert_eq!(left(&told(0, "17")), Some(17));
        assert_eq!(left(&told(1, "17")), Some(17));
        assert_eq!(left(&told(2, "17")), Some(20));
        for said in ["0", "-5", "soon", "99999999999999999999", "17; rm"] {
            assert_eq!(left(&told(0, said)), None, "{said}");
        }
        let longest = patience(&told(0, "60"), BACKOFF);
        assert_eq!((longest.seconds_left(), longest.asks_for_more), (Some(60), None));
        let more = patience(&told(0, "61"), BACKOFF);
        assert_eq!((more.seconds_left(), more.asks_for_more), (None, Some(61)));
    }

    #[test]
    fn one_wait_is_enough() {
        assert_eq!(left(&tried(3, 0).waited(1)), None);
    }

    #[test]
    fn tries_run_out_and_the_newest_tells_how_they_ended() {
        assert_eq!(patience(&tried(0, 0), BACKOFF).last_outcome, None);
        assert!(!patience(&tried(2, 0), BACKOFF).is_exhausted);
        let exhausted = patience(&tried(3, 100), BACKOFF);
        assert!(exhausted.is_exhausted);
        assert_eq!((exhausted.tries, exhausted.last_outcome.as_deref()), (3, Some("failed: 0")));
    }
}

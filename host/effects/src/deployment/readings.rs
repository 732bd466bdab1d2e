//! What a person is told of a step that nobody can be sure of, and looking until the engine has come to rest.
//!
//! It refuses to leave a person with half of it: whatever cannot be told is said with both readings, each with what would
//! show it. Invariant: every unclear answer of a probe comes from here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use repair_model::outcome::Probe;
use tokio::time::Instant;

/// How often the engine is looked at while it may still be at work.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Both readings in one sentence: `seen` is what was seen, or why nothing was.
pub(super) fn both_readings(seen: &str, happened_if: &str, not_if: &str) -> String {
    format!("{seen}: if {happened_if}, it happened; if {not_if}, it did not")
}

/// The same as a probe's answer.
pub(super) fn unclear(seen: &str, happened_if: &str, not_if: &str) -> Probe {
    Probe::Unclear(both_readings(seen, happened_if, not_if))
}

/// The answer when the plan itself does not say what to look at, so that the log is damaged.
pub(super) fn unclear_plan(what: &str) -> Probe {
    unclear(
        &format!("the plan does not say {what}"),
        "the target is as the summary of the step says",
        "it is as it was before",
    )
}

/// One look at an effect that the engine may still be at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing will change that any more.
    Final(Probe),
    /// The answer if it stays so for that long.
    Unless(Probe, Duration),
}

/// Looks until the answer is final, or has stayed the same for as long as it says. A wish to stop ends the wait with
/// `interrupted`, since the engine may still go on.
pub(super) async fn settled(
    interrupted: &AtomicBool,
    when_interrupted: impl Fn() -> Probe,
    look: impl AsyncFn() -> Result<Look, Probe>,
) -> Probe {
    let mut seen: Option<(Probe, Instant)> = None;
    loop {
        let (probe, patience) = match look().await {
            Ok(Look::Final(probe)) => return probe,
            Ok(Look::Unless(probe, patience)) => (probe, patience),
            Err(probe) => return probe,
        };
        let now = Instant::now();
        let since = match &seen {
            Some((before, since)) if *before == probe => *since,
            _ => now,
        };
        if now.duration_since(since) >= patience {
            return probe;
        }
        if interrupted.load(Ordering::Relaxed) {
            return when_interrupted();
        }
        seen = Some((probe, since));
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    /// Whether a text says both what would show that a step happened and what that it did not.
    pub(in crate::deployment) fn has_both_readings(text: &str) -> bool {
        text.split_once(": if ").and_then(|(_, readings)| readings.split_once(", it happened; if ")).is_some_and(
            |(happened, not)| {
                !happened.is_empty() && not.strip_suffix(", it did not").is_some_and(|not| !not.is_empty())
            },
        )
    }

    fn stopped() -> Probe {
        unclear("you wished to stop", "it goes on", "it does not")
    }

    async fn looked(looks: &[Look], stop: bool) -> (Probe, usize) {
        let at = Cell::new(0);
        let interrupted = AtomicBool::new(stop);
        let look = async || {
            let seen = looks[at.get().min(looks.len() - 1)].clone();
            at.set(at.get() + 1);
            Ok(seen)
        };
        let probe = settled(&interrupted, stopped, look).await;
        (probe, at.get())
    }

    #[tokio::test]
    async fn an_answer_counts_once_it_has_stayed_the_same_for_long_enough() {
        let not = Look::Unless(Probe::DidNotHappen, Duration::from_millis(400));
        let happened = Look::Final(Probe::Happened);
        assert_eq!(looked(&[not.clone(), happened.clone()], false).await, (Probe::Happened, 2));
        assert_eq!(looked(std::slice::from_ref(&not), false).await, (Probe::DidNotHappen, 2));
        let busy = Look::Unless(unclear("it is being removed", "it goes", "it stays"), Duration::from_secs(60));
        let (probe, looks) = looked(&[busy, not.clone()], false).await;
        assert_eq!((probe, looks), (Probe::DidNotHappen, 3), "the time counts from the first of the same answers");
    }

    #[tokio::test]
    async fn a_wish_to_stop_ends_the_wait_and_a_final_answer_comes_first() {
        let not = Look::Unless(Probe::DidNotHappen, Duration::from_secs(60));
        assert_eq!(looked(&[not], true).await, (stopped(), 1));
        assert_eq!(looked(&[Look::Final(Probe::Happened)], true).await, (Probe::Happened, 1));
        let failed = async || Err(unclear_plan("which container it is"));
        let failed = settled(&AtomicBool::new(false), stopped, failed).await;
        assert!(matches!(failed, Probe::Unclear(words) if has_both_readings(&words)));
    }

    #[test]
    fn a_person_gets_both_readings() {
        assert!(has_both_readings(&both_readings("nobody knows", "a", "b")));
        for half in ["nobody knows", "nobody knows: if a, it happened", "if a, it happened; if , it did not"] {
            assert!(!has_both_readings(half), "{half}");
        }
    }
}

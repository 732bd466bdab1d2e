//! How many effects may still be begun, counted from the log.
//!
//! Neither a restart, a new session, a re-worded error nor another project name resets a count: effects of other projects of
//! the same directory count too, and the storm guard counts whatever the effects were for. What a session did in vain is
//! followed by a cooldown, during which nobody but a person may begin again.

use jiff::{SignedDuration, Timestamp};
use repair_model::bounds::Bounds;
use repair_model::finding::FailureClass;
use repair_model::ids::SessionId;

use crate::session::{History, Session};
use crate::workflow::Elsewhere;

/// Attempts count within this time, in seconds.
pub(crate) const ATTEMPT_WINDOW_SECONDS: i64 = 3600;

/// Effects begun since `since`, for one class or for whatever, in this project and in others of its directory.
pub(crate) fn attempts_since(
    history: &History,
    elsewhere: &[Elsewhere],
    class: Option<FailureClass>,
    since: Timestamp,
) -> u32 {
    let counts = |one: &&Elsewhere| one.at >= since && class.is_none_or(|class| one.class == class);
    let elsewhere = u32::try_from(elsewhere.iter().filter(counts).count()).unwrap_or(u32::MAX);
    history.attempts_since(class, since).saturating_add(elsewhere)
}

/// What the counts are held against.
pub(super) struct Budget<'b> {
    pub(super) bounds: &'b Bounds,
    pub(super) elsewhere: &'b [Elsewhere],
    pub(super) now: Timestamp,
    /// Whether no cooldown has to pass first, because a person said yes, or the plan only looks.
    pub(super) at_once: bool,
}

impl Budget<'_> {
    /// The effects begun for `class` within the window, as long as `steps` more are within the bounds; else which bound is
    /// reached. `begins` tells whether the plan has not begun yet.
    pub(super) fn left(
        &self,
        history: &History,
        session: &SessionId,
        class: FailureClass,
        begins: bool,
        steps: usize,
    ) -> Result<u32, String> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        // A clock that was set back makes times of the log lie ahead; they count all the same.
        let since = self.now.saturating_sub(SignedDuration::from_secs(ATTEMPT_WINDOW_SECONDS));
        let count = |class: Option<FailureClass>| match since {
            Ok(since) => attempts_since(history, self.elsewhere, class, since),
            Err(_) => u32::MAX,
        };
        let (for_class, in_all) = (count(Some(class)), count(None));
        let in_session = history.session(session).map_or(0, Session::attempts);
        let counts = [
            (
                for_class,
                self.bounds.attempts_per_class_max,
                "attempts_per_class_max",
                format!(" for {class}"),
                " within the last hour",
            ),
            (
                in_session,
                self.bounds.attempts_per_session_max,
                "attempts_per_session_max",
                String::new(),
                " in this session",
            ),
            (
                in_all,
                self.bounds.attempts_per_hour_max,
                "attempts_per_hour_max",
                " in all".to_owned(),
                " within the last hour",
            ),
        ];
        for (begun, bound, name, what, when) in counts {
            if begun.saturating_add(steps) > bound {
                return Err(format!(
                    "{begun} effects{what} were started{when}, and the plan takes {steps} more; the bound {name} is {bound}"
                ));
            }
        }
        self.cooled_down(history, class, begins)?;
        Ok(for_class)
    }

    fn cooled_down(&self, history: &History, class: FailureClass, begins: bool) -> Result<(), String> {
        let Some(unhealed) = history.unhealed_since(class).filter(|_| begins && !self.at_once) else {
            return Ok(());
        };
        let cooldown = self.bounds.cooldown_seconds_min;
        let passed = self.now.duration_since(unhealed).as_secs();
        // Behind a clock that was set back, the time that passed is not known, and the cooldown is not over.
        if u64::try_from(passed).is_ok_and(|passed| passed >= cooldown) {
            return Ok(());
        }
        Err(format!(
            "an earlier session did something for {class} and did not heal it; without a person nothing more is begun for \
             it until {cooldown} s have passed; the bound is cooldown_seconds_min"
        ))
    }
}

#[cfg(test)]
mod tests;

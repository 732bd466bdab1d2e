//! Bounds: numbers that a policy may tighten and nobody may widen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Permille;

/// The bounds in force for one session. Each is at most its default, which is also its ceiling, except for the
/// cooldown and the confidence floor, which are at least their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Rounds of inspection, plan and verification in one session.
    pub rounds_max: u32,
    /// Effects started for one class of finding within an hour, over all sessions and all projects of the directory.
    pub attempts_per_class_max: u32,
    /// Effects started in one session.
    pub attempts_per_session_max: u32,
    /// Effects started within an hour, whatever for, over all sessions and all projects of the directory: the storm guard.
    pub attempts_per_hour_max: u32,
    /// How often one session may be taken over after its process was lost.
    pub recoveries_max: u32,
    /// Actions in one plan.
    pub plan_actions_max: u32,
    /// Times that a tool may ask for more before it has to answer.
    pub tool_rounds_max: u32,
    /// Wall time of a session's own work, in seconds; waiting for a person does not count.
    pub session_seconds_max: u64,
    /// Wall time of one `compose up`, in seconds.
    pub up_seconds_max: u64,
    /// Wall time that one operation of Azure is waited for, in seconds. It goes on there, and a later run waits again.
    pub operation_seconds_max: u64,
    /// Wall time of one verification, in seconds.
    pub verify_seconds_max: u64,
    /// The longest time between two attempts that a tool may ask for, in seconds.
    pub backoff_seconds_max: u64,
    /// How long a grant stands, in seconds.
    pub grant_seconds_max: u64,
    /// How long nobody but a person may begin again on a class of finding after a session that did something for it and
    /// did not heal it, in seconds.
    pub cooldown_seconds_min: u64,
    /// Findings and proposals below this confidence are not acted upon.
    pub confidence_floor_permille: Permille,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rounds_max: 4,
            attempts_per_class_max: 12,
            attempts_per_session_max: 24,
            attempts_per_hour_max: 36,
            recoveries_max: 5,
            plan_actions_max: 16,
            tool_rounds_max: 4,
            session_seconds_max: 60 * 60,
            up_seconds_max: 10 * 60,
            operation_seconds_max: 20 * 60,
            verify_seconds_max: 3 * 60,
            backoff_seconds_max: 60,
            grant_seconds_max: 60 * 60,
            cooldown_seconds_min: 10,
            confidence_floor_permille: Permille::new(600).expect("below 1000"),
        }
    }
}

/// What one policy layer says of the bounds; what it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoundsLayer {
    /// See [`Bounds::rounds_max`].
    pub rounds_max: Option<u32>,
    /// See [`Bounds::attempts_per_class_max`].
    pub attempts_per_class_max: Option<u32>,
    /// See [`Bounds::attempts_per_session_max`].
    pub attempts_per_session_max: Option<u32>,
    /// See [`Bounds::attempts_per_hour_max`].
    pub attempts_per_hour_max: Option<u32>,
    /// See [`Bounds::recoveries_max`].
    pub recoveries_max: Option<u32>,
    /// See [`Bounds::plan_actions_max`].
    pub plan_actions_max: Option<u32>,
    /// See [`Bounds::tool_rounds_max`].
    pub tool_rounds_max: Option<u32>,
    /// See [`Bounds::session_seconds_max`].
    pub session_seconds_max: Option<u64>,
    /// See [`Bounds::up_seconds_max`].
    pub up_seconds_max: Option<u64>,
    /// See [`Bounds::operation_seconds_max`].
    pub operation_seconds_max: Option<u64>,
    /// See [`Bounds::verify_seconds_max`].
    pub verify_seconds_max: Option<u64>,
    /// See [`Bounds::backoff_seconds_max`].
    pub backoff_seconds_max: Option<u64>,
    /// See [`Bounds::grant_seconds_max`].
    pub grant_seconds_max: Option<u64>,
    /// See [`Bounds::cooldown_seconds_min`].
    pub cooldown_seconds_min: Option<u64>,
    /// See [`Bounds::confidence_floor_permille`].
    pub confidence_floor_permille: Option<Permille>,
}

/// A layer that would widen a bound.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{field} = {asked}` would widen the bound {in_force}; a policy can only tighten it")]
pub struct WidenError {
    /// The name of the bound in the TOML file.
    pub field: &'static str,
    /// The value that the layer asks for.
    pub asked: u64,
    /// The value in force before the layer.
    pub in_force: u64,
}

impl Bounds {
    /// The bounds after one more layer.
    ///
    /// # Errors
    /// When the layer would widen a bound; a silent clamp would leave its author in the belief that it holds.
    pub fn tightened(mut self, layer: &BoundsLayer) -> Result<Self, WidenError> {
        macro_rules! lower {
            ($($field:ident),* $(,)?) => {$(
                if let Some(asked) = layer.$field {
                    if asked > self.$field {
                        return Err(WidenError {
                            field: stringify!($field),
                            asked: asked.into(),
                            in_force: self.$field.into(),
                        });
                    }
                    self.$field = asked;
                }
            )*};
        }
        lower!(
            rounds_max,
            attempts_per_class_max,
            attempts_per_session_max,
            attempts_per_hour_max,
            recoveries_max,
            plan_actions_max,
            tool_rounds_max,
            session_seconds_max,
            up_seconds_max,
            operation_seconds_max,
            verify_seconds_max,
            backoff_seconds_max,
            grant_seconds_max,
        );
        if let Some(asked) = layer.cooldown_seconds_min {
            if asked < self.cooldown_seconds_min {
                return Err(WidenError { field: "cooldown_seconds_min", asked, in_force: self.cooldown_seconds_min });
            }
            self.cooldown_seconds_min = asked;
        }
        if let Some(asked) = layer.confidence_floor_permille {
            if asked < self.confidence_floor_permille {
                return Err(WidenError {
                    field: "confidence_floor_permille",
                    asked: asked.get().into(),
                    in_force: self.confidence_floor_permille.get().into(),
                });
            }
            self.confidence_floor_permille = asked;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_tightens_and_never_widens() {
        let tight = BoundsLayer { rounds_max: Some(1), ..BoundsLayer::default() };
        let bounds = Bounds::default().tightened(&tight).expect("tighter");
        assert_eq!(bounds.rounds_max, 1);
        let wide = BoundsLayer { rounds_max: Some(2), ..BoundsLayer::default() };
        let error = bounds.tightened(&wide).expect_err("wider");
        assert_eq!(error.field, "rounds_max");
    }

    #[test]
    fn the_cooldown_only_rises() {
        let shorter = BoundsLayer { cooldown_seconds_min: Some(1), ..BoundsLayer::default() };
        assert!(Bounds::default().tightened(&shorter).is_err());
        let longer = BoundsLayer { cooldown_seconds_min: Some(3600), ..BoundsLayer::default() };
        assert_eq!(Bounds::default().tightened(&longer).expect("longer").cooldown_seconds_min, 3600);
    }

    #[test]
    fn the_confidence_floor_only_rises() {
        let lower = BoundsLayer { confidence_floor_permille: Permille::new(1), ..BoundsLayer::default() };
        assert!(Bounds::default().tightened(&lower).is_err());
        let higher = BoundsLayer { confidence_floor_permille: Permille::new(999), ..BoundsLayer::default() };
        assert!(Bounds::default().tightened(&higher).is_ok());
    }
}

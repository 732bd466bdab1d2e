//! Whether the engine has a volume. It only looks.

use serde::Deserialize;

use super::connection::{Engine, EngineError};
use super::containers::encoded;

/// `GET /volumes/NAME`; that it answers is all that is used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InspectedVolume {}

impl Engine {
    /// Whether there is a volume of that name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn has_volume(&self, name: &str) -> Result<bool, EngineError> {
        match self.get::<InspectedVolume>(format!("/volumes/{}", encoded(name)), "a volume").await {
            Ok(_) => Ok(true),
            Err(EngineError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

//! Which images the engine has. It only looks.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use repair_model::limits::ENGINE_INSPECTS_AT_ONCE;
use serde::Deserialize;

use super::connection::{Engine, EngineError};
use super::containers::encoded;

/// `GET /images/NAME/json`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedImage {
    id: String,
}

impl Engine {
    /// The id of the image that each reference means now, in the order of `references`; `None` where there is none.
    ///
    /// # Errors
    /// When the engine does not answer, or takes a reference for none.
    pub async fn image_ids(&self, references: &[String]) -> Result<Vec<Option<String>>, EngineError> {
        let asked: Vec<_> = references.iter().map(|reference| self.image_id(reference)).collect();
        stream::iter(asked).buffered(ENGINE_INSPECTS_AT_ONCE).try_collect().await
    }

    async fn image_id(&self, reference: &str) -> Result<Option<String>, EngineError> {
        // The slashes of a reference are part of the path, as the engine's own client sends them.
        let path: Vec<String> = reference.split('/').map(encoded).collect();
        match self.get::<InspectedImage>(format!("/images/{}/json", path.join("/")), "an image").await {
            Ok(image) => Ok(Some(image.id)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

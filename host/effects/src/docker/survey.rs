//! Every container of the engine, as one list shows it: what holds a name, what a network is attached to, and where
//! Compose made it.
//!
//! It looks beyond the project on purpose: what is in a project's way may belong to anybody. It only looks.

use std::collections::BTreeSet;

use super::answers::Listed;
use super::connection::{Engine, EngineError};
use super::containers::Summary;

/// One container of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Which one, and how it is.
    pub summary: Summary,
    /// Whether `compose run` made it.
    pub one_off: bool,
    /// The project directory that it was made for, by Compose's label.
    pub made_in: Option<String>,
    /// The Compose files that it was made from, by Compose's label: absolute paths with commas between them.
    pub made_from: Option<String>,
    /// Its number within its service, by Compose's label.
    pub number: Option<u32>,
    /// Names and ids of the networks that it is attached to, or will be when it starts.
    pub networks: BTreeSet<String>,
    /// Volumes without a name of their own; only the container tells whose they are.
    pub anonymous_volumes: usize,
}

impl Surveyed {
    /// Its full id.
    pub fn id(&self) -> &str {
        &self.summary.container.id
    }

    /// Its name, without the leading slash.
    pub fn name(&self) -> &str {
        &self.summary.container.name
    }

    /// Its Compose project, by its label.
    pub fn project(&self) -> Option<&str> {
        self.summary.container.project.as_deref()
    }

    /// Its Compose service, by its label.
    pub fn service(&self) -> Option<&str> {
        self.summary.container.service.as_deref()
    }
}

impl Engine {
    /// All containers in any state, in one request, in order of name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn survey(&self) -> Result<Vec<Surveyed>, EngineError> {
        let mut all: Vec<Surveyed> = self.list(true, None).await?.into_iter().map(Listed::into_surveyed).collect();
        all.sort_by(|one, other| one.name().cmp(other.name()));
        Ok(all)
    }
}

//! What is healed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Digest, Domain};

/// One Compose project on one engine. Its identity is endpoint, real project path and project name; files and profiles
/// say how it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The engine, as a docker host such as `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// The project directory, absolute and without symbolic links.
    pub directory: PathBuf,
    /// The Compose project name.
    pub project: String,
    /// Compose files in order, absolute. Overrides that Compose loads by itself are among them.
    pub files: Vec<PathBuf>,
    /// Whether the files were named with `-f` (or `COMPOSE_FILE`), so that Compose loads no override by itself.
    pub files_are_explicit: bool,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// The services that are wanted, when a person named some (`docker compose up web`); empty means all.
    pub services: Vec<String>,
}

impl Target {
    /// The identity as a digest; the name of the target's folder in the state directory.
    pub fn id(&self) -> Digest {
        let identity = format!("{}\0{}\0{}", self.endpoint, self.directory.display(), self.project);
        Digest::of(Domain::Target, identity.as_bytes())
    }

    /// Whether `service` is among those that are wanted.
    pub fn wants(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|wanted| wanted == service)
    }
}

//! What is healed.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Digest, Domain};

/// One Compose project on one engine, or one Azure resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The engine, as a docker host such as `unix:///var/run/docker.sock`; for Azure the URL of its resource manager.
    pub endpoint: String,
    /// The project directory, absolute and without symbolic links; for Azure where `repair.toml` and template lie.
    pub directory: PathBuf,
    /// The Compose project name, or the name of the resource group.
    pub project: String,
    /// The rest, which depends on what it is.
    pub scope: Scope,
}

/// What a target is, and how it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// A Compose project. Its identity is endpoint, directory and project name.
    Compose(ComposeScope),
    /// An Azure resource group. Its identity is endpoint, subscription and the group's name, from wherever it is healed.
    Azure(AzureScope),
}

/// How a Compose project was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComposeScope {
    /// Compose files in order, absolute. Overrides that Compose loads by itself are among them.
    pub files: Vec<PathBuf>,
    /// Whether the files were named with `-f` (or `COMPOSE_FILE`), so that Compose loads no override by itself.
    pub files_are_explicit: bool,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// The services that are wanted, when a person named some (`docker compose up web`); empty means all.
    pub services: Vec<String>,
}

/// How a resource group was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AzureScope {
    /// Id of the subscription, lower case.
    pub subscription: String,
    /// The deployment that is to be healed; without one the newest of the group.
    pub deployment: Option<String>,
    /// Its template, absolute: ARM JSON or Bicep.
    pub template: Option<PathBuf>,
    /// Its parameter files, absolute, in order.
    pub parameters: Vec<PathBuf>,
    /// Names of the parameters that were given as values; those are kept nowhere.
    #[serde(default)]
    pub values: Vec<String>,
    /// Why what failed cannot be deployed again, such as that it was deployed in complete mode.
    #[serde(default)]
    pub obstacle: Option<String>,
}

impl Target {
    /// The identity as a digest; the name of the target's folder in the state directory.
    pub fn id(&self) -> Digest {
        let identity = match &self.scope {
            Scope::Compose(_) => format!("{}\0{}\0{}", self.endpoint, self.directory.display(), self.project),
            Scope::Azure(azure) => {
                let (subscription, group) = (azure.subscription.to_lowercase(), self.project.to_lowercase());
                format!("{}\0azure\0{subscription}\0{group}", self.endpoint)
            }
        };
        Digest::of(Domain::Target, identity.as_bytes())
    }

    /// The directory that nobody else may work on meanwhile. The files beside a template are not changed, so a resource
    /// group needs none.
    pub fn locked_directory(&self) -> Option<&Path> {
        match &self.scope {
            Scope::Compose(_) => Some(&self.directory),
            Scope::Azure(_) => None,
        }
    }

    /// How it was asked for, when it is a Compose project.
    pub fn compose(&self) -> Option<&ComposeScope> {
        match &self.scope {
            Scope::Compose(compose) => Some(compose),
            Scope::Azure(_) => None,
        }
    }

    /// How it was asked for, when it is a resource group.
    pub fn azure(&self) -> Option<&AzureScope> {
        match &self.scope {
            Scope::Compose(_) => None,
            Scope::Azure(azure) => Some(azure),
        }
    }
}

impl ComposeScope {
    /// Whether `service` is among those that are wanted.
    pub fn wants(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|wanted| wanted == service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, directory: &str) -> Target {
        let subscription = "00000000-0000-0000-0000-00000000000A".to_owned();
        Target {
            endpoint: "https://management.azure.com".to_owned(),
            directory: PathBuf::from(directory),
            project: name.to_owned(),
            scope: Scope::Azure(AzureScope { subscription, ..AzureScope::default() }),
        }
    }

    #[test]
    fn a_resource_group_is_the_same_from_every_directory_and_in_every_case() {
        assert_eq!(group("rg-shop", "/a").id(), group("RG-Shop", "/b").id());
        assert_ne!(group("rg-shop", "/a").id(), group("rg-shop2", "/a").id());
        assert_eq!(group("rg-shop", "/a").locked_directory(), None);
    }

    #[test]
    fn a_project_is_another_one_in_another_directory() {
        let project = |directory: &str| Target {
            endpoint: "unix:///run/docker.sock".to_owned(),
            directory: PathBuf::from(directory),
            project: "shop".to_owned(),
            scope: Scope::Compose(ComposeScope::default()),
        };
        assert_ne!(project("/a").id(), project("/b").id());
        assert_eq!(project("/a").locked_directory(), Some(Path::new("/a")));
    }
}

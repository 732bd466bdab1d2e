//! The files of a project at one moment: their texts, what git knows of them, what Compose makes of them.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::ids::{Digest, Domain};
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use super::preparing::file_refusal;
use crate::compose::interpolation::Template;
use crate::compose::patch;
use crate::compose::snapshot::{EditInput, override_names};
use crate::compose::source::SourceFile;
use crate::files::{self, GitState, git_state};
use crate::process::{ComposeVersion, compose_version};

/// The first Compose that knows `!override` (facts of its own changelog, 2.24.4).
const OVERRIDE_TAG_SINCE: ComposeVersion = ComposeVersion(2, 24, 4);
/// The file from which Compose takes variables by itself.
const DOTENV: &str = ".env";

/// The files of the project at one moment, with what git knows of them.
pub(super) struct ProjectFiles {
    pub(super) texts: BTreeMap<String, Option<String>>,
    compose: Vec<String>,
    dotenv: Vec<String>,
    explicit: bool,
    pub(super) tracked: BTreeSet<String>,
    pub(super) modified: BTreeSet<String>,
    override_tag: bool,
}

impl ProjectFiles {
    /// What edits are planned from.
    pub(super) fn input<'a>(
        &'a self,
        shell: &'a BTreeMap<String, String>,
        services: &'a [repair_model::compose::Service],
    ) -> EditInput<'a> {
        EditInput {
            texts: &self.texts,
            compose_files: &self.compose,
            explicit_files: self.explicit,
            dotenv_files: &self.dotenv,
            shell,
            tracked: &self.tracked,
            services,
            override_tag: self.override_tag,
        }
    }

    pub(super) fn digests(&self) -> BTreeMap<String, Option<Digest>> {
        self.texts.iter().map(|(name, text)| (name.clone(), text.as_deref().map(patch::digest))).collect()
    }

    /// The variables that the Compose files name, with the digest of what the shell exports; `.env` is a file and is
    /// covered by its own digest.
    pub(super) fn variables(&self, shell: &BTreeMap<String, String>) -> BTreeMap<String, Option<Digest>> {
        let texts = self.compose.iter().filter_map(|name| self.texts.get(name)?.as_deref());
        texts
            .filter_map(|text| {
                let template = Template::parse(text).ok()?;
                Some(template.variables().into_iter().map(str::to_owned).collect::<Vec<_>>())
            })
            .flatten()
            .map(|name| {
                let value = shell.get(&name).map(|value| Digest::of(Domain::Value, value.as_bytes()));
                (name, value)
            })
            .collect()
    }

    /// The files that Compose loads, in its order.
    pub(super) fn compose_sources(&self) -> Vec<SourceFile> {
        let texts = self.compose.iter().filter_map(|name| Some((name.clone(), self.texts.get(name)?.clone()?)));
        texts.map(|(name, text)| SourceFile { name, text }).collect()
    }

    pub(super) fn sources(&self) -> Vec<SourceFile> {
        let texts = self.texts.iter().filter_map(|(name, text)| Some((name.clone(), text.clone()?)));
        texts.map(|(name, text)| SourceFile { name, text }).collect()
    }
}

impl ComposeDeployment {
    /// All files that Compose reads of this project, or would read if they existed.
    pub(super) async fn project_files(&mut self) -> Result<ProjectFiles, TargetError> {
        let compose: Vec<String> = self.located.files.iter().map(|file| self.name_of(file)).collect();
        let dotenv = vec![DOTENV.to_owned()];
        let mut names: BTreeSet<String> = compose.iter().chain(&dotenv).cloned().collect();
        if let (Some(base), false) = (compose.first(), self.located.explicit) {
            names.extend(override_names(base));
        }
        let mut texts = BTreeMap::new();
        for name in names {
            let path = self.path_of(&name);
            let text =
                if path.exists() { Some(files::read_text(&path).map_err(|error| file_refusal(&error))?) } else { None };
            texts.insert(name, text);
        }
        // Git and Compose are separate programs: asking both at once takes as long as the slower one.
        let known_version = self.compose_version;
        let version = async {
            match known_version {
                Some(version) => Some(version),
                None => compose_version(self.compose.compose()).await.ok(),
            }
        };
        let (version, (tracked, modified)) = tokio::join!(version, self.under_version_control(&texts));
        self.compose_version = version;
        let explicit = self.located.explicit;
        let override_tag = version.is_some_and(|version| version >= OVERRIDE_TAG_SINCE);
        Ok(ProjectFiles { texts, compose, dotenv, explicit, tracked, modified, override_tag })
    }

    /// The files that are under version control, and those of them that differ from what was committed.
    async fn under_version_control(
        &self,
        texts: &BTreeMap<String, Option<String>>,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut tracked, mut modified) = (BTreeSet::new(), BTreeSet::new());
        for name in texts.iter().filter(|(_, text)| text.is_some()).map(|(name, _)| name) {
            match git_state(&self.path_of(name), &self.path_var).await {
                GitState::TrackedClean => drop(tracked.insert(name.clone())),
                GitState::TrackedModified => {
                    tracked.insert(name.clone());
                    modified.insert(name.clone());
                }
                GitState::Untracked | GitState::NotARepository | GitState::Ignored | GitState::Unclear(_) => {}
            }
        }
        (tracked, modified)
    }

    /// The version of Compose; `None` when it does not tell.
    pub(super) async fn compose_version(&mut self) -> Option<ComposeVersion> {
        if self.compose_version.is_none() {
            self.compose_version = compose_version(self.compose.compose()).await.ok();
        }
        self.compose_version
    }
}

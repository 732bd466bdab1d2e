//! A project that Compose refuses because a required variable has no value: it is still looked at, with stand-ins.
//!
//! A stand-in goes only into the environment of calls that look (`config`, `--dry-run`); `up` and `pull` never see one, so
//! Compose refuses them as before. It refuses to stand in for a variable that the project's files do not name, for one of
//! Compose's or docker's own, and for one that the project's name is made of, since that decides which target it is.
//! Every other refusal stays what it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use repair_model::evidence::{Evidence, Provenance};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::STAND_INS_MAX;
use repair_pipeline::evidence::from_text;
use repair_pipeline::outside::TargetError;
use serde_json::Value;

use super::ComposeDeployment;
use crate::compose::command::ComposeCommand;
use crate::compose::empty_variables::{env_files, names_variable};
use crate::compose::interpolation::Variables;
use crate::compose::project::Located;
use crate::compose::source::SourceFile;
use crate::files;

/// Compose's words for it since 2.0 (compose-go, `MissingRequiredError`), with or without the author's own words behind.
static MISSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"required variable ([A-Za-z_][A-Za-z0-9_]*) is missing a value").expect("it is constant")
});

/// What Compose refuses, and for which variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// Compose's words for each variable.
    words: BTreeMap<String, String>,
}

impl Refused {
    /// The variables, in order.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// Compose's words as evidence.
    pub(super) fn evidence(&self) -> Evidence {
        let words: Vec<&str> = self.words.values().map(String::as_str).collect();
        from_text(Provenance::ComposeConfig, words.join("\n").as_bytes())
    }
}

/// What stands for the value of a variable: the same in every call, in no other text, and taken by nearly every place.
pub(super) fn stand_in_for(variable: &str) -> String {
    let digest = Digest::of(Domain::Value, variable.as_bytes()).to_string();
    let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).rev().take(16).collect();
    format!("standin{digest}")
}

/// `compose config`, with stand-ins for required variables without a value, and what was refused without them.
pub(super) async fn config_with_stand_ins(
    compose: &mut ComposeCommand,
    located: &Located,
    shell: &BTreeMap<String, String>,
) -> Result<(Value, Option<Refused>), TargetError> {
    compose.stand_in(BTreeMap::new());
    let first = match compose.config().await {
        Ok(config) => return Ok((config, None)),
        Err(error) => error,
    };
    let (mut refused, mut error) = (Refused::default(), first.clone());
    let mut stand_ins = BTreeMap::new();
    while stand_ins.len() < STAND_INS_MAX {
        let Some(variable) = missing_variable(&error.what) else { break };
        let variable = variable.to_owned();
        if stand_ins.contains_key(&variable) || !may_stand_in(&variable, located, shell) {
            break;
        }
        stand_ins.insert(variable.clone(), stand_in_for(&variable));
        refused.words.insert(variable, error.what);
        compose.stand_in(stand_ins.clone());
        match compose.config().await {
            Ok(config) => {
                let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
                if stand_ins.values().any(|stand_in| name.contains(stand_in.as_str())) {
                    break;
                }
                return Ok((config, Some(refused)));
            }
            Err(next) => error = next,
        }
    }
    compose.stand_in(BTreeMap::new());
    Err(first)
}

fn missing_variable(words: &str) -> Option<&str> {
    MISSING.captures(words)?.get(1).map(|name| name.as_str())
}

fn may_stand_in(variable: &str, located: &Located, shell: &BTreeMap<String, String>) -> bool {
    let own = ["COMPOSE_", "DOCKER_"].iter().any(|prefix| variable.starts_with(prefix));
    !own && named_in(located, shell, variable)
}

/// Whether the project's own files use the variable: Compose files, `.env`, or what stands behind `env_file`.
fn named_in(located: &Located, shell: &BTreeMap<String, String>, variable: &str) -> bool {
    let read = |path: &Path| files::read_text(path).ok();
    let compose: Vec<SourceFile> = located
        .files
        .iter()
        .filter_map(|file| Some(SourceFile { name: file.display().to_string(), text: read(file)? }))
        .collect();
    let dotenv = read(&located.directory.join(".env"));
    if names_variable(compose.iter().map(|file| file.text.as_str()).chain(dotenv.as_deref()), variable) {
        return true;
    }
    let nothing = BTreeMap::new();
    let behind = env_files(&compose, &Variables { shell, dotenv: &nothing }).unwrap_or_default();
    let paths = behind.values().flatten().map(|file| located.directory.join(PathBuf::from(&file.path)));
    paths.filter_map(|path| read(&path)).any(|text| names_variable([text.as_str()], variable))
}

impl ComposeDeployment {
    /// Looks at the project anew.
    pub(super) async fn read_config(&mut self) -> Result<Value, TargetError> {
        let (config, refused) = config_with_stand_ins(&mut self.compose, &self.located, &self.shell).await?;
        self.refused = refused;
        Ok(config)
    }

    /// What Compose says against the project as it is.
    pub(super) fn refusal_evidence(&self) -> Vec<Evidence> {
        self.refused.iter().map(Refused::evidence).collect()
    }

    /// Why no service is as it should be, for the verdict.
    pub(super) fn refused_in_words(&self) -> Option<String> {
        let refused = self.refused.as_ref()?;
        let names: Vec<String> = refused.variables().map(|name| format!("`{name}`")).collect();
        Some(format!("Compose refuses the project without a value for {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_from_the_words_of_every_compose() {
        for (words, name) in [
            (
                "error while interpolating services.web.environment.A: required variable APP_KEY is missing a value: set it",
                "APP_KEY",
            ),
            ("required variable B is missing a value", "B"),
            ("failed to read /srv/my shop/a.env: required variable _C1 is missing a value: x", "_C1"),
            (
                "invalid interpolation format for services.web.image: \"required variable TAG is missing a value: no tag\". \
                 You may need to escape any $ with $$",
                "TAG",
            ),
        ] {
            let shown = repair_pipeline::evidence::redacted(words);
            assert_eq!(missing_variable(&shown), Some(name), "{shown}");
        }
        for words in
            ["required variable is missing a value", "service \"web\" has neither an image nor a build context"]
        {
            assert_eq!(missing_variable(words), None);
        }
    }

    #[test]
    fn a_secrets_name_survives_redaction() {
        for name in ["DB_PASSWORD", "API_TOKEN", "ENCRYPTION_SECRET", "PGPASSWORD"] {
            let words =
                format!("error while interpolating x.{name}: required variable {name} is missing a value: set {name}");
            assert_eq!(missing_variable(&repair_pipeline::evidence::redacted(&words)), Some(name));
        }
    }

    #[test]
    fn stand_ins_differ_and_fit_into_names_and_tags() {
        let (one, other) = (stand_in_for("A"), stand_in_for("B"));
        assert_ne!(one, other);
        assert_eq!(one, stand_in_for("A"));
        assert!(one.len() == 23 && one.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }

    #[test]
    fn only_what_the_files_name_and_compose_does_not_own_gets_a_stand_in() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            files::create_new(&dir.path().join(name), text.as_bytes()).expect("written");
        };
        write("compose.yaml", "services: {web: {image: \"x:${TAG:?}\", env_file: [web.env]}}\n# $COMPOSE_PROFILES\n");
        write(".env", "A=${B:?}\n");
        write("web.env", "C=${D:?}\n");
        let directory = dir.path().to_path_buf();
        let located = Located { files: vec![directory.join("compose.yaml")], directory, explicit: false };
        let may = |name: &str| may_stand_in(name, &located, &BTreeMap::new());
        assert!(may("TAG") && may("B") && may("D"));
        assert!(!may("A") && !may("PATH") && !may("COMPOSE_PROFILES"));
    }
}

//! Compose itself, with fixed argument vectors: `config`, `up`, `up --dry-run` and `pull`. Never a shell.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use repair_model::limits::{COMPOSE_OUTPUT_BYTES_MAX, EVIDENCE_BYTES_MAX};
use repair_model::plan::ContainerOperation;
use repair_pipeline::outside::TargetError;

use super::project::{Located, ProjectChoice};
use crate::process::{Compose, Finished, Invocation, RunOptions, run};

/// `config` and `--dry-run` only read; this bounds them all the same, in seconds.
const LOOK_SECONDS_MAX: u64 = 30;

/// Compose for one project on one engine.
#[derive(Clone, Debug)]
pub struct ComposeCommand {
    compose: Compose,
    directory: PathBuf,
    global_args: Vec<OsString>,
    docker_host: String,
    stand_ins: BTreeMap<String, String>,
}

/// What `up --dry-run` would do, by container name.
pub type DryRun = BTreeMap<String, ContainerOperation>;

impl ComposeCommand {
    /// Compose for the project at `located`, on the engine at `docker_host`.
    pub fn new(compose: Compose, located: &Located, choice: &ProjectChoice, docker_host: &str) -> Self {
        let mut global_args: Vec<OsString> = vec!["--project-directory".into(), located.directory.clone().into()];
        if located.explicit {
            for file in &located.files {
                global_args.extend(["-f".into(), file.clone().into()]);
            }
        }
        if let Some(name) = &choice.name {
            global_args.extend(["-p".into(), name.into()]);
        }
        for profile in &choice.profiles {
            global_args.extend(["--profile".into(), profile.into()]);
        }
        let (directory, docker_host) = (located.directory.clone(), docker_host.to_owned());
        Self { compose, directory, global_args, docker_host, stand_ins: BTreeMap::new() }
    }

    /// From now on, values for variables in calls that only look; never in one that changes something.
    pub fn stand_in(&mut self, values: BTreeMap<String, String>) {
        self.stand_ins = values;
    }

    /// The Compose that is called.
    pub fn compose(&self) -> &Compose {
        &self.compose
    }

    /// The effective model as JSON.
    ///
    /// # Errors
    /// With Compose's own words when it refuses the project.
    pub async fn config(&self) -> Result<serde_json::Value, TargetError> {
        self.config_with(&[]).await
    }

    /// The same with the services of all profiles, active or not. `None` when the project has no profile, so that
    /// [`Self::config`] says it all.
    ///
    /// # Errors
    /// With Compose's own words when it refuses the project so.
    pub async fn config_of_all_profiles(&self) -> Result<Option<serde_json::Value>, TargetError> {
        let finished = self.look(&["config", "--profiles"]).await?;
        if !finished.succeeded() {
            return Err(refused(finished, "`docker compose config --profiles` refuses the project"));
        }
        let text = finished.stdout.into_text();
        let profiles: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if profiles.is_empty() {
            return Ok(None);
        }
        // Old versions of Compose do not know the profile `*`, so each is named.
        let args: Vec<&str> = profiles.into_iter().chain(["*"]).flat_map(|profile| ["--profile", profile]).collect();
        self.config_with(&args).await.map(Some)
    }

    async fn config_with(&self, global_args: &[&str]) -> Result<serde_json::Value, TargetError> {
        let finished = self.look(&[global_args, &["config", "--format", "json"]].concat()).await?;
        if !finished.succeeded() {
            return Err(refused(finished, "`docker compose config` refuses the project"));
        }
        serde_json::from_str(&finished.stdout.into_text()).map_err(|error| TargetError {
            what: format!("`docker compose config` printed something that is not JSON: {error}"),
            hints: vec!["`repair` needs Compose 2 or later: `docker compose version`".to_owned()],
        })
    }

    /// What `up -d --no-deps --no-build SERVICES` would do; nothing is changed. `None` when Compose cannot say: its dry run
    /// waits for the health of a dependency that it has not really started.
    ///
    /// # Errors
    /// With Compose's own words.
    pub async fn dry_run(&self, services: &[String]) -> Result<Option<DryRun>, TargetError> {
        let args: Vec<&str> = ["--dry-run", "--progress", "plain"].into_iter().chain(up_args(services)).collect();
        let finished = self.look(&args).await?;
        if finished.succeeded() {
            return Ok(Some(read_dry_run(&finished.stderr.into_text())));
        }
        let refusal = refused(finished, "Compose cannot say what `up` would do");
        if refusal.what.contains("dependency failed to start") { Ok(None) } else { Err(refusal) }
    }

    /// The configuration hash of each service, as Compose writes it into its label `config-hash`.
    ///
    /// # Errors
    /// With Compose's own words.
    pub async fn hashes(&self, services: &[String]) -> Result<BTreeMap<String, String>, TargetError> {
        let finished = self.look(&["config", "--hash", &services.join(",")]).await?;
        if !finished.succeeded() {
            return Err(refused(finished, "`docker compose config --hash` refuses the project"));
        }
        let text = finished.stdout.into_text();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(service, hash)| (service.to_owned(), hash.trim().to_owned())).collect())
    }

    /// The call that starts what is missing of `services`, and nothing else.
    pub fn up(&self, services: &[String]) -> Invocation {
        let args: Vec<&str> = ["--progress", "plain"].into_iter().chain(up_args(services)).collect();
        self.invocation(&args)
    }

    /// The call that pulls the images of `services` and touches no container. `policy` says whether this Compose knows
    /// `--policy`, without which it also looks for a newer image of one that is there.
    pub fn pull(&self, services: &[String], policy: bool) -> Invocation {
        let args: Vec<&str> = ["--progress", "plain"].into_iter().chain(pull_args(services, policy)).collect();
        self.invocation(&args)
    }

    /// Bytes kept of each stream of a call that changes something.
    pub const OUTPUT_BYTES_MAX: usize = EVIDENCE_BYTES_MAX;

    async fn look(&self, args: &[&str]) -> Result<Finished, TargetError> {
        let options = RunOptions::new(Duration::from_secs(LOOK_SECONDS_MAX), COMPOSE_OUTPUT_BYTES_MAX);
        let invocation = self.invocation(args);
        let invocation = self.stand_ins.iter().fold(invocation, |call, (name, value)| call.with_variable(name, value));
        run(&invocation, options).await.map_err(|error| TargetError {
            what: error.to_string(),
            hints: vec!["`repair doctor` checks Compose".to_owned()],
        })
    }

    fn invocation(&self, args: &[&str]) -> Invocation {
        let args = self.global_args.iter().cloned().chain(args.iter().map(Into::into));
        self.compose
            .invocation(args)
            .in_directory(&self.directory)
            // The engine was resolved once; Compose must not come to another conclusion.
            .with_variable("DOCKER_HOST", &self.docker_host)
            .without_variable("DOCKER_CONTEXT")
            .with_variable("COMPOSE_ANSI", "never")
            .with_variable("COMPOSE_MENU", "0")
    }
}

fn up_args(services: &[String]) -> impl Iterator<Item = &str> {
    ["up", "-d", "--no-deps", "--no-build", "--"].into_iter().chain(services.iter().map(String::as_str))
}

fn pull_args(services: &[String], policy: bool) -> impl Iterator<Item = &str> {
    let policy: &[&str] = if policy { &["--policy", "missing"] } else { &[] };
    std::iter::once("pull").chain(policy.iter().copied()).chain(["--"]).chain(services.iter().map(String::as_str))
}

fn refused(finished: Finished, what: &str) -> TargetError {
    if finished.timed_out {
        return TargetError {
            what: format!("{what}: no answer within {LOOK_SECONDS_MAX} s"),
            hints: vec!["`repair doctor` checks engine and Compose".to_owned()],
        };
    }
    let text = finished.stderr.into_text();
    let words = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim();
    let words = repair_pipeline::evidence::redacted(words);
    TargetError {
        what: format!("{what}: {words}"),
        hints: vec!["correct the Compose file at the place it names; `docker compose config` checks it".to_owned()],
    }
}

/// Reads the lines ` DRY-RUN MODE -  Container NAME  Recreate`. Compose starts a recreated container under a temporary
/// name, the first twelve digits of an id before its own; that is the same container.
fn read_dry_run(text: &str) -> DryRun {
    let mut operations = DryRun::new();
    for line in text.lines() {
        let Some((_, rest)) = line.split_once(" Container ") else { continue };
        let mut words = rest.split_whitespace();
        let (Some(name), Some(status)) = (words.next(), words.next()) else { continue };
        let operation = match status {
            "Create" | "Creating" | "Created" => ContainerOperation::Create,
            "Recreate" | "Recreating" | "Recreated" => ContainerOperation::Recreate,
            "Start" | "Starting" | "Started" => ContainerOperation::Start,
            _ => continue,
        };
        let known = operations.entry(without_temporary_prefix(name).to_owned()).or_insert(operation);
        if *known == ContainerOperation::Start {
            *known = operation;
        }
    }
    operations
}

fn without_temporary_prefix(name: &str) -> &str {
    match name.split_once('_') {
        Some((id, rest)) if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_names_each_container_once() {
        let text = " DRY-RUN MODE -  Network p_default  Creating\n \
                     DRY-RUN MODE -  Container p-web-1  Running\n \
                     DRY-RUN MODE -  Container p-db-1  Recreate\n \
                     DRY-RUN MODE -  Container p-db-1  Recreated\n \
                     DRY-RUN MODE -  Container 0c2e0f76cc07_p-db-1  Starting\n \
                     DRY-RUN MODE -  Container p-new-1  Creating\n \
                     DRY-RUN MODE -  Container p-new-1  Created\n \
                     DRY-RUN MODE -  Container p-new-1  Starting\n \
                     DRY-RUN MODE -  Container p-old-1  Starting\n";
        let operations = read_dry_run(text);
        assert_eq!(
            operations,
            BTreeMap::from([
                ("p-db-1".to_owned(), ContainerOperation::Recreate),
                ("p-new-1".to_owned(), ContainerOperation::Create),
                ("p-old-1".to_owned(), ContainerOperation::Start),
            ])
        );
    }

    #[test]
    fn services_are_arguments_and_never_options() {
        let services = ["--remove-orphans".to_owned()];
        let args: Vec<_> = up_args(&services).collect();
        assert_eq!(args, ["up", "-d", "--no-deps", "--no-build", "--", "--remove-orphans"]);
        let args: Vec<_> = pull_args(&services, true).collect();
        assert_eq!(args, ["pull", "--policy", "missing", "--", "--remove-orphans"]);
        let args: Vec<_> = pull_args(&services, false).collect();
        assert_eq!(args, ["pull", "--", "--remove-orphans"]);
    }
}

//! Giving an empty variable a value that is drawn when it is written, and that nobody sees.
//!
//! It refuses a variable that is not empty in that very file, one whose name does not say that any random value will do,
//! one that the shell sets, a file outside of the project, and the password of a database that may exist already.
//! Invariant: the value is in the file and, for as long as [`ComposeDeployment::write_value`] runs, in memory; no plan,
//! outcome, error or file name holds it.

mod data;
mod drawing;
mod words;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use repair_model::action::Action;
use repair_model::env_value::{EmptyVariable, EnvValue};
use repair_model::ids::{Digest, Domain};
use repair_model::limits::{ENV_VALUE_BYTES_MAX, ENV_VALUE_BYTES_MIN};
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, SecretEdit, Step};
use repair_model::risk::Risk;
use repair_model::secret::Secret;
use repair_pipeline::outside::{Prepared, TargetError};
use serde_json::Value;

use self::data::{DataPlace, data_places};
use self::drawing::draw;
use self::words::{data_warning, detail_of, git_warning, summary_of};
use super::ComposeDeployment;
use super::acting::not_put_back;
use super::calling::failed;
use super::missing_values::{Refused, stand_in_for};
use super::preparing::{Earlier, file_refusal, refusal};
use super::project_files::ProjectFiles;
use super::readings::unclear;
use crate::compose::empty_variables::{Empty, EnvFile, Question, empty_variables, env_files};
use crate::compose::filling::{Filled, edit_of, filled, filled_only, has_value, hole};
use crate::compose::interpolation::Variables;
use crate::compose::variable_names::password_like;
use crate::compose::{dotenv::Dotenv, patch, source::SourceFile};
use crate::files::{self, git_state};

/// The file from which Compose takes variables by itself.
const DOTENV: &str = ".env";
/// What the shell sets so that Compose takes other files for it.
const OTHER_DOTENV: &str = "COMPOSE_ENV_FILES";

/// One value, judged against what is there now.
struct Judged {
    empty: Empty,
    risk: Risk,
    because: String,
    /// Whether data may be there that was made with an earlier value.
    data: bool,
}

impl ComposeDeployment {
    /// Answers the query for empty variables, in order of name.
    pub(super) async fn empty_variables(&mut self) -> Result<Vec<EmptyVariable>, TargetError> {
        Ok(self.find_empty().await?.into_iter().map(|empty| empty.variable).collect())
    }

    async fn find_empty(&mut self) -> Result<Vec<Empty>, TargetError> {
        let config = self.config().await?.clone();
        let compose: Vec<SourceFile> = self
            .located
            .files
            .iter()
            .map(|file| {
                let text = files::read_text(file).map_err(|error| file_refusal(&error))?;
                Ok(SourceFile { name: self.name_of(file), text })
            })
            .collect::<Result<_, TargetError>>()?;
        let dotenv = self.text_of(DOTENV)?;
        let mut values = BTreeMap::new();
        if let Ok(dotenv) = Dotenv::read(dotenv.as_deref().unwrap_or_default()) {
            dotenv.add_values(&self.shell, &mut values);
        }
        let variables = Variables { shell: &self.shell, dotenv: &values };
        let named = env_files(&compose, &variables).map_err(refusal)?;
        let env_files: BTreeMap<String, Vec<EnvFile>> = named
            .into_iter()
            .map(|(service, files)| {
                let files = files.into_iter().map(|file| EnvFile { path: self.plan_name(&file.path), ..file });
                (service, files.collect())
            })
            .collect();
        let mut texts = BTreeMap::new();
        for file in env_files.values().flatten() {
            if let Some(text) = self.text_of(&file.path)? {
                texts.insert(file.path.clone(), text);
            }
        }
        let question = Question {
            compose: &compose,
            dotenv: (DOTENV, dotenv.as_deref()),
            env_files: &env_files,
            texts: &texts,
            shell: &self.shell,
            config: &config,
        };
        empty_variables(&question).map_err(refusal)
    }

    /// The name of a file as plans use it, from a path as an `env_file` names it.
    fn plan_name(&self, path: &str) -> String {
        let mut whole = PathBuf::new();
        for component in self.located.directory.join(path).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => drop(whole.pop()),
                other => whole.push(other),
            }
        }
        self.name_of(&whole)
    }

    /// The text of a file by its name in plans; `None` when there is none.
    fn text_of(&self, name: &str) -> Result<Option<String>, TargetError> {
        let path = self.path_of(name);
        match path.exists() {
            true => files::read_text(&path).map(Some).map_err(|error| file_refusal(&error)),
            false => Ok(None),
        }
    }

    /// Resolves one value to the exact place where it is written.
    pub(super) async fn resolve_value(
        &mut self,
        value: &EnvValue,
        files: &mut ProjectFiles,
        earlier: &mut Earlier,
        warnings: &mut Vec<String>,
    ) -> Result<Prepared, TargetError> {
        if earlier.values.contains(&value.variable) {
            return Err(refusal(format!("`{}` is given a value twice", value.variable)));
        }
        let judged = self.judge(value).await?;
        let text = match files.texts.get(&value.file) {
            Some(text) => text.clone(),
            None => self.text_of(&value.file)?,
        };
        let edit = secret_edit(value, text.as_deref())?;
        files.texts.entry(value.file.clone()).or_insert_with(|| text.clone());
        let mut footprint = self.footprint_of_files(files);
        let in_shell = self.shell.get(&value.variable).map(|value| Digest::of(Domain::Value, value.as_bytes()));
        footprint.variables.insert(value.variable.clone(), in_shell);
        files.texts.insert(value.file.clone(), filled(text.as_deref(), &edit, ""));
        earlier.values.insert(value.variable.clone());
        // Compose replaces the containers of these services, as it does when a port of theirs moves.
        earlier.moves.services.extend(judged.empty.configures.iter().cloned());

        let git = git_state(&self.path_of(&value.file), &self.path_var).await;
        let new = [git_warning(&value.file, &git), judged.data.then(|| data_warning(&value.variable))];
        warnings.extend(new.into_iter().flatten());
        let step = Step {
            action: Action::SetEnvValue(value.clone()),
            risk: judged.risk,
            risk_because: judged.because,
            summary: summary_of(value, &judged.empty.variable),
            detail: detail_of(&edit, text.as_deref()),
            change: Change::SecretValue(edit),
            footprint,
        };
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// Risk and exact edit as they would be now.
    pub(super) async fn assess_value(&mut self, value: &EnvValue) -> Result<(Risk, Change), TargetError> {
        // Files that the footprint does not name, such as included ones, may have changed as well.
        self.config = None;
        let judged = self.judge(value).await?;
        let text = self.text_of(&value.file)?.map(|text| self.emptied(&value.file, text));
        Ok((judged.risk, Change::SecretValue(secret_edit(value, text.as_deref())?)))
    }

    async fn judge(&mut self, value: &EnvValue) -> Result<Judged, TargetError> {
        let EnvValue { variable, file, bytes, .. } = value;
        if !(ENV_VALUE_BYTES_MIN..=ENV_VALUE_BYTES_MAX).contains(bytes) {
            return Err(refusal(format!(
                "a value is drawn from {ENV_VALUE_BYTES_MIN} to {ENV_VALUE_BYTES_MAX} random bytes, not from {bytes}"
            )));
        }
        let found = self.find_empty().await?;
        let empty =
            found.into_iter().find(|empty| empty.variable.variable == *variable && empty.variable.file == *file);
        let empty = empty.ok_or_else(|| {
            refusal(format!("`{variable}` is not a variable that the project uses and that is empty in `{file}`"))
        })?;
        may_be_drawn(&empty.variable, self.shell.contains_key(OTHER_DOTENV))?;
        if empty.variable.services.is_empty() && !empty.variable.required {
            return Err(refusal(format!("no service of the active profiles uses `{variable}`")));
        }
        self.inside_the_project(file)?;
        let services = &empty.variable.services;
        if password_like(variable)
            && let Some(data) = self.existing_data(Some(services)).await?
        {
            return Err(TargetError {
                what: format!(
                    "`{variable}` may be the password that {data} was made with; a new one would not open it"
                ),
                hints: vec![format!("write the password that was used then into `{file}`")],
            });
        }
        let ran = self.list().await?.into_iter().find(|container| {
            container.ever_ran && container.container.service.as_ref().is_some_and(|service| services.contains(service))
        });
        let data = ran.is_some() || self.existing_data(None).await?.is_some();
        let (risk, because) = risk_of(ran.map(|container| container.container.name).as_deref());
        Ok(Judged { empty, risk, because, data })
    }

    /// The file, or the folder that it would be made in, really lies in the project.
    fn inside_the_project(&self, file: &str) -> Result<(), TargetError> {
        let path = self.path_of(file);
        let real = if path.exists() { path.canonicalize() } else { path.parent().unwrap_or(&path).canonicalize() };
        let leaves = Path::new(file).is_absolute() || !real.is_ok_and(|real| real.starts_with(&self.located.directory));
        match leaves {
            true => Err(refusal(format!("`{file}` lies outside of the project, so nothing is written into it"))),
            false => Ok(()),
        }
    }

    /// A place with data of these services, or of all of them, that exists already.
    async fn existing_data(&mut self, services: Option<&[String]>) -> Result<Option<String>, TargetError> {
        let places = data_places(self.config().await?, services);
        for place in places {
            match place {
                DataPlace::Volume(name) => {
                    if self.engine.has_volume(&name).await.map_err(|error| Self::engine_failed(&error))? {
                        return Ok(Some(format!("the volume `{name}`")));
                    }
                }
                DataPlace::Folder(path) => {
                    let mut entries = std::fs::read_dir(&path).ok().into_iter().flatten();
                    if entries.next().is_some() {
                        return Ok(Some(format!("the folder `{path}`")));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The text of a file as the plan knows it: values that this process wrote for it are left out.
    fn emptied(&self, file: &str, text: String) -> String {
        self.filled.get(file).and_then(|filled| filled.emptied(&text)).unwrap_or(text)
    }

    /// The digest of a file as the plan knows it.
    pub(super) fn planned_digest(&self, file: &str) -> Result<Option<Digest>, TargetError> {
        let actual = files::digest_of(&self.path_of(file)).map_err(|error| file_refusal(&error))?;
        let planned = actual.and_then(|actual| self.filled.get(file)?.planned(actual));
        Ok(planned.or(actual))
    }

    /// Draws a value, writes it, checks with Compose that nothing but this value changed, and puts the file back if not.
    pub(super) async fn write_value(&mut self, value: &EnvValue, edit: &SecretEdit) -> Outcome {
        let before = match self.config().await {
            Ok(config) => config.clone(),
            Err(error) => return failed(error.what),
        };
        let file = edit.file.as_str();
        let text = match self.text_of(file) {
            Ok(text) => text,
            Err(error) => return failed(error.what),
        };
        let known = self.filled.get(file);
        let planned = text.clone().map(|text| self.emptied(file, text));
        if planned.as_deref().map(patch::digest) != edit.before {
            return failed(format!("`{file}` is not as it was when the change was planned; plan it again"));
        }
        let known = known.filter(|known| text.as_deref().is_some_and(|text| known.emptied(text).is_some()));
        let secret = match draw(value.bytes, value.encoding) {
            Ok(secret) => secret,
            Err(error) => return failed(format!("the system gives no random bytes: {error}")),
        };
        let Some((after, filled)) = Filled::after(known, text.as_deref(), edit, secret.expose()) else {
            return failed(format!("the change of `{file}` does not fit the file; plan it again"));
        };
        if text.as_deref().is_some_and(|text| has_value(text, &value.variable)) || !has_value(&after, &value.variable) {
            return failed(format!("`{}` could not be given a value in `{file}`", value.variable));
        }
        self.config = None;
        let path = self.path_of(file);
        let written = match &text {
            Some(text) => files::replace(&path, after.as_bytes(), Some(patch::digest(text))),
            None => files::create_private(&path, after.as_bytes()),
        };
        if let Err(error) = written {
            return failed(format!("{error}; {}", error.hints().join("; ")));
        }
        match self.check_value(value, &before, &secret).await {
            Ok(config) => {
                self.config = Some(config);
                self.filled.insert(file.to_owned(), filled);
                Outcome::Done { detail: format!("`{}` has a value in `{file}`; it is shown nowhere", value.variable) }
            }
            Err(what) => self.put_back(file, text.as_deref(), patch::digest(&after), &what),
        }
    }

    /// What Compose makes of the project with the value.
    async fn check_value(&mut self, value: &EnvValue, before: &Value, secret: &Secret) -> Result<Value, String> {
        let is_it = |refused: &Refused| refused.variables().any(|name| name == value.variable);
        let required = self.refused.as_ref().is_some_and(is_it);
        let after = self.read_config().await.map_err(|error| without(&error.what, secret))?;
        if self.refused.as_ref().is_some_and(is_it) {
            return Err(format!("Compose still finds no value for `{}`", value.variable));
        }
        let seen = filled_only(before, &after, &value.variable, &stand_in_for(&value.variable), secret)?;
        if !seen && !required {
            return Err(format!("no service would get the value of `{}`", value.variable));
        }
        Ok(after)
    }

    fn put_back(&mut self, file: &str, text: Option<&str>, written: Digest, what: &str) -> Outcome {
        self.config = None;
        let path = self.path_of(file);
        let restored = match text {
            Some(text) => files::replace(&path, text.as_bytes(), Some(written)),
            None => files::remove(&path, Some(written)),
        };
        match restored {
            Ok(()) => failed(format!("`{file}` was put back: {what}")),
            Err(error) => Outcome::Unclear { reason: not_put_back(file, what, &error.to_string()) },
        }
    }

    /// A value has been written when the variable has one; nobody can tell which. Where the file is otherwise as it was
    /// planned, later steps of the same plan know it again from here on.
    pub(super) fn value_happened(&mut self, value: &EnvValue, edit: &SecretEdit) -> Probe {
        let text = match self.text_of(&edit.file) {
            Ok(text) => text,
            Err(error) => {
                return unclear(&error.what, &format!("`{}` has a value there", value.variable), "it has none");
            }
        };
        if let Some(text) = text.as_deref().filter(|text| has_value(text, &value.variable)) {
            self.recall(text, edit);
            return Probe::Happened;
        }
        let planned = text.map(|text| self.emptied(&edit.file, text));
        match planned.as_deref().map(patch::digest) == edit.before {
            true => Probe::DidNotHappen,
            false => unclear(
                &format!(
                    "`{}` has no value in `{}`, and the file is not as it was before the step",
                    value.variable, edit.file
                ),
                "the value was written and somebody took it out again",
                "somebody else changed the file and no value was ever in it",
            ),
        }
    }

    /// Knows a file again that one more value stands in, unless this process has written it.
    fn recall(&mut self, text: &str, edit: &SecretEdit) {
        if self.filled.get(&edit.file).is_some_and(|filled| filled.emptied(text).is_some()) {
            return;
        }
        let edits = self.recalled.entry(edit.file.clone()).or_default();
        if !edits.contains(edit) {
            edits.push(edit.clone());
        }
        if let Some(filled) = Filled::recalled(text, edits) {
            self.filled.insert(edit.file.clone(), filled);
        }
    }

    /// Refuses what Compose would refuse, because a variable is required that no earlier step gives a value, and a move of
    /// a port behind a value, since an edit is planned to the byte and the file is not known to the byte then.
    pub(super) fn may_follow(&self, action: &Action, earlier: &Earlier) -> Result<(), TargetError> {
        match action {
            Action::RemapPort(_) if !earlier.values.is_empty() => {
                return Err(refusal("ports are moved before values are drawn, not behind".to_owned()));
            }
            Action::ComposeUp { .. } | Action::PullImage { .. } => {}
            _ => return Ok(()),
        }
        let refused = self.refused.iter().flat_map(|refused| refused.variables());
        match refused.into_iter().find(|name| !earlier.values.contains(*name)) {
            Some(name) => Err(TargetError {
                what: format!("Compose refuses the project: the variable `{name}` is required and has no value"),
                hints: vec![format!("write a value for `{name}` into `{DOTENV}`, or set it in the shell")],
            }),
            None => Ok(()),
        }
    }
}

fn may_be_drawn(empty: &EmptyVariable, other_dotenv: bool) -> Result<(), TargetError> {
    let EmptyVariable { variable, file, .. } = empty;
    let refuse = |what: String| Err(TargetError { what, hints: vec![format!("write its value into `{file}`")] });
    if !empty.secret_like {
        return refuse(format!("`{variable}` is not named like a secret that any random value will do for"));
    }
    if empty.shell {
        return Err(TargetError {
            what: format!("the shell sets `{variable}` to nothing, which beats `{file}`"),
            hints: vec![format!("`unset {variable}`, and run `repair` again")],
        });
    }
    if other_dotenv && file == DOTENV && !empty.written {
        return refuse(format!(
            "`{OTHER_DOTENV}` names other files than `{DOTENV}`, and which of them is meant is not known"
        ));
    }
    Ok(())
}

/// The edit of a text as the plan knows it.
fn secret_edit(value: &EnvValue, text: Option<&str>) -> Result<SecretEdit, TargetError> {
    let hole = hole(text, &value.variable).map_err(|what| refusal(format!("`{}`: {what}", value.file)))?;
    Ok(edit_of(value, text, hole))
}

/// The risk of giving a variable a value; `ran` is a container of a service that uses it and has run without.
fn risk_of(ran: Option<&str>) -> (Risk, String) {
    match ran {
        Some(name) => (
            Risk::Disruptive,
            format!("{name} has run without a value, and starts with another configuration the next time"),
        ),
        None => (
            Risk::Safe,
            "it adds what is missing and replaces nothing; no service that uses it has ever run".to_owned(),
        ),
    }
}

/// Compose's words without the value, should they quote it.
fn without(words: &str, secret: &Secret) -> String {
    words.replace(secret.expose(), &secret.to_string())
}

#[cfg(test)]
mod tests;

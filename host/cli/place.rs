//! What is meant: a Compose project or an Azure resource group, by the command line, by the command that failed, by
//! `repair.toml`, or by where the person stands.
//!
//! The command line wins over the command that failed, and that over the project's file. A project's file says what, never
//! where to sign in or as whom.

use std::path::{Path, PathBuf};

use repair_effects::azure::cloud::Cloud;
use repair_effects::azure::credential::CredentialChoice;
use repair_effects::azure::transport::HttpOptions;
use repair_effects::compose::project::{ProjectChoice, ProjectError, locate};
use repair_effects::deployment::OpenError;
use repair_effects::files;
use repair_effects::resource_group::request::{GroupRequest, ParameterSource};
use repair_model::secret::Secret;
use repair_model::target::Target;
use repair_model::text::escaped;
use repair_pipeline::settings::{AzureSettings, FILE_NAME, Settings};

use crate::args::GlobalArgs;
use crate::command_error::{Code, CommandError};
use crate::environment::Environment;
use crate::opened::Scope;
use crate::opening::project_choice;

/// What is meant, and where.
pub struct Place {
    /// The project directory, or where the person stands.
    pub directory: PathBuf,
    /// Its `repair.toml`; one that is not there says nothing.
    pub settings: Settings,
    /// What.
    pub meant: Meant,
}

/// What kind of target.
pub enum Meant {
    /// A Compose project.
    Compose(ProjectChoice),
    /// An Azure resource group.
    Azure(GroupRequest),
}

impl Place {
    /// Finds out what is meant.
    ///
    /// # Errors
    /// When neither a project nor a resource group is, or `repair.toml` cannot be read.
    pub fn find(global: &GlobalArgs, environment: &Environment, scope: &Scope) -> Result<Self, CommandError> {
        let asked = asked_for(global, environment, scope)?;
        if let Some(asked) = asked {
            let directory = standing_in(global, environment)?;
            let settings = settings_in(&directory)?;
            let meant = Meant::Azure(completed(asked, settings.azure.as_ref()));
            return Ok(Self { directory, settings, meant });
        }
        let choice = project_choice(global, environment, scope.services.clone());
        match locate(&choice) {
            Ok(located) if !speaks_of_azure(global) => {
                let settings = settings_in(&located.directory)?;
                Ok(Self { directory: located.directory, settings, meant: Meant::Compose(choice) })
            }
            Err(error) if !matches!(error, ProjectError::NotFound(_)) => Err(OpenError::Project(error).into()),
            located => {
                let directory = standing_in(global, environment)?;
                let settings = settings_in(&directory)?;
                let Some(azure) = &settings.azure else {
                    return Err(located.err().map_or_else(nothing_of_azure, |error| OpenError::Project(error).into()));
                };
                let asked = GroupRequest { group: azure.resource_group.clone(), ..from_options(global, environment)? };
                let meant = Meant::Azure(completed(asked, Some(azure)));
                Ok(Self { directory, settings, meant })
            }
        }
    }
}

impl Place {
    /// The same without reading the `repair.toml` of a Compose project: what is known of one can be shown though it is broken.
    ///
    /// # Errors
    /// When neither a Compose project nor a resource group is meant.
    pub fn find_lightly(global: &GlobalArgs, environment: &Environment) -> Result<Self, CommandError> {
        let choice = project_choice(global, environment, Vec::new());
        match locate(&choice) {
            Ok(located) if global.azure.is_none() && !speaks_of_azure(global) => {
                Ok(Self { directory: located.directory, settings: Settings::default(), meant: Meant::Compose(choice) })
            }
            _ => Self::find(global, environment, &Scope::default()),
        }
    }

    /// Whether a known target can be the one that is meant here. The same resource group can be healed from anywhere.
    pub fn may_be(&self, target: &Target) -> bool {
        match (&self.meant, target.azure()) {
            (Meant::Compose(_), None) => target.directory == self.directory,
            (Meant::Azure(request), Some(azure)) => {
                let subscription = request.subscription.as_ref();
                target.project.eq_ignore_ascii_case(&request.group)
                    && subscription.is_none_or(|asked| asked.eq_ignore_ascii_case(&azure.subscription))
            }
            _ => false,
        }
    }
}

/// The resource group that the command line or the command that failed names.
fn asked_for(
    global: &GlobalArgs,
    environment: &Environment,
    scope: &Scope,
) -> Result<Option<GroupRequest>, CommandError> {
    let options = from_options(global, environment)?;
    let of_compose = !global.files.is_empty() || global.project_name.is_some() || !global.profiles.is_empty();
    if global.azure.is_some() && of_compose {
        return Err(CommandError::new(Code::Usage, "-f, -p and --profile mean nothing with --azure")
            .hint("leave out one or the other: a call is about a Compose project or about a resource group"));
    }
    if let Some(named) = &global.azure {
        let (group, deployment) = group_and_deployment(named);
        let asked = GroupRequest { group: group.to_owned(), deployment: deployment.map(str::to_owned), ..options };
        return Ok(Some(match &scope.azure {
            Some(command) if command.group.is_empty() || command.group.eq_ignore_ascii_case(&asked.group) => {
                over(asked, command.clone())
            }
            _ => asked,
        }));
    }
    match &scope.azure {
        Some(command) if command.group.is_empty() => {
            let own = settings_in(&standing_in(global, environment)?)?.azure;
            let Some(own) = own else { return Err(no_group()) };
            Ok(Some(over(GroupRequest { group: own.resource_group, ..options }, command.clone())))
        }
        Some(command) => Ok(Some(over(GroupRequest { group: command.group.clone(), ..options }, command.clone()))),
        None if speaks_of_azure(global) => {
            if standing_in(global, environment)
                .is_ok_and(|here| settings_in(&here).is_ok_and(|own| own.azure.is_some()))
            {
                return Ok(None);
            }
            Err(nothing_of_azure())
        }
        None => Ok(None),
    }
}

/// Reads the `GROUP[/DEPLOYMENT]` of `--azure`; [`named_azure`] writes it.
pub fn group_and_deployment(named: &str) -> (&str, Option<&str>) {
    named.split_once('/').map_or((named, None), |(group, deployment)| (group, Some(deployment)))
}

/// A resource group as `--azure` names it; `None` for a Compose project.
pub fn named_azure(target: &Target) -> Option<String> {
    let deployment = target.azure()?.deployment.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    Some(format!("{}{deployment}", target.project))
}

/// Whether an option is one that means nothing for a Compose project.
fn speaks_of_azure(global: &GlobalArgs) -> bool {
    global.template.is_some() || global.subscription.is_some() || !global.parameters.is_empty()
}

fn no_group() -> CommandError {
    CommandError::new(Code::Usage, "the command names no resource group, and a default of `az` is not read")
        .hint("name it: `--azure GROUP` before the command, or `-g GROUP` in it")
}

fn nothing_of_azure() -> CommandError {
    CommandError::new(Code::Usage, "--template, --parameters and --subscription mean nothing without --azure")
        .hint("name the resource group: `--azure GROUP[/DEPLOYMENT]`")
}

/// What the options say beside the group. Their paths are relative to where the person stands.
fn from_options(global: &GlobalArgs, environment: &Environment) -> Result<GroupRequest, CommandError> {
    let here = |path: PathBuf| environment.current_directory.join(path);
    let source = |source| match source {
        ParameterSource::File(file) => ParameterSource::File(here(file)),
        value @ ParameterSource::Value { .. } => value,
    };
    Ok(GroupRequest {
        subscription: global.subscription.clone(),
        template: global.template.clone().map(here),
        parameters: sources(&global.parameters)?.into_iter().map(source).collect(),
        ..GroupRequest::default()
    })
}

/// What `--parameters` names.
///
/// # Errors
/// When it is a URL, or broken JSON.
pub fn sources(parameters: &[String]) -> Result<Vec<ParameterSource>, CommandError> {
    let mut sources = Vec::new();
    for text in parameters {
        let read = ParameterSource::parse(text).map_err(|error| {
            CommandError::new(Code::Usage, format!("--parameters: {error}")).hint("it takes FILE or NAME=VALUE")
        })?;
        sources.extend(read);
    }
    Ok(sources)
}

/// What the first request leaves open, as the second says it. Parameters belong to their template, and add to those of the
/// same one.
fn over(first: GroupRequest, second: GroupRequest) -> GroupRequest {
    let is_other = first.template.is_some();
    let obstacle = if is_other { first.obstacle } else { first.obstacle.or(second.obstacle) };
    let mut parameters = if is_other { Vec::new() } else { second.parameters };
    parameters.extend(first.parameters);
    GroupRequest {
        group: first.group,
        deployment: first.deployment.or(second.deployment),
        subscription: first.subscription.or(second.subscription),
        template: first.template.or(second.template),
        parameters,
        obstacle,
    }
}

/// The same with what `repair.toml` says of that very group.
fn completed(asked: GroupRequest, settings: Option<&AzureSettings>) -> GroupRequest {
    let is_it = |own: &&AzureSettings| {
        let subscriptions = asked.subscription.as_ref().zip(own.subscription.as_ref());
        own.resource_group.eq_ignore_ascii_case(&asked.group)
            && subscriptions.is_none_or(|(asked, own)| asked.eq_ignore_ascii_case(own))
    };
    match settings.filter(is_it) {
        Some(own) if asked.obstacle.is_none() => over(
            asked,
            GroupRequest {
                deployment: own.deployment.clone(),
                subscription: own.subscription.clone(),
                template: own.template.clone(),
                parameters: own.parameters.iter().cloned().map(ParameterSource::File).collect(),
                ..GroupRequest::default()
            },
        ),
        _ => asked,
    }
}

fn standing_in(global: &GlobalArgs, environment: &Environment) -> Result<PathBuf, CommandError> {
    let named = global.project_directory.clone().unwrap_or_default();
    let path = environment.current_directory.join(named);
    path.canonicalize().map_err(|error| {
        CommandError::new(
            Code::Usage,
            format!("the directory `{}` cannot be used: {error}", escaped(&path.display().to_string())),
        )
    })
}

/// The `repair.toml` of a directory; none says nothing.
///
/// # Errors
/// When it is not one.
pub fn settings_in(directory: &Path) -> Result<Settings, CommandError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        return Ok(Settings::default());
    }
    let usage = |what: String| {
        CommandError::new(Code::Usage, format!("{}: {what}", path.display()))
            .hint("`repair init` writes one with comments; `repair schema settings` prints its schema")
    };
    let text = files::read_text(&path).map_err(|error| usage(error.to_string()))?;
    let settings = Settings::parse(&text).map_err(|error| usage(error.to_string()))?;
    for probe in &settings.probes {
        repair_effects::docker::probes::check(probe).map_err(&usage)?;
    }
    Ok(settings)
}

/// Which Azure is meant.
///
/// # Errors
/// When it is neither a name nor an address that can be used.
pub fn cloud(global: &GlobalArgs, environment: &Environment) -> Result<Cloud, CommandError> {
    let usage = |what: String| {
        CommandError::new(Code::Usage, what)
            .hint(format!("--azure-cloud takes {} or the https URL of a resource manager", Cloud::NAMES.join(", ")))
    };
    let cloud = match global.azure_cloud.as_deref() {
        None | Some("") => Cloud::public(),
        Some(name) => match Cloud::named(name) {
            Some(cloud) => cloud,
            None => Cloud::public().at_endpoint(name).map_err(|error| usage(error.to_string()))?,
        },
    };
    match environment.get("AZURE_AUTHORITY_HOST") {
        Some(authority) => {
            cloud.with_authority(authority).map_err(|error| usage(format!("AZURE_AUTHORITY_HOST: {error}")))
        }
        None => Ok(cloud),
    }
}

/// Who signs in, by option and environment.
pub fn credential(global: &GlobalArgs, environment: &Environment) -> CredentialChoice {
    let text = |name: &str| environment.get(name).map(str::to_owned);
    CredentialChoice {
        forced: global.azure_login,
        tenant_id: text("AZURE_TENANT_ID"),
        client_id: text("AZURE_CLIENT_ID"),
        client_secret: environment.get("AZURE_CLIENT_SECRET").map(Secret::new),
        federated_token_file: text("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from),
        path: Some(environment.path_var.clone()),
        identity_endpoint: text("IDENTITY_ENDPOINT"),
        identity_header: environment.get("IDENTITY_HEADER").map(Secret::new),
    }
}

/// How connections are made. A certificate file is the one that `az` takes.
///
/// # Errors
/// When that file cannot be read.
pub fn http(environment: &Environment) -> Result<HttpOptions, CommandError> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let certificates_pem = match environment.get("REQUESTS_CA_BUNDLE") {
        None => None,
        Some(file) => Some(
            files::read(file.as_ref())
                .map_err(|error| CommandError::new(Code::Usage, format!("REQUESTS_CA_BUNDLE: {error}")))?,
        ),
    };
    Ok(HttpOptions {
        proxy: text(["HTTPS_PROXY", "https_proxy"]),
        no_proxy: text(["NO_PROXY", "no_proxy"]),
        certificates_pem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(group: &str) -> GroupRequest {
        GroupRequest { group: group.to_owned(), ..GroupRequest::default() }
    }

    fn own(group: &str) -> AzureSettings {
        AzureSettings {
            resource_group: group.to_owned(),
            deployment: Some("main".to_owned()),
            subscription: None,
            template: Some(PathBuf::from("own.json")),
            parameters: vec![PathBuf::from("p.json")],
        }
    }

    #[test]
    fn a_projects_file_completes_what_is_asked_of_its_own_group_only() {
        let request = completed(asked("RG-Shop"), Some(&own("rg-shop")));
        assert_eq!((request.deployment.as_deref(), request.template), (Some("main"), Some(PathBuf::from("own.json"))));
        assert_eq!(completed(asked("rg-other"), Some(&own("rg-shop"))), asked("rg-other"));
        let template = Some(PathBuf::from("/mine.json"));
        let request = completed(GroupRequest { template: template.clone(), ..asked("rg-shop") }, Some(&own("rg-shop")));
        assert_eq!(request.template, template, "the command line wins");
    }

    #[test]
    fn what_cannot_be_repeated_stays_so_unless_a_template_is_named() {
        let command = GroupRequest { obstacle: Some("complete mode".to_owned()), ..asked("rg") };
        assert!(over(asked("rg"), command.clone()).obstacle.is_some());
        assert_eq!(completed(over(asked("rg"), command.clone()), Some(&own("rg"))).template, None);
        let named = GroupRequest { template: Some(PathBuf::from("t.json")), ..asked("rg") };
        assert_eq!(over(named, command).obstacle, None);
    }
}

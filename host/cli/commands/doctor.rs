//! `doctor`: checks everything that healing needs, one line each, and says what to do about what is missing.

use std::time::Duration;

use repair_effects::compose::project::locate;
use repair_effects::deployment::OpenError;
use repair_effects::docker::connection::Engine;
use repair_effects::docker::endpoint::resolve;
use repair_effects::process::{ComposeSearch, compose_version, find_compose};
use repair_effects::target::OpenTarget;
use repair_model::bounds::Bounds;
use repair_model::text::escaped;
use repair_pipeline::outside::Tools as _;
use repair_pipeline::planning::check_params;
use repair_sandbox::Toolbox;

use super::Context;
use crate::command_error::{Code, CommandError};
use crate::opened::Scope;
use crate::opening::{endpoint_choice, policies, state_dir, toolbox};
use crate::place::{Meant, Place, settings_in};
use crate::printer::{Tone, toned};

/// One check: its name, and what was found or what is wrong with hints.
type Check = (&'static str, Result<String, (String, Vec<String>)>);

/// Checks everything, and fails if anything does.
pub async fn run(context: &Context<'_>) -> Result<Code, CommandError> {
    let place = Place::find(context.global, context.environment, &Scope::default());
    let mut checks = match place {
        Ok(place) if matches!(place.meant, Meant::Azure(_)) => vec![("azure", azure(context, place).await)],
        place => vec![
            ("engine", engine(context).await),
            ("compose", compose(context).await),
            (
                "project",
                place.and_then(|place| project(&place)).map_err(|error| (error.error.to_string(), error.hints)),
            ),
        ],
    };
    let tools = toolbox(context.environment);
    checks.extend([
        ("policy", policy(context)),
        ("tools", loaded(&tools)),
        ("settings", settings(context, &tools)),
        ("logs", logs(context)),
    ]);
    let failed = checks.iter().any(|(_, result)| result.is_err());
    for check in &checks {
        show(context, check);
    }
    let documents: Vec<_> = checks
        .iter()
        .map(|(name, result)| match result {
            Ok(found) => serde_json::json!({ "check": name, "ok": true, "found": found }),
            Err((what, hints)) => serde_json::json!({ "check": name, "ok": false, "what": what, "hints": hints }),
        })
        .collect();
    context.printer.document(&documents)?;
    Ok(if failed { Code::NotHealed } else { Code::Success })
}

fn show(context: &Context<'_>, (name, result): &Check) {
    match result {
        Ok(found) => context.printer.line(&format!("{}  {name:<8} {}", toned(Tone::Good, "ok  "), escaped(found))),
        Err((what, hints)) => {
            context.printer.line(&format!("{}  {name:<8} {}", toned(Tone::Bad, "FAIL"), escaped(what)));
            for hint in hints {
                context.printer.line(&format!("      {} {}", toned(Tone::Warning, "next:"), escaped(hint)));
            }
        }
    }
}

async fn engine(context: &Context<'_>) -> Result<String, (String, Vec<String>)> {
    let endpoint =
        resolve(&endpoint_choice(context.environment)).map_err(|error| (error.to_string(), error.hints()))?;
    let engine = Engine::connect(endpoint).await.map_err(|error| (error.to_string(), error.hints()))?;
    let version = engine.version().await.map_err(|error| (error.to_string(), error.hints()))?;
    let endpoint = engine.endpoint();
    Ok(format!("{} (from {}), engine {}, API {}", endpoint.host, endpoint.source, version.engine, version.api))
}

async fn compose(context: &Context<'_>) -> Result<String, (String, Vec<String>)> {
    let config_dir = context.environment.docker_config_dir();
    let search = ComposeSearch { path_var: &context.environment.path_var, docker_config_dir: Some(&config_dir) };
    let missing = |error: repair_effects::process::ComposeMissing| (error.to_string(), error.hints());
    let compose = find_compose(search).await.map_err(missing)?;
    let version = compose_version(&compose).await.map_err(missing)?;
    Ok(format!("{version} ({})", compose.program.display()))
}

fn project(place: &Place) -> Result<String, CommandError> {
    let Meant::Compose(choice) = &place.meant else { return Ok(String::new()) };
    let located = locate(choice).map_err(OpenError::Project)?;
    let files: Vec<_> = located.files.iter().map(|file| file.display().to_string()).collect();
    Ok(files.join(", "))
}

/// Signs in and finds the group, as a session does.
async fn azure(context: &Context<'_>, place: Place) -> Result<String, (String, Vec<String>)> {
    let wait = Duration::from_secs(Bounds::default().operation_seconds_max);
    let opened = context.opening(&Scope::default(), wait).open(place).await;
    match opened.map_err(|error| (error.error.to_string(), error.hints))? {
        OpenTarget::Azure(group) => {
            let target = group.target();
            let subscription = target.azure().map(|azure| azure.subscription.as_str()).unwrap_or_default();
            Ok(format!(
                "{} at {}, subscription {subscription}, group {}",
                group.login(),
                target.endpoint,
                target.project
            ))
        }
        OpenTarget::Compose(_) => Ok(String::new()),
    }
}

fn policy(context: &Context<'_>) -> Result<String, (String, Vec<String>)> {
    let directory = context.directory().ok();
    let policies = policies(context.environment, directory.as_deref(), context.global.timeout)
        .map_err(|error| (error.error.to_string(), error.hints))?;
    let files = match policies.explain().files.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    Ok(format!("{files}, digest {}", policies.digest().short()))
}

fn loaded(tools: &Toolbox) -> Result<String, (String, Vec<String>)> {
    match tools.failures().first() {
        Some(failure) => Err((failure.to_string(), Vec::new())),
        None => {
            let ids: Vec<_> = tools.manifests().iter().map(|manifest| manifest.tool.to_string()).collect();
            Ok(ids.join(", "))
        }
    }
}

/// Whether each tool takes what `repair.toml` says of it: a session would find out only once it asks that tool.
fn settings(context: &Context<'_>, tools: &Toolbox) -> Result<String, (String, Vec<String>)> {
    let Ok(directory) = context.directory() else { return Ok("no project here".to_owned()) };
    let settings = settings_in(&directory).map_err(|error| (error.error.to_string(), error.hints))?;
    for id in settings.tools.keys() {
        let Some(manifest) = tools.manifests().iter().find(|manifest| manifest.tool.id == *id) else {
            let what = format!("repair.toml: [tools.{id}]: there is no tool of that id");
            return Err((what, vec!["`repair tool list` shows the tools".to_owned()]));
        };
        check_params(id, &manifest.params_schema, &settings.params(id))
            .map_err(|error| (error.to_string(), vec![format!("`repair tool show {id}` shows what it takes")]))?;
    }
    Ok(match settings.tools.len() {
        0 => "no parameters of tools".to_owned(),
        _ => format!("parameters of {}", settings.tools.keys().cloned().collect::<Vec<_>>().join(", ")),
    })
}

fn logs(context: &Context<'_>) -> Result<String, (String, Vec<String>)> {
    let state = state_dir(context.global, context.environment);
    let failed = |error: repair_pipeline::outside::LogError| {
        (error.to_string(), vec!["`repair audit verify --all` shows everything that is wrong".to_owned()])
    };
    let targets = state.known_targets().map_err(failed)?;
    for known in &targets {
        repair_journal::read(&state, &known.id).map_err(failed)?;
    }
    Ok(format!("{} verified in {}", targets.len(), state.root().display()))
}

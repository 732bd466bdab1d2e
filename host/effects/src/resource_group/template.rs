//! Template and parameters as they are sent: read from files, compiled where they are Bicep, and checked for what a
//! repetition must not do.
//!
//! A repetition uses what the failed deployment used. So every parameter has its value here, or a default that does not
//! change from one deployment to the next: a default that draws a new value would rotate a secret. Nothing is drawn here and
//! no value is shown. Invariant: [`Loaded`] is all that a deployment sends, and its digests tell when it is another.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use repair_model::ids::{Digest, Domain};
use repair_model::text::{escaped, escaped_short};
use serde_json::{Map, Value};

use super::request::{GroupRequest, ParameterSource};
use crate::files;
use crate::process::{Invocation, RunOptions, in_path, run};

/// Wall time of one compilation.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a compiled template; Azure takes 4 MiB (Azure Resource Manager, "Template limits").
const TEMPLATE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of a compiler's words that an error quotes.
const QUOTED_CHARACTERS_MAX: usize = 600;
/// Modules within modules that are looked into.
const MODULE_DEPTH_MAX: usize = 8;
/// Functions whose value is another one each time.
const CHANGING: [&str; 2] = ["newguid(", "utcnow("];

/// Everything that a deployment sends.
#[derive(Clone)]
pub(super) struct Loaded {
    /// The template, ARM JSON.
    pub(super) template: Value,
    /// The parameters, each as `{"value": …}` or `{"reference": …}`.
    pub(super) parameters: Value,
    /// Digest of each file that they were read from, by path.
    pub(super) files: BTreeMap<String, Digest>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Digest of the template as it is sent.
    pub(super) fn template_digest(&self) -> Digest {
        Digest::of(Domain::File, self.template.to_string().as_bytes())
    }

    /// Digest of the parameters as they are sent.
    pub(super) fn parameters_digest(&self) -> Digest {
        Digest::of(Domain::Value, self.parameters.to_string().as_bytes())
    }
}

/// Why there is nothing to send. One sentence, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotLoaded(pub(super) String);

impl NotLoaded {
    /// Nothing says which template it was.
    pub(super) fn unnamed() -> Self {
        let what = "no template was named: give the one that was deployed with --template FILE and --parameters FILE";
        Self(what.to_owned())
    }
}

/// Reads template and parameters as they are now.
///
/// # Errors
/// Names the file or parameter, and what to do.
pub(super) async fn load(directory: &Path, request: &GroupRequest, path_var: &OsStr) -> Result<Loaded, NotLoaded> {
    if let Some(obstacle) = &request.obstacle {
        return Err(NotLoaded(obstacle.clone()));
    }
    let Some(template) = &request.template else { return Err(NotLoaded::unnamed()) };
    let mut files = BTreeMap::new();
    let path = directory.join(template);
    let text = read(&path, &mut files)?;
    let template = match is_bicep(&path) {
        true => compile(&path, path_var).await?,
        false => parse(&path, &text)?,
    };
    check_template(&path, &template)?;
    with_parameters(template, Map::new(), files, directory, request)
}

/// What Azure kept of a deployment: its template, and its parameters but for the secure ones. Those that are given beside win.
///
/// # Errors
/// Names the file or parameter, and what to do.
pub(super) fn exported(
    template: Value,
    kept: &Value,
    directory: &Path,
    request: &GroupRequest,
) -> Result<Loaded, NotLoaded> {
    let mut values = Map::new();
    let mut unkept = Vec::new();
    for (name, kept) in kept.as_object().into_iter().flatten() {
        match (kept.get("value"), kept.get("reference")) {
            (Some(value), _) => drop(values.insert(name.clone(), serde_json::json!({ "value": value }))),
            (None, Some(reference)) => drop(values.insert(name.clone(), serde_json::json!({ "reference": reference }))),
            (None, None) => unkept.push(name),
        }
    }
    let loaded = with_parameters(template, values, BTreeMap::new(), directory, request)?;
    // Azure keeps no secure value. The template's default for it is hardly the one that was deployed.
    let given = loaded.parameters.as_object();
    let lost = unkept.into_iter().find(|name| given.is_none_or(|given| named(given, name).is_none()));
    match lost.filter(|name| !is_nullable(&loaded.template, name)) {
        None => Ok(loaded),
        Some(name) => Err(wanting(name, "has no value that Azure keeps")),
    }
}

fn is_nullable(template: &Value, name: &str) -> bool {
    let declared = template.get("parameters").and_then(Value::as_object).and_then(|all| named(all, name));
    declared.and_then(|declared| declared.get("nullable")) == Some(&Value::Bool(true))
}

fn wanting(name: &str, what: &str) -> NotLoaded {
    let name = escaped(name);
    NotLoaded(format!(
        "the parameter `{name}` {what}: give the one that was deployed with --parameters FILE or --parameters {name}=VALUE"
    ))
}

/// The template with `parameters` and those that the request adds to them.
fn with_parameters(
    template: Value,
    mut parameters: Map<String, Value>,
    mut files: BTreeMap<String, Digest>,
    directory: &Path,
    request: &GroupRequest,
) -> Result<Loaded, NotLoaded> {
    for source in &request.parameters {
        match source {
            ParameterSource::File(file) => {
                let path = directory.join(file);
                if path.extension().is_some_and(|extension| extension == "bicepparam") {
                    return Err(NotLoaded(format!(
                        "`{}` is a Bicep parameter file: write it as JSON with `bicep build-params`, and name that",
                        shown(&path)
                    )));
                }
                let text = read(&path, &mut files)?;
                parameters.extend(parameters_in(&path, parse(&path, &text)?)?);
            }
            ParameterSource::Value { name, value } => {
                let value = typed(&template, name, value.expose())?;
                parameters.insert(name.clone(), serde_json::json!({ "value": value }));
            }
        }
    }
    check_parameters(&template, &parameters)?;
    Ok(Loaded { template, parameters: Value::Object(parameters), files })
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string())
}

fn read(path: &Path, files: &mut BTreeMap<String, Digest>) -> Result<String, NotLoaded> {
    let text = files::read_text(path).map_err(|error| NotLoaded(error.to_string()))?;
    files.insert(path.display().to_string(), Digest::of(Domain::File, text.as_bytes()));
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Value, NotLoaded> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        NotLoaded(format!("`{}` is not JSON: {error}; correct the file, or name another one", shown(path)))
    })
}

fn is_bicep(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("bicep"))
}

/// A deployment template has resources; anything else, such as a parameter file, was named by mistake.
fn check_template(path: &Path, template: &Value) -> Result<(), NotLoaded> {
    match template.get("resources") {
        Some(Value::Array(_) | Value::Object(_)) => Ok(()),
        _ => Err(NotLoaded(format!(
            "`{}` is no ARM template: it has no `resources`; name the template with --template",
            shown(path)
        ))),
    }
}

fn parameters_in(path: &Path, value: Value) -> Result<Map<String, Value>, NotLoaded> {
    let wrong = || {
        NotLoaded(format!(
            "`{}` is no ARM parameter file: it has no object `parameters` of objects with a `value`",
            shown(path)
        ))
    };
    let Value::Object(mut file) = value else { return Err(wrong()) };
    let parameters = match file.remove("parameters") {
        Some(Value::Object(parameters)) => parameters,
        Some(_) => return Err(wrong()),
        // The form without an envelope, which `az` takes as well.
        None => file,
    };
    let is_value = |value: &Value| value.get("value").is_some() || value.get("reference").is_some();
    match parameters.values().all(is_value) {
        true => Ok(parameters),
        false => Err(wrong()),
    }
}

/// The parameter of that name, whatever the case of its letters: Azure does not tell them apart.
fn named<'v>(of: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    of.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A value from a command line in the type that the template gives its parameter.
fn typed(template: &Value, name: &str, text: &str) -> Result<Value, NotLoaded> {
    let declared = template.get("parameters").and_then(Value::as_object).and_then(|all| named(all, name));
    let Some(declared) = declared else {
        return Err(NotLoaded(format!("the template has no parameter `{}`", escaped(name))));
    };
    let kind = declared.get("type").and_then(Value::as_str).unwrap_or("string").to_lowercase();
    if matches!(kind.as_str(), "string" | "securestring") {
        return Ok(Value::String(text.to_owned()));
    }
    serde_json::from_str(text)
        .map_err(|_| NotLoaded(format!("the value of the parameter `{}` is no {kind}", escaped(name))))
}

/// Every parameter has its value, and no default draws a new one.
fn check_parameters(template: &Value, given: &Map<String, Value>) -> Result<(), NotLoaded> {
    let Some(declared) = template.get("parameters").and_then(Value::as_object) else { return Ok(()) };
    for (name, parameter) in declared {
        if named(given, name).is_some() {
            continue;
        }
        let what = match parameter.get("defaultValue") {
            None if parameter.get("nullable") == Some(&Value::Bool(true)) => continue,
            None => "has no value",
            Some(default) if draws_anew(default) => "would get a new value with each deployment",
            Some(_) => continue,
        };
        return Err(wanting(name, what));
    }
    let modules = drawing_modules(template, MODULE_DEPTH_MAX);
    match modules.first() {
        None => Ok(()),
        Some((module, parameter)) => Err(NotLoaded(format!(
            "the module `{}` leaves its parameter `{}` to a default that is a new value with each deployment: set it in the \
             template to the one that was deployed",
            escaped(module),
            escaped(parameter)
        ))),
    }
}

/// Modules (nested deployments, as Bicep compiles them) with parameters that nobody sets and whose default draws a new value.
fn drawing_modules(template: &Value, depth_left: usize) -> Vec<(String, String)> {
    let resources: Vec<&Value> = match template.get("resources") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(Value::Object(all)) => all.values().collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for resource in resources {
        let kind = resource.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(inner) = resource.pointer("/properties/template") else { continue };
        if !kind.eq_ignore_ascii_case("Microsoft.Resources/deployments") || depth_left == 0 {
            continue;
        }
        let none = Map::new();
        let set = resource.pointer("/properties/parameters").and_then(Value::as_object).unwrap_or(&none);
        let module = resource.get("name").and_then(Value::as_str).unwrap_or_default();
        for (name, parameter) in inner.get("parameters").and_then(Value::as_object).into_iter().flatten() {
            if named(set, name).is_none() && parameter.get("defaultValue").is_some_and(draws_anew) {
                found.push((module.to_owned(), name.clone()));
            }
        }
        found.extend(drawing_modules(inner, depth_left - 1));
    }
    found
}

fn draws_anew(default: &Value) -> bool {
    let text = default.to_string().to_lowercase();
    text.contains('[') && CHANGING.iter().any(|function| text.contains(function))
}

/// Compiles Bicep with the compiler on the PATH: `bicep`, else the one that `az` has.
async fn compile(path: &Path, path_var: &OsStr) -> Result<Value, NotLoaded> {
    let invocation = if let Some(bicep) = in_path(path_var, "bicep") {
        Invocation::new(bicep, [OsStr::new("build"), path.as_os_str(), OsStr::new("--stdout")])
    } else if let Some(az) = in_path(path_var, "az") {
        let words = ["bicep", "build", "--stdout", "--file"].map(OsStr::new);
        Invocation::new(az, words.into_iter().chain([path.as_os_str()]))
    } else {
        return Err(NotLoaded(format!(
            "`{}` is Bicep, and neither `bicep` nor `az` is on the PATH: install one of them, or name the template as ARM \
             JSON (`bicep build` writes it)",
            shown(path)
        )));
    };
    let finished = run(&invocation, RunOptions::new(COMPILE_TIMEOUT, TEMPLATE_BYTES_MAX)).await;
    let finished = finished.map_err(|error| NotLoaded(error.to_string()))?;
    if !finished.succeeded() {
        let words = finished.stderr.into_text();
        let words = escaped_short(words.trim(), QUOTED_CHARACTERS_MAX);
        return Err(NotLoaded(format!("`{}` does not compile: {words}", shown(path))));
    }
    if finished.stdout.is_cut() {
        return Err(NotLoaded(format!("`{}` compiles to more than {TEMPLATE_BYTES_MAX} bytes", shown(path))));
    }
    parse(path, &finished.stdout.into_text())
}

//! From the body of a request to the steps of a deployment: parameters are checked, names are worked out, and the order
//! follows from `dependsOn`.

use serde_json::{Map, Value, json};

use super::expression::{Scope, Trouble};
use crate::refusal::Refusal;
use crate::versions;
use crate::world::World;
use crate::world::deployment::{Mode, Step};
use crate::world::resource::{Declared, id_of, region};

/// A deployment that can begin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prepared {
    pub(crate) mode: Mode,
    pub(crate) template: Value,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) steps: Vec<Step>,
}

/// Where a deployment happens.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) group: &'a str,
    pub(crate) deployment: &'a str,
    /// The URL of the fake.
    pub(crate) url: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn scope(
        self,
        world: &'a World,
        template: &'a Value,
        parameters: &'a Map<String, Value>,
        live: bool,
    ) -> Scope<'a> {
        let Self { subscription, group, deployment, url } = self;
        Scope { world, url, subscription, group, deployment, template, parameters, live }
    }
}

/// Reads the body of a PUT, a validation or a what-if.
pub(crate) fn prepare(world: &World, place: Place, body: &Value) -> Result<Prepared, Refusal> {
    let properties = &body["properties"];
    if !properties.is_object() {
        return Err(Refusal::invalid_content("Required property 'properties' not found in JSON. Path ''"));
    }
    let mode = match properties["mode"].as_str() {
        Some(mode) if mode.eq_ignore_ascii_case("incremental") => Mode::Incremental,
        Some(mode) if mode.eq_ignore_ascii_case("complete") => Mode::Complete,
        other => {
            let what = other.unwrap_or("null");
            let why = format!("Error converting value \"{what}\" to type 'DeploymentMode'. Path 'properties.mode'");
            return Err(Refusal::invalid_content(&why));
        }
    };
    let template = properties["template"].clone();
    if !template.is_object() {
        return Err(Refusal::new(
            400,
            "InvalidTemplate",
            "Deployment template validation failed: 'The template is not provided: 'template' or 'templateLink' \
             must be set.'.",
        ));
    }
    for needed in ["$schema", "contentVersion", "resources"] {
        if template.get(needed).is_none() {
            let why = format!("Required property '{needed}' not found in JSON. Path ''");
            return Err(Refusal::template_validation(&why));
        }
    }
    let parameters = parameters(world, place, &template, &properties["parameters"])?;
    let steps = steps(world, place, &template, &parameters)?;
    Ok(Prepared { mode, template, parameters, steps })
}

fn parameters(world: &World, place: Place, template: &Value, sent: &Value) -> Result<Map<String, Value>, Refusal> {
    let none = Map::new();
    let declared = template["parameters"].as_object().unwrap_or(&none);
    let sent = sent.as_object().unwrap_or(&none);
    let is = |key: &str, other: &str| key.eq_ignore_ascii_case(other);
    let unknown: Vec<&str> =
        sent.keys().filter(|name| !declared.keys().any(|known| is(known, name))).map(String::as_str).collect();
    if !unknown.is_empty() {
        let known = declared.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(Refusal::template_validation(&format!(
            "The following parameters were supplied, but do not correspond to any parameters defined in the template: \
             '{}'. The parameters defined in the template are: '{known}'. Please see \
             https://aka.ms/arm-pass-parameter-values for usage details.",
            unknown.join(", ")
        )));
    }
    let mut values = Map::new();
    for (name, declaration) in declared {
        let given = sent.iter().find(|(known, _)| is(known, name)).map(|(_, given)| given);
        let value = match (given, declaration.get("defaultValue")) {
            (Some(given), _) if given.get("reference").is_some() => secret(world, &given["reference"])?,
            (Some(given), _) if given.get("value").is_some() => given["value"].clone(),
            (_, Some(default)) => {
                let scope = place.scope(world, template, &values, false);
                scope.value(default).map_err(|trouble| Refusal::template_validation(&trouble.words()))?
            }
            _ => {
                return Err(Refusal::template_validation(&format!(
                    "The value for the template parameter '{name}' at line '1' and column '1' is not provided. Please \
                     see https://aka.ms/arm-create-parameter-file for usage details."
                )));
            }
        };
        fits(name, declaration, &value)?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

fn fits(name: &str, declaration: &Value, value: &Value) -> Result<(), Refusal> {
    let kind = declaration["type"].as_str().unwrap_or_default().to_ascii_lowercase();
    let good = match kind.as_str() {
        "string" | "securestring" => value.is_string(),
        "int" => value.is_i64() || value.is_u64(),
        "bool" => value.is_boolean(),
        "object" | "secureobject" => value.is_object(),
        "array" => value.is_array(),
        _ => {
            return Err(Refusal::template_validation(&format!(
                "The template parameter '{name}' has an invalid type '{kind}'."
            )));
        }
    };
    if !good {
        return Err(Refusal::template_validation(&format!(
            "Template parameter JToken type is not valid. Expected '{kind}'. Actual '{}'. Please see \
             https://aka.ms/resource-manager-parameter-files for usage details.",
            json_type(value)
        )));
    }
    let allowed = declaration["allowedValues"].as_array();
    if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) {
        let allowed: Vec<String> =
            allowed.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        return Err(Refusal::template_validation(&format!(
            "The provided value for the template parameter '{name}' is not valid. The value '{}' is not part of the \
             allowed value(s): '{}'.",
            value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            allowed.join(",")
        )));
    }
    Ok(())
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}

/// The secret that a parameter refers to.
fn secret(world: &World, reference: &Value) -> Result<Value, Refusal> {
    let id = reference["keyVault"]["id"].as_str().unwrap_or_default();
    let name = reference["secretName"].as_str().unwrap_or_default();
    let vault = world.vaults.iter().find(|vault| vault.resource.has_id(id));
    let Some(vault) = vault else {
        let message = format!(
            "The specified KeyVault '{id}' could not be found. Please see https://aka.ms/arm-keyvault for usage \
             details."
        );
        return Err(Refusal::new(400, "KeyVaultParameterReferenceNotFound", message));
    };
    let message = format!(
        "The secret of KeyVault parameter '{name}' cannot be retrieved. Http status code: 'NotFound'. Error message: \
         'A secret with (name/id) {name} was not found in this key vault.'. Please see https://aka.ms/arm-keyvault for \
         usage details."
    );
    let value = vault.secrets.get(name).map(|value| json!(value));
    value.ok_or_else(|| Refusal::new(400, "KeyVaultParameterReferenceSecretRetrieveFailed", message))
}

/// The resources of a template, whichever way it lists them, with their symbolic names.
fn sources(template: &Value) -> Vec<(Option<String>, Value)> {
    match &template["resources"] {
        Value::Array(items) => items.iter().map(|item| (None, item.clone())).collect(),
        Value::Object(map) => map.iter().map(|(name, item)| (Some(name.clone()), item.clone())).collect(),
        _ => Vec::new(),
    }
}

fn steps(world: &World, place: Place, template: &Value, parameters: &Map<String, Value>) -> Result<Vec<Step>, Refusal> {
    let scope = place.scope(world, template, parameters, false);
    let mut steps: Vec<(Option<String>, Step)> = Vec::new();
    let mut left_out = Vec::new();
    for (at, (symbol, source)) in sources(template).into_iter().enumerate() {
        let wrong = |trouble: Trouble| {
            Refusal::invalid_template(format!(
                "Unable to process template language expressions for resource '{}' at line '1' and column '1'. '{}'",
                source["name"].as_str().unwrap_or_default(),
                trouble.words()
            ))
        };
        if source.get("copy").is_some() || source["existing"] == true {
            return Err(Refusal::invalid_template("The fake knows neither copy loops nor existing resources."));
        }
        let (kind, version) = (source["type"].as_str(), source["apiVersion"].as_str());
        let (Some(kind), Some(version)) = (kind, version) else {
            return Err(Refusal::template_validation(&format!(
                "The template resource '{at}' at line '1' and column '1' is not valid: 'type' and 'apiVersion' are \
                 required."
            )));
        };
        let location = world.group(place.subscription, place.group).map(|group| group.location.as_str());
        versions::check(kind, Some(version), location)?;
        let kind = versions::proper(kind);
        let name = scope.string(&source["name"]).map_err(wrong)?;
        let segments = (kind.matches('/').count(), name.matches('/').count() + 1);
        if segments.0 != segments.1 {
            return Err(Refusal::template_validation(&format!(
                "The template resource '{name}' for type '{kind}' at line '1' and column '1' has incorrect segment \
                 lengths. A nested resource type must have identical number of segments as its resource name."
            )));
        }
        let id = id_of(place.subscription, place.group, &kind, &name);
        if source.get("condition").is_some_and(|given| scope.value(given).is_ok_and(|value| value == false)) {
            left_out.extend([Some(id), symbol].into_iter().flatten());
            continue;
        }
        let step = Step { id, kind, name, source, after: Vec::new(), progress: None, operation: 0 };
        steps.push((symbol, step));
    }
    for at in 0..steps.len() {
        let after = predecessors(&scope, &steps, at, &left_out)?;
        steps[at].1.after = after;
    }
    let steps: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
    acyclic(&steps)?;
    Ok(steps)
}

/// The steps that come before the one at this place. Those that were left out, because their condition is false, are
/// waited for by nobody.
fn predecessors(
    scope: &Scope,
    steps: &[(Option<String>, Step)],
    at: usize,
    left_out: &[String],
) -> Result<Vec<usize>, Refusal> {
    let step = &steps[at].1;
    let mut after = Vec::new();
    for named in step.source["dependsOn"].as_array().unwrap_or(&Vec::new()) {
        let named = scope.string(named).map_err(|trouble| Refusal::template_validation(&trouble.words()))?;
        let found = steps.iter().position(|(symbol, other)| {
            symbol.as_deref() == Some(&named)
                || other.id.eq_ignore_ascii_case(&named)
                || other.name.eq_ignore_ascii_case(&named)
                || format!("{}/{}", other.kind, other.name).eq_ignore_ascii_case(&named)
        });
        match found {
            Some(found) => after.push(found),
            None if left_out.iter().any(|known| known.eq_ignore_ascii_case(&named)) => {}
            None => {
                return Err(Refusal::template_validation(&format!(
                    "The resource '{named}' is not defined in the template. Please see \
                     https://aka.ms/arm-syntax-resources for usage details."
                )));
            }
        }
    }
    Ok(after)
}

fn acyclic(steps: &[Step]) -> Result<(), Refusal> {
    let mut done = vec![false; steps.len()];
    loop {
        let ready = (0..steps.len()).find(|at| !done[*at] && steps[*at].after.iter().all(|before| done[*before]));
        match ready {
            Some(at) => done[at] = true,
            None if done.iter().all(|done| *done) => return Ok(()),
            None => {
                return Err(Refusal::template_validation(
                    "Circular dependency detected on resource. Please see https://aka.ms/arm-syntax-resources for \
                     usage details.",
                ));
            }
        }
    }
}

/// The declaration that a step makes, with what is known now.
pub(crate) fn declared(scope: &Scope, step: &Step) -> Result<Declared, Trouble> {
    let part = |key: &str| scope.value(step.source.get(key).unwrap_or(&Value::Null));
    let location = part("location")?.as_str().map(region);
    Ok(Declared {
        subscription: scope.subscription.to_owned(),
        group: scope.group.to_owned(),
        kind: step.kind.clone(),
        name: step.name.clone(),
        location,
        tags: part("tags")?,
        sku: part("sku")?,
        properties: part("properties")?,
    })
}

impl Scope<'_> {
    /// The id of the resource that a template of the newer kind calls so.
    pub(crate) fn symbolic(&self, symbol: &str) -> Option<String> {
        let source = self.template["resources"].as_object()?.get(symbol)?;
        let (kind, name) = (source["type"].as_str()?, self.string(&source["name"]).ok()?);
        Some(id_of(self.subscription, self.group, kind, &name))
    }
}

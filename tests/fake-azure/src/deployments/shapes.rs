//! Deployments and their operations as ARM writes them.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::clock;
use crate::world::deployment::{Deployment, DeploymentOperation, Progress};
use crate::world::resource::merge;

/// A deployment, without its template and without the values of secure parameters.
pub(crate) fn deployment(call: &Call, known: &Deployment) -> Value {
    let at = known.ended_at.unwrap_or(call.now);
    let succeeded = known.progress == Progress::Succeeded;
    let mut properties = json!({
        "templateHash": hash(&known.template), "parameters": parameters(&known.template, &known.parameters),
        "mode": known.mode.as_str(), "provisioningState": known.progress.as_str(), "timestamp": call.iso(at),
        "duration": clock::span(known.started_at, at), "correlationId": known.correlation_id,
        "providers": providers(call, known), "dependencies": dependencies(known),
    });
    let mut more = json!({});
    if succeeded {
        more["outputResources"] = known.steps.iter().map(|step| json!({"id": step.id})).collect();
        if known.outputs.as_object().is_some_and(|outputs| !outputs.is_empty()) {
            more["outputs"] = known.outputs.clone();
        }
    }
    if !known.error.is_null() {
        more["error"] = known.error.clone();
    }
    merge(&mut properties, &more);
    json!({
        "id": known.id(), "name": known.name, "type": "Microsoft.Resources/deployments", "properties": properties,
    })
}

/// The parameters, each with its type; those that are secure without their value.
pub(crate) fn parameters(template: &Value, values: &Map<String, Value>) -> Value {
    let shown = values.iter().map(|(name, value)| {
        let kind = template["parameters"][name]["type"].as_str().unwrap_or("String");
        let proper = match kind.to_ascii_lowercase().as_str() {
            "securestring" => return (name.clone(), json!({"type": "SecureString"})),
            "secureobject" => return (name.clone(), json!({"type": "SecureObject"})),
            "int" => "Int",
            "bool" => "Bool",
            "object" => "Object",
            "array" => "Array",
            _ => "String",
        };
        (name.clone(), json!({"type": proper, "value": value}))
    });
    Value::Object(shown.collect())
}

fn hash(template: &Value) -> String {
    let text = template.to_string();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash.to_string()
}

fn providers(call: &Call, known: &Deployment) -> Value {
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    for step in &known.steps {
        let (space, kind) = step.kind.split_once('/').unwrap_or_default();
        let location = call.state.world.resource(&step.id).and_then(|resource| resource.location.clone());
        let entry = json!({"resourceType": kind, "locations": [location]});
        match found.iter_mut().find(|(known, _)| known == space) {
            Some((_, kinds)) if kinds.contains(&entry) => {}
            Some((_, kinds)) => kinds.push(entry),
            None => found.push((space.to_owned(), vec![entry])),
        }
    }
    found.into_iter().map(|(space, kinds)| json!({"namespace": space, "resourceTypes": kinds})).collect()
}

fn dependencies(known: &Deployment) -> Value {
    let named = |at: &usize| {
        let step = &known.steps[*at];
        json!({"id": step.id, "resourceType": step.kind, "resourceName": step.name})
    };
    let steps = known.steps.iter().filter(|step| !step.after.is_empty());
    steps
        .map(|step| {
            json!({
                "dependsOn": step.after.iter().map(named).collect::<Vec<_>>(),
                "id": step.id, "resourceType": step.kind, "resourceName": step.name,
            })
        })
        .collect()
}

/// One operation of a deployment.
pub(crate) fn operation(call: &Call, of: &Deployment, known: &DeploymentOperation) -> Value {
    let at = known.ended_at.unwrap_or(call.now);
    let mut properties = json!({
        "provisioningOperation": known.kind, "provisioningState": known.progress.as_str(),
        "timestamp": call.iso(at), "duration": clock::span(known.started_at, at),
        "trackingId": of.correlation_id,
    });
    if !known.status_code.is_empty() {
        properties["statusCode"] = json!(known.status_code);
    }
    if !known.status_message.is_null() {
        properties["statusMessage"] = if call.state.quirks.status_message_as_string {
            json!(known.status_message.to_string())
        } else {
            known.status_message.clone()
        };
    }
    if let Some((id, kind, name)) = &known.target {
        properties["targetResource"] = json!({"id": id, "resourceType": kind, "resourceName": name});
    }
    json!({
        "id": format!("{}/operations/{}", of.id(), known.operation_id), "operationId": known.operation_id,
        "properties": properties,
    })
}

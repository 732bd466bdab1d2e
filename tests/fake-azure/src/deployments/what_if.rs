//! What a deployment would change. As the real one, it does not see the names that deleted vaults hold, nor servers
//! that are stopped, and it cannot work out what `reference` gives.

use serde_json::{Value, json};

use super::expression::Scope;
use super::template::{self, Prepared};
use crate::world::World;
use crate::world::deployment::{Mode, Step};
use crate::world::resource::Resource;

/// The list of changes; without payloads when only the ids are wanted.
pub(crate) fn changes(world: &World, scope: &Scope, prepared: &Prepared, ids_only: bool) -> Vec<Value> {
    let mut changes: Vec<Value> = prepared.steps.iter().map(|step| change(world, scope, step, ids_only)).collect();
    let here = world.all_resources().filter(|known| known.is_in(scope.subscription, scope.group));
    let top = here.filter(|known| known.kind.matches('/').count() == 1);
    for known in top.filter(|known| !prepared.steps.iter().any(|step| known.has_id(&step.id))) {
        let document = document(known, "");
        let mut other = json!({"resourceId": known.id()});
        other["changeType"] = json!(if prepared.mode == Mode::Complete { "Delete" } else { "Ignore" });
        if !ids_only {
            other["before"] = document.clone();
            if prepared.mode == Mode::Incremental {
                other["after"] = document;
            }
        }
        changes.push(other);
    }
    changes
}

fn change(world: &World, scope: &Scope, step: &Step, ids_only: bool) -> Value {
    let mut change = json!({"resourceId": step.id});
    if world.what_if_blind.iter().any(|blind| blind.eq_ignore_ascii_case(&step.kind)) {
        change["changeType"] = json!("Unsupported");
        change["unsupportedReason"] = json!(format!("Resources of type '{}' are not supported by what-if.", step.kind));
        return change;
    }
    if ids_only {
        change["changeType"] = json!("Deploy");
        return change;
    }
    let version = step.source["apiVersion"].as_str().unwrap_or_default();
    let Ok(declared) = template::declared(scope, step) else {
        change["changeType"] = json!("Unsupported");
        change["unsupportedReason"] = json!("The template language expressions of the resource cannot be evaluated.");
        return change;
    };
    let Some(before) = world.resource(&step.id) else {
        change["changeType"] = json!("Create");
        change["after"] = document(&declared.applied_to(None, json!({})), version);
        return change;
    };
    let after = declared.applied_to(Some(before), Value::Null);
    let (before, mut after) = (document(before, version), document(&after, version));
    keep_unknown(&before, &mut after);
    let mut delta = Vec::new();
    differences(&before, &after, "", &mut delta);
    change["changeType"] = json!(if delta.is_empty() { "NoChange" } else { "Modify" });
    change["before"] = before;
    change["after"] = after;
    if !delta.is_empty() {
        change["delta"] = Value::Array(delta);
    }
    change
}

fn document(resource: &Resource, version: &str) -> Value {
    let mut head = resource.head();
    if !version.is_empty() {
        head.insert("apiVersion".to_owned(), json!(version));
    }
    head.insert("properties".to_owned(), resource.properties.clone());
    Value::Object(head)
}

/// What what-if cannot work out counts as unchanged.
fn keep_unknown(before: &Value, after: &mut Value) {
    match after {
        Value::String(text) if text.starts_with('[') && text.ends_with(']') => *after = before.clone(),
        Value::Object(map) => {
            for (key, value) in map {
                keep_unknown(before.get(key).unwrap_or(&Value::Null), value);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                keep_unknown(before.get(at).unwrap_or(&Value::Null), item);
            }
        }
        _ => {}
    }
}

fn differences(before: &Value, after: &Value, path: &str, delta: &mut Vec<Value>) {
    if before == after {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                differences(old.get(key).unwrap_or(&Value::Null), value, &below(key), delta);
            }
            for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                differences(value, &Value::Null, &below(key), delta);
            }
        }
        (Value::Null, new) => delta.push(json!({"path": path, "propertyChangeType": "Create", "after": new})),
        (old, Value::Null) => delta.push(json!({"path": path, "propertyChangeType": "Delete", "before": old})),
        (old, new) => {
            delta.push(json!({"path": path, "propertyChangeType": "Modify", "before": old, "after": new}));
        }
    }
}

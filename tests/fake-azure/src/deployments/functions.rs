//! The functions of template expressions that the fake knows. It refuses the others as ARM refuses what does not exist.

use serde_json::{Value, json};

use super::expression::{Scope, Trouble};
use crate::views;
use crate::world::resource;

/// The value of a call. `if` is not here: it works out only one of its branches.
pub(crate) fn call(scope: &Scope, name: &str, arguments: &[Value]) -> Result<Value, Trouble> {
    let name = name.to_ascii_lowercase();
    let first = || arguments.first().cloned().unwrap_or_default();
    let text = |at: usize| arguments.get(at).map(plain).unwrap_or_default();
    Ok(match name.as_str() {
        "parameters" => return parameter(scope, &text(0)),
        "variables" => return scope.variable(&text(0)),
        "reference" => return reference(scope, &text(0), arguments.get(2)),
        "resourceid" => json!(resource_id(scope, arguments)?),
        "subscriptionresourceid" => json!(subscription_resource_id(scope, arguments)?),
        "resourcegroup" => resource_group(scope),
        "subscription" => subscription(scope),
        "tenant" => json!({"tenantId": subscription(scope)["tenantId"]}),
        "deployment" => json!({"name": scope.deployment}),
        "environment" => json!({"name": "AzureCloud", "resourceManager": scope.url}),
        "concat" if arguments.iter().any(Value::is_array) => {
            arguments.iter().flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
        }
        "concat" => json!(arguments.iter().map(plain).collect::<String>()),
        "format" => json!(formatted(&text(0), arguments.get(1..).unwrap_or_default())),
        "tolower" => json!(text(0).to_lowercase()),
        "toupper" => json!(text(0).to_uppercase()),
        "trim" => json!(text(0).trim()),
        "replace" => json!(text(0).replace(&text(1), &text(2))),
        "split" => json!(text(0).split(&text(1)).collect::<Vec<_>>()),
        "string" => json!(plain(&first())),
        "int" => json!(text(0).parse::<i64>().map_err(|_| Trouble::wrong(format!("'{}' is no integer", text(0))))?),
        "json" => serde_json::from_str(&text(0)).map_err(|error| Trouble::wrong(error.to_string()))?,
        "true" => json!(true),
        "false" => json!(false),
        "null" => Value::Null,
        "bool" => json!(text(0).eq_ignore_ascii_case("true")),
        "equals" => json!(arguments.first() == arguments.get(1)),
        "not" => json!(first() != true),
        "and" => json!(arguments.iter().all(|value| *value == true)),
        "or" => json!(arguments.iter().any(|value| *value == true)),
        "empty" => json!(length(&first()) == 0),
        "length" => json!(length(&first())),
        "coalesce" => arguments.iter().find(|value| !value.is_null()).cloned().unwrap_or_default(),
        "first" => first().get(0).cloned().unwrap_or_default(),
        "last" => first().as_array().and_then(|items| items.last().cloned()).unwrap_or_default(),
        "createarray" => json!(arguments),
        "createobject" => {
            arguments.chunks(2).map(|pair| (plain(&pair[0]), pair.get(1).cloned().unwrap_or_default())).collect()
        }
        "contains" => json!(contains(&first(), arguments.get(1))),
        "startswith" => json!(text(0).to_lowercase().starts_with(&text(1).to_lowercase())),
        "endswith" => json!(text(0).to_lowercase().ends_with(&text(1).to_lowercase())),
        "substring" | "take" => return cut(&name, &text(0), arguments),
        "union" => arguments.iter().fold(json!({}), |mut whole, part| {
            resource::merge(&mut whole, part);
            whole
        }),
        "uniquestring" => json!(unique(&arguments.iter().map(plain).collect::<Vec<_>>().join("-"))),
        _ => {
            return Err(Trouble::wrong(format!(
                "The template function '{name}' is not valid. Please see https://aka.ms/arm-functions for usage \
                 details."
            )));
        }
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

fn contains(whole: &Value, part: Option<&Value>) -> bool {
    let Some(part) = part else { return false };
    match whole {
        Value::String(text) => text.contains(&plain(part)),
        Value::Array(items) => items.contains(part),
        Value::Object(map) => map.keys().any(|key| key.eq_ignore_ascii_case(&plain(part))),
        _ => false,
    }
}

/// `substring(text, start, length)` and `take(text, length)`.
fn cut(name: &str, text: &str, arguments: &[Value]) -> Result<Value, Trouble> {
    let number = |at: usize| arguments.get(at).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let (start, count) = if name == "take" { (Some(0), number(1)) } else { (number(1), number(2)) };
    let start = start.ok_or_else(|| Trouble::wrong(format!("'{name}' needs a number")))?;
    Ok(json!(text.chars().skip(start).take(count.unwrap_or(usize::MAX)).collect::<String>()))
}

fn formatted(pattern: &str, arguments: &[Value]) -> String {
    let with = |text: String, (at, value): (usize, &Value)| text.replace(&format!("{{{at}}}"), &plain(value));
    arguments.iter().enumerate().fold(pattern.to_owned(), with)
}

/// Thirteen letters and digits that follow from the text (FNV-1a); not those that ARM would compute.
fn unique(text: &str) -> String {
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut out = String::new();
    for _ in 0..13 {
        out.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::try_from(hash % 32).unwrap_or(0)]));
        hash = (hash / 32) ^ hash.rotate_left(29);
    }
    out
}

fn parameter(scope: &Scope, name: &str) -> Result<Value, Trouble> {
    let found = scope.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    let missing = || {
        Trouble::wrong(format!(
            "The template parameter '{name}' is not found. Please see https://aka.ms/arm-syntax-parameters for \
             usage details."
        ))
    };
    Ok(found.ok_or_else(missing)?.1.clone())
}

fn resource_group(scope: &Scope) -> Value {
    let known = scope.world.group(scope.subscription, scope.group);
    let name = known.map_or(scope.group, |group| group.name.as_str());
    json!({
        "id": format!("/subscriptions/{}/resourceGroups/{name}", scope.subscription), "name": name,
        "type": "Microsoft.Resources/resourceGroups", "location": known.map(|group| group.location.clone()),
        "properties": {"provisioningState": "Succeeded"},
    })
}

fn subscription(scope: &Scope) -> Value {
    let known = scope.world.subscription(scope.subscription);
    json!({
        "id": format!("/subscriptions/{}", scope.subscription), "subscriptionId": scope.subscription,
        "tenantId": known.map(|known| known.tenant.clone()), "displayName": known.map(|known| known.name.clone()),
    })
}

/// The arguments of `resourceId`: perhaps subscription and group, then the type, then as many names as the type has
/// parts.
fn typed(arguments: &[Value]) -> Result<(Vec<String>, String, String), Trouble> {
    let words: Vec<String> = arguments.iter().map(plain).collect();
    let wrong = || {
        Trouble::wrong(
            "Unable to evaluate template language function 'resourceId': the type must have as many segments as \
             there are names.",
        )
    };
    let at = words.iter().position(|word| word.contains('/')).ok_or_else(wrong)?;
    let (kind, names) = (words[at].clone(), words[at + 1..].join("/"));
    if kind.matches('/').count() != words.len() - at - 1 {
        return Err(wrong());
    }
    Ok((words[..at].to_vec(), kind, names))
}

fn resource_id(scope: &Scope, arguments: &[Value]) -> Result<String, Trouble> {
    let (place, kind, names) = typed(arguments)?;
    let group = place.last().map_or(scope.group, String::as_str);
    let subscription = if place.len() > 1 { &place[0] } else { scope.subscription };
    Ok(resource::id_of(subscription, group, &kind, &names))
}

fn subscription_resource_id(scope: &Scope, arguments: &[Value]) -> Result<String, Trouble> {
    let (place, kind, names) = typed(arguments)?;
    let subscription = place.first().map_or(scope.subscription, String::as_str);
    Ok(format!("/subscriptions/{subscription}{}", resource::below(&kind, &names)))
}

/// `reference(id)`: the properties of a resource; with `'Full'`, all of it.
fn reference(scope: &Scope, id: &str, full: Option<&Value>) -> Result<Value, Trouble> {
    if !scope.live {
        return Err(Trouble::NotYet);
    }
    let id = scope.symbolic(id).unwrap_or_else(|| id.to_owned());
    let view = views::of_id(scope.world, scope.url, &id);
    let view =
        view.ok_or_else(|| Trouble::wrong(format!("The resource '{id}' referenced by the template was not found.")))?;
    Ok(if full.is_some_and(|full| plain(full).eq_ignore_ascii_case("full")) {
        view
    } else {
        view["properties"].clone()
    })
}

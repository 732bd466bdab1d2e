//! Things that have an id below a resource group.

use serde_json::{Map, Value, json};

/// A resource as ARM shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Id of its subscription.
    pub subscription: String,
    /// Name of its resource group.
    pub group: String,
    /// Its type, such as `Microsoft.KeyVault/vaults` or `Microsoft.DBforMySQL/flexibleServers/databases`.
    pub kind: String,
    /// Its name; those of a nested resource are parted by `/`.
    pub name: String,
    /// Its region, such as `westeurope`; a nested resource has none.
    pub location: Option<String>,
    /// Its tags: an object, or null.
    pub tags: Value,
    /// Its SKU: an object, or null.
    pub sku: Value,
    /// Its properties: an object. What a provider only takes and never shows, such as passwords, is not in it.
    pub properties: Value,
}

impl Resource {
    /// `/subscriptions/…/resourceGroups/…/providers/…`.
    pub fn id(&self) -> String {
        id_of(&self.subscription, &self.group, &self.kind, &self.name)
    }

    /// Whether this is its id; ids do not depend on case.
    pub fn has_id(&self, id: &str) -> bool {
        self.id().eq_ignore_ascii_case(id)
    }

    /// Whether it lies in this group of this subscription.
    pub fn is_in(&self, subscription: &str, group: &str) -> bool {
        self.subscription.eq_ignore_ascii_case(subscription) && self.group.eq_ignore_ascii_case(group)
    }

    /// The last part of the name.
    pub fn own_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// What every answer about it begins with.
    pub(crate) fn head(&self) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("id".to_owned(), json!(self.id()));
        head.insert("name".to_owned(), json!(self.own_name()));
        head.insert("type".to_owned(), json!(self.kind));
        if let Some(location) = &self.location {
            head.insert("location".to_owned(), json!(location));
        }
        for (key, value) in [("tags", &self.tags), ("sku", &self.sku)] {
            if !value.is_null() {
                head.insert(key.to_owned(), value.clone());
            }
        }
        head
    }
}

/// The id of a resource from its parts.
pub(crate) fn id_of(subscription: &str, group: &str, kind: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}{}", below(kind, name))
}

/// `/providers/…` of a type and its name.
pub(crate) fn below(kind: &str, name: &str) -> String {
    let mut parts = kind.split('/');
    let mut id = format!("/providers/{}", parts.next().unwrap_or_default());
    for (kind, name) in parts.zip(name.split('/')) {
        id.push_str(&format!("/{kind}/{name}"));
    }
    id
}

/// What somebody wants a resource to be: the body of a PUT, or an entry of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) location: Option<String>,
    pub(crate) tags: Value,
    pub(crate) sku: Value,
    pub(crate) properties: Value,
}

impl Declared {
    pub(crate) fn id(&self) -> String {
        id_of(&self.subscription, &self.group, &self.kind, &self.name)
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// The name of the resource that it is nested in.
    pub(crate) fn parent(&self) -> Option<&str> {
        self.name.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// The resource that results from this where `before` was.
    pub(crate) fn applied_to(&self, before: Option<&Resource>, defaults: Value) -> Resource {
        let mut properties = before.map_or(defaults, |resource| resource.properties.clone());
        merge(&mut properties, &shown(&self.properties));
        let kept = |new: &Value, old: Option<&Value>| {
            if new.is_null() { old.cloned().unwrap_or_default() } else { new.clone() }
        };
        Resource {
            subscription: self.subscription.clone(),
            group: before.map_or_else(|| self.group.clone(), |resource| resource.group.clone()),
            kind: self.kind.clone(),
            name: before.map_or_else(|| self.name.clone(), |resource| resource.name.clone()),
            location: self.location.clone().or_else(|| before.and_then(|resource| resource.location.clone())),
            tags: kept(&self.tags, before.map(|resource| &resource.tags)),
            sku: kept(&self.sku, before.map(|resource| &resource.sku)),
            properties,
        }
    }
}

/// Properties that a provider takes and never shows again.
const WRITE_ONLY: &[&str] = &["administratorLoginPassword", "createMode", "secureValue"];

/// `value` without what a provider never shows.
pub(crate) fn shown(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !WRITE_ONLY.iter().any(|hidden| hidden.eq_ignore_ascii_case(key)))
            .map(|(key, value)| (key.clone(), shown(value)))
            .collect(),
        Value::Array(items) => items.iter().map(shown).collect(),
        other => other.clone(),
    }
}

/// Lays `over` on top of `under`; objects are merged, everything else is replaced.
pub(crate) fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over.clone(),
    }
}

/// A region without spaces and in small letters, as ARM compares them.
pub(crate) fn region(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

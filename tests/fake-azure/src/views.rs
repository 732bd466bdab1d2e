//! Any resource as its provider shows it.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::resource::Resource;
use crate::{key_vault, mysql};

/// The whole document of the resource of this id.
pub(crate) fn of_id(world: &World, url: &str, id: &str) -> Option<Value> {
    if let Some(vault) = world.vaults.iter().find(|vault| vault.resource.has_id(id)) {
        return Some(key_vault::view(url, vault));
    }
    if let Some(server) = world.servers.iter().find(|server| server.resource.has_id(id)) {
        return Some(mysql::view(server));
    }
    world.resources.iter().find(|resource| resource.has_id(id)).map(other)
}

fn other(resource: &Resource) -> Value {
    let mut head = resource.head();
    let mut properties = resource.properties.clone();
    if resource.kind.eq_ignore_ascii_case("Microsoft.ContainerInstance/containerGroups") {
        properties["provisioningState"] = json!("Succeeded");
        properties["instanceView"] = json!({"events": [], "state": "Running"});
        if properties["ipAddress"].is_object() {
            let label = properties["ipAddress"]["dnsNameLabel"].as_str().map(str::to_owned);
            let region = resource.location.clone().unwrap_or_default();
            properties["ipAddress"]["ip"] = json!("203.0.113.20");
            if let Some(label) = label {
                properties["ipAddress"]["fqdn"] = json!(format!("{label}.{region}.azurecontainer.io"));
            }
        }
    }
    head.insert("properties".to_owned(), properties);
    Value::Object(head)
}

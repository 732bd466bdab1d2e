//! Where services keep data that may have been made with an earlier value.

use serde_json::Value;

/// Where a service keeps data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DataPlace {
    /// A volume, by its name on the engine.
    Volume(String),
    /// A folder of the host.
    Folder(String),
}

/// Named volumes and writable folders of services, or of all of them.
pub(super) fn data_places(config: &Value, services: Option<&[String]>) -> Vec<DataPlace> {
    let all = config.get("services").and_then(Value::as_object).into_iter().flatten();
    let concerned = all.filter(|(name, _)| services.is_none_or(|services| services.contains(name)));
    let mounts = concerned.flat_map(|(_, service)| service["volumes"].as_array().into_iter().flatten());
    let mut places: Vec<DataPlace> = mounts
        .filter_map(|mount| {
            let source = mount["source"].as_str()?;
            match mount["type"].as_str()? {
                "volume" => {
                    let name = config["volumes"][source]["name"].as_str().unwrap_or(source);
                    Some(DataPlace::Volume(name.to_owned()))
                }
                "bind" if mount["read_only"] != Value::Bool(true) && holds_data(mount["target"].as_str()?) => {
                    Some(DataPlace::Folder(source.to_owned()))
                }
                _ => None,
            }
        })
        .collect();
    places.sort();
    places.dedup();
    places
}

/// Whether programs keep their data under such a path, rather than read their configuration there.
fn holds_data(target: &str) -> bool {
    target.starts_with("/var/lib/") || target.contains("data") || target.starts_with("/bitnami/")
}

//! The effective model out of `docker compose config --format json`.
//!
//! Each port is single here, as Compose expands them, and without origin; [`super::origins`] adds that. It refuses what
//! is no such output; a published port that the engine could not take is refused by name, because no repair can rely on
//! it.

use std::collections::BTreeSet;

use repair_model::compose::{ComposeModel, PublishedPort, Service};
use repair_model::limits::SERVICES_MAX;
use serde_json::{Map, Value};

use super::syntax::{parse_protocol, parse_published};

/// Why an output is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not what `docker compose config --format json` prints.
    #[error("`docker compose config` printed no `{0}` where one is expected; `repair` needs Compose 2 or later")]
    Shape(&'static str),
    /// A port that no engine takes.
    #[error("service `{service}`: {message}; correct its `ports`")]
    Port {
        /// The service.
        service: String,
        /// What is wrong.
        message: String,
    },
    /// Above the limit.
    #[error("the project has more than {SERVICES_MAX} services")]
    TooMany,
}

/// Reads the output.
///
/// # Errors
/// When it is not such an output, or a port is none.
pub fn model_from_config(json: &Value) -> Result<ComposeModel, ConfigError> {
    let project = json.get("name").and_then(Value::as_str).ok_or(ConfigError::Shape("name"))?;
    let empty = Map::new();
    let services = match json.get("services") {
        None | Some(Value::Null) => &empty,
        Some(services) => services.as_object().ok_or(ConfigError::Shape("services"))?,
    };
    if services.len() > SERVICES_MAX {
        return Err(ConfigError::TooMany);
    }
    let awaited: BTreeSet<&str> = services.values().flat_map(awaited_completions).collect();
    let mut found = Vec::with_capacity(services.len());
    for (name, service) in services {
        found.push(Service {
            name: name.clone(),
            ports: ports(name, service)?,
            depends_on: depends_on(service),
            has_healthcheck: has_healthcheck(service),
            one_shot: awaited.contains(name.as_str()),
            scale: scale(service),
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(ComposeModel { project: project.to_owned(), services: found })
}

fn ports(service: &str, value: &Value) -> Result<Vec<PublishedPort>, ConfigError> {
    let refuse = |message: String| ConfigError::Port { service: service.to_owned(), message };
    let entries = value.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut ports = Vec::with_capacity(entries.len());
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let target = entry.get("target").and_then(Value::as_u64).and_then(|target| u16::try_from(target).ok());
        let target = target.filter(|target| *target > 0).ok_or(ConfigError::Shape("target"))?;
        let published = match entry.get("published") {
            Some(Value::Number(number)) => number.to_string(),
            _ => text("published").unwrap_or_default().to_owned(),
        };
        let (published, _) = parse_published(&published, 0).map_err(|error| refuse(error.to_string()))?;
        let protocol =
            parse_protocol(text("protocol").unwrap_or_default()).map_err(|error| refuse(error.to_string()))?;
        let host_ip = text("host_ip").filter(|address| !address.is_empty()).map(str::to_owned);
        ports.push(PublishedPort { target, target_last: target, protocol, host_ip, published, origin: None });
    }
    Ok(ports)
}

fn depends_on(service: &Value) -> Vec<String> {
    match service.get("depends_on") {
        Some(Value::Object(services)) => services.keys().cloned().collect(),
        Some(Value::Array(services)) => services.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The services whose end this one waits for.
fn awaited_completions(service: &Value) -> impl Iterator<Item = &str> {
    let depends_on = service.get("depends_on").and_then(Value::as_object).into_iter().flatten();
    depends_on
        .filter(|(_, how)| condition(how) == Some("service_completed_successfully"))
        .map(|(name, _)| name.as_str())
}

fn condition(how: &Value) -> Option<&str> {
    how.get("condition").and_then(Value::as_str)
}

fn has_healthcheck(service: &Value) -> bool {
    let Some(check) = service.get("healthcheck").and_then(Value::as_object) else {
        return false;
    };
    let disabled = check.get("disable").and_then(Value::as_bool).unwrap_or(false);
    let none = check.get("test").and_then(|test| test.get(0)).and_then(Value::as_str) == Some("NONE");
    !disabled && !none && check.contains_key("test")
}

fn scale(service: &Value) -> u32 {
    let replicas = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let wanted = service.get("scale").or(replicas).and_then(Value::as_u64);
    wanted.map_or(1, |wanted| u32::try_from(wanted).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use repair_model::compose::{Protocol, Published};
    use serde_json::json;

    use super::*;

    #[test]
    fn services_are_read_with_what_a_repair_needs() {
        let model = model_from_config(&json!({
            "name": "demo",
            "services": {
                "web": {
                    "depends_on": {
                        "job": {"condition": "service_completed_successfully", "required": true},
                        "db": {"condition": "service_started", "required": true}
                    },
                    "deploy": {"replicas": 3},
                    "ports": [
                        {"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"},
                        {"host_ip": "::1", "target": 81, "published": "8000-8002", "protocol": "UDP"},
                        {"mode": "ingress", "target": 82, "protocol": "tcp"},
                        {"mode": "ingress", "target": 83, "published": "0", "protocol": "tcp"}
                    ]
                },
                "job": {"healthcheck": {"disable": true}, "scale": 0},
                "db": {"healthcheck": {"test": ["CMD", "true"]}, "depends_on": ["x"]},
                "cache": {"healthcheck": {"test": ["NONE"]}}
            }
        }))
        .unwrap();
        let names: Vec<_> = model.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!((model.project.as_str(), names), ("demo", vec!["cache", "db", "job", "web"]));
        let facts = |name: &str| {
            let service = model.service(name).unwrap();
            (service.has_healthcheck, service.one_shot, service.scale, service.depends_on.join(","))
        };
        assert_eq!(facts("web"), (false, false, 3, "job,db".to_owned()));
        assert_eq!(facts("job"), (false, true, 0, String::new()));
        assert_eq!(facts("db"), (true, false, 1, "x".to_owned()));
        assert_eq!(facts("cache"), (false, false, 1, String::new()));
        let ports: Vec<_> =
            model.service("web").unwrap().ports.iter().map(|port| (port.published, port.protocol)).collect();
        assert_eq!(
            ports,
            [
                (Published::Fixed(8080), Protocol::Tcp),
                (Published::Range(8000, 8002), Protocol::Udp),
                (Published::EnginePicks, Protocol::Tcp),
                (Published::EnginePicks, Protocol::Tcp),
            ]
        );
    }

    #[test]
    fn what_is_no_model_is_refused() {
        assert_eq!(model_from_config(&json!({})), Err(ConfigError::Shape("name")));
        assert_eq!(model_from_config(&json!({"name": "x", "services": []})), Err(ConfigError::Shape("services")));
        assert!(model_from_config(&json!({"name": "x", "services": null})).unwrap().services.is_empty());
        let port = json!({"name": "x", "services": {"a": {"ports": [{"target": 80, "published": "70000"}]}}});
        assert!(model_from_config(&port).unwrap_err().to_string().contains("70000"));
    }
}

//! Brings together what Compose says is effective and what the files say.
//!
//! An entry of a file counts only if all single ports that it makes are effective, so a misread file can hide an origin
//! but never invent one. Invariant: after [`attach_origins`] a service publishes what it published before.

use repair_model::compose::{Origin, PublishedPort, Service};

use super::interpolation::Variables;
use super::reading::Reading;
use super::source::{PortEntry, Source};
use super::syntax::Port;

/// An effective port, and the entry of the files that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired<'s> {
    /// The port; a range where the entry writes a range.
    pub port: Port,
    /// The entry, where that is certain.
    pub written: Option<(&'s PortEntry, Reading)>,
}

/// Replaces the single ports of each service by one for each entry of the files, in the order of the files, and says
/// where it is written. Effective ports that no entry makes stay as they are, behind the others.
pub fn attach_origins(services: &mut [Service], source: &Source, variables: &Variables<'_>) {
    for service in services {
        let pairs = pair(source.ports(&service.name), &service.ports, variables);
        service.ports = pairs.into_iter().map(|paired| published_port(paired, source)).collect();
    }
}

/// Pairs the entries of a service with its effective ports.
pub fn pair<'s>(entries: &'s [PortEntry], effective: &[PublishedPort], variables: &Variables<'_>) -> Vec<Paired<'s>> {
    let effective: Vec<Port> = effective.iter().flat_map(|port| port_of(port).singles()).collect();
    let mut used = vec![false; effective.len()];
    let mut pairs = Vec::new();
    for entry in entries {
        let Ok(reading) = Reading::of(entry, variables) else {
            continue;
        };
        let places =
            reading.port.singles().into_iter().map(|single| effective.iter().position(|other| *other == single));
        let Some(places) = places.collect::<Option<Vec<_>>>() else {
            continue;
        };
        // Compose drops repeated ports: an entry that adds nothing is not in effect by itself.
        if places.iter().any(|place| !used[*place]) {
            places.into_iter().for_each(|place| used[place] = true);
            pairs.push(Paired { port: reading.port.clone(), written: Some((entry, reading)) });
        }
    }
    let rest = effective.into_iter().zip(used).filter(|(_, used)| !used);
    pairs.extend(rest.map(|(port, _)| Paired { port, written: None }));
    pairs
}

/// The port without its origin.
pub fn port_of(port: &PublishedPort) -> Port {
    Port {
        host_ip: port.host_ip.clone(),
        published: port.published,
        target: port.target,
        target_last: port.target_last,
        protocol: port.protocol,
    }
}

fn published_port(paired: Paired<'_>, source: &Source) -> PublishedPort {
    let Port { host_ip, published, target, target_last, protocol } = paired.port;
    let origin = paired.written.map(|(entry, reading)| Origin {
        file: source.file(entry.file).name.clone(),
        line: entry.line,
        source: reading.source,
        shared_with: entry.shared_with.clone(),
    });
    PublishedPort { target, target_last, protocol, host_ip, published, origin }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use repair_model::compose::Published;
    use serde_json::json;

    use super::*;
    use crate::compose::config::model_from_config;
    use crate::compose::source::SourceFile;

    #[test]
    fn each_entry_becomes_one_port_with_its_place() {
        let text = "services:\n  a:\n    ports:\n      - \"9090-9091:8080-8081\"\n      - 8000-8002:80\n      \
            - \"${P:-7000}:70\"\n      \
                    - 7000:70\n      - >-\n        6000:60\n      - 3000-3001\n      - target: 50\n        \
                    published: 5000\n";
        let source = Source::read(&[SourceFile { name: "compose.yaml".to_owned(), text: text.to_owned() }]).unwrap();
        // What Compose 2.40.3 prints for this file.
        let mut model = model_from_config(&json!({"name": "x", "services": {"a": {"ports": [
            {"target": 8080, "published": "9090", "protocol": "tcp"},
            {"target": 8081, "published": "9091", "protocol": "tcp"},
            {"target": 80, "published": "8000-8002", "protocol": "tcp"},
            {"target": 70, "published": "7000", "protocol": "tcp"},
            {"target": 60, "published": "6000", "protocol": "tcp"},
            {"target": 3000, "protocol": "tcp"},
            {"target": 3001, "protocol": "tcp"},
            {"target": 50, "published": "5000", "protocol": "tcp"},
        ]}}}))
        .unwrap();
        let none = BTreeMap::new();
        attach_origins(&mut model.services, &source, &Variables { shell: &none, dotenv: &none });
        let ports: Vec<_> = model.services[0]
            .ports
            .iter()
            .map(|port| (port.published, port.target, port.target_last, port.origin.as_ref().map(|origin| origin.line)))
            .collect();
        assert_eq!(
            ports,
            [
                (Published::Range(9090, 9091), 8080, 8081, Some(4)),
                (Published::Range(8000, 8002), 80, 80, Some(5)),
                (Published::Fixed(7000), 70, 70, Some(6)),
                (Published::EnginePicks, 3000, 3001, Some(10)),
                (Published::Fixed(5000), 50, 50, Some(12)),
                (Published::Fixed(6000), 60, 60, None),
            ]
        );
    }

    #[test]
    fn an_entry_that_is_not_effective_has_no_place() {
        let text = "services: {a: {ports: [\"8080:80\"]}}";
        let source = Source::read(&[SourceFile { name: "compose.yaml".to_owned(), text: text.to_owned() }]).unwrap();
        let none = BTreeMap::new();
        let json = json!({"name": "x", "services": {"a": {"ports": [{"target": 80, "published": "8081"}]}}});
        let mut model = model_from_config(&json).unwrap();
        attach_origins(&mut model.services, &source, &Variables { shell: &none, dotenv: &none });
        assert_eq!(model.services[0].ports.len(), 1);
        assert_eq!(
            (model.services[0].ports[0].published, &model.services[0].ports[0].origin),
            (Published::Fixed(8081), &None)
        );
    }
}

//! Whether an edit changed the effective project in exactly one published port.
//!
//! Extensions (`x-…`) at the top of a file are no part of what Compose makes. `config` prints them all the same, and with
//! them the text of a list that a service takes its ports from.

use repair_model::action::PortMove;
use repair_model::compose::Published;
use serde_json::Value;

/// Compares `compose config` before and after a move.
///
/// # Errors
/// Names the first thing that differs and should not, or the port that did not move.
pub(super) fn moved_only(before: &Value, after: &Value, port_move: &PortMove) -> Result<(), String> {
    let mut expected = before.clone();
    let mut actual = after.clone();
    let expected_ports = take_ports(&mut expected, &port_move.service);
    let actual_ports = take_ports(&mut actual, &port_move.service);
    for config in [&mut expected, &mut actual].into_iter().filter_map(|config| config.as_object_mut()) {
        config.retain(|key, _| !key.starts_with("x-"));
    }
    if let Some(place) = first_difference("", &expected, &actual) {
        return Err(format!("it would also change `{place}`"));
    }
    let mut moved_any = false;
    let mut wanted: Vec<Value> = expected_ports
        .into_iter()
        .map(|entry| match moved(&entry, port_move) {
            Some(entry) => {
                moved_any = true;
                entry
            }
            None => entry,
        })
        .collect();
    for entry in &actual_ports {
        match wanted.iter().position(|other| other == entry) {
            Some(at) => drop(wanted.swap_remove(at)),
            None => return Err(format!("the ports of `{}` would not be as planned", port_move.service)),
        }
    }
    if !moved_any || !wanted.is_empty() {
        return Err(format!("the port of `{}` would not move", port_move.service));
    }
    Ok(())
}

fn take_ports(config: &mut Value, service: &str) -> Vec<Value> {
    let service = config.get_mut("services").and_then(|services| services.get_mut(service));
    let ports = service.and_then(Value::as_object_mut).and_then(|service| service.shift_remove("ports"));
    match ports {
        Some(Value::Array(ports)) => ports,
        _ => Vec::new(),
    }
}

/// The entry after the move, if it is one that moves. `config` prints a range of equal length as single ports.
fn moved(entry: &Value, port_move: &PortMove) -> Option<Value> {
    let protocol = entry.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
    let host_ip = entry.get("host_ip").and_then(Value::as_str);
    if protocol != port_move.protocol.to_string() || host_ip != port_move.host_ip.as_deref() {
        return None;
    }
    let published = entry.get("published")?;
    let published = published.as_str().map_or_else(|| published.to_string(), str::to_owned);
    let target = entry.get("target").and_then(Value::as_u64)?;
    let (first, _) = ends(port_move.before)?;
    let (after_first, after_last) = ends(port_move.after)?;
    let becomes = match published.parse::<u16>() {
        Ok(port) if port_move.before.ports().contains(&port) => {
            let offset = port - first;
            if target != u64::from(port_move.target) + u64::from(offset) {
                return None;
            }
            (after_first + offset).to_string()
        }
        Ok(_) => return None,
        Err(_) if published == port_move.before.to_string() && target == u64::from(port_move.target) => {
            format!("{after_first}-{after_last}")
        }
        Err(_) => return None,
    };
    let mut entry = entry.clone();
    entry.as_object_mut()?.insert("published".to_owned(), Value::String(becomes));
    Some(entry)
}

fn ends(published: Published) -> Option<(u16, u16)> {
    match published {
        Published::Fixed(port) => Some((port, port)),
        Published::Range(first, last) => Some((first, last)),
        Published::EnginePicks => None,
    }
}

fn first_difference(place: &str, one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => {
                        if let Some(found) = first_difference(&place, one, other) {
                            return Some(found);
                        }
                    }
                    _ => return Some(place),
                }
            }
            None
        }
        _ => (one != other).then(|| place.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repair_model::compose::Protocol;
    use serde_json::json;

    fn config(web: Value, other: &str) -> Value {
        json!({ "name": "p", "services": { "web": { "image": "x", "ports": web }, "db": { "image": other } } })
    }

    fn entry(published: &str, target: u16) -> Value {
        json!({ "mode": "ingress", "target": target, "published": published, "protocol": "tcp" })
    }

    fn port_move(before: Published, after: Published) -> PortMove {
        PortMove { service: "web".into(), target: 80, protocol: Protocol::Tcp, host_ip: None, before, after }
    }

    #[test]
    fn one_moved_port_is_all_that_may_differ() {
        let fixed = port_move(Published::Fixed(8080), Published::Fixed(8085));
        let before = config(json!([entry("8080", 80), entry("8443", 443)]), "y");
        let after = config(json!([entry("8443", 443), entry("8085", 80)]), "y");
        assert_eq!(moved_only(&before, &after, &fixed), Ok(()));
        let also = config(json!([entry("8443", 443), entry("8085", 80)]), "z");
        assert_eq!(moved_only(&before, &also, &fixed), Err("it would also change `services.db.image`".to_owned()));
        assert!(moved_only(&before, &before, &fixed).is_err());
        let lost = config(json!([entry("8085", 80)]), "y");
        assert!(moved_only(&before, &lost, &fixed).is_err());
    }

    #[test]
    fn the_text_that_a_service_takes_its_ports_from_may_be_an_extension() {
        let fixed = port_move(Published::Fixed(8080), Published::Fixed(8085));
        let with = |published: &str| {
            let mut config = config(json!([entry(published, 80)]), "y");
            config["x-ports"] = json!([format!("{published}:80")]);
            config
        };
        assert_eq!(moved_only(&with("8080"), &with("8085"), &fixed), Ok(()));
        assert!(moved_only(&with("8080"), &with("8086"), &fixed).is_err());
        let mut deeper = with("8085");
        deeper["services"]["db"]["x-note"] = json!("new");
        assert_eq!(
            moved_only(&with("8080"), &deeper, &fixed),
            Err("it would also change `services.db.x-note`".to_owned())
        );
    }

    #[test]
    fn ranges_move_as_single_ports_or_as_text() {
        let range = port_move(Published::Range(9090, 9091), Published::Range(9190, 9191));
        let before = config(json!([entry("9090", 80), entry("9091", 81)]), "y");
        let after = config(json!([entry("9190", 80), entry("9191", 81)]), "y");
        assert_eq!(moved_only(&before, &after, &range), Ok(()));
        let before = config(json!([entry("9090-9091", 80)]), "y");
        let after = config(json!([entry("9190-9191", 80)]), "y");
        assert_eq!(moved_only(&before, &after, &range), Ok(()));
    }
}

//! What the engine answers about containers, read leniently: unknown fields are skipped, missing ones are empty, states that
//! this version does not know are kept by name, so that one odd container never hides the others.

use std::collections::HashMap;

use repair_model::compose::{PortKey, Protocol};
use repair_model::container::{Container, ContainerRef, ContainerState, Health};
use serde::Deserialize;

use super::containers::Summary;
use super::survey::Surveyed;

/// Compose's label for the project.
pub(super) const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const ONE_OFF: &str = "com.docker.compose.oneoff";
const CONFIG_HASH: &str = "com.docker.compose.config-hash";
const NUMBER: &str = "com.docker.compose.container-number";
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
const CONFIG_FILES: &str = "com.docker.compose.project.config_files";

/// One entry of `GET /containers/json` (Docker Engine API), as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    names: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    labels: HashMap<String, String>,
    state: String,
    status: String,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<ListedPort>,
    #[serde(deserialize_with = "or_default")]
    host_config: ListedHost,
    #[serde(deserialize_with = "or_default")]
    network_settings: ListedNetworks,
    #[serde(deserialize_with = "or_default")]
    mounts: Vec<ListedMount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedHost {
    #[serde(deserialize_with = "or_default")]
    network_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedNetworks {
    #[serde(deserialize_with = "or_default")]
    networks: HashMap<String, Option<ListedEndpoint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListedEndpoint {
    #[serde(rename = "NetworkID", deserialize_with = "or_default")]
    network_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedMount {
    #[serde(rename = "Type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListedPort {
    #[serde(rename = "IP")]
    ip: Option<String>,
    #[serde(rename = "PublicPort")]
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

/// `GET /containers/ID/json`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspected {
    state: InspectedState,
    restart_count: i64,
    /// Bytes of its writable layer; only where they were asked for.
    pub(super) size_rw: Option<i64>,
    host_config: HostConfig,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedState {
    status: String,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    exit_code: i32,
    error: String,
    started_at: String,
    health: Option<InspectedHealth>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedHealth {
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    #[serde(deserialize_with = "or_default")]
    port_bindings: HashMap<String, Option<Vec<Binding>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
}

/// Engines write `null` for empty lists and maps.
pub(super) fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(
    value: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

impl Listed {
    pub(super) fn reference(&self) -> ContainerRef {
        // A linked container has further names with a slash inside; its own has none.
        let name = self.names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
        let id = self.id.clone();
        let name = name.map_or_else(|| id.chars().take(12).collect(), str::to_owned);
        let label = |key: &str| self.labels.get(key).cloned();
        ContainerRef { id, name, project: label(PROJECT), service: label(SERVICE) }
    }

    /// Made by `compose run`, so no part of what the project should be.
    pub(super) fn is_one_off(&self) -> bool {
        self.labels.get(ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn is_active(&self) -> bool {
        ["running", "paused", "restarting"].contains(&self.state.as_str())
    }

    pub(super) fn ports_held(&self) -> Vec<PortKey> {
        let key = |port: &ListedPort| {
            let number = port.public_port.filter(|number| *number != 0)?;
            let host_ip = port.ip.clone().filter(|ip| !ip.is_empty());
            Some(PortKey { port: number, protocol: protocol(&port.protocol)?, host_ip })
        };
        self.ports.iter().filter_map(key).collect()
    }

    /// The container as a survey of the whole engine shows it.
    pub(super) fn into_surveyed(self) -> Surveyed {
        let label = |key: &str| self.labels.get(key).cloned();
        let endpoints = self.network_settings.networks.iter();
        let named = endpoints.flat_map(|(name, endpoint)| {
            let id = endpoint.as_ref().map(|endpoint| endpoint.network_id.clone());
            [Some(name.clone()), id].into_iter().flatten()
        });
        // A container that never started has its network only in its configuration.
        let configured = std::iter::once(self.host_config.network_mode.clone());
        Surveyed {
            one_off: self.is_one_off(),
            made_in: label(WORKING_DIR),
            made_from: label(CONFIG_FILES),
            number: label(NUMBER).and_then(|number| number.parse().ok()),
            networks: named.chain(configured).filter(|name| !name.is_empty()).collect(),
            anonymous_volumes: self.mounts.iter().filter(|mount| mount.is_anonymous_volume()).count(),
            summary: self.into_summary(),
        }
    }

    pub(super) fn into_summary(self) -> Summary {
        Summary {
            container: self.reference(),
            state: state(&self.state),
            health: health_in_words(&self.status),
            exit_code: exit_code_in_words(&self.status),
            config_hash: self.labels.get(CONFIG_HASH).cloned(),
            ports_held: self.ports_held(),
        }
    }
}

impl Inspected {
    /// Host ports that it asks for, whether or not it has them.
    pub(super) fn ports_asked(&self) -> Vec<PortKey> {
        let mut keys = Vec::new();
        for (inside, bindings) in &self.host_config.port_bindings {
            let Some(protocol) = protocol(inside.rsplit_once('/').map_or("tcp", |(_, name)| name)) else { continue };
            for binding in bindings.iter().flatten() {
                let host_ip = Some(binding.host_ip.clone()).filter(|ip| !ip.is_empty());
                let ports = port_range(&binding.host_port);
                keys.extend(ports.map(|port| PortKey { port, protocol, host_ip: host_ip.clone() }));
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// When it was started the last time, in the engine's own words; `None` if it never was.
    pub(super) fn started(&self) -> Option<&str> {
        // The engine writes the year 1 for a container that never started.
        let started = self.state.started_at.as_str();
        (!started.is_empty() && !started.starts_with("0001-")).then_some(started)
    }

    pub(super) fn state(&self) -> ContainerState {
        state(&self.state.status)
    }

    pub(super) fn into_container(self, summary: Summary) -> Container {
        let ever_ran = self.started().is_some();
        let ports = self.ports_asked();
        let state = if self.state.status.is_empty() { summary.state } else { state(&self.state.status) };
        // The engine writes 0 for a run that goes on.
        let has_ended = ever_ran && !matches!(state, ContainerState::Running | ContainerState::Paused);
        let health = self.state.health.as_ref().map_or(Health::None, |health| health_by_name(&health.status));
        Container {
            container: summary.container,
            image: self.config.image,
            state,
            health,
            exit_code: has_ended.then_some(self.state.exit_code),
            oom_killed: self.state.oom_killed,
            restarts: u32::try_from(self.restart_count).unwrap_or_default(),
            recent_deaths: 0,
            error: Some(self.state.error).filter(|error| !error.is_empty()),
            ever_ran,
            config_hash: summary.config_hash,
            ports,
        }
    }
}

impl ListedMount {
    /// The engine names a volume that nobody named with 64 hexadecimal digits.
    fn is_anonymous_volume(&self) -> bool {
        self.kind == "volume" && is_full_id(&self.name)
    }
}

/// Whether it is an id in its full length, as the engine writes it.
pub(crate) fn is_full_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn state(name: &str) -> ContainerState {
    match name {
        "created" => ContainerState::Created,
        "running" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "exited" => ContainerState::Exited,
        "dead" => ContainerState::Dead,
        other => ContainerState::Unknown(other.to_owned()),
    }
}

/// A health that this version does not know is not trusted to be good: it counts as undecided.
fn health_by_name(name: &str) -> Health {
    match name {
        "" | "none" => Health::None,
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        _ => Health::Starting,
    }
}

/// The list tells the health only in words: `Up 2 minutes (healthy)`, `Up 3 seconds (health: starting)`.
fn health_in_words(status: &str) -> Health {
    match status.rsplit_once('(').map(|(_, word)| word.trim_end_matches(')')) {
        Some("healthy") => Health::Healthy,
        Some("unhealthy") => Health::Unhealthy,
        Some(word) if word.starts_with("health:") => Health::Starting,
        _ => Health::None,
    }
}

/// And the exit code so: `Exited (0) 5 minutes ago`.
fn exit_code_in_words(status: &str) -> Option<i32> {
    let (code, _) = status.strip_prefix("Exited (")?.split_once(')')?;
    code.parse().ok()
}

fn protocol(name: &str) -> Option<Protocol> {
    match name {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// `8080`, `8000-8010`; nothing where the engine picks.
fn port_range(text: &str) -> std::ops::RangeInclusive<u16> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first > 0 => first..=last,
        #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is meant: it asks for no port")]
        _ => 1..=0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(json: &str) -> Listed {
        serde_json::from_str(json).expect("an entry")
    }

    #[test]
    fn a_summary_needs_nothing_but_the_list() {
        let entry = listed(
            r#"{"Id":"abc","Names":["/other/alias","/shop-web-1"],"State":"running","Status":"Up 2 minutes (healthy)",
                "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web",
                          "com.docker.compose.config-hash":"h"},
                "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                         {"PrivatePort":443,"Type":"tcp"}]}"#,
        );
        let summary = entry.into_summary();
        assert_eq!(summary.container.name, "shop-web-1");
        assert_eq!(summary.container.service.as_deref(), Some("web"));
        assert_eq!((summary.state, summary.health), (ContainerState::Running, Health::Healthy));
        let held = PortKey { port: 8080, protocol: Protocol::Tcp, host_ip: Some("0.0.0.0".into()) };
        assert_eq!(summary.ports_held, [held]);
    }

    #[test]
    fn a_survey_tells_origin_networks_and_volumes_without_a_name() {
        let volume = "0123456789abcdef".repeat(4);
        let entry = listed(&format!(
            r#"{{"Id":"abc","Names":["/shop-web-1"],"State":"created",
                "Labels":{{"com.docker.compose.project":"shop","com.docker.compose.service":"web",
                          "com.docker.compose.container-number":"2","com.docker.compose.oneoff":"False",
                          "com.docker.compose.project.working_dir":"/srv/shop",
                          "com.docker.compose.project.config_files":"/srv/shop/compose.yaml"}},
                "HostConfig":{{"NetworkMode":"shop_default"}},
                "NetworkSettings":{{"Networks":{{"shop_back":{{"NetworkID":"n1"}},"shop_odd":null}}}},
                "Mounts":[{{"Type":"volume","Name":"{volume}"}},{{"Type":"volume","Name":"shop_data"}},
                          {{"Type":"bind","Name":""}},{{"Type":"tmpfs"}}]}}"#,
        ));
        let surveyed = entry.into_surveyed();
        let networks: Vec<&str> = surveyed.networks.iter().map(String::as_str).collect();
        assert_eq!(networks, ["n1", "shop_back", "shop_default", "shop_odd"]);
        assert_eq!((surveyed.anonymous_volumes, surveyed.number, surveyed.one_off), (1, Some(2), false));
        assert_eq!(surveyed.made_in.as_deref(), Some("/srv/shop"));
        assert_eq!(surveyed.made_from.as_deref(), Some("/srv/shop/compose.yaml"));
        let bare = listed(r#"{"Id":"abc","HostConfig":null,"NetworkSettings":null,"Mounts":null}"#).into_surveyed();
        assert!(bare.networks.is_empty() && bare.made_in.is_none());
    }

    #[test]
    fn words_of_the_list_are_understood() {
        assert_eq!(health_in_words("Up 3 seconds (health: starting)"), Health::Starting);
        assert_eq!(health_in_words("Up 3 seconds (unhealthy)"), Health::Unhealthy);
        assert_eq!(health_in_words("Up 3 seconds (Paused)"), Health::None);
        assert_eq!(exit_code_in_words("Exited (0) 5 minutes ago"), Some(0));
        assert_eq!(exit_code_in_words("Exited (137) About a minute ago"), Some(137));
        assert_eq!(exit_code_in_words("Up 5 minutes"), None);
    }

    #[test]
    fn unknown_states_and_nulls_harm_nobody() {
        let entry =
            listed(r#"{"Id":"0123456789abcdef","Names":null,"Ports":null,"Labels":null,"State":"hibernating"}"#);
        let summary = entry.into_summary();
        assert_eq!(summary.state, ContainerState::Unknown("hibernating".into()));
        assert_eq!(summary.container.name, "0123456789ab");
        assert_eq!(health_by_name("dreaming"), Health::Starting);
    }

    #[test]
    fn a_container_that_never_started_has_no_exit_code_and_keeps_the_engines_words() {
        let summary = listed(r#"{"Id":"abc","State":"created","Names":["/x"]}"#).into_summary();
        let inspected: Inspected = serde_json::from_str(
            r#"{"State":{"Status":"created","ExitCode":128,"Error":"port is already allocated","OOMKilled":false,
                         "StartedAt":"0001-01-01T00:00:00Z"},"RestartCount":0,"Config":{"Image":"web:1"},
                "HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"},{"HostIp":"::1","HostPort":"0"}],
                              "53/udp":[{"HostIp":"127.0.0.1","HostPort":"5000-5001"}],"9/tcp":null}}}"#,
        )
        .expect("an answer");
        let container = inspected.into_container(summary);
        assert!(!container.ever_ran && container.exit_code.is_none());
        assert_eq!(container.error.as_deref(), Some("port is already allocated"));
        let ports: Vec<String> = container.ports.iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["127.0.0.1:5000/udp", "127.0.0.1:5001/udp", "8080/tcp"]);
    }
}

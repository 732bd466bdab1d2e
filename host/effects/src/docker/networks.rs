//! The networks of the engine, and which containers are attached to one. It only looks.

use std::collections::HashMap;

use serde::Deserialize;

use super::answers::{PROJECT, or_default};
use super::connection::{Engine, EngineError};
use super::containers::encoded;

const NETWORK: &str = "com.docker.compose.network";

/// One network of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineNetwork {
    /// Its full id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Compose project, by its label.
    pub project: Option<String>,
    /// Key under which that project names it, by its label.
    pub key: Option<String>,
    /// Its driver, such as `bridge`.
    pub driver: String,
    /// Whether it is of this engine alone, so that all its containers can be seen from here.
    pub local: bool,
    /// Its subnets in CIDR notation.
    pub subnets: Vec<String>,
}

/// One entry of `GET /networks` (Docker Engine API), as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedNetwork {
    id: String,
    name: String,
    driver: String,
    scope: String,
    #[serde(deserialize_with = "or_default")]
    labels: HashMap<String, String>,
    #[serde(rename = "IPAM", deserialize_with = "or_default")]
    ipam: ListedIpam,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedIpam {
    #[serde(deserialize_with = "or_default")]
    config: Vec<ListedPool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedPool {
    #[serde(deserialize_with = "or_default")]
    subnet: String,
}

/// `GET /networks/ID`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedNetwork {
    #[serde(deserialize_with = "or_default")]
    containers: HashMap<String, serde_json::Value>,
}

impl Engine {
    /// All networks, in order of name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn networks(&self) -> Result<Vec<EngineNetwork>, EngineError> {
        let listed: Vec<ListedNetwork> = self.get("/networks".to_owned(), "networks").await?;
        let mut networks: Vec<EngineNetwork> = listed.into_iter().map(ListedNetwork::into_network).collect();
        networks.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(networks)
    }

    /// The ids of what is attached to a network now, as the network itself tells; `None` when there is no such network. A
    /// container that does not run is not among them: [`super::survey::Surveyed::networks`] tells those.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn attached_to(&self, network: &str) -> Result<Option<Vec<String>>, EngineError> {
        let found: Result<InspectedNetwork, _> = self.get(format!("/networks/{}", encoded(network)), "a network").await;
        match found {
            Ok(network) => Ok(Some(network.containers.into_keys().collect())),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ListedNetwork {
    fn into_network(self) -> EngineNetwork {
        let label = |key: &str| self.labels.get(key).cloned();
        EngineNetwork {
            project: label(PROJECT),
            key: label(NETWORK),
            local: self.scope == "local",
            subnets: self.ipam.config.into_iter().map(|pool| pool.subnet).filter(|text| !text.is_empty()).collect(),
            id: self.id,
            name: self.name,
            driver: self.driver,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_with_their_labels_and_subnets_and_nulls_harm_nobody() {
        let listed: Vec<ListedNetwork> = serde_json::from_str(
            r#"[{"Name":"shop_back","Id":"n1","Scope":"local","Driver":"bridge",
                 "Labels":{"com.docker.compose.project":"shop","com.docker.compose.network":"back"},
                 "IPAM":{"Driver":"default","Options":null,
                         "Config":[{"Subnet":"172.30.0.0/16","Gateway":"172.30.0.1"},{"Subnet":"fd00::/64"}]}},
                {"Name":"ingress","Id":"n2","Scope":"swarm","Driver":"overlay","Labels":null,"IPAM":{"Config":null}}]"#,
        )
        .expect("a list");
        let networks: Vec<EngineNetwork> = listed.into_iter().map(ListedNetwork::into_network).collect();
        assert_eq!((networks[0].project.as_deref(), networks[0].key.as_deref()), (Some("shop"), Some("back")));
        assert_eq!(networks[0].subnets, ["172.30.0.0/16", "fd00::/64"]);
        assert!(networks[0].local && !networks[1].local);
        assert_eq!((networks[1].project.as_deref(), networks[1].subnets.len()), (None, 0));
    }
}

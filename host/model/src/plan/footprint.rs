//! What a step depends on, and the first thing of it that is not so any more.
//!
//! A footprint says what a plan was made for, not all that there is: what it does not name may change freely.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::PortKey;
use crate::container::ContainerState;
use crate::ids::Digest;

/// What of the target a step depends on, as it has to be right before the step. Files that earlier steps of the same plan
/// change are named with the digest that those steps leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// Digest of each file, by path; `None` if it must not exist.
    pub files: BTreeMap<String, Option<Digest>>,
    /// Digest of the value of each interpolated variable; `None` if it is not set.
    pub variables: BTreeMap<String, Option<Digest>>,
    /// Ports that somebody holds.
    pub ports_held: Vec<PortKey>,
    /// Ports that nobody holds.
    pub ports_free: Vec<PortKey>,
    /// Containers of the services concerned, by name.
    pub containers: BTreeMap<String, ContainerMark>,
    /// Networks concerned, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, NetworkMark>,
    /// Id of each image concerned, by reference; `None` if the engine does not have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Option<String>>,
    /// What identifies the state of each Azure resource concerned, by id; `None` if it must not exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, Option<String>>,
}

/// What identifies the state of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerMark {
    /// Full id.
    pub id: String,
    /// Its state.
    pub state: ContainerState,
    /// Compose's configuration hash.
    pub config_hash: Option<String>,
}

/// What identifies the state of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkMark {
    /// Full id.
    pub id: String,
    /// Names of the containers attached to it, in order.
    pub attached: Vec<String>,
}

impl Footprint {
    /// The first thing that differs in `now`, in words for a person; `None` if nothing does.
    pub fn difference(&self, now: &Self) -> Option<String> {
        for (file, digest) in &self.files {
            match (digest, now.files.get(file).copied().flatten()) {
                (None, Some(_)) => return Some(format!("`{file}` has appeared")),
                (Some(_), None) => return Some(format!("`{file}` is gone")),
                (Some(then), Some(now)) if *then != now => return Some(format!("`{file}` was changed")),
                _ => {}
            }
        }
        for (name, value) in &self.variables {
            if now.variables.get(name).copied().flatten() != *value {
                return Some(format!("the variable `{name}` has another value"));
            }
        }
        if let Some(port) = self.ports_held.iter().find(|port| !now.ports_held.contains(port)) {
            return Some(format!("port {port} is no longer held by anybody"));
        }
        if let Some(port) = self.ports_free.iter().find(|port| !now.ports_free.contains(port)) {
            return Some(format!("port {port} is no longer free"));
        }
        for (name, mark) in &self.containers {
            match now.containers.get(name) {
                None => return Some(format!("container `{name}` is gone")),
                Some(other) if other != mark => return Some(format!("container `{name}` has changed")),
                Some(_) => {}
            }
        }
        if let Some(name) = now.containers.keys().find(|name| !self.containers.contains_key(*name)) {
            return Some(format!("container `{name}` has appeared"));
        }
        self.network_difference(now).or_else(|| self.image_difference(now)).or_else(|| self.resource_difference(now))
    }

    fn network_difference(&self, now: &Self) -> Option<String> {
        self.networks.iter().find_map(|(name, mark)| {
            let Some(other) = now.networks.get(name) else { return Some(format!("network `{name}` is gone")) };
            if other.id != mark.id {
                return Some(format!("network `{name}` was made anew"));
            }
            let joined = other.attached.iter().find(|container| !mark.attached.contains(container));
            let left = mark.attached.iter().find(|container| !other.attached.contains(container));
            joined
                .map(|container| format!("container `{container}` was attached to network `{name}`"))
                .or_else(|| left.map(|container| format!("container `{container}` has left network `{name}`")))
        })
    }

    fn image_difference(&self, now: &Self) -> Option<String> {
        self.images.iter().find_map(|(image, id)| match (id, now.images.get(image).cloned().flatten()) {
            (None, Some(_)) => Some(format!("image `{image}` has appeared")),
            (Some(_), None) => Some(format!("image `{image}` is gone")),
            (Some(then), Some(now)) if *then != now => Some(format!("image `{image}` is another one now")),
            _ => None,
        })
    }

    fn resource_difference(&self, now: &Self) -> Option<String> {
        self.resources.iter().find_map(|(id, mark)| match (mark, now.resources.get(id).cloned().flatten()) {
            (None, Some(_)) => Some(format!("`{id}` has appeared")),
            (Some(_), None) => Some(format!("`{id}` is gone")),
            (Some(then), Some(now)) if *then != now => Some(format!("`{id}` was {then} and is {now}")),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(id: &str, attached: &[&str]) -> Footprint {
        let mark =
            NetworkMark { id: id.to_owned(), attached: attached.iter().map(|name| (*name).to_owned()).collect() };
        Footprint { networks: BTreeMap::from([("shop_front".to_owned(), mark)]), ..Footprint::default() }
    }

    fn image(id: Option<&str>) -> Footprint {
        let images = BTreeMap::from([("example/web:1".to_owned(), id.map(str::to_owned))]);
        Footprint { images, ..Footprint::default() }
    }

    #[test]
    fn a_network_that_is_gone_made_anew_or_in_use_is_a_difference() {
        let then = network("a1", &["shop-web-1"]);
        assert_eq!(then.difference(&then), None);
        for (now, words) in [
            (Footprint::default(), "network `shop_front` is gone"),
            (network("b2", &["shop-web-1"]), "network `shop_front` was made anew"),
            (
                network("a1", &["shop-api-1", "shop-web-1"]),
                "container `shop-api-1` was attached to network `shop_front`",
            ),
            (network("a1", &[]), "container `shop-web-1` has left network `shop_front`"),
        ] {
            assert_eq!(then.difference(&now).as_deref(), Some(words));
        }
    }

    #[test]
    fn an_image_that_came_went_or_became_another_is_a_difference() {
        for (then, now, words) in [
            (None, Some("a1"), Some("image `example/web:1` has appeared")),
            (Some("a1"), None, Some("image `example/web:1` is gone")),
            (Some("a1"), Some("b2"), Some("image `example/web:1` is another one now")),
            (Some("a1"), Some("a1"), None),
            (None, None, None),
        ] {
            assert_eq!(image(then).difference(&image(now)).as_deref(), words, "{then:?} {now:?}");
        }
    }

    #[test]
    fn an_azure_resource_that_came_went_or_changed_is_a_difference() {
        let resource = |mark: Option<&str>| Footprint {
            resources: BTreeMap::from([("/servers/db".to_owned(), mark.map(str::to_owned))]),
            ..Footprint::default()
        };
        for (then, now, words) in [
            (None, Some("Ready"), Some("`/servers/db` has appeared")),
            (Some("Stopped"), None, Some("`/servers/db` is gone")),
            (Some("Stopped"), Some("Ready"), Some("`/servers/db` was Stopped and is Ready")),
            (Some("Stopped"), Some("Stopped"), None),
        ] {
            assert_eq!(resource(then).difference(&resource(now)).as_deref(), words, "{then:?} {now:?}");
        }
    }

    #[test]
    fn a_footprint_without_networks_and_images_is_written_as_before_they_existed() {
        let written = serde_json::to_string(&Footprint::default()).expect("plain data");
        assert_eq!(written, r#"{"files":{},"variables":{},"ports_held":[],"ports_free":[],"containers":{}}"#);
        assert_eq!(serde_json::from_str::<Footprint>(&written).expect("it reads back"), Footprint::default());
    }
}

//! What the project as a whole wants to exist: services of all profiles, names of containers, networks.
//!
//! It is what staleness is judged against, so it errs on the side of wanting: a service counts as wanted when any profile
//! or any of the files names it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use repair_model::compose::ComposeModel;
use repair_pipeline::outside::TargetError;
use serde_json::Value;

use super::ComposeDeployment;
use crate::compose::source::Source;

/// What the project wants.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The project's name.
    pub(super) project: String,
    /// Its directory, absolute.
    pub(super) directory: PathBuf,
    /// Its Compose files, absolute.
    pub(super) files: Vec<PathBuf>,
    /// Services of all profiles.
    pub(super) services: BTreeSet<String>,
    /// The service that wants each container name; active profiles only.
    pub(super) names: BTreeMap<String, String>,
    /// Networks of all profiles, by key.
    pub(super) networks: BTreeMap<String, WantedNetwork>,
}

/// A network that the project wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedNetwork {
    /// Its name on the engine.
    pub(super) name: String,
    /// Whether somebody else makes it.
    pub(super) external: bool,
    /// Whether the active profiles want it.
    pub(super) active: bool,
}

impl Wanted {
    /// Reads what `active` wants, and what `all`, the project with all profiles, and `declared` services add to it.
    pub(super) fn read<'d>(
        model: &ComposeModel,
        active: &Value,
        all: &Value,
        declared: impl Iterator<Item = &'d str>,
    ) -> Self {
        let keys = |config: &Value| -> Vec<String> { section(config, "services").map(|(name, _)| name).collect() };
        let services = keys(active).into_iter().chain(keys(all)).chain(declared.map(str::to_owned)).collect();
        let names = model.services.iter().flat_map(|service| {
            let names = container_names(active, &model.project, &service.name, service.scale);
            names.into_iter().map(|name| (name, service.name.clone()))
        });
        let networks = [(all, false), (active, true)].into_iter().flat_map(|(config, active)| {
            section(config, "networks").map(move |(key, network)| {
                let name = network.get("name").and_then(Value::as_str).unwrap_or(&key).to_owned();
                let external = network.get("external").is_some_and(|external| *external != Value::Bool(false));
                (key, WantedNetwork { name, external, active })
            })
        });
        Self {
            project: model.project.clone(),
            services,
            names: names.collect(),
            networks: networks.collect(),
            ..Self::default()
        }
    }

    /// The key of the active network that wants a name; `preferred` where several do.
    pub(super) fn network_key(&self, name: &str, preferred: Option<&str>) -> Option<&str> {
        let wants = |network: &WantedNetwork| network.active && network.name == name;
        let keys = || self.networks.iter().filter(|(_, network)| wants(network)).map(|(key, _)| key.as_str());
        keys().find(|key| Some(*key) == preferred).or_else(|| keys().next())
    }
}

/// The names that Compose gives the containers of a service: its own, or numbered ones.
pub(super) fn container_names(config: &Value, project: &str, service: &str, scale: u32) -> Vec<String> {
    let own = config.get("services").and_then(|services| services.get(service)?.get("container_name")?.as_str());
    match own {
        Some(own) => vec![own.to_owned()],
        None => (1..=scale).map(|number| format!("{project}-{service}-{number}")).collect(),
    }
}

fn section<'v>(config: &'v Value, name: &str) -> impl Iterator<Item = (String, &'v Value)> {
    let section = config.get(name).and_then(Value::as_object).into_iter().flatten();
    section.map(|(key, value)| (key.clone(), value))
}

impl ComposeDeployment {
    /// What the project wants now. Compose is asked anew, since files that no footprint names, such as included ones, may
    /// have changed.
    pub(super) async fn wanted(&mut self) -> Result<Wanted, TargetError> {
        self.config = None;
        let model = self.model().await?;
        let active = self.config().await?.clone();
        let all = self.compose.config_of_all_profiles().await?.unwrap_or_else(|| active.clone());
        let files = self.project_files().await?;
        let source = Source::read(&files.compose_sources());
        let declared: Vec<String> = source.iter().flat_map(Source::services).map(str::to_owned).collect();
        let wanted = Wanted::read(&model, &active, &all, declared.iter().map(String::as_str));
        Ok(Wanted { directory: self.located.directory.clone(), files: self.located.files.clone(), ..wanted })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::config::model_from_config;

    #[test]
    fn names_come_from_the_active_profiles_and_services_from_all() {
        let active = json!({
            "name": "shop",
            "services": {"web": {"deploy": {"replicas": 2}}, "db": {"container_name": "shop-database"}},
            "networks": {"default": {"name": "shop_default"}}
        });
        let all = json!({
            "name": "shop",
            "services": {"web": {}, "db": {}, "admin": {"container_name": "shop-admin"}},
            "networks": {"default": {"name": "shop_default"}, "back": {"name": "shop_back"},
                         "outer": {"name": "outer", "external": true}}
        });
        let model = model_from_config(&active).expect("a model");
        let wanted = Wanted::read(&model, &active, &all, ["written"].into_iter());
        let services: Vec<&str> = wanted.services.iter().map(String::as_str).collect();
        assert_eq!(services, ["admin", "db", "web", "written"]);
        let names: Vec<&str> = wanted.names.keys().map(String::as_str).collect();
        assert_eq!(names, ["shop-database", "shop-web-1", "shop-web-2"]);
        assert!(wanted.networks["default"].active && !wanted.networks["back"].active);
        assert!(wanted.networks["outer"].external);
        assert_eq!(wanted.network_key("shop_default", None), Some("default"));
        assert_eq!(wanted.network_key("shop_back", None), None);
    }

    #[test]
    fn of_several_keys_for_one_network_the_preferred_one_counts() {
        let config = json!({"name": "s", "services": {}, "networks": {
            "a": {"name": "n"}, "b": {"name": "n"}, "c": {"name": "other"}}});
        let model = model_from_config(&config).expect("a model");
        let wanted = Wanted::read(&model, &config, &config, std::iter::empty());
        for (preferred, key) in [(Some("b"), "b"), (Some("a"), "a"), (Some("c"), "a"), (None, "a")] {
            assert_eq!(wanted.network_key("n", preferred), Some(key));
        }
    }
}

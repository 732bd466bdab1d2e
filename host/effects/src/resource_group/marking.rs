//! What identifies the state of each thing that a step depends on, looked at anew.
//!
//! A deleted vault is named by its deletion: one that was revived, purged, or deleted once more meanwhile has another mark,
//! and every grant for the old one is void.

use std::collections::BTreeMap;

use repair_model::azure::DeletedVault;
use repair_model::plan::Footprint;
use repair_pipeline::outside::TargetError;

use super::inspecting::state_word;
use super::looking::registration_word;
use super::{ResourceGroup, refusal, target_error};
use crate::azure::error::ArmError;
use crate::azure::names::{Location, NameError, ProviderNamespace, ServerName, VaultName};
use crate::azure::resource_id::ResourceId;
use crate::files;

const SERVER: &str = "Microsoft.DBforMySQL/flexibleServers";
pub(super) const VAULT: &str = "Microsoft.KeyVault/vaults";
const DEPLOYMENT: &str = "Microsoft.Resources/deployments";
/// The key in footprints of what is deployed at the end: template and parameters as they are sent.
pub(super) const DEPLOYED: &str = "what is deployed";
const DELETED_VAULT: &str = "Microsoft.KeyVault/locations/deletedVaults";

/// One thing whose mark a footprint keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Server(ServerName),
    Vault(VaultName),
    DeletedVault(Location, VaultName),
    Provider(ProviderNamespace),
    /// The newest deployment of a lineage, by the name of that.
    Deployment(String),
}

impl Marked {
    /// Reads a key of a footprint back.
    fn of(key: &str) -> Result<Self, NameError> {
        let id = ResourceId::new(key);
        let Ok(id) = id else {
            // A provider has an id without a type.
            let namespace = key.rsplit_once("/providers/").map_or(key, |(_, namespace)| namespace);
            return Ok(Self::Provider(ProviderNamespace::new(namespace)?));
        };
        if id.is_of_type(SERVER) {
            return Ok(Self::Server(ServerName::new(id.name())?));
        }
        if id.is_of_type(VAULT) {
            return Ok(Self::Vault(VaultName::new(id.name())?));
        }
        if id.is_of_type(DELETED_VAULT) {
            let location = id.names().first().map(String::as_str).unwrap_or_default();
            return Ok(Self::DeletedVault(Location::new(location)?, VaultName::new(id.name())?));
        }
        Ok(Self::Deployment(id.name().to_owned()))
    }
}

impl ResourceGroup {
    /// The key of a thing in footprints: its id, lower case.
    pub(super) fn key(&self, marked: &Marked) -> String {
        let subscription = format!("/subscriptions/{}", self.arm.subscription_id());
        let group = format!("{subscription}/resourceGroups/{}", self.group);
        let key = match marked {
            Marked::Server(server) => format!("{group}/providers/{SERVER}/{server}"),
            Marked::Vault(vault) => format!("{group}/providers/{VAULT}/{vault}"),
            Marked::DeletedVault(location, vault) => {
                format!("{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}")
            }
            Marked::Provider(namespace) => format!("{subscription}/providers/{namespace}"),
            Marked::Deployment(name) => format!("{group}/providers/{DEPLOYMENT}/{name}"),
        };
        key.to_lowercase()
    }

    /// Its mark now; `None` when it does not exist.
    pub(super) async fn mark(&self, marked: &Marked) -> Result<Option<String>, ArmError> {
        Ok(match marked {
            Marked::Server(server) => {
                self.arm.server(&self.group, server).await?.map(|server| server.state.as_str().to_owned())
            }
            Marked::Vault(vault) => self.arm.vault(&self.group, vault).await?.map(|_| "there".to_owned()),
            Marked::DeletedVault(location, vault) => {
                let found = self.deleted_vaults(vault).await?;
                let same = |one: &&DeletedVault| Location::new(&one.location).is_ok_and(|own| own == *location);
                found.iter().find(same).map(mark_of_deleted)
            }
            Marked::Provider(namespace) => {
                let provider = self.arm.provider(namespace).await?;
                provider.map(|provider| registration_word(&provider.registration).to_owned())
            }
            Marked::Deployment(_) => {
                let current = self.lineage().await?.current;
                current.map(|current| {
                    // Another run of the same name has another correlation id.
                    let run = current.correlation_id.as_deref().unwrap_or_default();
                    format!("{} {} {run}", current.name, state_word(&current.state))
                })
            }
        })
    }

    /// Things with their marks now.
    pub(super) async fn marks(&self, all: &[Marked]) -> Result<BTreeMap<String, Option<String>>, TargetError> {
        let mut marks = BTreeMap::new();
        for marked in all {
            let mark = self.mark(marked).await.map_err(|error| target_error(&error))?;
            marks.insert(self.key(marked), mark);
        }
        Ok(marks)
    }

    /// What `asked` names, as it is now.
    pub(super) async fn footprint_now(&self, asked: &Footprint) -> Result<Footprint, TargetError> {
        let mut now = Footprint::default();
        for name in asked.files.keys() {
            let digest = files::digest_of(name.as_ref());
            let digest = digest.map_err(|error| TargetError { what: error.to_string(), hints: error.hints() })?;
            now.files.insert(name.clone(), digest);
        }
        let things = asked.resources.keys().filter(|key| *key != DEPLOYED).map(|key| Marked::of(key));
        let things: Result<Vec<_>, NameError> = things.collect();
        now.resources = self.marks(&things.map_err(|error| refusal(error.to_string()))?).await?;
        if asked.resources.contains_key(DEPLOYED) {
            now.resources.insert(DEPLOYED.to_owned(), self.mark_of_deployed().await);
        }
        Ok(now)
    }

    /// What would be deployed now; `None` when nothing can be.
    pub(super) async fn mark_of_deployed(&self) -> Option<String> {
        let loaded = self.load().await.ok()?;
        Some(format!("template {}, parameters {}", loaded.template_digest(), loaded.parameters_digest()))
    }
}

/// Everything of a deletion that another one would change.
pub(super) fn mark_of_deleted(vault: &DeletedVault) -> String {
    let protection = if vault.purge_protected { "purge-protected" } else { "not purge-protected" };
    format!("deleted {}, purged {}, {protection}, was {}", vault.deleted, vault.purges, vault.vault_id.to_lowercase())
}

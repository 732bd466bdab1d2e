//! Resource providers: whether a subscription may use one, and registering it.

use serde_json::Value;

use super::client::{Arm, Started, if_there, sdk_change, sdk_look, unreadable};
use super::error::ArmError;
use super::names::{Location, ProviderNamespace};
use super::permit::Permit;
use super::request_ids::RequestIds;

/// A resource provider, as a subscription sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its namespace, as Azure writes it.
    pub namespace: String,
    /// Whether the subscription may use it.
    pub registration: Registration,
    /// What it offers.
    pub types: Vec<ProviderType>,
}

/// Something that a provider offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderType {
    /// The type without the namespace, such as `vaults`.
    pub name: String,
    /// Where it can be made, as Azure writes the regions.
    pub locations: Vec<String>,
}

impl ProviderType {
    /// Whether it can be made there.
    pub fn is_offered_in(&self, location: &Location) -> bool {
        self.locations.iter().any(|own| Location::new(own).is_ok_and(|own| own == *location))
    }
}

/// How a provider stands with a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It can be used.
    Registered,
    /// It is on the way there.
    Registering,
    /// It cannot be used, unless it is registered.
    NotRegistered,
    /// It is being taken away.
    Unregistering,
    /// A word that this version does not know.
    Other(String),
}

impl Registration {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "registered" => Self::Registered,
            "registering" => Self::Registering,
            "notregistered" | "unregistered" => Self::NotRegistered,
            "unregistering" => Self::Unregistering,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl Arm {
    /// A resource provider; `None` where Azure knows none of that namespace.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn provider(&self, provider: &ProviderNamespace) -> Result<Option<Provider>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_resources::package_resources_2021_04, |sdk| sdk
            .providers_client()
            .get(provider.as_str(), self.subscription_id().as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        read_provider(&answer.json()?).map(Some).ok_or_else(|| unreadable("it is not a resource provider"))
    }

    /// Registers a resource provider. It has no address to wait at: look at [`Self::provider`] until it is registered.
    ///
    /// # Errors
    /// When Azure refuses it, or it is not known whether Azure has it.
    pub async fn register(&self, provider: &ProviderNamespace, ids: &RequestIds) -> Result<Started, ArmError> {
        let permit = Permit::register(self.subscription_id(), provider);
        sdk_change!(self, azure_mgmt_resources::package_resources_2021_04, permit, ids, |sdk| sdk
            .providers_client()
            .register(provider.as_str(), self.subscription_id().as_str()))
    }
}

fn read_provider(value: &Value) -> Option<Provider> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = |value: Option<&Value>| {
        value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let types = value.get("resourceTypes").and_then(Value::as_array).into_iter().flatten();
    Some(Provider {
        namespace: value.get("namespace")?.as_str()?.to_owned(),
        registration: Registration::of(&text(value, "registrationState")),
        types: types
            .map(|one| ProviderType { name: text(one, "resourceType"), locations: words(one.get("locations")) })
            .collect(),
    })
}

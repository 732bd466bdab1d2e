//! Key vaults: the ones that are there, the deleted ones that still hold their names, and whether one answers.
//!
//! The versions of the management API are those that the SDK speaks. Nothing here ever reads a secret: whether a vault
//! can be read is asked with a list of at most one name, whose body is thrown away unread.

use azure_core::Method;
use azure_mgmt_keyvault::profile_hybrid_2020_09_01::models::vault_properties::CreateMode;
use azure_mgmt_keyvault::profile_hybrid_2020_09_01::models::{
    Sku, VaultCreateOrUpdateParameters, VaultProperties, sku,
};
use jiff::Timestamp;
use serde_json::Value;

use super::client::{Arm, Started, if_there, sdk_change, sdk_look, unreadable};
use super::error::{ArmError, ErrorKind};
use super::limits::VAULT_TIMEOUT;
use super::names::{GroupName, Location, TenantId, VaultName};
use super::permit::Permit;
use super::request_ids::RequestIds;
use super::transport::{Transport, request};

/// The version of the management API that lists are asked for in.
const VERSION: &str = "2019-09-01";
/// The version of the data plane.
const DATA_VERSION: &str = "7.4";

/// A key vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    /// Its name, as Azure writes it.
    pub name: String,
    /// Its id, as Azure writes it.
    pub id: String,
    /// Its region, as Azure writes it.
    pub location: String,
    /// Its tenant.
    pub tenant: Option<TenantId>,
    /// Where its data plane is, as Azure writes it.
    pub uri: String,
    /// Its state, such as `Succeeded` or `RegisteringDns`; foreign text.
    pub state: String,
    /// Whether roles decide who may read it; otherwise its own access policies do.
    pub uses_rbac: bool,
    /// Whether it can be recovered after it was deleted. Azure takes no for new vaults any more.
    pub soft_delete: bool,
    /// Whether it can not be purged before its time, by nobody.
    pub purge_protection: bool,
    /// Days for which its name is held after it was deleted.
    pub retention_days: Option<u64>,
    /// What its firewall does with addresses that it does not list: `Allow` or `Deny`; `None` without a firewall.
    pub default_action: Option<String>,
}

/// A vault that was deleted and still holds its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedVault {
    /// Its name, as Azure writes it.
    pub name: String,
    /// Its own id, as Azure writes it.
    pub id: String,
    /// The id that it had, as Azure writes it; it tells the resource group.
    pub vault_id: String,
    /// Its region, as Azure writes it.
    pub location: String,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
    /// When Azure itself purges it.
    pub purge_scheduled: Option<Timestamp>,
    /// Whether it can not be purged before that, by nobody.
    pub purge_protection: bool,
}

impl DeletedVault {
    /// Its region in the form that paths use.
    pub fn region(&self) -> Option<Location> {
        Location::new(&self.location).ok()
    }
}

/// Whether the data plane of a vault answers to this login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultAccess {
    /// It does, and lets the names of secrets be listed.
    Readable,
    /// It does, and says no; why.
    Denied(String),
    /// It does not, or not as a vault does; why.
    Silent(String),
}

impl Arm {
    /// A vault; `None` where there is none of that name in the group.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn vault(&self, group: &GroupName, vault: &VaultName) -> Result<Option<Vault>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_keyvault::profile_hybrid_2020_09_01, |sdk| sdk.vaults_client().get(
            group.as_str(),
            vault.as_str(),
            self.subscription_id().as_str()
        ));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        read_vault(&answer.json()?).map(Some).ok_or_else(|| unreadable("it is not a vault"))
    }

    /// The deleted vaults of the subscription, in all regions; with a name, those of that name.
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub async fn deleted_vaults(&self, name: Option<&VaultName>) -> Result<Vec<DeletedVault>, ArmError> {
        let path = format!("/subscriptions/{}/providers/Microsoft.KeyVault/deletedVaults", self.subscription_id());
        let all = self.whole_list(&path, VERSION).await?;
        let all = all.iter().filter_map(read_deleted);
        Ok(all.filter(|one| name.is_none_or(|name| one.name.eq_ignore_ascii_case(name.as_str()))).collect())
    }

    /// A deleted vault; `None` where none of that name is held in that region.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn deleted_vault(&self, location: &Location, name: &VaultName) -> Result<Option<DeletedVault>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_keyvault::profile_hybrid_2020_09_01, |sdk| sdk
            .vaults_client()
            .get_deleted(name.as_str(), location.as_str(), self.subscription_id().as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        read_deleted(&answer.json()?).map(Some).ok_or_else(|| unreadable("it is not a deleted vault"))
    }

    /// Whether a vault answers at the address that Azure names for it. A token for vaults is sent there, so the address
    /// has to be that of a vault of this cloud.
    ///
    /// # Errors
    /// When the address is not one of a vault, or there is no token.
    pub async fn vault_answers(&self, vault_uri: &str) -> Result<VaultAccess, ArmError> {
        let address = self.cloud().vault_address(vault_uri);
        let mut url = address.map_err(|error| ArmError::new(ErrorKind::ForeignAddress(error.address)))?;
        url.set_path(&format!("{}/secrets", url.path().trim_end_matches('/')));
        let permit = Permit::vault(url.path());
        url.query_pairs_mut().append_pair("api-version", DATA_VERSION).append_pair("maxresults", "1");
        let token = self.credential().token(&self.cloud().vault_scope()).await?;
        let transport = Transport::new(self.http().clone(), url.clone(), permit, None);
        let request = request(Method::Get, url, &token.secret);
        let answered = tokio::time::timeout(VAULT_TIMEOUT, transport.send(&request)).await;
        Ok(match answered {
            Err(_) => VaultAccess::Silent(format!("it did not answer within {} s", VAULT_TIMEOUT.as_secs())),
            Ok(Ok(_)) => VaultAccess::Readable,
            Ok(Err(error)) if matches!(error.status(), Some(401 | 403)) => VaultAccess::Denied(error.to_string()),
            Ok(Err(error)) => VaultAccess::Silent(error.to_string()),
        })
    }

    /// Purges a deleted vault: its name becomes free, and what was in it is lost for good.
    ///
    /// # Errors
    /// When Azure refuses it, or it is not known whether Azure has it.
    pub async fn purge(&self, location: &Location, vault: &VaultName, ids: &RequestIds) -> Result<Started, ArmError> {
        let permit = Permit::purge(self.subscription_id(), location, vault);
        sdk_change!(self, azure_mgmt_keyvault::profile_hybrid_2020_09_01, permit, ids, |sdk| sdk
            .vaults_client()
            .purge_deleted(vault.as_str(), location.as_str(), self.subscription_id().as_str()))
    }

    /// Recovers a deleted vault with all that was in it. It comes back as it was, into the resource group that it was
    /// in; that has to exist.
    ///
    /// Sent is what `az keyvault recover` sends: region, tenant, the usual SKU and `createMode`; Azure takes everything
    /// else from the deleted vault.
    ///
    /// # Errors
    /// When Azure refuses it, or it is not known whether Azure has it.
    pub async fn recover(
        &self,
        group: &GroupName,
        vault: &VaultName,
        location: &Location,
        tenant: &TenantId,
        ids: &RequestIds,
    ) -> Result<Started, ArmError> {
        let mut properties = VaultProperties::new(tenant.to_string(), Sku::new(sku::Family::A, sku::Name::Standard));
        properties.create_mode = Some(CreateMode::Recover);
        let body = VaultCreateOrUpdateParameters { location: location.to_string(), tags: None, properties };
        let permit = Permit::recover(self.subscription_id(), group, vault);
        sdk_change!(self, azure_mgmt_keyvault::profile_hybrid_2020_09_01, permit, ids, |sdk| sdk
            .vaults_client()
            .create_or_update(group.as_str(), vault.as_str(), body, self.subscription_id().as_str()))
    }
}

fn read_vault(value: &Value) -> Option<Vault> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let owned = |pointer| text(pointer).unwrap_or_default().to_owned();
    let flag = |key: &str| value.pointer(&format!("/properties/{key}")).and_then(Value::as_bool);
    Some(Vault {
        name: text("/name")?.to_owned(),
        id: owned("/id"),
        location: owned("/location"),
        tenant: text("/properties/tenantId").and_then(|text| TenantId::new(text).ok()),
        uri: owned("/properties/vaultUri"),
        state: owned("/properties/provisioningState"),
        uses_rbac: flag("enableRbacAuthorization").unwrap_or(false),
        // Azure turns it on where nobody says otherwise.
        soft_delete: flag("enableSoftDelete").unwrap_or(true),
        purge_protection: flag("enablePurgeProtection").unwrap_or(false),
        retention_days: value.pointer("/properties/softDeleteRetentionInDays").and_then(Value::as_u64),
        default_action: text("/properties/networkAcls/defaultAction").map(str::to_owned),
    })
}

fn read_deleted(value: &Value) -> Option<DeletedVault> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let owned = |pointer| text(pointer).unwrap_or_default().to_owned();
    let time = |pointer| text(pointer).and_then(|text| text.parse().ok());
    let protection = value.pointer("/properties/purgeProtectionEnabled").and_then(Value::as_bool);
    Some(DeletedVault {
        name: text("/name")?.to_owned(),
        id: owned("/id"),
        vault_id: owned("/properties/vaultId"),
        location: owned("/properties/location"),
        deleted: time("/properties/deletionDate"),
        purge_scheduled: time("/properties/scheduledPurgeDate"),
        purge_protection: protection.unwrap_or(false),
    })
}

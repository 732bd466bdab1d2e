//! What a tool may see of an Azure resource group, and the small values that its actions name.
//!
//! Ids are those of Azure Resource Manager, as the observation had them; two that differ only in the case of letters are
//! the same one. Times are RFC 3339 as Azure wrote them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::ActionKind;
use crate::query::QueryKind;

/// One error of a deployment, unfolded from the ones around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArmError {
    /// Such as `ConflictError`.
    pub code: String,
    /// Redacted. Foreign text.
    pub message: String,
    /// Id of the resource that failed, where the operation says so.
    pub resource_id: Option<String>,
    /// How many errors stand around it.
    pub depth: u8,
}

/// A deployment that runs right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunningDeployment {
    /// Its name.
    pub name: String,
    /// Since when, in seconds by Azure's clock.
    pub seconds: u32,
}

/// The deployment that is to be healed: the newest of its name, or of those by which `repair` repeated it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArmDeployment {
    /// The name that it is known under, without what a repetition adds.
    pub name: String,
    /// `Succeeded`, `Failed`, `Canceled`, `Running` …; `NotFound` when Azure has refused it before it began.
    pub state: String,
    /// By which the tenant's activity log is searched.
    pub correlation: Option<String>,
    /// The errors of its operations, the outermost first.
    pub errors: Vec<ArmError>,
    /// Deployments of the group that run right now.
    pub running: Vec<RunningDeployment>,
    /// Why the host cannot deploy it again, such as that no template was named; `None` where it can.
    pub not_again: Option<String>,
}

/// What a deployment would do to one resource, by Azure's what-if. It does not see soft-deleted names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WantedChange {
    /// It does not exist, and would be made.
    Create,
    /// It exists, and would be written as the template has it, or is so already.
    Write,
    /// It would be deleted.
    Delete,
    /// Azure could not tell.
    Unsupported,
}

/// One resource that the template wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WantedResource {
    /// Its full id.
    pub id: String,
    /// Such as `Microsoft.KeyVault/vaults`.
    pub resource_type: String,
    /// The last part of its name.
    pub name: String,
    /// Where it would be, where the template says so; lower case without spaces.
    pub location: Option<String>,
    /// What would be done.
    pub change: WantedChange,
}

/// A deleted vault that still has its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedVault {
    /// Its name.
    pub name: String,
    /// Lower case without spaces.
    pub location: String,
    /// Id of the vault that it was.
    pub vault_id: String,
    /// The group that it was in.
    pub resource_group: String,
    /// Whether that was the group that is healed.
    pub same_group: bool,
    /// When it was deleted.
    pub deleted: String,
    /// When Azure purges it, so that it cannot be recovered any more.
    pub purges: String,
    /// Whether nobody can purge it before.
    pub purge_protected: bool,
    /// Whether this login may purge it; `None` where that cannot be told.
    pub may_purge: Option<bool>,
    /// Whether this login may recover it; `None` where that cannot be told.
    pub may_recover: Option<bool>,
}

/// A MySQL flexible server of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MysqlServer {
    /// Its name.
    pub name: String,
    /// Its full id.
    pub id: String,
    /// `Ready`, `Dropping`, `Disabled`, `Starting`, `Stopping`, `Stopped`, `Updating`, or what Azure says else.
    pub state: String,
    /// Lower case without spaces.
    pub location: String,
    /// Its size, such as `Standard_B1ms`.
    pub sku: String,
}

/// How the subscription is registered for a resource provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceProvider {
    /// Such as `Microsoft.KeyVault`.
    pub namespace: String,
    /// `Registered`, `Registering`, `NotRegistered`, `Unregistering`, or what Azure says else.
    pub state: String,
}

/// A lock on the group or on something in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagementLock {
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
    /// Id of what it is on.
    pub scope: String,
}

/// Who acts, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AzureAccount {
    /// Id of the subscription.
    pub subscription: String,
    /// Its name.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted`.
    pub state: String,
    /// Which credential is used, in words and without a secret.
    pub login: String,
}

/// A deleted vault as an action names it: by everything that another deletion of the same name would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VaultName {
    /// Its name.
    pub vault: String,
    /// Where it was.
    pub location: String,
    /// When it was deleted, as the observation had it.
    pub deleted: String,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// That a deployment has come to an end.
    Deployment,
    /// That a MySQL server is in a state that it stays in.
    MysqlServer,
}

/// One typed effect on a resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureAction {
    /// Starts a stopped MySQL flexible server, which costs money from then on.
    StartMysql {
        /// Its name.
        server: String,
        /// Its full id.
        id: String,
    },
    /// Brings a deleted vault back with everything that was in it.
    RecoverVault(VaultName),
    /// Removes a deleted vault with everything that was in it, for good.
    PurgeVault(VaultName),
    /// Registers the subscription for a resource provider.
    RegisterProvider {
        /// Such as `Microsoft.KeyVault`.
        namespace: String,
    },
    /// Deploys the same template with the same parameters again, in incremental mode.
    DeployTemplate {
        /// The deployment that it repeats.
        deployment: String,
    },
    /// Waits until something has come to rest, and changes nothing.
    AwaitState {
        /// What kind of thing.
        what: Awaited,
        /// Its name.
        name: String,
    },
}

impl AzureAction {
    /// Which case it is.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::StartMysql { .. } => ActionKind::StartMysql,
            Self::RecoverVault(_) => ActionKind::RecoverVault,
            Self::PurgeVault(_) => ActionKind::PurgeVault,
            Self::RegisterProvider { .. } => ActionKind::RegisterProvider,
            Self::DeployTemplate { .. } => ActionKind::DeployTemplate,
            Self::AwaitState { .. } => ActionKind::AwaitState,
        }
    }

    /// The name of what it acts on.
    pub fn object(&self) -> &str {
        match self {
            Self::StartMysql { server, .. } => server,
            Self::RecoverVault(vault) | Self::PurgeVault(vault) => &vault.vault,
            Self::RegisterProvider { namespace } => namespace,
            Self::DeployTemplate { deployment } => deployment,
            Self::AwaitState { name, .. } => name,
        }
    }
}

/// One question about a resource group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureQuery {
    /// The Azure deployment that is to be healed, with its errors.
    ArmDeployment,
    /// What the template wants, and what deploying it would do, by Azure's what-if.
    WantedResources,
    /// Deleted vaults that still have a name, in every location.
    DeletedVaults {
        /// The name.
        vault: String,
    },
    /// MySQL flexible servers of the resource group.
    MysqlServers,
    /// How the subscription is registered for a resource provider.
    ResourceProvider {
        /// Such as `Microsoft.KeyVault`.
        namespace: String,
    },
    /// Locks on the resource group and on what is in it.
    Locks,
    /// Who acts in which subscription.
    AzureAccount,
}

impl AzureQuery {
    /// Which case it is.
    pub const fn kind(&self) -> QueryKind {
        match self {
            Self::ArmDeployment => QueryKind::ArmDeployment,
            Self::WantedResources => QueryKind::WantedResources,
            Self::DeletedVaults { .. } => QueryKind::DeletedVaults,
            Self::MysqlServers => QueryKind::MysqlServers,
            Self::ResourceProvider { .. } => QueryKind::ResourceProvider,
            Self::Locks => QueryKind::Locks,
            Self::AzureAccount => QueryKind::AzureAccount,
        }
    }
}

/// What the host found of a resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureFact {
    /// Answers [`AzureQuery::ArmDeployment`].
    ArmDeployment(ArmDeployment),
    /// Answers [`AzureQuery::WantedResources`], in order of id.
    WantedResources(Vec<WantedResource>),
    /// Answers [`AzureQuery::DeletedVaults`], in order of location.
    DeletedVaults(Vec<DeletedVault>),
    /// Answers [`AzureQuery::MysqlServers`], in order of name.
    MysqlServers(Vec<MysqlServer>),
    /// Answers [`AzureQuery::ResourceProvider`].
    ResourceProvider(ResourceProvider),
    /// Answers [`AzureQuery::Locks`], in order of name.
    Locks(Vec<ManagementLock>),
    /// Answers [`AzureQuery::AzureAccount`].
    AzureAccount(AzureAccount),
}

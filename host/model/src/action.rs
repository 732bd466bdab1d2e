//! What a tool may ask the host to do. Each action is one typed effect.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure::AzureAction;
use crate::compose::{Protocol, Published};
use crate::env_value::EnvValue;
use crate::risk::Risk;

/// Moves one published port of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortMove {
    /// The service.
    pub service: String,
    /// The first port inside the container, which names the entry together with `protocol` and `host_ip`.
    pub target: u16,
    /// Transport.
    pub protocol: Protocol,
    /// Address of the host; `None` for all.
    pub host_ip: Option<String>,
    /// The host side as it is.
    pub before: Published,
    /// The host side as it shall be.
    pub after: Published,
}

/// One typed effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Changes where a published port is written down.
    RemapPort(PortMove),
    /// Starts or creates what is missing of the listed services, and nothing else.
    ComposeUp {
        /// The services; never empty.
        services: Vec<String>,
    },
    /// Writes a bounded, redacted bundle of logs and states for a person.
    CollectLogs {
        /// The services; never empty.
        services: Vec<String>,
        /// Lines of each.
        lines_max: u16,
    },
    /// Restarts the containers of one service as they are.
    RestartService {
        /// The service.
        service: String,
    },
    /// Pulls the images of the listed services and changes no container.
    PullImage {
        /// The services; never empty.
        services: Vec<String>,
    },
    /// Removes one container of the project that is in the way or belongs to no service any more. Volumes stay.
    RemoveStaleContainer {
        /// Its name.
        container: String,
        /// Its full id.
        id: String,
    },
    /// Removes one network of the project that nothing is attached to.
    RemoveStaleNetwork {
        /// Its name.
        network: String,
        /// Its full id.
        id: String,
    },
    /// Gives an empty variable a random value that nobody has seen.
    SetEnvValue(EnvValue),
    /// An effect on an Azure resource group.
    Azure(AzureAction),
}

/// A case of [`Action`], as manifests and policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// See [`Action::RemapPort`].
    RemapPort,
    /// See [`Action::ComposeUp`].
    ComposeUp,
    /// See [`Action::CollectLogs`].
    CollectLogs,
    /// See [`Action::RestartService`].
    RestartService,
    /// See [`Action::PullImage`].
    PullImage,
    /// See [`Action::RemoveStaleContainer`].
    RemoveStaleContainer,
    /// See [`Action::RemoveStaleNetwork`].
    RemoveStaleNetwork,
    /// See [`Action::SetEnvValue`].
    SetEnvValue,
    /// See [`AzureAction::StartMysql`].
    StartMysql,
    /// See [`AzureAction::RecoverVault`].
    RecoverVault,
    /// See [`AzureAction::PurgeVault`].
    PurgeVault,
    /// See [`AzureAction::RegisterProvider`].
    RegisterProvider,
    /// See [`AzureAction::DeployTemplate`].
    DeployTemplate,
    /// See [`AzureAction::AwaitState`].
    AwaitState,
}

impl Action {
    /// Which case it is.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::RemapPort(_) => ActionKind::RemapPort,
            Self::ComposeUp { .. } => ActionKind::ComposeUp,
            Self::CollectLogs { .. } => ActionKind::CollectLogs,
            Self::RestartService { .. } => ActionKind::RestartService,
            Self::PullImage { .. } => ActionKind::PullImage,
            Self::RemoveStaleContainer { .. } => ActionKind::RemoveStaleContainer,
            Self::RemoveStaleNetwork { .. } => ActionKind::RemoveStaleNetwork,
            Self::SetEnvValue(_) => ActionKind::SetEnvValue,
            Self::Azure(azure) => azure.kind(),
        }
    }

    /// The services that it names; none where it names something else.
    pub fn services(&self) -> &[String] {
        match self {
            Self::RemapPort(port_move) => std::slice::from_ref(&port_move.service),
            Self::RestartService { service } => std::slice::from_ref(service),
            Self::ComposeUp { services } | Self::CollectLogs { services, .. } | Self::PullImage { services } => {
                services
            }
            Self::RemoveStaleContainer { .. }
            | Self::RemoveStaleNetwork { .. }
            | Self::SetEnvValue(_)
            | Self::Azure(_) => &[],
        }
    }

    /// What it acts on, as a record of it is told.
    pub fn object(&self) -> String {
        match self {
            Self::RemoveStaleContainer { container, .. } => container.clone(),
            Self::RemoveStaleNetwork { network, .. } => network.clone(),
            Self::SetEnvValue(value) => value.variable.clone(),
            Self::Azure(action) => action.object().to_owned(),
            other => other.services().join(", "),
        }
    }

    /// The name of what is lost for good; a person types it before that is done.
    pub fn lost(&self) -> Option<&str> {
        match self {
            Self::Azure(AzureAction::PurgeVault(vault)) => Some(&vault.vault),
            _ => None,
        }
    }
}

impl ActionKind {
    /// The greatest risk that an action of this kind can have, whatever the host sees when it assesses one.
    pub const fn greatest_risk(self) -> Risk {
        match self {
            Self::CollectLogs | Self::AwaitState => Risk::ReadOnly,
            Self::PullImage | Self::RegisterProvider => Risk::Safe,
            Self::RemapPort | Self::RemoveStaleNetwork => Risk::Reversible,
            Self::ComposeUp
            | Self::RestartService
            | Self::RemoveStaleContainer
            | Self::SetEnvValue
            | Self::StartMysql
            | Self::RecoverVault
            | Self::DeployTemplate => Risk::Disruptive,
            Self::PurgeVault => Risk::Irreversible,
        }
    }

    /// Whether it is done to an Azure resource group, rather than to a Compose project.
    pub const fn is_azure(self) -> bool {
        match self {
            Self::RemapPort
            | Self::ComposeUp
            | Self::CollectLogs
            | Self::RestartService
            | Self::PullImage
            | Self::RemoveStaleContainer
            | Self::RemoveStaleNetwork
            | Self::SetEnvValue => false,
            Self::StartMysql
            | Self::RecoverVault
            | Self::PurgeVault
            | Self::RegisterProvider
            | Self::DeployTemplate
            | Self::AwaitState => true,
        }
    }

    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::RemapPort,
        Self::ComposeUp,
        Self::CollectLogs,
        Self::RestartService,
        Self::PullImage,
        Self::RemoveStaleContainer,
        Self::RemoveStaleNetwork,
        Self::SetEnvValue,
        Self::StartMysql,
        Self::RecoverVault,
        Self::PurgeVault,
        Self::RegisterProvider,
        Self::DeployTemplate,
        Self::AwaitState,
    ];

    /// The name in manifests and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RemapPort => "remap-port",
            Self::ComposeUp => "compose-up",
            Self::CollectLogs => "collect-logs",
            Self::RestartService => "restart-service",
            Self::PullImage => "pull-image",
            Self::RemoveStaleContainer => "remove-stale-container",
            Self::RemoveStaleNetwork => "remove-stale-network",
            Self::SetEnvValue => "set-env-value",
            Self::StartMysql => "start-mysql",
            Self::RecoverVault => "recover-vault",
            Self::PurgeVault => "purge-vault",
            Self::RegisterProvider => "register-provider",
            Self::DeployTemplate => "deploy-template",
            Self::AwaitState => "await-state",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ActionKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(())
    }
}

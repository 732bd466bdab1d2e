//! What a tool may ask about the target, and what the host answers.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure::{AzureFact, AzureQuery};
use crate::compose::{ComposeModel, PortKey};
use crate::container::{Container, PortOwner, StaleContainer};
use crate::env_value::EmptyVariable;
use crate::image::ServiceImage;
use crate::network::Network;

/// One question, always about this target only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// The effective Compose model.
    ComposeModel,
    /// The project's containers, running or not.
    Containers,
    /// The end of one service's log.
    ContainerLog {
        /// The service.
        service: String,
        /// At most so many lines; at most [`crate::limits::LOG_LINES_MAX`].
        lines_max: u16,
    },
    /// Who holds a port.
    PortOwner(PortKey),
    /// Free ports at or above a wanted one that no service of the project claims.
    FreePorts {
        /// The wanted one.
        near: PortKey,
        /// How many; at most [`crate::limits::FREE_PORTS_MAX`].
        count: u8,
    },
    /// Containers in the way of the project, and its leftovers.
    StaleContainers,
    /// Networks of the project, and those that have a name it wants.
    Networks,
    /// The image of each service.
    Images,
    /// Variables that the project uses and that have no value.
    EmptyVariables,
    /// A question about an Azure resource group.
    Azure(AzureQuery),
}

/// A case of [`Query`], as manifests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueryKind {
    /// See [`Query::ComposeModel`].
    ComposeModel,
    /// See [`Query::Containers`].
    Containers,
    /// See [`Query::ContainerLog`].
    ContainerLog,
    /// See [`Query::PortOwner`].
    PortOwner,
    /// See [`Query::FreePorts`].
    FreePorts,
    /// See [`Query::StaleContainers`].
    StaleContainers,
    /// See [`Query::Networks`].
    Networks,
    /// See [`Query::Images`].
    Images,
    /// See [`Query::EmptyVariables`].
    EmptyVariables,
    /// See [`AzureQuery::ArmDeployment`].
    ArmDeployment,
    /// See [`AzureQuery::WantedResources`].
    WantedResources,
    /// See [`AzureQuery::DeletedVaults`].
    DeletedVaults,
    /// See [`AzureQuery::MysqlServers`].
    MysqlServers,
    /// See [`AzureQuery::ResourceProvider`].
    ResourceProvider,
    /// See [`AzureQuery::Locks`].
    Locks,
    /// See [`AzureQuery::AzureAccount`].
    AzureAccount,
}

impl Query {
    /// Which case it is.
    pub const fn kind(&self) -> QueryKind {
        match self {
            Self::ComposeModel => QueryKind::ComposeModel,
            Self::Containers => QueryKind::Containers,
            Self::ContainerLog { .. } => QueryKind::ContainerLog,
            Self::PortOwner(_) => QueryKind::PortOwner,
            Self::FreePorts { .. } => QueryKind::FreePorts,
            Self::StaleContainers => QueryKind::StaleContainers,
            Self::Networks => QueryKind::Networks,
            Self::Images => QueryKind::Images,
            Self::EmptyVariables => QueryKind::EmptyVariables,
            Self::Azure(azure) => azure.kind(),
        }
    }
}

impl QueryKind {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::ComposeModel,
        Self::Containers,
        Self::ContainerLog,
        Self::PortOwner,
        Self::FreePorts,
        Self::StaleContainers,
        Self::Networks,
        Self::Images,
        Self::EmptyVariables,
        Self::ArmDeployment,
        Self::WantedResources,
        Self::DeletedVaults,
        Self::MysqlServers,
        Self::ResourceProvider,
        Self::Locks,
        Self::AzureAccount,
    ];

    /// The name in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ComposeModel => "compose-model",
            Self::Containers => "containers",
            Self::ContainerLog => "container-log",
            Self::PortOwner => "port-owner",
            Self::FreePorts => "free-ports",
            Self::StaleContainers => "stale-containers",
            Self::Networks => "networks",
            Self::Images => "images",
            Self::EmptyVariables => "empty-variables",
            Self::ArmDeployment => "arm-deployment",
            Self::WantedResources => "wanted-resources",
            Self::DeletedVaults => "deleted-vaults",
            Self::MysqlServers => "mysql-servers",
            Self::ResourceProvider => "resource-provider",
            Self::Locks => "locks",
            Self::AzureAccount => "azure-account",
        }
    }
}

impl fmt::Display for QueryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for QueryKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(())
    }
}

/// What the host found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Answers [`Query::ComposeModel`].
    ComposeModel(ComposeModel),
    /// Answers [`Query::Containers`].
    Containers(Vec<Container>),
    /// Answers [`Query::ContainerLog`]; redacted.
    ContainerLog(Vec<String>),
    /// Answers [`Query::PortOwner`].
    PortOwner(PortOwner),
    /// Answers [`Query::FreePorts`], ascending.
    FreePorts(Vec<u16>),
    /// Answers [`Query::StaleContainers`], in order of name.
    StaleContainers(Vec<StaleContainer>),
    /// Answers [`Query::Networks`], in order of name.
    Networks(Vec<Network>),
    /// Answers [`Query::Images`], in order of service.
    Images(Vec<ServiceImage>),
    /// Answers [`Query::EmptyVariables`], in order of name.
    EmptyVariables(Vec<EmptyVariable>),
    /// Answers [`Query::Azure`].
    Azure(AzureFact),
}

/// Why the host does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It could not be found out, and why.
    Unavailable(String),
    /// The tool's manifest does not name this kind of query.
    NotPermitted,
    /// More than the limits allow.
    OverLimit,
}

/// Fact or refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The host found it out.
    Fact(Fact),
    /// The host does not answer.
    Refused(Refusal),
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The question.
    pub asked: Query,
    /// The answer.
    pub answer: Answer,
    /// Whether a limit cut the answer.
    pub truncated: bool,
}

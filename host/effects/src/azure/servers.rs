//! Flexible servers of Azure Database for MySQL: how they stand, and starting one that was stopped.

use serde_json::Value;

use super::client::{Arm, Started, if_there, sdk_change, sdk_look, unreadable};
use super::error::ArmError;
use super::names::{GroupName, ServerName};
use super::permit::Permit;
use super::request_ids::RequestIds;

/// The version that lists are asked for in; it is the SDK's.
const VERSION: &str = "2023-12-30";

/// A flexible server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, as Azure writes it.
    pub name: String,
    /// Its id, as Azure writes it.
    pub id: String,
    /// Its region, as Azure writes it.
    pub location: String,
    /// How it stands.
    pub state: ServerState,
    /// The version of MySQL, such as `8.0.21`.
    pub version: String,
    /// Its size, such as `Standard_B1ms`.
    pub sku: String,
    /// The host name under which it answers.
    pub host: String,
}

/// How a server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It serves.
    Ready,
    /// Somebody stopped it, or Azure did. It starts by itself after 30 days.
    Stopped,
    /// It is on the way to [`Self::Ready`].
    Starting,
    /// It is on the way to [`Self::Stopped`].
    Stopping,
    /// It is being changed.
    Updating,
    /// It is being removed.
    Dropping,
    /// It was switched off by Azure, such as for a key that cannot be reached.
    Disabled,
    /// A word that this version does not know.
    Other(String),
}

impl ServerState {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "ready" => Self::Ready,
            "stopped" => Self::Stopped,
            "starting" => Self::Starting,
            "stopping" => Self::Stopping,
            "updating" => Self::Updating,
            "dropping" => Self::Dropping,
            "disabled" => Self::Disabled,
            _ => Self::Other(word.to_owned()),
        }
    }

    /// Whether it becomes something else by itself.
    pub fn is_in_transition(&self) -> bool {
        matches!(self, Self::Starting | Self::Stopping | Self::Updating | Self::Dropping)
    }

    /// Azure's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ready => "Ready",
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Stopping => "Stopping",
            Self::Updating => "Updating",
            Self::Dropping => "Dropping",
            Self::Disabled => "Disabled",
            Self::Other(word) => word,
        }
    }
}

impl Arm {
    /// The servers of a resource group.
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub async fn servers(&self, group: &GroupName) -> Result<Vec<Server>, ArmError> {
        let path = format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.DBforMySQL/flexibleServers",
            self.subscription_id()
        );
        let all = self.whole_list(&path, VERSION).await?;
        Ok(all.iter().filter_map(read_server).collect())
    }

    /// A server; `None` where there is none of that name in the group.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn server(&self, group: &GroupName, server: &ServerName) -> Result<Option<Server>, ArmError> {
        let answer = sdk_look!(self, azure_mgmt_mysql::package_flexibleserver_2024_01_01, |sdk| sdk
            .servers_client()
            .get(self.subscription_id().as_str(), group.as_str(), server.as_str()));
        let Some(answer) = if_there(answer)? else { return Ok(None) };
        read_server(&answer.json()?).map(Some).ok_or_else(|| unreadable("it is not a server"))
    }

    /// Starts a server that was stopped; it takes about two minutes.
    ///
    /// # Errors
    /// When Azure refuses it, or it is not known whether Azure has it.
    pub async fn start_server(
        &self,
        group: &GroupName,
        server: &ServerName,
        ids: &RequestIds,
    ) -> Result<Started, ArmError> {
        let permit = Permit::start_server(self.subscription_id(), group, server);
        sdk_change!(self, azure_mgmt_mysql::package_flexibleserver_2024_01_01, permit, ids, |sdk| sdk
            .servers_client()
            .start(self.subscription_id().as_str(), group.as_str(), server.as_str()))
    }
}

fn read_server(value: &Value) -> Option<Server> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let owned = |pointer| text(pointer).unwrap_or_default().to_owned();
    Some(Server {
        name: text("/name")?.to_owned(),
        id: owned("/id"),
        location: owned("/location"),
        state: ServerState::of(text("/properties/state").unwrap_or_default()),
        version: owned("/properties/version"),
        sku: owned("/sku/name"),
        host: owned("/properties/fullyQualifiedDomainName"),
    })
}

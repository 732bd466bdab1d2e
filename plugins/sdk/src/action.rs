//! What a tool may propose. The host computes the risk, and acts.

use crate::azure::{ArmDeployment, Awaited, DeletedVault, MysqlServer};
pub use crate::bindings::repair::tool::types::{
    Action, AwaitState, CollectLogs, ComposeUp, DeployTemplate, EnvValue, PortMove, PullImage, RegisterProvider,
    RemoveStaleContainer, RemoveStaleNetwork, RestartService, StartMysql, ValueEncoding, VaultName,
};
use crate::env_value::EmptyVariable;
use crate::kinds::{ENV_VALUE_BYTES_MAX, ENV_VALUE_BYTES_MIN};
use crate::network::Network;
use crate::ports::{Published, PublishedPort};
use crate::project::ContainerRef;

impl Action {
    /// Moves `entry` of `service` to `after`, keeping protocol, address and container side.
    pub fn remap_port(service: impl Into<String>, entry: &PublishedPort, after: Published) -> Self {
        Self::RemapPort(PortMove {
            service: service.into(),
            target: entry.target,
            protocol: entry.protocol,
            host_ip: entry.host_ip.clone(),
            before: entry.published,
            after,
        })
    }

    /// Starts or creates what is missing of these services.
    pub fn compose_up<S: Into<String>>(services: impl IntoIterator<Item = S>) -> Self {
        Self::ComposeUp(ComposeUp { services: services.into_iter().map(Into::into).collect() })
    }

    /// Writes a bundle for a person: states and at most `lines_max` lines of each service's log.
    pub fn collect_logs<S: Into<String>>(services: impl IntoIterator<Item = S>, lines_max: u16) -> Self {
        Self::CollectLogs(CollectLogs { services: services.into_iter().map(Into::into).collect(), lines_max })
    }

    /// Restarts the containers of one service as they are.
    pub fn restart_service(service: impl Into<String>) -> Self {
        Self::RestartService(RestartService { service: service.into() })
    }

    /// Pulls the images of these services and changes no container.
    pub fn pull_image<S: Into<String>>(services: impl IntoIterator<Item = S>) -> Self {
        Self::PullImage(PullImage { services: services.into_iter().map(Into::into).collect() })
    }

    /// Removes one container of the project; the host refuses one that runs, or that is not the project's.
    pub fn remove_stale_container(container: &ContainerRef) -> Self {
        Self::RemoveStaleContainer(RemoveStaleContainer { container: container.name.clone(), id: container.id.clone() })
    }

    /// Removes one network of the project; the host refuses one that anything is attached to, or that is not the
    /// project's.
    pub fn remove_stale_network(network: &Network) -> Self {
        Self::RemoveStaleNetwork(RemoveStaleNetwork { network: network.name.clone(), id: network.id.clone() })
    }

    /// Gives an empty variable a value drawn from `bytes` random bytes, brought into [`ENV_VALUE_BYTES_MIN`] to
    /// [`ENV_VALUE_BYTES_MAX`]. Nobody sees the value, this tool neither.
    pub fn set_env_value(empty: &EmptyVariable, bytes: u16, encoding: ValueEncoding) -> Self {
        Self::SetEnvValue(EnvValue {
            variable: empty.variable.clone(),
            file: empty.file.clone(),
            bytes: bytes.clamp(ENV_VALUE_BYTES_MIN, ENV_VALUE_BYTES_MAX),
            encoding,
        })
    }

    /// Starts a stopped MySQL flexible server.
    pub fn start_mysql(server: &MysqlServer) -> Self {
        Self::StartMysql(StartMysql { server: server.name.clone(), id: server.id.clone() })
    }

    /// Brings a deleted vault back with everything that was in it; a person always decides on it.
    pub fn recover_vault(vault: &DeletedVault) -> Self {
        Self::RecoverVault(VaultName::of(vault))
    }

    /// Removes a deleted vault for good; a person has to type its name.
    pub fn purge_vault(vault: &DeletedVault) -> Self {
        Self::PurgeVault(VaultName::of(vault))
    }

    /// Registers the subscription for a resource provider, such as `Microsoft.KeyVault`.
    pub fn register_provider(namespace: impl Into<String>) -> Self {
        Self::RegisterProvider(RegisterProvider { namespace: namespace.into() })
    }

    /// Deploys the same template with the same parameters again.
    pub fn deploy_template(deployment: &ArmDeployment) -> Self {
        Self::DeployTemplate(DeployTemplate { deployment: deployment.name.clone() })
    }

    /// Waits until something has come to rest; the host bounds the time.
    pub fn await_state(what: Awaited, name: impl Into<String>) -> Self {
        Self::AwaitState(AwaitState { what, name: name.into() })
    }
}

impl VaultName {
    /// This deletion of this vault, and no other.
    pub fn of(vault: &DeletedVault) -> Self {
        Self { vault: vault.name.clone(), location: vault.location.clone(), deleted: vault.deleted.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container_ref, empty_variable, network};

    #[test]
    fn a_removal_names_what_was_observed_by_name_and_id() {
        let container = RemoveStaleContainer { container: "shop-web-1".to_owned(), id: "id-of-shop-web".to_owned() };
        let action = Action::remove_stale_container(&container_ref("shop", "web"));
        assert_eq!(action, Action::RemoveStaleContainer(container));
        let removed = RemoveStaleNetwork { network: "shop_front".to_owned(), id: "id-of-shop_front".to_owned() };
        assert_eq!(Action::remove_stale_network(&network("front")), Action::RemoveStaleNetwork(removed));
    }

    #[test]
    fn a_value_is_drawn_from_as_many_bytes_as_the_host_takes() {
        for (asked, bytes) in [(0, ENV_VALUE_BYTES_MIN), (32, 32), (u16::MAX, ENV_VALUE_BYTES_MAX)] {
            let empty = empty_variable("DB_KEY").in_file("db.env");
            let Action::SetEnvValue(value) = Action::set_env_value(&empty, asked, ValueEncoding::Hex) else {
                panic!("a value")
            };
            assert_eq!((value.variable.as_str(), value.file.as_str(), value.bytes), ("DB_KEY", "db.env", bytes));
        }
    }
}

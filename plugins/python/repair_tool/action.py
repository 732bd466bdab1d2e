"""What a tool may propose. The host computes the risk, and acts."""

from collections.abc import Iterable

from wit_world.imports import types

from .limits import ENV_VALUE_BYTES_MAX, ENV_VALUE_BYTES_MIN


def remap_port(service: str, entry: types.PublishedPort, after: types.Published) -> types.Action:
    """Moves `entry` of `service` to `after`, keeping protocol, address and container side."""
    move = types.PortMove(service, entry.target, entry.protocol, entry.host_ip, entry.published, after)
    return types.Action_RemapPort(move)


def compose_up(services: Iterable[str]) -> types.Action:
    """Starts or creates what is missing of these services."""
    return types.Action_ComposeUp(types.ComposeUp(_names(services)))


def collect_logs(services: Iterable[str], lines_max: int) -> types.Action:
    """Writes a bundle for a person: states and at most `lines_max` lines of each service's log."""
    return types.Action_CollectLogs(types.CollectLogs(_names(services), lines_max))


def restart_service(service: str) -> types.Action:
    """Restarts the containers of one service as they are."""
    return types.Action_RestartService(types.RestartService(service))


def pull_image(services: Iterable[str]) -> types.Action:
    """Pulls the images of these services and changes no container."""
    return types.Action_PullImage(types.PullImage(_names(services)))


def remove_stale_container(container: types.ContainerRef) -> types.Action:
    """Removes one container of the project; the host refuses one that runs, or that is not the project's."""
    return types.Action_RemoveStaleContainer(types.RemoveStaleContainer(container.name, container.id))


def remove_stale_network(network: types.Network) -> types.Action:
    """Removes one network of the project; the host refuses one that is used, or that is not the project's."""
    return types.Action_RemoveStaleNetwork(types.RemoveStaleNetwork(network.name, network.id))


def set_env_value(empty: types.EmptyVariable, length: int, encoding: types.ValueEncoding) -> types.Action:
    """Gives an empty variable a value drawn from `length` random bytes, within the host's limits. Nobody sees it."""
    length = min(max(length, ENV_VALUE_BYTES_MIN), ENV_VALUE_BYTES_MAX)
    return types.Action_SetEnvValue(types.EnvValue(empty.variable, empty.file, length, encoding))


def start_mysql(server: types.MysqlServer) -> types.Action:
    """Starts a stopped MySQL flexible server, which costs money from then on."""
    return types.Action_StartMysql(types.StartMysql(server.name, server.id))


def recover_vault(vault: types.DeletedVault) -> types.Action:
    """Brings a deleted vault back with everything that was in it."""
    return types.Action_RecoverVault(types.VaultName(vault.name, vault.location, vault.deleted))


def purge_vault(vault: types.DeletedVault) -> types.Action:
    """Removes a deleted vault for good. A person types its name."""
    return types.Action_PurgeVault(types.VaultName(vault.name, vault.location, vault.deleted))


def register_provider(namespace: str) -> types.Action:
    """Registers the subscription for a resource provider."""
    return types.Action_RegisterProvider(types.RegisterProvider(namespace))


def deploy_template(deployment: types.ArmDeployment) -> types.Action:
    """Deploys the same template with the same parameters again."""
    return types.Action_DeployTemplate(types.DeployTemplate(deployment.name))


def await_state(what: types.Awaited, name: str) -> types.Action:
    """Waits until something has come to rest, and changes nothing."""
    return types.Action_AwaitState(types.AwaitState(what, name))


def _names(services: Iterable[str]) -> list[str]:
    # One text is a sequence of letters too, and each letter would become a service.
    return [services] if isinstance(services, str) else list(services)

"""Questions that a tool may ask. `Case` has a method for the answer to each."""

from wit_world.imports import types
from wit_world.imports.types import (
    Query_ArmDeployment as arm_deployment,
    Query_AzureAccount as azure_account,
    Query_ComposeModel as compose_model,
    Query_Containers as containers,
    Query_DeletedVaults as deleted_vaults,
    Query_EmptyVariables as empty_variables,
    Query_Images as images,
    Query_Locks as locks,
    Query_MysqlServers as mysql_servers,
    Query_Networks as networks,
    Query_PortOwner as port_owner,
    Query_ResourceProvider as resource_provider,
    Query_StaleContainers as stale_containers,
    Query_WantedResources as wanted_resources,
)

from .limits import FREE_PORTS_MAX, LOG_LINES_MAX

__all__ = [
    "arm_deployment",
    "azure_account",
    "compose_model",
    "container_log",
    "containers",
    "deleted_vaults",
    "empty_variables",
    "free_ports",
    "images",
    "locks",
    "mysql_servers",
    "networks",
    "port_owner",
    "resource_provider",
    "stale_containers",
    "wanted_resources",
]


def container_log(service: str, lines_max: int = LOG_LINES_MAX) -> types.Query:
    """The end of a service's log: at most `lines_max` lines, and at most `LOG_LINES_MAX`."""
    return types.Query_ContainerLog(types.LogQuery(service, min(lines_max, LOG_LINES_MAX)))


def free_ports(near: types.PortKey, count: int = 1) -> types.Query:
    """`count` free ports at or above `near.port`, at most `FREE_PORTS_MAX`."""
    return types.Query_FreePorts(types.FreePortsQuery(near, min(count, FREE_PORTS_MAX)))

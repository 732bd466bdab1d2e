"""A Compose project as its model wants it and its containers have it, side by side."""

from dataclasses import dataclass
from functools import cached_property

from wit_world.imports import types


@dataclass
class Project:
    """Model and containers of the target."""

    services: list[types.Service]
    """What is wanted, in order of name."""
    containers: list[types.Container]
    """What is there, running or not."""

    def service(self, name: str) -> types.Service | None:
        """The service of that name."""
        return next((service for service in self.services if service.name == name), None)

    def containers_of(self, service: str) -> list[types.Container]:
        """The containers of that service."""
        return self._by_service.get(service, [])

    def is_down(self, service: types.Service) -> bool:
        """Whether a container of it is missing, was never started, has ended or keeps ending."""
        containers = self.containers_of(service.name)
        completed = service.one_shot and any(map(has_completed, containers))
        return sum(map(is_up, containers)) < service.scale and not completed

    def to_start(self) -> list[str]:
        """What a `compose-up` should list: the services that are down, and those that they depend on and that are still
        starting. Compose waits for the latter; were they left out, it would start the others at once."""
        down = [service for service in self.services if self.is_down(service)]
        needed = {name for service in down for name in service.depends_on if self._is_starting(name)}
        listed = needed.union(service.name for service in down)
        return [service.name for service in self.services if service.name in listed]

    @cached_property
    def _by_service(self) -> dict[str | None, list[types.Container]]:
        # Looking through all containers for each service would use up the fuel of a call in a large project.
        found: dict[str | None, list[types.Container]] = {}
        for container in self.containers:
            found.setdefault(container.ref.service, []).append(container)
        return found

    def _is_starting(self, service: str) -> bool:
        return any(map(is_starting, self.containers_of(service)))


def is_up(container: types.Container) -> bool:
    """Whether it runs or is paused."""
    return isinstance(container.state, (types.ContainerState_Running, types.ContainerState_Paused))


def is_starting(container: types.Container) -> bool:
    """Whether it runs and its health is not decided yet."""
    return isinstance(container.state, types.ContainerState_Running) and container.health == types.Health.STARTING


def has_completed(container: types.Container) -> bool:
    """Whether it ran and ended without an error."""
    return isinstance(container.state, types.ContainerState_Exited) and container.exit_code == 0 and container.ever_ran

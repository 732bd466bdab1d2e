"""What the host shows a tool: the failure, the answers so far, and what was tried before.

An answer is known, refused, or not asked yet. The methods of `Case` return the first; over the other two they end the
call with the right reply, so a tool reads as if it knew everything.
"""

from typing import Any

from componentize_py_types import Err
from wit_world.imports import types

from . import query
from .kinds import name_of
from .limits import NEED_QUERIES_MAX
from .project import Project
from .reply import Stop, decline, need

RECENT_SECONDS = 60 * 60
"""Older tries belong to another incident."""
IN_VAIN_MAX = 2
"""How often the same may be in vain before a person has to look."""


class Case:
    """One case. It is only read."""

    def __init__(self, record: types.Case) -> None:
        self.finding = record.finding
        """The named failure, with the evidence lines that prove it."""
        self.observations = record.observations
        """The host's answers so far."""
        self.history = record.history
        """Earlier tries, newest first."""
        self.waited_seconds = record.waited_seconds
        """How long the host has waited on this tool's word so far."""

    def fact(self, name: str) -> str | None:
        """A fact of the finding. It was extracted from text: it names, it proves nothing, and it never chooses a
        target."""
        return next((value for known, value in self.finding.facts if known == name), None)

    def observation(self, asked: types.Query) -> types.Observation | None:
        """The newest observation of exactly this query."""
        return next((seen for seen in reversed(self.observations) if seen.asked == asked), None)

    def is_cut(self, *queries: types.Query) -> bool:
        """Whether a limit cut the answer to one of these, so that what it lacks may still exist."""
        return any(seen is not None and seen.truncated for seen in map(self.observation, queries))

    def ask(self, *queries: types.Query) -> None:
        """Makes sure that all of these were asked, so that they cost one round and not one each."""
        open_ones: list[types.Query] = []
        for asked in queries:
            if self.observation(asked) is None and asked not in open_ones:
                open_ones.append(asked)
        if open_ones:
            raise Stop(need(open_ones[:NEED_QUERIES_MAX]))

    def answer(self, asked: types.Query) -> Any:
        """The host's answer to exactly this query."""
        self.ask(asked)
        seen = self.observation(asked)
        assert seen is not None, "it was asked"
        if isinstance(seen.answer, Err):
            raise Stop(decline(_why_refused(name_of(asked), seen.answer.value)))
        return seen.answer.value.value

    def project(self) -> Project:
        """Model and containers together; both are asked for in one round."""
        self.ask(query.compose_model(), query.containers())
        return Project(self.compose_model(), self.containers())

    def compose_model(self) -> list[types.Service]:
        """The services of the effective Compose model."""
        return self.answer(query.compose_model())

    def containers(self) -> list[types.Container]:
        """The project's containers, running or not."""
        return self.answer(query.containers())

    def container_log(self, service: str, lines_max: int) -> list[str]:
        """The end of a service's log."""
        return self.answer(query.container_log(service, lines_max))

    def port_owner(self, port: types.PortKey) -> types.PortOwner:
        """Who holds a port."""
        return self.answer(query.port_owner(port))

    def free_ports(self, near: types.PortKey, count: int) -> list[int]:
        """Free ports at or above `near.port`, ascending; fewer than `count` when there are no more."""
        return self.answer(query.free_ports(near, count))

    def stale_containers(self) -> list[types.StaleContainer]:
        """Containers in the way of the project, foreign ones too, and its leftovers."""
        return self.answer(query.stale_containers())

    def networks(self) -> list[types.Network]:
        """Networks of the project, and those that have a name it wants."""
        return self.answer(query.networks())

    def images(self) -> list[types.ServiceImage]:
        """The image of each service."""
        return self.answer(query.images())

    def empty_variables(self) -> list[types.EmptyVariable]:
        """Variables that the project uses and that have no value."""
        return self.answer(query.empty_variables())

    def arm_deployment(self) -> types.ArmDeployment:
        """The Azure deployment that is to be healed."""
        return self.answer(query.arm_deployment())

    def wanted_resources(self) -> list[types.WantedResource]:
        """What the template wants."""
        return self.answer(query.wanted_resources())

    def deleted_vaults(self, vault: str) -> list[types.DeletedVault]:
        """Deleted vaults that still have this name."""
        return self.answer(query.deleted_vaults(vault))

    def mysql_servers(self) -> list[types.MysqlServer]:
        """MySQL flexible servers of the resource group."""
        return self.answer(query.mysql_servers())

    def resource_provider(self, namespace: str) -> types.ResourceProvider:
        """How the subscription is registered for a resource provider."""
        return self.answer(query.resource_provider(namespace))

    def locks(self) -> list[types.ManagementLock]:
        """Locks on the resource group and on what is in it."""
        return self.answer(query.locks())

    def azure_account(self) -> types.AzureAccount:
        """Who acts in which subscription."""
        return self.answer(query.azure_account())

    def recent_tries(self) -> list[types.Attempt]:
        """Tries within the last hour and since the last that healed, newest first."""
        recent = []
        for attempt in self.history:
            if attempt.outcome == "healed" or attempt.seconds_ago >= RECENT_SECONDS:
                break
            recent.append(attempt)
        return recent

    def tries_in_vain(self, action: types.Action) -> list[types.Attempt]:
        """Recent tries of exactly this action that did not help, newest first. What was abandoned does not count."""
        tries = (attempt for attempt in self.recent_tries() if not attempt.outcome.startswith("abandoned"))
        return [attempt for attempt in tries if action in attempt.actions]

    def is_spent(self, action: types.Action) -> bool:
        """Whether this action was in vain so often that a person has to look."""
        return len(self.tries_in_vain(action)) >= IN_VAIN_MAX


def _why_refused(kind: str, refusal: types.Refusal) -> str:
    match refusal:
        case types.Refusal_Unavailable(why):
            return f"`{kind}` could not be looked at: {why}. Correct that, then run `repair` again."
        case types.Refusal_NotPermitted():
            return f"`{kind}` is not in this tool's manifest; its author has to add it to `sees`."
        case _:
            return f"`{kind}` is more than the limits of `repair` allow, so nothing is decided here."

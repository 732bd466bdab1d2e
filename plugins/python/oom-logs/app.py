"""The oom-logs repair tool: collects the last words of services that the kernel killed for memory.

It changes nothing, because more memory is a decision for a person. It never asks for the same bundle twice.
"""

from dataclasses import dataclass

from repair_tool import Case, Tool, action, decline, export, param, propose, query, types

CONFIDENCE = 800
"""That the logs help a person to see where the memory went, in permille."""


@dataclass
class Params:
    """What `[tools.oom-logs]` in `repair.toml` may say."""

    lines_max: int = param(200, "Lines of each service's log; the last ones are kept.", minimum=1, maximum=500)


class OomLogs(Tool):
    """See the module."""

    id = "oom-logs"
    version = "0.1.0"
    summary = "Collects the logs of services that were killed for memory, and changes nothing."
    handles = ["docker-oom-killed"]
    sees = ["compose-model", "containers"]
    may = ["collect-logs"]
    params = Params

    def propose(self, case: Case, params: Params) -> types.Reply:
        project = case.project()
        of_killed = {container.ref.service for container in project.containers if container.oom_killed}
        killed = [service.name for service in project.services if service.name in of_killed]
        if not killed and case.is_cut(query.compose_model(), query.containers()):
            return decline("The project is larger than `repair` can look at. Look with `docker compose ps --all`.")
        if not killed:
            return decline(
                "No container of this project is marked as killed for memory, perhaps because it was started again. "
                "Compare `docker stats` with the `mem_limit` of each service, and look for the kernel's words with "
                "`journalctl --dmesg --grep oom`."
            )
        bundle = action.collect_logs(killed, params.lines_max)
        # Such a bundle heals nothing, so each that was written counts as in vain; so does each that could not be.
        tries = case.tries_in_vain(bundle)
        if not all(attempt.outcome.startswith("failed") for attempt in tries):
            return decline(
                f"The logs of {listed(killed)} were collected already; `repair show` names the file. Read what they did "
                "last, then raise their `mem_limit` or lower what they use."
            )
        if case.is_spent(bundle):
            return decline(
                f"The logs of {listed(killed)} could not be written ({tries[0].outcome}). Read them with `docker compose "
                "logs --tail 200`."
            )
        return propose(
            f"The kernel killed {listed(killed)} for memory. What they said last tells what they were doing. Nothing is "
            "changed.",
            CONFIDENCE,
            [bundle],
        )


def listed(services: list[str]) -> str:
    """The names of services, for a sentence."""
    return ", ".join(f"`{name}`" for name in services)


Repair = export(OomLogs)

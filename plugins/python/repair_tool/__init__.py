"""What authors of repair tools in Python depend on.

A repair tool is a pure function: it is shown a case and answers with a reply. There is no clock, no file and no network
in WebAssembly, and the same case has to get the same reply. Only the host acts, and only after a policy and a person
agreed.

A tool that may not know enough yet simply goes on: an answer that is still missing becomes a question to the host, and
one that the host refused becomes a decline that says why::

    from repair_tool import Tool, action, decline, export, propose

    class StartAgain(Tool):
        id = "start-again"
        version = "0.1.0"
        summary = "Starts the services that are down."
        handles = ["docker-dns-or-network-timeout"]
        sees = ["compose-model", "containers"]
        may = ["compose-up"]

        def propose(self, case, params):
            down = case.project().to_start()
            if not down:
                return decline("Everything runs; there is nothing to start.")
            return propose("Nothing but the network failed.", 800, [action.compose_up(down)])

    Repair = export(StartAgain)

`types` holds the records of the contract, as `componentize-py` generates them. `testing` is for a tool's own tests.
"""

from wit_world.imports import types

from . import action, query
from .case import Case
from .params import param
from .project import Project
from .reply import Failure, decline, need, propose, wait_seconds
from .tool import Tool, export

__all__ = [
    "Case",
    "Failure",
    "Project",
    "Tool",
    "action",
    "decline",
    "export",
    "need",
    "param",
    "propose",
    "query",
    "types",
    "wait_seconds",
]

"""For a tool's own tests, without WebAssembly: a made-up deployment that answers what the tool asks.

It holds a tool to the same contract as the real host: declared kinds only, a bounded number of rounds, no question
twice, and the same reply to the same case. What it checks, it checks with an `AssertionError`::

    host = FakeHost("docker-oom-killed").service("web").container("web", "exited", exit_code=137, oom_killed=True)
    assert host.actions_of(OomLogs) == [action.collect_logs(["web"], 200)]
"""

import copy
import json
from dataclasses import dataclass, replace
from typing import Any, Self

from componentize_py_types import Err, Ok
from wit_world.imports import types

from . import kinds, limits
from .kinds import name_of
from .tool import Tool, answer, manifest

_ROUNDS_MAX = 4
"""Rounds that the real host grants."""


def service(name: str, **fields: Any) -> types.Service:
    """A service without ports, of which one container is wanted."""
    plain = types.Service(name, ports=[], depends_on=[], has_healthcheck=False, one_shot=False, scale=1)
    return replace(plain, **fields)


def container(service: str, state: str = "created", **fields: Any) -> types.Container:
    """A container of that service; one in another state than `created` ran before."""
    plain = types.Container(
        ref=types.ContainerRef(f"id-of-shop-{service}", f"shop-{service}-1", "shop", service),
        image="example/image:1",
        state=getattr(types, f"ContainerState_{state.title()}")(),
        health=types.Health.NONE,
        exit_code=None,
        oom_killed=False,
        restarts=0,
        error=None,
        ever_ran=state != "created",
        ports=[],
    )
    return replace(plain, **fields)


@dataclass
class Transcript:
    """How a conversation between the host and a tool went."""

    rounds: list[list[types.Query]]
    """What the tool asked, round by round."""
    reply: types.Reply | types.ToolError
    """What it answered in the end."""


@dataclass(frozen=True)
class FakeHost:
    """A host over a made-up deployment. Each method returns another host, so one can be shared between tests."""

    finding_class: str
    _facts: tuple[tuple[str, str], ...] = ()
    _proof: tuple[str, ...] = ()
    _services: tuple[types.Service, ...] = ()
    _containers: tuple[types.Container, ...] = ()
    _answers: tuple[tuple[types.Query, Any], ...] = ()
    _refused: tuple[tuple[str, types.Refusal], ...] = ()
    _cut: tuple[str, ...] = ()
    _params: str = "{}"
    _history: tuple[types.Attempt, ...] = ()
    _waited_seconds: int = 0

    def fact(self, name: str, value: str) -> Self:
        """A fact that was extracted from the failure's text."""
        return replace(self, _facts=(*self._facts, (name, value)))

    def proof(self, line: str) -> Self:
        """A line of the failure's text that proves the finding."""
        return replace(self, _proof=(*self._proof, line))

    def service(self, name: str, **fields: Any) -> Self:
        """One more service; see `service`."""
        services = sorted((*self._services, service(name, **fields)), key=lambda service: service.name)
        return replace(self, _services=tuple(services))

    def container(self, service: str, state: str = "created", **fields: Any) -> Self:
        """One more container; see `container`."""
        return replace(self, _containers=(*self._containers, container(service, state, **fields)))

    def answers(self, asked: types.Query, value: Any) -> Self:
        """What the host answers to any other query, such as `query.networks()`."""
        return replace(self, _answers=(*self._answers, (asked, value)))

    def refusing(self, kind: str, because: str) -> Self:
        """Cannot answer any query of that kind."""
        self._require_kind(kind)
        return replace(self, _refused=(*self._refused, (kind, types.Refusal_Unavailable(because))))

    def cutting(self, kind: str) -> Self:
        """Says of every answer of that kind that it was cut."""
        self._require_kind(kind)
        return replace(self, _cut=(*self._cut, kind))

    def params(self, **values: Any) -> Self:
        """What `repair.toml` says of the tool."""
        return replace(self, _params=json.dumps(values))

    def attempt(self, tool: str, actions: list[types.Action], outcome: str, seconds_ago: int) -> Self:
        """One more earlier try, older than those before it."""
        return replace(self, _history=(*self._history, types.Attempt(tool, actions, outcome, seconds_ago)))

    def waited(self, seconds: int) -> Self:
        """The host has waited so long on the tool's word already."""
        return replace(self, _waited_seconds=seconds)

    def case(self, *answered: types.Query) -> types.Case:
        """The case in which these queries were answered."""
        finding = types.Finding(self.finding_class, 950, list(self._facts), list(self._proof), [])
        observations = [self._observe(asked) for asked in answered]
        return types.Case(finding, observations, self._params, list(self._history), self._waited_seconds)

    def converse(self, tool: type[Tool]) -> Transcript:
        """Lets the tool ask until it answers."""
        assert self.finding_class in manifest(tool()).handles, f"`{self.finding_class}` is not in `handles`"
        rounds: list[list[types.Query]] = []
        asked: list[types.Query] = []
        while True:
            reply = answer(tool(), self.case(*asked))
            assert reply == answer(tool(), self.case(*asked)), "the same case has to get the same reply"
            match reply:
                case types.Reply(types.Answer_Need(queries)):
                    _check_need(tool, queries, asked)
                    assert len(rounds) < _ROUNDS_MAX, f"the host grants {_ROUNDS_MAX} rounds; more is asked: {queries}"
                    rounds.append(queries)
                    asked += queries
                case types.Reply(types.Answer_Propose(plan)):
                    for kind in map(name_of, plan.actions):
                        assert kind in tool.may, f"`{kind}` is proposed and not declared in `may`"
                    return Transcript(rounds, reply)
                case _:
                    return Transcript(rounds, reply)

    def reply_of(self, tool: type[Tool]) -> types.Reply:
        """What the tool answers in the end."""
        reply = self.converse(tool).reply
        assert isinstance(reply, types.Reply), f"the tool answered with an error: {reply}"
        return reply

    def error_of(self, tool: type[Tool]) -> types.ToolError:
        """The error with which the tool answers."""
        reply = self.converse(tool).reply
        assert isinstance(reply, types.ToolError), f"the tool should fail, and answers {reply}"
        return reply

    def decline_of(self, tool: type[Tool]) -> str:
        """Why the tool declines."""
        reply = self.reply_of(tool).answer
        assert isinstance(reply, types.Answer_Decline), f"the tool should decline, and answers {reply}"
        return reply.value

    def proposal_of(self, tool: type[Tool]) -> types.Proposal:
        """What the tool proposes."""
        reply = self.reply_of(tool).answer
        assert isinstance(reply, types.Answer_Propose), f"the tool should propose, and answers {reply}"
        return reply.value

    def actions_of(self, tool: type[Tool]) -> list[types.Action]:
        """The proposed actions."""
        return self.proposal_of(tool).actions

    def assert_proposes(self, tool: type[Tool], actions: list[types.Action], *words: str) -> None:
        """Checks that the tool proposes exactly these actions, surely enough for the host, and that its reason has all of
        these words."""
        proposal = self.proposal_of(tool)
        assert proposal.actions == actions, f"{proposal.actions} is not {actions}"
        floor = limits.CONFIDENCE_FLOOR_PERMILLE
        assert proposal.confidence >= floor, f"below the host's floor of {floor}: {proposal.confidence}"
        _assert_words(proposal.reason, words)

    def assert_declines(self, tool: type[Tool], *words: str) -> None:
        """Checks that the tool declines, and says why with all of these words."""
        _assert_words(self.decline_of(tool), words)

    def _observe(self, asked: types.Query) -> types.Observation:
        kind = name_of(asked)
        refusal = next((refusal for refused, refusal in self._refused if refused == kind), None)
        answered = Err(refusal) if refusal else Ok(self._fact(asked))
        return types.Observation(asked, answered, truncated=kind in self._cut)

    def _fact(self, asked: types.Query) -> types.Fact:
        told = next((value for known, value in self._answers if known == asked), None)
        match asked:
            case _ if told is not None:
                value = told
            case types.Query_ComposeModel():
                value = list(self._services)
            case types.Query_Containers():
                value = list(self._containers)
            case types.Query_ContainerLog():
                value = []
            case _:
                raise AssertionError(f"say what the host answers: `host.answers({asked}, …)`")
        return getattr(types, type(asked).__name__.replace("Query", "Fact"))(copy.deepcopy(value))

    @staticmethod
    def _require_kind(kind: str) -> None:
        assert kind in kinds.QUERIES, f"`{kind}` is no kind of query: {', '.join(sorted(kinds.QUERIES))}"


def _assert_words(text: str, words: tuple[str, ...]) -> None:
    for word in words:
        assert word in text, f"`{word}` is missing: {text}"


def _check_need(tool: type[Tool], queries: list[types.Query], asked: list[types.Query]) -> None:
    assert queries, "a need asks for something"
    for query in queries:
        assert name_of(query) in tool.sees, f"`{name_of(query)}` is asked and not declared in `sees`"
        assert query not in asked, f"{query} was already answered"

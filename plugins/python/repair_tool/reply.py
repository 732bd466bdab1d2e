"""What a tool answers."""

from collections.abc import Iterable

from wit_world.imports import types

from .limits import NEED_QUERIES_MAX, REPLY_NOTES_MAX, cut


class Stop(BaseException):
    """The reply is already clear. `Case` raises it; an author neither raises nor catches it.

    It is no `Exception`, so that a tool that catches those does not swallow a question to the host.
    """

    def __init__(self, reply: types.Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class Failure(Exception):
    """The tool cannot work with what it was given, such as parameters that contradict each other.

    What is no text, such as a caught exception, counts as its text.
    """

    def __init__(self, code: object, message: object, hint: object = None) -> None:
        super().__init__(message)
        self.error = types.ToolError(str(code), str(message), None if hint is None else str(hint))


def propose(
    reason: str, confidence: int, actions: Iterable[types.Action], notes: Iterable[str] = ()
) -> types.Reply:
    """Proposes a plan. `reason` says to a person why it should work; `confidence` is in thousandths, at most 1000."""
    return types.Reply(types.Answer_Propose(types.Proposal(reason, confidence, list(actions))), list(notes))


def need(queries: Iterable[types.Query], notes: Iterable[str] = ()) -> types.Reply:
    """Asks for more. The host grants a bounded number of rounds, so ask for everything at once."""
    return types.Reply(types.Answer_Need(list(queries)), list(notes))


def wait_seconds(seconds: int, notes: Iterable[str] = ()) -> types.Reply:
    """Wants to be asked again after so many seconds."""
    return types.Reply(types.Answer_WaitSeconds(seconds), list(notes))


def decline(because: str, notes: Iterable[str] = ()) -> types.Reply:
    """Leaves the case alone. `because` says why and what a person could do next."""
    return types.Reply(types.Answer_Decline(because), list(notes))


def within_limits(reply: types.Reply) -> types.Reply:
    """`reply` as the host accepts it: a long list of names must not cost the whole answer."""
    answer = reply.answer
    match answer:
        case types.Answer_Propose(plan):
            plan = types.Proposal(cut(plan.reason), min(max(plan.confidence, 0), 1000), plan.actions)
            answer = types.Answer_Propose(plan)
        case types.Answer_Need(queries):
            answer = types.Answer_Need(queries[:NEED_QUERIES_MAX])
        case types.Answer_Decline(because):
            answer = types.Answer_Decline(cut(because))
    return types.Reply(answer, [cut(note) for note in reply.notes[:REPLY_NOTES_MAX]])

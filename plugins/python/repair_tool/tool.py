"""The class that a repair tool extends, and what the component's two exports do with it."""

import contextlib
import io
import json
import os
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from componentize_py_types import Err
from wit_world.imports import types

from . import guard, kinds, params
from .case import Case
from .limits import cut
from .reply import Failure, Stop, within_limits
from .shape import prepare, require

# The rules of the host, which refuses anything else; so it does what is longer than 64 characters.
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NUMBER = r"(0|[1-9][0-9]*)"
_PRERELEASE = rf"({_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRERELEASE}(\.{_PRERELEASE})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


class Tool:
    """A repair tool. It keeps nothing between two calls."""

    id: str
    """Lower-case words joined by hyphens, beginning with a letter, at most 64 characters, unique among the tools of one
    host."""
    version: str
    """Semantic version."""
    summary: str
    """One sentence for people, without markup."""
    handles: Sequence[str]
    """The finding classes that the tool repairs."""
    sees: Sequence[str] = ()
    """The kinds of query that it uses; any other is refused."""
    may: Sequence[str] = ()
    """The kinds of action that it may propose; any other is refused."""
    params: Any = None
    """What `[tools.ID]` in `repair.toml` may say: a dataclass with a default for each field, or a JSON Schema."""
    contact: str | None = None
    """Where the author is reached: a URL or an address."""

    def propose(self, case: Case, params: Any) -> types.Reply:
        """Looks at a case. The same case and parameters always get the same reply.

        What it prints becomes notes in the tool's own log.
        """
        raise NotImplementedError


def manifest(tool: Tool) -> types.Manifest:
    """What the tool says of itself.

    Raises: `ValueError` or `TypeError` when the host would refuse it.
    """
    name = type(tool).__name__
    for field in ("id", "version", "summary", "handles"):
        if not getattr(tool, field, None):
            raise ValueError(f"`{name}` lacks `{field}`")
    if not _ID.fullmatch(tool.id) or len(tool.id) > 64:
        raise ValueError(
            f"`{name}.id` should be lower-case words joined by hyphens, beginning with a letter, at most 64 characters, "
            f"and is `{tool.id}`"
        )
    if not _SEMVER.fullmatch(tool.version) or len(tool.version) > 64:
        raise ValueError(f"`{name}.version` should be a version such as `0.1.0`, and is `{tool.version}`")
    for field in ("summary", "contact"):
        words = getattr(tool, field)
        if isinstance(words, str) and (words != " ".join(words.split()) or not words.isprintable()):
            raise ValueError(f"`{name}.{field}` should be one plain line with single blanks, and is {words!r}")
    for field, known in (("sees", kinds.QUERIES), ("may", kinds.ACTIONS)):
        for strange in sorted(set(getattr(tool, field)) - known):
            raise ValueError(f"`{name}.{field}` names `{strange}`, which is none of {', '.join(sorted(known))}")
    made = types.Manifest(
        id=tool.id,
        version=tool.version,
        summary=tool.summary,
        handles=list(tool.handles),
        sees=list(tool.sees),
        may=list(tool.may),
        params_schema=json.dumps(params.schema(tool.params)),
        contact=tool.contact,
    )
    require(made, types.Manifest, name)
    return made


def answer(tool: Tool, record: types.Case) -> types.Reply | types.ToolError:
    """Lets the tool answer a case. Whatever it raises becomes an error that says where."""
    printed = io.StringIO()
    try:
        with guard.call(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                reply = tool.propose(Case(record), params.read(tool.params, record.params, tool.id))
            except Stop as stop:
                reply = stop.reply
            except Failure as failure:
                error = failure.error
                return types.ToolError(cut(error.code), cut(error.message), error.hint and cut(error.hint))
        require(reply, types.Reply, "the reply")
        return within_limits(types.Reply(reply.answer, reply.notes + printed.getvalue().splitlines()))
    except BaseException as error:  # A trap would tell nobody what went wrong.
        return _as_error(tool, error)


def export(tool: type[Tool]) -> type:
    """Makes a tool the tool of this component: `Repair = export(MyTool)`, in the module `app`.

    It runs while the component is built, so what the host would refuse in the manifest fails there.
    """
    made = tool()
    said = manifest(made)
    prepare(types.Reply)
    params.read(made.params, "{}", made.id)

    class Repair:
        def describe(self) -> types.Manifest:
            return said

        def propose(self, c: types.Case) -> types.Reply:
            reply = answer(made, c)
            if isinstance(reply, types.ToolError):
                raise Err(reply)
            return reply

    return Repair


def _as_error(tool: Tool, error: BaseException) -> types.ToolError:
    text = " ".join(str(error).split())
    message = f"{type(error).__name__}{': ' if text else ''}{text}"
    # What is long is cut before its place, which is what the author looks for.
    message = message if len(message) <= 600 else f"{message[:599]}…"
    place = _place(error.__traceback__)
    whom = f"its author: {tool.contact}" if tool.contact else "its author"
    hint = f"this is a fault in the tool `{tool.id}` {tool.version}, not in the deployment; tell {whom}"
    return types.ToolError("exception", cut(f"{message} ({place})" if place else message), cut(hint))


def _place(trace: TracebackType | None) -> str | None:
    """File and line in the author's own code; a file cannot be opened here to show the line itself."""
    found = None
    while trace is not None:
        frame = trace.tb_frame
        file, module = frame.f_code.co_filename, frame.f_globals.get("__name__", "")
        if module.partition(".")[0] != __package__ and not file.startswith((_STANDARD_LIBRARY, "<frozen")):
            found = f"{os.path.basename(file)}, line {trace.tb_lineno}, in `{frame.f_code.co_name}`"
        trace = trace.tb_next
    return found

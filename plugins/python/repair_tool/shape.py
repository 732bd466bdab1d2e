"""Whether a value has the shape that its annotations promise.

Python checks no types, and a value of the wrong shape cannot leave a component: the call would end as a trap that names
nothing. So replies and parameters are looked through before, and a mismatch is an error that names its place.
"""

import dataclasses
import functools
import types
import typing
from enum import Enum
from typing import Any

_WHOLE_MAX = {("FreePortsQuery", "count"): 2**8 - 1, ("Answer_WaitSeconds", "value"): 2**32 - 1}
"""Fields of a reply that hold other whole numbers than those up to 65535."""


def require(value: Any, wanted: Any, place: str, whole_max: int | None = 2**16 - 1) -> None:
    """Passes a value of that shape.

    `whole_max` bounds whole numbers, which a reply cannot hold below 0 either; without it they are free.

    Raises: `TypeError` or `ValueError` that names the place.
    """
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return
    if origin in (typing.Union, types.UnionType):
        _require_one(value, arguments, place, whole_max)
    elif origin is typing.Literal:
        _ensure(value in arguments, place, f"one of {', '.join(map(repr, arguments))}", value)
    elif origin is list:
        _ensure(isinstance(value, list), place, "a list", value)
        for at, item in enumerate(value):
            require(item, arguments[0], f"{place}[{at}]", whole_max)
    elif origin is tuple:
        _ensure(isinstance(value, tuple) and len(value) == len(arguments), place, f"{len(arguments)} values", value)
        for at, (item, argument) in enumerate(zip(value, arguments)):
            require(item, argument, f"{place}[{at}]", whole_max)
    elif wanted is float:
        _ensure(isinstance(value, (int, float)) and not isinstance(value, bool), place, "a number", value)
    elif wanted is int:
        _ensure(isinstance(value, int) and not isinstance(value, bool), place, "a whole number", value)
        if whole_max is not None and not 0 <= value <= whole_max:
            raise ValueError(f"{place} should be from 0 to {whole_max}, and is {value}")
    else:
        _ensure(isinstance(value, wanted), place, f"a `{getattr(wanted, '__name__', wanted)}`", value)
        if dataclasses.is_dataclass(value) and not isinstance(value, Enum):
            for name, kind in fields(type(value)).items():
                bound = whole_max and _WHOLE_MAX.get((type(value).__name__, name), whole_max)
                require(getattr(value, name), kind, f"{place}.{name}", bound)


@functools.cache
def fields(of: type) -> dict[str, Any]:
    """The fields of a dataclass with what they hold. Resolving annotations is slow, so each class pays once."""
    return typing.get_type_hints(of)


def prepare(of: Any) -> None:
    """Resolves all annotations below `of`, so that the first call does not pay for it."""
    if dataclasses.is_dataclass(of):
        for kind in fields(of).values():
            prepare(kind)
    for argument in typing.get_args(of):
        prepare(argument)


def _require_one(value: Any, kinds: tuple[Any, ...], place: str, whole_max: int | None) -> None:
    plain = [kind for kind in kinds if isinstance(kind, type)]
    fitting = next((kind for kind in plain if type(value) is kind), None)
    if fitting is None:
        others = [kind for kind in kinds if kind is not type(None)]
        _ensure(len(others) == 1 and value is not None, place, _listed(kinds), value)
        fitting = others[0]
    require(value, fitting, place, whole_max)


def _listed(kinds: tuple[Any, ...]) -> str:
    names = [getattr(kind, "__name__", str(kind)) for kind in kinds if kind is not type(None)]
    return f"one of {', '.join(names[:4])}{', …' if len(names) > 4 else ''}"


def _ensure(holds: bool, place: str, wanted: str, value: Any) -> None:
    if not holds:
        raise TypeError(f"{place} should be {wanted}, and is {repr(value)[:80]} (`{type(value).__name__}`)")

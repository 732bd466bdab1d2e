"""A tool's parameters: their JSON Schema for the host, and their values for the tool.

They are a dataclass, of which each field has a default because most projects say nothing, or a JSON Schema as a
dictionary, whose `default`s are filled in.
"""

import dataclasses
import json
import types
import typing
from typing import Any

from .reply import Failure
from .shape import fields, require

_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_NAMES: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def param(default: Any, description: str | None = None, **keywords: Any) -> Any:
    """A field of a dataclass of parameters. `keywords` go into its JSON Schema, such as `minimum=1, maximum=500`."""
    about = {"description": description} if description else {}
    kept = {"metadata": {"schema": {**about, **keywords}}}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), **kept)
    return dataclasses.field(default=default, **kept)


def schema(params: Any) -> dict[str, Any]:
    """The JSON Schema of parameters; of none when `params` is `None`."""
    if isinstance(params, dict):
        return {"$schema": _SCHEMA, "type": "object", "additionalProperties": False, **params}
    properties = {}
    for field in dataclasses.fields(params) if params else ():
        kind = fields(params)[field.name]
        properties[field.name] = {**_kind(kind), **field.metadata.get("schema", {}), "default": _default(field)}
    return schema({"properties": properties})


def read(params: Any, text: str, tool_id: str) -> Any:
    """The parameters of a case. The host has checked them against the schema.

    Raises: `Failure` when they are not what the tool takes.
    """
    hint = f"correct `[tools.{tool_id}]` in repair.toml"
    try:
        given = json.loads(text)
        require(given, dict, "they")
        if isinstance(params, dict):
            properties = params.get("properties", {}).items()
            return {**{name: about["default"] for name, about in properties if "default" in about}, **given}
        unknown = sorted(given.keys() - {field.name for field in dataclasses.fields(params or _None)})
        if unknown:
            raise ValueError(f"unknown field `{unknown[0]}`")
        values = (params or _None)(**given)
        for name, kind in fields(type(values)).items():
            require(getattr(values, name), kind, f"`{name}`", whole_max=None)
        return values
    except (TypeError, ValueError) as error:
        raise Failure("params", f"the parameters of `{tool_id}` cannot be read: {error}", hint) from error


@dataclasses.dataclass
class _None:
    """The parameters of a tool that has none."""


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if field.default is dataclasses.MISSING:
        raise TypeError(f"parameter `{field.name}` needs a default: an empty table has to be valid")
    return field.default


def _kind(kind: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _NAMES:
        return {"type": _NAMES[kind]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _kind(arguments[0])}
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        inner = next(argument for argument in arguments if argument is not type(None))
        return {"anyOf": [_kind(inner), {"type": "null"}]}
    raise TypeError(f"a parameter cannot be a `{kind}`; use bool, int, float, str, Literal, a list of them, or a schema")

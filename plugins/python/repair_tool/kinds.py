"""Names of the contract's cases, read off the generated bindings: `Query_ComposeModel` is `compose-model`."""

import re
from typing import Any, get_args

from wit_world.imports import types


def name_of(case: Any) -> str:
    """The name in manifests of a query or an action, or of its class."""
    known = case if isinstance(case, type) else type(case)
    return re.sub(r"(?<=.)([A-Z])", r"-\1", known.__name__.partition("_")[2]).lower()


QUERIES = frozenset(map(name_of, get_args(types.Query)))
"""What a tool may see."""
ACTIONS = frozenset(map(name_of, get_args(types.Action)))
"""What a tool may propose."""

"""What WebAssembly lacks, refused with words.

In a component there is no file, and so no import after the build: each would end the call as a trap that names nothing.
During a call they are exceptions instead, here and in a tool's own tests alike. Clocks and secure randomness are not
covered; in a component they trap.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

_calls = 0


@contextlib.contextmanager
def call() -> Iterator[None]:
    """Refuses files and new imports for as long as a call lasts."""
    global _calls
    finder = _NoImport()
    sys.meta_path.insert(0, finder)
    _calls += 1
    try:
        yield
    finally:
        _calls -= 1
        sys.meta_path.remove(finder)


class _NoImport:
    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        raise ImportError(f"`{name}` cannot be imported during a call; import it at the top of the module")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _calls and event == "open":
        raise PermissionError(f"a tool has no files, so it cannot open {arguments[0]!r}")


sys.addaudithook(_audit)

"""Limits of the host that a reply has to keep. What is beyond them is refused there, so it is cut here."""

NEED_QUERIES_MAX = 64
"""Queries in one `need`."""
FREE_PORTS_MAX = 32
"""Free ports that one query may ask for."""
LOG_LINES_MAX = 500
"""Lines of one service's log that a query may ask for."""
ENV_VALUE_BYTES_MIN = 16
"""Random bytes behind a value that the host draws, at least."""
ENV_VALUE_BYTES_MAX = 64
"""Random bytes behind a value that the host draws, at most."""
REPLY_TEXT_BYTES_MAX = 4 * 1024
"""Bytes of any one text in a reply."""
REPLY_NOTES_MAX = 100
"""Notes in a reply."""
CONFIDENCE_FLOOR_PERMILLE = 600
"""How sure a proposal has to be; the host turns down what is less sure, and its policies may ask for more."""


def cut(text: str) -> str:
    """`text` within `REPLY_TEXT_BYTES_MAX`; a cut one ends with an ellipsis."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > REPLY_TEXT_BYTES_MAX:
        mark = "…".encode()
        return encoded[: REPLY_TEXT_BYTES_MAX - len(mark)].decode("utf-8", "ignore") + "…"
    return encoded.decode()

"""Kotlin literals and comments for any text and any number: nothing in them is ever code."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_ENDS_OF_COMMENTS = "*`[]@"
"""What ends or opens a comment, or means something in KDoc."""

LONGEST_COMMENTED = 40
"""How much of a name a comment shows."""


def string(text: str) -> str:
    """Return a string literal. What no reader could see, or what turns text around, is escaped."""
    return f'"{"".join(_ESCAPES.get(char) or _visible(char) for char in text)}"'


def comment(text: str) -> str:
    """Return text for a KDoc comment, on one line, shortened where it is long."""
    short = text if len(text) <= LONGEST_COMMENTED else f"{text[: LONGEST_COMMENTED - 1]}…"
    return "".join(
        _escaped(char) if char in _ENDS_OF_COMMENTS else _visible(char) for char in short
    )


def float32(value: float) -> str:
    """Return the shortest `Float` literal of a float32 value.

    Raises:
        ValueError: the value is NaN or infinite, as float32.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        exact = np.float32(value)
    if not np.isfinite(exact):
        raise ValueError(f"{value} is no float32 number")
    return f"{exact!s}f"


def double(value: float) -> str:
    """Return the shortest `Double` literal of a value.

    Raises:
        ValueError: the value is NaN or infinite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return repr(float(value))


def list_of(items: Iterable[object]) -> str:
    """Return a `List` of literals, on one line."""
    return f"listOf({', '.join(map(str, items))})"


def _visible(char: str) -> str:
    # Characters that are written from right to left reorder the code around them on the screen.
    visible = char.isprintable() and unicodedata.bidirectional(char) not in ("R", "AL", "AN")
    return char if visible else _escaped(char)


def _escaped(char: str) -> str:
    """Return UTF-16 escapes: one, or two for a character beyond the first 65,536."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))

"""Kotlin literals and comments for any text and any number: nothing in them is ever code."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.wrappers import text as shared
from mobilekit.wrappers.text import MEANS_SOMETHING_IN_COMMENTS, is_visible, shortened

_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def string(text: str) -> str:
    """Return a string literal. What no reader could see, or what turns text around, is escaped."""
    return f'"{"".join(_ESCAPES.get(char) or _visible(char) for char in text)}"'


def comment(text: str) -> str:
    """Return text for a KDoc comment, on one line, shortened where it is long."""
    return "".join(
        _escaped(char) if char in MEANS_SOMETHING_IN_COMMENTS else _visible(char)
        for char in shortened(text)
    )


def float32(value: float) -> str:
    """Return the shortest `Float` literal of a float32 value.

    Raises:
        ValueError: the value is NaN or infinite, as float32.
    """
    return f"{shared.float32(value)}f"


def double(value: float) -> str:
    """Return the shortest `Double` literal of a value.

    Raises:
        ValueError: the value is NaN or infinite.
    """
    return shared.double(value)


def list_of(items: Iterable[object]) -> str:
    """Return a `List` of literals, on one line."""
    return f"listOf({', '.join(map(str, items))})"


def _visible(char: str) -> str:
    return char if is_visible(char) else _escaped(char)


def _escaped(char: str) -> str:
    """Return UTF-16 escapes: one, or two for a character beyond the first 65,536."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))

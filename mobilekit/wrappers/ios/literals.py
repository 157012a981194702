"""Swift literals and comments for any text and any number: nothing in them is ever code."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_MEANS_SOMETHING = "*`[]@"
"""What means something in a DocC comment."""

LONGEST_COMMENTED = 40
"""How much of a name a comment shows."""


def string(text: str) -> str:
    """Return an expression of a string: a literal, wherever Swift has one for the text.

    What no reader could see, or what turns text around, is escaped. Without a backslash of its own,
    nothing in it is an interpolation.
    """
    if any(map(_is_noncharacter, text)):
        bytes_ = ", ".join(map(str, text.encode("utf-8")))
        return f"String(decoding: [{bytes_}] as [UInt8], as: UTF8.self)"
    return f'"{"".join(_ESCAPES.get(char) or _visible(char) for char in text)}"'


def comment(text: str) -> str:
    """Return text for a DocC comment, on one line, shortened where it is long."""
    short = text if len(text) <= LONGEST_COMMENTED else f"{text[: LONGEST_COMMENTED - 1]}…"
    return "".join(_escaped(char) if char in _MEANS_SOMETHING else _visible(char) for char in short)


def float32(value: float) -> str:
    """Return the shortest literal of a float32 value.

    Raises:
        ValueError: the value is NaN or infinite, as float32.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        exact = np.float32(value)
    if not np.isfinite(exact):
        raise ValueError(f"{value} is no float32 number")
    return str(exact)


def double(value: float) -> str:
    """Return the shortest literal of a `Double`.

    Raises:
        ValueError: the value is NaN or infinite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return repr(float(value))


def array(items: Iterable[object]) -> str:
    """Return an array of literals, on one line."""
    return f"[{', '.join(map(str, items))}]"


def _visible(char: str) -> str:
    # Characters that are written from right to left reorder the code around them on the screen.
    visible = char.isprintable() and unicodedata.bidirectional(char) not in ("R", "AL", "AN")
    return char if visible else _escaped(char)


def _is_noncharacter(char: str) -> bool:
    """Say whether Swift's compiler refuses it, even escaped (The Unicode Standard, 23.7)."""
    return 0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):X}}}"

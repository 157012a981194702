"""Swift literals and comments for any text and any number: nothing in them is ever code."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.wrappers import text as shared
from mobilekit.wrappers.text import MEANS_SOMETHING_IN_COMMENTS, is_visible, shortened

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


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
    return "".join(
        _escaped(char) if char in MEANS_SOMETHING_IN_COMMENTS else _visible(char)
        for char in shortened(text)
    )


def float32(value: float) -> str:
    """Return the shortest literal of a float32 value.

    Raises:
        ValueError: the value is NaN or infinite, as float32.
    """
    return shared.float32(value)


def double(value: float) -> str:
    """Return the shortest literal of a `Double`.

    Raises:
        ValueError: the value is NaN or infinite.
    """
    return shared.double(value)


def array(items: Iterable[object]) -> str:
    """Return an array of literals, on one line."""
    return f"[{', '.join(map(str, items))}]"


def _visible(char: str) -> str:
    return char if is_visible(char) else _escaped(char)


def _is_noncharacter(char: str) -> bool:
    """Say whether Swift's compiler refuses it, even escaped (The Unicode Standard, 23.7)."""
    return 0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):X}}}"

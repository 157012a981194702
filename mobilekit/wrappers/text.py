"""What generated code of any language is written with: visible text, numbers, wrapped comments."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

COLUMNS = 100
"""How long a line of generated code may be."""

LONGEST_COMMENTED = 40
"""How much of a name a comment shows."""

MEANS_SOMETHING_IN_COMMENTS = "*`[]@"
"""What ends or opens a comment, or means something in documentation, in Kotlin or Swift."""


def is_visible(char: str) -> bool:
    """Say whether a reader sees a character where it stands.

    Characters that are written from right to left reorder the code around them on the screen.
    """
    return char.isprintable() and unicodedata.bidirectional(char) not in ("R", "AL", "AN")


def shortened(text: str) -> str:
    """Return as much of a name as a comment shows."""
    return text if len(text) <= LONGEST_COMMENTED else f"{text[: LONGEST_COMMENTED - 1]}…"


def float32(value: float) -> str:
    """Return the shortest decimal number of a float32 value.

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
    """Return the shortest decimal number of a value.

    Raises:
        ValueError: the value is NaN or infinite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return repr(float(value))


def single_lines(paragraphs: Iterable[str | Iterable[str]]) -> list[str]:
    """Return paragraphs, given alone or several together, each on one line."""
    texts = [text for item in paragraphs for text in ([item] if isinstance(item, str) else item)]
    return [" ".join(text.split()) for text in texts]


def comment_lines(paragraphs: Iterable[str], *, margin: str, item: str) -> Iterator[str]:
    """Wrap paragraphs for a comment, with an empty line between two of them.

    Args:
        paragraphs: on one line each.
        margin: what every line begins with.
        item: how items of a list begin, which follow one another without an empty line.
    """
    was_item = None
    for text in paragraphs:
        is_item = text.startswith(item)
        if was_item is not None and not (is_item and was_item):
            yield margin.rstrip()
        yield from textwrap.wrap(
            text,
            COLUMNS,
            initial_indent=margin,
            subsequent_indent=f"{margin}  " if is_item else margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
        was_item = is_item

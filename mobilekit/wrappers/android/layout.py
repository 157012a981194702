"""How Kotlin is laid out: lists that are broken where a line is full, and wrapped comments."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.wrappers.text import COLUMNS, comment_lines, single_lines


def fitted(start: str, items: Iterable[str], end: str, indent: int = 0) -> str:
    """Return a list between brackets on one line, or with an item a line where it is too long.

    Args:
        start: what comes before, with the bracket.
        items: parameters, arguments or the like.
        end: the closing bracket and what comes after it.
        indent: by how many spaces the text is indented already.
    """
    items = tuple(items)
    line = f"{start}{', '.join(items)}{end}"
    if indent + len(line) <= COLUMNS:
        return line
    margin = " " * indent
    return "\n".join([start, *(f"{margin}    {item}," for item in items), f"{margin}{end}"])


def kdoc(indent: int, *paragraphs: str | Iterable[str]) -> str:
    """Return a documentation comment.

    Args:
        indent: by how many spaces the text is indented already.
        paragraphs: texts, or several together, wrapped each; those that begin with `@` are tags,
            and follow one another without an empty line.
    """
    margin = " " * indent
    kept = single_lines(paragraphs)
    if len(kept) == 1 and indent + len(kept[0]) + 7 <= COLUMNS:
        return f"/** {kept[0]} */"
    lines = comment_lines(kept, margin=f"{margin} * ", item="@")
    return "\n".join(["/**", *lines, f"{margin} */"])

"""How Swift is laid out: lists that are broken where a line is full, and wrapped comments."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.wrappers.text import COLUMNS, comment_lines, single_lines


def fitted(start: str, items: Iterable[str], end: str, indent: int = 0) -> str:
    """Return a list between brackets on one line, or with an item a line where it is too long.

    Swift 6.0 takes no comma after the last argument.

    Args:
        start: what comes before, with the bracket.
        items: parameters, arguments or the like.
        end: the closing bracket and what comes after it.
        indent: by how many spaces the text is indented already.
    """
    items = tuple(items)
    line = f"{start}{', '.join(items)}{end}"
    if indent + len(line) <= COLUMNS and "\n" not in line:
        return line
    margin = " " * indent
    listed = f",\n{margin}    ".join(items)
    return f"{start}\n{margin}    {listed}\n{margin}{end}"


def docc(indent: int, *paragraphs: str | Iterable[str]) -> str:
    """Return a documentation comment.

    Args:
        indent: by how many spaces the text is indented already.
        paragraphs: texts, or several together, wrapped each; those that begin with `- ` are items
            of a list, and follow one another without an empty line.
    """
    margin = " " * indent
    lines = comment_lines(single_lines(paragraphs), margin=f"{margin}/// ", item="- ")
    return "\n".join(lines).removeprefix(margin)

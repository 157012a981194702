"""How Kotlin is laid out: lists that are broken where a line is full, and wrapped comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

COLUMNS = 100


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
    texts = [text for item in paragraphs for text in ([item] if isinstance(item, str) else item)]
    kept = [" ".join(text.split()) for text in texts]
    if len(kept) == 1 and indent + len(kept[0]) + 7 <= COLUMNS:
        return f"/** {kept[0]} */"
    lines = ["/**"]
    for number, text in enumerate(kept):
        is_tag = text.startswith("@")
        if number and not (is_tag and kept[number - 1].startswith("@")):
            lines.append(f"{margin} *")
        lines += textwrap.wrap(
            text,
            COLUMNS,
            initial_indent=f"{margin} * ",
            subsequent_indent=f"{margin} *   " if is_tag else f"{margin} * ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join([*lines, f"{margin} */"])

"""What the report's tables are made of. The page and the summary draw these and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from mobilekit.results import Status


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A status: its class for the style sheet, its sign, its word, and what it is about."""

    tone: str
    sign: str
    word: str
    about: str = ""


_BADGES: dict[str, Badge] = {
    "pass": Badge(tone="pass", sign="✓", word="pass"),
    "fail": Badge(tone="fail", sign="✕", word="fail"),
    "not_run": Badge(tone="idle", sign="○", word="not run"),
}


def badge(status: Status, about: str = "", *, required: bool = False) -> Badge:
    """Return a status's badge. A required check that did not run looks like the fault it is."""
    shown = _BADGES[status]
    if required and status == "not_run":
        return Badge(tone="fail", sign="○", word="not run, required", about=about)
    return Badge(tone=shown.tone, sign=shown.sign, word=shown.word, about=about)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: text with a smaller note below, or badges.

    `link` is a path relative to the release folder. `share` (0 to 1) draws a bar. `missed` marks a
    value outside its budget. `code` is for names, paths and hashes.
    """

    text: str = ""
    note: str = ""
    badges: tuple[Badge, ...] = ()
    link: str = ""
    share: float | None = None
    missed: bool = False
    code: bool = False
    quiet: bool = False


NOT_RUN = Cell(text="not run", quiet=True)
NOT_MEASURED = Cell(text="–", quiet=True)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column's heading. Numbers stand right-aligned; `wide` cells get a line to themselves where
    a narrow page stacks them.
    """

    label: str
    numeric: bool = False
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row; its first cell is its heading."""

    cells: tuple[Cell, ...]
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a caption, which is its name for those who do not see it."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def relative_link(path: str) -> str:
    """Return a path inside the release as a link that cannot become anything but a path."""
    return "./" + quote(path.lstrip("/"), errors="replace") if path else ""

"""The plot of cold starts: what the first answer waits for, beside what later ones take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.formats import milliseconds
from mobilekit.report.svg import Scale, element, shorten, text_element, text_width

_PARTS = (
    ("load", "bench-load", "reading the file"),
    ("prepare", "bench-prepare", "preparing the delegate"),
    ("first", "bench-first", "first inference"),
    ("steady", "bench-steady", "every later one"),
)
"""The field, the class in the style sheet, and the words of the legend."""

_BAR, _THIN, _PITCH = 13.0, 5.0, 34.0


@dataclass(frozen=True, kw_only=True)
class Start:
    """Milliseconds of one artifact on one target; NaN for what is not known apart."""

    name: str
    load: float
    prepare: float
    first: float
    steady: float
    quiet: bool = False

    @property
    def whole(self) -> float:
        """From the file to the first answer."""
        return sum(time for time in (self.load, self.prepare, self.first) if math.isfinite(time))


Group = tuple[str, Sequence[Start]]
"""The starts on one target, and its name."""


def draw_starts(groups: Sequence[Group], *, title: str, id: str) -> Drawing:
    """Draw a row for each start, those of each target on an axis of their own; there must be one.

    Targets are not to be compared with each other here: a phone would press this machine's bars
    together.
    """
    longest = max(text_width(start.name, FONT) for _, starts in groups for start in starts) + 16
    return Drawing(
        wide=_draw(groups, 940, min(longest, 330), title, f"{id}-wide"),
        narrow=_draw(groups, 350, 0, title, f"{id}-narrow"),
    )


def _draw(groups: Sequence[Group], width: float, label: float, title: str, id: str) -> str:
    """Draw all rows. Without a `label` column each row's name stands above its bars."""
    parts, top = _legend([start for _, starts in groups for start in starts], width)
    pitch = _PITCH if label else _PITCH + FONT + 8
    for target, starts in groups:
        longest = max(max(start.whole, _known(start.steady)) for start in starts) or 1.0
        scale = Scale(low=0, high=longest, start=label, end=width - 96)
        name = shorten(target, FONT, width)
        parts.append(text_element(name, x=0, y=top + FONT, class_="name plan-device"))
        top += FONT + 14
        for start in starts:
            parts += _row(start, scale, top, label, width)
            top += pitch
        top += 10
    return picture(parts, width, top - 8, title, id)


def _legend(starts: Sequence[Start], width: float) -> tuple[list[str], float]:
    parts, x, y = [], 0.0, FONT
    for field, class_, words in _PARTS:
        if not any(_known(getattr(start, field)) for start in starts):
            continue
        room = 18 + text_width(words, FONT) + 14
        if x + room > width and x > 0:
            x, y = 0.0, y + FONT * 1.4
        parts.append(element("rect", x=x, y=y - 10, width=11, height=11, class_=class_))
        parts.append(text_element(words, x=x + 18, y=y, class_="tick"))
        x += room
    return parts, y + 18


def _row(start: Start, scale: Scale, top: float, label: float, width: float) -> Iterator[str]:
    class_ = "tick" if start.quiet else "name"
    if label:
        name, y = shorten(start.name, FONT, label - 10), top + _BAR - 1
    else:
        name, y = shorten(start.name, FONT, width), top + FONT
        top += FONT + 6
    yield text_element(name, x=0, y=y, class_=class_)
    bars = [element("title", escape(hover(start)))]
    left = scale.start
    for field, kind, _ in _PARTS[:3]:
        length = scale(_known(getattr(start, field))) - scale.start
        if length > 0:
            bars.append(
                element("rect", x=left, y=top, width=max(length, 0.5), height=_BAR, class_=kind)
            )
            left += length
    yield text_element(
        milliseconds(start.whole) if start.whole else "unknown",
        x=left + 7,
        y=top + _BAR - 1.5,
        class_="tick",
    )
    if _known(start.steady):
        length = max(scale(start.steady) - scale.start, 1.0)
        bars.append(
            element(
                "rect",
                x=scale.start,
                y=top + _BAR + 2,
                width=length,
                height=_THIN,
                class_="bench-steady",
            )
        )
    yield element("g", *bars, class_="bench-strip quiet" if start.quiet else "bench-strip")


def hover(start: Start) -> str:
    """Say a row in words."""
    known = ", ".join(
        f"{words} {milliseconds(getattr(start, field))}"
        for field, _, words in _PARTS
        if math.isfinite(getattr(start, field))
    )
    return f"{start.name}: {known}"


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0

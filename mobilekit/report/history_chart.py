"""The plot of values over releases: a line for each variant, as inline SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.bench.history import Line, Point
from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.svg import (
    Anchor,
    Box,
    Label,
    Scale,
    along,
    element,
    place_labels,
    shorten,
    text_element,
    text_width,
)

_HEIGHT = 320.0

# From here on a linear axis would press the small values together.
_WIDE = 8.0


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The vertical axis: its title, how its values read, and the least span that fills it.

    The span is a share of the largest value: differences of less mean nothing. `most` is the
    largest value that there can be.
    """

    title: str
    text: Callable[[float], str]
    least_span: float = 0.1
    most: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The horizontal axis: the names, and the indices before which the machine is another."""

    names: tuple[str, ...]
    breaks: frozenset[int] = frozenset()


def draw_history(
    lines: Sequence[Line], releases: Releases, axis: Axis, *, title: str, id: str
) -> Drawing:
    """Draw lines over releases; there must be at least one point."""
    wide, unnamed = _draw(lines, releases, axis, 940, title, f"{id}-wide")
    narrow, unnamed_there = _draw(lines, releases, axis, 350, title, f"{id}-narrow")
    return Drawing(wide=wide, narrow=narrow, unnamed=max(unnamed, unnamed_there))


def _draw(
    lines: Sequence[Line], releases: Releases, axis: Axis, width: float, title: str, id: str
) -> tuple[str, int]:
    vertical = _vertical(lines, axis)
    ticks = [(value, axis.text(value)) for value in vertical.ticks(6)]
    left = 14 + max(text_width(text, FONT) for _, text in ticks)
    # Names stand at the ends of lines, on the right.
    names = min(max(text_width(line.variant, FONT) for line in lines) + 24, width * 0.34)
    frame = Box(left=left, top=vertical.end, right=width - names, bottom=vertical.start)
    horizontal = Scale(low=-0.5, high=len(releases.names) - 0.5, start=frame.left, end=frame.right)
    parts = [text_element(f"↑ {axis.title}", x=0, y=FONT, class_="axis-title")]
    for value, text in ticks:
        y = vertical(value)
        parts.append(element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        parts.append(
            text_element(text, x=left - 8, y=y + FONT * 0.36, class_="tick", text_anchor="end")
        )
    parts += _release_axis(horizontal, releases, frame)
    for line in lines:
        parts += _line(line, releases, axis, horizontal, vertical)
    # Below the axis title and above the releases' names.
    room = Box(left=left, top=FONT + 5, right=width, bottom=frame.bottom)
    labels = _labels(lines, horizontal, vertical, room)
    parts += [markup for label in labels if label for markup in _label(label)]
    return picture(parts, width, _HEIGHT, title, id), labels.count(None)


def _vertical(lines: Sequence[Line], axis: Axis) -> Scale:
    values = [
        value
        for line in lines
        for point in line.points
        for value in (point.value, point.low, point.high)
        if math.isfinite(value)
    ]
    low, high = min(values), max(values)
    log = low > 0 and high / low > _WIDE
    span = max((high - low) * 1.2, high * axis.least_span)
    # Above the largest value that there can be is room for a mark, and for no further tick.
    top = min((high + low + span) / 2, axis.most + span * 0.07)
    return Scale(
        low=low / 1.2 if log else max(top - span, 0.0 if low >= 0 else -math.inf),
        high=high * 1.2 if log else top,
        start=_HEIGHT - 48,
        end=34,
        log=log,
    )


def _release_axis(scale: Scale, releases: Releases, frame: Box) -> Iterator[str]:
    yield element(
        "line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="axis"
    )
    step = max(1, math.ceil(len(releases.names) * 70 / (frame.right - frame.left)))
    room = (frame.right - frame.left) / len(releases.names) * step - 6
    for index in range(0, len(releases.names), step):
        yield text_element(
            shorten(releases.names[index], FONT, room),
            x=scale(index),
            y=frame.bottom + 8 + FONT,
            class_="tick",
            text_anchor="middle",
        )
    for index in sorted(releases.breaks):
        x = scale(index - 0.5)
        yield element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, class_="source-line")
    yield text_element(
        "Release →", x=frame.right, y=_HEIGHT - 6, class_="axis-title", text_anchor="end"
    )


def _line(
    line: Line, releases: Releases, axis: Axis, horizontal: Scale, vertical: Scale
) -> Iterator[str]:
    for piece in _pieces(line.points, releases.breaks):
        places = [f"{horizontal(p.release):.1f} {vertical(p.value):.1f}" for p in piece]
        yield element("path", d="M" + "L".join(places), class_="drift-line")
    for point in line.points:
        x, y = horizontal(point.release), vertical(point.value)
        if point.high > point.low:
            low, high = vertical(point.low), vertical(point.high)
            yield element("line", x1=x, x2=x, y1=low, y2=high, class_="interval")
        name = releases.names[point.release]
        hover = element("title", escape(f"{line.variant}, {name}: {axis.text(point.value)}"))
        yield element("g", hover, element("circle", cx=x, cy=y, r=4), class_="mark small")


def _pieces(points: Sequence[Point], breaks: frozenset[int]) -> Iterator[list[Point]]:
    """Yield the points between two changes of the machine, which no line may join."""
    piece = [*points[:1]]
    for before, point in itertools.pairwise(points):
        if any(before.release < index <= point.release for index in breaks):
            yield piece
            piece = []
        piece.append(point)
    yield piece


def _labels(
    lines: Sequence[Line], horizontal: Scale, vertical: Scale, frame: Box
) -> list[Label | None]:
    marks = [
        Box(left=x - 5, top=y - 5, right=x + 5, bottom=y + 5)
        for line in lines
        for x, y in along([(horizontal(p.release), vertical(p.value)) for p in line.points])
    ]
    ends = [line.points[-1] for line in lines]
    anchors = [
        Anchor(x=horizontal(end.release), y=vertical(end.value), text=line.variant)
        for line, end in zip(lines, ends, strict=True)
    ]
    return place_labels(anchors, frame=frame, size=FONT, obstacles=marks)


def _label(label: Label) -> Iterator[str]:
    if label.leader is not None:
        (x, y), (end_x, end_y) = label.leader
        yield element("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader")
    yield text_element(label.text, x=label.x, y=label.y, class_="name")

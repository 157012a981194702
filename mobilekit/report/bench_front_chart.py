"""The plot of what can be chosen: time against quality, with sizes, and the Pareto front marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.report.charts import FONT, Drawing, Quality, picture
from mobilekit.report.formats import milliseconds, size
from mobilekit.report.svg import (
    Anchor,
    Box,
    Scale,
    element,
    place_labels,
    text_element,
    text_width,
)

_HEIGHT = 380.0
_LEAST, _MOST = 4.0, 9.0
"""The radius of the smallest and of the largest file: areas stand for sizes. Labels begin at 9."""

_WIDE = 4.0


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One variant: what there is to choose by, and whether no other is better in all of it."""

    name: str
    bytes: int
    milliseconds: float
    quality: float
    on_front: bool


def draw_front(choices: Sequence[Choice], quality: Quality, *, title: str, id: str) -> Drawing:
    """Draw choices; every number of them is finite, and there must be at least one."""
    wide, unnamed = _draw(choices, quality, 940, title, f"{id}-wide")
    narrow, unnamed_there = _draw(choices, quality, 350, title, f"{id}-narrow")
    return Drawing(wide=wide, narrow=narrow, unnamed=max(unnamed, unnamed_there))


def _draw(
    choices: Sequence[Choice], quality: Quality, width: float, title: str, id: str
) -> tuple[str, int]:
    lowest, highest = _vertical_range(choices, quality)
    ticks = [
        (value, quality.text(value))
        for value in Scale(low=lowest, high=highest, start=_HEIGHT - 48, end=30).ticks(6)
    ]
    margin = 14 + max(text_width(text, FONT) for _, text in ticks)
    frame = Box(left=margin, top=30, right=width - 8, bottom=_HEIGHT - 48)
    vertical = Scale(low=lowest, high=highest, start=frame.bottom, end=frame.top)
    horizontal = _horizontal(choices, frame)
    parts = [text_element(f"↑ {quality.title}", x=0, y=FONT, class_="axis-title")]
    for value, text in ticks:
        y = vertical(value)
        parts.append(element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        parts.append(
            text_element(text, x=margin - 8, y=y + FONT * 0.36, class_="tick", text_anchor="end")
        )
    parts += _time_axis(horizontal, frame)
    places = [(horizontal(item.milliseconds), vertical(item.quality)) for item in choices]
    radii = [_radius(item.bytes, choices) for item in choices]
    obstacles = [
        Box(left=x - r, top=y - r, right=x + r, bottom=y + r)
        for (x, y), r in zip(places, radii, strict=True)
    ]
    anchors = [
        Anchor(x=x, y=y, text=f"{item.name} · {size(item.bytes)}", short=item.name)
        for item, (x, y) in zip(choices, places, strict=True)
    ]
    labels = place_labels(anchors, frame=frame, size=FONT, obstacles=obstacles)
    for label in labels:
        if label is not None and label.leader is not None:
            (x, y), (end_x, end_y) = label.leader
            parts.append(element("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader"))
    # Small marks lie on large ones.
    for item, (x, y), radius in sorted(
        zip(choices, places, radii, strict=True), key=lambda drawn: -drawn[2]
    ):
        class_ = "bench-choice" if item.on_front else "bench-choice beaten"
        hover = (
            f"{item.name}: {size(item.bytes)}, {milliseconds(item.milliseconds)}, "
            f"{quality.text(item.quality)}"
        )
        mark = element("circle", cx=x, cy=y, r=radius)
        parts.append(element("g", element("title", escape(hover)), mark, class_=class_))
    for item, label in zip(choices, labels, strict=True):
        if label is not None:
            class_ = "name" if item.on_front else "tick"
            parts.append(text_element(label.text, x=label.x, y=label.y, class_=class_))
    return picture(parts, width, _HEIGHT, title, id), labels.count(None)


def _radius(count: int, choices: Sequence[Choice]) -> float:
    largest = max(item.bytes for item in choices) or 1
    return max(_MOST * math.sqrt(count / largest), _LEAST)


def _vertical_range(choices: Sequence[Choice], quality: Quality) -> tuple[float, float]:
    values = [item.quality for item in choices]
    middle = (max(values) + min(values)) / 2
    span = max((max(values) - min(values)) * 1.3, quality.least_span)
    top = middle + span / 2
    if top > quality.most:
        # Room for a whole mark at the largest value there can be.
        top = quality.most + span * 0.07
    return top - span, top


def _horizontal(choices: Sequence[Choice], frame: Box) -> Scale:
    times = [item.milliseconds for item in choices]
    low, high = min(times), max(times)
    if low > 0 and high / low > _WIDE:
        return Scale(low=low / 1.4, high=high * 1.4, start=frame.left, end=frame.right, log=True)
    return Scale(low=0, high=high * 1.2 or 1.0, start=frame.left, end=frame.right)


def _time_axis(scale: Scale, frame: Box) -> Iterator[str]:
    yield element(
        "line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="axis"
    )
    free = 0.0
    for value in scale.ticks(max(2, int((frame.right - frame.left) / 90))):
        x, text = scale(value), f"{value:.12g} ms" if value else "0"
        half = text_width(text, FONT) / 2
        yield element("line", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 5, class_="axis")
        if x - half >= free and x + half <= frame.right + 8:
            free = x + half + 8
            yield text_element(
                text, x=x, y=frame.bottom + 8 + FONT, class_="tick", text_anchor="middle"
            )
    yield text_element(
        "Median latency →", x=frame.right, y=_HEIGHT - 6, class_="axis-title", text_anchor="end"
    )

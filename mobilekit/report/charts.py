"""The report's two plots as inline SVG: size against quality, and the distribution of errors.

Each is drawn twice, for a wide and for a narrow page, because text in a scaled picture would shrink
with it. Colours come from the page's style sheet, by class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.report.formats import axis_size
from mobilekit.report.formats import size as size_text
from mobilekit.report.svg import (
    Anchor,
    Box,
    Scale,
    element,
    place_labels,
    shorten,
    text_element,
    text_width,
)
from mobilekit.results import Histogram

FONT = 13.0
_MARK = 6.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One variant on the plot of size against quality. `low` to `high` is its interval, if any."""

    name: str
    bytes: int
    value: float
    low: float
    high: float
    failed: bool
    diamond: bool


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The vertical axis: its title, how its values read, and a line for the source's own value.

    `least_span` keeps differences that mean nothing from filling the plot; `most` is the largest
    value there can be.
    """

    title: str
    text: Callable[[float], str]
    least_span: float
    most: float = math.inf
    source: float | None = None


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One variant's row in the plot of errors."""

    name: str
    detail: str
    failed: bool
    histogram: Histogram


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The same plot for a wide and for a narrow page, as SVG elements.

    `unnamed` counts the marks that found no room for their name on either.
    """

    wide: str
    narrow: str
    unnamed: int = 0


def scatter(points: Sequence[Point], quality: Quality, *, title: str, id: str) -> Drawing:
    """Draw size against quality; there must be at least one point."""

    wide, wide_unnamed = _scatter(points, quality, 940, 400, title, f"{id}-wide")
    narrow, narrow_unnamed = _scatter(points, quality, 350, 400, title, f"{id}-narrow")
    return Drawing(wide=wide, narrow=narrow, unnamed=max(wide_unnamed, narrow_unnamed))


def distributions(rows: Sequence[Distribution], *, title: str, id: str) -> Drawing:
    """Draw a row of bars per variant over one axis; there must be at least one row."""
    longest = max(text_width(f"{row.name} {row.detail}", FONT) for row in rows)
    return Drawing(
        wide=_distributions(rows, 940, min(longest + 12, 320), 36, title, f"{id}-wide"),
        narrow=_distributions(rows, 350, 0, 58, title, f"{id}-narrow"),
    )


def _scatter(
    points: Sequence[Point], quality: Quality, width: float, height: float, title: str, id: str
) -> tuple[str, int]:
    """Return the picture and how many marks in it have no name beside them."""
    lowest, highest = _vertical_range(points, quality)
    unplaced = Scale(low=lowest, high=highest, start=height - 48, end=26)
    vertical_ticks = [(value, quality.text(value)) for value in unplaced.ticks(6)]
    margin = 14 + max(text_width(text, FONT) for _, text in vertical_ticks)
    frame = Box(left=margin, top=26, right=width - 8, bottom=height - 48)
    vertical = Scale(low=lowest, high=highest, start=frame.bottom, end=frame.top)
    horizontal = _size_scale([point.bytes for point in points], frame.left, frame.right)

    parts = [text_element(f"↑ {quality.title}", x=0, y=FONT, class_="axis-title")]
    for value, text in vertical_ticks:
        y = vertical(value)
        parts.append(element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        parts.append(
            text_element(text, x=margin - 8, y=y + FONT * 0.36, class_="tick", text_anchor="end")
        )
    parts += _size_axis(horizontal, frame)
    parts.append(
        text_element(
            "Size on disk →", x=frame.right, y=height - 6, class_="axis-title", text_anchor="end"
        )
    )

    places = [(horizontal(point.bytes), vertical(point.value)) for point in points]
    obstacles = [Box(left=x - 8, top=y - 8, right=x + 8, bottom=y + 8) for x, y in places]
    for point, (x, _) in zip(points, places, strict=True):
        if point.high > point.low:
            top, bottom = vertical(point.high), vertical(point.low)
            obstacles.append(Box(left=x - 2, top=top, right=x + 2, bottom=bottom))
            parts.append(element("line", x1=x, x2=x, y1=top, y2=bottom, class_="interval"))
    if quality.source is not None:
        line, covered = _source_line(quality, vertical(quality.source), frame, obstacles)
        parts.append(line)
        obstacles += covered

    anchors = [
        Anchor(x=x, y=y, text=point.name) for point, (x, y) in zip(points, places, strict=True)
    ]
    labels = place_labels(anchors, frame=frame, size=FONT, obstacles=obstacles)
    for label in labels:
        if label is not None and label.leader is not None:
            (x, y), (end_x, end_y) = label.leader
            parts.append(element("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader"))
    for point, (x, y) in zip(points, places, strict=True):
        hover = f"{point.name}: {size_text(point.bytes)}, {quality.text(point.value)}"
        parts.append(_mark(x, y, point, hover))
    for point, label in zip(points, labels, strict=True):
        if label is not None:
            parts.append(
                text_element(
                    label.text, x=label.x, y=label.y, class_="fail" if point.failed else "name"
                )
            )
    return picture(parts, width, height, title, id), labels.count(None)


def _vertical_range(points: Sequence[Point], quality: Quality) -> tuple[float, float]:
    values = [value for point in points for value in (point.low, point.value, point.high)]
    if quality.source is not None:
        values.append(quality.source)
    lowest, highest = min(values), max(values)
    middle, span = (lowest + highest) / 2, max((highest - lowest) * 1.2, quality.least_span)
    top = middle + span / 2
    if top > quality.most:
        # A little air above the largest value there can be, so that its mark is not cut.
        top = quality.most + span * 0.04
    return top - span, top


def _size_scale(sizes: Sequence[int], left: float, right: float) -> Scale:
    """Return a logarithmic axis where sizes differ more than fourfold, else one from zero."""
    smallest, largest = max(min(sizes), 1), max(max(sizes), 1)
    if largest > 4 * smallest:
        return Scale(low=smallest / 1.5, high=largest * 1.5, start=left, end=right, log=True)
    return Scale(low=0, high=largest * 1.2, start=left, end=right)


def _size_axis(scale: Scale, frame: Box) -> list[str]:
    parts = [
        element(
            "line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="axis"
        )
    ]
    free = 0.0
    for value in scale.ticks(max(2, int((frame.right - frame.left) / 80))):
        x, text = scale(value), axis_size(round(value))
        half = text_width(text, FONT) / 2
        parts.append(
            element("line", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 5, class_="axis")
        )
        if x - half >= free and x + half <= frame.right + 8:
            free = x + half + 6
            parts.append(
                text_element(
                    text, x=x, y=frame.bottom + 8 + FONT, class_="tick", text_anchor="middle"
                )
            )
    return parts


def _source_line(
    quality: Quality, y: float, frame: Box, marks: Sequence[Box]
) -> tuple[str, list[Box]]:
    """Return the line of the source's own value, and what of it labels must not cover."""
    text = f"trained model {quality.text(quality.source or 0.0)}"
    width = text_width(text, FONT)
    places = [
        Box(left=left, top=top, right=left + width, bottom=top + FONT + 4)
        for top in (y - FONT - 6, y + 3)
        for left in (frame.right - width, frame.left + 4)
    ]
    free = [
        place
        for place in places
        if place.within(frame) and not any(place.overlaps(mark) for mark in marks)
    ]
    line = element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="source-line")
    covered = [Box(left=frame.left, right=frame.right, top=y - 1, bottom=y + 1)]
    if not free:
        return line, covered
    place = free[0]
    label = text_element(text, x=place.left, y=place.top + FONT, class_="tick")
    return line + label, [*covered, place]


def _mark(x: float, y: float, point: Point, hover: str) -> str:
    """Draw a circle or a diamond: full if within budget, open and crossed if not."""
    r = _MARK
    if point.diamond:
        shape = element(
            "path", d=f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l-{r + 1} {r + 1}l-{r + 1}-{r + 1}z"
        )
    else:
        shape = element("circle", cx=x, cy=y, r=r)
    cross = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6"
    parts = [element("title", escape(hover)), shape]
    if point.failed:
        parts.append(element("path", d=cross))
    return element("g", *parts, class_="mark failed" if point.failed else "mark")


def _distributions(
    rows: Sequence[Distribution], width: float, label: float, pitch: float, title: str, id: str
) -> str:
    """Draw the rows. Without a `label` column each row's name stands above its bars."""
    low, high = _filled_range([row.histogram for row in rows])
    # Room for half a tick's text beyond either end.
    left, right = label + 18, width - 18
    scale = Scale(low=low, high=high, start=left, end=right)
    bar_height = pitch - (8 if label else 28)
    bottom = len(rows) * pitch + 6
    parts = []
    exponents = [exponent for exponent in scale.ticks(9) if exponent == round(exponent)]
    # Every second power of ten is enough where there is little room.
    step = 1 if (width - label) / max(len(exponents), 1) > 64 else 2
    exponents = exponents[::step]
    for exponent in exponents:
        x = scale(exponent)
        parts.append(element("line", x1=x, x2=x, y1=4, y2=bottom, class_="grid"))
    for index, row in enumerate(rows):
        base = (index + 1) * pitch
        parts.append(_row(row, scale, base, bar_height, label))
    parts.append(element("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
    for exponent in exponents:
        parts.append(
            text_element(
                power_of_ten(round(exponent)),
                x=scale(exponent),
                y=bottom + FONT + 4,
                class_="tick",
                text_anchor="middle",
            )
        )
    parts.append(
        text_element(
            "Error ÷ typical output (RMS) →",
            x=right,
            y=bottom + 2 * FONT + 12,
            class_="axis-title",
            text_anchor="end",
        )
    )
    return picture(parts, width, bottom + 2 * FONT + 20, title, id)


def _row(row: Distribution, scale: Scale, base: float, height: float, label: float) -> str:
    """Draw one row: its name, its baseline and its bars, which stand on the baseline."""
    room = label or scale.end
    detail = shorten(row.detail, FONT, room * 0.45)
    name = shorten(row.name, FONT, room - text_width(detail, FONT) - 8)
    y = base - 4 if label else base - height - 6
    text = element(
        "text",
        escape(name),
        element("tspan", escape(detail), dx=6, class_="tick") if detail else "",
        x=0,
        y=y,
        class_="fail" if row.failed else "name",
    )
    counts, edges = row.histogram.counts, row.histogram.edges
    most = max(counts, default=0)
    bars = []
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        if count:
            start, end = scale(left), scale(right)
            # A bin that holds anything shows at least a hairline.
            bar = max(height * count / most, 1.0)
            bars.append(f"M{start:.1f} {base:.1f}v-{bar:.1f}h{end - start:.1f}v{bar:.1f}z")
    hover = f"{row.name} {row.detail}: median {power_text(median(row.histogram))}"
    return (
        text
        + element("line", x1=scale.start, x2=scale.end, y1=base, y2=base, class_="grid")
        + element(
            "path",
            element("title", escape(hover)),
            d="".join(bars),
            class_="bars failed" if row.failed else "bars",
        )
    )


def _filled_range(histograms: Sequence[Histogram]) -> tuple[float, float]:
    """Return whole powers of ten around every bin that holds something."""
    filled = [
        edge
        for histogram in histograms
        for count, *pair in zip(
            histogram.counts, histogram.edges, histogram.edges[1:], strict=False
        )
        if count
        for edge in pair
    ]
    if not filled:
        return -1.0, 1.0
    low, high = math.floor(min(filled)), math.ceil(max(filled))
    return float(low), float(max(high, low + 1))


def median(histogram: Histogram) -> float:
    """Return the middle of the bin that holds the median error, as a power of ten."""
    half, seen = sum(histogram.counts) / 2, 0
    for index, count in enumerate(histogram.counts):
        seen += count
        if count and seen >= half:
            return (histogram.edges[index] + histogram.edges[index + 1]) / 2
    return -math.inf


def power_text(exponent: float) -> str:
    """Return ten to some power as a short number."""
    return "none" if exponent == -math.inf else f"{10**exponent:.1g}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent: int) -> str:
    """Return a power of ten as an axis shows it: `10⁻³`, but `0.1`, `1` and `10` as themselves."""
    plain = {-1: "0.1", 0: "1", 1: "10"}
    return plain.get(exponent) or "10" + str(exponent).translate(_SUPERSCRIPTS)


def picture(parts: Sequence[str], width: float, height: float, title: str, id: str) -> str:
    """Return a whole drawing; `title` is its name for those who do not see it."""
    return element(
        "svg",
        element("title", escape(title), id=f"{id}-title"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{id}-title",
        font_size=FONT,
    )

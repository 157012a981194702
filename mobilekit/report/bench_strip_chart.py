"""The plot of latencies: for each artifact on a target a row with its runs and its figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.formats import milliseconds
from mobilekit.report.svg import Scale, element, shorten, text_element, text_width

_BARS = 30.0
_ROW, _NARROW_ROW = 46.0, 66.0
_BINS = 90

# From here on a linear axis would press the fast ones together.
_WIDE = 4.0


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One row. `times` are single runs, none where they are not known; figures may be NaN."""

    name: str
    times: tuple[float, ...]
    median: float
    low: float
    high: float
    p90: float
    p99: float
    quiet: bool = False

    @property
    def figures(self) -> tuple[float, ...]:
        """All that is known of it as numbers."""
        known = (self.low, self.median, self.high, self.p90, self.p99)
        return tuple(value for value in known if math.isfinite(value))


def draw_strips(strips: Sequence[Strip], *, title: str, id: str) -> Drawing:
    """Draw rows over one axis; each needs a figure, and there must be at least one."""
    longest = max(text_width(strip.name, FONT) for strip in strips)
    return Drawing(
        wide=_draw(strips, 940, min(longest + 16, 300), title, f"{id}-wide"),
        narrow=_draw(strips, 350, 0, title, f"{id}-narrow"),
    )


def _draw(strips: Sequence[Strip], width: float, label: float, title: str, id: str) -> str:
    """Draw all rows. Without a `label` column each row's name stands above it."""
    value_room = 84.0 if label else 0.0
    low, high = _range(strips)
    scale = Scale(
        low=low,
        high=high,
        start=label + 10,
        end=width - value_room - 10,
        log=low > 0 and high / low > _WIDE,
    )
    pitch = _ROW if label else _NARROW_ROW
    legend = list(_legend(width))
    top = 14 + FONT * 1.4 * _legend_lines(width)
    bottom = top + len(strips) * pitch + 9
    ticks = _ticks(scale)
    parts = [*legend]
    for value in ticks:
        x = scale(value)
        parts.append(element("line", x1=x, x2=x, y1=top + 2, y2=bottom, class_="grid"))
    for index, strip in enumerate(strips):
        parts += _row(strip, scale, top + (index + 1) * pitch, label, width)
    parts.append(element("line", x1=scale.start, x2=scale.end, y1=bottom, y2=bottom, class_="axis"))
    for value in ticks:
        half = text_width(f"{value:.12g}", FONT) / 2
        parts.append(
            text_element(
                f"{value:.12g}",
                x=min(max(scale(value), half), width - half),
                y=bottom + FONT + 4,
                class_="tick",
                text_anchor="middle",
            )
        )
    parts.append(
        text_element(
            "Milliseconds →",
            x=scale.end,
            y=bottom + 2 * FONT + 11,
            class_="axis-title",
            text_anchor="end",
        )
    )
    return picture(parts, width, bottom + 2 * FONT + 19, title, id)


def _range(strips: Sequence[Strip]) -> tuple[float, float]:
    """Return an axis for all figures, and for the runs but the longest few of each row."""
    values = [value for strip in strips for value in strip.figures]
    for strip in strips:
        if strip.times:
            ordered = sorted(strip.times)
            values += [ordered[0], ordered[math.ceil(0.99 * len(ordered)) - 1]]
    low, high = min(values), max(values)
    if low > 0 and high / low > _WIDE:
        return low / 1.06, high * 1.06
    room = max((high - low) * 0.05, high * 0.02, 1e-6)
    return max(low - room, 0.0), high + room


def _ticks(scale: Scale) -> tuple[float, ...]:
    """Return ticks whose texts have room."""
    for most in range(9, 1, -1):
        ticks = scale.ticks(most)
        widest = max(text_width(f"{value:.12g}", FONT) for value in ticks) + 14
        places = [scale(value) for value in ticks]
        gaps = [after - before for before, after in itertools.pairwise(places)]
        if all(gap >= widest for gap in gaps):
            return ticks
    return ticks[:1]


_LEGEND = (
    ("runs", "single runs"),
    ("median", "median, with its 95 % interval"),
    ("p90", "90 % of runs are faster"),
    ("p99", "99 %"),
)


def _legend_places(width: float) -> Iterator[tuple[str, str, float, int]]:
    x, line = 0.0, 0
    for kind, words in _LEGEND:
        room = 20 + text_width(words, FONT) + 14
        if x + room > width and x > 0:
            x, line = 0.0, line + 1
        yield kind, words, x, line
        x += room


def _legend_lines(width: float) -> int:
    return 1 + max(line for *_, line in _legend_places(width))


def _legend(width: float) -> Iterator[str]:
    for kind, words, x, line in _legend_places(width):
        y = FONT + line * FONT * 1.4
        middle = y - FONT * 0.36
        if kind == "runs":
            yield element("rect", x=x + 1, y=middle - 5, width=12, height=10, class_="bench-runs")
        elif kind == "median":
            yield from _median(x + 7, middle + 6, x, x + 14)
        else:
            yield _tail(kind, x + 7, middle)
        yield text_element(words, x=x + 20, y=y, class_="tick")


def _row(strip: Strip, scale: Scale, base: float, label: float, width: float) -> Iterator[str]:
    class_ = "tick" if strip.quiet else "name"
    value = milliseconds(strip.median) if math.isfinite(strip.median) else "median unknown"
    if label:
        yield text_element(shorten(strip.name, FONT, label - 10), x=0, y=base - 6, class_=class_)
        if math.isfinite(strip.median):
            yield text_element(value, x=width, y=base - 6, class_=class_, text_anchor="end")
    else:
        y = base - _BARS - 9
        room = width - text_width(value, FONT) - 12
        yield text_element(shorten(strip.name, FONT, room), x=0, y=y, class_=class_)
        yield text_element(value, x=width, y=y, class_=class_, text_anchor="end")
    yield element("line", x1=scale.start, x2=scale.end, y1=base, y2=base, class_="grid")
    marks = [element("title", escape(hover(strip)))]
    if strip.times:
        marks.append(_bars(strip, scale, base))
    elif len(strip.figures) > 1:
        start, end = scale(min(strip.figures)), scale(max(strip.figures))
        marks.append(element("line", x1=start, x2=end, y1=base, y2=base, class_="bench-figures"))
    if math.isfinite(strip.median):
        ends = [end if math.isfinite(end) else strip.median for end in (strip.low, strip.high)]
        marks += _median(scale(strip.median), base, *map(scale, ends))
    for kind, time in (("p90", strip.p90), ("p99", strip.p99)):
        if math.isfinite(time):
            marks.append(_tail(kind, scale(time), base))
    yield element("g", *marks, class_="bench-strip quiet" if strip.quiet else "bench-strip")


def _bars(strip: Strip, scale: Scale, base: float) -> str:
    """Return the runs as bars of equal width; those beyond the axis are left out."""
    counts = [0] * _BINS
    step = (scale.end - scale.start) / _BINS
    for time in strip.times:
        if scale.low <= time <= scale.high:
            place = int((scale(time) - scale.start) / step)
            counts[min(place, _BINS - 1)] += 1
    most = max(counts) or 1
    path = []
    for index, count in enumerate(counts):
        if count:
            height = max(_BARS * count / most, 1.0)
            start = scale.start + index * step
            path.append(f"M{start:.1f} {base:.1f}v-{height:.1f}h{step:.1f}v{height:.1f}z")
    return element("path", d="".join(path), class_="bench-runs")


def _median(x: float, base: float, low: float, high: float) -> Iterator[str]:
    yield element("line", x1=low, x2=high, y1=base, y2=base, class_="bench-interval")
    yield element("line", x1=x, x2=x, y1=base - 13, y2=base + 4, class_="bench-median")


def _tail(kind: str, x: float, y: float) -> str:
    if kind == "p90":
        return element("circle", cx=x, cy=y, r=4.5, class_="bench-tail")
    return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5-5z", class_="bench-tail")


def hover(strip: Strip) -> str:
    """Say a row in words."""
    figures = (("median", strip.median), ("p90", strip.p90), ("p99", strip.p99))
    known = ", ".join(f"{name} {milliseconds(time)}" for name, time in figures if time == time)
    return f"{strip.name}: {known or 'no figures'}"

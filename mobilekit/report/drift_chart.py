"""The plot of drift by depth: each layer's SNR over its place in the graph, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.formats import decibels
from mobilekit.report.svg import (
    Anchor,
    Box,
    Scale,
    along,
    element,
    place_labels,
    text_element,
    text_width,
)
from mobilekit.results import Drift, LayerDrift

# What is beyond these is drawn at them: equal tensors, NaN, and what has nothing in common.
_MOST_DB, _LEAST_DB = 160.0, -20.0


def draw_drift(drift: Drift, *, title: str, id: str) -> Drawing:
    """Draw the layers of a drift; there must be at least one."""
    return Drawing(
        wide=_draw(drift, 900, title, f"{id}-wide"),
        narrow=_draw(drift, 350, title, f"{id}-narrow"),
    )


def _draw(drift: Drift, width: float, title: str, id: str) -> str:
    height = 320.0
    layers = drift.layers
    values = [_shown(value) for layer in layers for value in (layer.snr_db, layer.bound)]
    vertical = Scale(
        low=10 * math.floor(min(values) / 10),
        high=10 * math.floor(max(values) / 10) + 10,
        start=height - 48,
        end=26,
    )
    ticks = [(value, f"{value:.0f} dB".replace("-", "−")) for value in vertical.ticks(6)]
    left = 14 + max(text_width(text, FONT) for _, text in ticks)
    frame = Box(left=left, top=vertical.end, right=width - 14, bottom=vertical.start)
    # Half a step of air on either side, so that marks stay off the axis.
    horizontal = Scale(low=0.5, high=len(layers) + 0.5, start=frame.left, end=frame.right)
    places = [
        (horizontal(index + 1), vertical(_shown(layer.snr_db)))
        for index, layer in enumerate(layers)
    ]
    parts = [text_element("↑ SNR of each layer's output", x=0, y=FONT, class_="axis-title")]
    for value, text in ticks:
        y = vertical(value)
        parts.append(element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        parts.append(
            text_element(text, x=left - 8, y=y + FONT * 0.36, class_="tick", text_anchor="end")
        )
    parts += _depth_axis(horizontal, len(layers), frame, height)
    parts.append(element("path", d=_bounds(layers, horizontal, vertical), class_="bound-line"))
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts.append(element("path", d=line, class_="drift-line"))
    parts += [
        _mark(layer, x, y, index == drift.first)
        for index, (layer, (x, y)) in enumerate(zip(layers, places, strict=True))
    ]
    if drift.first is not None:
        parts += _label(layers[drift.first], places[drift.first], places, frame)
    return picture(parts, width, height, title, id)


def _shown(value: float) -> float:
    return _LEAST_DB if math.isnan(value) else min(max(value, _LEAST_DB), _MOST_DB)


def _depth_axis(scale: Scale, count: int, frame: Box, height: float) -> list[str]:
    parts = [
        element(
            "line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="axis"
        ),
        text_element(
            "Layer, from input to output →",
            x=frame.right,
            y=height - 6,
            class_="axis-title",
            text_anchor="end",
        ),
    ]
    for value in scale.ticks(max(2, int((frame.right - frame.left) / 60))):
        if value == round(value) and 1 <= value <= count:
            parts.append(
                text_element(
                    f"{value:.0f}",
                    x=scale(value),
                    y=frame.bottom + 8 + FONT,
                    class_="tick",
                    text_anchor="middle",
                )
            )
    return parts


def _bounds(layers: Sequence[LayerDrift], horizontal: Scale, vertical: Scale) -> str:
    """Return the path of the bounds: a step for each layer."""
    steps = [
        (horizontal(index + 0.5), vertical(_shown(layer.bound)), horizontal(index + 1.5))
        for index, layer in enumerate(layers)
    ]
    return "M" + "L".join(f"{left:.1f} {y:.1f}H{right:.1f}" for left, y, right in steps)


def _mark(layer: LayerDrift, x: float, y: float, first: bool) -> str:
    hover = element("title", escape(f"{layer.layer} ({layer.operator}): {decibels(layer.snr_db)}"))
    if not first:
        return element("g", hover, element("circle", cx=x, cy=y, r=3), class_="mark small")
    cross = element("path", d=f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6")
    return element("g", hover, element("circle", cx=x, cy=y, r=6), cross, class_="mark failed")


def _label(
    layer: LayerDrift, place: tuple[float, float], places: Sequence[tuple[float, float]], frame: Box
) -> list[str]:
    """Name the first layer that is out of bounds, where there is room beside the marks."""
    marks = [Box(left=x - 4, top=y - 4, right=x + 4, bottom=y + 4) for x, y in along(places)]
    anchor = Anchor(x=place[0], y=place[1], text=layer.layer)
    (label,) = place_labels([anchor], frame=frame, size=FONT, obstacles=marks)
    if label is None:
        return []
    leader = []
    if label.leader is not None:
        (x, y), (end_x, end_y) = label.leader
        leader.append(element("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader"))
    return [*leader, text_element(label.text, x=label.x, y=label.y, class_="fail")]

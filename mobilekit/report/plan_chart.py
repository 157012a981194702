"""The picture of a plan: for each device a bar a candidate, made of what runs where."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.formats import milliseconds
from mobilekit.report.svg import Scale, element, shorten, text_element, text_width
from mobilekit_delegates.planning.plan import Estimate

_PARTS = (
    ("accelerator_ms", "plan-accelerator", "on the accelerator"),
    ("cpu_ms", "plan-cpu", "on the CPU"),
    ("transfer_ms", "plan-transfer", "crossing between them"),
)
"""What a bar is made of: the field, the class in the style sheet, and the words of the legend."""

_PITCH, _BAR, _HEADING = 26.0, 14.0, 34.0


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A candidate with its figure, or all of an accelerator that lack one for the same reason."""

    name: str
    estimate: Estimate

    @property
    def is_known(self) -> bool:
        return not math.isnan(self.estimate.milliseconds)


_Groups = Sequence[tuple[str, Sequence[_Row]]]


def draw_plan(devices: Sequence[tuple[str, Sequence[Estimate]]], *, title: str, id: str) -> Drawing:
    """Draw the candidates of each device in the plan's order; there must be at least one.

    Args:
        devices: each device's name with its candidates.
        title: the picture's name.
        id: of the picture in its page.
    """
    groups = [(device, _rows(items)) for device, items in devices]
    names = [row.name for _, rows in groups for row in rows]
    longest = max(text_width(name, FONT) for name in names) + 12
    return Drawing(
        wide=_draw(groups, 940, min(longest, 300), title, f"{id}-wide"),
        narrow=_draw(groups, 350, 0, title, f"{id}-narrow"),
    )


def name_of(estimate: Estimate) -> str:
    """Name a candidate."""
    return f"{_words(estimate.accelerator)} · {estimate.variant}"


def _words(accelerator: str) -> str:
    return accelerator.replace("_", " ")


def _rows(items: Sequence[Estimate]) -> list[_Row]:
    unknown: dict[tuple[str, str], list[Estimate]] = {}
    known = []
    for item in items:
        if math.isnan(item.milliseconds):
            unknown.setdefault((item.accelerator, item.reason), []).append(item)
        else:
            known.append(_Row(name=name_of(item), estimate=item))
    return known + [
        _Row(
            name=name_of(alike[0])
            if len(alike) == 1
            else f"{_words(accelerator)} · {len(alike)} variants",
            estimate=alike[0],
        )
        for (accelerator, _), alike in unknown.items()
    ]


def _draw(
    groups: _Groups,
    width: float,
    label: float,
    title: str,
    id: str,
) -> str:
    """Draw all groups. Without a `label` column each candidate's name stands above its bar."""
    parts = list(_legend(width))
    pitch = _PITCH if label else _PITCH + FONT + 6
    top = 2.0 * FONT if label else 4.0 * FONT
    for device, rows in groups:
        parts.append(text_element(device, x=0, y=top + FONT + 4, class_="name plan-device"))
        top += _HEADING
        most = max((row.estimate.milliseconds for row in rows if row.is_known), default=1.0)
        # Room for the figure behind the longest bar.
        scale = Scale(low=0, high=most, start=label, end=width - 80)
        for row in rows:
            parts += _row(row, scale, top, label)
            top += pitch
        top += 6
    return picture(parts, width, top, title, id)


def _legend(width: float) -> Iterator[str]:
    x, y = 0.0, FONT
    for _, class_, words in _PARTS:
        room = 16 + text_width(words, FONT) + 14
        if x + room > width and x > 0:
            x, y = 0.0, y + FONT + 6
        yield element("rect", x=x, y=y - 10, width=11, height=11, class_=class_)
        yield text_element(words, x=x + 16, y=y, class_="tick")
        x += room


def _row(row: _Row, scale: Scale, top: float, label: float) -> Iterator[str]:
    item = row.estimate
    middle = top + _BAR / 2 + FONT * 0.36
    if label:
        name = shorten(row.name, FONT, label - 8)
        yield text_element(name, x=0, y=middle, class_="name")
    else:
        name = shorten(row.name, FONT, scale.end)
        yield text_element(name, x=0, y=top + FONT - 2, class_="name")
        top, middle = top + FONT + 4, middle + FONT + 4
    if not row.is_known:
        words = shorten(item.reason.rstrip("."), FONT, scale.end + 76 - scale.start)
        yield text_element(words, x=scale.start, y=middle, class_="tick")
        return
    bar = [element("title", escape(hover(item)))]
    left = scale.start
    for field, class_, _ in _PARTS:
        length = scale(getattr(item, field)) - scale.start
        if length > 0:
            bar.append(
                element("rect", x=left, y=top, width=max(length, 0.5), height=_BAR, class_=class_)
            )
            left += length
    yield element("g", *bar)
    yield text_element(f"≈ {milliseconds(item.milliseconds)}", x=left + 6, y=middle, class_="tick")


def hover(item: Estimate) -> str:
    """Say in a line what an estimate is made of."""
    parts = ", ".join(
        f"{milliseconds(getattr(item, field))} {words}"
        for field, _, words in _PARTS
        if getattr(item, field) > 0
    )
    return f"{name_of(item)} on {item.device}: {parts}. {item.reason}"

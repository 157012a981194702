"""The little SVG that the report's plots need: scales, ticks, text widths, label placement."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A linear or logarithmic map from numbers (`low` to `high`) to pixels (`start` to `end`).

    `start` may lie beyond `end`, as it does for an axis that points up.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return a number's place, kept within the axis."""
        span = self._position(self.high) - self._position(self.low)
        share = (self._position(value) - self._position(self.low)) / span if span else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int) -> tuple[float, ...]:
        """Return round numbers within the axis, at most `most` of them."""
        if self.log:
            ticks = _log_ticks(self.low, self.high, most)
            if len(ticks) > 1:
                return ticks
        return _linear_ticks(self.low, self.high, most)

    def _position(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value


def _linear_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    if not high > low:
        return (low,)
    power = 10.0 ** math.floor(math.log10((high - low) / max(most, 1)))
    for factor in (1, 2, 5, 10, 20, 50, 100):
        step = factor * power
        # The slack keeps a tick that rounding has pushed just over the end.
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return tuple(index * step for index in range(first, last + 1))
    return (low,)


def _log_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = tuple(
            factor * 10.0**power
            for power in range(first, last + 1)
            for factor in factors
            if low * (1 - 1e-9) <= factor * 10.0**power <= high * (1 + 1e-9)
        )
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in pixels, `top` above `bottom`."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Return whether this lies wholly inside the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


# Widths in em, a little more than those of the widest common interface fonts (Segoe UI, Roboto, San
# Francisco, DejaVu Sans), since the reader's font is not known here.
_WIDTHS = {
    **dict.fromkeys("iljI.,:;|!'", 0.36),
    **dict.fromkeys('ftr()[]{}/\\" ', 0.45),
    **dict.fromkeys("mwMW@%—…", 1.0),
}


def text_width(text: str, size: float) -> float:
    """Return an upper bound of a text's width in pixels, in a sans-serif font of that size."""
    return size * sum(_character_width(character) for character in text)


def _character_width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.4 if ord(character) > 0xFFFF else 1.05
    if character in _WIDTHS:
        return _WIDTHS[character]
    return 0.66 if character.islower() or character.isdigit() else 0.8


def shorten(text: str, size: float, width: float) -> str:
    """Return a text that fits a width: itself, or its start and its end around an ellipsis."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(short, size) <= width:
            return short
    return "…"


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A point that wants a label.

    `short` is what it is called where there is no room for `text`: without one, `text` is cut.
    """

    x: float
    y: float
    text: str
    short: str = ""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A placed label: its text, where it starts (the baseline's left end), and its rectangle.

    `leader` is a line from the point to a label that does not stand right beside it.
    """

    text: str
    x: float
    y: float
    box: Box
    leader: tuple[tuple[float, float], tuple[float, float]] | None = None


def place_labels(
    anchors: Sequence[Anchor], *, frame: Box, size: float, obstacles: Iterable[Box] = ()
) -> list[Label | None]:
    """Place a label beside each point, as near as it goes.

    No label overlaps another, its leader or an obstacle, and none leaves the frame. Points are
    served from the left; one whose label finds no room gets None.

    Args:
        anchors: the points, in pixels.
        frame: where labels may be.
        size: the font's size in pixels.
        obstacles: what labels may not cover, such as the points' own marks.
    """
    blocked = list(obstacles)
    placed: list[Label | None] = [None] * len(anchors)
    for index in sorted(range(len(anchors)), key=lambda i: (anchors[i].x, anchors[i].y)):
        for label in _candidates(anchors[index], frame, size):
            trail = _trail(label)
            if (
                label.box.within(frame)
                and not _any_overlap([label.box], blocked)
                and not _any_overlap(trail, blocked)
            ):
                placed[index] = label
                blocked += [label.box, *trail]
                break
    return placed


def _any_overlap(boxes: Sequence[Box], others: Sequence[Box]) -> bool:
    return any(box.overlaps(other) for box in boxes for other in others)


def _trail(label: Label) -> list[Box]:
    """Return small boxes along a label's leader, which may not cross what labels may not cover."""
    if label.leader is None:
        return []
    (x, y), (end_x, end_y) = label.leader
    length = math.hypot(end_x - x, end_y - y)
    # The first twelve pixels lie on the point's own mark.
    shares = [way / length for way in range(12, int(length), 4)]
    places = [(x + (end_x - x) * share, y + (end_y - y) * share) for share in shares]
    return [Box(left=px - 1, top=py - 1, right=px + 1, bottom=py + 1) for px, py in places]


def along(places: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield points on the line through places, close enough that no label slips in between."""
    yield from places
    for (x, y), (end_x, end_y) in itertools.pairwise(places):
        steps = int(math.hypot(end_x - x, end_y - y) / 6) + 1
        for step in range(1, steps):
            yield x + (end_x - x) * step / steps, y + (end_y - y) * step / steps


def _candidates(anchor: Anchor, frame: Box, size: float) -> Iterator[Label]:
    """Yield places around a point from near to far, for the whole text and then for a short one."""
    width = frame.right - frame.left
    if anchor.short:
        texts = [text for text in (anchor.text, anchor.short) if text_width(text, size) <= width]
    else:
        texts = [shorten(anchor.text, size, room) for room in (width * 0.55, min(90, width * 0.3))]
    for text in dict.fromkeys(texts):
        yield from _around(anchor, text, size)


def _around(anchor: Anchor, text: str, size: float) -> Iterator[Label]:
    # Two pixels of air on each side of the text.
    width, height = text_width(text, size) + 4, size * 1.25
    for distance in (9, 16, 26, 38, 52, 68, 86, 106):
        slant = distance * 0.7
        for left, middle in (
            (anchor.x + distance, anchor.y),
            (anchor.x - width / 2, anchor.y - distance - height / 2),
            (anchor.x - width / 2, anchor.y + distance + height / 2),
            (anchor.x - distance - width, anchor.y),
            (anchor.x + slant, anchor.y - slant - height / 2),
            (anchor.x + slant, anchor.y + slant + height / 2),
            (anchor.x - slant - width, anchor.y - slant - height / 2),
            (anchor.x - slant - width, anchor.y + slant + height / 2),
        ):
            box = Box(
                left=left, top=middle - height / 2, right=left + width, bottom=middle + height / 2
            )
            near = (min(max(anchor.x, left), box.right), min(max(anchor.y, box.top), box.bottom))
            far = math.hypot(near[0] - anchor.x, near[1] - anchor.y) > 14
            yield Label(
                text=text,
                x=left + 2,
                y=middle + size * 0.36,
                box=box,
                leader=((anchor.x, anchor.y), near) if far else None,
            )


def element(tag: str, *content: str, **attributes: str | float) -> str:
    """Return an element. Attributes are escaped here, content is markup already.

    Underscores in attributes' names become hyphens, and `class_` is `class`.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{''.join(content)}</{tag}>"


def text_element(text: str, **attributes: str | float) -> str:
    """Return a text element with its text escaped."""
    return element("text", escape(text), **attributes)


def _attribute(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")

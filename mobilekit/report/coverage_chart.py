"""The picture of a graph on its delegates: operators from left to right, a row for each delegate.

What a delegate takes stands high, what it leaves lies low, so that the picture also reads without
its colours. Above the rows stands how much work each operator is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mobilekit.inspecting.results import AnswerWord, DelegateCoverage, GraphCoverage, Refusal
from mobilekit.inspecting.text import kinds, macs_text, share_text
from mobilekit.report.charts import FONT, Drawing, picture
from mobilekit.report.formats import plural
from mobilekit.report.svg import element, shorten, text_element, text_width

_LEGEND = (
    ("strip-taken", "taken"),
    ("strip-refused", "left, because it breaks a rule"),
    ("strip-cut", "left, though it keeps every rule"),
    ("strip-work", "work (multiply-accumulates)"),
)
_WORK, _BAR, _LOW, _PITCH = 26.0, 24.0, 9.0, 54.0
_FINEST = 2.0
"""How many pixels the narrowest part of a row has; what would be narrower is drawn together."""
_MOST_RULES = 4
_MOST_KINDS = 8


def draw_coverage(
    graph: GraphCoverage, coverages: Sequence[DelegateCoverage], *, title: str, id: str
) -> Drawing:
    """Draw a graph on its delegates; at least one of its nodes must cost something.

    Args:
        graph: the graph.
        coverages: a row each; those that name no nodes are left out.
        title: the picture's name.
        id: of the picture in its page.
    """
    rows = [coverage for coverage in coverages if coverage.runs]
    label = 16 + max(
        (text_width(text, FONT) for row in rows for text in (row_name(row), _share(row))), default=0
    )
    return Drawing(
        wide=_Strip(graph, 940, min(label, 240)).drawn(rows, title, f"{id}-wide"),
        narrow=_Strip(graph, 350, 0).drawn(rows, title, f"{id}-narrow"),
    )


def row_name(coverage: DelegateCoverage) -> str:
    """Name a delegate, and what its answer rests on where that is no estimate."""
    basis = "" if coverage.basis == "estimate" else f", {coverage.basis}"
    return f"{coverage.name}{basis}"


def _share(coverage: DelegateCoverage) -> str:
    share = share_text(coverage.nodes_taken, coverage.nodes)
    return f"{coverage.nodes_taken:,} of {coverage.nodes:,}, {share}"


def _pieces(row: DelegateCoverage) -> int:
    return len({run.piece for run in row.runs if run.answer == "taken"})


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Nodes that are drawn as one, from a place among those that cost something. Those that are
    `left` have the `answer`; where there are none it is `taken`.
    """

    start: int
    nodes: tuple[int, ...]
    left: int = 0
    answer: AnswerWord = "taken"


class _Strip:
    """A graph in a picture of some width. Without a `label` column names stand above the rows."""

    def __init__(self, graph: GraphCoverage, width: float, label: float) -> None:
        self._graph = graph
        self._width = width
        self._left = label
        free = set(graph.free)
        self._nodes = [node for node in range(len(graph.operators)) if node not in free]
        self._places = {node: place for place, node in enumerate(self._nodes)}
        self._step = (width - label) / max(len(self._nodes), 1)

    def drawn(self, rows: Sequence[DelegateCoverage], title: str, id: str) -> str:
        parts = list(self._legend())
        top = 2 * FONT + 6 if self._left else 4 * (FONT + 7)
        parts += self._work(top)
        top += _WORK + 14
        for row in rows:
            parts += self._row(row, top)
            top += _PITCH if _pieces(row) > 1 else _PITCH - FONT
            top += 0 if self._left else FONT + 6
        parts.append(
            text_element(
                "running order →", x=self._width, y=top + 2, class_="tick", text_anchor="end"
            )
        )
        return picture(parts, self._width, top + 10, title, id)

    def _legend(self) -> Iterator[str]:
        x, y = 0.0, FONT
        for class_, words in _LEGEND:
            room = 18 + text_width(words, FONT) + 16
            if x > 0 and (x + room > self._width or not self._left):
                x, y = 0.0, y + FONT + 6
            high = 11.0 if class_ in ("strip-taken", "strip-work") else 5.0
            yield element("rect", x=x, y=y + 1 - high, width=12, height=high, class_=class_)
            yield text_element(words, x=x + 18, y=y, class_="tick")
            x += room

    def _work(self, top: float) -> Iterator[str]:
        """Draw each operator's share of the work; where there is no room, several as one."""
        groups = [
            self._nodes[start:end]
            for start, end in _cut(len(self._nodes), math.ceil(_FINEST / self._step))
        ]
        work = [sum(self._graph.macs[node] for node in group) for group in groups]
        most = max(work, default=0) or 1
        bottom = top + _WORK
        if self._left:
            yield text_element("Work", x=0, y=bottom - 6, class_="name")
        yield element("line", x1=self._left, x2=self._width, y1=bottom, y2=bottom, class_="axis")
        for group, macs in zip(groups, work, strict=True):
            left = self._left + self._places[group[0]] * self._step
            wide = self._step * len(group)
            high = max(_WORK * macs / most, 1.5)
            hover = f"{self._named(group)}: {macs_text(macs)}"
            # The whole height hears the pointer, so that small ones can be met.
            yield element(
                "g",
                element("title", escape(hover)),
                element("rect", x=left, y=top, width=wide, height=_WORK, class_="strip-field"),
                element(
                    "rect",
                    x=left,
                    y=bottom - high,
                    width=max(wide - min(1.0, wide / 4), 0.5),
                    height=high,
                    class_="strip-work",
                ),
            )

    def _row(self, row: DelegateCoverage, top: float) -> Iterator[str]:
        if self._left:
            name = shorten(row_name(row), FONT, self._left - 8)
            yield text_element(name, x=0, y=top + FONT - 3, class_="name")
            yield text_element(_share(row), x=0, y=top + 2 * FONT, class_="tick")
        else:
            share = _share(row)
            room = self._width - text_width(share, FONT) - 10
            yield text_element(
                shorten(row_name(row), FONT, room), x=0, y=top + FONT - 3, class_="name"
            )
            yield text_element(
                share, x=self._width, y=top + FONT - 3, class_="tick", text_anchor="end"
            )
            top += FONT + 6
        yield element(
            "rect",
            x=self._left,
            y=top,
            width=self._width - self._left,
            height=_BAR,
            class_="strip-track",
        )
        rules = _rules_by_node((*row.refusals, *row.warnings))
        for block in self._blocks(row):
            yield self._block(block, rules, top)
        yield from self._brackets(row, top + _BAR + 3)

    def _blocks(self, row: DelegateCoverage) -> list[_Block]:
        """Return what a row is made of: runs, each node by itself where it is left and has room."""
        blocks: list[_Block] = []
        for run in row.runs:
            start = self._places[run.first]
            nodes = tuple(self._nodes[start : start + run.nodes])
            if run.answer == "taken":
                blocks.append(_Block(start=start, nodes=nodes))
            elif self._step < 2 * _FINEST:
                blocks.append(_Block(start=start, nodes=nodes, left=len(nodes), answer=run.answer))
            else:
                blocks += [
                    _Block(start=start + index, nodes=(node,), left=1, answer=run.answer)
                    for index, node in enumerate(nodes)
                ]
        most = (self._width - self._left) / _FINEST
        return blocks if len(blocks) <= most else self._coarse(blocks)

    def _coarse(self, blocks: Iterable[_Block]) -> list[_Block]:
        """Return columns of several nodes, where answers change faster than can be drawn."""
        answers = {node: block.answer for block in blocks for node in block.nodes}
        columns = []
        for start, end in _cut(len(self._nodes), math.ceil(2 * _FINEST / self._step)):
            nodes = tuple(self._nodes[start:end])
            left = [answers[node] for node in nodes if answers[node] != "taken"]
            # A broken rule is told before what follows from it.
            worst: AnswerWord = "refused" if "refused" in left else left[0] if left else "taken"
            columns.append(_Block(start=start, nodes=nodes, left=len(left), answer=worst))
        return columns

    def _block(self, block: _Block, rules: Mapping[int, Sequence[Refusal]], top: float) -> str:
        left = self._left + block.start * self._step
        wide = len(block.nodes) * self._step
        taken = len(block.nodes) - block.left
        low = _LOW if block.left else 0.0
        high = (_BAR - low) * taken / len(block.nodes)
        words = (
            f"{taken} taken, {block.left} left" if taken and block.left else _WORDS[block.answer]
        )
        hover = [f"{self._named(block.nodes)}: {words}", *_reasons(block.nodes, rules)]
        parts = [
            element(
                "rect",
                x=left,
                y=bottom - height,
                width=max(wide - min(1.0, wide / 4), 0.5),
                height=height,
                class_=class_,
            )
            for bottom, height, class_ in (
                (top + _BAR - low, high, "strip-taken"),
                (top + _BAR, low, _CLASSES[block.answer]),
            )
            if height
        ]
        return element("g", element("title", escape("\n".join(hover))), *parts)

    def _brackets(self, row: DelegateCoverage, top: float) -> Iterator[str]:
        """Number the pieces that the delegate runs, where there are several."""
        taken = [run for run in row.runs if run.answer == "taken"]
        numbers = {piece: n for n, piece in enumerate(dict.fromkeys(r.piece for r in taken), 1)}
        if _pieces(row) < 2:
            return
        for run in taken:
            left = self._left + self._places[run.first] * self._step
            right = left + run.nodes * self._step - 1
            if right - left < 3:
                continue
            path = f"M{left:.1f} {top:.1f}v3H{right:.1f}v-3"
            yield element("path", d=path, class_="strip-bracket")
            number = str(numbers[run.piece])
            if right - left >= text_width(number, FONT) + 2:
                yield text_element(
                    number,
                    x=(left + right) / 2,
                    y=top + 3 + FONT,
                    class_="tick",
                    text_anchor="middle",
                )

    def _named(self, nodes: Sequence[int]) -> str:
        if len(nodes) == 1:
            node = nodes[0]
            place = f"{self._places[node] + 1} of {len(self._nodes)}"
            return f"{place}, {self._graph.operators[node]}, {self._graph.layers[node]}"
        counts = Counter(self._graph.operators[node] for node in nodes)
        named = kinds(dict(counts.most_common(_MOST_KINDS)))
        more = len(counts) - _MOST_KINDS
        others = f" and {more} kinds more" if more > 0 else ""
        first, last = self._places[nodes[0]] + 1, self._places[nodes[-1]] + 1
        return f"{first} to {last}, {plural(len(nodes), 'operator')} ({named}{others})"


_WORDS: Mapping[AnswerWord, str] = {
    "taken": "taken",
    "refused": "left",
    "cut_off": "left, though it keeps every rule",
}
_CLASSES: Mapping[AnswerWord, str] = {
    "taken": "strip-taken",
    "refused": "strip-refused",
    "cut_off": "strip-cut",
}


def _cut(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut `count` places into groups of `size`, the last one may be smaller."""
    for start in range(0, count, max(size, 1)):
        yield start, min(start + max(size, 1), count)


def _rules_by_node(refusals: Iterable[Refusal]) -> dict[int, list[Refusal]]:
    found: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        for node in refusal.nodes:
            found.setdefault(node, []).append(refusal)
    return found


def _reasons(nodes: Sequence[int], rules: Mapping[int, Sequence[Refusal]]) -> Iterator[str]:
    """Say which rules nodes break, with their remedies."""
    counts = Counter(id(rule) for node in nodes for rule in rules.get(node, ()))
    known = {id(rule): rule for node in nodes for rule in rules.get(node, ())}
    for key, count in counts.most_common(_MOST_RULES):
        rule = known[key]
        many = f" ({count} of them)" if len(nodes) > 1 else ""
        remedy = f" → {rule.remedy}" if rule.remedy else ""
        yield f"{rule.reason}{many}{remedy}"
    if len(counts) > _MOST_RULES:
        yield f"and {plural(len(counts) - _MOST_RULES, 'rule')} more"

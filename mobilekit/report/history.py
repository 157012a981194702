"""The page of a history: its plots and its tables, ready to be laid out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mobilekit.bench.history import History, LeftOut, Line, Point, Release
from mobilekit.report.formats import axis_size, decibels, moment, percent, plural, significant, size
from mobilekit.report.history_chart import Axis, Releases, draw_history
from mobilekit.report.plots import Plot
from mobilekit.report.tables import NOT_MEASURED, Cell, Column, Row, Table

_RECENT = 6
"""How many releases a table has columns for: the last ones. The plots have all."""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind of value is named, written and drawn."""

    title: str
    text: Callable[[float], str]
    axis: Axis
    smaller: bool


def _milliseconds(value: float) -> str:
    return f"{significant(value)} ms"


def _bytes(value: float) -> str:
    return size(round(value))


_KINDS = {
    "median_ms": _Kind(
        title="Median latency",
        text=_milliseconds,
        axis=Axis(title="Median latency", text=_milliseconds),
        smaller=True,
    ),
    "bytes": _Kind(
        title="Size",
        text=_bytes,
        axis=Axis(title="Size on disk", text=lambda value: axis_size(round(value))),
        smaller=True,
    ),
    "accuracy": _Kind(
        title="Accuracy",
        text=percent,
        axis=Axis(title="Accuracy", text=percent, least_span=0.04, most=1.0),
        smaller=False,
    ),
    "agreement": _Kind(
        title="Agreement with the trained model",
        text=percent,
        axis=Axis(
            title="Agreement with the trained model", text=percent, least_span=0.04, most=1.0
        ),
        smaller=False,
    ),
    "snr_db": _Kind(
        title="SNR", text=decibels, axis=Axis(title="SNR", text=decibels), smaller=False
    ),
}


@dataclass(frozen=True, kw_only=True)
class ModelHistory:
    """What the releases of one model tell."""

    model: str
    plots: tuple[Plot, ...]
    table: Table


@dataclass(frozen=True, kw_only=True)
class HistoryView:
    """The page, from top to bottom."""

    title: str
    lead: str
    models: tuple[ModelHistory, ...]
    releases: Table
    left_out: tuple[LeftOut, ...]


def history_view(found: History) -> HistoryView:
    """Return the page of a history."""
    models = tuple(dict.fromkeys(release.model for release in found.releases))
    return HistoryView(
        title=f"History of {', '.join(models)}",
        lead=f"{plural(len(found.releases), 'report')}, the oldest first.",
        models=tuple(_model(found, model, index) for index, model in enumerate(models)),
        releases=_releases_table(found.releases),
        left_out=found.left_out,
    )


def _model(found: History, model: str, number: int) -> ModelHistory:
    own = [index for index, release in enumerate(found.releases) if release.model == model]
    lines = [line for line in found.lines if line.model == model]
    return ModelHistory(
        model=model,
        plots=tuple(_plots(found, own, lines, number)),
        table=history_table(found, own, lines),
    )


def _plots(found: History, own: Sequence[int], lines: Sequence[Line], number: int) -> list[Plot]:
    """Return a plot for each target's times and for each other kind of value."""
    place = {index: position for position, index in enumerate(own)}
    names = tuple(found.releases[index].name for index in own)
    plots: list[Plot] = []
    for what, target in dict.fromkeys((line.what, line.target) for line in lines):
        kind = _KINDS[what]
        shown = [
            _renumbered(line, place) for line in lines if (line.what, line.target) == (what, target)
        ]
        breaks = _breaks(found, own) if what == "median_ms" else frozenset()
        title = f"{kind.title} on {target}" if target else kind.title
        drawing = draw_history(
            shown,
            Releases(names=names, breaks=breaks),
            kind.axis,
            title=title,
            id=f"history-{number}-{len(plots)}",
        )
        caption = _caption(kind, what, breaks)
        if drawing.unnamed:
            caption += " Some lines have no room for a name: the table below gives their values."
        plots.append(Plot(title=title, drawing=drawing, caption=caption))
    return plots


def _renumbered(line: Line, place: dict[int, int]) -> Line:
    points = tuple(
        Point(release=place[point.release], value=point.value, low=point.low, high=point.high)
        for point in line.points
    )
    return Line(
        model=line.model, variant=line.variant, what=line.what, target=line.target, points=points
    )


def _breaks(found: History, own: Sequence[int]) -> frozenset[int]:
    """Return the positions at which the machine is another than in the benchmark before."""
    breaks = set()
    machine = ""
    for position, index in enumerate(own):
        now = found.releases[index].machine
        if now and machine and now != machine:
            breaks.add(position)
        machine = now or machine
    return frozenset(breaks)


def _caption(kind: _Kind, what: str, breaks: frozenset[int]) -> str:
    sentences = [f"{'Lower' if kind.smaller else 'Higher'} is better."]
    if what == "median_ms":
        sentences.append("Vertical lines are 95 % intervals; emulated times are left out.")
    if breaks:
        sentences.append("At a dashed line the machine changes: times do not compare across it.")
    return " ".join(sentences)


def history_table(found: History, own: Sequence[int], lines: Sequence[Line]) -> Table:
    """Return a row for each line with its last values and the change of the last one."""
    recent = own[-_RECENT:]
    return Table(
        caption="The last releases" if len(own) > len(recent) else "Every release",
        columns=(
            Column(label="What"),
            *(Column(label=found.releases[index].name, numeric=True) for index in recent),
            Column(label="Last change", numeric=True),
        ),
        rows=tuple(_row(found, line, recent) for line in lines),
    )


def _row(found: History, line: Line, recent: Sequence[int]) -> Row:
    values = {point.release: point for point in line.points}
    kind = _KINDS[line.what]
    where = f" on {line.target}" if line.target else ""
    return Row(
        cells=(
            Cell(text=line.variant, note=f"{kind.title}{where}"),
            *(
                Cell(text=kind.text(values[index].value), note=_interval(values[index]))
                if index in values
                else NOT_MEASURED
                for index in recent
            ),
            _change(found, line),
        )
    )


def _interval(point: Point) -> str:
    if not point.high > point.low:
        return ""
    return f"{significant(point.low)} to {significant(point.high)}"


def _change(found: History, line: Line) -> Cell:
    if len(line.points) < 2:
        return NOT_MEASURED
    before, after = line.points[-2:]
    machines = {found.releases[point.release].machine for point in (before, after)}
    if line.what == "median_ms" and len(machines) > 1:
        return Cell(text="another machine", quiet=True)
    if not _KINDS[line.what].smaller:
        scale, unit = (100, " pt") if line.what in ("accuracy", "agreement") else (1, " dB")
        difference = scale * (after.value - before.value)
        if not math.isfinite(difference):
            return NOT_MEASURED
        return Cell(text=f"{difference:+.2g}{unit}".replace("-", "−"))
    share = 100 * (after.value / before.value - 1)
    return Cell(text=f"{share:+.1f} %".replace("-", "−"))


def _releases_table(releases: Sequence[Release]) -> Table:
    return Table(
        caption="Where the values come from",
        columns=(
            Column(label="Report"),
            Column(label="Model"),
            Column(label="Made"),
            Column(label="Benchmarked on"),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=release.name, code=True),
                    Cell(text=release.model),
                    Cell(text=moment(release.started)) if release.started else NOT_MEASURED,
                    Cell(text=release.machine) if release.machine else NOT_MEASURED,
                )
            )
            for release in releases
        ),
    )

"""How the model was rewritten for accelerators: each rewrite, what it won, and the proof."""

from __future__ import annotations

from collections.abc import Iterator

from mobilekit.report.formats import decibels, percent, plural
from mobilekit.report.tables import NOT_MEASURED, Badge, Cell, Column, Row, Table, badge
from mobilekit.results import AdaptationResult, Adaptations, Check, NodesTaken

NOT_TOLD = "not told"


def adaptations_table(outcome: Adaptations | None) -> Table:
    """Return every rewrite that was tried, those that applied first."""
    results = outcome.results if outcome else ()
    return Table(
        caption="Rewrites of the model's graph, in the order in which they were applied. Coverage "
        "is the share of operators that a delegate takes, before each and after it.",
        columns=(
            Column(label="Rewrite"),
            Column(label="Places", numeric=True),
            Column(label="Old against new"),
            Column(label="Coverage"),
            Column(label="What it does", wide=True),
        ),
        rows=tuple(map(_row, sorted(results, key=lambda result: not result.places))),
    )


def _row(result: AdaptationResult) -> Row:
    return Row(
        cells=(
            Cell(text=result.name, code=True),
            Cell(text=str(len(result.places)), note=_refused(result)),
            _agreement(result),
            _coverage(result),
            Cell(text=result.summary, quiet=True),
        )
    )


def _refused(result: AdaptationResult) -> str:
    return f"{plural(len(result.refused), 'place')} left: no proof" if result.refused else ""


def _agreement(result: AdaptationResult) -> Cell:
    if not result.places:
        return NOT_MEASURED
    if not result.keeps_function or result.snr_db is None:
        return Cell(text="another function", missed=True)
    return Cell(text=decibels(result.snr_db))


def _coverage(result: AdaptationResult) -> Cell:
    names = list(dict.fromkeys((*result.coverage_before, *result.coverage_after)))
    if not names:
        return NOT_MEASURED
    return Cell(
        text=", ".join(
            f"{name} {_share(result.coverage_before.get(name))} → "
            f"{_share(result.coverage_after.get(name))}"
            for name in names
        )
    )


def _share(share: float | None) -> str:
    return NOT_TOLD if share is None else percent(share)


def adaptation_effects_table(outcome: Adaptations | None) -> Table:
    """Return what one variant shows without and with all rewrites."""
    return Table(
        caption="One variant of each format without any rewrite, and with all of them",
        columns=(
            Column(label="What"),
            Column(label="Before"),
            Column(label="After"),
            Column(label="Asked", wide=True),
        ),
        rows=tuple(_effects(outcome)) if outcome else (),
    )


def _effects(outcome: Adaptations) -> Iterator[Row]:
    for before, after in zip(outcome.before, outcome.after, strict=True):
        yield Row(
            cells=(
                Cell(text=f"{after.variant} on {after.delegate}", note="operators taken"),
                _nodes(before),
                _nodes(after),
                Cell(text=_asked(before, after), quiet=True),
            )
        )
    for name, check in outcome.checks_after.items():
        yield Row(
            cells=(
                Cell(text=name, note="against the golden"),
                _check(outcome.checks_before[name]),
                _check(check),
                Cell(text="the artifact ran on the golden's inputs", quiet=True),
            ),
            failed=check.status == "fail",
        )


def _nodes(count: NodesTaken) -> Cell:
    if count.taken is None:
        return Cell(text=NOT_TOLD, note=count.reason, quiet=True)
    return Cell(text=f"{count.taken:,} of {count.nodes:,}", share=count.share)


def _asked(before: NodesTaken, after: NodesTaken) -> str:
    if after.basis == "estimate":
        return "an estimate, from the delegate's table of rules"
    place = after.place or before.place
    return f"the delegate itself: {place}" if place else "the delegate itself"


def _check(check: Check) -> Cell:
    snr = check.metrics.get("snr_db")
    shown: Badge = badge(check.status, decibels(snr) if snr is not None else "")
    return Cell(badges=(shown,), note=check.reason)

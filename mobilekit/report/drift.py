"""Where failed checks went wrong: a line, a plot of drift by depth, and the same as a table."""

from __future__ import annotations

from dataclasses import dataclass

from mobilekit.report.charts import Drawing
from mobilekit.report.drift_chart import draw_drift
from mobilekit.report.formats import decibels, significant
from mobilekit.report.tables import Cell, Column, Row, Table
from mobilekit.results import Drift, LayerDrift, VariantResult


@dataclass(frozen=True, kw_only=True)
class DriftView:
    """One artifact on one target, layer by layer. There is no drawing where nothing matched."""

    variant: str
    target: str
    sentence: str
    drawing: Drawing | None
    caption: str
    table: Table


def drift_views(variants: tuple[VariantResult, ...]) -> tuple[DriftView, ...]:
    """Return a view of every check that somebody looked into."""
    checks = [
        (variant.name, check.target, check.drift)
        for variant in variants
        for check in variant.checks
        if check.drift is not None
    ]
    return tuple(
        drift_view(drift, variant, target, id=f"drift-{index}")
        for index, (variant, target, drift) in enumerate(checks)
    )


def drift_view(drift: Drift, variant: str, target: str, *, id: str) -> DriftView:
    """Return what the page shows of one drift; `id` is its drawing's."""
    title = f"Drift by depth: {variant} on {target}"
    return DriftView(
        variant=variant,
        target=target,
        sentence=drift.sentence,
        drawing=draw_drift(drift, title=title, id=id) if drift.layers else None,
        caption=_caption(drift),
        table=Table(
            caption=f"Every layer of {variant} that could be compared, in running order",
            columns=(
                Column(label="Layer"),
                Column(label="Operator"),
                Column(label="SNR", numeric=True),
                Column(label="At least", numeric=True),
                Column(label="Max. error", numeric=True),
            ),
            rows=tuple(
                _row(layer, index == drift.first) for index, layer in enumerate(drift.layers)
            ),
        ),
    )


def _caption(drift: Drift) -> str:
    return (
        "The SNR of each layer's output against the trained model's own, from the input to the "
        "output. The dashed line is the least that a layer may have, given what reaches it. "
        f"{len(drift.layers)} of {drift.tensors} tensors could be compared by their names."
    )


def _row(layer: LayerDrift, first: bool) -> Row:
    return Row(
        cells=(
            Cell(text=layer.layer, code=True),
            Cell(text=layer.operator),
            Cell(text=decibels(layer.snr_db), missed=layer.snr_db < layer.bound),
            Cell(text=decibels(layer.bound)),
            Cell(text=significant(layer.max_abs)),
        ),
        failed=first,
    )

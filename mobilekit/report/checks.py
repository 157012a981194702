"""The report's tables of variants and checks, and what did not run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mobilekit.report.findings import failed, ran, worst_check
from mobilekit.report.formats import interval, percent_points, size
from mobilekit.report.metrics import Metric, in_order, metric
from mobilekit.report.tables import (
    NOT_MEASURED,
    NOT_RUN,
    Badge,
    Cell,
    Column,
    Row,
    Table,
    badge,
    relative_link,
)
from mobilekit.results import Check, VariantResult


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """Checks that did not run for one reason."""

    target: str
    reason: str
    variants: str
    required: bool


def variants_table(variants: tuple[VariantResult, ...]) -> Table:
    """Return the main table: each variant's size, its worst metrics, and its checks."""
    shown = [
        key
        for key in ("snr_db", "agreement", "accuracy")
        if any(key in check.metrics for variant in variants for check in ran(variant))
    ]
    largest = max((variant.bytes for variant in variants), default=0)
    rows = tuple(
        Row(
            cells=(
                Cell(text=variant.name, note=variant.description),
                _size_cell(variant, largest),
                *(_metric_cell(variant, key) for key in shown),
                Cell(badges=_check_badges(variant)),
            ),
            failed=failed(variant),
        )
        for variant in variants
    )
    columns = (
        Column(label="Variant"),
        Column(label="Size", numeric=True),
        *(Column(label=metric(key).label, numeric=True) for key in shown),
        Column(label="Checks", wide=True),
    )
    return Table(
        caption="Each variant at its worst over all targets that ran", columns=columns, rows=rows
    )


def _size_cell(variant: VariantResult, largest: int) -> Cell:
    if variant.status == "failed":
        return Cell(text="not built", quiet=True)
    return Cell(
        text=size(variant.bytes),
        share=variant.bytes / largest if largest else None,
        link=relative_link(variant.file),
    )


def _metric_cell(variant: VariantResult, key: str) -> Cell:
    if variant.status == "failed":
        return NOT_MEASURED
    if not ran(variant):
        return NOT_RUN
    check = worst_check(variant, key)
    if check is None:
        return NOT_MEASURED
    value = check.metrics[key]
    return Cell(
        text=metric(key).text(value), note=_metric_note(check, key), missed=_missed(check, key)
    )


def _metric_note(check: Check, key: str) -> str:
    metrics = check.metrics
    if key == "agreement" and {"agreement_low", "agreement_high"} <= metrics.keys():
        return interval(metrics["agreement_low"], metrics["agreement_high"])
    if key == "accuracy" and "accuracy_drop" in metrics:
        drop = metrics["accuracy_drop"]
        if drop == 0:
            return "as the source"
        return f"{percent_points(abs(drop))} {'lower' if drop > 0 else 'higher'}"
    return ""


def _missed(check: Check, key: str) -> bool:
    """Return whether a failed check failed by this metric, or by one that says the same."""
    keys = {key, "accuracy_drop"} if key == "accuracy" else {key}
    return check.status == "fail" and any(
        name in check.metrics
        and name in check.budget
        and metric(name).misses(check.metrics[name], check.budget[name])
        for name in keys
    )


def _check_badges(variant: VariantResult) -> tuple[Badge, ...]:
    if variant.status == "failed":
        return (Badge(tone="fail", sign="✕", word="fail", about="conversion"),)
    return tuple(
        badge(check.status, check.target, required=check.required) for check in variant.checks
    )


def not_run_groups(variants: Iterable[VariantResult]) -> tuple[NotRun, ...]:
    """Return the checks that did not run, those with the same target and reason together."""
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for variant in variants:
        for check in variant.checks:
            if check.status == "not_run":
                reason = check.reason or "No reason was given."
                groups.setdefault((check.target, reason, check.required), []).append(variant.name)
    return tuple(
        NotRun(target=target, reason=reason, variants=", ".join(names), required=required)
        for (target, reason, required), names in groups.items()
    )


def structure_only(variants: Iterable[VariantResult]) -> str:
    """Return a sentence on the variants whose numbers nothing computed, or nothing."""
    names = [v.name for v in variants if v.status == "built" and not ran(v)]
    if not names:
        return ""
    return (
        f"{', '.join(names)}: structural checks only. What the read-back proved stands under "
        "“Each variant”; it says nothing of the numbers."
    )


def budgets_table(variants: tuple[VariantResult, ...]) -> Table:
    """Return every check that ran, with what was measured against each budget."""
    checks = [(variant, check) for variant in variants for check in ran(variant)]
    metrics = in_order(key for _, check in checks for key in check.budget)
    rows = tuple(
        Row(
            cells=(
                Cell(text=variant.name, note=check.reason),
                Cell(badges=(badge(check.status, check.target),)),
                *(_budget_cell(check, item) for item in metrics),
                Cell(text=f"{check.samples:,}"),
            ),
            failed=check.status == "fail",
        )
        for variant, check in checks
    )
    return Table(
        caption="Every check that ran",
        columns=(
            Column(label="Variant"),
            Column(label="Target", wide=True),
            *(Column(label=item.label, numeric=True) for item in metrics),
            Column(label="Samples", numeric=True),
        ),
        rows=rows,
    )


def _budget_cell(check: Check, item: Metric) -> Cell:
    if item.key not in check.budget:
        if item.key not in check.metrics:
            return NOT_MEASURED
        return Cell(text=item.text(check.metrics[item.key]), note="no budget")
    bound = item.bound(check.budget[item.key])
    if item.key not in check.metrics:
        return Cell(text="not measured", note=bound, missed=check.status == "fail")
    return Cell(
        text=item.text(check.metrics[item.key]), note=bound, missed=_missed(check, item.key)
    )

"""The report as its readers see it: every decision about wording, order and choice is made here.

`page_view` turns a `Report` into strings, tables and drawings; the templates only lay them out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mobilekit.report.charts import (
    Distribution,
    Drawing,
    Point,
    Quality,
    distributions,
    scatter,
)
from mobilekit.report.formats import (
    decibels,
    duration,
    interval,
    moment,
    percent,
    percent_points,
    plural,
    size,
)
from mobilekit.report.metrics import Metric, in_order, metric
from mobilekit.report.tables import Badge, Cell, Column, Row, Table, badge, relative_link
from mobilekit.report.targets import MEANINGS
from mobilekit.results import Check, Report, VariantResult
from mobilekit_converters.signature import Quantisation, Signature

_NOT_RUN = Cell(text="not run", quiet=True)
_NOT_MEASURED = Cell(text="–", quiet=True)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One figure at the top of the page."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawing with its heading, its caption and what is missing from it."""

    title: str
    drawing: Drawing
    caption: str


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """Checks that did not run for one reason."""

    target: str
    reason: str
    variants: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A variant that could not be made."""

    name: str
    error: str
    log: str
    log_link: str


@dataclass(frozen=True, kw_only=True)
class VariantDetails:
    """What is worth knowing about one variant after the tables."""

    name: str
    facts: tuple[tuple[str, Cell], ...]
    structure: tuple[str, ...]
    operators: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, kw_only=True)
class PageView:
    """The page, from top to bottom."""

    title: str
    verdict: Badge
    lead: str
    reasons: tuple[str, ...]
    facts: tuple[Fact, ...]
    variants: Table
    failures: tuple[Failure, ...]
    plots: tuple[Plot, ...]
    not_run: tuple[NotRun, ...]
    structure_only: str
    targets: Table
    budgets: Table
    notes: tuple[str, ...]
    details: tuple[VariantDetails, ...]
    model_facts: tuple[tuple[str, Cell], ...]
    signature: Table
    golden_facts: tuple[tuple[str, Cell], ...]
    timings: Table
    hashes: Table
    environment: Table


def page_view(report: Report) -> PageView:
    """Return everything that the page shows."""
    return PageView(
        title=f"{report.model.name} {'passes' if report.verdict == 'pass' else 'fails'}",
        verdict=badge(report.verdict),
        lead=_lead(report),
        reasons=report.reasons,
        facts=_facts(report),
        variants=variants_table(report.variants),
        failures=_failures(report.variants),
        plots=_plots(report),
        not_run=not_run_groups(report.variants),
        structure_only=_structure_only(report.variants),
        targets=_targets_table(report.variants),
        budgets=budgets_table(report.variants),
        notes=report.notes,
        details=tuple(_details(variant) for variant in report.variants),
        model_facts=_model_facts(report),
        signature=_signature_table(report.model.signature, "Inputs and outputs of the model"),
        golden_facts=_golden_facts(report),
        timings=_timings_table(report.variants),
        hashes=_hashes_table(report),
        environment=_environment_table(report.environment),
    )


# Values of one variant over its checks.


def ran(variant: VariantResult) -> tuple[Check, ...]:
    """Return the checks that ran."""
    return tuple(check for check in variant.checks if check.status != "not_run")


def worst_check(variant: VariantResult, key: str) -> Check | None:
    """Return the check with a metric's worst value, or None where nothing measured it."""
    known = [check for check in ran(variant) if key in check.metrics]
    worst = metric(key).worst(check.metrics[key] for check in known)
    return next((check for check in known if check.metrics[key] is worst), None)


def _failed(variant: VariantResult) -> bool:
    return variant.status == "failed" or any(_is_fault(c) for c in variant.checks)


def _is_fault(check: Check) -> bool:
    return check.status == "fail" or (check.required and check.status == "not_run")


def _count(variants: Iterable[VariantResult], status: str) -> int:
    return sum(check.status == status for variant in variants for check in variant.checks)


# The top of the page.


def _lead(report: Report) -> str:
    passed, failed, idle = (_count(report.variants, s) for s in ("pass", "fail", "not_run"))
    unbuilt = sum(variant.status == "failed" for variant in report.variants)
    sentences = []
    if passed + failed == 0:
        sentences.append("No check ran.")
    elif failed:
        sentences.append(f"{failed} of {plural(passed + failed, 'check')} failed.")
    elif passed == 1:
        sentences.append("The one check that ran is within its budget.")
    else:
        sentences.append(f"All {passed} checks that ran are within their budgets.")
    if unbuilt:
        sentences.append(f"{plural(unbuilt, 'variant')} could not be built.")
    if idle:
        sentences.append(f"{plural(idle, 'check')} did not run.")
    return " ".join(sentences)


def _facts(report: Report) -> tuple[Fact, ...]:
    variants = report.variants
    built = [variant for variant in variants if variant.status == "built"]
    cached = sum(variant.cached for variant in built)
    passed, failed, idle = (_count(variants, s) for s in ("pass", "fail", "not_run"))
    facts = [
        Fact(
            label="Variants built",
            value=f"{len(built)} of {len(variants)}",
            note=f"{cached} from the cache" if cached else "",
        ),
        Fact(
            label="Checks passed",
            value=f"{passed} of {passed + failed}",
            note=f"{idle} more did not run" if idle else "",
        ),
    ]
    passing = [variant for variant in built if ran(variant) and not _failed(variant)]
    if passing:
        smallest = min(passing, key=lambda variant: variant.bytes)
        facts.append(
            Fact(label="Smallest that passed", value=size(smallest.bytes), note=smallest.name)
        )
    facts.append(
        Fact(
            label="Golden samples",
            value=f"{report.golden.samples:,}",
            note="with labels" if report.golden.labelled else "without labels",
        )
    )
    facts.append(Fact(label="Time", value=duration(report.seconds), note=moment(report.started)))
    return tuple(facts)


# The variants.


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
            failed=_failed(variant),
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
        return _NOT_MEASURED
    if not ran(variant):
        return _NOT_RUN
    check = worst_check(variant, key)
    if check is None:
        return _NOT_MEASURED
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


def _failures(variants: Iterable[VariantResult]) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            name=variant.name,
            error=variant.error or "The converter left no message.",
            log=variant.log,
            log_link=relative_link(variant.log),
        )
        for variant in variants
        if variant.status == "failed"
    )


# The plots.


def _plots(report: Report) -> tuple[Plot, ...]:
    size_plot = _size_plot(report.variants)
    return ((size_plot,) if size_plot else ()) + _error_plots(report.variants)


# The least span of each axis: differences below a twentieth of it are noise in a set of this size.
_QUALITIES: dict[str, Quality] = {
    "accuracy": Quality(title="Accuracy", text=percent, least_span=0.04, most=1.0),
    "agreement": Quality(
        title="Agreement with the trained model", text=percent, least_span=0.04, most=1.0
    ),
    "snr_db": Quality(title="SNR", text=decibels, least_span=20.0),
}

# Where equal tensors, whose SNR is infinite, stand on a plot of decibels.
_EXACT_DB = 160.0


def _size_plot(variants: tuple[VariantResult, ...]) -> Plot | None:
    measured = {check_key for v in variants for c in ran(v) for check_key in c.metrics}
    key = next((key for key in _QUALITIES if key in measured), None)
    if key is None:
        return None
    points = [point for point in (_point(variant, key) for variant in variants) if point]
    if not points:
        return None
    quality = _QUALITIES[key]
    source = next(
        (
            check.metrics["source_accuracy"]
            for variant in variants
            for check in ran(variant)
            if key == "accuracy" and "source_accuracy" in check.metrics
        ),
        None,
    )
    quality = Quality(
        title=quality.title,
        text=quality.text,
        least_span=quality.least_span,
        most=quality.most,
        source=source,
    )
    title = f"Size against {quality.title if quality.title == 'SNR' else quality.title.lower()}"
    plotted = {point.name for point in points}
    missing = [
        f"{variant.name} ({size(variant.bytes) if variant.status == 'built' else 'not built'})"
        for variant in variants
        if variant.name not in plotted
    ]
    caption = _legend(points, key)
    if source is not None:
        caption += f" The dashed line is the trained model, {quality.text(source)}.".replace(
            " %", "\u00a0%"
        )
    if missing:
        caption += f" Not shown, because nothing was measured: {', '.join(missing)}."
    drawing = scatter(points, quality, title=title, id="size")
    if drawing.unnamed:
        caption += " Some marks have no room for a name: the table above gives their values."
    return Plot(title=title, drawing=drawing, caption=caption)


def _legend(points: Iterable[Point], key: str) -> str:
    points = tuple(points)
    sentences = [
        "Up and to the left is better. Each variant at its worst over all targets that ran."
    ]
    if any(point.diamond for point in points) and not all(point.diamond for point in points):
        sentences.append("Circles are TFLite, diamonds Core ML.")
    if any(point.failed for point in points):
        sentences.append("Open, crossed marks failed.")
    if any(point.high > point.low for point in points):
        sentences.append("Vertical lines are 95 % intervals.")
    if key == "snr_db" and any(point.value == _EXACT_DB for point in points):
        sentences.append(f"Equal tensors stand at {_EXACT_DB:.0f} dB.")
    return " ".join(sentences)


def _point(variant: VariantResult, key: str) -> Point | None:
    check = worst_check(variant, key)
    if check is None or math.isnan(check.metrics[key]):
        return None
    most = _EXACT_DB if key == "snr_db" else 1.0
    value = max(min(check.metrics[key], most), -_EXACT_DB)
    low, high = (
        check.metrics.get(name, value) if key == "agreement" else value
        for name in ("agreement_low", "agreement_high")
    )
    return Point(
        name=variant.name,
        bytes=variant.bytes,
        value=value,
        low=low,
        high=high,
        failed=any(check.status == "fail" for check in variant.checks),
        diamond=variant.name.startswith("coreml"),
    )


# More outputs than this would bury the rest of the page.
_MOST_ERROR_PLOTS = 3


def _error_plots(variants: tuple[VariantResult, ...]) -> tuple[Plot, ...]:
    """Return a plot for each output; of many outputs, those with the worst SNR."""
    worst: dict[str, float] = {}
    for check in (check for variant in variants for check in ran(variant)):
        for name in check.errors:
            snr = check.outputs.get(name, {}).get("snr_db", math.inf)
            worst[name] = min(worst.get(name, math.inf), snr)
    chosen = sorted(worst, key=worst.__getitem__)[:_MOST_ERROR_PLOTS]
    caption = (
        "How often an error of each size occurs, each variant on the target where it was worst. "
        "Further left is better; the axis is logarithmic."
    )
    if len(chosen) < len(worst):
        caption += f" The worst {len(chosen)} of {len(worst)} outputs are drawn."
    plots = []
    for index, output in enumerate(name for name in worst if name in chosen):
        rows = [row for row in (_distribution(variant, output) for variant in variants) if row]
        title = "How large the errors are" + (f": {output}" if len(worst) > 1 else "")
        drawing = distributions(rows, title=title, id=f"errors-{index}")
        plots.append(Plot(title=title, drawing=drawing, caption=caption))
    return tuple(plots)


def _distribution(variant: VariantResult, output: str) -> Distribution | None:
    """Return an output's errors on the target where its SNR is worst."""
    known = [check for check in ran(variant) if output in check.errors]
    if not known:
        return None
    worst = min(known, key=lambda check: check.outputs.get(output, {}).get("snr_db", math.inf))
    return Distribution(
        name=variant.name,
        detail=worst.target,
        failed=worst.status == "fail",
        histogram=worst.errors[output],
    )


# What ran, what did not.


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


def _structure_only(variants: Iterable[VariantResult]) -> str:
    names = [v.name for v in variants if v.status == "built" and not ran(v)]
    if not names:
        return ""
    return (
        f"{', '.join(names)}: structural checks only. What the read-back proved stands under "
        "“Each variant”; it says nothing of the numbers."
    )


def _targets_table(variants: tuple[VariantResult, ...]) -> Table:
    targets = list(dict.fromkeys(check.target for v in variants for check in v.checks))
    rows = []
    for target in targets:
        checks = [check for v in variants for check in v.checks if check.target == target]
        badges = tuple(
            badge(status, f"{count}", required=any(check.required for check in checks))
            for status in ("pass", "fail", "not_run")
            if (count := sum(check.status == status for check in checks))
        )
        rows.append(
            Row(
                cells=(
                    Cell(text=target),
                    Cell(badges=badges),
                    Cell(text="yes" if any(check.required for check in checks) else "no"),
                    Cell(text=MEANINGS.get(target, "–"), quiet=True),
                ),
                failed=any(_is_fault(check) for check in checks),
            )
        )
    return Table(
        caption="Every target, and what a pass on it proves",
        columns=(
            Column(label="Target"),
            Column(label="Checks"),
            Column(label="Required"),
            Column(label="What it is", wide=True),
        ),
        rows=tuple(rows),
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
            return _NOT_MEASURED
        return Cell(text=item.text(check.metrics[item.key]), note="no budget")
    bound = item.bound(check.budget[item.key])
    if item.key not in check.metrics:
        return Cell(text="not measured", note=bound, missed=check.status == "fail")
    return Cell(
        text=item.text(check.metrics[item.key]), note=bound, missed=_missed(check, item.key)
    )


# Details.


def _details(variant: VariantResult) -> VariantDetails:
    facts: list[tuple[str, Cell]] = []
    if variant.status == "built":
        facts += [
            ("File", Cell(text=variant.file, link=relative_link(variant.file), code=True)),
            ("SHA-256", Cell(text=variant.sha256, code=True)),
            ("Size", Cell(text=f"{size(variant.bytes)} ({variant.bytes:,} bytes)")),
        ]
    else:
        facts.append(("Error", Cell(text=variant.error)))
    made = "from the cache" if variant.cached else duration(variant.seconds)
    facts.append(("Conversion", Cell(text=made)))
    operators = sorted(variant.operators.items(), key=lambda item: (-item[1], item[0]))
    tables = [_outputs_table(variant), _other_metrics_table(variant)]
    if variant.signature is not None:
        tables.insert(0, _signature_table(variant.signature, "Inputs and outputs of the artifact"))
    return VariantDetails(
        name=variant.name,
        facts=tuple(facts),
        structure=variant.structure,
        operators=", ".join(f"{count} × {name}" for name, count in operators),
        tables=tuple(table for table in tables if table.rows),
    )


def _outputs_table(variant: VariantResult) -> Table:
    """Return the tensor metrics of each output on each target."""
    entries = [
        (output, check.target, values)
        for check in ran(variant)
        for output, values in check.outputs.items()
    ]
    metrics = in_order(key for _, _, values in entries for key in values)
    return Table(
        caption="Every output on every target",
        columns=(
            Column(label="Output"),
            Column(label="Target", wide=True),
            *(Column(label=item.label, numeric=True) for item in metrics),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=output, code=True),
                    Cell(text=target),
                    *(_value_cell(values, item) for item in metrics),
                )
            )
            for output, target, values in entries
        ),
    )


def _other_metrics_table(variant: VariantResult) -> Table:
    """Return what was measured of the whole model and stands in no other table."""
    checks = ran(variant)
    shown = {key for check in checks for values in check.outputs.values() for key in values}
    shown |= {key for check in checks for key in check.budget}
    metrics = in_order({key for check in checks for key in check.metrics} - shown)
    return Table(
        caption="Further metrics of the whole model",
        columns=(
            Column(label="Target"),
            *(Column(label=item.label, numeric=True) for item in metrics),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=check.target),
                    *(_value_cell(check.metrics, item) for item in metrics),
                )
            )
            for check in checks
            if metrics
        ),
    )


def _value_cell(values: Mapping[str, float], item: Metric) -> Cell:
    return Cell(text=item.text(values[item.key])) if item.key in values else _NOT_MEASURED


def _signature_table(signature: Signature, caption: str) -> Table:
    tensors = [("input", tensor) for tensor in signature.inputs]
    tensors += [("output", tensor) for tensor in signature.outputs]
    quantised = any(tensor.quantisation for _, tensor in tensors)
    return Table(
        caption=caption,
        columns=(
            Column(label="Name"),
            Column(label="Role"),
            Column(label="Type"),
            Column(label="Shape"),
            *((Column(label="Quantisation", wide=True),) if quantised else ()),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=tensor.name, code=True),
                    Cell(text=role),
                    Cell(text=tensor.dtype),
                    Cell(text=" × ".join(map(str, tensor.shape)) or "scalar"),
                    *((_quantisation_cell(tensor.quantisation),) if quantised else ()),
                )
            )
            for role, tensor in tensors
        ),
    )


def _quantisation_cell(quantisation: Quantisation | None) -> Cell:
    if quantisation is None or not quantisation.scales:
        return Cell(text="none", quiet=True)
    if len(quantisation.scales) > 1:
        return Cell(text=f"{len(quantisation.scales)} scales along axis {quantisation.axis}")
    zero_point = quantisation.zero_points[0] if quantisation.zero_points else 0
    return Cell(text=f"scale {quantisation.scales[0]:.6g}, zero point {zero_point}")


def _model_facts(report: Report) -> tuple[tuple[str, Cell], ...]:
    model = report.model
    parameters = "unknown" if model.parameters is None else f"{model.parameters:,}"
    return (
        ("Name", Cell(text=model.name)),
        ("Source", Cell(text=model.source, code=True)),
        ("Kind", Cell(text=model.kind)),
        ("Size", Cell(text=size(model.bytes))),
        ("Parameters", Cell(text=parameters)),
    )


def _golden_facts(report: Report) -> tuple[tuple[str, Cell], ...]:
    golden = report.golden
    return (
        ("Origin", Cell(text=golden.origin)),
        ("Samples checked", Cell(text=f"{golden.samples:,}")),
        ("Samples in the release", Cell(text=f"{golden.stored:,}")),
        ("Labels", Cell(text="yes" if golden.labelled else "no: accuracy was not measured")),
    )


def _timings_table(variants: tuple[VariantResult, ...]) -> Table:
    return Table(
        caption="Where the time went",
        columns=(
            Column(label="Variant"),
            Column(label="Conversion", numeric=True),
            Column(label="Checks", numeric=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=variant.name),
                    Cell(text="cached" if variant.cached else duration(variant.seconds)),
                    Cell(text=duration(sum(check.seconds for check in ran(variant))))
                    if ran(variant)
                    else _NOT_RUN,
                )
            )
            for variant in variants
        ),
    )


def _hashes_table(report: Report) -> Table:
    entries = [(report.model.source, report.model.sha256)]
    entries += [(v.file, v.sha256) for v in report.variants if v.status == "built"]
    return Table(
        caption="SHA-256 of the source and the artifacts",
        columns=(Column(label="File"), Column(label="SHA-256", wide=True)),
        rows=tuple(
            Row(cells=(Cell(text=name, code=True), Cell(text=digest, code=True)))
            for name, digest in entries
        ),
    )


def _environment_table(environment: dict[str, str]) -> Table:
    return Table(
        caption="Tools and machine",
        columns=(Column(label="Name"), Column(label="Version or value", wide=True)),
        rows=tuple(
            Row(cells=(Cell(text=name), Cell(text=value))) for name, value in environment.items()
        ),
    )

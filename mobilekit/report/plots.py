"""The plots of the report: which there are, what they show, and what their captions say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mobilekit.report.charts import (
    Distribution,
    Drawing,
    Point,
    Quality,
    distributions,
    scatter,
)
from mobilekit.report.findings import ran, worst_check
from mobilekit.report.formats import decibels, percent, size
from mobilekit.results import VariantResult


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawing with its heading, and a caption that also says what is missing from it."""

    title: str
    drawing: Drawing
    caption: str


def plots(variants: tuple[VariantResult, ...]) -> tuple[Plot, ...]:
    """Return the plots that the measurements allow: of sizes, then of errors."""
    size_plot = _size_plot(variants)
    return ((size_plot,) if size_plot else ()) + _error_plots(variants)


# The least spans keep a difference of one sample or a tenth of a decibel from filling the plot.
QUALITIES: dict[str, Quality] = {
    "accuracy": Quality(title="Accuracy", text=percent, least_span=0.04, most=1.0),
    "agreement": Quality(
        title="Agreement with the trained model", text=percent, least_span=0.04, most=1.0
    ),
    "snr_db": Quality(title="SNR", text=decibels, least_span=20.0),
}
"""The axes of quality, the most telling metric first."""

# Where equal tensors, whose SNR is infinite, stand on a plot of decibels.
_EXACT_DB = 160.0


def _size_plot(variants: tuple[VariantResult, ...]) -> Plot | None:
    measured = {check_key for v in variants for c in ran(v) for check_key in c.metrics}
    key = next((key for key in QUALITIES if key in measured), None)
    if key is None:
        return None
    points = [point for point in (_point(variant, key) for variant in variants) if point]
    if not points:
        return None
    source = next(
        (
            check.metrics["source_accuracy"]
            for variant in variants
            for check in ran(variant)
            if key == "accuracy" and math.isfinite(check.metrics.get("source_accuracy", math.nan))
        ),
        None,
    )
    quality = replace(QUALITIES[key], source=source)
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

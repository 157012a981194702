"""How each metric reads: its name, its unit, which way is better. A new metric is one new row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mobilekit.report.formats import decibels, percent, percent_points, significant


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of a check.

    `minimum` says whether a budget is the least value allowed (else it is the most), and is None
    for a metric that this table does not know.
    """

    key: str
    label: str
    text: Callable[[float], str] = significant
    minimum: bool | None = None

    def bound(self, value: float) -> str:
        """Return a budget in words, such as `at least 30.0 dB`."""
        words = {True: "at least", False: "at most", None: "budget"}[self.minimum]
        return f"{words} {self.text(value)}"

    def misses(self, value: float, budget: float) -> bool:
        """Return whether a value is outside its budget. NaN is outside every budget."""
        if math.isnan(value):
            return True
        if self.minimum is None:
            return False
        return value < budget if self.minimum else value > budget

    def worst(self, values: Iterable[float]) -> float | None:
        """Return the worst of some values, or None if there are none. NaN is worst of all."""
        known = list(values)
        for value in known:
            if math.isnan(value):
                return value
        if not known:
            return None
        return max(known) if self.minimum is False else min(known)


_ROWS = (
    Metric(key="snr_db", label="SNR", text=decibels, minimum=True),
    Metric(key="psnr_db", label="PSNR", text=decibels, minimum=True),
    Metric(key="cosine", label="Cosine", minimum=True),
    Metric(key="max_abs", label="Max. error", minimum=False),
    Metric(key="agreement", label="Agreement", text=percent, minimum=True),
    Metric(key="agreement_low", label="Agreement, lower bound", text=percent, minimum=True),
    Metric(key="agreement_high", label="Agreement, upper bound", text=percent, minimum=True),
    Metric(key="accuracy", label="Accuracy", text=percent, minimum=True),
    Metric(key="source_accuracy", label="Accuracy of the source", text=percent, minimum=True),
    Metric(key="accuracy_drop", label="Accuracy drop", text=percent_points, minimum=False),
    Metric(key="weight_error", label="Weight error", text=percent, minimum=False),
    Metric(key="range_snr_db", label="SNR of ranges", text=decibels, minimum=True),
)
METRICS: dict[str, Metric] = {row.key: row for row in _ROWS}


def metric(key: str) -> Metric:
    """Return a metric by its key; an unknown one reads as its key and a plain number."""
    return METRICS.get(key) or Metric(key=key, label=key.replace("_", " "))


def in_order(keys: Iterable[str]) -> tuple[Metric, ...]:
    """Return the metrics of some keys, once each: known ones in the table's order, then others."""
    wanted = set(keys)
    known = [METRICS[key] for key in METRICS if key in wanted]
    return (*known, *(metric(key) for key in sorted(wanted - METRICS.keys())))

"""What there is to choose from, and which of it is best: time, size and quality.

`recommendation` says which variants come in question, and for which devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[str, str]
"""A variant and an accelerator."""

ACCURACY = 0.01
"""One point of accuracy is what a budget of 8 bits costs; see `parity.budgets`."""

AGREEMENT = 0.02
SNR_DB = 20.0
"""The error has a hundredth of the signal's power."""

METRICS = ("accuracy", "agreement", "snr_db")
"""What quality is, the most telling first."""

SAME_TIME = 0.1
"""Times nearer than this are no reason to ship a larger file."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A variant on an accelerator: what there is to choose by. `milliseconds` is NaN if unknown.

    `metric` names what `quality` is; more is better.
    """

    variant: str
    accelerator: str
    bytes: int
    milliseconds: float
    metric: str
    quality: float


def pareto_front(points: Sequence[tuple[float, ...]]) -> tuple[int, ...]:
    """Return the indices of points that no other is better than.

    Args:
        points: numbers that should be small, as many in each. A point with a NaN is on no front.
    """
    whole = [
        index
        for index, point in enumerate(points)
        if not any(math.isnan(number) for number in point)
    ]
    return tuple(
        index
        for index in whole
        if not any(_dominates(points[other], points[index]) for other in whole)
    )


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def front_of(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices on the front of size, quality and, where all have one, time."""
    timed = not any(math.isnan(choice.milliseconds) for choice in choices)
    points = [
        (float(choice.bytes), choice.milliseconds if timed else 0.0, -choice.quality)
        for choice in choices
    ]
    return tuple(choices[index] for index in pareto_front(points))


def good(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices that are as good as the best, by the second rule of `recommendation`."""
    slack = {"accuracy": ACCURACY, "agreement": AGREEMENT}
    # Variants of one release have the same metrics, unless a check lacks one.
    metrics = {choice.metric for choice in choices}
    metric = next((name for name in METRICS if name in metrics), "")
    same = [choice for choice in choices if choice.metric == metric and metric]
    if not same:
        return ()
    best = max(choice.quality for choice in same)
    least = best - slack[metric] if metric in slack else min(SNR_DB, best)
    # Accuracies are shares of samples: their differences are exact but for rounding.
    return tuple(choice for choice in same if choice.quality >= least - 1e-9)


def best_of(front: Sequence[Choice]) -> Choice:
    """Return the one of the front to ship, by the fourth rule of `recommendation`."""
    if any(math.isnan(choice.milliseconds) for choice in front):
        return min(front, key=lambda choice: (choice.bytes, -choice.quality))
    fastest = min(choice.milliseconds for choice in front)
    near = [choice for choice in front if choice.milliseconds <= fastest * (1 + SAME_TIME)]
    return min(near, key=lambda choice: (choice.bytes, choice.milliseconds, -choice.quality))

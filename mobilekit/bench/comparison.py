"""Whether one artifact got slower between two measurements on one machine, and how sure that is.

Two measurements of the same thing differ by more than their own intervals say: between them the
whole machine gets faster or slower, for neighbours on the same hardware, clock rates or heat. Two
things keep most of that out. The fastest tenth of the runs is what the others disturb least. And a
reference workload takes turns with the artifacts in both measurements (`results.Noise`): what it
moves by, the machine moved by. What is left is stated as a `Figure`'s shift, as measured; see
`docs/latency_gates.md` for the figures and for the error rates of the decision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from mobilekit.bench.statistics import Rounds, median, percentile, percentile_interval
from mobilekit.parity.metrics import Z_95

Outcome = Literal["pass", "fail", "undecided"]

FALSE_ALARMS = 0.01
"""How often a comparison may fail where nothing changed, all artifacts of it together."""

MISSES = 0.05
"""How often it may pass where something is slower by twice the size that it looks for."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What of two measurements is compared: a percentile, by its share of runs.

    `shift` is the standard deviation of the logarithm of its ratio between two measurements of the
    same thing, minutes to an hour apart, beyond what rounds show: where a reference workload was
    measured in both, and where none was (`lone_shift`).
    """

    name: str
    share: float
    shift: float
    lone_shift: float


FAST = Figure(name="fastest tenth", share=0.1, shift=0.01, lone_shift=0.035)
"""Decides. It is nearest to what the artifact itself takes."""

TYPICAL = Figure(name="median", share=0.5, shift=0.045, lone_shift=0.06)
"""Can only add a failure: it sees what leaves the fastest runs alone, if it is large."""


_DOUBT = 0.3
"""What share of the reference workload's change is not known to be the artifact's as well.

Measured: where the workload got 1 % slower, artifacts got 0.1 to 1.4 % slower. So the more a
machine has changed, the less can be decided.
"""

MOST_MOVED = 0.1
"""A machine that changed by more is another machine: nothing is decided then."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One measurement: the artifact's rounds and those of the reference workload, if any."""

    rounds: Rounds
    reference: Rounds = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """How much slower the second measurement is, and the standard error; both in logarithms.

    NaN where it cannot be told. `machine` is how much slower the machine itself was, already taken
    out of `slower`; zero where no reference workload tells.
    """

    slower: float
    error: float
    machine: float = 0.0

    @property
    def sentence(self) -> str:
        """The change and its 95 % interval, in words."""
        low, high = self.slower - Z_95 * self.error, self.slower + Z_95 * self.error
        return (
            f"{_percent(self.slower)} (95 % confidence: {_percent(low)} to {_percent(high)})"
            if math.isfinite(self.error)
            else "unknown"
        )


def change(before: Series, after: Series, figure: Figure) -> Change:
    """Return how a figure changed between two measurements, the machine's own change taken out."""
    slower, variance = _difference(before.rounds, after.rounds, figure)
    if len(before.reference) == 0 or len(after.reference) == 0:
        return Change(slower=slower, error=math.sqrt(variance + figure.lone_shift**2))
    length = median(before.rounds)
    machine, uncertainty = _difference(
        _as_long(before.reference, length), _as_long(after.reference, length), figure
    )
    shift = figure.shift**2 + (_DOUBT * machine) ** 2
    error = math.sqrt(variance + uncertainty + shift)
    return Change(slower=slower - machine, error=error, machine=machine)


def outcome(fast: Change, typical: Change, *, size: float, comparisons: int) -> Outcome:
    """Return what the changes of both figures come to; see `decide`.

    The median cannot clear what the fastest runs show, and only adds what they do not.
    """
    if decide(typical, size=size, comparisons=comparisons) == "fail":
        return "fail"
    return decide(fast, size=size, comparisons=comparisons)


def decide(found: Change, *, size: float, comparisons: int) -> Outcome:
    """Return whether a change is a regression.

    It fails what is slower by more than `size` and surely slower at all: the chance of that where
    nothing changed is `FALSE_ALARMS` over all `comparisons` together (Bonferroni). It passes what
    is surely not slower by twice the size. What is neither is undecided: the noise is too large, or
    the machine another.

    Args:
        found: the change.
        size: a slowdown that matters, as a share: 0.05 is 5 %.
        comparisons: how many are decided on together.
    """
    if not math.isfinite(found.error) or abs(found.machine) > math.log1p(MOST_MOVED):
        return "undecided"
    normal = NormalDist()
    surely = normal.inv_cdf(1 - FALSE_ALARMS / comparisons) * found.error
    if found.slower > max(math.log1p(size), surely):
        return "fail"
    if found.slower + normal.inv_cdf(1 - MISSES) * found.error < math.log1p(2 * size):
        return "pass"
    return "undecided"


def _difference(before: Rounds, after: Rounds, figure: Figure) -> tuple[float, float]:
    """Return the logarithm of the ratio of a percentile, and the variance of that."""
    first, second = percentile(before, figure.share), percentile(after, figure.share)
    if not (first > 0 and second > 0):
        return math.nan, math.nan
    variance = _variance(before, figure.share) + _variance(after, figure.share)
    return math.log(second / first), variance


def _variance(rounds: Rounds, share: float) -> float:
    """Return the variance of a percentile's logarithm, from its interval.

    Dividing the interval of Student's t by the normal quantile makes up for few rounds.
    """
    low, high = percentile_interval(rounds, share)
    if not (low > 0 and math.isfinite(high)):
        return math.nan
    return float((math.log(high / low) / (2 * Z_95)) ** 2)


def _as_long(rounds: Rounds, length: float) -> Rounds:
    """Return means of neighbouring runs that together take as long as a time, `length`.

    A disturbance of a millisecond doubles some runs of a millisecond and moves each of a second a
    little; only runs of one length feel the machine alike.
    """
    count = max(1, round(length / median(rounds)))
    return [_means(np.asarray(times, dtype=np.float64), count) for times in rounds if len(times)]


def _means(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]], count: int) -> list[float]:
    count = min(count, len(times))
    whole = len(times) // count * count
    return list(map(float, times[:whole].reshape(-1, count).mean(axis=1)))


def _percent(logarithm: float) -> str:
    return f"{100 * math.expm1(logarithm):+.1f} %".replace("-", "−")

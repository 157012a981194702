"""What can be said of times that were measured in rounds. Pure functions of numbers.

Runs that follow one another are alike: a machine drifts, and what disturbs one run disturbs its
neighbours. So no formula here counts runs; each counts rounds, or blocks of neighbouring rounds,
and believes the most cautious of them (`_standard_error`). A round is a turn of one artifact, all
others had theirs before the next (`results.Latency`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mobilekit.bench.kept_runs import kept_runs, rounded
from mobilekit.bench.results import Latency, Noise

Rounds = Sequence[Sequence[float]]
Reals = NDArray[np.float64]

FEWEST_ROUNDS = 4
"""Fewer say nothing about how rounds vary: there is no interval then."""

_SETTLED = 0.02
"""Two halves of a warm-up whose medians differ by less than this are alike."""

_EFFICIENCY = math.sqrt(math.pi / 2)
"""The standard error of a median over that of a mean, for normal numbers."""

_MAD = 1.4826
"""The standard deviation over the median absolute deviation, for normal numbers."""


def is_settled(times: Sequence[float], *, window: int = 5) -> bool:
    """Return whether a warm-up is over: its last runs are no faster than those just before.

    The medians of the last `window` runs and of the `window` before are compared. They are alike
    where they differ by less than 2 %, or by less than two standard errors of the difference of two
    such medians, so that a machine whose times scatter does not warm up for ever.

    Args:
        times: of all runs so far, the first one first, in any unit.
        window: how many runs make a half; with fewer than two halves nothing has settled.

    Returns:
        False as well where a time is no number.
    """
    recent = np.asarray(times[-2 * window :], dtype=np.float64)
    if len(recent) < 2 * window or not np.isfinite(recent).all():
        return False
    before, after = recent[:window], recent[window:]
    centres = np.median(before), np.median(after)
    # The first half's scatter may be the warm-up itself.
    chance = 2 * math.sqrt(2) * _EFFICIENCY * _robust_deviation(after) / math.sqrt(window)
    return bool(abs(centres[1] - centres[0]) <= max(_SETTLED * centres[1], chance))


def interval(rounds: Rounds) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the median of all runs.

    It is the wider of two. One comes from how the rounds' medians vary: it sees a machine that
    drifts. The other is `percentile_interval`: it sees runs that are of two kinds, so that a little
    more of one moves the median from one to the other. By simulation it holds in 93 % and more
    from 25 rounds on with the noise measured on shared machines, in 88 to 92 % with 8 to 12.

    Args:
        rounds: a sequence of times for each turn, in the order in which they were measured.

    Returns:
        The lower and the upper end, in the unit of the times; NaN twice where there are fewer than
        `FEWEST_ROUNDS` rounds with a run in them, or a time is none.
    """
    medians = _medians(rounds)
    if len(medians) < FEWEST_ROUNDS or not (medians > 0).all():
        return math.nan, math.nan
    error, freedom = _standard_error(np.log(medians))
    reach = student(0.975, freedom) * error
    centre = median(rounds)
    low, high = percentile_interval(rounds, 0.5)
    return min(low, centre * math.exp(-reach)), max(high, centre * math.exp(reach))


def interval_of_starts(times: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the median of times that owe each other nothing.

    Such as those of cold starts, each in a process of its own. Their logarithms are taken for
    normal, because there are too few of them for anything else.

    Returns:
        Both ends, in the unit of the times; NaN twice for fewer than `FEWEST_ROUNDS` times.
    """
    found = np.asarray(times, dtype=np.float64)
    if len(found) < FEWEST_ROUNDS or not (found > 0).all():
        return math.nan, math.nan
    error = float(np.log(found).std(ddof=1)) / math.sqrt(len(found))
    reach = student(0.975, len(found) - 1) * error
    centre = float(np.median(found))
    return centre * math.exp(-reach), centre * math.exp(reach)


def noise_of(rounds: Rounds, *, reference: str = "") -> Noise:
    """Return how much times vary where nothing changes, from rounds of one unchanging workload.

    A good workload computes as networks do, in short runs, and takes its turn with the artifacts
    all along: the product of two float32 matrices of 192 × 192 on one thread follows what
    neighbours and clock rates do to networks to about 1 %, where times themselves move by 3 %; a
    loop in Python does not.

    Args:
        rounds: milliseconds, as for `interval`; too few of them make every number NaN.
        reference: what the workload is, with the versions of what computes it.
    """
    medians = _medians(rounds)
    if len(medians) < FEWEST_ROUNDS:
        return Noise(
            between_rounds=math.nan,
            within=math.nan,
            sentence=f"How much times vary here is not known: {len(medians)} rounds do not tell.",
        )
    between = float(medians.std(ddof=1) / medians.mean())
    within = _robust_deviation(
        np.concatenate([np.asarray(times) / np.median(times) for times in rounds if len(times)])
    )
    return Noise(
        between_rounds=between,
        within=within,
        reference_ms=median(rounds),
        reference=reference,
        # Whole, because neighbouring runs are added up to times as long as an artifact's.
        reference_rounds=tuple(rounded(np.asarray(times, np.float64)) for times in rounds),
        sentence=(
            f"Where nothing changes, the medians of {len(medians)} rounds vary by "
            f"{100 * between:.1f} % here, and single runs by {100 * within:.1f} %."
        ),
    )


def latency_of(rounds: Rounds, *, warm_up_runs: int, stable: bool) -> Latency:
    """Return the figures of runs that were measured in rounds, in milliseconds.

    They are of all runs; what is kept of the runs themselves, `kept_runs` says.
    """
    return Latency(
        runs=sum(map(len, rounds)),
        median_ms=median(rounds),
        p90_ms=percentile(rounds, 0.90),
        p95_ms=percentile(rounds, 0.95),
        p99_ms=percentile(rounds, 0.99),
        **dict(zip(("median_low_ms", "median_high_ms"), interval(rounds), strict=True)),
        warm_up_runs=warm_up_runs,
        stable=stable,
        rounds=tuple(rounded(kept_runs(np.asarray(times, np.float64))) for times in rounds),
    )


def median(rounds: Rounds) -> float:
    """Return the median of all runs; NaN where there is none."""
    return percentile(rounds, 0.5)


def percentile(rounds: Rounds, share: float) -> float:
    """Return the time below which a share (0 to 1) of all runs lies; NaN where there are no runs.

    Between two runs it is interpolated linearly (Hyndman and Fan 1996, definition 7).
    """
    runs = _runs(rounds)
    return float(np.quantile(runs, share)) if len(runs) else math.nan


def percentile_interval(rounds: Rounds, share: float) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a percentile.

    A percentile is known as well as the share of runs below it is (Woodruff 1952, "Confidence
    intervals for medians and other position measures"): that share's standard error comes from
    rounds, as the median's does. Few runs do not say how long the longest ones take: the upper end
    is infinite then.

    Returns:
        Both ends, in the unit of the times; NaN twice where there are too few rounds.
    """
    error, freedom = _percentile_error(rounds, share)
    if math.isnan(error):
        return math.nan, math.nan
    # One run more or less is what a share of few runs cannot tell.
    reach = max(student(0.975, freedom) * error, 1 / len(_runs(rounds)))
    low = percentile(rounds, max(share - reach, 0.0))
    return low, percentile(rounds, share + reach) if share + reach < 1 else math.inf


def student(share: float, freedom: float) -> float:
    """Return a quantile of Student's t distribution with some degrees of freedom, at least 3.

    The expansion around the normal quantile is Abramowitz and Stegun's, 26.7.5; with 3 degrees it
    is 1 % off at 0.975, with more it is nearer.
    """
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _percentile_error(rounds: Rounds, share: float) -> tuple[float, float]:
    bound = percentile(rounds, share)
    below = [float(np.mean(np.asarray(times) <= bound)) for times in rounds if len(times)]
    return _standard_error(np.asarray(below))


def _standard_error(values: Reals) -> tuple[float, float]:
    """Return the standard error of the mean of values that may be alike to their neighbours.

    The values' own scatter tells too little where a value is much like the one before. Means of
    blocks of 2, 4, … neighbours have less of that, but there are fewer of them (batch means: Law
    and Kelton, "Simulation Modeling and Analysis"). The size of blocks that makes the widest
    interval counts.
    """
    best = (math.nan, math.nan)
    widest, length = -1.0, 1
    while len(values) // length >= FEWEST_ROUNDS:
        count = len(values) // length
        blocks = values[len(values) - count * length :].reshape(count, length).mean(axis=1)
        error = float(blocks.std(ddof=1)) / math.sqrt(count)
        if student(0.975, count - 1) * error > widest:
            widest, best = student(0.975, count - 1) * error, (error, float(count - 1))
        length *= 2
    return best


def _medians(rounds: Rounds) -> Reals:
    return np.asarray([np.median(times) for times in rounds if len(times)], dtype=np.float64)


def _runs(rounds: Rounds) -> Reals:
    arrays = [np.asarray(times, dtype=np.float64) for times in rounds]
    return np.concatenate(arrays) if arrays else np.empty(0)


def _robust_deviation(values: Reals) -> float:
    """Return a standard deviation that a few long runs do not move."""
    return _MAD * float(np.median(np.abs(values - np.median(values))))

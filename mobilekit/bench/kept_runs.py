"""Which runs of a measurement a report keeps, and how exactly.

A turn of a small model has thousands of runs, which say no more than some hundred of them. Gates
and comparisons count turns (`statistics`), and need of each how its runs are spread, in the order
in which they were measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mobilekit.bench.results import RunTimes

MOST_RUNS = 500
"""So many runs of a turn are kept: each stands for a fifth of a per cent of the turn."""

_DIGITS = 4
"""A time is rounded by a twentieth of a per cent at most; medians of one thing measured twice
differ by 2 to 5 %, and the fastest tenth by 0.4 to 2 %."""


def kept_runs(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the runs of one turn that are kept: all, or `MOST_RUNS` in the same order.

    The runs are ranked by their times, and the middle one of each of `MOST_RUNS` equal parts of the
    ranks is kept. So any share of the turn's runs is the same after as before, to within half a
    part.
    """
    count = len(times)
    if count <= MOST_RUNS:
        return times
    ranks = ((np.arange(MOST_RUNS) + 0.5) * count / MOST_RUNS).astype(int)
    places = np.sort(np.argsort(times, kind="stable")[ranks])
    return np.take(times, places)


def rounded(times: NDArray[np.float64]) -> RunTimes:
    """Return times with the digits that are kept."""
    return tuple(float(f"{time:.{_DIGITS}g}") for time in times)

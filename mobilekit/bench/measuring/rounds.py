"""Whose turn it is, and when enough was measured. Cases take turns: A B A B, and one at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mobilekit.bench.measuring.turn import Turn
from mobilekit.bench.statistics import FEWEST_ROUNDS, interval, median
from mobilekit.jobs import JobCrashedError
from mobilekit_converters.errors import TargetError, UnsupportedError

MOST_THROWN = 5
"""So many turns may be lost to a clock that jumps; a clock that goes on so measures nothing."""


CASE_ERRORS = (TargetError, UnsupportedError, JobCrashedError)
"""What ends a case and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured of each case.

    At least `runs` runs that take `seconds` together, in `rounds` turns; and on until the 95 %
    interval of the median reaches no further than `precision` of it to either side, or until
    `most_seconds` have gone into the case, all that a turn takes beside the runs included. With
    fewer than 25 turns intervals hold less than they promise (`docs/latency_gates.md`).
    """

    runs: int = 50
    seconds: float = 1.0
    rounds: int = 25
    precision: float = 0.02
    most_seconds: float = 20.0


@dataclass(kw_only=True)
class Series:
    """All turns of one case so far. `spent` are the seconds that went into them.

    Where `precise` is false, the least runs in `FEWEST_ROUNDS` turns are enough: an emulator's
    times are nobody's.
    """

    name: str
    precise: bool = True
    turns: list[Turn] = field(default_factory=list)
    thrown: list[str] = field(default_factory=list)
    spent: float = 0.0
    error: Exception | None = None
    ended: str = ""

    @property
    def rounds(self) -> list[list[float]]:
        """The times of the turns that count, in milliseconds."""
        return [[ns / 1e6 for ns in turn.runs.run_ns] for turn in self.turns if turn.runs]

    @property
    def supported(self) -> bool:
        """Whether nothing but the target's own limits ended it, before anything was measured."""
        return not (isinstance(self.error, UnsupportedError) and not self.turns)

    def spread(self) -> float:
        """Return how far the interval of the median reaches, as a share of it; NaN if unknown."""
        rounds = self.rounds
        low, high = interval(rounds)
        centre = median(rounds)
        return max(high - centre, centre - low) / centre if centre > 0 else math.nan

    def add(self, turn: Turn) -> None:
        """Count a turn, or note why it does not count."""
        if turn.runs is None:
            self.thrown.append(turn.thrown)
        else:
            self.turns.append(turn)

    def why_over(self, effort: Effort) -> str:
        """Say why it needs no further turn; empty where it does."""
        if self.error is not None:
            return "error"
        if len(self.thrown) > MOST_THROWN:
            return "clock"
        if not any(self.lacking(effort)):
            return "enough"
        return "time" if self.spent >= effort.most_seconds else ""

    def lacking(self, effort: Effort) -> Iterator[str]:
        """Yield what is not enough yet, in words."""
        rounds = self.rounds
        turns = effort.rounds if self.precise else min(effort.rounds, FEWEST_ROUNDS)
        if len(rounds) < turns:
            yield f"{turns} turns (there are {len(rounds)})"
        if (runs := sum(map(len, rounds))) < effort.runs:
            yield f"{effort.runs} runs (there are {runs})"
        if not self.precise:
            return
        if (seconds := sum(map(sum, rounds)) / 1000) < effort.seconds:
            yield f"{effort.seconds:g} s of runs (there are {seconds:.2g} s)"
        # A comparison with NaN is false: what is not known is not enough.
        if not (spread := self.spread()) <= effort.precision:
            known = "it is not known" if math.isnan(spread) else f"it reaches {100 * spread:.1f} %"
            yield f"an interval of the median within {100 * effort.precision:g} % ({known})"


def measure(
    cases: Sequence[Series],
    take: Callable[[str], Turn],
    effort: Effort,
    *,
    between: Callable[[], None] = lambda: None,
    on_end: Callable[[Series], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Let cases take turns until each has enough; what they gave is added to them.

    A case that ends with an error has no further turns, and takes nothing from the others.

    Args:
        cases: all of them, without turns.
        take: takes a turn of the case of a name, or raises what ended it, one of `CASE_ERRORS`.
        effort: how much is enough.
        between: called at the beginning of each round.
        on_end: hears of each case that is over.
        clock: seconds.
    """
    waiting = list(cases)
    while waiting:
        between()
        for case in tuple(waiting):
            began = clock()
            try:
                case.add(take(case.name))
            except CASE_ERRORS as error:
                case.error = error
            case.spent += clock() - began
            case.ended = case.why_over(effort)
            if case.ended:
                waiting.remove(case)
                on_end(case)

"""What targets that can tell how long an artifact takes look like."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.runner.timing import peak_memory, take_turn, time_runs
from mobilekit_delegates.targets.target import Target

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays

Settled = Callable[[Sequence[float], int], bool]


@dataclass(frozen=True, kw_only=True)
class TimingPlan:
    """How an artifact is timed in one process.

    A warm-up ends when `settled` says so of the times so far and a window, after `warm_up_seconds`
    at the latest. A block then has `block_runs` runs at least, fewer only where they would take
    longer than `most_block_seconds`, and takes `block_seconds` at least. `affinity` names the cores
    that it may run on, all where empty. Where `settled` cannot be asked, in another Python, the
    warm-up lasts `blind_warm_up_seconds`.
    """

    settled: Settled
    threads: int = 1
    affinity: tuple[int, ...] = ()
    warm_up_seconds: float = 2.0
    blind_warm_up_seconds: float = 0.5
    block_seconds: float = 0.15
    block_runs: int = 8
    most_block_seconds: float = 2.0

    def numbers(self) -> dict[str, Any]:
        """Return what a job for a runner says of it."""
        return {
            "warm_up_seconds": self.warm_up_seconds,
            "block_seconds": self.block_seconds,
            "block_runs": self.block_runs,
            "most_block_seconds": self.most_block_seconds,
            "affinity": list(self.affinity),
        }


@dataclass(frozen=True, kw_only=True)
class TimedRuns:
    """What one process found, in nanoseconds: a cold start, a warm-up and a block of runs.

    `load_ns` is reading the file and `prepare_ns` what the delegate needs before it can run, None
    where the runtime does both in one call. `clocked` says in a few words what a run's time holds,
    `threads` how many it had, whatever was asked for; None where the runtime does not tell.
    `peak_memory_bytes` is the process's, and `bare_memory_bytes` what it held before the artifact
    was loaded. `conditions` are the machine's, before and after, where it is not this one.
    """

    load_ns: int
    prepare_ns: int | None
    first_ns: int
    warm_up_runs: int
    settled: bool
    run_ns: tuple[int, ...]
    clocked: str
    threads: int | None
    place: str = ""
    peak_memory_bytes: int | None = None
    bare_memory_bytes: int | None = None
    conditions: tuple[Mapping[str, Any], ...] = field(default=())
    notes: tuple[str, ...] = ()


@runtime_checkable
class TimedTarget(Target, Protocol):
    """A target that can time artifacts."""

    @abstractmethod
    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Load an artifact and time it, in this process or in one that is made for it.

        Args:
            artifact: the one to time.
            batches: inputs in real values, by name, that the runs take in turn; at least one.
            plan: how long, and on what.

        Raises:
            ClockError: the clock stood still or went back.
            TargetError: the target could not load it or run it.
            UnsupportedError: it does not know something in it, or does not run it by itself.
        """


class TimedSession(Protocol):
    """An artifact that is loaded in this process and can be run with nothing around it."""

    load_ns: int
    prepare_ns: int | None
    clocked: str

    def stored(self, inputs: Arrays) -> Any:
        """Return a batch as what `set_inputs` takes."""

    def set_inputs(self, stored: Any) -> None:
        """Set what the next run takes."""

    def invoke(self) -> object:
        """Run: what the clock measures, and nothing more."""


def time_here(
    open_session: Callable[[], TimedSession],
    batches: Sequence[Arrays],
    plan: TimingPlan,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> TimedRuns:
    """Time an artifact in this process.

    It should be a process of its own, which loaded no other artifact: the memory is all of it.

    Raises:
        ClockError, TargetError, UnsupportedError: see `TimedTarget.time_artifact`.
    """
    bare = peak_memory()
    session = open_session()
    stored = [session.stored(batch) for batch in batches]

    def runs(count: int, first: int) -> list[int]:
        return time_runs(session.set_inputs, session.invoke, stored, count, first, clock)

    turn = take_turn(runs, plan.numbers(), plan.settled, clock)
    return TimedRuns(
        load_ns=session.load_ns,
        prepare_ns=session.prepare_ns,
        first_ns=turn["first_ns"],
        warm_up_runs=turn["warm_up_runs"],
        settled=turn["settled"],
        run_ns=tuple(turn["run_ns"]),
        clocked=session.clocked,
        threads=plan.threads,
        peak_memory_bytes=peak_memory(),
        bare_memory_bytes=bare,
    )

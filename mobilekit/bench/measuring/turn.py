"""One turn of an artifact on a target: load it, run it, time it. Each is a process of its own.

So a turn is a cold start as well, a crash takes nothing else away, and the memory is all its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit.bench.measuring import disturbance
from mobilekit.bench.measuring.disturbance import Disturbance, Moment
from mobilekit.bench.results import Condition
from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.runner.timing import ClockError, condition, pin
from mobilekit_delegates.targets import UnsupportedError, target
from mobilekit_delegates.targets.timed import TimedRuns, TimedTarget, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a turn gave. `runs` is None where its times are worth nothing, and `thrown` says why."""

    runs: TimedRuns | None
    thrown: str = ""
    disturbance: Disturbance = field(
        default_factory=lambda: Disturbance(seconds=0, others=0, stolen=0)
    )
    before: Condition = field(default_factory=Condition)
    after: Condition = field(default_factory=Condition)


def settled(times: Sequence[float], window: int) -> bool:
    """Say whether a warm-up is over; see `statistics.is_settled`."""
    # Here, because it loads numpy.
    from mobilekit.bench.statistics import is_settled

    return is_settled(times, window=window)


def take_turn(artifact: Artifact, name: str, golden: Path, plan: TimingPlan) -> Turn:
    """Time an artifact on a target, on the golden's inputs.

    Raises:
        DataError: the golden is another model's, or damaged.
        TargetError: the target could not load the artifact or run it.
        UnsupportedError: it cannot time artifacts, or does not know something in this one.
    """
    place = target(name)
    if not isinstance(place, TimedTarget):
        raise UnsupportedError(place.info.timed_by or f"{name} cannot time artifacts.")
    if place.info.repeatable:
        pin_here(plan.affinity)  # A device has cores of its own.
    batches = golden_batches(artifact, golden)
    return watched(lambda: place.time_artifact(artifact, batches, plan))


def pin_here(cores: Sequence[int]) -> None:
    """Keep this process on some cores.

    Raises:
        ProjectError: there are no such cores here, or the system knows no such thing.
    """
    from mobilekit_converters.errors import ProjectError

    try:
        pin(cores)
    except OSError as error:
        listed = ",".join(map(str, cores))
        raise ProjectError(
            f"--affinity {listed}: no process can be kept on these cores here: {error}."
        ) from error


def watched(time: Callable[[], TimedRuns], now: Callable[[], Moment] = disturbance.now) -> Turn:
    """Time something, and see what else the machine and its clocks do meanwhile."""
    here, began = condition(), now()
    try:
        runs: TimedRuns | None = time()
        thrown = ""
    except ClockError as error:
        runs, thrown = None, str(error)
    ended = now()
    thrown = thrown or disturbance.why_clocks_disagree(began, ended)
    before, after = (runs.conditions if runs and runs.conditions else (here, condition()))[:2]
    return Turn(
        runs=None if thrown else runs,
        thrown=thrown,
        disturbance=disturbance.between(began, ended),
        before=_condition(before),
        after=_condition(after),
    )


def golden_batches(artifact: Artifact, folder: Path) -> Sequence[Arrays]:
    """Return a golden's inputs as batches, one for each sample where the batch is 1.

    Raises:
        DataError: the golden is another model's, or damaged.
    """
    from mobilekit.parity.batches import batches_of
    from mobilekit.parity.fitting import require_fitting
    from mobilekit.parity.golden import read_golden

    golden = read_golden(folder)
    require_fitting(artifact, golden)
    return batches_of(artifact.signature, golden.inputs)


def _condition(found: Mapping[str, Any]) -> Condition:
    return Condition(
        governor=str(found.get("governor", "")),
        thermal=str(found.get("thermal", "")),
        celsius=float(found.get("celsius", "nan")),
        load=float(found.get("load", "nan")),
    )

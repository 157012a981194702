"""LiteRT's own profile of an artifact on the CPU: what XNNPACK and the other kernels took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import UnsupportedError
from mobilekit_delegates.profiling.litert_library import Event, ProfiledModel
from mobilekit_delegates.quantised_values import stored_input
from mobilekit_delegates.targets.target import Target
from mobilekit_delegates.targets.timed import TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays

_OPERATOR = 1 << 1
_IN_DELEGATE = frozenset({1 << 2, 1 << 3})
"""`OPERATOR_INVOKE_EVENT`, `DELEGATE_OPERATOR_INVOKE_EVENT` and
`DELEGATE_PROFILED_OPERATOR_INVOKE_EVENT`, of `litert_profiler_event.h`."""

_LOST = 0.1
"""The share of a run's time that may be lost to rounding before a profile says nothing."""

_BLOCKS = 11
_BLOCK_SECONDS = 0.05
_MOST_RUNS = 1000
"""A block's runs have to fit into LiteRT's buffer of half a million events."""


@dataclass(frozen=True, kw_only=True)
class ProfiledOperator:
    """One operator: where it stands in the running order, what it is, and how long it took.

    `operator` is what the kernels' library calls it: a delegate fuses and splits what the file has.
    """

    place: int
    operator: str
    milliseconds: float


@runtime_checkable
class ProfiledTarget(Target, Protocol):
    """A target whose runtime says how long single operators take."""

    def profile_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> tuple[ProfiledOperator, ...]:
        """Profile an artifact, in a process of its own.

        Raises:
            UnsupportedError: the runtime does not tell.
        """


def profile_on_cpu(
    artifact: Artifact, batches: Sequence[Arrays], cpu_options: str
) -> tuple[ProfiledOperator, ...]:
    """Profile an artifact in a CompiledModel.

    The profiler's clock counts whole microseconds. A mean over many runs resolves less, and the
    median over blocks of runs keeps disturbances out. But a delegate's operators come with their
    times rounded down, half a microsecond too short on average.

    Args:
        artifact: a `.tflite` artifact that is known to run.
        batches: inputs in real values, by name.
        cpu_options: see `ProfiledModel`.

    Raises:
        UnsupportedError: LiteRT tells nothing, not the same for every run, or operators are too
            short for its clock.
    """
    with closing(ProfiledModel(artifact.path, cpu_options)) as model:
        stored = [
            {spec.name: stored_input(spec, batch[spec.name]) for spec in artifact.signature.inputs}
            for batch in batches
        ]

        def run(count: int) -> None:
            for index in range(count):
                for name, values in stored[index % len(stored)].items():
                    model.set_input(name, values)
                model.run()

        run(3)
        started = time.perf_counter()
        run(1)
        length = time.perf_counter() - started
        count = min(_MOST_RUNS, max(1, round(_BLOCK_SECONDS / length)))
        run(count)
        blocks = []
        for _ in range(_BLOCKS):
            with model.profiled() as events:
                run(count)
            blocks.append(tuple(_means(events, count)))
    return _medians(blocks)


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """An operator's mean time in a block, in microseconds."""

    operator: str
    in_delegate: bool
    time: float


def _means(events: Sequence[Event], runs: int) -> Iterator[_Mean]:
    """Yield each operator's mean time over runs, in running order.

    Only the middle half of the runs counts, by how long they took: a run that was interrupted has
    the time of something else in one of its operators.
    """
    found = [event for event in events if event.kind == _OPERATOR or event.kind in _IN_DELEGATE]
    per_run, left = divmod(len(found), runs)
    if left:
        raise UnsupportedError("LiteRT's profile has not as many operators in every run")
    rows = [found[start : start + per_run] for start in range(0, len(found), per_run or 1)]
    rows.sort(key=lambda row: sum(event.elapsed for event in row))
    middle = rows[len(rows) // 4 : len(rows) - len(rows) // 4]
    for same in zip(*middle, strict=True):
        yield _Mean(
            operator=same[0].tag.decode(errors="replace"),
            in_delegate=same[0].kind in _IN_DELEGATE,
            time=sum(event.elapsed for event in same) / len(same),
        )


def _medians(blocks: Sequence[tuple[_Mean, ...]]) -> tuple[ProfiledOperator, ...]:
    """Return each operator's median over blocks, if rounding leaves most of it."""
    names = [mean.operator for mean in blocks[0]]
    if not names or any([mean.operator for mean in block] != names for block in blocks):
        raise UnsupportedError("LiteRT's profile does not name the same operators in every run")
    found = tuple(
        ProfiledOperator(
            place=index,
            operator=name,
            milliseconds=statistics.median(block[index].time for block in blocks) / 1000,
        )
        for index, name in enumerate(names)
    )
    rounded = sum(mean.in_delegate for mean in blocks[0])
    lost, total = 0.0005 * rounded, sum(item.milliseconds for item in found)
    if lost > _LOST * (lost + total):
        raise UnsupportedError(
            f"{rounded} operators that take {1000 * total:.0f} µs together are too short for "
            "LiteRT's profiler, which counts whole microseconds"
        )
    return found

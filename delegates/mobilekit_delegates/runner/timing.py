"""Time an artifact: the first run, a warm-up, and then a block of runs.

The file goes to boards with `runner.py`, so it needs Python 3.8 and nothing else. Every target that
runs artifacts in a Python is timed by it, here or elsewhere.

A clock gives integer nanoseconds that never go back. Only `invoke` is inside of it: an input is set
before each run, outside, and is another one than the run before had.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Sequence  # noqa: UP035 - Python 3.8 cannot index those of abc

Clock = Callable[[], int]

# One run is too short to say anything where it takes microseconds: a warm-up looks at medians of
# as many as take this long together.
CHUNK_NS = 5_000_000

# Runs that are longer than this have a shorter warm-up, or it would take minutes.
LONG_RUN_NS = 50_000_000


class ClockError(Exception):
    """The clock stood still or went back."""


def time_runs(
    set_inputs: Callable[[Any], None],
    invoke: Callable[[], Any],
    batches: Sequence[Any],
    count: int,
    first: int = 0,
    clock: Clock = time.perf_counter_ns,
) -> list[int]:
    """Time `count` runs on batches in turn, from the one of index `first` on, in nanoseconds."""
    times = []
    for index in range(first, first + count):
        set_inputs(batches[index % len(batches)])
        started = clock()
        invoke()
        times.append(clock() - started)
    if min(times, default=1) <= 0:
        raise ClockError(f"a run took {min(times)} ns by the clock")
    return times


def take_turn(
    runs: Callable[[int, int], list[int]],
    plan: dict[str, Any],
    settled: Callable[[list[float], int], bool] | None = None,
    clock: Clock = time.perf_counter_ns,
) -> dict[str, Any]:
    """Run for the first time, warm up, and time a block.

    Args:
        runs: times some runs from the one of an index on: `runs(count, index)`.
        plan: `warm_up_seconds`, at most; `block_seconds` and `block_runs`, at least, and
            `most_block_seconds`, which goes before `block_runs`.
        settled: says of the medians of all chunks so far, and a window, whether the warm-up is
            over. Without it the warm-up lasts as long as it may.
        clock: as above.

    Returns:
        `first_ns`; `warm_up_ns`, the medians of the warm-up's chunks; `warm_up_window`, how many of
        them make a half for `settled`; `warm_up_runs`; `settled`, where that was asked; and
        `run_ns`, the block.
    """
    first_ns = runs(1, 0)[0]
    done = 1
    length = median(runs(3, done))
    done += 3
    chunk = max(1, round(CHUNK_NS / length))
    window = 5 if length < LONG_RUN_NS else 2
    chunks: list[float] = []
    deadline = clock() + int(1e9 * plan["warm_up_seconds"])
    over = False
    while not over and (clock() < deadline or not chunks):
        chunks.append(median(runs(chunk, done)))
        done += chunk
        over = settled is not None and settled(chunks, window)
    return {
        "first_ns": first_ns,
        "warm_up_ns": chunks,
        "warm_up_window": window,
        "warm_up_runs": done,
        "settled": over,
        "run_ns": runs(block_size(chunks[-1], plan), done),
    }


def block_size(length: float, plan: dict[str, Any]) -> int:
    """Return how many runs of a length in nanoseconds make a block."""
    long_enough = -(-1e9 * plan["block_seconds"] // length)
    affordable = max(1, 1e9 * plan["most_block_seconds"] // length)
    return int(max(long_enough, min(plan["block_runs"], affordable), 1))


def median(values: Sequence[float]) -> float:
    """Return the median of at least one number."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def peak_memory() -> int | None:
    """Return the most memory that this process ever held resident, in bytes, if the system says."""
    status = Path("/proc/self/status")
    # The kernel's own count: getrusage's is inherited from the process that started this one.
    for line in status.read_text("ascii", "replace").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def pin(cores: Sequence[int]) -> None:
    """Keep this process, and what it starts, on some cores; on none of them in particular if empty.

    Raises:
        OSError: there are no such cores, or the system knows no such thing.
    """
    if not cores:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("this system does not let a process choose its cores")
    os.sched_setaffinity(0, cores)


def condition() -> dict[str, Any]:
    """Return the state of this machine, as far as the system tells it.

    `governor` is what sets the clock rate; `celsius` the hottest sensor; `load` the number of
    processes that want to run, over the last minute; `thermal` says whether the processor was
    slowed down against heat since the system started.
    """
    found: dict[str, Any] = {}
    cpu = Path("/sys/devices/system/cpu")
    governors = {_text(path) for path in cpu.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if governors - {""}:
        found["governor"] = ", ".join(sorted(governors - {""}))
    degrees = [_text(path) for path in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    hot = [int(text) / 1000 for text in degrees if text.lstrip("-").isdigit()]
    if hot:
        found["celsius"] = max(hot)
    throttled = [_text(path) for path in cpu.glob("cpu*/thermal_throttle/core_throttle_count")]
    if any(text.isdigit() for text in throttled):
        count = sum(int(text) for text in throttled if text.isdigit())
        found["thermal"] = f"slowed down {count} times since the system started"
    if hasattr(os, "getloadavg"):
        found["load"] = os.getloadavg()[0]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""  # Some sensors cannot be read while they sleep.

"""Hold `mobilekit bench` against other ways to time the same files, and write it into README.md.

    .venv/bin/python benchmarks/faithful.py

Two pairs time one file with LiteRT and XNNPACK on one thread. Both of a pair call the same function
of LiteRT, because the two that it has do not cost the same: a turn of `mobilekit bench` on the
target `cpu` and a bare loop call the interpreter's `invoke()`; the same turn on a `CompiledModel`
and `litert-benchmark`, the console script of the LiteRT wheel, call its `run_by_name()`. Each is a
process of its own every time, because each process has its luck with memory, and they take turns,
each first as often as the others. What is compared is the median of a side's medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coreml_evaluator import convert, networks
from numpy.typing import NDArray
from page import machine, versions, write_section

from mobilekit.bench.measuring.turn import Turn, golden_batches, settled, take_turn, watched
from mobilekit.bench.statistics import interval_of_starts
from mobilekit.jobs import Job, Limits, run_jobs
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.artifacts import read_finished
from mobilekit_delegates.targets.litert_compiled import (
    CompiledSession,
    default_cpu_options,
    time_compiled,
)
from mobilekit_delegates.targets.timed import TimingPlan

HERE = Path(__file__).resolve().parent
VERSIONS = ("ai-edge-litert", "numpy")
MOST_APART = 0.03
"""The share by which medians may differ."""

WARM_UP_SECONDS, SECONDS = 0.3, 0.5

# The figures that it prints are rounded to 0.01 ms, in which a small network runs once or twice.
_LITERT_BENCHMARK = """
from ai_edge_litert.tools import benchmark_litert_model as tool
tool.round = lambda number, digits=None: number
tool.main()
"""

_BARE_LOOP = """
import json, sys, time
from pathlib import Path
import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, batches, warm_up, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
interpreter = Interpreter(model_path=model, num_threads=1)
interpreter.allocate_tensors()
with np.load(batches) as inputs:
    for item in interpreter.get_signature_runner().get_input_details().items():
        interpreter.set_tensor(item[1]["index"], inputs[item[0]])
times = []
for _ in range(warm_up + runs):
    started = time.perf_counter_ns()
    interpreter.invoke()
    times.append(time.perf_counter_ns() - started)
print(json.dumps(times[warm_up:]))
"""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One file, with a batch for it, and about how long a run takes."""

    artifact: Artifact
    golden: Path
    batch: Path
    seconds: float

    @property
    def runs(self) -> tuple[int, int]:
        """How many runs warm up, and how many are timed: as long as a turn of mobilekit's."""
        return (
            max(10, round(WARM_UP_SECONDS / self.seconds)),
            max(10, round(SECONDS / self.seconds)),
        )


def by_mobilekit(subject: Subject) -> float:
    """Return the median in milliseconds that a turn of `mobilekit bench` finds."""
    return _turn(take_turn, subject, {"name": "cpu"})


def by_mobilekit_compiled(subject: Subject) -> float:
    """Return the median in milliseconds that the same turn finds for a `CompiledModel`."""
    return _turn(take_compiled_turn, subject, {})


class SetOnce(CompiledSession):
    """A session whose inputs stay as they were first set, as in `litert-benchmark`.

    `mobilekit bench` sets new ones before each run, as apps do; the run after that takes some
    tenths of a microsecond more, which would be 3 to 5 % of the smallest network.
    """

    _is_set = False

    def set_inputs(self, stored: dict[str, NDArray[np.generic]]) -> None:
        """Set what all runs take."""
        if not self._is_set:
            super().set_inputs(stored)
            self._is_set = True


def take_compiled_turn(artifact: Artifact, golden: Path, plan: TimingPlan) -> Turn:
    """Take a turn of an artifact in a `CompiledModel` on the CPU."""
    batches = golden_batches(artifact, golden)

    def opened() -> CompiledSession:
        return SetOnce(artifact, default_cpu_options(), target="cpu")

    return watched(lambda: time_compiled(opened, batches, plan))


def _turn(function: Callable[..., Turn], subject: Subject, more: dict[str, str]) -> float:
    """Take a turn as `mobilekit bench` does, in a worker process; return its median."""
    plan = TimingPlan(settled=settled, block_seconds=SECONDS)
    arguments = {"artifact": subject.artifact, "golden": subject.golden, "plan": plan, **more}
    job = Job(name="turn", function=function, arguments=arguments)
    limits = Limits(workers=1, memory=2**33, seconds=600)
    with tempfile.TemporaryDirectory() as logs:
        modules = ("ai_edge_litert.interpreter", "mobilekit.bench.measuring.turn")
        (outcome,) = run_jobs([job], limits=limits, logs=Path(logs), preload=modules)
    if outcome.error is not None:
        raise outcome.error
    turn: Turn = outcome.value
    if turn.runs is None:
        raise SystemExit(f"A turn was thrown away: {turn.thrown}.")
    return statistics.median(turn.runs.run_ns) / 1e6


def by_bare_loop(subject: Subject) -> float:
    """Return the median in milliseconds of a loop with nothing else in it."""
    counts = map(str, subject.runs)
    said = python(_BARE_LOOP, str(subject.artifact.path), str(subject.batch), *counts)
    times: list[int] = json.loads(said)
    return statistics.median(times) / 1e6


def by_litert_benchmark(subject: Subject) -> float:
    """Return the median in milliseconds that `litert-benchmark` reports."""
    warm_up, runs = subject.runs
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        python(
            _LITERT_BENCHMARK,
            f"--model={subject.artifact.path}",
            "--num_threads=1",
            f"--warmup_runs={warm_up}",
            f"--num_runs={runs}",
            f"--result_json={result}",
        )
        found = json.loads(result.read_text(encoding="utf-8"))
    return float(found["latency"]["median_ms"])


SIDES: dict[str, Callable[[Subject], float]] = {
    "mobilekit bench": by_mobilekit,
    "bare loop": by_bare_loop,
    "mobilekit bench, CompiledModel": by_mobilekit_compiled,
    "litert-benchmark": by_litert_benchmark,
}

PAIRS = (
    ("mobilekit bench", "bare loop"),
    ("mobilekit bench, CompiledModel", "litert-benchmark"),
)
"""The sides that are compared: ours, and another."""


def python(program: str, *arguments: str) -> str:
    """Run a program in a Python of its own; return what it prints."""
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{arguments[0]}: {ended.stderr}")
    return ended.stdout


def subject_of(release: Path, work: Path) -> Subject:
    """Return the float32 file of a release, with the first sample of its golden."""
    from mobilekit.parity.batches import batches_of
    from mobilekit.parity.golden import read_golden

    artifact = read_finished(release / "models" / "tflite-fp32.tflite")
    batch = batches_of(artifact.signature, read_golden(release / "golden").inputs)[0]
    path = work / f"{release.stem}.npz"
    np.savez(path, **batch)  # type: ignore[arg-type]
    first = Subject(artifact=artifact, golden=release / "golden", batch=path, seconds=0.01)
    return Subject(
        artifact=artifact,
        golden=release / "golden",
        batch=path,
        seconds=by_mobilekit(first) / 1000,
    )


def measure(subject: Subject, rounds: int) -> dict[str, list[float]]:
    """Return the medians of every round by side; another side begins each time."""
    figures: dict[str, list[float]] = {side: [] for side in SIDES}
    names = list(SIDES)
    for number in range(rounds):
        start = number % len(names)
        for name in (*names[start:], *names[:start]):
            figures[name].append(SIDES[name](subject))
    return figures


def row(network: str, figures: dict[str, list[float]]) -> list[str]:
    """Return a line of the table: for each pair both medians, and how far they are apart."""
    cells = [network]
    for ours, other in PAIRS:
        base, found = statistics.median(figures[ours]), statistics.median(figures[other])
        # Of turns next to each other, which a machine that drifts meets alike.
        ratios = [one / two for one, two in zip(figures[other], figures[ours], strict=True)]
        low, high = interval_of_starts(ratios)
        shares = [100 * (ratio - 1) for ratio in (found / base, low, high)]
        cells += [
            f"{base:.4g} ms",
            f"{found:.4g} ms",
            "{:+.1f} % ({:+.1f} to {:+.1f})".format(*shares),
        ]
    return cells


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Render the figures of all networks."""
    heads = [head for ours, other in PAIRS for head in (ours, other, "apart")]
    lines = [["network", *heads], ["---"] * (len(heads) + 1)]
    lines += [row(network, found) for network, found in figures.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def apart(figures: dict[str, list[float]]) -> float:
    """Return the largest share by which the medians of a pair differ."""
    medians = {side: statistics.median(found) for side, found in figures.items()}
    return max(abs(medians[other] / medians[ours] - 1) for ours, other in PAIRS)


def main() -> None:
    """Convert, measure, print the table and write it into README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21, help="how often each side runs")
    parser.add_argument("--network", default="", help="only those whose names have this in them")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "benchmark")
    parser.add_argument("--dry", action="store_true", help="leave README.md as it is")
    options = parser.parse_args()

    work: Path = options.work / "faithful"
    work.mkdir(parents=True, exist_ok=True)
    releases: dict[str, Path] = {}
    for number, network in enumerate(networks(options.work)):
        if options.network in network.name:
            releases[network.name] = work / f"{number}.release"
            convert(network, releases[network.name], options.work)
    figures: dict[str, dict[str, list[float]]] = {}
    for name, release in releases.items():
        figures[name] = measure(subject_of(release, work), options.rounds)
        print(name, "measured", flush=True)
    text = (
        f"{table(figures)}\n\n{machine()}, {versions(VERSIONS)}. Medians of {options.rounds} "
        "turns; in brackets the 95 % interval of the median difference within a round."
    )
    print(text)
    if not options.dry:
        write_section("faithful", text)
    far = [name for name, found in figures.items() if apart(found) > MOST_APART]
    if far:
        raise SystemExit(f"Further apart than {100 * MOST_APART:g} %: {', '.join(far)}.")


if __name__ == "__main__":
    main()

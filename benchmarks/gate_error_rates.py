"""How often the comparison with a baseline is wrong: simulated, and on measurements of a machine.

    python benchmarks/gate_error_rates.py --record FILE MODEL.tflite ...
    python benchmarks/gate_error_rates.py --recorded FILE

The first appends one measurement of the models to FILE; run it many times, minutes apart. The
second compares every measurement of FILE with every later one, as they are and with 10 % added,
simulates machines, and writes the tables into `docs/latency_gates.md`. The simulated machines are
those of the tests.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from page import machine, write_section

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "bench"))

from simulated_machine import MACHINES, REFERENCE, Rounds, measure  # noqa: E402
from test_bench_error_rates import WORKLOADS  # noqa: E402

from mobilekit.bench.comparison import (  # noqa: E402
    FAST,
    TYPICAL,
    Change,
    Series,
    change,
    outcome,
)

PAGE = HERE.parent / "docs" / "latency_gates.md"
SLOWDOWNS = (1.0, 1.05, 1.1, 1.2)
SIZE = 0.05
TURNS = 25
TURN_MS = 40.0
MOST_RUNS = 100
LENGTHS = (0.0, 4.0, 16.0)
DISTURBED = 1.0
"""Measurements with such a load of the system and more are left out: something else ran."""


Pair = list[tuple[Change, Change]]
"""What changed from one measurement to another, for each artifact: the fastest runs, the median."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How comparisons came out, by status: `any_failed` counts those with a failed artifact."""

    statuses: Counter[str]
    any_failed: int
    comparisons: int


def rates(pairs: Sequence[Pair], factor: float) -> Rates:
    """Return how pairs come out if the later measurement had been slower by a factor.

    All of its times would be, so that nothing else of a change is another.
    """
    statuses: Counter[str] = Counter()
    any_failed = 0
    for pair in pairs:
        found = [
            outcome(_more(fast, factor), _more(typical, factor), size=SIZE, comparisons=len(pair))
            for fast, typical in pair
        ]
        statuses.update(found)
        any_failed += "fail" in found
    return Rates(statuses=statuses, any_failed=any_failed, comparisons=len(pairs))


def _more(found: Change, factor: float) -> Change:
    return replace(found, slower=found.slower + math.log(factor))


def simulated(kind: str, trials: int) -> Iterator[Pair]:
    random = np.random.default_rng(0)
    workloads = [REFERENCE, *WORKLOADS]
    for trial in range(trials):
        if trial % 100 == 0:
            print(f"{kind}: {trial} of {trials}", file=sys.stderr, flush=True)
        before, after = (measure(MACHINES[kind], workloads, random) for _ in range(2))
        yield _pair(before[0], before[1:], after[0], after[1:])


def _pair(
    reference: Rounds, artifacts: Sequence[Rounds], other: Rounds, others: Sequence[Rounds]
) -> Pair:
    found = []
    for before, after in zip(artifacts, others, strict=True):
        first, second = (
            Series(rounds=before, reference=reference),
            Series(rounds=after, reference=other),
        )
        found.append((change(first, second, FAST), change(first, second, TYPICAL)))
    return found


def record(file: Path, models: list[Path]) -> None:
    """Append one measurement: the reference workload and each model take turns."""
    import threadpoolctl

    matrix = np.random.default_rng(0).random((192, 192), dtype=np.float32)
    work: dict[str, Callable[[], object]] = {"reference": lambda: matrix @ matrix}
    work |= {path.stem: _runner(path) for path in models}
    rounds: dict[str, list[list[float]]] = {name: [] for name in work}
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        for run in work.values():
            _turn(run, 100.0)
        for _ in range(TURNS):
            for name, run in work.items():
                rounds[name].append(_turn(run, TURN_MS))
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"load": os.getloadavg()[0], "rounds": rounds}) + "\n")


def _runner(path: Path) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        value = (random.random(tensor["shape"]) * 100).astype(tensor["dtype"])
        interpreter.set_tensor(tensor["index"], value)
    return interpreter.invoke


def _turn(run: Callable[[], object], milliseconds: float) -> list[float]:
    times: list[float] = []
    start = time.perf_counter_ns()
    while time.perf_counter_ns() - start < milliseconds * 1e6:
        before = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - before) / 1e6)
    return times


def recorded(file: Path) -> list[tuple[Rounds, list[Rounds]]]:
    """Return the rounds of the reference workload and of each artifact, for each measurement.

    Neighbouring runs of a model are also taken together as one of a model that is so much slower,
    because long runs vary otherwise than short ones.
    """
    measurements = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [
        (
            _joined(item["rounds"].pop("reference"), 0.0),
            [
                [turn[:MOST_RUNS] for turn in _joined(turns, length)]
                for turns in item["rounds"].values()
                for length in LENGTHS
            ],
        )
        for item in measurements
        if item["load"] < DISTURBED
    ]


def _joined(turns: list[list[float]], length: float) -> Rounds:
    typical = float(np.median(np.concatenate([np.asarray(turn) for turn in turns])))
    # A power of two, so that a slower day does not make other runs of it.
    count = 2 ** max(0, round(float(np.log2(max(length, typical) / typical))))
    joined = []
    for turn in turns:
        size = min(count, len(turn))
        whole = np.asarray(turn[: len(turn) // size * size])
        joined.append(whole.reshape(-1, size).mean(axis=1) * count)
    return joined


def table(rows: Iterable[tuple[str, float, Rates]]) -> str:
    lines = [
        "| machine | really slower by | comparisons | artifacts: fail | undecided | pass "
        "| any artifact failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, factor, found in rows:
        total = found.statuses.total()
        shares = [_share(found.statuses[s], total) for s in ("fail", "undecided", "pass")]
        lines.append(
            f"| {name} | {100 * (factor - 1):.0f} % | {found.comparisons:,} "
            f"| {' | '.join(shares)} | {_share(found.any_failed, found.comparisons)} |"
        )
    return "\n".join(lines)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--recorded", type=Path, metavar="FILE")
    parser.add_argument("--trials", type=int, default=1000, help="0 leaves the simulation out")
    parser.add_argument("models", type=Path, nargs="*")
    options = parser.parse_args()
    if options.record:
        record(options.record, options.models)
        return
    if options.trials:
        write_section("simulated", table(_simulated_rows(options.trials)), PAGE)
    if options.recorded:
        write_section("recorded", _recorded_text(recorded(options.recorded)), PAGE)


def _simulated_rows(trials: int) -> Iterator[tuple[str, float, Rates]]:
    for kind in MACHINES:
        pairs = list(simulated(kind, trials))
        yield from ((kind, factor, rates(pairs, factor)) for factor in SLOWDOWNS)


def _recorded_text(measurements: list[tuple[Rounds, list[Rounds]]]) -> str:
    pairs = [_pair(*one, *other) for one, other in itertools.combinations(measurements, 2)]
    rows = [("recorded", factor, rates(pairs, factor)) for factor in SLOWDOWNS]
    return (
        f"{machine()}. {len(measurements)} measurements of {len(measurements[0][1])} artifacts, "
        f"each compared with each later one.\n\n{table(rows)}"
    )


if __name__ == "__main__":
    main()

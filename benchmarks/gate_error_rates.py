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
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from page import machine, write_section

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "bench"))

from gate_samples import benchmark, report  # noqa: E402
from simulated_machine import MACHINES  # noqa: E402
from test_bench_error_rates import measured  # noqa: E402

from mobilekit.bench.baseline import compare  # noqa: E402
from mobilekit.bench.gates import verdict  # noqa: E402
from mobilekit.bench.results import BenchReport  # noqa: E402

PAGE = HERE.parent / "docs" / "latency_gates.md"
SLOWDOWNS = (1.0, 1.05, 1.1, 1.2)
TURNS = 25
TURN_MS = 40.0
MOST_RUNS = 100
LENGTHS = (0.0, 4.0, 16.0)
DISTURBED = 1.0
"""Measurements with such a load of the system and more are left out: something else ran."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How comparisons came out: whole commands by verdict, single artifacts by status."""

    commands: Counter[str]
    artifacts: Counter[str]


def rates(pairs: Iterable[tuple[BenchReport, BenchReport]], factor: float) -> Rates:
    found = Rates(commands=Counter(), artifacts=Counter())
    for before, after in pairs:
        gates = compare(before, slower(after, factor))
        found.commands[verdict(gates)] += 1
        found.artifacts.update(gate.status for gate in gates)
    return found


def slower(content: BenchReport, factor: float) -> BenchReport:
    items = []
    for item in content.benchmarks:
        rounds = item.latency.rounds if item.latency else ()
        times = tuple(tuple(factor * time for time in turn) for turn in rounds)
        items.append(benchmark(times, variant=item.variant))
    return replace(content, benchmarks=tuple(items))


def simulated(kind: str, trials: int) -> Iterator[tuple[BenchReport, BenchReport]]:
    random = np.random.default_rng(0)
    for _ in range(trials):
        yield measured(kind, random), measured(kind, random)


def record(file: Path, models: list[Path]) -> None:
    """Append one measurement: the reference workload and each model take turns."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    matrix = np.random.default_rng(0).random((192, 192), dtype=np.float32)
    work: dict[str, Callable[[], object]] = {"reference": lambda: matrix @ matrix}
    work |= {path.stem: _runner(path) for path in models}
    for run in work.values():
        _turn(run, 100.0)
    rounds: dict[str, list[list[float]]] = {name: [] for name in work}
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


def recorded(file: Path) -> list[BenchReport]:
    """Return each measurement as a report.

    Neighbouring runs of a model are also taken together as one of a model that is so much slower,
    because long runs vary otherwise than short ones.
    """
    measurements = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [_report(item["rounds"]) for item in measurements if item["load"] < DISTURBED]


def _report(rounds: dict[str, list[list[float]]]) -> BenchReport:
    items = [
        benchmark([turn[:MOST_RUNS] for turn in _joined(turns, length)], variant=f"{name} {length}")
        for name, turns in rounds.items()
        for length in LENGTHS
        if name != "reference"
    ]
    return report(items, reference=rounds["reference"])


def _joined(turns: list[list[float]], length: float) -> list[list[float]]:
    typical = float(np.median(np.concatenate([np.asarray(turn) for turn in turns])))
    # A power of two, so that a slower day does not make other runs of it.
    count = 2 ** max(0, round(float(np.log2(max(length, typical) / typical))))
    joined = []
    for turn in turns:
        size = min(count, len(turn))
        whole = np.asarray(turn[: len(turn) // size * size])
        joined.append(list(map(float, whole.reshape(-1, size).sum(axis=1))))
    return joined


def table(rows: Iterable[tuple[str, float, Rates]]) -> str:
    lines = [
        "| machine | really slower by | comparisons | artifacts: fail | undecided | pass "
        "| any artifact failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, factor, found in rows:
        commands, artifacts = found.commands, found.artifacts
        shares = [_share(artifacts[s], artifacts.total()) for s in ("fail", "undecided", "pass")]
        any_failed = _share(commands["fail"], commands.total())
        lines.append(
            f"| {name} | {100 * (factor - 1):.0f} % | {commands.total():,} | {' | '.join(shares)} "
            f"| {any_failed} |"
        )
    return "\n".join(lines)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--recorded", type=Path, metavar="FILE")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("models", type=Path, nargs="*")
    options = parser.parse_args()
    if options.record:
        record(options.record, options.models)
        return
    rows = [
        (kind, factor, rates(simulated(kind, options.trials // (1 if factor == 1 else 4)), factor))
        for kind in MACHINES
        for factor in SLOWDOWNS
    ]
    write_section("simulated", table(rows), PAGE)
    if options.recorded:
        reports = recorded(options.recorded)
        pairs = list(itertools.combinations(reports, 2))
        rows = [("recorded", factor, rates(pairs, factor)) for factor in SLOWDOWNS]
        about = (
            f"{machine()}. {len(reports)} measurements of {len(reports[0].benchmarks)} artifacts, "
            "each compared with each later one."
        )
        write_section("recorded", f"{about}\n\n{table(rows)}", PAGE)


if __name__ == "__main__":
    main()

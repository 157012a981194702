"""How often a comparison with a baseline is wrong, on a machine that is simulated.

`docs/latency_gates.md` has the same with more trials.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gate_samples import benchmark, report
from simulated_machine import MACHINES, REFERENCE, Rounds, Workload, measure

from mobilekit.bench.baseline import compare
from mobilekit.bench.gates import verdict
from mobilekit.bench.results import BenchReport, Latency

WORKLOADS = [
    Workload(milliseconds=0.01, sensitivity=0.2),
    Workload(milliseconds=0.06, sensitivity=0.16),
    Workload(milliseconds=0.26, sensitivity=0.1),
    Workload(milliseconds=4.0, sensitivity=0.11),
    Workload(milliseconds=26.0, sensitivity=0.09),
]


def measured(kind: str, random: np.random.Generator) -> BenchReport:
    reference, *times = measure(MACHINES[kind], [REFERENCE, *WORKLOADS], random)
    names = [f"variant-{index}" for index in range(len(times))]
    items = [benchmark(rounds, variant=name) for name, rounds in zip(names, times, strict=True)]
    return report(items, reference=reference)


def slower(content: BenchReport, factor: float) -> BenchReport:
    def changed(latency: Latency | None) -> Rounds:
        assert latency is not None
        return [factor * np.asarray(times) for times in latency.rounds]

    return replace(
        content,
        benchmarks=tuple(
            benchmark(changed(item.latency), variant=item.variant) for item in content.benchmarks
        ),
    )


def outcomes(kind: str, trials: int, factor: float) -> tuple[Counter[str], Counter[str]]:
    """Return the verdicts on whole benchmarks, and the statuses of single artifacts."""
    random = np.random.default_rng(0)
    verdicts: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for _ in range(trials):
        gates = compare(measured(kind, random), slower(measured(kind, random), factor))
        verdicts[verdict(gates)] += 1
        statuses.update(gate.status for gate in gates)
    return verdicts, statuses


@pytest.mark.parametrize("kind", ["quiet", "as measured"])
def test_what_did_not_change_fails_in_fewer_than_one_comparison_of_a_hundred(kind: str) -> None:
    verdicts, statuses = outcomes(kind, 100, 1.0)
    # None of 100 is what a rate of 1 % shows in a third of all series; the page has 2,000.
    assert verdicts["fail"] == 0
    assert statuses["pass"] >= 0.95 * statuses.total()


@pytest.mark.parametrize("kind", ["quiet", "as measured"])
def test_a_slowdown_of_ten_per_cent_is_found(kind: str) -> None:
    verdicts, statuses = outcomes(kind, 60, 1.1)
    assert verdicts["fail"] == verdicts.total()
    assert statuses["fail"] >= 0.95 * statuses.total()
    assert statuses["pass"] <= 0.02 * statuses.total()


def test_a_machine_that_is_too_noisy_leaves_most_undecided() -> None:
    verdicts, statuses = outcomes("hopeless", 40, 1.0)
    assert verdicts["fail"] <= 2
    assert verdicts["undecided"] >= 0.5 * verdicts.total()
    _, statuses = outcomes("hopeless", 40, 1.1)
    assert statuses["undecided"] > statuses["fail"] > statuses["pass"]

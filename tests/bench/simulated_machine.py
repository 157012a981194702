"""A machine whose times vary as real ones do, for tests of what is concluded from times.

Something else shares the hardware: it is there for some of the milliseconds, and while it is there
everything is slower, each workload by a share of its own. How much of the time it is there moves
between two measurements, drifts within one, and jumps for a while. Some runs are interrupted. The
kinds of machines below have what was measured by `benchmarks/gate_error_rates.py --record`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Rounds = list[NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How times vary. Standard deviations are in the logit of `busy`, or in logarithms of times.

    `busy` is the usual share of time in which something else runs, for `burst` milliseconds each.
    `between` is its deviation between two measurements, `within` between rounds, which are alike to
    their neighbours by `memory`; `jumps` is the share of rounds that others fill half of, or more.
    `clock` moves everything alike between two measurements, `layout` each workload on its own. A
    run has its own `jitter`, and the share `interrupted` of runs takes 20 % longer on average.
    """

    busy: float = 0.3
    burst: float = 1.0
    between: float = 0.7
    within: float = 0.6
    memory: float = 0.7
    jumps: float = 0.02
    clock: float = 0.003
    layout: float = 0.005
    jitter: float = 0.008
    interrupted: float = 0.03


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What runs: how long alone, in milliseconds, and by how much others slow it down."""

    milliseconds: float
    sensitivity: float


REFERENCE = Workload(milliseconds=0.11, sensitivity=0.12)

MACHINES = {
    "quiet": Machine(between=0.2, within=0.3, jumps=0.0, layout=0.003, interrupted=0.01),
    "as measured": Machine(),
    "busy": Machine(busy=0.5, between=1.0, within=1.0, jumps=0.1, layout=0.007, interrupted=0.08),
    "hopeless": Machine(busy=0.5, between=2.0, within=2.0, jumps=0.3, clock=0.1, layout=0.008),
}


def without_change(machine: Machine) -> Machine:
    """Return the machine as it is within one measurement: nothing moves between two of them."""
    return replace(machine, between=0.0, clock=0.0, layout=0.0)


def measure(
    machine: Machine,
    workloads: list[Workload],
    random: np.random.Generator,
    *,
    rounds: int = 25,
    milliseconds: float = 40.0,
    most_runs: int = 100,
) -> list[Rounds]:
    """Return the times of one measurement, in which workloads take turns, by workload and round.

    A turn lasts `milliseconds`, one run at least and `most_runs` at most.
    """
    slower = random.normal(0, machine.clock)
    own = [np.exp(slower + random.normal(0, machine.layout)) for _ in workloads]
    shift, drift = random.normal(0, machine.between), random.normal()
    found: list[Rounds] = [[] for _ in workloads]
    for _ in range(rounds):
        drift = machine.memory * drift + np.sqrt(1 - machine.memory**2) * random.normal()
        odds = np.log(machine.busy / (1 - machine.busy)) + shift + machine.within * drift
        share = 1 / (1 + np.exp(-odds))
        if random.random() < machine.jumps:
            share = random.uniform(max(share, 0.5), 1)
        for index, workload in enumerate(workloads):
            runs = int(np.clip(milliseconds / workload.milliseconds, 1, most_runs))
            times = own[index] * _times(machine, workload, share, runs, random)
            found[index].append(times)
    return found


def _times(
    machine: Machine, workload: Workload, share: float, runs: int, random: np.random.Generator
) -> NDArray[np.float64]:
    pieces = workload.milliseconds / machine.burst
    # Short runs meet the others or do not; long ones meet a share of them.
    whole = max(1, round(pieces))
    met = random.binomial(whole, share, runs) / whole
    extra = random.exponential(0.2, runs) * (random.random(runs) < machine.interrupted)
    jitter = random.normal(0, machine.jitter, runs)
    return workload.milliseconds * (1 + workload.sensitivity * met + extra) * np.exp(jitter)

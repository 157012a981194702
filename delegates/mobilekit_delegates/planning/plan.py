"""Plans where to run what: an estimate for each artifact on each accelerator of known devices.

An estimate adds up what the accelerator takes of the graph, what it leaves to the CPU, and what
crosses between the two. Whether a device agrees is for the device to say: apps measure there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.planning.devices import Device, Timing

CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An artifact on an accelerator: its precision, and what the accelerator takes of its graph.

    `coverage` is None where nobody can say: an NPU whose compiler is not here.
    """

    variant: str
    precision: str
    accelerator: str
    coverage: Coverage | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long a candidate may take on a device, in milliseconds; NaN where nobody published times.

    `accelerator_ms` and `cpu_ms` are the parts of the graph that run on each, `transfer_ms` what
    crosses between them: at least that long, at the peak of the memory's bandwidth. `partitions` is
    how many parts the accelerator runs. `reason` says in a sentence what it rests on, or why there
    is no figure.
    """

    device: str
    variant: str
    accelerator: str
    accelerator_ms: float = math.nan
    cpu_ms: float = math.nan
    transfer_ms: float = math.nan
    share: float = math.nan
    partitions: int = 0
    crossing_bytes: int = 0
    reason: str = ""

    @property
    def milliseconds(self) -> float:
        """All of it."""
        return self.accelerator_ms + self.cpu_ms + self.transfer_ms


def plan(candidates: Iterable[Candidate], devices: Iterable[Device]) -> tuple[Estimate, ...]:
    """Estimate every candidate on every device."""
    candidates = tuple(candidates)
    return tuple(_estimate(item, device) for device in devices for item in candidates)


def in_order(
    candidates: Sequence[Candidate], estimates: Sequence[Estimate]
) -> tuple[Candidate, ...]:
    """Sort candidates: the one that is the fastest over all devices first, unknown ones after.

    Devices count alike: what is compared is the geometric mean of a candidate's times, each over
    the fastest of its device. What an accelerator takes nothing of comes last.
    """
    fastest: dict[str, float] = {}
    for item in estimates:
        if not math.isnan(item.milliseconds):
            known = fastest.get(item.device, math.inf)
            fastest[item.device] = min(known, item.milliseconds)

    def slowness(candidate: Candidate) -> tuple[bool, bool, float]:
        logs = [
            math.log(item.milliseconds / fastest[item.device])
            for item in estimates
            if (item.variant, item.accelerator) == (candidate.variant, candidate.accelerator)
            and not math.isnan(item.milliseconds)
        ]
        takes_nothing = candidate.coverage is not None and candidate.coverage.nodes_taken == 0
        return takes_nothing, not logs, sum(logs) / len(logs) if logs else 0.0

    return tuple(sorted(candidates, key=slowness))


def _estimate(candidate: Candidate, device: Device) -> Estimate:
    coverage = candidate.coverage
    blank = Estimate(
        device=device.name,
        variant=candidate.variant,
        accelerator=candidate.accelerator,
        share=math.nan if coverage is None else coverage.share,
    )
    reason = _why_not(candidate, device)
    if reason or coverage is None:
        return replace(blank, reason=reason)
    timing = device.timings[candidate.accelerator]
    if candidate.accelerator == CPU:
        # What its delegate leaves runs on the CPU too, with other kernels.
        whole = _time(timing, candidate.precision, 1, sum(coverage.macs) / 1e6)
        return replace(
            blank, accelerator_ms=0.0, cpu_ms=whole, transfer_ms=0.0, reason=_basis(timing)
        )
    taken, left = _megamacs(coverage)
    parts = sum(part.taken for part in coverage.partitions)
    processor = device.timings.get(CPU)
    leaves = coverage.nodes_taken < coverage.nodes
    if leaves and processor is None:
        left_over = f"{coverage.nodes - coverage.nodes_taken} of {coverage.nodes} operators"
        return replace(
            blank,
            reason=f"It leaves {left_over} to the CPU, of which no times on the {device.name} are "
            "published.",
        )
    crossing = sum(item.bytes for item in coverage.crossings)
    return replace(
        blank,
        accelerator_ms=_time(timing, candidate.precision, parts, taken),
        cpu_ms=_time(processor, candidate.precision, 0, left) if leaves and processor else 0.0,
        transfer_ms=crossing / device.bandwidth,
        partitions=parts,
        crossing_bytes=crossing,
        reason=_basis(timing),
    )


def _why_not(candidate: Candidate, device: Device) -> str:
    timing = device.timings.get(candidate.accelerator)
    if candidate.coverage is None:
        return "What it would take of the graph is not known here."
    if candidate.coverage.nodes_taken == 0:
        if candidate.accelerator == CPU:
            return "Its delegate takes nothing, and no times of the plain kernels are published."
        return "It takes nothing of the graph."
    if timing is None:
        return f"No times of it on the {device.name} are published."
    if timing.factor(candidate.precision) is None:
        return f"No times of it in {candidate.precision} are published."
    return ""


def _megamacs(coverage: Coverage) -> tuple[float, float]:
    """Return millions of MACs that the delegate takes, and that it leaves."""
    pairs = list(zip(coverage.macs, coverage.answers, strict=True))
    return (
        sum(macs for macs, answer in pairs if answer.taken) / 1e6,
        sum(macs for macs, answer in pairs if not answer.taken) / 1e6,
    )


def _time(timing: Timing, precision: str, parts: int, megamacs: float) -> float:
    factor = timing.factor(precision)
    # What the CPU computes between parts of an accelerator costs no start of its own.
    fixed = timing.fixed_ms * parts
    return math.nan if factor is None else factor * (fixed + timing.ms_per_megamac * megamacs)


def _basis(timing: Timing) -> str:
    device = f", measured on a {timing.other_device}" if timing.other_device else ""
    return f"Estimated from published times: {timing.source}{device}."

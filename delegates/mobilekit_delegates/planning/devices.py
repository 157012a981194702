"""Devices whose accelerators somebody timed, and the line through those times.

What an accelerator needs for a network is taken as a part that is always there (waking it up,
giving it the inputs, waiting for the outputs) and a part that grows with the work. Both are fitted
to the published times: an estimate, good for an order and not for a promise.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEVICES = Path(__file__).with_name("devices.toml")

Platform = Literal["android", "ios"]

LIKE = {"fp16": "fp32", "w8": "fp16", "palette8": "palette6", "palette4": "palette6"}
"""Precisions that are taken to be as fast as another one, where nobody timed them.

TFLite's fp16 and w8 store weights alone in fewer bits; Core ML's w8 hardly changes latency
(coremltools' documentation), and palettes differ in what they store, not in how they compute.
"""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long an accelerator takes: `fixed_ms`, and `ms_per_megamac` for each million MACs.

    Both are of the precision `base`; `factors` are how much longer others take, by precision.
    `source` says who measured, `other_device` on which device where it was another one.
    """

    accelerator: str
    base: str
    fixed_ms: float
    ms_per_megamac: float
    factors: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    other_device: str = ""

    def factor(self, precision: str) -> float | None:
        """Return how much longer a precision takes than the base; None where nobody knows."""
        wanted: str | None = precision
        while wanted is not None:
            if wanted == self.base:
                return 1.0
            if wanted in self.factors:
                return self.factors[wanted]
            wanted = LIKE.get(wanted)
        return None


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device. `bandwidth` is its memory's peak, in bytes a millisecond."""

    name: str
    platform: Platform
    bandwidth: float
    timings: Mapping[str, Timing]


@functools.cache
def read_devices(path: Path = DEVICES) -> tuple[Device, ...]:
    """Read the devices and fit their accelerators' times."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    macs = {network["name"]: float(network["macs"]) for network in document["network"]}
    return tuple(_device(row, macs) for row in document["device"])


def _device(row: Mapping[str, Any], macs: Mapping[str, float]) -> Device:
    timings = (_timing(accelerator, macs) for accelerator in row["accelerator"])
    return Device(
        name=row["name"],
        platform=row["platform"],
        # A gigabyte a second is a megabyte a millisecond.
        bandwidth=row["bandwidth"] * 1e6,
        timings={timing.accelerator: timing for timing in timings},
    )


def _timing(row: Mapping[str, Any], macs: Mapping[str, float]) -> Timing:
    times: dict[str, dict[str, float]] = {}
    for entry in row["times"]:
        times.setdefault(entry["precision"], {})[entry["network"]] = float(entry["milliseconds"])
    base = max(times, key=lambda precision: len(times[precision]))
    fixed, slope = fit([(macs[name], ms) for name, ms in times[base].items()])
    return Timing(
        accelerator=row["name"],
        base=base,
        fixed_ms=fixed,
        ms_per_megamac=slope,
        factors={
            precision: _mean_ratio(found, times[base])
            for precision, found in times.items()
            if precision != base
        },
        source=row["source"],
        other_device=row.get("from", ""),
    )


def fit(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the start and the slope, neither below 0, of the line nearest to points (x, y)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return 0.0, mean_y / mean_x
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    if slope < 0:
        return mean_y, 0.0
    start = mean_y - slope * mean_x
    if start >= 0:
        return start, slope
    return 0.0, sum(x * y for x, y in points) / sum(x * x for x, _ in points)


def _mean_ratio(found: Mapping[str, float], base: Mapping[str, float]) -> float:
    ratios = [ms / base[network] for network, ms in found.items() if network in base]
    return sum(ratios) / len(ratios)

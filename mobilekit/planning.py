"""Where apps should run a model: a plan for each platform, from what delegates take of artifacts.

It is an estimate from published times of known devices. Apps still choose by measuring: the plan
says in which order they try.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mobilekit.results import Plan, PlannedCandidate
from mobilekit_converters.artifacts import read_graphs
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import delegate_at
from mobilekit_delegates.planning.devices import Platform, read_devices
from mobilekit_delegates.planning.plan import Candidate, in_order, plan

ACCELERATORS: dict[str, dict[str, str]] = {
    "litert": {"cpu": "xnnpack", "gpu": "gpu", "npu": ""},
    "interpreter": {"cpu": "xnnpack", "gpu": "gpu_classic", "nnapi": "nnapi"},
    "coreml": {"cpu": "coreml_cpu", "gpu": "coreml_gpu", "neural_engine": "neural_engine"},
}
"""By runtime: the accelerators that it offers, and the delegate whose coverage counts.

What an NPU takes, only its maker's compiler can say.
"""

PLATFORMS: dict[str, Platform] = {"litert": "android", "interpreter": "android", "coreml": "ios"}


def make_plan(runtime: str, files: Mapping[str, Path]) -> Plan:
    """Plan where to run artifacts.

    Args:
        runtime: `litert`, `interpreter` or `coreml`.
        files: the artifacts by variant, all of the runtime's format.

    Raises:
        SourceError: an artifact is damaged.
    """
    candidates = [
        Candidate(
            variant=variant,
            precision=VARIANTS[variant].precision,
            accelerator=accelerator,
            coverage=_coverage(graph, delegate),
        )
        for variant, graph in ((name, read_graphs(path)[0]) for name, path in files.items())
        for accelerator, delegate in ACCELERATORS[runtime].items()
    ]
    platform = PLATFORMS[runtime]
    devices = [device for device in read_devices() if device.platform == platform]
    estimates = plan(candidates, devices)
    return Plan(
        platform=platform,
        runtime=runtime,
        order=tuple(
            PlannedCandidate(variant=item.variant, accelerator=item.accelerator)
            for item in in_order(candidates, estimates)
        ),
        estimates=estimates,
    )


def _coverage(graph: OperatorGraph, delegate: str) -> Coverage | None:
    return delegate_at(delegate).estimate(graph) if delegate else None


def processor_first(plan: Plan) -> tuple[PlannedCandidate, ...]:
    """Return a plan's order with the CPU first, as apps try it: others have to beat it."""
    return tuple(sorted(plan.order, key=lambda item: item.accelerator != "cpu"))

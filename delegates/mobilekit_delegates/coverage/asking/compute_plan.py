"""Asks Core ML on a Mac where it plans to run a package's operations: `MLComputePlan`.

Never run: nobody has asked on a Mac yet. It is written against `coremltools.models.compute_plan` of
coremltools 9.0, and tested with an object that stands in for a plan.

A Mac's chip is not a phone's, and what Core ML plans is not what was measured.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.coreml.operator_graph import read_graphs
from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import GraphNode, OperatorGraph
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.partitions import crossings, partition
from mobilekit_delegates.targets.target import Missing

_IOS_OF_MACOS = {12: 15.0, 13: 16.0, 14: 17.0, 15: 18.0, 26: 26.0}
"""The iOS that came with a macOS, and with the same Core ML."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What Core ML may use: a member of `coremltools.ComputeUnit`, and the device that is meant.

    `device` is the name of its class in `coremltools.models.compute_device`.
    """

    units: str
    device: str


UNITS = {
    "neural_engine": Unit(units="CPU_AND_NE", device="MLNeuralEngineComputeDevice"),
    "coreml_gpu": Unit(units="CPU_AND_GPU", device="MLGPUComputeDevice"),
    "coreml_cpu": Unit(units="CPU_ONLY", device="MLCPUComputeDevice"),
}
"""By delegate."""


class ComputePlanAsker:
    """Core ML's plan on this Mac, for one of its devices."""

    def __init__(self, delegate: str) -> None:
        """Choose a device by the delegate's name."""
        self._delegate = delegate
        self._unit = UNITS[delegate]

    def missing(self) -> Missing | None:
        """Say whether this is a Mac that can be asked."""
        if sys.platform != "darwin":
            return Missing(
                reason="Core ML plans on a Mac only. Run `mobilekit inspect --measure` there."
            )
        if self._delegate == "neural_engine" and platform.machine() != "arm64":
            return Missing(reason="This Mac has an Intel processor, and so no Neural Engine.")
        if importlib.util.find_spec("coremltools") is None:
            return Missing(
                reason="coremltools is not installed here.", command="pip install coremltools"
            )
        return None

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return where Core ML plans to run a package's operations.

        Raises:
            SourceError: the package cannot be read.
            TargetError: Core ML cannot compile or plan it.
        """
        graphs = read_graphs(path)
        version = importlib.metadata.version("coremltools")
        place = f"Core ML's plan on macOS {platform.mac_ver()[0]}, coremltools {version}"
        with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
            plan = _plan(path, Path(folder), self._unit.units)
            return planned(self._delegate, graphs, plan, level=_level(), place=place)


def planned(
    delegate: str, graphs: Sequence[OperatorGraph], plan: Any, *, level: float, place: str
) -> tuple[Coverage, ...]:
    """Read a plan.

    Args:
        delegate: one of `UNITS`.
        graphs: those of the package that the plan is of.
        plan: a `coremltools.models.compute_plan.MLComputePlan` of an ML program.
        level: the iOS version that it counts for.
        place: what planned it.

    Raises:
        TargetError: it is not of the package: it does not know an operation of it.
    """
    usages = {
        operation.outputs[0].name: plan.get_compute_device_usage_for_mlprogram_operation(operation)
        for function in plan.model_structure.program.functions.values()
        for operation in _operations(function.block)
        if operation.outputs
    }
    return tuple(_coverage(delegate, graph, usages, level, place) for graph in graphs)


def _coverage(
    delegate: str, graph: OperatorGraph, usages: dict[str, Any], level: float, place: str
) -> Coverage:
    answers = tuple(_answer(delegate, graph, node, usages) for node in graph.nodes)
    parts = partition(graph, [answer.taken or answer.free for answer in answers])
    return Coverage(
        delegate=delegate,
        level=level,
        basis="planned",
        place=place,
        answers=answers,
        macs=tuple(macs(graph, node) for node in graph.nodes),
        partitions=parts,
        crossings=crossings(graph, parts),
    )


def _answer(delegate: str, graph: OperatorGraph, node: GraphNode, usages: dict[str, Any]) -> Answer:
    if node.outputs and node.name not in usages:
        raise TargetError(
            f"Core ML's plan has no operation {node.name!r}: it is of another package, or this "
            "coremltools names operations otherwise."
        )
    usage = usages.get(node.name)
    if usage is None:
        return _refused("Core ML plans no device for it")
    wanted = UNITS[delegate].device
    preferred = type(usage.preferred_compute_device).__name__
    if preferred == wanted:
        return Answer(taken=True, free=graph.is_free(node))
    supported = {type(device).__name__ for device in usage.supported_compute_devices}
    if wanted in supported:
        return _refused(f"Core ML prefers {_words(preferred)} for it, though it could run here")
    return _refused(f"Core ML runs it on {_words(preferred)}: it cannot run here")


def _refused(reason: str) -> Answer:
    return Answer(taken=False, objections=(Objection(reason=reason, source="MLComputePlan"),))


def _words(device: str) -> str:
    known = {
        "MLCPUComputeDevice": "the CPU",
        "MLGPUComputeDevice": "the GPU",
        "MLNeuralEngineComputeDevice": "the Neural Engine",
    }
    return known.get(device, device)


def _operations(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)


def _plan(path: Path, folder: Path, units: str) -> Any:
    import coremltools as ct
    from coremltools.models.compute_plan import MLComputePlan

    try:
        # coremltools writes the manifest of every package that it opens.
        copy = shutil.copytree(path, folder / path.name)
        compiled = ct.models.utils.compile_model(str(copy), str(folder / "model.mlmodelc"))
        return MLComputePlan.load_from_path(path=compiled, compute_units=ct.ComputeUnit[units])
    except Exception as error:  # Core ML has no error of its own to catch.
        raise TargetError(f"Core ML cannot plan {path.name}: {error}") from error


def _level() -> float:
    """Return the iOS that this Mac's Core ML is the one of; the newest for a macOS unknown here."""
    major = int(platform.mac_ver()[0].split(".")[0])
    return _IOS_OF_MACOS.get(major, max(_IOS_OF_MACOS.values()))

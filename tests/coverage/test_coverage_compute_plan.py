"""Core ML's plan, read from an object that stands in for it: nobody has asked on a Mac yet."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.asking.compute_plan import UNITS, planned
from mobilekit_delegates.coverage.coverage import Coverage


class MLCPUComputeDevice:
    pass


class MLGPUComputeDevice:
    pass


class MLNeuralEngineComputeDevice:
    pass


CPU, GPU, ENGINE = MLCPUComputeDevice(), MLGPUComputeDevice(), MLNeuralEngineComputeDevice()


@dataclass
class StandInValue:
    name: str


@dataclass
class StandInOperation:
    operator_name: str
    outputs: list[StandInValue]
    blocks: list[Any] = field(default_factory=list)


@dataclass
class StandInUsage:
    preferred_compute_device: Any
    supported_compute_devices: list[Any]


@dataclass
class StandInBlock:
    operations: list[StandInOperation]


@dataclass
class StandInFunction:
    block: StandInBlock


@dataclass
class StandInProgram:
    functions: dict[str, StandInFunction]


@dataclass
class StandInStructure:
    program: StandInProgram


@dataclass
class StandInPlan:
    """The members of coremltools 9.0's `MLComputePlan` that are read."""

    usages: dict[str, StandInUsage | None]
    constants: tuple[str, ...] = ("weight",)

    @property
    def model_structure(self) -> StandInStructure:
        names = [*self.constants, *self.usages]
        operations = [StandInOperation("ios16.relu", [StandInValue(name)]) for name in names]
        main = StandInFunction(StandInBlock(operations))
        return StandInStructure(StandInProgram({"main": main}))

    def get_compute_device_usage_for_mlprogram_operation(
        self, operation: StandInOperation
    ) -> StandInUsage | None:
        return self.usages.get(operation.outputs[0].name)


def graph() -> OperatorGraph:
    """Four operators in a row: a, b, c, d."""
    names = ("x", "a", "b", "c", "d")
    return OperatorGraph(
        format="coreml",
        name="main",
        tensors=tuple(GraphTensor(name=name, shape=(1, 8), dtype="float16") for name in names),
        nodes=tuple(
            GraphNode(name=name, operator="relu", inputs=(index,), outputs=(index + 1,))
            for index, name in enumerate(names[1:])
        ),
        inputs=(0,),
        outputs=(4,),
    )


PLAN = StandInPlan(
    {
        "a": StandInUsage(ENGINE, [CPU, GPU, ENGINE]),
        "b": StandInUsage(CPU, [CPU, GPU, ENGINE]),
        "c": StandInUsage(CPU, [CPU]),
        "d": None,
    }
)


def read(delegate: str, plan: StandInPlan = PLAN) -> Coverage:
    (coverage,) = planned(delegate, [graph()], plan, level=18.0, place="a stand-in")
    return coverage


def test_the_plan_says_where_each_operation_runs() -> None:
    coverage = read("neural_engine")
    assert [answer.taken for answer in coverage.answers] == [True, False, False, False]
    assert coverage.basis == "planned"
    assert (coverage.level, coverage.place) == (18.0, "a stand-in")
    assert [part.taken for part in coverage.partitions] == [True, False]
    reasons = [answer.objections[0].reason for answer in coverage.answers[1:]]
    assert "prefers the CPU" in reasons[0]
    assert "cannot run here" in reasons[1]
    assert "no device" in reasons[2]


def test_each_delegate_reads_its_own_device() -> None:
    assert [answer.taken for answer in read("coreml_cpu").answers] == [False, True, True, False]
    assert not any(answer.taken for answer in read("coreml_gpu").answers)


def test_a_plan_of_another_package_is_refused() -> None:
    with pytest.raises(TargetError, match="no operation 'a'"):
        read("neural_engine", StandInPlan({"other": None}))


def test_units_and_devices_are_those_of_coremltools() -> None:
    import coremltools as ct
    from coremltools.models import compute_device, compute_plan

    for unit in UNITS.values():
        assert unit.units in ct.ComputeUnit.__members__
        assert hasattr(compute_device, unit.device)
    plan = compute_plan.MLComputePlan
    assert hasattr(plan, "load_from_path")
    assert hasattr(plan, "get_compute_device_usage_for_mlprogram_operation")


@pytest.mark.skipif(sys.platform == "darwin", reason="A Mac can be asked.")
@pytest.mark.parametrize("name", UNITS)
def test_off_a_mac_nothing_is_answered(name: str) -> None:
    missing = ASKERS[name].missing()
    assert missing is not None
    assert "on a Mac only" in missing.reason

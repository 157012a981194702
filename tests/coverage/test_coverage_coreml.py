"""The tables of rules for Core ML's Neural Engine, GPU and CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mobilekit_converters.adaptations.table import ADAPTATIONS
from mobilekit_converters.coreml.operator_graph import OPSETS
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_delegates.coreml.ops.registry import operators as evaluated
from mobilekit_delegates.coverage.coverage import Answer
from mobilekit_delegates.coverage.delegates import delegate_at

NAMES = ("neural_engine", "coreml_gpu", "coreml_cpu")
LEVELS = (15, 16, 17, 18, 26)

NO_NODES = {"_const_symbolic", "const"}
OLD_FORMAT = {"conv_quantized"}
"""It is in coremltools' registry for the format before ML programs alone."""
CHANGED_NAMES = {"coreml_update_state"}
"""coremltools saves it as `write_state` and `read_state`."""


def registered() -> dict[str, int]:
    """Return coremltools' operators with the iOS that each came with."""
    from coremltools.converters.mil._deployment_compatibility import AvailableTarget
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    first: dict[str, int] = {}
    for name, versions in SSAOpRegistry.core_ops.items():
        targets = [AvailableTarget(version) for version in versions]
        years = [int(target.name.removeprefix("iOS")) for target in targets]
        if name not in NO_NODES | OLD_FORMAT and not name.startswith("constexpr_"):
            first[name] = max(15, min(years))
    return first


def x(
    *shape: int, dtype: str = "float16", open: tuple[int, ...] = (), values: Any = None
) -> GraphTensor:
    return GraphTensor(
        name="x", shape=shape, dtype=dtype, open=open, constant=values is not None, values=values
    )


def weights(*shape: int) -> GraphTensor:
    return GraphTensor(name="w", shape=shape, dtype="float16", constant=True)


def asked(
    delegate: str,
    operator: str,
    *inputs: GraphTensor,
    output: GraphTensor | None = None,
    version: int = 15,
    attributes: Mapping[str, Any] | None = None,
) -> Answer:
    """Ask about one node, whose output is like its first input where nothing else is said."""
    made = output or (inputs[0] if inputs else x(1, 4))
    graph = OperatorGraph(
        format="coreml",
        name="main",
        tensors=(*inputs, made),
        nodes=(
            GraphNode(
                name="y",
                operator=operator,
                inputs=tuple(range(len(inputs))),
                outputs=(len(inputs),),
                version=version,
                attributes=attributes or {},
            ),
        ),
        inputs=(),
        outputs=(len(inputs),),
    )
    (answer,) = delegate_at(delegate).estimate(graph).answers
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_each_table_lists_or_refuses_every_operator_there_is(name: str) -> None:
    """Whatever the converters emit comes from coremltools' registry."""
    there = {*registered(), *evaluated(), "write_state"} - CHANGED_NAMES
    there = {op for op in there if not op.startswith("constexpr_")}
    listed = set(delegate_at(name).delegate.table.operators)
    assert sorted(there - listed) == []
    assert sorted(listed - there) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_and_warning_says_where_it_stands(name: str) -> None:
    table = delegate_at(name).delegate.table
    rules = [
        rule
        for found in (table.rules, table.warnings)
        for group in found.values()
        for rule in group
    ]
    assert all(rule.reason and rule.source for rule in rules)
    for rule in rules:
        if rule.adaptation:
            assert name in ADAPTATIONS[rule.adaptation].delegates
    assert table.levels == LEVELS
    assert table.default == 26


def test_the_meaning_says_that_it_is_no_measurement() -> None:
    for name in ("neural_engine", "coreml_gpu"):
        meaning = delegate_at(name).delegate.table.meaning
        assert "estimate" in meaning
        assert "Core ML's own plan" in meaning


def test_operators_are_there_from_the_ios_that_coremltools_has_them_from() -> None:
    first = registered()
    for name, entries in delegate_at("coreml_cpu").delegate.table.operators.items():
        (entry,) = entries
        if name != "write_state":
            # `affine` and `resample` are of iOS 15, whose opset was the first with programs.
            assert (entry.since or 15) == first[name], name


def test_opsets_are_those_of_coremltools() -> None:
    import coremltools as ct

    known = {ct._OPSET[version]: version for version in ct._OPSET}
    for opset, ios in OPSETS.items():
        assert known[opset] == getattr(ct, f"_SPECIFICATION_VERSION_IOS_{ios}")


@pytest.mark.parametrize("name", NAMES)
def test_a_program_for_a_newer_ios_leaves_nothing(name: str) -> None:
    old = delegate_at(f"{name}@16")
    graph = OperatorGraph(
        format="coreml",
        name="main",
        tensors=(x(1, 4), x(1, 4)),
        nodes=(GraphNode(name="y", operator="relu", inputs=(0,), outputs=(1,), version=18),),
        inputs=(0,),
        outputs=(1,),
    )
    (answer,) = old.estimate(graph).answers
    assert not answer.taken
    assert any("newer iOS" in objection.reason for objection in answer.objections)
    (answer,) = delegate_at(f"{name}@18").estimate(graph).answers
    assert answer.taken


def test_an_unknown_level_lists_the_known_ones() -> None:
    with pytest.raises(ProjectError, match="15, 16, 17, 18, 26"):
        delegate_at("neural_engine@14")


TAKEN: list[tuple[str, tuple[GraphTensor, ...], dict[str, Any]]] = [
    ("relu", (x(1, 8, 4, 4),), {}),
    ("relu", (x(1, 2, 8, 4, 4),), {}),
    ("cast", (x(1, 8, dtype="float32"),), {"dtype": "fp16"}),
    ("conv", (x(1, 8, 9, 9), weights(8, 8, 3, 15)), {"strides": (1, 1), "dilations": (1, 1)}),
    ("conv", (x(2, 8, 9, 9), weights(8, 8, 3, 3)), {"strides": (1, 1), "dilations": (1, 1)}),
    ("conv", (x(1, 8, 9, 9), x(8, 8, 3, 3)), {"strides": (1, 1), "dilations": (1, 1)}),
    ("avg_pool", (x(1, 8, 31, 31),), {"kernel_sizes": (31, 31)}),
    ("gather", (x(8, 4), x(2, dtype="int32", values=(0, 1))), {"axis": 0}),
    ("prelu", (x(1, 8, 4), weights(8)), {}),
    ("reduce_mean", (x(1, 8, 4, 4),), {"axes": (2, 3), "keep_dims": True}),
    ("add", (x(1, 8), x(1, 8)), {}),
    ("local_response_norm", (x(1, 15, 4, 4),), {"size": 3}),
]


@pytest.mark.parametrize(("operator", "inputs", "attributes"), TAKEN)
def test_the_neural_engine_takes(
    operator: str, inputs: tuple[GraphTensor, ...], attributes: dict[str, Any]
) -> None:
    output = x(1, 8) if operator == "cast" else None
    answer = asked("neural_engine", operator, *inputs, output=output, attributes=attributes)
    assert answer.taken, answer.objections


REFUSED: list[tuple[str, tuple[GraphTensor, ...], dict[str, Any], str]] = [
    ("relu", (x(1, 8, dtype="float32"),), {}, "computes in fp16"),
    ("add", (x(4, dtype="int32"), x(4, dtype="int32")), {}, "whole numbers of 32 bits"),
    ("relu", (x(1, 1, 2, 2, 2, 2),), {}, "more than five dimensions"),
    ("relu", (x(1, 8, open=(0,)),), {}, "only known when it runs"),
    ("relu", (x(1, 70000),), {}, "above 65,536"),
    ("lstm", (x(4, 1, 8),), {}, "recurrent layers run on the CPU"),
    ("while_loop", (x(4),), {}, "no loops"),
    ("topk", (x(1, 8),), {"k": 3}, "sorting"),
    ("non_maximum_suppression", (x(1, 8, 4), x(1, 8, 2)), {}, "handed on"),
    ("conv", (x(1, 8, 9, 32), weights(8, 8, 3, 16)), {}, "wider than 15"),
    ("conv", (x(1, 8, 40, 9), weights(8, 8, 33, 3)), {}, "higher than 32"),
    ("conv", (x(2, 8, 9, 9), x(8, 8, 3, 3)), {}, "batch of one"),
    ("max_pool", (x(1, 8, 56, 56),), {"kernel_sizes": (56, 56)}, "larger than 31"),
    ("gather", (x(8, 4), x(2, dtype="uint16")), {"axis": 0}, "places are computed"),
    ("prelu", (x(1, 8), weights(8)), {}, "fewer than three dimensions"),
    ("local_response_norm", (x(1, 16, 4, 4),), {"size": 3}, "more than 15 channels"),
    ("space_to_batch", (x(1, 8, 5, 5),), {"block_shape": (5, 5)}, "blocks"),
    ("read_state", (x(1, 270),), {}, "multiple of 32"),
    ("custom_thing", (x(1, 4),), {}, "has no custom_thing"),
]


@pytest.mark.parametrize(("operator", "inputs", "attributes", "reason"), REFUSED)
def test_the_neural_engine_refuses(
    operator: str, inputs: tuple[GraphTensor, ...], attributes: dict[str, Any], reason: str
) -> None:
    answer = asked("neural_engine", operator, *inputs, attributes=attributes)
    assert not answer.taken
    assert [o for o in answer.objections if reason in o.reason], answer.objections
    assert all(objection.source for objection in answer.objections)


@pytest.mark.parametrize(
    ("level", "taken"), [(15, False), (16, False), (17, True), (18, False), (26, True)]
)
def test_sampling_on_a_grid_came_went_and_came_again(level: int, taken: bool) -> None:
    graph = OperatorGraph(
        format="coreml",
        name="main",
        tensors=(x(1, 8, 4, 4), x(1, 4, 4, 2), x(1, 8, 4, 4)),
        nodes=(GraphNode(name="y", operator="resample", inputs=(0, 1), outputs=(2,), version=15),),
        inputs=(0, 1),
        outputs=(2,),
    )
    (answer,) = delegate_at(f"neural_engine@{level}").estimate(graph).answers
    assert answer.taken == taken


WARNED: list[tuple[str, tuple[GraphTensor, ...], dict[str, Any], str]] = [
    ("softplus", (x(1, 8),), {}, "0 from about 10.4"),
    ("reduce_log_sum_exp", (x(1, 8),), {}, "65504"),
    ("log", (x(1, 8),), {}, "-inf"),
    ("linear", (x(1, 8), weights(8, 8)), {}, "drift"),
    ("linear", (x(1, 2, 8), weights(8, 8)), {}, "taken apart"),
    ("matmul", (x(4, 4), x(4, 4)), {}, "32,752"),
    ("slice_by_index", (x(1, 8),), {"begin": (0, 2), "end": (1, 4)}, "4,094"),
    ("add", (x(1, 8), x(values=(float("-inf"),))), {}, "-inf"),
    ("relu", (x(1, 20000),), {}, "16,384"),
    ("max_pool", (x(1, 8, 20, 20),), {"kernel_sizes": (14, 14)}, "older phones"),
    ("upsample_bilinear", (x(1, 8, 4, 4),), {}, "A13"),
    ("pad", (x(1, 8, 4, 4),), {"mode": "reflect", "pad": (0, 0, 1, 1)}, "A13"),
    ("sin", (x(1, 8),), {}, "A15"),
    ("tile", (x(1, 8),), {"reps": (1, 7)}, "repeats"),
    ("conv", (x(1, 8, 40, 40), weights(8, 8, 3, 3)), {"strides": (11, 11)}, "stride"),
]


@pytest.mark.parametrize(("operator", "inputs", "attributes", "reason"), WARNED)
def test_the_neural_engine_takes_and_warns(
    operator: str, inputs: tuple[GraphTensor, ...], attributes: dict[str, Any], reason: str
) -> None:
    answer = asked("neural_engine", operator, *inputs, attributes=attributes)
    assert answer.taken, answer.objections
    assert [warning for warning in answer.warnings if reason in warning.reason], answer.warnings


def test_what_is_usual_has_no_warnings() -> None:
    for operator in ("relu", "sigmoid", "add", "batch_norm", "softmax"):
        inputs = (x(1, 8, 4, 4), x(1, 8, 4, 4)) if operator == "add" else (x(1, 8, 4, 4),)
        assert asked("neural_engine", operator, *inputs).warnings == ()


def test_the_gpu_and_the_cpu_take_other_precisions() -> None:
    for name in ("coreml_gpu", "coreml_cpu"):
        assert asked(name, "relu", x(1, 8, dtype="float32")).taken
        assert asked(name, "add", x(4, dtype="int32"), x(4, dtype="int32")).taken
        assert not asked(name, "relu", x(1, 1, 1, 1, 1, 1)).taken


def test_the_gpu_leaves_loops_and_the_cpu_has_them() -> None:
    assert not asked("coreml_gpu", "while_loop", x(4)).taken
    assert asked("coreml_cpu", "while_loop", x(4)).taken


def test_the_gpu_warns_of_attention_over_large_batches() -> None:
    assert asked("coreml_gpu", "softmax", x(10, 4, 4)).warnings
    assert not asked("coreml_gpu", "softmax", x(9, 4, 4)).warnings

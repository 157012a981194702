"""Rules name an adaptation where it brings the node in, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_op import Op, T, write

from mobilekit_converters.adaptations.table import ADAPTATIONS
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at

SHUFFLED = T(shape=(1, 4, 4, 2, 3))
FLAT = T(shape=(1, 4, 4, 6))
GPUS = ("gpu", "gpu_classic")


def ints(*values: int) -> T:
    return T(shape=(len(values),), dtype="int32", values=list(values))


def named(folder: Path, delegate: str, tensors: list[T], op: Op) -> set[str]:
    """Return the adaptations that the rules name which a node breaks."""
    (graph,) = read_graphs(write(folder / "m.tflite", tensors, [op]))
    (answer,) = delegate_at(delegate).estimate(graph).answers
    assert not answer.taken
    return {objection.adaptation for objection in answer.objections if objection.adaptation}


def reshape(folder: Path, delegate: str) -> set[str]:
    op = Op(name="RESHAPE", inputs=(0, 1), outputs=(2,))
    return named(folder, delegate, [FLAT, ints(*SHUFFLED.shape), SHUFFLED], op)


def mean(folder: Path, delegate: str) -> set[str]:
    op = Op(name="MEAN", inputs=(0, 1), outputs=(2,), options={"kind": "ReducerOptions"})
    return named(folder, delegate, [SHUFFLED, ints(3), T(shape=(1, 4, 4, 3))], op)


@pytest.mark.parametrize("delegate", [*GPUS, "nnapi@27", "nnapi"])
def test_shuffles_and_means_of_five_dimensions(tmp_path: Path, delegate: str) -> None:
    assert reshape(tmp_path, delegate) == {"channel_shuffle"}
    if delegate != "nnapi@27":
        assert mean(tmp_path, delegate) == {"mean_axes"}


@pytest.mark.parametrize("delegate", GPUS)
def test_a_transposition_of_five_dimensions(tmp_path: Path, delegate: str) -> None:
    op = Op(name="TRANSPOSE", inputs=(0, 1), outputs=(2,), options={"kind": "TransposeOptions"})
    tensors = [SHUFFLED, ints(0, 1, 2, 4, 3), T(shape=(1, 4, 4, 3, 2))]
    assert named(tmp_path, delegate, tensors, op) == {"channel_shuffle"}
    order = T(shape=(2,), dtype="int64", values=[1, 0])
    assert named(tmp_path, delegate, [T(shape=(4, 2)), order, T(shape=(2, 4))], op) == set()


@pytest.mark.parametrize("delegate", GPUS)
def test_what_no_rewrite_helps_names_none(tmp_path: Path, delegate: str) -> None:
    pad = Op(name="PAD", inputs=(0, 1), outputs=(2,), options={"kind": "PadOptions"})
    for rank in (1, 2, 5):
        amounts = T(shape=(rank, 2), dtype="int32", values=[[1, 1]] * rank)
        tensors = [T(shape=(2,) * rank), amounts, T(shape=(4,) * rank)]
        assert named(tmp_path, delegate, tensors, pad) == set()
    relu = Op(name="RELU", inputs=(0,), outputs=(1,))
    assert named(tmp_path, delegate, [SHUFFLED, SHUFFLED], relu) == set()


@pytest.mark.parametrize("level", DELEGATES["nnapi"].table.levels)
def test_groups_for_nnapi(tmp_path: Path, level: float) -> None:
    """Converters mark groups as version 6, which NNAPI's delegate does not take at any level."""
    op = Op(
        name="CONV_2D",
        inputs=(0, 1, 2),
        outputs=(3,),
        options={"kind": "Conv2DOptions", "padding": 0, "strideW": 1, "strideH": 1},
        version=6,
    )
    image, weights = T(shape=(1, 8, 8, 4)), T(shape=(8, 3, 3, 2), fill=0.1)
    tensors = [image, weights, T(shape=(8,), fill=0.0), T(shape=(1, 8, 8, 8))]
    assert named(tmp_path, f"nnapi@{level:g}", tensors, op) == {"split_groups"}


@pytest.mark.parametrize("operator", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_flags_of_a_resize_for_nnapi(tmp_path: Path, operator: str) -> None:
    kind = operator.title().replace("_", "") + "Options"
    options = {"kind": kind, "halfPixelCenters": True}
    op = Op(name=operator, inputs=(0, 1), outputs=(2,), options=options, version=3)
    tensors = [T(), ints(4, 4), T(shape=(1, 4, 4, 4))]
    assert named(tmp_path, "nnapi@29", tensors, op) == {"resize_flags"}


@pytest.mark.parametrize("delegate", ["gpu", "nnapi", "neural_engine"])
def test_an_adaptation_is_for_the_delegate_whose_rule_names_it(delegate: str) -> None:
    table = DELEGATES[delegate].table
    groups = [*table.rules.values(), *table.warnings.values()]
    names = {rule.adaptation for group in groups for rule in group if rule.adaptation}
    assert names
    for name in names:
        assert delegate in ADAPTATIONS[name].delegates

"""Operators that compute in float inside of an integer graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from one_op import Op, T, write

from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.float_nodes import FloatNode, float_nodes

INTEGER = T(dtype="int8", scales=(0.1,), zero_points=(0,))
KERNEL = T(shape=(4, 1, 1, 4), dtype="int8", fill=1, scales=(0.1,), zero_points=(0,))
BIAS = T(shape=(4,), dtype="int32", fill=0, scales=(0.01,), zero_points=(0,))
CONV = {"kind": "Conv2DOptions", "strideW": 1, "strideH": 1}
DEQUANTIZE = {"kind": "DequantizeOptions"}
QUANTIZE = {"kind": "QuantizeOptions"}


def found(folder: Path, tensors: Sequence[T], ops: Sequence[Op]) -> tuple[FloatNode, ...]:
    return float_nodes(read_graphs(write(folder / "graph.tflite", tensors, ops))[0])


def convolution_then(folder: Path, name: str, version: int = 1) -> tuple[FloatNode, ...]:
    """int8 convolution, DEQUANTIZE, an operator in float, QUANTIZE."""
    return found(
        folder,
        [INTEGER, KERNEL, BIAS, INTEGER, T(), T(), INTEGER],
        [
            Op(name="CONV_2D", inputs=(0, 1, 2), outputs=(3,), options=CONV, version=3),
            Op(name="DEQUANTIZE", inputs=(3,), outputs=(4,), options=DEQUANTIZE, version=2),
            Op(name=name, inputs=(4,), outputs=(5,), version=version),
            Op(name="QUANTIZE", inputs=(5,), outputs=(6,), options=QUANTIZE),
        ],
    )


def test_an_operator_that_is_not_quantised_is_named_with_its_conversions(tmp_path: Path) -> None:
    (node,) = convolution_then(tmp_path, "SIN")
    assert (node.node, node.name, node.operator, node.conversions) == (2, "t5", "SIN", (1, 3))
    assert node.reason == "TFLite's quantiser has no int8 for SIN"


def test_one_that_could_be_quantised_says_so(tmp_path: Path) -> None:
    (node,) = convolution_then(tmp_path, "TANH")
    assert node.reason == (
        "it could compute in integers: the converter was told to leave it, or had no ranges"
    )


def test_custom_operators_stay_in_float(tmp_path: Path) -> None:
    (node,) = convolution_then(tmp_path, "Mine")
    assert node.reason == "TFLite's quantiser leaves custom operators in float"


def test_in_16_bits_less_is_quantised(tmp_path: Path) -> None:
    wide = T(dtype="int16", scales=(0.1,), zero_points=(0,))
    bias = T(shape=(4,), dtype="int64", fill=0, scales=(0.01,), zero_points=(0,))
    (node,) = found(
        tmp_path,
        [wide, KERNEL, bias, wide, T(), T()],
        [
            Op(name="CONV_2D", inputs=(0, 1, 2), outputs=(3,), options=CONV, version=4),
            Op(name="DEQUANTIZE", inputs=(3,), outputs=(4,), options=DEQUANTIZE, version=3),
            Op(name="HARD_SWISH", inputs=(4,), outputs=(5,)),
        ],
    )
    assert (node.operator, node.conversions) == ("HARD_SWISH", (1,))
    assert node.reason == "TFLite's quantiser has no int16 for HARD_SWISH"


def test_int8_weights_on_float_are_told_apart(tmp_path: Path) -> None:
    one = T(shape=(1, 1, 1, 4))
    (node,) = found(
        tmp_path,
        [
            INTEGER,
            KERNEL,
            BIAS,
            INTEGER,
            T(),
            T(shape=(1, 4)),
            T(shape=(2, 4), dtype="int8", fill=1, scales=(0.1,), zero_points=(0,)),
            T(shape=(1, 2)),
            one,
        ],
        [
            Op(name="CONV_2D", inputs=(0, 1, 2), outputs=(3,), options=CONV, version=3),
            Op(
                name="FULLY_CONNECTED",
                inputs=(5, 6, -1),
                outputs=(7,),
                options={"kind": "FullyConnectedOptions"},
            ),
        ],
    )
    assert (node.operator, node.conversions) == ("FULLY_CONNECTED", ())
    assert node.reason == "its weights alone are integers (dynamic range)"


def test_float_and_dynamic_graphs_have_none(tmp_path: Path) -> None:
    floating = T(shape=(4, 1, 1, 4), fill=1.0)
    for kernel in (floating, KERNEL):
        assert not found(
            tmp_path,
            [T(), kernel, T(shape=(4,), fill=0), T(), T()],
            [
                Op(name="CONV_2D", inputs=(0, 1, 2), outputs=(3,), options=CONV),
                Op(name="SIN", inputs=(3,), outputs=(4,)),
            ],
        )


def test_conversions_at_the_graph_s_border_are_none_of_them(tmp_path: Path) -> None:
    assert not found(
        tmp_path,
        [T(), INTEGER, KERNEL, BIAS, INTEGER, T()],
        [
            Op(name="QUANTIZE", inputs=(0,), outputs=(1,), options=QUANTIZE),
            Op(name="CONV_2D", inputs=(1, 2, 3), outputs=(4,), options=CONV, version=3),
            Op(name="DEQUANTIZE", inputs=(4,), outputs=(5,), options=DEQUANTIZE, version=2),
        ],
    )


def test_a_graph_without_weights_counts_its_nodes(tmp_path: Path) -> None:
    (node,) = found(
        tmp_path,
        [INTEGER, INTEGER, T(), T()],
        [
            Op(name="RELU", inputs=(0,), outputs=(1,), version=2),
            Op(name="DEQUANTIZE", inputs=(1,), outputs=(2,), options=DEQUANTIZE, version=2),
            Op(name="SIN", inputs=(2,), outputs=(3,)),
        ],
    )
    assert node.operator == "SIN"
    assert not found(tmp_path, [T(), T()], [Op(name="SIN", inputs=(0,), outputs=(1,))])

"""Small graphs of several operators: blocks of known networks, and mixes that fall apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpus_graph import Graph, bias, chain, k, q8, q16, t, w, wq8

_CONV = {
    "kind": "Conv2DOptions",
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
    "padding": 0,
}
_ADD, _MUL = {"kind": "AddOptions"}, {"kind": "MulOptions"}
_IMAGE = (1, 8, 8, 4)


def _softmax(beta: float) -> dict[str, Any]:
    return {"kind": "SoftmaxOptions", "beta": beta}


def _reduce(*, keep: bool) -> dict[str, Any]:
    return {"kind": "ReducerOptions", "keepDims": keep}


def blocks() -> Iterator[Graph]:
    x = t(*_IMAGE)
    yield chain(
        "residual",
        [x, w(4, 3, 3, 4), w(4), x, x, x],
        ("CONV_2D", [0, 1, 2], [3], _CONV),
        ("ADD", [3, 0], [4], _ADD),
        ("RELU", [4], [5]),
    )
    yield chain(
        "squeeze_and_excite",
        [x, k([1, 2]), t(1, 1, 1, 4), w(4, 1, 1, 4), w(4), t(1, 1, 1, 4), t(1, 1, 1, 4), x],
        ("MEAN", [0, 1], [2], _reduce(keep=True)),
        ("CONV_2D", [2, 3, 4], [5], _CONV),
        ("LOGISTIC", [5], [6]),
        ("MUL", [0, 6], [7], _MUL),
    )
    yield chain(
        "channel_shuffle",
        [
            x,
            k([1, 8, 8, 2, 2]),
            t(1, 8, 8, 2, 2),
            k([0, 1, 2, 4, 3]),
            t(1, 8, 8, 2, 2),
            k(list(_IMAGE)),
            x,
        ],
        ("RESHAPE", [0, 1], [2], {"kind": "ReshapeOptions", "newShape": [1, 8, 8, 2, 2]}),
        ("TRANSPOSE", [2, 3], [4], {"kind": "TransposeOptions"}),
        ("RESHAPE", [4, 5], [6], {"kind": "ReshapeOptions", "newShape": list(_IMAGE)}),
    )
    yield chain(
        "classifier_head",
        [x, k([1, 2]), t(1, 4), w(10, 4), w(10), t(1, 10), t(1, 10)],
        ("MEAN", [0, 1], [2], _reduce(keep=False)),
        ("FULLY_CONNECTED", [2, 3, 4], [5], {"kind": "FullyConnectedOptions"}),
        ("SOFTMAX", [5], [6], _softmax(1.0)),
    )
    yield chain(
        "attention",
        [
            t(1, 4, 8),
            t(1, 4, 8),
            t(1, 4, 4),
            k(0.35, "float32"),
            t(1, 4, 4),
            t(1, 4, 4),
            t(1, 4, 8),
            t(1, 4, 8),
        ],
        ("BATCH_MATMUL", [0, 1], [2], {"kind": "BatchMatMulOptions", "adjY": True}),
        ("MUL", [2, 3], [4], _MUL),
        ("SOFTMAX", [4], [5], _softmax(1.0)),
        ("BATCH_MATMUL", [5, 6], [7], {"kind": "BatchMatMulOptions"}),
    )
    yield chain(
        "layer_norm",
        [
            t(1, 4, 8),
            k([2]),
            t(1, 4, 1),
            t(1, 4, 8),
            t(1, 4, 1),
            k(1e-5, "float32"),
            t(1, 4, 1),
            t(1, 4, 1),
            t(1, 4, 8),
            w(8),
            t(1, 4, 8),
        ],
        ("MEAN", [0, 1], [2], _reduce(keep=True)),
        ("SQUARED_DIFFERENCE", [0, 2], [3]),
        ("MEAN", [3, 1], [4], _reduce(keep=True)),
        ("ADD", [4, 5], [6], _ADD),
        ("RSQRT", [6], [7]),
        ("MUL", [0, 7], [8], _MUL),
        ("MUL", [8, 9], [10], _MUL),
    )


def mixes() -> Iterator[Graph]:
    x = t(*_IMAGE)
    yield chain(
        "refused_in_the_middle",
        [x, x, x, x, x],
        ("LOGISTIC", [0], [1]),
        ("SOFTMAX", [1], [2], _softmax(2.0)),
        ("TANH", [2], [3]),
        ("ABS", [3], [4]),
    )
    yield chain(
        "refused_first", [x, x, x], ("SOFTMAX", [0], [1], _softmax(2.0)), ("TANH", [1], [2])
    )
    yield chain("refused_last", [x, x, x], ("TANH", [0], [1]), ("SOFTMAX", [1], [2], _softmax(2.0)))
    yield chain(
        "diamond_one_side_refused",
        [x, x, x, x],
        ("TANH", [0], [1]),
        ("SOFTMAX", [0], [2], _softmax(2.0)),
        ("ADD", [1, 2], [3], _ADD),
    )
    yield chain(
        "two_islands",
        [x] * 6,
        ("TANH", [0], [1]),
        ("SOFTMAX", [1], [2], _softmax(2.0)),
        ("TANH", [2], [3]),
        ("SOFTMAX", [3], [4], _softmax(0.5)),
        ("TANH", [4], [5]),
    )
    yield chain(
        "same_operator_taken_and_refused",
        [t(2, 10)] * 4,
        ("SOFTMAX", [0], [1], _softmax(1.0)),
        ("SOFTMAX", [1], [2], _softmax(2.0)),
        ("SOFTMAX", [2], [3], _softmax(1.0)),
    )
    five = t(1, 2, 3, 4, 5)
    yield chain(
        "rank_5_in_the_middle",
        [
            t(1, 2, 3, 20),
            k([1, 2, 3, 4, 5]),
            five,
            five,
            k([1, 2, 3, 20]),
            t(1, 2, 3, 20),
            t(1, 2, 3, 20),
        ],
        ("RESHAPE", [0, 1], [2], {"kind": "ReshapeOptions", "newShape": [1, 2, 3, 4, 5]}),
        ("ABS", [2], [3]),
        ("RESHAPE", [3, 4], [5], {"kind": "ReshapeOptions", "newShape": [1, 2, 3, 20]}),
        ("TANH", [5], [6]),
    )
    yield chain("two_outputs", [x] * 3, ("TANH", [0], [1]), ("ABS", [0], [2]))
    yield chain(
        "constants_computed",
        [x, w(4), t(4), x],
        ("ABS", [1], [2]),
        ("ADD", [0, 2], [3], _ADD),
    )


def open_shapes() -> Iterator[Graph]:
    """Graphs with a batch that is open, as converters write them."""
    x = t(*_IMAGE, open=(0,))
    yield chain("open_batch", [x, x, x], ("TANH", [0], [1]), ("ABS", [1], [2]))
    shape = t(2, dtype="int32")
    yield chain(
        "reshape_to_a_given_shape",
        [t(*_IMAGE), t(*_IMAGE), shape, t(1, 256), t(1, 256)],
        ("TANH", [0], [1]),
        ("RESHAPE", [1, 2], [3], {"kind": "ReshapeOptions", "newShape": [-1, 256]}),
        ("ABS", [3], [4]),
    )
    yield chain(
        "flatten_open_batch",
        [
            x,
            x,
            t(4, dtype="int32"),
            k([0]),
            k([1]),
            k([1]),
            t(dtype="int32"),
            k(256),
            shape,
            t(1, 256, open=(0,)),
            w(10, 256),
            w(10),
            t(1, 10, open=(0,)),
        ],
        ("TANH", [0], [1]),
        ("SHAPE", [1], [2], {"kind": "ShapeOptions", "outType": 2}),
        ("STRIDED_SLICE", [2, 3, 4, 5], [6], {"kind": "StridedSliceOptions", "shrinkAxisMask": 1}),
        ("PACK", [6, 7], [8], {"kind": "PackOptions", "valuesCount": 2}),
        ("RESHAPE", [1, 8], [9], {"kind": "ReshapeOptions", "newShape": []}),
        ("FULLY_CONNECTED", [9, 10, 11], [12], {"kind": "FullyConnectedOptions"}),
    )
    yield chain(
        "flatten_open_batch_in_options",
        [x, x, k([-1, 256]), t(1, 256, open=(0,)), w(10, 256), w(10), t(1, 10, open=(0,))],
        ("TANH", [0], [1]),
        ("RESHAPE", [1, 2], [3], {"kind": "ReshapeOptions", "newShape": [-1, 256]}),
        ("FULLY_CONNECTED", [3, 4, 5], [6], {"kind": "FullyConnectedOptions"}),
    )
    yield chain(
        "where_in_the_middle",
        [t(8), t(8), t(8, dtype="bool"), t(1, 1, dtype="int64"), t(8)],
        ("TANH", [0], [1]),
        ("GREATER", [1, 0], [2]),
        ("WHERE", [2], [3]),
        ("ABS", [1], [4]),
    )


def precisions() -> Iterator[Graph]:
    """The precisions in which artifacts come."""
    x = t(*_IMAGE)
    shared = [x, w(4, 3, 3, 4), w(4), x, x]
    yield chain("all_float32", shared, ("CONV_2D", [0, 1, 2], [3], _CONV), ("TANH", [3], [4]))
    opened = t(*_IMAGE, open=(0,))
    yield chain(
        "all_dynamic_batch",
        [opened, w(4, 3, 3, 4), w(4), opened, opened],
        ("CONV_2D", [0, 1, 2], [3], _CONV),
        ("TANH", [3], [4]),
    )
    a = q16(*_IMAGE)
    yield chain(
        "all_int16",
        [
            a,
            wq8(4, 3, 3, 4, channels=4),
            bias(4, scales=4, scale=0.05 / 32768, dtype="int64"),
            a,
            a,
            a,
        ],
        ("CONV_2D", [0, 1, 2], [3], _CONV, 4),
        ("LOGISTIC", [3], [4], {}, 3),
        ("TANH", [4], [5], {}, 3),
    )
    yield chain(
        "int16_between_floats",
        [
            x,
            a,
            wq8(4, 3, 3, 4, channels=4),
            bias(4, scales=4, scale=0.05 / 32768, dtype="int64"),
            a,
            x,
        ],
        ("QUANTIZE", [0], [1], {}, 2),
        ("CONV_2D", [1, 2, 3], [4], _CONV, 4),
        ("DEQUANTIZE", [4], [5], {}, 3),
    )
    b = q8(*_IMAGE)
    yield chain(
        "int8_between_floats",
        [x, b, wq8(4, 3, 3, 4, channels=4), bias(4, scales=4), b, x],
        ("QUANTIZE", [0], [1]),
        ("CONV_2D", [1, 2, 3], [4], _CONV, 3),
        ("DEQUANTIZE", [4], [5], {}, 2),
    )
    yield chain(
        "all_int8",
        [b, wq8(4, 3, 3, 4, channels=4), bias(4, scales=4), b, b, b],
        ("CONV_2D", [0, 1, 2], [3], _CONV, 3),
        ("ADD", [0, 3], [4], _ADD, 2),
        ("RELU", [4], [5], {}, 2),
    )
    yield chain(
        "fp16_weights",
        [x, w(4, 3, 3, 4, dtype="float16"), t(4, 3, 3, 4), w(4), x, w(4, dtype="float16"), t(4), x],
        ("DEQUANTIZE", [1], [2]),
        ("CONV_2D", [0, 2, 3], [4], _CONV),
        ("DEQUANTIZE", [5], [6]),
        ("ADD", [4, 6], [7], _ADD),
    )
    yield chain(
        "fp16_weights_and_a_refusal",
        [x, w(4, 3, 3, 4, dtype="float16"), t(4, 3, 3, 4), w(4), x, x],
        ("DEQUANTIZE", [1], [2]),
        ("CONV_2D", [0, 2, 3], [4], _CONV),
        ("SOFTMAX", [4], [5], _softmax(2.0)),
    )


SMALL = (blocks, mixes, open_shapes, precisions)

"""Layers with weights, pooling, and what changes an image's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from corpus_graph import Graph, bias, chain, k, one, q8, q16, qu8, t, w, wq8
from one_op import T

Inputs = Sequence[T | None]

SAME, VALID = 0, 1
_CONV = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "padding": SAME}
_IMAGE = (1, 8, 8, 4)
_OUT = (1, 8, 8, 8)


def conv(name: str, inputs: Inputs, output: T, version: int = 1, **options: Any) -> Graph:
    given = {**_CONV, **options}
    return one(name, "CONV_2D", inputs, [output], "Conv2DOptions", version, **given)


def depth(name: str, inputs: Inputs, output: T, version: int = 1, **options: Any) -> Graph:
    given = {**_CONV, "depthMultiplier": 1, **options}
    kind = "DepthwiseConv2DOptions"
    return one(name, "DEPTHWISE_CONV_2D", inputs, [output], kind, version, **given)


def up(
    name: str, weights: T, image: T, output: T, extra: Inputs = (), version: int = 1, **options: Any
) -> Graph:
    given = {"padding": SAME, "strideW": 2, "strideH": 2, **options}
    inputs = [k(output.shape), weights, image, *extra]
    return one(name, "TRANSPOSE_CONV", inputs, [output], "TransposeConvOptions", version, **given)


def fc(name: str, inputs: Inputs, output: T, version: int = 1, **options: Any) -> Graph:
    kind = "FullyConnectedOptions"
    return one(name, "FULLY_CONNECTED", inputs, [output], kind, version, **options)


def matmul(name: str, a: T, b: T, output: T, version: int = 1, **options: Any) -> Graph:
    return one(name, "BATCH_MATMUL", [a, b], [output], "BatchMatMulOptions", version, **options)


def pool(operator: str, label: str, a: T, b: T, version: int = 1, **options: Any) -> Graph:
    given = {"padding": SAME, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    name = f"{operator.lower()}{label}"
    return one(name, operator, [a], [b], "Pool2DOptions", version, **{**given, **options})


def convolutions() -> Iterator[Graph]:
    x, y = t(*_IMAGE), t(*_OUT)

    yield conv("conv", [x, w(8, 3, 3, 4), w(8)], y)
    yield conv("conv_1x1", [x, w(8, 1, 1, 4), w(8)], y)
    yield conv("conv_valid", [x, w(8, 3, 3, 4), w(8)], t(1, 6, 6, 8), padding=VALID)
    yield conv("conv_stride_2", [x, w(8, 3, 3, 4), w(8)], t(1, 4, 4, 8), strideW=2, strideH=2)
    yield conv("conv_stride_1_2", [x, w(8, 3, 3, 4), w(8)], t(1, 8, 4, 8), strideW=2)
    yield conv("conv_dilated", [x, w(8, 3, 3, 4), w(8)], y, dilationWFactor=2, dilationHFactor=2)
    yield conv("conv_grouped", [x, w(8, 3, 3, 2), w(8)], y, 6)
    yield conv("conv_grouped_4", [x, w(8, 3, 3, 1), w(8)], y, 6)
    yield conv("conv_groups_of_4", [t(1, 8, 8, 8), w(8, 3, 3, 4), w(8)], y, 6)
    yield conv("conv_groups_of_6", [t(1, 8, 8, 18), w(18, 3, 3, 6), w(18)], t(1, 8, 8, 18), 6)
    yield conv("conv_batch_4", [t(4, 8, 8, 4), w(8, 3, 3, 4), w(8)], t(4, 8, 8, 8))
    yield conv(
        "conv_dynamic_batch", [t(*_IMAGE, open=(0,)), w(8, 3, 3, 4), w(8)], t(*_OUT, open=(0,))
    )
    for label, number in (("relu", 1), ("relu6", 3), ("relu_n1", 2), ("tanh", 4)):
        yield conv(f"conv_{label}", [x, w(8, 3, 3, 4), w(8)], y, fusedActivationFunction=number)
    yield conv("conv_runtime_weights", [x, t(8, 3, 3, 4), w(8)], y)
    yield conv("conv_runtime_bias", [x, w(8, 3, 3, 4), t(8)], y)
    yield conv("conv_dynamic_range_runtime_bias", [x, wq8(8, 3, 3, 4), t(8)], y, 2)
    yield chain(
        "conv_fp16_bias",
        [x, w(8, 3, 3, 4), w(8, dtype="float16"), t(8), y],
        ("DEQUANTIZE", [2], [3]),
        ("CONV_2D", [0, 1, 3], [4], {"kind": "Conv2DOptions", **_CONV}),
    )
    yield conv("conv_runtime_weights_and_bias", [x, t(8, 3, 3, 4), t(8)], y)
    for version in (2, 3, 5, 6, 7, 8):
        yield conv(f"conv_version_{version}", [x, w(8, 3, 3, 4), w(8)], y, version)
    yield conv("conv_dynamic_range", [x, wq8(8, 3, 3, 4), w(8)], y, 2)
    yield conv("conv_dynamic_range_channels", [x, wq8(8, 3, 3, 4, channels=8), w(8)], y, 5)
    yield conv("conv_1x1_dynamic_range_channels", [x, wq8(8, 1, 1, 4, channels=8), w(8)], y, 5)
    yield conv("conv_int8", [q8(*_IMAGE), wq8(8, 3, 3, 4), bias(8)], q8(*_OUT), 3)
    yield conv(
        "conv_int8_channels",
        [q8(*_IMAGE), wq8(8, 3, 3, 4, channels=8), bias(8, scales=8)],
        q8(*_OUT),
        3,
    )
    yield conv(
        "conv_1x1_int8_channels",
        [q8(*_IMAGE), wq8(8, 1, 1, 4, channels=8), bias(8, scales=8)],
        q8(*_OUT),
        3,
    )
    yield conv(
        "conv_uint8",
        [qu8(*_IMAGE), w(8, 3, 3, 4, dtype="uint8", scales=(0.05,), zero_points=(128,)), bias(8)],
        qu8(*_OUT),
    )
    yield conv(
        "conv_int16x8",
        [
            q16(*_IMAGE),
            wq8(8, 3, 3, 4, channels=8),
            bias(8, scales=8, scale=0.05 / 32768, dtype="int64"),
        ],
        q16(*_OUT),
        4,
    )
    yield chain(
        "conv_fp16_weights",
        [x, w(8, 3, 3, 4, dtype="float16"), w(8, dtype="float16"), t(8, 3, 3, 4), t(8), y],
        ("DEQUANTIZE", [1], [3]),
        ("DEQUANTIZE", [2], [4]),
        ("CONV_2D", [0, 3, 4], [5], {"kind": "Conv2DOptions", **_CONV}),
    )
    yield chain(
        "conv_int8_weights_dequantised",
        [x, wq8(8, 3, 3, 4), w(8), t(8, 3, 3, 4), y],
        ("DEQUANTIZE", [1], [3], {}, 2),
        ("CONV_2D", [0, 3, 2], [4], {"kind": "Conv2DOptions", **_CONV}),
    )
    yield one(
        "conv_3d",
        "CONV_3D",
        [t(1, 4, 4, 4, 2), w(3, 3, 3, 2, 4), w(4)],
        [t(1, 4, 4, 4, 4)],
        "Conv3DOptions",
        strideD=1,
        strideW=1,
        strideH=1,
        dilationDFactor=1,
        dilationWFactor=1,
        dilationHFactor=1,
        padding=SAME,
    )


def depthwise() -> Iterator[Graph]:
    x = t(*_IMAGE)

    yield depth("depthwise", [x, w(1, 3, 3, 4), w(4)], x)
    yield depth("depthwise_no_bias", [x, w(1, 3, 3, 4)], x)
    yield depth("depthwise_valid", [x, w(1, 3, 3, 4), w(4)], t(1, 6, 6, 4), padding=VALID)
    yield depth("depthwise_stride_2", [x, w(1, 3, 3, 4), w(4)], t(1, 4, 4, 4), strideW=2, strideH=2)
    yield depth("depthwise_strides_differ", [x, w(1, 3, 3, 4), w(4)], t(1, 4, 8, 4), strideH=2)
    yield depth(
        "depthwise_dilated", [x, w(1, 3, 3, 4), w(4)], x, 2, dilationWFactor=2, dilationHFactor=2
    )
    yield depth("depthwise_multiplier_2", [x, w(1, 3, 3, 8), w(8)], t(*_OUT), depthMultiplier=2)
    yield depth("depthwise_one_channel", [t(1, 8, 8, 1), w(1, 3, 3, 4), w(4)], x, depthMultiplier=4)
    yield depth("depthwise_batch_4", [t(4, 8, 8, 4), w(1, 3, 3, 4), w(4)], t(4, 8, 8, 4))
    yield depth("depthwise_relu6", [x, w(1, 3, 3, 4), w(4)], x, fusedActivationFunction=3)
    yield depth("depthwise_runtime_weights", [x, t(1, 3, 3, 4), w(4)], x)
    yield depth(
        "depthwise_runtime_weights_multiplier_2",
        [x, t(1, 3, 3, 8), w(8)],
        t(*_OUT),
        depthMultiplier=2,
    )
    yield depth("depthwise_runtime_bias", [x, w(1, 3, 3, 4), t(4)], x)
    yield depth("depthwise_1x1", [x, w(1, 1, 1, 4), w(4)], x)
    yield depth(
        "depthwise_dynamic_batch",
        [t(*_IMAGE, open=(0,)), w(1, 3, 3, 4), w(4)],
        t(*_IMAGE, open=(0,)),
    )
    for version in (3, 6, 7):
        yield depth(f"depthwise_version_{version}", [x, w(1, 3, 3, 4), w(4)], x, version)
    weights = wq8(1, 3, 3, 4, channels=4, axis=3)
    yield depth("depthwise_int8", [q8(*_IMAGE), weights, bias(4, scales=4)], q8(*_IMAGE), 3)
    yield depth("depthwise_int8_one_scale", [q8(*_IMAGE), wq8(1, 3, 3, 4), bias(4)], q8(*_IMAGE), 3)
    yield depth("depthwise_dynamic_range", [x, weights, w(4)], x, 6)
    yield depth(
        "depthwise_int16x8",
        [q16(*_IMAGE), weights, bias(4, scales=4, scale=0.05 / 32768, dtype="int64")],
        q16(*_IMAGE),
        5,
    )


def transposed() -> Iterator[Graph]:
    yield up("transpose_conv", w(8, 3, 3, 4), t(*_IMAGE), t(1, 16, 16, 8))
    yield up("transpose_conv_valid", w(8, 3, 3, 4), t(*_IMAGE), t(1, 17, 17, 8), padding=VALID)
    yield up("transpose_conv_stride_1", w(8, 3, 3, 4), t(*_IMAGE), t(*_OUT), strideW=1, strideH=1)
    yield up("transpose_conv_bias", w(8, 3, 3, 4), t(*_IMAGE), t(1, 16, 16, 8), [w(8)], 3)
    yield up("transpose_conv_runtime_bias", w(8, 3, 3, 4), t(*_IMAGE), t(1, 16, 16, 8), [t(8)], 3)
    yield up("transpose_conv_runtime_weights", t(8, 3, 3, 4), t(*_IMAGE), t(1, 16, 16, 8))
    yield up("transpose_conv_batch_2", w(8, 3, 3, 4), t(2, 8, 8, 4), t(2, 16, 16, 8))
    yield up(
        "transpose_conv_relu",
        w(8, 3, 3, 4),
        t(*_IMAGE),
        t(1, 16, 16, 8),
        [w(8)],
        4,
        fusedActivationFunction=1,
    )
    yield up(
        "transpose_conv_int8", wq8(8, 3, 3, 4, channels=8), q8(*_IMAGE), q8(1, 16, 16, 8), (), 2
    )


def dense() -> Iterator[Graph]:
    x, y = t(2, 16), t(2, 8)
    yield fc("dense", [x, w(8, 16), w(8)], y)
    yield fc("dense_no_bias", [x, w(8, 16), None], y)
    yield fc("dense_relu", [x, w(8, 16), w(8)], y, fusedActivationFunction=1)
    yield fc("dense_one_row", [t(1, 16), w(8, 16), w(8)], t(1, 8))
    yield fc("dense_rank_4", [t(1, 2, 2, 4), w(8, 16), w(8)], t(1, 8))
    yield fc("dense_rank_4_rows", [t(1, 8, 8, 4), w(8, 4), w(8)], t(64, 8))
    yield fc("dense_keep_dims", [t(1, 5, 16), w(8, 16), w(8)], t(1, 5, 8), 5, keepNumDims=True)
    yield fc(
        "dense_keep_dims_rank_4",
        [t(1, 5, 5, 16), w(8, 16), w(8)],
        t(1, 5, 5, 8),
        5,
        keepNumDims=True,
    )
    yield fc(
        "dense_keep_dims_rank_5",
        [t(1, 2, 2, 2, 16), w(8, 16), w(8)],
        t(1, 2, 2, 2, 8),
        5,
        keepNumDims=True,
    )
    yield fc("dense_runtime_weights", [x, t(8, 16), None], y)
    yield fc("dense_runtime_bias", [x, w(8, 16), t(8)], y)
    yield fc("dense_runtime_weights_bias", [x, t(8, 16), t(8)], y)
    yield fc("dense_constant_input", [w(2, 16), t(8, 16), None], y)
    yield fc("dense_dynamic_batch", [t(1, 16, open=(0,)), w(8, 16), w(8)], t(1, 8, open=(0,)))
    for version in (2, 4, 9, 10, 12, 13):
        yield fc(f"dense_version_{version}", [x, w(8, 16), w(8)], y, version)
    yield fc("dense_dynamic_range", [x, wq8(8, 16), w(8)], y, 3)
    yield fc("dense_dynamic_range_channels", [x, wq8(8, 16, channels=8), w(8)], y, 9)
    yield fc("dense_int8", [q8(2, 16), wq8(8, 16), bias(8)], q8(2, 8), 4)
    yield fc(
        "dense_int8_channels", [q8(2, 16), wq8(8, 16, channels=8), bias(8, scales=8)], q8(2, 8), 4
    )
    yield fc(
        "dense_int16x8",
        [q16(2, 16), wq8(8, 16), bias(8, scale=0.05 / 32768, dtype="int64")],
        q16(2, 8),
        7,
    )
    uint8 = w(8, 16, dtype="uint8", scales=(0.05,), zero_points=(1,))
    yield fc("dense_uint8", [qu8(2, 16), uint8, bias(8)], qu8(2, 8))
    yield fc("dense_int4", [x, w(8, 16, dtype="int4", scales=(0.1,)), w(8)], y, 10)


def products() -> Iterator[Graph]:
    yield matmul("matmul_rank_2", t(4, 8), t(8, 6), t(4, 6))
    yield matmul("matmul_rank_3", t(2, 4, 8), t(2, 8, 6), t(2, 4, 6))
    yield matmul("matmul_rank_4", t(1, 2, 4, 8), t(1, 2, 8, 6), t(1, 2, 4, 6))
    yield matmul("matmul_rank_5", t(1, 1, 2, 4, 8), t(1, 1, 2, 8, 6), t(1, 1, 2, 4, 6))
    yield matmul("matmul_constant_rank_2", t(2, 4, 8), w(8, 6), t(2, 4, 6))
    yield matmul("matmul_constant_rank_3", t(2, 4, 8), w(2, 8, 6), t(2, 4, 6))
    yield matmul("matmul_constant_rank_4", t(1, 2, 4, 8), w(1, 2, 8, 6), t(1, 2, 4, 6))
    yield matmul("matmul_constant_first", w(2, 4, 8), t(2, 8, 6), t(2, 4, 6))
    yield matmul("matmul_adj_y", t(2, 4, 8), t(2, 6, 8), t(2, 4, 6), adjY=True)
    yield matmul("matmul_adj_x", t(2, 8, 4), t(2, 8, 6), t(2, 4, 6), adjX=True)
    yield matmul("matmul_broadcast", t(2, 4, 8), t(1, 8, 6), t(2, 4, 6))
    yield matmul("matmul_int8", q8(2, 4, 8), q8(2, 8, 6), q8(2, 4, 6), 2)


def pools() -> Iterator[Graph]:
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        x, y = t(*_IMAGE), t(1, 4, 4, 4)
        yield pool(name, "", x, y)
        yield pool(name, "_valid", x, y, padding=VALID)
        yield pool(name, "_3x3_same", x, y, filterWidth=3, filterHeight=3)
        yield pool(name, "_global", x, t(1, 1, 1, 4), padding=VALID, filterWidth=8, filterHeight=8)
        yield pool(name, "_relu", x, y, fusedActivationFunction=1)
        yield pool(name, "_batch_4", t(4, 8, 8, 4), t(4, 4, 4, 4))
        yield pool(name, "_stride_1", x, x, strideW=1, strideH=1)
        yield pool(name, "_int8", q8(*_IMAGE), q8(1, 4, 4, 4), 2)
        yield pool(name, "_int8_other_zero", q8(*_IMAGE), q8(1, 4, 4, 4, zero=3), 2)
        yield pool(name, "_uint8", qu8(*_IMAGE), qu8(1, 4, 4, 4))
        yield pool(name, "_int16", q16(*_IMAGE), q16(1, 4, 4, 4), 3)
        yield pool(name, "_dynamic_batch", t(*_IMAGE, open=(0,)), t(1, 4, 4, 4, open=(0,)))


def resizes() -> Iterator[Graph]:
    size = k([16, 16])
    for name, kind in (
        ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
        ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    ):
        low = name.lower()
        for align, half in ((False, False), (True, False), (False, True), (True, True)):
            if align and half and name == "RESIZE_BILINEAR":
                continue  # LiteRT itself refuses both.
            label = f"{low}{'_align' * align}{'_half' * half}"
            yield one(
                label,
                name,
                [t(*_IMAGE), size],
                [t(1, 16, 16, 4)],
                kind,
                3,
                alignCorners=align,
                halfPixelCenters=half,
            )
        yield one(f"{low}_smaller", name, [t(*_IMAGE), k([4, 4])], [t(1, 4, 4, 4)], kind)
        yield one(f"{low}_odd", name, [t(*_IMAGE), k([11, 13])], [t(1, 11, 13, 4)], kind)
        yield one(
            f"{low}_runtime_size", name, [t(*_IMAGE), t(2, dtype="int32")], [t(1, 16, 16, 4)], kind
        )
        yield one(f"{low}_int8", name, [q8(*_IMAGE), size], [q8(1, 16, 16, 4)], kind, 2)
        yield one(f"{low}_batch_4", name, [t(4, 8, 8, 4), size], [t(4, 16, 16, 4)], kind)
        other = q8(1, 16, 16, 4, zero=3)
        yield one(f"{low}_int8_other_zero", name, [q8(*_IMAGE), size], [other], kind, 2)
    for name, kind, a, b in (
        ("DEPTH_TO_SPACE", "DepthToSpaceOptions", (1, 4, 4, 8), (1, 8, 8, 2)),
        ("SPACE_TO_DEPTH", "SpaceToDepthOptions", (1, 8, 8, 2), (1, 4, 4, 8)),
    ):
        low = name.lower()
        yield one(low, name, [t(*a)], [t(*b)], kind, blockSize=2)
        yield one(f"{low}_1", name, [t(*a)], [t(*a)], kind, blockSize=1)
        yield one(f"{low}_int8", name, [q8(*a)], [q8(*b)], kind, 2, blockSize=2)
        other = [q8(*b, zero=3)]
        yield one(f"{low}_int8_other_zero", name, [q8(*a)], other, kind, 2, blockSize=2)
        yield one(f"{low}_batch_4", name, [t(4, *a[1:])], [t(4, *b[1:])], kind, blockSize=2)
    yield one(
        "batch_to_space",
        "BATCH_TO_SPACE_ND",
        [t(4, 4, 4, 2), k([2, 2]), k([[0, 0], [0, 0]])],
        [t(1, 8, 8, 2)],
    )
    yield one(
        "space_to_batch",
        "SPACE_TO_BATCH_ND",
        [t(1, 8, 8, 2), k([2, 2]), k([[0, 0], [0, 0]])],
        [t(4, 4, 4, 2)],
    )


def prelu() -> Iterator[Graph]:
    x = t(*_IMAGE)
    yield one("prelu_channels", "PRELU", [x, w(1, 1, 4)], [x])
    yield one("prelu_full", "PRELU", [x, w(8, 8, 4)], [x])
    several = t(2, 8, 8, 4)
    yield one("prelu_full_batch_2", "PRELU", [several, w(8, 8, 4)], [several])
    yield one(
        "prelu_int32",
        "PRELU",
        [t(2, 6, dtype="int32"), w(6, dtype="int32")],
        [t(2, 6, dtype="int32")],
    )
    yield one("prelu_runtime", "PRELU", [x, t(1, 1, 4)], [x])
    yield one("prelu_scalar", "PRELU", [x, w(1, 1, 1)], [x])
    yield one("prelu_rank_2", "PRELU", [t(2, 6), w(6)], [t(2, 6)])
    yield one("prelu_int8", "PRELU", [q8(*_IMAGE), wq8(1, 1, 4)], [q8(*_IMAGE)])


def recurrent() -> Iterator[Graph]:
    """LSTM cells in one node, with the state passed in and out; kernel type 1 is the basic one."""
    inputs = [t(1, 8), t(1, 4), w(16, 12), w(16), t(1, 4)]
    outputs = [t(1, 4), t(1, 4), t(1, 12), t(1, 16)]
    given = {"kernelType": 1, "fusedActivationFunction": 4}
    yield one("lstm_basic", "LSTM", inputs, outputs, "LSTMOptions", 2, **given)
    yield one(
        "lstm_basic_clipped", "LSTM", inputs, outputs, "LSTMOptions", 2, **given, cellClip=1.0
    )


LAYERS = (convolutions, depthwise, transposed, dense, products, pools, resizes, prelu, recurrent)

"""Graphs of one operator drawn at random: what nobody thought of when a table was written."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpus_graph import Graph, k, one
from measuring import runs_in_litert
from one_op import T, write

Shape = tuple[int, ...]

_DTYPES = (
    *("float32",) * 6,
    *("int8*", "int8*", "uint8*", "int16*"),
    *("int32", "int8", "uint8", "int16", "int64", "float16", "bool"),
)
"""A star stands for a quantised tensor."""

_SCALES = {"int8": (0.1, 0), "uint8": (0.1, 128), "int16": (1 / 32768, 0)}
_OWN_SCALES = {"LOGISTIC": (1 / 256, -128), "SOFTMAX": (1 / 256, -128), "TANH": (1 / 128, 0)}
_KINDS = {
    name: f"{name.title().replace('_', '')}Options"
    for name in (
        "ABS",
        "GELU",
        "LEAKY_RELU",
        "SOFTMAX",
        "ADD",
        "SUB",
        "MUL",
        "DIV",
        "SELECT",
        "CAST",
    )
}
_FUSED = ("ADD", "SUB", "MUL", "DIV")


class Draw:
    """Draws one graph after another; the same seed gives the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def graphs(self) -> Iterator[Graph]:
        """Yield graphs without end. Some are none that LiteRT runs."""
        index = 0
        while True:
            graph = self.random.choice(_FAMILIES)(self)
            if any(not _constant(tensor) for tensor in graph[1]):
                index += 1
                yield f"drawn_{index}_{graph[0]}", graph[1], graph[2]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def shape(self, *ranks: int) -> Shape:
        rank = self.random.choice(ranks or (1, 2, 2, 3, 3, 4, 4, 4, 4, 5, 6))
        return tuple(self.random.choice((1, 1, 2, 3, 4, 8)) for _ in range(rank))

    def axis(self, shape: Shape) -> int:
        return self.random.randrange(len(shape))

    def dtype(self) -> str:
        return self.random.choice(_DTYPES)

    def version(self) -> int:
        return self.pick(1, 1, 1, 2, 3, 4, 5, 6)

    def broadcast(self, shape: Shape) -> Shape:
        """A shape that can be stretched to another."""
        kept = shape[len(shape) - self.random.randint(0, len(shape)) :]
        return tuple(1 if self.chance(0.3) else length for length in kept)


def _constant(tensor: T) -> bool:
    return tensor.values is not None or tensor.fill is not None


def _tensor(shape: Shape, dtype: str, constant: bool = False, **more: Any) -> T:
    bare = dtype.removesuffix("*")
    if bare != dtype:
        scale, zero = _SCALES[bare]
        more = {"scales": (scale,), "zero_points": (zero,), **more}
    return T(shape=shape, dtype=bare, fill=1 if constant else None, **more)


def _unary(draw: Draw) -> Graph:
    name = draw.pick(
        *("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG"),
        *(
            "LOGISTIC",
            "LOG_SOFTMAX",
            "NEG",
            "RELU",
            "RELU6",
            "RELU_0_TO_1",
            "RELU_N1_TO_1",
            "ROUND",
        ),
        *("RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH", "SOFTMAX", "LOGICAL_NOT"),
    )
    shape, dtype = draw.shape(), draw.dtype()
    opened = {"open": (0,)} if draw.chance(0.1) else {}
    output = _tensor(shape, dtype, **opened)
    if dtype == "int8*" and name in _OWN_SCALES:
        scale, zero = _OWN_SCALES[name]
        output = _tensor(shape, dtype, scales=(scale,), zero_points=(zero,), **opened)
    options = {"beta": draw.pick(1.0, 1.0, 0.5)} if name == "SOFTMAX" else {}
    inputs = [_tensor(shape, dtype, **opened)]
    return one(name, name, inputs, [output], _KINDS.get(name, ""), draw.version(), **options)


def _binary(draw: Draw) -> Graph:
    compare = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    name = draw.pick(
        *("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE"),
        *("FLOOR_DIV", "FLOOR_MOD", "ATAN2", "LOGICAL_AND", "LOGICAL_OR", *compare),
    )
    whole, dtype = draw.shape(), draw.dtype()
    shapes = [whole, draw.pick(whole, whole, draw.broadcast(whole), ())]
    draw.random.shuffle(shapes)
    fixed = draw.pick(None, None, 0, 1)
    inputs = [_tensor(shape, dtype, index == fixed) for index, shape in enumerate(shapes)]
    output = _tensor(whole, "bool" if name in compare else dtype)
    options = {"fusedActivationFunction": draw.pick(0, 0, 1, 2, 3)} if name in _FUSED else {}
    return one(name, name, inputs, [output], _KINDS.get(name, ""), draw.version(), **options)


def _select(draw: Draw) -> Graph:
    whole, dtype = draw.shape(), draw.dtype()
    shapes = [whole, whole if draw.chance(0.6) else draw.broadcast(whole)]
    draw.random.shuffle(shapes)
    condition = T(shape=whole if draw.chance(0.7) else draw.broadcast(whole), dtype="bool")
    inputs = [condition, *(_tensor(shape, dtype, draw.chance(0.3)) for shape in shapes)]
    name = draw.pick("SELECT", "SELECT_V2")
    return one(name, name, inputs, [_tensor(whole, dtype)])


def _reduction(draw: Draw) -> Graph:
    name = draw.pick(
        "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ALL", "REDUCE_ANY"
    )
    shape, dtype, keep = draw.shape(), draw.dtype(), draw.chance(0.5)
    axes = draw.random.sample(range(len(shape)), draw.random.randint(1, len(shape)))
    left = tuple(
        1 if axis in axes else length
        for axis, length in enumerate(shape)
        if keep or axis not in axes
    )
    inputs = [
        _tensor(shape, dtype),
        k(axes if draw.chance(0.8) else [axis - len(shape) for axis in axes]),
    ]
    return one(
        name, name, inputs, [_tensor(left, dtype)], "ReducerOptions", draw.version(), keepDims=keep
    )


def _index(draw: Draw) -> Graph:
    shape, dtype = draw.shape(), draw.dtype()
    if draw.chance(0.5):
        axis, given = draw.axis(shape), draw.pick("int32", "int32", "int64")
        left = shape[:axis] + shape[axis + 1 :]
        output = T(shape=left, dtype=given)
        inputs = [_tensor(shape, dtype), k(axis)]
        number = {"int32": 2, "int64": 4}[given]
        return one("ARG_MAX", "ARG_MAX", inputs, [output], "ArgMaxOptions", outputType=number)
    count = draw.random.randint(1, shape[-1])
    left = (*shape[:-1], count)
    outputs = [_tensor(left, dtype), T(shape=left, dtype="int32")]
    return one("TOPK_V2", "TOPK_V2", [_tensor(shape, dtype), k(count)], outputs, "TopKV2Options")


def _padding(draw: Draw) -> Graph:
    name, kind = draw.pick(("PAD", "Pad"), ("PADV2", "PadV2"), ("MIRROR_PAD", "MirrorPad"))
    shape, dtype = draw.shape(), draw.dtype()
    sides = [
        [min(draw.pick(0, 0, 1), length - 1), min(draw.pick(0, 1), length - 1)] for length in shape
    ]
    padded = tuple(length + sum(side) for length, side in zip(shape, sides, strict=True))
    inputs = [_tensor(shape, dtype), k(sides, draw.pick("int32", "int32", "int32", "int64"))]
    if name == "PADV2":
        inputs.append(_tensor((), dtype, draw.chance(0.8)))
    options = {"mode": draw.pick(0, 1)} if name == "MIRROR_PAD" else {}
    return one(
        name, name, inputs, [_tensor(padded, dtype)], f"{kind}Options", draw.version(), **options
    )


def _moving(draw: Draw) -> Graph:
    shape, dtype = draw.shape(), draw.dtype()
    if draw.chance(0.3):
        size = math.prod(shape)
        new = draw.pick(
            (size,), (1, size), (size, 1), (1, 1, size), (1, 1, 1, size), (1, 1, 1, 1, size)
        )
        options = {"newShape": list(new)}
        return one(
            "RESHAPE",
            "RESHAPE",
            [_tensor(shape, dtype), k(new)],
            [_tensor(new, dtype)],
            "ReshapeOptions",
            **options,
        )
    if draw.chance(0.5):
        order = draw.random.sample(range(len(shape)), len(shape))
        turned = tuple(shape[axis] for axis in order)
        return one(
            "TRANSPOSE",
            "TRANSPOSE",
            [_tensor(shape, dtype), k(order)],
            [_tensor(turned, dtype)],
            "TransposeOptions",
            draw.version(),
        )
    times = [draw.pick(1, 1, 2) for _ in shape]
    tiled = tuple(length * time for length, time in zip(shape, times, strict=True))
    return one(
        "TILE",
        "TILE",
        [_tensor(shape, dtype), k(times)],
        [_tensor(tiled, dtype)],
        "TileOptions",
        draw.version(),
    )


def _joining(draw: Draw) -> Graph:
    dtype, count = draw.dtype(), draw.pick(1, 2, 3, 6, 9)
    if draw.chance(0.4):
        shape = draw.shape(1, 2, 3, 4)
        axis = draw.random.randint(0, len(shape))
        inputs = [_tensor(shape, dtype, draw.chance(0.2)) for _ in range(count)]
        packed = (*shape[:axis], count, *shape[axis:])
        options = {"valuesCount": count, "axis": axis}
        return one(
            "PACK",
            "PACK",
            inputs,
            [_tensor(packed, dtype)],
            "PackOptions",
            draw.version(),
            **options,
        )
    shape = draw.shape()
    axis = draw.axis(shape)
    lengths = [draw.pick(1, 2, 4) for _ in range(count)]
    inputs = [
        _tensor((*shape[:axis], length, *shape[axis + 1 :]), dtype, draw.chance(0.15))
        for length in lengths
    ]
    joined = (*shape[:axis], sum(lengths), *shape[axis + 1 :])
    given = axis if draw.chance(0.7) else axis - len(shape)
    return one(
        "CONCATENATION",
        "CONCATENATION",
        inputs,
        [_tensor(joined, dtype)],
        "ConcatenationOptions",
        draw.version(),
        axis=given,
    )


def _splitting(draw: Draw) -> Graph:
    shape, dtype, version = draw.shape(), draw.dtype(), draw.version()
    axis, count = draw.axis(shape), draw.pick(2, 3, 4)
    length = draw.pick(1, 2)
    whole, part = ((*shape[:axis], size, *shape[axis + 1 :]) for size in (count * length, length))
    way = draw.pick("SPLIT", "SPLIT_V", "UNPACK")
    if way == "SPLIT":
        return one(
            way,
            way,
            [k(axis), _tensor(whole, dtype)],
            [_tensor(part, dtype)] * count,
            "SplitOptions",
            version,
            numSplits=count,
        )
    if way == "SPLIT_V":
        return one(
            way,
            way,
            [_tensor(whole, dtype), k([length] * count), k(axis)],
            [_tensor(part, dtype)] * count,
            "SplitVOptions",
            version,
            numSplits=count,
        )
    left = shape[:axis] + shape[axis + 1 :]
    outputs = [_tensor(left, dtype)] * shape[axis]
    return one(
        way,
        way,
        [_tensor(shape, dtype)],
        outputs,
        "UnpackOptions",
        version,
        num=shape[axis],
        axis=axis,
    )


def _cutting(draw: Draw) -> Graph:
    shape, dtype, version = draw.shape(), draw.dtype(), draw.version()
    begin = [draw.random.randrange(length) for length in shape]
    end = [
        draw.random.randint(start + 1, length) for start, length in zip(begin, shape, strict=True)
    ]
    if draw.chance(0.5):
        sizes = [last - first for first, last in zip(begin, end, strict=True)]
        given = draw.pick("int32", "int32", "int32", "int64")
        inputs = [_tensor(shape, dtype), k(begin, given), k(sizes, given)]
        return one(
            "SLICE", "SLICE", inputs, [_tensor(tuple(sizes), dtype)], "SliceOptions", version
        )
    strides = [draw.pick(1, 1, 2) for _ in shape]
    left = [
        -(-(last - first) // stride)
        for first, last, stride in zip(begin, end, strides, strict=True)
    ]
    options: dict[str, int] = {}
    if draw.chance(0.2):
        end[0], left, options = begin[0] + 1, left[1:], {"shrinkAxisMask": 1}
    inputs = [_tensor(shape, dtype), k(begin), k(end), k(strides)]
    return one(
        "STRIDED_SLICE",
        "STRIDED_SLICE",
        inputs,
        [_tensor(tuple(left), dtype)],
        "StridedSliceOptions",
        version,
        **options,
    )


def _gathering(draw: Draw) -> Graph:
    shape, dtype = draw.shape(), draw.dtype()
    axis, wanted = draw.axis(shape), draw.shape(1, 1, 1, 2)
    runtime = draw.chance(0.4)
    indices = T(shape=wanted, dtype="int32")
    if not runtime:
        indices = k(np.zeros(wanted), draw.pick("int32", "int32", "int64"))
    values = _tensor(shape, dtype, runtime and draw.chance(0.5))
    found = (*shape[:axis], *wanted, *shape[axis + 1 :])
    return one(
        "GATHER",
        "GATHER",
        [values, indices],
        [_tensor(found, dtype)],
        "GatherOptions",
        draw.version(),
        axis=axis,
    )


def _convolution(draw: Draw) -> Graph:
    batch, size, channels = draw.pick(1, 1, 2), draw.pick(1, 4, 8), draw.pick(1, 2, 4, 6)
    window, stride = draw.pick(1, 1, 3, 5), draw.pick(1, 1, 2)
    dilation = draw.pick(1, 1, 2) if stride == 1 else 1
    depthwise = draw.chance(0.4)
    multiplier = draw.pick(1, 1, 2)
    results = channels * multiplier if depthwise else draw.pick(2, 4, 8)
    weights = (1, window, window, results) if depthwise else (results, window, window, channels)
    how = draw.pick("float", "float", "runtime", "dynamic", "channels", "int8", "int8 channels")
    quantised = how.startswith("int8")
    options = {
        "strideW": stride,
        "strideH": stride,
        "dilationWFactor": dilation,
        "dilationHFactor": dilation,
        "padding": 0,
        "fusedActivationFunction": draw.pick(0, 0, 1, 3)
        if quantised
        else draw.pick(0, 0, 1, 2, 3, 4),
        **({"depthMultiplier": multiplier} if depthwise else {}),
    }
    scales = (0.05,) * (results if "channels" in how else 1)
    kernel = (
        T(shape=weights, fill=None if how == "runtime" else 0.1)
        if how in ("float", "runtime")
        else T(shape=weights, dtype="int8", fill=1, scales=scales, axis=3 if depthwise else 0)
    )
    bias = T(shape=(results,), fill=0.1)
    if quantised:
        bias = T(shape=(results,), dtype="int32", fill=1, scales=(0.005,) * len(scales))
    left = -(-size // stride)
    dtype = "int8*" if quantised else "float32"
    image, output = (
        _tensor((batch, size, size, channels), dtype),
        _tensor((batch, left, left, results), dtype),
    )
    name, kind = (
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions")
        if depthwise
        else ("CONV_2D", "Conv2DOptions")
    )
    return one(name, name, [image, kernel, bias], [output], kind, draw.version(), **options)


def _product(draw: Draw) -> Graph:
    units, inner = draw.pick(1, 3, 8), draw.pick(4, 16)
    if draw.chance(0.4):
        rank, dtype = draw.pick(2, 3, 4, 5), draw.pick("float32", "float32", "int8*")
        outer = draw.shape(rank - 2)
        shapes = (*outer, 3, inner), (*draw.pick(outer, outer, (1,) * len(outer)), inner, units)
        inputs = [_tensor(shapes[0], dtype), _tensor(shapes[1], dtype, draw.chance(0.4))]
        return one(
            "BATCH_MATMUL",
            "BATCH_MATMUL",
            inputs,
            [_tensor((*outer, 3, units), dtype)],
            "BatchMatMulOptions",
            draw.version(),
        )
    keep, how = draw.chance(0.4), draw.pick("float", "float", "runtime", "dynamic", "int8")
    shape = (*draw.shape(1, 2, 3, 4), inner) if keep else (draw.pick(1, 2, 5), inner)
    dtype = "int8*" if how == "int8" else "float32"
    weights = (
        T(shape=(units, inner), fill=None if how == "runtime" else 0.1)
        if how in ("float", "runtime")
        else T(shape=(units, inner), dtype="int8", fill=1, scales=(0.05,))
    )
    bias = T(shape=(units,), fill=0.1)
    if how == "int8":
        bias = T(shape=(units,), dtype="int32", fill=1, scales=(0.005,))
    output = _tensor((*shape[:-1], units), dtype)
    options = {"keepNumDims": keep, "fusedActivationFunction": draw.pick(0, 1, 3)}
    version = draw.pick(1, 2, 3, 4, 5, 7, 9, 10, 12)
    return one(
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        [_tensor(shape, dtype), weights, bias],
        [output],
        "FullyConnectedOptions",
        version,
        **options,
    )


def _image(draw: Draw) -> Graph:
    dtype, batch = draw.dtype(), draw.pick(1, 2)
    if draw.chance(0.5):
        window, stride, size = draw.pick(1, 2, 3), draw.pick(1, 2, 3), draw.pick(4, 8)
        options = {
            "strideW": stride,
            "strideH": stride,
            "filterWidth": window,
            "filterHeight": window,
            "padding": 0,
            "fusedActivationFunction": draw.pick(0, 1, 3),
        }
        name, left = draw.pick("AVERAGE_POOL_2D", "MAX_POOL_2D"), -(-size // stride)
        inputs, output = (
            [_tensor((batch, size, size, 4), dtype)],
            _tensor((batch, left, left, 4), dtype),
        )
        return one(name, name, inputs, [output], "Pool2DOptions", draw.version(), **options)
    name, kind = draw.pick(
        ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
        ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    )
    size = draw.pick(1, 3, 8, 16)
    options = {"alignCorners": draw.chance(0.3), "halfPixelCenters": draw.chance(0.3)}
    inputs = [_tensor((batch, 8, 8, 3), dtype), k([size, size])]
    return one(
        name,
        name,
        inputs,
        [_tensor((batch, size, size, 3), dtype)],
        kind,
        draw.version(),
        **options,
    )


def _converting(draw: Draw) -> Graph:
    shape = draw.shape()
    if draw.chance(0.5):
        numbers = {
            "float32": 0,
            "float16": 1,
            "int32": 2,
            "int64": 4,
            "bool": 6,
            "int8": 9,
            "uint8": 3,
            "int16": 7,
        }
        given, wanted = draw.pick(*numbers), draw.pick(*numbers)
        options = {"inDataType": numbers[given], "outDataType": numbers[wanted]}
        return one(
            "CAST",
            "CAST",
            [_tensor(shape, given)],
            [_tensor(shape, wanted)],
            "CastOptions",
            draw.version(),
            **options,
        )
    given, wanted = draw.pick(
        ("float32", "int8*"),
        ("float32", "uint8*"),
        ("float32", "int16*"),
        ("int8*", "float32"),
        ("uint8*", "float32"),
        ("int16*", "float32"),
        ("int8*", "uint8*"),
        ("uint8*", "int8*"),
    )
    name = "DEQUANTIZE" if wanted == "float32" else "QUANTIZE"
    return one(
        name, name, [_tensor(shape, given)], [_tensor(shape, wanted)], version=draw.pick(1, 2, 3)
    )


def _slopes(draw: Draw) -> Graph:
    shape, dtype = draw.shape(), draw.dtype()
    slopes = draw.pick(shape[-1:], shape[1:], (*(1,) * (len(shape) - 2), shape[-1]), (1,))
    inputs = [_tensor(shape, dtype), _tensor(slopes, dtype, draw.chance(0.8))]
    return one("PRELU", "PRELU", inputs, [_tensor(shape, dtype)])


def _running(draw: Draw) -> Graph:
    shape, dtype = draw.shape(), draw.dtype()
    if draw.chance(0.5):
        inputs = [_tensor(shape, dtype), k(draw.axis(shape))]
        return one("CUMSUM", "CUMSUM", inputs, [_tensor(shape, dtype)], "CumsumOptions")
    update = tuple(draw.random.randint(1, length) for length in shape)
    inputs = [_tensor(shape, dtype), _tensor(update, dtype), T(shape=(len(shape),), dtype="int32")]
    return one("DYNAMIC_UPDATE_SLICE", "DYNAMIC_UPDATE_SLICE", inputs, [_tensor(shape, dtype)])


_FAMILIES: Sequence[Callable[[Draw], Graph]] = (
    *(_unary, _binary, _binary, _select, _reduction, _index, _padding, _moving, _joining),
    *(_splitting, _cutting, _gathering, _convolution, _convolution, _product, _image),
    *(_converting, _slopes, _running),
)


def drawn(folder: Path, seed: int, count: int) -> dict[str, Path]:
    """Write graphs until so many of them are ones that LiteRT runs; return these."""
    graphs = Draw(seed).graphs()
    found: dict[str, Path] = {}
    while len(found) < count:
        paths = [
            write(folder / f"{name}.tflite", tensors, ops)
            for name, tensors, ops in (next(graphs) for _ in range(count))
        ]
        runs = zip(paths, runs_in_litert(paths), strict=True)
        found.update((path.stem, path) for path, accepted in runs if accepted)
    return dict(list(found.items())[:count])

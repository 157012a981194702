"""Operators that pad, shape, turn, join and cut tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from corpus_graph import Graph, k, one, q8, q16, qu8, t, w
from one_op import T

Inputs = Sequence[T | None]

_IMAGE = (1, 8, 8, 4)


def reshape(name: str, a: T, b: T, shape: str = "constant") -> Graph:
    given = {
        "constant": [k(list(b.shape))],
        "none": [],
        "runtime": [t(len(b.shape), dtype="int32")],
    }
    inputs = [a, *given[shape]]
    return one(name, "RESHAPE", inputs, [b], "ReshapeOptions", newShape=list(b.shape))


def join(name: str, inputs: Inputs, output: T, axis: int, version: int = 1) -> Graph:
    return one(name, "CONCATENATION", inputs, [output], "ConcatenationOptions", version, axis=axis)


def pack(name: str, inputs: Inputs, output: T, axis: int, version: int = 1) -> Graph:
    given = {"valuesCount": len(inputs), "axis": axis}
    return one(name, "PACK", inputs, [output], "PackOptions", version, **given)


def cut(name: str, a: T, begin: T, size: T, b: T, version: int = 1) -> Graph:
    return one(name, "SLICE", [a, begin, size], [b], "SliceOptions", version)


def stride(
    name: str, a: T, begin: T, end: T, strides: T, b: T, version: int = 1, **options: Any
) -> Graph:
    inputs = [a, begin, end, strides]
    return one(name, "STRIDED_SLICE", inputs, [b], "StridedSliceOptions", version, **options)


def paddings() -> Iterator[Graph]:
    image = [[0, 0], [1, 1], [1, 1], [0, 0]]
    x, y = t(*_IMAGE), t(1, 10, 10, 4)
    zero = k(0.0, "float32")
    yield one("pad", "PAD", [x, k(image)], [y], "PadOptions")
    yield one(
        "pad_channels",
        "PAD",
        [x, k([[0, 0], [0, 0], [0, 0], [0, 4]])],
        [t(1, 8, 8, 8)],
        "PadOptions",
    )
    yield one(
        "pad_batch", "PAD", [x, k([[1, 1], [0, 0], [0, 0], [0, 0]])], [t(3, 8, 8, 4)], "PadOptions"
    )
    yield one("pad_rank_1", "PAD", [t(6), k([[1, 1]])], [t(8)], "PadOptions")
    yield one("pad_rank_2", "PAD", [t(2, 6), k([[0, 0], [1, 1]])], [t(2, 8)], "PadOptions")
    yield one(
        "pad_rank_3", "PAD", [t(2, 3, 6), k([[0, 0], [1, 1], [0, 0]])], [t(2, 5, 6)], "PadOptions"
    )
    yield one(
        "pad_rank_5",
        "PAD",
        [t(1, 2, 3, 4, 5), k([[0, 0], [0, 0], [1, 1], [0, 0], [0, 0]])],
        [t(1, 2, 5, 4, 5)],
        "PadOptions",
    )
    yield one("pad_runtime", "PAD", [x, t(4, 2, dtype="int32")], [y], "PadOptions")
    yield one("pad_int64", "PAD", [x, k(image, "int64")], [y], "PadOptions")
    yield one("pad_int8", "PAD", [q8(*_IMAGE), k(image)], [q8(1, 10, 10, 4)], "PadOptions", 2)
    yield one(
        "pad_int32",
        "PAD",
        [t(*_IMAGE, dtype="int32"), k(image)],
        [t(1, 10, 10, 4, dtype="int32")],
        "PadOptions",
    )
    other = q8(1, 10, 10, 4, zero=3)
    yield one("pad_int8_other_zero", "PAD", [q8(*_IMAGE), k(image)], [other], "PadOptions", 2)
    yield one("pad_v2", "PADV2", [x, k(image), zero], [y], "PadV2Options")
    for dtype in ("int32", "int8", "bool"):
        inputs = [t(*_IMAGE, dtype=dtype), k(image), k(1, dtype)]
        yield one(
            f"pad_v2_{dtype}", "PADV2", inputs, [t(1, 10, 10, 4, dtype=dtype)], "PadV2Options"
        )
    yield one("pad_v2_one", "PADV2", [x, k(image), k(1.0, "float32")], [y], "PadV2Options")
    yield one("pad_v2_runtime_value", "PADV2", [x, k(image), t()], [y], "PadV2Options")
    yield one(
        "pad_v2_rank_2", "PADV2", [t(2, 6), k([[0, 0], [1, 1]]), zero], [t(2, 8)], "PadV2Options"
    )
    yield one("mirror_pad_reflect", "MIRROR_PAD", [x, k(image)], [y], "MirrorPadOptions", mode=0)
    yield one("mirror_pad_symmetric", "MIRROR_PAD", [x, k(image)], [y], "MirrorPadOptions", mode=1)
    yield one(
        "mirror_pad_rank_2",
        "MIRROR_PAD",
        [t(2, 6), k([[0, 0], [1, 1]])],
        [t(2, 8)],
        "MirrorPadOptions",
        mode=0,
    )


def reshapes() -> Iterator[Graph]:
    yield reshape("reshape", t(*_IMAGE), t(1, 256))
    yield reshape("reshape_to_rank_1", t(*_IMAGE), t(256))
    yield reshape("reshape_to_rank_3", t(*_IMAGE), t(1, 64, 4))
    yield reshape("reshape_to_rank_5", t(*_IMAGE), t(1, 8, 8, 2, 2))
    yield reshape("reshape_from_rank_5", t(1, 8, 8, 2, 2), t(*_IMAGE))
    yield reshape("reshape_to_rank_6", t(*_IMAGE), t(1, 2, 4, 8, 2, 2))
    yield reshape("reshape_options_only", t(*_IMAGE), t(1, 256), "none")
    yield reshape("reshape_runtime_shape", t(*_IMAGE), t(1, 256), "runtime")
    yield reshape("reshape_int8", q8(*_IMAGE), q8(1, 256))
    yield reshape("reshape_int8_other_zero", q8(*_IMAGE), q8(1, 256, zero=3))
    yield reshape("reshape_int16", q16(*_IMAGE), q16(1, 256))
    for dtype in ("int32", "int64", "bool"):
        yield reshape(f"reshape_{dtype}", t(*_IMAGE, dtype=dtype), t(1, 256, dtype=dtype))
    yield one(
        "squeeze", "SQUEEZE", [t(1, 1, 1, 8)], [t(1, 8)], "SqueezeOptions", squeezeDims=[1, 2]
    )
    yield one("expand_dims", "EXPAND_DIMS", [t(1, 8), k(1)], [t(1, 1, 8)], "ExpandDimsOptions")
    yield one("shape", "SHAPE", [t(1, 8)], [t(2, dtype="int32")], "ShapeOptions", outType=2)
    yield one(
        "broadcast_to", "BROADCAST_TO", [t(1, 8), k([4, 8])], [t(4, 8)], "BroadcastToOptions", 2
    )
    yield one("tile", "TILE", [t(1, 8), k([2, 3])], [t(2, 24)], "TileOptions")
    yield one(
        "tile_rank_4", "TILE", [t(1, 4, 4, 2), k([1, 2, 2, 1])], [t(1, 8, 8, 2)], "TileOptions"
    )
    yield one(
        "tile_int32",
        "TILE",
        [t(1, 8, dtype="int32"), k([2, 3])],
        [t(2, 24, dtype="int32")],
        "TileOptions",
    )
    yield one("tile_runtime", "TILE", [t(1, 8), t(2, dtype="int32")], [t(2, 24)], "TileOptions")
    many = t(2, 24, dtype="bool")
    yield one("tile_bool", "TILE", [t(1, 8, dtype="bool"), k([2, 3])], [many], "TileOptions")
    yield one("reverse", "REVERSE_V2", [t(2, 6), k([1])], [t(2, 6)], "ReverseV2Options")
    yield one(
        "reverse_rank_4", "REVERSE_V2", [t(*_IMAGE), k([1, 2])], [t(*_IMAGE)], "ReverseV2Options"
    )
    yield one("fill", "FILL", [t(2, dtype="int32"), k(1.0, "float32")], [t(2, 3)], "FillOptions")


def transposes() -> Iterator[Graph]:
    for shape, order in (
        ((2, 6), (1, 0)),
        ((2, 3, 6), (0, 2, 1)),
        ((2, 3, 6), (2, 1, 0)),
        ((1, 8, 6, 4), (0, 3, 1, 2)),
        ((2, 8, 6, 4), (3, 1, 2, 0)),
        ((1, 8, 8, 2, 2), (0, 1, 2, 4, 3)),
        ((1, 2, 3, 1, 2, 2), (0, 1, 2, 3, 5, 4)),
    ):
        out = tuple(shape[axis] for axis in order)
        name = f"transpose_{''.join(map(str, order))}"
        yield one(name, "TRANSPOSE", [t(*shape), k(order)], [t(*out)], "TransposeOptions")
        if len(shape) in (2, 4):
            for dtype in ("int32", "int64", "bool"):
                yield one(
                    f"{name}_{dtype}",
                    "TRANSPOSE",
                    [t(*shape, dtype=dtype), k(order)],
                    [t(*out, dtype=dtype)],
                    "TransposeOptions",
                )
            yield one(
                f"{name}_int8",
                "TRANSPOSE",
                [q8(*shape), k(order)],
                [q8(*out)],
                "TransposeOptions",
                2,
            )
    yield one("transpose_rank_1", "TRANSPOSE", [t(6), k([0])], [t(6)], "TransposeOptions")
    other = [q8(6, 2, zero=3)]
    yield one(
        "transpose_int8_other_zero",
        "TRANSPOSE",
        [q8(2, 6), k([1, 0])],
        other,
        "TransposeOptions",
        2,
    )
    yield one(
        "transpose_runtime",
        "TRANSPOSE",
        [t(2, 6), t(2, dtype="int32")],
        [t(6, 2)],
        "TransposeOptions",
    )
    yield one(
        "transpose_int16", "TRANSPOSE", [q16(2, 6), k([1, 0])], [q16(6, 2)], "TransposeOptions", 4
    )
    yield one(
        "transpose_dynamic_batch",
        "TRANSPOSE",
        [t(*_IMAGE, open=(0,)), k([0, 2, 1, 3])],
        [t(*_IMAGE, open=(0,))],
        "TransposeOptions",
    )


def joins() -> Iterator[Graph]:
    x = t(*_IMAGE)
    yield join("concat_channels", [x, x], t(1, 8, 8, 8), 3)
    yield join("concat_negative_axis", [x, x], t(1, 8, 8, 8), -1)
    yield join("concat_width", [x, x], t(1, 8, 16, 4), 2)
    yield join("concat_height", [x, x], t(1, 16, 8, 4), 1)
    yield join("concat_batch", [x, x], t(2, 8, 8, 4), 0)
    yield join("concat_5", [x] * 5, t(1, 8, 8, 20), 3)
    yield join("concat_8", [x] * 8, t(1, 8, 8, 32), 3)
    yield join("concat_different", [x, t(1, 8, 8, 3)], t(1, 8, 8, 7), 3)
    yield join("concat_rank_1", [t(4), t(4)], t(8), 0)
    yield join("concat_rank_2", [t(2, 4), t(2, 3)], t(2, 7), 1)
    yield join("concat_rank_3", [t(2, 4, 3), t(2, 4, 3)], t(2, 8, 3), 1)
    yield join("concat_rank_5", [t(1, 2, 3, 4, 5)] * 2, t(1, 2, 3, 4, 10), 4)
    yield join("concat_constant", [x, w(*_IMAGE)], t(1, 8, 8, 8), 3)
    for dtype in ("int32", "int64", "bool"):
        yield join(f"concat_{dtype}", [t(2, 4, dtype=dtype)] * 2, t(2, 8, dtype=dtype), 1)
    for dtype in ("int32", "int16", "int8", "float16", "bool"):
        inputs = [t(2, 4, dtype=dtype), w(2, 4, dtype=dtype)]
        yield join(f"concat_constant_{dtype}", inputs, t(2, 8, dtype=dtype), 1)
    yield join("concat_int8", [q8(*_IMAGE)] * 2, q8(1, 8, 8, 8), 3, 2)
    yield join("concat_uint8", [qu8(*_IMAGE)] * 2, qu8(1, 8, 8, 8), 3)
    yield join("concat_int16", [q16(*_IMAGE)] * 2, q16(1, 8, 8, 8), 3, 3)
    for version in (2, 3, 4):
        yield join(f"concat_version_{version}", [x, x], t(1, 8, 8, 8), 3, version)
    yield join("concat_dynamic_batch", [t(1, 4, open=(0,))] * 2, t(1, 8, open=(0,)), 1)

    yield pack("pack", [t(2, 6)] * 2, t(2, 2, 6), 0)
    yield pack("pack_last", [t(2, 6)] * 2, t(2, 6, 2), 2)
    yield pack("pack_one", [t(2, 6)], t(1, 2, 6), 0)
    yield pack("pack_scalars", [t(), t()], t(2), 0)
    yield pack("pack_rank_3", [t(2, 3, 6)] * 2, t(2, 3, 2, 6), 2)
    yield pack("pack_to_rank_5", [t(*_IMAGE)] * 2, t(1, 8, 8, 4, 2), 4)
    yield pack("pack_int32", [t(2, 6, dtype="int32")] * 2, t(2, 2, 6, dtype="int32"), 0)
    yield pack("pack_int8", [q8(2, 6)] * 2, q8(2, 2, 6), 0, 2)
    yield pack("pack_constant", [t(2, 6), w(2, 6)], t(2, 2, 6), 0)


def cuts() -> Iterator[Graph]:
    x, half = t(*_IMAGE), t(1, 8, 8, 2)
    i32 = "int32"
    yield one("split", "SPLIT", [k(3), x], [half, half], "SplitOptions", numSplits=2)
    yield one("split_negative", "SPLIT", [k(-1), x], [half, half], "SplitOptions", numSplits=2)
    yield one("split_height", "SPLIT", [k(1), x], [t(1, 4, 8, 4)] * 2, "SplitOptions", numSplits=2)
    yield one("split_batch", "SPLIT", [k(0), t(2, 8, 8, 4)], [x, x], "SplitOptions", numSplits=2)
    yield one("split_one", "SPLIT", [k(3), x], [x], "SplitOptions", numSplits=1)
    yield one("split_four", "SPLIT", [k(3), x], [t(1, 8, 8, 1)] * 4, "SplitOptions", numSplits=4)
    yield one("split_rank_2", "SPLIT", [k(1), t(2, 6)], [t(2, 3)] * 2, "SplitOptions", numSplits=2)
    yield one(
        "split_rank_3", "SPLIT", [k(2), t(2, 3, 6)], [t(2, 3, 3)] * 2, "SplitOptions", numSplits=2
    )
    yield one(
        "split_rank_5",
        "SPLIT",
        [k(4), t(1, 2, 3, 4, 6)],
        [t(1, 2, 3, 4, 3)] * 2,
        "SplitOptions",
        numSplits=2,
    )
    yield one(
        "split_runtime_axis", "SPLIT", [t(dtype=i32), x], [half, half], "SplitOptions", numSplits=2
    )
    yield one(
        "split_int8",
        "SPLIT",
        [k(3), q8(*_IMAGE)],
        [q8(1, 8, 8, 2)] * 2,
        "SplitOptions",
        2,
        numSplits=2,
    )
    other = [q8(1, 8, 8, 2, zero=3)] * 2
    inputs = [k(3), q8(*_IMAGE)]
    yield one("split_int8_other_zero", "SPLIT", inputs, other, "SplitOptions", 2, numSplits=2)
    yield one(
        "split_int32",
        "SPLIT",
        [k(1), t(2, 6, dtype=i32)],
        [t(2, 3, dtype=i32)] * 2,
        "SplitOptions",
        2,
        numSplits=2,
    )
    yield one(
        "split_v",
        "SPLIT_V",
        [x, k([1, 3]), k(3)],
        [t(1, 8, 8, 1), t(1, 8, 8, 3)],
        "SplitVOptions",
        numSplits=2,
    )
    yield one("split_v_one", "SPLIT_V", [x, k([4]), k(3)], [x], "SplitVOptions", numSplits=1)
    yield one("unpack", "UNPACK", [t(2, 6), k(0)][:1], [t(6)] * 2, "UnpackOptions", num=2, axis=0)
    yield one("unpack_last", "UNPACK", [t(2, 3, 6)], [t(2, 3)] * 6, "UnpackOptions", num=6, axis=2)
    yield one("unpack_one", "UNPACK", [t(1, 6)], [t(6)], "UnpackOptions", num=1, axis=0)
    yield one(
        "unpack_rank_4", "UNPACK", [t(1, 2, 3, 4)], [t(1, 3, 4)] * 2, "UnpackOptions", num=2, axis=1
    )
    yield one(
        "unpack_rank_5",
        "UNPACK",
        [t(1, 2, 3, 4, 2)],
        [t(1, 2, 3, 4)] * 2,
        "UnpackOptions",
        num=2,
        axis=4,
    )
    yield one(
        "unpack_int32",
        "UNPACK",
        [t(2, 6, dtype=i32)],
        [t(6, dtype=i32)] * 2,
        "UnpackOptions",
        num=2,
        axis=0,
    )

    yield cut("slice", x, k([0, 1, 1, 0]), k([1, 4, 4, 4]), t(1, 4, 4, 4))
    yield cut("slice_to_end", x, k([0, 1, 1, 0]), k([-1, -1, 4, -1]), t(1, 7, 4, 4))
    yield cut("slice_rank_1", t(6), k([1]), k([4]), t(4))
    yield cut("slice_rank_2", t(2, 6), k([0, 1]), k([2, 4]), t(2, 4))
    yield cut("slice_rank_3", t(2, 3, 6), k([0, 0, 1]), k([2, 3, 4]), t(2, 3, 4))
    yield cut(
        "slice_rank_5", t(1, 2, 3, 4, 6), k([0, 0, 0, 0, 1]), k([1, 2, 3, 4, 4]), t(1, 2, 3, 4, 4)
    )
    yield cut("slice_runtime_begin", x, t(4, dtype=i32), k([1, 4, 4, 4]), t(1, 4, 4, 4))
    yield cut("slice_int64", x, k([0, 1, 1, 0], "int64"), k([1, 4, 4, 4], "int64"), t(1, 4, 4, 4))
    yield cut("slice_int8", q8(*_IMAGE), k([0, 1, 1, 0]), k([1, 4, 4, 4]), q8(1, 4, 4, 4), 2)
    yield cut(
        "slice_int8_other_zero",
        q8(*_IMAGE),
        k([0, 1, 1, 0]),
        k([1, 4, 4, 4]),
        q8(1, 4, 4, 4, zero=3),
        2,
    )
    yield cut("slice_runtime_size", t(2, 6), k([0, 1]), t(2, dtype=i32), t(2, 4))
    yield cut("slice_int32", t(2, 6, dtype=i32), k([0, 1]), k([2, 4]), t(2, 4, dtype=i32))
    yield cut("slice_dynamic_batch", t(1, 6, open=(0,)), k([0, 1]), k([-1, 4]), t(1, 4, open=(0,)))

    one4, end4 = k([1, 1, 1, 1]), k([1, 5, 5, 4])
    yield stride("strided_slice", x, k([0, 1, 1, 0]), end4, one4, t(1, 4, 4, 4))
    yield stride(
        "strided_slice_2", x, k([0, 0, 0, 0]), k([1, 8, 8, 4]), k([1, 2, 2, 1]), t(1, 4, 4, 4)
    )
    yield stride(
        "strided_slice_begin_mask", x, k([0, 1, 1, 0]), end4, one4, t(1, 4, 4, 4), beginMask=9
    )
    yield stride("strided_slice_end_mask", x, k([0, 1, 1, 0]), end4, one4, t(1, 4, 4, 4), endMask=9)
    yield stride(
        "strided_slice_negative", x, k([0, 7, 0, 0]), k([1, -9, 8, 4]), k([1, -1, 1, 1]), x
    )
    yield stride(
        "strided_slice_negative_end", x, k([0, 0, 0, 0]), k([1, -1, 8, 4]), one4, t(1, 7, 8, 4)
    )
    yield stride(
        "strided_slice_shrink",
        x,
        k([0, 0, 0, 0]),
        k([1, 8, 8, 4]),
        one4,
        t(8, 8, 4),
        shrinkAxisMask=1,
    )
    yield stride("strided_slice_rank_1", t(6), k([1]), k([5]), k([1]), t(4))
    yield stride("strided_slice_rank_2", t(2, 6), k([0, 1]), k([2, 5]), k([1, 1]), t(2, 4))
    yield stride(
        "strided_slice_rank_3", t(2, 3, 6), k([0, 0, 1]), k([2, 3, 5]), k([1, 1, 1]), t(2, 3, 4)
    )
    yield stride(
        "strided_slice_rank_5",
        t(1, 2, 3, 4, 6),
        k([0, 0, 0, 0, 1]),
        k([1, 2, 3, 4, 5]),
        k([1, 1, 1, 1, 1]),
        t(1, 2, 3, 4, 4),
    )
    yield stride(
        "strided_slice_new_axis",
        t(8, 6),
        k([0, 0, 0]),
        k([0, 8, 6]),
        k([1, 1, 1]),
        t(1, 8, 6),
        newAxisMask=1,
    )
    yield stride(
        "strided_slice_ellipsis", x, k([0, 1]), k([0, 3]), k([1, 1]), t(1, 8, 8, 2), ellipsisMask=1
    )
    yield stride("strided_slice_fewer", x, k([0]), k([1]), k([1]), x)
    yield stride("strided_slice_runtime", x, t(4, dtype=i32), end4, one4, t(1, 4, 4, 4))
    yield stride("strided_slice_int8", q8(*_IMAGE), k([0, 1, 1, 0]), end4, one4, q8(1, 4, 4, 4), 2)
    zero, other = k([0, 0, 0, 0]), q8(1, 4, 4, 4, zero=3)
    yield stride(
        "strided_slice_int8_other_zero", q8(*_IMAGE), zero, k([1, 4, 4, 4]), one4, other, 2
    )
    yield stride(
        "strided_slice_int32",
        t(2, 3, 6, dtype=i32),
        k([0, 0, 1]),
        k([2, 3, 5]),
        k([1, 1, 1]),
        t(2, 3, 4, dtype=i32),
    )
    for version in (2, 3, 4):
        yield stride(
            f"strided_slice_version_{version}",
            x,
            k([0, 1, 1, 0]),
            end4,
            one4,
            t(1, 4, 4, 4),
            version,
        )
    yield one(
        "dynamic_update_slice",
        "DYNAMIC_UPDATE_SLICE",
        [t(4, 8), t(2, 3), t(2, dtype=i32)],
        [t(4, 8)],
    )
    yield one(
        "dynamic_update_slice_constant",
        "DYNAMIC_UPDATE_SLICE",
        [t(4, 8), t(2, 3), k([0, 0])],
        [t(4, 8)],
    )


SHAPES = (paddings, reshapes, transposes, joins, cuts)

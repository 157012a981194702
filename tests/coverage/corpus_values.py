"""Operators that sum up, look up and convert values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from corpus_graph import Graph, k, one, q8, q16, qu8, t, w
from one_op import T

Inputs = Sequence[T | None]
_IMAGE = (1, 8, 8, 4)


def reduce(
    operator: str, label: str, inputs: Inputs, output: T, version: int = 1, **options: Any
) -> Graph:
    name = f"{operator.lower()}{label}"
    return one(name, operator, inputs, [output], "ReducerOptions", version, **options)


def gather(name: str, a: T, indices: T, b: T, version: int = 1, **options: Any) -> Graph:
    return one(name, "GATHER", [a, indices], [b], "GatherOptions", version, **options)


def reductions() -> Iterator[Graph]:
    x = t(*_IMAGE)
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
        low = name.lower()

        yield reduce(name, "_image", [x, k([1, 2])], t(1, 4))
        yield reduce(name, "_image_kept", [x, k([1, 2])], t(1, 1, 1, 4), keepDims=True)
        yield reduce(name, "_channels", [x, k([3])], t(1, 8, 8))
        yield reduce(name, "_channels_kept", [x, k([-1])], t(1, 8, 8, 1), keepDims=True)
        yield reduce(name, "_batch", [t(4, 8, 8, 4), k([0])], t(8, 8, 4))
        yield reduce(name, "_all", [x, k([0, 1, 2, 3])], t())
        yield reduce(name, "_axis_scalar", [x, k(3)], t(1, 8, 8))
        yield reduce(name, "_rank_2", [t(2, 6), k([1])], t(2))
        yield reduce(name, "_rank_3", [t(2, 3, 6), k([1])], t(2, 6))
        yield reduce(name, "_rank_5", [t(1, 2, 3, 4, 5), k([4])], t(1, 2, 3, 4))
        yield reduce(name, "_runtime_axes", [x, t(1, dtype="int32")], t(1, 8, 8))
        yield reduce(name, "_dynamic_batch", [t(*_IMAGE, open=(0,)), k([1, 2])], t(1, 4, open=(0,)))
        if name != "REDUCE_PROD":
            yield reduce(name, "_int8", [q8(*_IMAGE), k([1, 2])], q8(1, 4), 2)
        yield reduce(name, "_int32", [t(*_IMAGE, dtype="int32"), k([3])], t(1, 8, 8, dtype="int32"))
    for dtype in ("int32", "uint8", "bool"):
        index = t(2, dtype="int32")
        inputs = [t(2, 6, dtype=dtype), k(1)]
        yield one(f"arg_max_of_{dtype}", "ARG_MAX", inputs, [index], "ArgMaxOptions", outputType=2)
    for name in ("REDUCE_ALL", "REDUCE_ANY"):
        b, low = t(2, 6, dtype="bool"), name.lower()
        yield one(low, name, [b, k([1])], [t(2, dtype="bool")], "ReducerOptions")
    for name, kind in (("ARG_MAX", "ArgMaxOptions"), ("ARG_MIN", "ArgMinOptions")):
        low = name.lower()
        number = {"int32": 2, "int64": 4}
        for dtype in number:
            yield one(
                f"{low}_{dtype}",
                name,
                [x, k(3)],
                [t(1, 8, 8, dtype=dtype)],
                kind,
                outputType=number[dtype],
            )
        yield one(f"{low}_height", name, [x, k(1)], [t(1, 8, 4, dtype="int32")], kind, outputType=2)
        yield one(
            f"{low}_rank_2", name, [t(2, 6), k([1])], [t(2, dtype="int32")], kind, outputType=2
        )
        yield one(
            f"{low}_int8", name, [q8(2, 6), k(1)], [t(2, dtype="int32")], kind, 2, outputType=2
        )
    for exclusive in (False, True):
        for reverse in (False, True):
            yield one(
                f"cumsum{'_exclusive' * exclusive}{'_reverse' * reverse}",
                "CUMSUM",
                [t(2, 6), k(1)],
                [t(2, 6)],
                "CumsumOptions",
                exclusive=exclusive,
                reverse=reverse,
            )
    yield one(
        "cumsum_int32",
        "CUMSUM",
        [t(2, 6, dtype="int32"), k(1)],
        [t(2, 6, dtype="int32")],
        "CumsumOptions",
    )
    yield one("cumsum_rank_4", "CUMSUM", [x, k(3)], [x], "CumsumOptions")


def lookups() -> Iterator[Graph]:
    i32 = "int32"

    yield gather("gather", t(4, 6), k([0, 2]), t(2, 6), axis=0)
    yield gather("gather_last", t(4, 6), k([0, 2]), t(4, 2), axis=1)
    yield gather("gather_runtime", t(4, 6), t(2, dtype=i32), t(2, 6), axis=0)
    yield gather("gather_constant_table", w(4, 6), t(2, dtype=i32), t(2, 6), axis=0)
    yield gather("gather_int64", t(4, 6), k([0, 2], "int64"), t(2, 6), axis=0)
    yield gather("gather_scalar", t(4, 6), k(1), t(6), axis=0)
    yield gather("gather_rank_2_indices", t(4, 6), k([[0, 2], [1, 3]]), t(2, 2, 6), axis=0)
    yield gather("gather_rank_4", t(1, 8, 8, 4), k([0, 2]), t(1, 8, 8, 2), axis=3)
    yield gather("gather_rank_5", t(1, 2, 3, 4, 5), k([0, 2]), t(1, 2, 3, 4, 2), axis=4)
    yield gather("gather_int32_values", t(4, 6, dtype=i32), k([0, 2]), t(2, 6, dtype=i32), axis=0)
    yield gather(
        "gather_batch_dims", t(2, 4, 6), k([[0, 2], [1, 3]]), t(2, 2, 6), 5, axis=1, batchDims=1
    )
    for dtype in ("int8", "int16", "bool", "float16"):
        table, indices = w(4, 6, dtype=dtype), t(2, dtype="int32")
        yield gather(f"gather_constant_{dtype}", table, indices, t(2, 6, dtype=dtype), axis=0)
    yield gather("gather_int8", q8(4, 6), k([0, 2]), q8(2, 6), 2, axis=0)
    yield one("gather_nd", "GATHER_ND", [t(4, 6), k([[0], [2]])], [t(2, 6)], "GatherNdOptions")
    yield one("embedding_lookup", "EMBEDDING_LOOKUP", [t(3, dtype=i32), w(8, 6)], [t(3, 6)])
    yield one(
        "embedding_lookup_int8",
        "EMBEDDING_LOOKUP",
        [t(3, dtype=i32), w(8, 6, dtype="int8", scales=(0.1,))],
        [t(3, 6)],
        version=3,
    )
    yield one(
        "one_hot",
        "ONE_HOT",
        [t(4, dtype=i32), k(6), k(1.0, "float32"), k(0.0, "float32")],
        [t(4, 6)],
        "OneHotOptions",
        axis=-1,
    )
    yield one(
        "one_hot_rank_2",
        "ONE_HOT",
        [t(2, 4, dtype=i32), k(6), k(1.0, "float32"), k(0.0, "float32")],
        [t(2, 4, 6)],
        "OneHotOptions",
        axis=-1,
    )
    yield one(
        "one_hot_axis_0",
        "ONE_HOT",
        [t(4, dtype=i32), k(6), k(1.0, "float32"), k(0.0, "float32")],
        [t(6, 4)],
        "OneHotOptions",
        axis=0,
    )
    yield one("top_k", "TOPK_V2", [t(2, 6), k(3)], [t(2, 3), t(2, 3, dtype=i32)], "TopKV2Options")
    for length in (3, 4):
        outputs = [t(2, 1), t(2, 1, dtype=i32)]
        yield one(f"top_k_of_{length}", "TOPK_V2", [t(2, length), k(1)], outputs, "TopKV2Options")
    yield one("top_k_rank_1", "TOPK_V2", [t(6), k(3)], [t(3), t(3, dtype=i32)], "TopKV2Options")
    yield one(
        "top_k_runtime",
        "TOPK_V2",
        [t(2, 6), t(dtype=i32)],
        [t(2, 3), t(2, 3, dtype=i32)],
        "TopKV2Options",
    )


def conversions() -> Iterator[Graph]:
    number = {
        "float32": 0,
        "float16": 1,
        "int32": 2,
        "int64": 4,
        "bool": 6,
        "int8": 9,
        "uint8": 3,
        "int16": 7,
    }
    for a, b in (
        ("float32", "int32"),
        ("int32", "float32"),
        ("float32", "bool"),
        ("bool", "float32"),
        ("int64", "float32"),
        ("float32", "int64"),
        ("int32", "int64"),
        ("int64", "int32"),
        ("uint8", "float32"),
        ("float32", "float16"),
        ("float16", "float32"),
        ("int8", "float32"),
        ("int16", "float32"),
        ("bool", "int32"),
    ):
        yield one(
            f"cast_{a}_{b}",
            "CAST",
            [t(2, 6, dtype=a)],
            [t(2, 6, dtype=b)],
            "CastOptions",
            inDataType=number[a],
            outDataType=number[b],
        )
    yield one("quantize_int8", "QUANTIZE", [t(2, 6)], [q8(2, 6)], version=1)
    yield one("quantize_uint8", "QUANTIZE", [t(2, 6)], [qu8(2, 6)])
    yield one("quantize_int16", "QUANTIZE", [t(2, 6)], [q16(2, 6)], version=2)
    yield one("requantize_int8", "QUANTIZE", [q8(2, 6)], [q8(2, 6, scale=0.2)], version=2)
    yield one("requantize_uint8", "QUANTIZE", [q8(2, 6)], [qu8(2, 6)], version=2)
    yield one("dequantize_int8", "DEQUANTIZE", [q8(2, 6)], [t(2, 6)], version=2)
    yield one("dequantize_uint8", "DEQUANTIZE", [qu8(2, 6)], [t(2, 6)])
    yield one("dequantize_int16", "DEQUANTIZE", [q16(2, 6)], [t(2, 6)], version=3)
    yield one("dequantize_float16", "DEQUANTIZE", [t(2, 6, dtype="float16")], [t(2, 6)], version=3)
    yield one("quantize_int8_rank_5", "QUANTIZE", [t(1, 2, 2, 2, 3)], [q8(1, 2, 2, 2, 3)])
    yield one("bitcast", "BITCAST", [t(2, 6)], [t(2, 6, dtype="int32")], "BitcastOptions")


VALUES = (reductions, lookups, conversions)

"""Operators that make, join, split, sort and count."""

from __future__ import annotations

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import Result, op

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


@op("identity", exact=True)
def identity(graph: Graph, op: Op) -> str:  # noqa: ARG001
    """The value itself."""
    return op.tensor("x")


@op("argsort")
def argsort(graph: Graph, op: Op) -> str:
    """Where the sorted values are along an axis; of equal ones the first comes first."""
    axis = op.integer("axis", -1) % op.input("x").rank
    return _top(graph, op, axis, _size(graph, op.tensor("x"), axis))[1]


@op("topk")
def topk(graph: Graph, op: Op) -> list[str]:
    """The `k` largest or smallest values along an axis, sorted, and where they are."""
    # The order of values that need not be sorted is nobody's business; the indices' type is
    # declared.
    op.ignore("sort", "output_indices_dtype")
    axis, k = op.integer("axis", -1) % op.input("x").rank, op.integer("k", 1)
    count = graph.constant([k], dtype="int64") if k != -1 else _size(graph, op.tensor("x"), axis)
    values, indices = _top(graph, op, axis, count)
    return [values, indices] if op.flag("return_indices", True) else [values]


@op("band_part", exact=True)
def band_part(graph: Graph, op: Op) -> str:
    """The last two axes' diagonals from `lower` below to `upper` above the main one; else 0."""
    lower, upper = op.integer("lower", -1), op.integer("upper", -1)
    carried = op.input("x").is_float
    band = op.tensor("x") if carried else graph.cast(op.tensor("x"), "int64")
    if lower >= 0:
        band = graph.node("Trilu", band, graph.constant(-lower, dtype="int64"), upper=1)
    if upper >= 0:
        band = graph.node("Trilu", band, graph.constant(upper, dtype="int64"), upper=0)
    if carried:
        return band
    return graph.cast(band, "bool" if op.input("x").dtype == "bool" else "int32")


@op("concat", exact=True)
def concat(graph: Graph, op: Op) -> str:
    """Values one behind the other along an axis, or in turn where they interleave."""
    values, types = op.tensors("values"), op.input_types("values")
    rank = types[0].rank
    if rank == 0:
        op.ignore("axis", "interleave")
        return _stacked(graph, values, 0)
    axis = op.integer("axis") % rank
    if not op.flag("interleave", False):
        return graph.node("Concat", *values, axis=axis)
    turns = _stacked(graph, values, axis + 1)
    shape = [-1 if size is None else size for size in op.output.shape]
    if shape.count(-1) > 1:
        raise op.unsupported("interleave where more than one dimension is not fixed")
    return graph.node("Reshape", turns, graph.constant(shape, dtype="int64"))


@op("stack", exact=True)
def stack(graph: Graph, op: Op) -> str:
    """Values one behind the other along a new axis."""
    axis = op.integer("axis") % (op.input_types("values")[0].rank + 1)
    return _stacked(graph, op.tensors("values"), axis)


@op("split", exact=True)
def split(graph: Graph, op: Op) -> list[str]:
    """Parts along an axis: of the given sizes, or as many equal ones as there are outputs."""
    op.ignore("num_splits")
    axis, count = op.integer("axis"), len(op.outputs)
    if op.has("split_sizes"):
        sizes = graph.constant(op.integers("split_sizes"), dtype="int64")
        return list(graph.nodes("Split", op.tensor("x"), sizes, count=count, axis=axis))
    return list(graph.nodes("Split", op.tensor("x"), count=count, axis=axis, num_outputs=count))


@op("cumsum")
def cumsum(graph: Graph, op: Op) -> str:
    """Sums of all values so far along an axis."""
    axis = graph.constant(op.integer("axis", 0), dtype="int64")
    return graph.node(
        "CumSum",
        op.tensor("x"),
        axis,
        exclusive=int(op.flag("exclusive", False)),
        reverse=int(op.flag("reverse", False)),
    )


@op("fill", exact=True)
def fill(graph: Graph, op: Op) -> Result:
    """One value everywhere."""
    value = op.array("value", np.float32(0))
    if op.is_constant("shape"):
        return np.full(op.integers("shape"), value)
    shape = graph.cast(op.tensor("shape"), "int64")
    return graph.node("Expand", graph.constant(value), shape)


@op("fill_like", exact=True)
def fill_like(graph: Graph, op: Op) -> str:
    """One value everywhere, in the shape of another tensor."""
    value = graph.constant(op.array("value", np.float32(0)))
    return graph.node("Expand", value, graph.node("Shape", op.tensor("ref_tensor")))


@op("flatten2d", exact=True)
def flatten2d(graph: Graph, op: Op) -> str:
    """All axes before one as the first, all others as the second."""
    return graph.node("Flatten", op.tensor("x"), axis=op.integer("axis", 1))


@op("non_zero", exact=True)
def non_zero(graph: Graph, op: Op) -> str:
    """The coordinates of all values that are not 0, one in each row."""
    coordinates = graph.node("NonZero", op.tensor("x"))
    return graph.cast(graph.node("Transpose", coordinates, perm=[1, 0]), "int32")


@op("one_hot", exact=True)
def one_hot(graph: Graph, op: Op) -> str:
    """A new axis with `on_value` at the index and `off_value` elsewhere."""
    rank = op.input("indices").rank
    axis = op.integer("axis", -1) % (rank + 1)
    zero, one = graph.constant(0), graph.constant(1)
    places = graph.node("Range", zero, _scalar(graph, op, "one_hot_vector_size"), one)
    shape = [-1 if dim == axis else 1 for dim in range(rank + 1)]
    places = graph.node("Reshape", places, graph.constant(shape, dtype="int64"))
    indices = graph.node("Unsqueeze", op.tensor("indices"), graph.constant([axis], dtype="int64"))
    hit = graph.node("Equal", indices, places)
    off, on = op.array("off_value", np.int32(0)), op.array("on_value", np.int32(1))
    if op.output.dtype == "bool":
        values = [graph.constant(each.astype(np.int32)) for each in (on, off)]
        return graph.cast(graph.node("Where", hit, *values), "bool")
    return graph.node("Where", hit, graph.constant(on), graph.constant(off))


@op("pad", exact=True)
def pad(graph: Graph, op: Op) -> str:
    """More values before and behind, for the last axes: a constant, mirrored or repeated."""
    mode = op.text("mode", "constant")
    if mode not in _PAD_MODES:
        raise op.unsupported(f"the mode {mode!r}")
    rank = op.input("x").rank
    if op.is_constant("pad"):
        given = np.asarray(op.integers("pad")).reshape(-1, 2)
        pairs = np.zeros((rank, 2), np.int64)
        pairs[rank - len(given) :] = given
        pads = graph.constant(pairs.T.reshape(-1), dtype="int64")
    else:
        given64 = graph.cast(op.tensor("pad"), "int64")
        table = graph.node("Reshape", given64, graph.constant([rank, 2], dtype="int64"))
        columns = graph.node("Transpose", table, perm=[1, 0])
        pads = graph.node("Reshape", columns, graph.constant([-1], dtype="int64"))
    value = op.array("constant_val", np.float32(0))
    constant = [graph.constant(value)] if mode == "constant" else []
    return graph.node("Pad", op.tensor("x"), pads, *constant, mode=_PAD_MODES[mode])


@op("range_1d")
def range_1d(graph: Graph, op: Op) -> str:
    """From `start` to before `end` by `step`."""
    return graph.node("Range", *(_scalar(graph, op, name) for name in ("start", "end", "step")))


@op("shape", exact=True)
def shape(graph: Graph, op: Op) -> Result:
    """The sizes of all axes."""
    if op.input("x").is_fixed:
        op.ignore("x")
        return np.array(op.input("x").shape, np.int32)
    return graph.cast(graph.node("Shape", op.tensor("x")), "int32")


@op("tile", exact=True)
def tile(graph: Graph, op: Op) -> str:
    """The whole, repeated along each axis."""
    return graph.node("Tile", op.tensor("x"), graph.cast(op.tensor("reps"), "int64"))


def _top(graph: Graph, op: Op, axis: int, count: str) -> tuple[str, str]:
    largest = int(not op.flag("ascending", False))
    values, indices = graph.nodes(
        "TopK", op.tensor("x"), count, count=2, axis=axis, largest=largest, sorted=1
    )
    return values, graph.cast(indices, "int32")


def _size(graph: Graph, value: str, axis: int) -> str:
    """The size of one axis, as a list of one."""
    return graph.node("Shape", value, start=axis, end=axis + 1)


def _stacked(graph: Graph, values: list[str], axis: int) -> str:
    new = graph.constant([axis], dtype="int64")
    return graph.node("Concat", *(graph.node("Unsqueeze", v, new) for v in values), axis=axis)


def _scalar(graph: Graph, op: Op, name: str) -> str:
    """An input of one value, without axes."""
    value = op.tensor(name)
    if op.input(name).rank == 0:
        return value
    return graph.node("Reshape", value, graph.constant([], dtype="int64"))

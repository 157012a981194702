"""Values in other shapes, orders and places."""

from __future__ import annotations

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

_FAR = np.iinfo(np.int32).max
"""Beyond the end of every axis; ONNX stops at the end."""


@op("transpose", exact=True)
def transpose(graph: Graph, op: Op) -> str:
    """The axes in another order."""
    rank = op.input("x").rank
    return graph.node("Transpose", op.tensor("x"), perm=[dim % rank for dim in op.integers("perm")])


@op("expand_dims", exact=True)
def expand_dims(graph: Graph, op: Op) -> str:
    """New axes of size 1."""
    return graph.node("Unsqueeze", op.tensor("x"), _list(graph, *op.integers("axes")))


@op("squeeze", exact=True)
def squeeze(graph: Graph, op: Op) -> str:
    """Without axes of size 1: those given, or all. Axes of another size stay."""
    sizes = op.input("x").shape
    axes = [axis % len(sizes) for axis in op.integers("axes", list(range(len(sizes))))]
    gone = [axis for axis in axes if sizes[axis] == 1]
    if len(sizes) - len(gone) != op.output.rank:
        raise op.unsupported("an axis that is not fixed")
    return graph.node("Squeeze", op.tensor("x"), _list(graph, *gone))


@op("reshape", exact=True)
def reshape(graph: Graph, op: Op) -> str:
    """The same values in another shape: -1 is inferred, 0 is taken from `x`."""
    if op.output.is_fixed:
        op.ignore("shape")  # The declared shape is what it comes to.
        return _to_declared_shape(graph, op)
    if not op.is_constant("shape"):
        return graph.node("Reshape", op.tensor("x"), graph.cast(op.tensor("shape"), "int64"))
    shape, rank = op.integers("shape"), op.input("x").rank
    if len(shape) != rank and 0 in shape:
        raise op.unsupported("a 0 in the shape where the number of axes changes")
    return graph.node("Reshape", op.tensor("x"), _list(graph, *shape))


@op("reshape_like", exact=True)
def reshape_like(graph: Graph, op: Op) -> str:
    """The same values in a shape taken from others, which is always a fixed one."""
    op.ignore("ref_tensors", "begins", "ends", "end_masks")
    return _to_declared_shape(graph, op)


@op("reverse", exact=True)
def reverse(graph: Graph, op: Op) -> str:
    """The other way round along axes, or along all."""
    axes = op.integers("axes", list(range(op.input("x").rank)))
    back = [_list(graph, *[value] * len(axes)) for value in (-1, -_FAR)]
    return graph.node(
        "Slice", op.tensor("x"), *back, _list(graph, *axes), _list(graph, *[-1] * len(axes))
    )


@op("reverse_sequence", exact=True)
def reverse_sequence(graph: Graph, op: Op) -> str:
    """For each batch the first `lengths` steps the other way round.

    ONNX wants the two axes first.
    """
    rank = op.input("x").rank
    batch, steps = op.integer("batch_axis", 0) % rank, op.integer("seq_axis", 0) % rank
    order = [batch, steps, *(dim for dim in range(rank) if dim not in (batch, steps))]
    turned = graph.node(
        "ReverseSequence",
        graph.node("Transpose", op.tensor("x"), perm=order),
        graph.cast(op.tensor("lengths"), "int64"),
        batch_axis=0,
        time_axis=1,
    )
    return graph.node("Transpose", turned, perm=[order.index(dim) for dim in range(rank)])


@op("slice_by_index", exact=True)
def slice_by_index(graph: Graph, op: Op) -> str:
    """`x[begin:end:stride]` along every axis, as numpy has it."""
    return _sliced(graph, op, op.tensor("x"))


@op("slice_update", exact=True)
def slice_update(graph: Graph, op: Op) -> str:
    """`x` with `x[begin:end:stride]` replaced by `update`."""
    x = op.tensor("x")
    shape = graph.node("Shape", x)
    count = graph.node("ReduceProd", shape, keepdims=0)
    zero, one = (graph.constant(value, dtype="int64") for value in (0, 1))
    places = graph.node("Reshape", graph.node("Range", zero, count, one), shape)
    flat = _list(graph, -1)
    updated = graph.node(
        "ScatterElements",
        graph.node("Reshape", x, flat),
        graph.node("Reshape", _sliced(graph, op, places), flat),
        graph.node("Reshape", op.tensor("update"), flat),
    )
    return graph.node("Reshape", updated, shape)


@op("slice_by_size", exact=True)
def slice_by_size(graph: Graph, op: Op) -> str:
    """`size` values from `begin` on along every axis; -1 is all that are left."""
    begin, size = (graph.cast(op.tensor(name), "int64") for name in ("begin", "size"))
    end = _end_of(graph, begin, size)
    left = graph.node("Equal", size, _list(graph, -1))
    return graph.node("Slice", op.tensor("x"), begin, graph.node("Where", left, _far(graph), end))


@op("sliding_windows", exact=True)
def sliding_windows(graph: Graph, op: Op) -> str:
    """All windows of a size along an axis; their values are along a new axis behind it."""
    axis = op.integer("axis") % op.input("x").rank
    size, stride = op.integer("size"), op.integer("stride", 1)
    length = graph.node("Squeeze", graph.node("Shape", op.tensor("x"), start=axis, end=axis + 1))
    last = graph.node("Sub", length, graph.constant(size - 1, dtype="int64"))
    zero, step = (graph.constant(value, dtype="int64") for value in (0, stride))
    starts = graph.node("Unsqueeze", graph.node("Range", zero, last, step), _list(graph, 1))
    windows = graph.node("Add", starts, _list(graph, *range(size)))
    return graph.node("Gather", op.tensor("x"), windows, axis=axis)


@op("depth_to_space", exact=True)
def depth_to_space(graph: Graph, op: Op) -> str:
    """Channels become blocks of pixels; a pixel's channels stay together."""
    size = op.integer("block_size")
    return graph.node("DepthToSpace", op.tensor("x"), blocksize=size, mode="DCR")


@op("space_to_depth", exact=True)
def space_to_depth(graph: Graph, op: Op) -> str:
    """Blocks of pixels become channels; a pixel's channels stay together."""
    return graph.node("SpaceToDepth", op.tensor("x"), blocksize=op.integer("block_size"))


@op("pixel_shuffle", exact=True)
def pixel_shuffle(graph: Graph, op: Op) -> str:
    """Channels become blocks of pixels; a block's pixels stay together."""
    factor = op.integer("upscale_factor")
    return graph.node("DepthToSpace", op.tensor("x"), blocksize=factor, mode="CRD")


@op("pixel_unshuffle", exact=True)
def pixel_unshuffle(graph: Graph, op: Op) -> str:
    """Blocks of pixels become channels; a block's pixels stay together, as ONNX's do not."""
    factor, channels = op.integer("downscale_factor"), op.input("x").shape[1]
    if channels is None:
        raise op.unsupported("a number of channels that is not fixed")
    depth = graph.node("SpaceToDepth", op.tensor("x"), blocksize=factor)
    order = np.arange(channels * factor**2).reshape(-1, channels).T.reshape(-1)
    return graph.node("Gather", depth, graph.constant(order), axis=1)


@op("space_to_batch", exact=True)
def space_to_batch(graph: Graph, op: Op) -> str:
    """Blocks of padded pixels become batches."""
    (height, width), pads = op.integers("block_shape"), op.integers("paddings")
    pixels = _list(graph, 0, 0, pads[0], pads[2], 0, 0, pads[1], pads[3])
    padded = graph.node("Pad", op.tensor("x"), pixels)
    batch, channels, rows, columns = _fixed(op, "x")
    rows, columns = rows + pads[0] + pads[1], columns + pads[2] + pads[3]
    blocks = [batch, channels, rows // height, height, columns // width, width]
    apart = graph.node("Reshape", padded, _list(graph, *blocks))
    moved = graph.node("Transpose", apart, perm=[3, 5, 0, 1, 2, 4])
    together = [batch * height * width, channels, rows // height, columns // width]
    return graph.node("Reshape", moved, _list(graph, *together))


@op("batch_to_space", exact=True)
def batch_to_space(graph: Graph, op: Op) -> str:
    """Batches become blocks of pixels, which are then cropped."""
    (height, width), crops = op.integers("block_shape"), op.integers("crops")
    batch, channels, rows, columns = _fixed(op, "x")
    blocks = [height, width, batch // (height * width), channels, rows, columns]
    apart = graph.node("Reshape", op.tensor("x"), _list(graph, *blocks))
    moved = graph.node("Transpose", apart, perm=[2, 3, 4, 0, 5, 1])
    rows, columns = rows * height, columns * width
    together = [batch // (height * width), channels, rows, columns]
    whole = graph.node("Reshape", moved, _list(graph, *together))
    begin = _list(graph, crops[0], crops[2])
    end = _list(graph, rows - crops[1], columns - crops[3])
    return graph.node("Slice", whole, begin, end, _list(graph, 2, 3))


def _sliced(graph: Graph, op: Op, value: str) -> str:
    """Slice a value by the operation's `begin`, `end`, `stride` and their masks."""
    rank = op.input("x").rank
    none = [False] * rank
    stride = np.array(op.integers("stride", [1] * rank))
    open_begin, open_end = (np.array(op.flags(f"{n}_mask", none)) for n in ("begin", "end"))
    single = np.array(op.flags("squeeze_mask", none))
    begin, end = (graph.cast(op.tensor(name), "int64") for name in ("begin", "end"))
    first = _list(graph, *np.where(stride > 0, 0, _FAR))
    begin = graph.node("Where", graph.constant(open_begin & ~single), first, begin)
    past = _list(graph, *np.where(stride > 0, _FAR, -_FAR))
    end = graph.node("Where", graph.constant(open_end), past, end)
    after = _end_of(graph, begin, _list(graph, *[1] * rank))
    end = graph.node("Where", graph.constant(single), after, end)
    steps = _list(graph, *np.where(single, 1, stride))
    sliced = graph.node("Slice", value, begin, end, _list(graph, *range(rank)), steps)
    if not single.any():
        return sliced
    return graph.node("Squeeze", sliced, _list(graph, *np.flatnonzero(single)))


def _end_of(graph: Graph, begin: str, size: str) -> str:
    """Where `size` values from `begin` on end; what counts from the end must not end at 0."""
    end = graph.node("Add", begin, size)
    zero = _list(graph, 0)
    from_end = graph.node("Less", begin, zero)
    at_end = graph.node("And", from_end, graph.node("GreaterOrEqual", end, zero))
    return graph.node("Where", at_end, _far(graph), end)


def _far(graph: Graph) -> str:
    return _list(graph, _FAR)


def _to_declared_shape(graph: Graph, op: Op) -> str:
    if not op.output.is_fixed:
        raise op.unsupported("a shape that is not fixed")
    shape = [size or 0 for size in op.output.shape]
    return graph.node("Reshape", op.tensor("x"), _list(graph, *shape), allowzero=1)


def _fixed(op: Op, name: str) -> list[int]:
    sizes = [size for size in op.input(name).shape if size is not None]
    if len(sizes) != 4:
        raise op.unsupported("a shape that is not fixed, or not of four axes,")
    return sizes


def _list(graph: Graph, *values: int) -> str:
    return graph.constant([int(value) for value in values], dtype="int64")

"""Compressed weights: quantised, palettised, sparse, block-wise, and two of these at once.

They are decompressed when the program is lowered. iOS 16's forms have their packed bits in arrays
of bytes and a `shape` beside them; iOS 18's have types of less than a byte.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

Array = NDArray[Any]


@op("constexpr_cast")
def constexpr_cast(_: Graph, op: Op) -> Array:
    """Weights stored as float16 and used as float32."""
    dtype = op.text("output_dtype")
    if dtype not in ("fp32", "fp16"):
        raise op.unsupported(f"the output_dtype {dtype!r}")
    return op.array("source_val").astype("float32" if dtype == "fp32" else "float16")


@op("constexpr_affine_dequantize")
def constexpr_affine_dequantize(_: Graph, op: Op) -> Array:
    """`scale * (quantized_data - zero_point)`, one of each or one for each index of `axis`."""
    data, scale, zero_point = (op.array(n) for n in ("quantized_data", "scale", "zero_point"))
    shape = [1] * data.ndim
    shape[op.integer("axis")] = -1
    return _shifted_and_scaled(
        data,
        scale.reshape(shape) if scale.ndim else scale,
        zero_point.reshape(shape) if zero_point.ndim else zero_point,
    )


@op("constexpr_blockwise_shift_scale")
def constexpr_blockwise_shift_scale(_: Graph, op: Op) -> Array:
    """`scale * (data - offset)`, one of each for every block of the data."""
    return _shifted_and_scaled_by_block(op, op.array("data"))


@op("constexpr_lut_to_dense")
def constexpr_lut_to_dense(_: Graph, op: Op) -> Array:
    """A palette's value, or vector of values, for every index."""
    if not op.has("shape"):
        return _looked_up(op, op.array("indices"))
    lut = op.array("lut")
    shape = op.integers("shape")
    bits = int(math.log2(lut.size))
    if lut.ndim != 1 or 2**bits != lut.size or not 1 <= bits <= 8:
        raise op.damaged(f"its palette has the shape {list(lut.shape)}")
    places = _bits(op, "indices", math.prod(shape) * bits).reshape(-1, bits)
    return lut[np.packbits(places, axis=1, bitorder="little").reshape(shape)]


@op("constexpr_sparse_to_dense")
def constexpr_sparse_to_dense(_: Graph, op: Op) -> Array:
    """Zeros but where the mask has a 1."""
    if not op.has("shape"):
        return _dense(op, op.array("mask"), op.array("nonzero_data"))
    shape = op.integers("shape")
    return _dense(op, _bits(op, "mask", math.prod(shape)).reshape(shape), op.array("nonzero_data"))


@op("constexpr_lut_to_sparse")
def constexpr_lut_to_sparse(_: Graph, op: Op) -> list[Array]:
    """Palettes for sparse indices: the mask of the values, and the values that are not 0."""
    mask = op.array("indices_mask")
    values = _looked_up(op, _dense(op, mask, op.array("indices_nonzero_data")))
    if values.shape != mask.shape:
        mask = np.repeat(mask, values.size // mask.size, axis=op.integer("vector_axis"))
    return [mask, values[mask != 0]]


@op("constexpr_sparse_blockwise_shift_scale")
def constexpr_sparse_blockwise_shift_scale(_: Graph, op: Op) -> list[Array]:
    """Quantised sparse data: its mask, and the values that are not 0."""
    mask = op.array("data_mask")
    values = _shifted_and_scaled_by_block(op, _dense(op, mask, op.array("nonzero_data")))
    return [mask, values[mask != 0]]


def _shifted_and_scaled(data: Array, scale: Array, offset: Array) -> Array:
    """Compute in float32, and answer in the dtype of the scales."""
    difference = data.astype(np.float32) - offset.astype(np.float32)
    return (difference * scale.astype(np.float32)).astype(scale.dtype)


def _shifted_and_scaled_by_block(op: Op, data: Array) -> Array:
    scale = op.array("scale")
    offset = op.array("offset", np.zeros_like(scale))
    return _shifted_and_scaled(
        data, _spread(op, scale, data.shape), _spread(op, offset, data.shape)
    )


def _looked_up(op: Op, indices: Array) -> Array:
    """Look indices up in the palette of their block; the palette's last two axes are its own."""
    lut = op.array("lut")
    if lut.ndim != indices.ndim + 2 or lut.shape[-2] > 256:
        raise op.damaged(f"its palettes have the shape {list(lut.shape)}")
    if indices.size and indices.max() >= lut.shape[-2]:
        raise op.damaged(f"it has an index of {indices.max()} for {lut.shape[-2]} values")
    palettes, size, vector = lut.shape[:-2], lut.shape[-2], lut.shape[-1]
    which = np.arange(math.prod(palettes)).reshape(palettes)
    rows = _spread(op, which, indices.shape) * size + indices
    values: Array = lut.reshape(-1, vector)[rows]
    if vector == 1:
        op.ignore("vector_axis")  # A vector of one value lies along any axis.
        return values[..., 0]
    axis = op.integer("vector_axis") % indices.ndim
    shape = list(indices.shape)
    shape[axis] *= vector
    return np.moveaxis(values, -1, axis + 1).reshape(shape)


def _spread(op: Op, blocks: Array, shape: tuple[int, ...]) -> Array:
    """Repeat the value of each block over the block."""
    if blocks.ndim != len(shape):
        raise op.damaged(f"its blocks have the shape {blocks.shape}, and its data {shape}")
    for axis, (count, length) in enumerate(zip(blocks.shape, shape, strict=True)):
        if count == 0 or length % count:
            raise op.damaged(f"its data of {length} values is in {count} blocks")
        if count not in (1, length):
            blocks = np.repeat(blocks, length // count, axis)
    return np.broadcast_to(blocks, shape)


def _dense(op: Op, mask: Array, values: Array) -> Array:
    if np.count_nonzero(mask) != values.size:
        raise op.damaged(f"its mask has {np.count_nonzero(mask)} ones for {values.size} values")
    dense = np.zeros(mask.shape, values.dtype)
    dense[mask != 0] = values.reshape(-1)
    return dense


def _bits(op: Op, name: str, count: int) -> NDArray[np.uint8]:
    """The first `count` bits of an array of bytes, the lowest first."""
    packed = op.array(name).reshape(-1).astype(np.uint8)
    if packed.size != math.ceil(count / 8):
        raise op.damaged(f"its input {name!r} has {packed.size} bytes for {count} bits")
    return np.unpackbits(packed, count=count, bitorder="little")

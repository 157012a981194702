"""Graphs whose constants are stored in fewer bits, and unpacked by nodes of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from corpus_graph import Graph
from one_op import Op, T

_STEP = 0.125
"""The scale of what is stored as integers."""

_VERSIONS = {"float16": 1, "int8": 2, "uint8": 1}
_ZERO_POINTS = {"int8": 0, "uint8": 128}


def unpacked(graphs: Iterable[Graph]) -> Iterator[Graph]:
    """Yield each graph with all of its float constants stored otherwise, and with weights alone."""
    for graph in graphs:
        for storage in ("float16", "int8"):
            yield from _stored(graph, storage, f"all_{storage}")
        for storage in ("int8", "uint8"):
            yield from _stored(graph, storage, f"weights_{storage}", weights_alone=True)
        # ai-edge-quantizer writes version 1 for a scale for each channel too, TensorFlow 5.
        for version in (1, 5):
            label = f"channels_int8_{version}"
            yield from _stored(graph, "int8", label, weights_alone=True, channels=version)


def _stored(
    graph: Graph, storage: str, label: str, *, weights_alone: bool = False, channels: int = 0
) -> Iterator[Graph]:
    """Yield a graph with constants unpacked, if it has any such.

    With `channels` there is a scale for each, and that is the version of the nodes that unpack.
    """
    version = channels or _VERSIONS[storage]
    name, tensors, ops = graph
    found = list(tensors)
    made: list[Op] = []
    seen: set[int] = set()
    for op in ops:
        for index in _constants(op, tensors, weights_alone=weights_alone):
            if index not in seen:
                axis = _axis(op, tensors[index]) if channels else None
                made.append(_unpack(found, index, storage, axis, version))
                seen.add(index)
        made.append(op)
    if seen:
        yield f"{name}_{label}", found, made


def _constants(op: Op, tensors: Sequence[T], *, weights_alone: bool) -> list[int]:
    """Return a node's constants in float32: those with several dimensions, or all."""
    found = sorted({index for index in op.inputs if index >= 0})
    return [
        index
        for index in found
        if tensors[index].dtype == "float32"
        and tensors[index].values is not None
        and (len(tensors[index].shape) > 1 or not weights_alone)
    ]


def _axis(op: Op, tensor: T) -> int:
    return len(tensor.shape) - 1 if op.name == "DEPTHWISE_CONV_2D" else 0


def _unpack(tensors: list[T], index: int, storage: str, axis: int | None, version: int) -> Op:
    """Store a tensor's values in a new one; return the node that computes the tensor from it."""
    tensor = tensors[index]
    tensors.append(_packed(tensor, storage, axis))
    tensors[index] = replace(tensor, values=None)
    return Op(
        name="DEQUANTIZE",
        inputs=(len(tensors) - 1,),
        outputs=(index,),
        options={"kind": "DequantizeOptions"},
        version=version,
    )


def _packed(tensor: T, storage: str, axis: int | None) -> T:
    values = np.asarray(tensor.values, "float32").reshape(tensor.shape)
    if storage == "float16":
        return T(shape=tensor.shape, dtype=storage, values=values.astype(storage))
    zero_point = _ZERO_POINTS[storage]
    limits = np.iinfo(storage)
    stored = np.clip(np.rint(values / _STEP) + zero_point, limits.min, limits.max).astype(storage)
    count = 1 if axis is None else tensor.shape[axis]
    return T(
        shape=tensor.shape,
        dtype=storage,
        values=stored,
        scales=(_STEP,) * count,
        zero_points=(zero_point,) * count,
        axis=axis or 0,
    )

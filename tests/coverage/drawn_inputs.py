"""Draws what a graph is given when it runs: seeded, and sensible for the nodes that read it."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph

_POSITIVE = ("LOG", "SQRT", "RSQRT", "POW")
"""What knows no answer at negative numbers, or none in whole numbers."""

_DIVISORS = ("DIV", "FLOOR_DIV", "FLOOR_MOD")
_SHIFTS = ("RIGHT_SHIFT", "STABLEHLO_SHIFT_LEFT")


def inputs_for(graph: OperatorGraph) -> list[np.ndarray[Any, Any]]:
    """Return an array for each input, of its shape and dtype; the same for a graph of one name."""
    random = np.random.default_rng(zlib.crc32(graph.name.encode()) + len(graph.tensors))
    return [_values(graph, index, random) for index in graph.inputs]


def _values(graph: OperatorGraph, index: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    tensor = graph.tensors[index]
    readers = [node for node in graph.nodes if index in node.inputs]
    below = min((_below(graph, node, index) for node in readers), default=0)
    if math.isfinite(below):
        return random.integers(0, below, tensor.shape).astype(tensor.dtype)
    roles = {(node.operator, node.inputs.index(index)) for node in readers}
    return _drawn(tensor, roles, random)


def _below(graph: OperatorGraph, node: GraphNode, index: int) -> float:
    """Return what an index has to be smaller than; infinity where a tensor is none."""
    shapes = [tensor.shape if tensor is not None else () for tensor in graph.inputs_of(node)]
    place = node.inputs.index(index)
    match node.operator, place:
        case "GATHER", 1:
            return shapes[0][node.attributes["axis"] or 0]
        case "EMBEDDING_LOOKUP", 0:
            return shapes[1][0]
        case "ONE_HOT", 0:
            return 3
        case "DYNAMIC_UPDATE_SLICE", 2:
            return 2
        case operator, 1 if operator in _SHIFTS:
            return 4
    return math.inf


def _drawn(
    tensor: GraphTensor, roles: set[tuple[str, int]], random: np.random.Generator
) -> np.ndarray[Any, Any]:
    shape, dtype = tensor.shape, np.dtype(tensor.dtype)
    positive = any(operator in _POSITIVE for operator, _ in roles)
    divisor = any(operator in _DIVISORS and place == 1 for operator, place in roles)
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    if dtype.kind == "f":
        values = random.normal(0, 2, shape)
        if positive or divisor:
            values = np.abs(values) + 0.25
        return values.astype(dtype)
    if tensor.quantised:
        return _quantised(tensor, positive or divisor, random)
    lowest = 1 if positive or divisor else 0 if dtype.kind == "u" else -9
    return random.integers(lowest, 10, shape).astype(dtype)


def _quantised(
    tensor: GraphTensor, positive: bool, random: np.random.Generator
) -> np.ndarray[Any, Any]:
    limits = np.iinfo(tensor.dtype)
    lowest = tensor.zero_points[0] + 1 if positive else limits.min
    return random.integers(lowest, limits.max, tensor.shape, endpoint=True).astype(tensor.dtype)

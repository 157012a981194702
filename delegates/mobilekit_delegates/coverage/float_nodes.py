"""Finds the operators of an integer graph that still compute in float.

Each costs a turn to float and back, and accelerators for integers alone (DSPs, Ethos-U, many NPUs)
leave it to the CPU.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_delegates.coverage.macs import macs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_INTEGERS = ("int8", "uint8", "int16")
_FLOATS = ("float32", "float16", "bfloat16", "float64")
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")

QUANTISABLE = Path(__file__).with_name("quantisable.toml")


@dataclass(frozen=True, kw_only=True)
class FloatNode:
    """A node that computes in float; `conversions` are the QUANTIZE and DEQUANTIZE beside it."""

    node: int
    name: str
    operator: str
    reason: str
    conversions: tuple[int, ...]


def float_nodes(graph: OperatorGraph) -> tuple[FloatNode, ...]:
    """Return the nodes of an integer graph that compute in float; none where it is no such graph.

    An integer graph does at least half of its multiply-accumulates on integers; one that has no
    multiply-accumulates, at least half of its nodes.
    """
    integers = _integer_type(graph)
    if integers is None:
        return ()
    producers = graph.producers()
    readers = _readers(graph)
    return tuple(
        FloatNode(
            node=index,
            name=node.name,
            operator=node.operator,
            reason=_reason(graph, node, integers),
            conversions=_conversions(graph, node, producers, readers),
        )
        for index, node in enumerate(graph.nodes)
        if _computes_in_float(graph, node)
    )


def _integer_type(graph: OperatorGraph) -> str | None:
    """Return the type that an integer graph computes in; None where the graph is no such."""
    work: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    for node in graph.nodes:
        if node.operator in _CONVERSIONS:
            continue
        for tensor in _computed(graph.outputs_of(node)):
            work[tensor.dtype] += macs(graph, node)
            nodes[tensor.dtype] += 1
    counts = work if work.total() else nodes
    integers = {dtype: counts[dtype] for dtype in _INTEGERS if counts[dtype]}
    floats = sum(counts[dtype] for dtype in _FLOATS)
    if not integers or sum(integers.values()) < floats:
        return None
    return max(integers, key=lambda dtype: integers[dtype])


def _computes_in_float(graph: OperatorGraph, node: GraphNode) -> bool:
    if node.operator in _CONVERSIONS:
        return False
    inputs = _computed(graph.inputs_of(node))
    if node.inputs and all(tensor.fixed for tensor in inputs):
        return False
    tensors = (*inputs, *_computed(graph.outputs_of(node)))
    return any(tensor.dtype in _FLOATS and not tensor.fixed for tensor in tensors)


def _reason(graph: OperatorGraph, node: GraphNode, integers: str) -> str:
    inputs = _computed(graph.inputs_of(node))
    if node.custom:
        return "TFLite's quantiser leaves custom operators in float"
    if integers not in _types(node.operator):
        return f"TFLite's quantiser has no {integers} for {node.operator}"
    if any(tensor.fixed and tensor.dtype in _INTEGERS for tensor in inputs):
        return "its weights alone are integers (dynamic range)"
    return "it could compute in integers: the converter was told to leave it, or had no ranges"


def _types(operator: str) -> frozenset[str]:
    """Return the integers that TFLite's quantiser has for an operator; uint8 goes with int8."""
    table = _quantisable()
    if operator in table["int8_and_int16"]:
        return frozenset(_INTEGERS)
    return frozenset({"int8", "uint8"}) if operator in table["int8"] else frozenset()


@functools.cache
def _quantisable() -> Mapping[str, frozenset[str]]:
    document = tomllib.loads(QUANTISABLE.read_text(encoding="utf-8"))
    return {name: frozenset(document[name]) for name in ("int8_and_int16", "int8")}


def _conversions(
    graph: OperatorGraph,
    node: GraphNode,
    producers: dict[int, int],
    readers: dict[int, list[int]],
) -> tuple[int, ...]:
    beside = {producers[tensor] for tensor in node.inputs if tensor in producers}
    beside.update(reader for tensor in node.outputs for reader in readers.get(tensor, ()))
    return tuple(
        index
        for index in sorted(beside)
        if graph.nodes[index].operator in _CONVERSIONS
        and not all(tensor.fixed for tensor in _computed(graph.inputs_of(graph.nodes[index])))
    )


def _readers(graph: OperatorGraph) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for index, node in enumerate(graph.nodes):
        for tensor in node.inputs:
            found.setdefault(tensor, []).append(index)
    return found


def _computed(tensors: Sequence[GraphTensor | None]) -> tuple[GraphTensor, ...]:
    return tuple(tensor for tensor in tensors if tensor is not None)

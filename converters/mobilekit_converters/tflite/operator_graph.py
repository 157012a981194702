"""The graphs of a `.tflite` file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_converters.tflite.flatbuffer import Model, Operator, Subgraph, Tensor, read_model


def read_graphs(path: Path) -> tuple[OperatorGraph, ...]:
    """Read the graphs of a `.tflite` file: the main one first, then those that it calls.

    Raises:
        SourceError: the file cannot be read, or is no whole TFLite model.
    """
    return graphs_of(read_model(path))


def graphs_of(model: Model) -> tuple[OperatorGraph, ...]:
    """Return the graphs of a file that was read before."""
    names = {signature.subgraph: signature.key for signature in model.signatures}
    return tuple(
        _graph(subgraph, names.get(index, "main" if index == 0 else f"subgraph {index}"))
        for index, subgraph in enumerate(model.subgraphs)
    )


def _graph(subgraph: Subgraph, name: str) -> OperatorGraph:
    unpacked = _unpacked(subgraph)
    return OperatorGraph(
        format="tflite",
        name=name,
        tensors=tuple(
            replace(_tensor(tensor), unpacked=unpacked.get(index, ""))
            for index, tensor in enumerate(subgraph.tensors)
        ),
        nodes=tuple(_node(operator, subgraph) for operator in subgraph.operators),
        inputs=subgraph.inputs,
        outputs=subgraph.outputs,
    )


_UNPACKING = frozenset({"DEQUANTIZE", "DENSIFY"})
"""Operators that weights are stored with, which delegates look through."""


def _unpacked(subgraph: Subgraph) -> dict[int, str]:
    """Map tensors that are unpacked from constants to the constants' dtype, as it is stored."""
    found: dict[int, str] = {}
    for operator in subgraph.operators:
        if operator.name in _UNPACKING and len(operator.inputs) == 1:
            (source,) = operator.inputs
            constant = source >= 0 and subgraph.tensors[source].constant_bytes is not None
            stored = subgraph.tensors[source].dtype if constant else found.get(source)
            if stored is not None:
                found.update(dict.fromkeys(operator.outputs, stored))
    return found


def _tensor(tensor: Tensor) -> GraphTensor:
    return GraphTensor(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        constant=tensor.constant_bytes is not None,
        values=tensor.values,
        open=tensor.open,
        quantisation=tensor.quantisation,
        variable=tensor.is_variable,
    )


def _node(operator: Operator, subgraph: Subgraph) -> GraphNode:
    outputs = [subgraph.tensors[index].name for index in operator.outputs if index >= 0]
    return GraphNode(
        # A layer that was fused from several has all their names, with semicolons.
        name=outputs[0].split(";")[0] if outputs else operator.name,
        operator=operator.name,
        inputs=operator.inputs,
        outputs=operator.outputs,
        version=operator.version,
        custom=operator.custom,
        attributes=operator.attributes,
    )

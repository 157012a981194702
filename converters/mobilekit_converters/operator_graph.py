"""An artifact's graph in one form for both formats: operators, and the tensors between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilekit_converters.signature import Quantisation
from mobilekit_converters.variants import Format


@dataclass(frozen=True, kw_only=True)
class GraphTensor:
    """One tensor. `dtype` is numpy's name, or the format's in lower case where numpy has none.

    `constant` tensors have their data in the artifact; `values` are those data, row-major, where
    they are few. `open` lists the dimensions that are only known when the graph runs; `shape` then
    has what the artifact gives for them. A `variable` keeps its data from run to run. `unpacked` is
    the dtype of the constant that it is computed from, where a node only changes how that is
    stored: `float16`, as a rule. Where it is not `looked_through`, that node is one like all others
    to who reads the graph, and the tensor one that is computed when it runs.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool = False
    values: tuple[Any, ...] | None = None
    open: tuple[int, ...] = ()
    quantisation: Quantisation | None = None
    variable: bool = False
    unpacked: str = ""
    looked_through: bool = True

    @property
    def rank(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def elements(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The size of its values in memory; half a byte each for 4 bits, rounded up."""
        return math.ceil(self.elements * BITS.get(self.dtype, 32) / 8)

    @property
    def fixed(self) -> bool:
        """Whether its data are known before the graph runs: constant, or unpacked from such."""
        return self.constant or (bool(self.unpacked) and self.looked_through)

    @property
    def scales(self) -> tuple[float, ...]:
        """Its quantisation's scales, none where it has no quantisation."""
        return () if self.quantisation is None else self.quantisation.scales

    @property
    def zero_points(self) -> tuple[int, ...]:
        """Its quantisation's zero points, likewise."""
        return () if self.quantisation is None else self.quantisation.zero_points

    @property
    def axis(self) -> int | None:
        """The dimension whose channels have a scale each; None where all share one."""
        return None if self.quantisation is None else self.quantisation.axis

    @property
    def quantised(self) -> bool:
        """Whether integers stand for real numbers."""
        return self.quantisation is not None

    @property
    def per_channel(self) -> bool:
        """Whether it is quantised with a scale for each channel."""
        return self.quantisation is not None and self.quantisation.axis is not None


BITS = {
    "bool": 8,
    "uint1": 1,
    "int2": 2,
    "uint2": 2,
    "uint3": 3,
    "uint4": 4,
    "int4": 4,
    "uint6": 6,
    "int8": 8,
    "uint8": 8,
    "float8e4m3fn": 8,
    "float8e5m2": 8,
    "int16": 16,
    "uint16": 16,
    "float16": 16,
    "bfloat16": 16,
    "int32": 32,
    "uint32": 32,
    "float32": 32,
    "int64": 64,
    "uint64": 64,
    "float64": 64,
    "complex64": 64,
    "complex128": 128,
}
"""How many bits a value of a dtype takes."""


@dataclass(frozen=True, kw_only=True)
class GraphNode:
    """One operator in a graph. `inputs` and `outputs` are indices of tensors, -1 for none.

    `name` is for people: that of its first output, as a rule. `version` is the operator's, where
    the format has such. `attributes` are what it is set to, by the format's own names.
    """

    name: str
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    version: int = 1
    custom: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperatorGraph:
    """A graph: nodes in running order. `inputs` and `outputs` are indices of tensors."""

    format: Format
    name: str
    tensors: tuple[GraphTensor, ...]
    nodes: tuple[GraphNode, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def inputs_of(self, node: GraphNode) -> tuple[GraphTensor | None, ...]:
        """Return a node's inputs, None for each that it is not given."""
        return tuple(self.tensors[index] if index >= 0 else None for index in node.inputs)

    def outputs_of(self, node: GraphNode) -> tuple[GraphTensor | None, ...]:
        """Return a node's outputs, None for each that nobody wants."""
        return tuple(self.tensors[index] if index >= 0 else None for index in node.outputs)

    def is_free(self, node: GraphNode) -> bool:
        """Say whether a node costs nothing when the graph runs: all it reads is known before."""
        inputs = self.inputs_of(node)
        return bool(inputs) and all(tensor is None or tensor.fixed for tensor in inputs)

    def producers(self) -> dict[int, int]:
        """Map each computed tensor's index to that of the node that computes it."""
        return {tensor: index for index, node in enumerate(self.nodes) for tensor in node.outputs}

    def edges(self) -> Iterator[tuple[int, int, int]]:
        """Return producer, consumer and tensor, for every computed tensor that a node reads."""
        producers = self.producers()
        for index, node in enumerate(self.nodes):
            for tensor in node.inputs:
                if tensor in producers:
                    yield producers[tensor], index, tensor

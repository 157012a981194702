"""Graphs of one node, changed in every way that a rule may ask about.

They are no files: LiteRT would refuse many of them. Rules are asked about graphs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_converters.signature import Quantisation

DTYPES = (
    "float32",
    "float16",
    "int8",
    "uint8",
    "int16",
    "int32",
    "int64",
    "bool",
    "int4",
    "int2",
    "resource",
)
SHAPES = (
    (),
    (1,),
    (4,),
    (2, 4),
    (4, 2),
    (4, 4),
    (1, 3, 4),
    (1, 9, 9, 4),
    (1, 8, 8, 3),
    (1, 1, 2, 3, 4),
)
DEEP = ((1,) * 6, (1,) * 7, (1, 0, 4), (0,), (3, 1, 1, 4), (1, 300, 300, 4), (1, 8, 8, 5000))
TEXTS = (
    *("NONE", "RELU", "RELU6", "TANH"),
    *("SAME", "VALID", "REFLECT", "SYMMETRIC"),
    *("DEFAULT", "SHUFFLED4x16INT8", "SPARSE", "DENSE", "FULL", "BASIC", "SUM", "int32", "int64"),
    "odml.scaled_dot_product_attention",
)


@dataclass(frozen=True, kw_only=True)
class Single:
    """A node with its tensors."""

    node: GraphNode
    inputs: tuple[GraphTensor | None, ...]
    outputs: tuple[GraphTensor | None, ...]

    @property
    def graph(self) -> OperatorGraph:
        """The graph that consists of it."""
        tensors = [*self.inputs, *self.outputs]
        given = [tensor for tensor in tensors if tensor is not None]
        places = iter(range(len(given)))
        indices = [-1 if tensor is None else next(places) for tensor in tensors]
        count = len(self.inputs)
        node = replace(self.node, inputs=tuple(indices[:count]), outputs=tuple(indices[count:]))
        return OperatorGraph(
            format="tflite",
            name="changed",
            tensors=tuple(given),
            nodes=(node,),
            inputs=(),
            outputs=(),
        )


def single(graph: OperatorGraph, node: GraphNode) -> Single:
    """Take a node out of a graph."""
    return Single(node=node, inputs=graph.inputs_of(node), outputs=graph.outputs_of(node))


def changed(one: Single) -> Iterator[Single]:
    """Yield a node with one thing changed."""
    yield from set_otherwise(one)
    yield from _in_tensors(one)
    for version in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 99):
        yield replace(one, node=replace(one.node, version=version))


def set_otherwise(one: Single) -> Iterator[Single]:
    """Yield a node with one attribute changed, or with another number of inputs or outputs."""
    ones = {
        name: 1 if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in one.node.attributes.items()
    }
    yield replace(one, node=replace(one.node, attributes=ones))
    yield from _in_numbers(one)
    for name, value in one.node.attributes.items():
        for other in _other_values(value):
            attributes = {**one.node.attributes, name: other}
            yield replace(one, node=replace(one.node, attributes=attributes))


def _in_tensors(one: Single) -> Iterator[Single]:
    for side in ("inputs", "outputs"):
        tensors: tuple[GraphTensor | None, ...] = getattr(one, side)
        for index, tensor in enumerate(tensors):
            if tensor is not None:
                for other in _other_tensors(tensor):
                    yield replace(one, **{side: (*tensors[:index], other, *tensors[index + 1 :])})
        for dtype in DTYPES:
            yield replace(one, **{side: tuple(_typed(tensor, dtype) for tensor in tensors)})
    for shape in (*SHAPES, *DEEP):
        yield replace(
            one,
            inputs=tuple(_shaped(tensor, shape) for tensor in one.inputs),
            outputs=tuple(_shaped(tensor, shape) for tensor in one.outputs),
        )
    for dtype in DTYPES:
        yield replace(
            one,
            inputs=tuple(_typed(tensor, dtype) for tensor in one.inputs),
            outputs=tuple(_typed(tensor, dtype) for tensor in one.outputs),
        )

    for constant in ((0,), (1,), (2,), range(1, len(one.inputs))):
        given = [
            item and replace(item, constant=index in constant, values=item.values)
            for index, item in enumerate(one.inputs)
        ]
        yield replace(one, inputs=tuple(given))


def _in_numbers(one: Single) -> Iterator[Single]:
    """Change how many inputs and outputs there are."""
    for count in (0, 1, 2, 3, 4, 5, 6, 20, 24, 130):
        yield replace(one, inputs=_many(one.inputs, count))
        yield replace(one, outputs=_many(one.outputs, count))
    for index in range(len(one.inputs)):
        yield replace(one, inputs=(*one.inputs[:index], None, *one.inputs[index + 1 :]))


def _many(tensors: Sequence[GraphTensor | None], count: int) -> tuple[GraphTensor | None, ...]:
    last = tensors[-1] if tensors else GraphTensor(name="more", shape=(1, 8, 8, 4), dtype="float32")
    return (*tensors[:count], *[last] * (count - len(tensors)))


def _other_tensors(tensor: GraphTensor) -> Iterator[GraphTensor]:
    for dtype in DTYPES:
        yield replace(tensor, dtype=dtype)
        yield _quantised(replace(tensor, dtype=dtype), (0.1,), (0,))
    for scale in (1e-30, 1e-6, 0.0078125, 1.0, 1e6):
        yield _quantised(tensor, (scale,), (0,))
    for zero_point in (3, 128):
        yield _quantised(tensor, tensor.scales or (0.0078125,), (zero_point,))
    for axis in (0, 1, 2, 3):
        for zero_point in (0, 3):
            yield _quantised(tensor, (0.1, 0.2), (zero_point,) * 2, axis)
    for shape in (*SHAPES, *DEEP):
        yield _shaped(tensor, shape)
    yield replace(tensor, constant=not tensor.constant, values=None)
    yield replace(tensor, constant=False, values=None, unpacked="float16")
    for axis in range(min(tensor.rank, 2)):
        yield replace(tensor, open=(axis,))
    yield replace(tensor, variable=not tensor.variable)
    count = min(tensor.elements, 64)
    for value in (-1, 0, 1, 2, 5, 100):
        yield replace(tensor, constant=True, values=(value,) * count)
        if count > 1:
            yield replace(tensor, constant=True, values=(value, *(1,) * (count - 1)))
            yield replace(tensor, constant=True, values=(*(1,) * (count - 1), value))
            yield replace(tensor, constant=True, values=(0, value, *(0,) * (count - 2)))
    yield replace(tensor, constant=True, values=tuple(range(count)))
    yield replace(tensor, constant=True, values=tuple(reversed(range(count))))


def _typed(tensor: GraphTensor | None, dtype: str) -> GraphTensor | None:
    if tensor is None:
        return None
    quantised = dtype in ("int8", "uint8", "int16")
    changed = replace(tensor, dtype=dtype)
    return _quantised(changed, (0.1,), (0,)) if quantised else replace(changed, quantisation=None)


def _shaped(tensor: GraphTensor | None, shape: tuple[int, ...]) -> GraphTensor | None:
    return None if tensor is None else replace(tensor, shape=shape, values=None)


def _quantised(
    tensor: GraphTensor, scales: tuple[float, ...], zeros: tuple[int, ...], axis: int | None = None
) -> GraphTensor:
    return replace(tensor, quantisation=Quantisation(scales=scales, zero_points=zeros, axis=axis))


def _other_values(value: Any) -> Sequence[Any]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, (int, float)):
        return (-2, -1, 0, 1, 2, 3, 4, 5, 8, 300, 0.5)
    if isinstance(value, str):
        return TEXTS
    return ((), (0,), (-1,), (1, 4), (1, 2, 3, 4, 5, 6, 7))

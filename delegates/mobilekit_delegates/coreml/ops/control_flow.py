"""Loops, branches, and the lists that loops read and write.

A list is a tensor whose first dimension is its length, which has to be fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph, carrier
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("while_loop", exact=True)
def while_loop(graph: Graph, op: Op) -> Sequence[str]:
    """As long as the first block says so, the second makes the next values from the last ones."""
    goes_on, step = op.lower_blocks(2)
    first, types = op.tensors("loop_vars"), op.input_types("loop_vars")
    inner = graph.inner()
    inner.input("", "int64", ())  # Which round it is; the program counts by itself.
    inner.input("", "bool", ())
    last = [inner.input("", carrier(each.dtype), each.shape) for each in types]
    following = step(inner, last)
    body = inner.body([*goes_on(inner, following), *following])
    return graph.nodes("Loop", "", *goes_on(graph, first), *first, count=len(first), body=body)


@op("cond", exact=True)
def cond(graph: Graph, op: Op) -> Sequence[str]:
    """The values of one of two blocks."""
    bodies = []
    for lower in op.lower_blocks(2):
        inner = graph.inner()
        bodies.append(inner.body(lower(inner, [])))
    names = dict(zip(("then_branch", "else_branch"), bodies, strict=True))
    return graph.nodes("If", op.tensor("pred"), count=len(op.outputs), **names)


@op("make_list")
def make_list(_: Graph, op: Op) -> NDArray[np.generic]:
    """A list of zeros."""
    if not op.output.is_fixed:
        raise op.unsupported("a list whose length or shape is not fixed")
    # The declared type says what these do.
    op.ignore("init_length", "dynamic_length", "elem_shape", "dtype")
    sizes = [size or 0 for size in op.output.shape]
    return np.zeros(sizes, carrier(op.output.dtype))


@op("list_length")
def list_length(_: Graph, op: Op) -> NDArray[np.generic]:
    """How many elements a list has."""
    op.ignore("ls")
    length = op.input("ls").shape[0]
    if length is None:
        raise op.unsupported("a list whose length is not fixed")
    return np.array(length, np.int32)


@op("list_read", exact=True)
def list_read(graph: Graph, op: Op) -> str:
    """One element."""
    return graph.node("Gather", op.tensor("ls"), op.tensor("index"), axis=0)


@op("list_gather", exact=True)
def list_gather(graph: Graph, op: Op) -> str:
    """Some elements, one behind the other."""
    return graph.node("Gather", op.tensor("ls"), op.tensor("indices"), axis=0)


@op("list_write", exact=True)
def list_write(graph: Graph, op: Op) -> str:
    """The list with another element in one place."""
    place = graph.node(
        "Reshape", graph.cast(op.tensor("index"), "int64"), graph.constant([1, 1], "int64")
    )
    element = graph.node("Unsqueeze", op.tensor("value"), graph.constant([0], "int64"))
    return graph.node("ScatterND", op.tensor("ls"), place, element)


@op("list_scatter", exact=True)
def list_scatter(graph: Graph, op: Op) -> str:
    """The list with other elements in some places."""
    places = graph.node(
        "Unsqueeze", graph.cast(op.tensor("indices"), "int64"), graph.constant([-1], "int64")
    )
    return graph.node("ScatterND", op.tensor("ls"), places, op.tensor("value"))

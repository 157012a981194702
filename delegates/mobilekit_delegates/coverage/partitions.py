"""Cuts a graph into parts that run together, as TFLite does for its delegates.

TFLite's `PartitionGraphIntoIndependentNodeSubsets` (tensorflow/lite/graph_info.cc) collects, turn
by turn, all nodes of one kind whose inputs are ready, then all of the other kind, and so on; each
turn is a part. Parts of a delegate beyond those that it keeps are left to the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_delegates.coverage.coverage import Crossing, Partition


def partition(graph: OperatorGraph, taken: Sequence[bool]) -> tuple[Partition, ...]:
    """Return the parts of a graph, in running order.

    Args:
        graph: the graph.
        taken: for each node, whether the delegate takes it.
    """
    producers = graph.producers()
    needs = [
        {producers[tensor] for tensor in node.inputs if tensor in producers} - {index}
        for index, node in enumerate(graph.nodes)
    ]
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for index, needed in enumerate(needs):
        for producer in needed:
            readers[producer].append(index)
    waiting = [len(needed) for needed in needs]
    ready: dict[bool, list[int]] = {True: [], False: []}
    for index, count in enumerate(waiting):
        if count == 0:
            ready[taken[index]].append(index)
    parts: list[Partition] = []
    kind = bool(taken[0]) if graph.nodes else False
    while ready[True] or ready[False]:
        if not ready[kind]:
            kind = not kind
        nodes = []
        while ready[kind]:
            node = ready[kind].pop()
            nodes.append(node)
            for reader in readers[node]:
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    ready[taken[reader]].append(reader)
        parts.append(Partition(nodes=tuple(sorted(nodes)), taken=kind))
        kind = not kind
    return tuple(parts)


def kept(parts: Sequence[Partition], most: int | None) -> frozenset[int]:
    """Return the nodes that a delegate runs which keeps the `most` parts with the most nodes."""
    own = sorted((part for part in parts if part.taken), key=lambda part: -len(part.nodes))
    return frozenset(node for part in own[:most] for node in part.nodes)


def crossings(graph: OperatorGraph, parts: Sequence[Partition]) -> tuple[Crossing, ...]:
    """Return the tensors that go between a delegate's parts and the rest, each once a reader.

    What is computed from constants alone crosses once, while the graph loads, and is left out.
    """
    home = {node: index for index, part in enumerate(parts) for node in part.nodes}
    found: dict[tuple[int, int], Crossing] = {}
    for producer, consumer, tensor in graph.edges():
        source, target = home[producer], home[consumer]
        if graph.is_free(graph.nodes[producer]):
            continue
        if source != target and parts[source].taken != parts[target].taken:
            found.setdefault(
                (tensor, target),
                Crossing(
                    tensor=graph.tensors[tensor].name,
                    bytes=graph.tensors[tensor].bytes,
                    producer=producer,
                    consumer=consumer,
                ),
            )
    return tuple(found.values())

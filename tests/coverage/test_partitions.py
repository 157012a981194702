"""Parts of a graph, as TFLite itself cuts it for a delegate."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from one_op import Op, T, write

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.coverage import Partition
from mobilekit_delegates.coverage.partitions import crossings, kept, partition

# XNNPACK takes the first and leaves the second, with one input and with two.
_OPERATORS = {1: ("ABS", "LOG_SOFTMAX"), 2: ("MAXIMUM", "FLOOR_MOD")}


def graph_of(
    *nodes: tuple[tuple[int, ...], tuple[int, ...]], inputs: tuple[int, ...] = (0,)
) -> OperatorGraph:
    """A graph of nodes, each by the tensors that it reads and gives; all are of 40 bytes."""
    tensors = 1 + max(tensor for reads, gives in nodes for tensor in (*reads, *gives))
    return OperatorGraph(
        format="tflite",
        name="main",
        tensors=tuple(
            GraphTensor(name=f"t{index}", shape=(10,), dtype="float32") for index in range(tensors)
        ),
        nodes=tuple(
            GraphNode(name=f"n{index}", operator="ABS", inputs=reads, outputs=gives)
            for index, (reads, gives) in enumerate(nodes)
        ),
        inputs=inputs,
        outputs=(tensors - 1,),
    )


def chain_of(length: int) -> OperatorGraph:
    return graph_of(*(((index,), (index + 1,)) for index in range(length)))


def parts(graph: OperatorGraph, taken: str) -> list[tuple[tuple[int, ...], bool]]:
    return [(part.nodes, part.taken) for part in partition(graph, [c == "x" for c in taken])]


def test_neighbours_of_a_kind_run_together() -> None:
    assert parts(chain_of(5), "xx.xx") == [((0, 1), True), ((2,), False), ((3, 4), True)]


def test_a_graph_of_one_kind_is_one_part() -> None:
    assert parts(chain_of(3), "xxx") == [((0, 1, 2), True)]
    assert parts(chain_of(3), "...") == [((0, 1, 2), False)]


def test_branches_that_do_not_hang_on_what_is_left_join_the_first_part() -> None:
    fork = graph_of(((0,), (1,)), ((0,), (2,)), ((1,), (3,)), ((2, 3), (4,)))
    assert parts(fork, "x.xx") == [((0, 2), True), ((1,), False), ((3,), True)]


def test_a_graph_without_nodes_has_no_parts() -> None:
    empty = OperatorGraph(format="tflite", name="main", tensors=(), nodes=(), inputs=(), outputs=())
    assert partition(empty, []) == ()


def test_a_node_that_reads_a_tensor_twice_waits_for_it_once() -> None:
    assert parts(graph_of(((0,), (1,)), ((1, 1), (2,))), "xx") == [((0, 1), True)]


def test_the_largest_parts_are_kept() -> None:
    found = partition(chain_of(7), [c == "x" for c in "x.xxx.x"])
    assert kept(found, 1) == {2, 3, 4}
    assert kept(found, 2) == {0, 2, 3, 4}
    assert kept(found, None) == {0, 2, 3, 4, 6}


def test_what_goes_between_parts_is_counted_once_a_reader() -> None:
    fork = graph_of(((0,), (1,)), ((1,), (2,)), ((1,), (3,)), ((2, 3), (4,)))
    found = crossings(fork, partition(fork, [False, True, True, False]))
    assert [(crossing.tensor, crossing.bytes) for crossing in found] == [
        ("t1", 40),
        ("t2", 40),
        ("t3", 40),
    ]


def test_nothing_crosses_within_a_part() -> None:
    graph = chain_of(4)
    assert crossings(graph, partition(graph, [True] * 4)) == ()
    assert crossings(graph, (Partition(nodes=(0, 1, 2, 3), taken=False),)) == ()


@pytest.mark.parametrize("seed", range(40))
def test_parts_are_those_that_tflite_makes(seed: int, tmp_path: Path) -> None:
    """XNNPACK stands for a delegate here: the runtime shows what goes in and out of its parts."""
    path, taken = _random_graph(random.Random(seed), tmp_path)
    graph = read_graphs(path)[0]
    found = [part for part in partition(graph, taken) if part.taken]
    assert sorted(_given(graph, part) for part in found) == sorted(_made_by_tflite(path))


def _random_graph(draw: random.Random, folder: Path) -> tuple[Path, list[bool]]:
    count = draw.randint(1, 14)
    ops, taken = [], []
    for index in range(count):
        number = draw.choice((1, 1, 2))
        # Near ones as a rule, so that graphs are deep.
        reads = tuple(draw.randint(max(0, index - 3), index) for _ in range(number))
        taken.append(draw.random() < 0.6)
        name = _OPERATORS[number][not taken[-1]]
        ops.append(Op(name=name, inputs=reads, outputs=(index + 1,)))
    tensors = [T(shape=(1, 4)) for _ in range(count + 1)]
    return write(folder / "random.tflite", tensors, ops, inputs=[0]), taken


def _given(graph: OperatorGraph, part: Partition) -> list[int]:
    """The tensors that a part gives to others or to the caller."""
    outside = {
        tensor
        for index, node in enumerate(graph.nodes)
        if index not in part.nodes
        for tensor in node.inputs
    }
    made = {tensor for index in part.nodes for tensor in graph.nodes[index].outputs}
    return sorted(made & (outside | set(graph.outputs)))


def _made_by_tflite(path: Path) -> list[list[int]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.AUTO)
    interpreter.allocate_tensors()
    inside = interpreter._interpreter
    nodes = [node for node in range(inside.NumNodes()) if inside.NodeName(node) == "DELEGATE"]
    return [sorted(map(int, inside.NodeOutputs(node))) for node in nodes]

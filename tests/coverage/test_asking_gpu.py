"""LiteRT's GPU accelerator, asked which nodes it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import cases
from measuring import measure
from one_op import Op, T, write
from tools import require_target

from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.asking.single_nodes import SingleNodes
from mobilekit_delegates.coverage.coverage import Coverage

CASES = {case.name: case for case in cases()}


@pytest.fixture(autouse=True)
def _gpu() -> None:
    require_target("gpu")


def ask(path: Path) -> tuple[Coverage, ...]:
    """Ask in a process of its own, as whoever asks has to."""
    (answer,) = measure("gpu", [path])
    assert not answer.crash
    if answer.error:
        raise TargetError(answer.error)
    return answer.coverages


def reasons(coverage: Coverage, node: int) -> str:
    return "; ".join(objection.reason for objection in coverage.answers[node].objections)


def test_a_graph_that_it_takes_whole(tmp_path: Path) -> None:
    (found,) = ask(CASES["residual"].write(tmp_path))
    assert (found.basis, found.delegate, found.level) == ("measured", "gpu", 2.3)
    assert found.share == 1
    assert "GPU accelerator on" in found.place
    assert [part.taken for part in found.partitions] == [True]


def test_the_same_operator_taken_and_refused(tmp_path: Path) -> None:
    """The log names the operator alone; each node by itself shows which it means."""
    (found,) = ask(CASES["same_operator_taken_and_refused"].write(tmp_path))
    assert [answer.taken for answer in found.answers] == [True, False, False]
    assert "beta" in reasons(found, 1)
    assert found.answers[2].cut_off


def test_a_shape_that_only_the_run_knows_costs_the_graph(tmp_path: Path) -> None:
    (found,) = ask(CASES["flatten_open_batch"].write(tmp_path))
    assert found.nodes_taken == 0
    assert "fails on the graph as a whole" in reasons(found, 0)


def test_weights_in_fp16_are_looked_through(tmp_path: Path) -> None:
    (found,) = ask(CASES["fp16_weights_and_a_refusal"].write(tmp_path))
    assert [answer.free for answer in found.answers] == [True, False, False]
    assert [answer.taken for answer in found.answers] == [True, True, False]


def test_a_crash_ends_the_asking_process_alone(tmp_path: Path) -> None:
    names = ("tanh", "split_one", "relu")
    found = list(measure("gpu", [CASES[name].write(tmp_path) for name in names]))
    assert [bool(answer.crash) for answer in found] == [False, True, False]
    assert found[2].coverages[0].share == 1


def test_a_file_that_litert_refuses_is_named(tmp_path: Path) -> None:
    shapes = [T(shape=(2, 3)), T(shape=(4, 5)), T(shape=(2, 3))]
    add = Op(name="ADD", inputs=(0, 1), outputs=(2,), options={"kind": "AddOptions"})
    path = write(tmp_path / "wrong.tflite", shapes, [add])
    with pytest.raises(TargetError, match=r"LiteRT refuses wrong\.tflite itself"):
        ask(path)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"none\.tflite"):
        ASKERS["gpu"].ask(path)


def test_it_says_what_is_missing() -> None:
    assert ASKERS["gpu"].missing() is None


def test_a_node_is_cut_out_with_the_constants_that_it_hangs_on(tmp_path: Path) -> None:
    path = CASES["fp16_weights_and_a_refusal"].write(tmp_path)
    (graph,) = read_graphs(path)
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(SingleNodes(path.read_bytes()).cut_out(0, graph, 1))
    (found,) = read_graphs(cut)
    assert [node.operator for node in found.nodes] == ["DEQUANTIZE", "CONV_2D"]
    assert [found.tensors[index].shape for index in found.inputs] == [(1, 8, 8, 4)]
    assert found.nodes[1].attributes == graph.nodes[1].attributes
    assert found.tensors[found.nodes[1].inputs[1]].unpacked


def test_a_node_that_reads_what_others_made_gets_it_as_an_input(tmp_path: Path) -> None:
    path = CASES["two_islands"].write(tmp_path)
    (graph,) = read_graphs(path)
    single = SingleNodes(path.read_bytes())
    same = {single.cut_out(0, graph, node) for node in (0, 2, 4)}
    assert len(same) <= len(graph.nodes)
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(single.cut_out(0, graph, 3))
    (found,) = read_graphs(cut)
    assert [(node.operator, node.attributes["beta"]) for node in found.nodes] == [("SOFTMAX", 0.5)]
    assert (len(found.inputs), len(found.outputs)) == (1, 1)

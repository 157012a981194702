"""The tables of rules against the delegates themselves, on small graphs and whole networks."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from corpus import NOT_HERE, cases
from corpus_networks import converted, published
from corpus_page import HELD, PAGE, figures, measure_graphs
from corpus_results import Summary, hold
from drawn_graphs import Draw, drawn
from tools import require_target, without

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at

_LEAST_GRAPHS = 300
_LEAST_AGREEMENT = 0.97
_UNIT = {"gpu": "gpu", "xnnpack": "cpu"}
"""The target that a delegate is reached through."""


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Summary]:
    """Every small graph, asked of the GPU accelerator and of XNNPACK."""
    for delegate in HELD:
        require_target(_UNIT[delegate])
    measured = measure_graphs(tmp_path_factory.mktemp("graphs"))
    return {summary.delegate: summary for summary in measured}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OperatorGraph]:
    folder = tmp_path_factory.mktemp("read")
    return {case.name: read_graphs(case.write(folder))[0] for case in cases()}


def test_the_corpus_is_large_and_litert_runs_all_of_it(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    assert len(cases()) >= _LEAST_GRAPHS
    for case in cases():
        path = str(case.write(tmp_path))
        interpreter = Interpreter(path, experimental_op_resolver_type=plain)
        interpreter.allocate_tensors()
        known = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
        for index, tensor in enumerate(case.tensors):
            assert tuple(known[index]["shape"]) == tensor.shape, case.name


def test_the_corpus_is_the_same_each_time(tmp_path: Path) -> None:
    for name, case in itertools.islice(((case.name, case) for case in cases()), 0, None, 40):
        (tmp_path / "again").mkdir(exist_ok=True)
        once, twice = case.write(tmp_path), case.write(tmp_path / "again")
        assert once.read_bytes() == twice.read_bytes(), name


@pytest.mark.parametrize("name", HELD)
def test_every_operator_of_a_table_is_in_the_corpus(
    name: str, graphs: dict[str, OperatorGraph]
) -> None:
    asked = {node.operator for graph in graphs.values() for node in graph.nodes}
    assert set(DELEGATES[name].table.operators) - asked <= NOT_HERE.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", HELD)
def test_no_node_is_called_taken_that_the_delegate_refuses(
    name: str, summaries: dict[str, Summary]
) -> None:
    assert summaries[name].claimed == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", HELD)
def test_the_table_agrees_with_the_delegate(name: str, summaries: dict[str, Summary]) -> None:
    assert summaries[name].agreement >= _LEAST_AGREEMENT, summaries[name].wrong


@pytest.mark.slow
def test_the_delegates_take_some_and_leave_some(summaries: dict[str, Summary]) -> None:
    """An asker that always says the same would agree with a table that does too."""
    for summary in summaries.values():
        assert 0.3 < summary.taken / summary.nodes < 0.9


@pytest.mark.slow
def test_the_page_has_these_figures(summaries: dict[str, Summary]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in figures([summaries[name] for name in HELD]):
        assert part.strip() in text, (
            "write it again: .venv/bin/python tests/coverage/corpus_page.py"
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("gpu", 60), ("xnnpack", 200)])
def test_the_table_agrees_on_graphs_drawn_at_random(name: str, count: int, tmp_path: Path) -> None:
    require_target(_UNIT[name])
    summary = hold(name, drawn(tmp_path, 7, count))
    assert summary.claimed == ()
    assert summary.agreement >= _LEAST_AGREEMENT, summary.wrong


def test_drawn_graphs_are_the_same_each_time() -> None:
    once, twice = (itertools.islice(Draw(3).graphs(), 50) for _ in range(2))
    assert [graph[0] for graph in once] == [graph[0] for graph in twice]


@pytest.mark.parametrize("name", ["gpu", "gpu_classic"])
def test_a_graph_in_int16_is_not_for_the_gpu(name: str, graphs: dict[str, OperatorGraph]) -> None:
    coverage = delegate_at(name).estimate(graphs["all_int16"])
    assert coverage.nodes_taken == 0
    assert all(answer.objections for answer in coverage.answers)


@pytest.mark.parametrize("name", ["gpu", "gpu_classic"])
def test_a_graph_that_computes_shapes_is_not_for_the_gpu(
    name: str, graphs: dict[str, OperatorGraph]
) -> None:
    coverage = delegate_at(name).estimate(graphs["flatten_open_batch"])
    assert coverage.nodes_taken == 0
    reasons = [objection.reason for answer in coverage.answers for objection in answer.objections]
    assert any("a shape is only known when the graph runs" in reason for reason in reasons)


def test_an_open_batch_is_not_for_the_classic_gpu_delegate(
    graphs: dict[str, OperatorGraph],
) -> None:
    assert delegate_at("gpu_classic").estimate(graphs["open_batch"]).nodes_taken == 0
    assert delegate_at("gpu").estimate(graphs["open_batch"]).share == 1


@pytest.mark.parametrize("name", HELD)
def test_published_networks_are_judged_as_the_delegate_does(name: str) -> None:
    require_target(_UNIT[name])
    files = published()
    if not files:
        without("The reference models of MLPerf Tiny are not beside the checkout.")
    summary = hold(name, files)
    assert (summary.wrong, summary.crashes) == ((), ())


@pytest.mark.slow
def test_a_network_with_five_dimensions_falls_apart_on_the_gpu(tmp_path: Path) -> None:
    """ShuffleNet: 10 of its 190 nodes ran on the GPU of a phone, by the one part that is kept."""
    require_target("gpu")
    files = dict(converted(tmp_path, names=("shufflenet_v2",), precisions=("fp32", "dynamic")))
    summary = hold("gpu", files)
    assert (summary.wrong, summary.crashes) == ((), ())
    assert all(result.taken < 0.2 * result.nodes for result in summary.results)


def test_every_delegate_has_a_table_that_names_its_sources() -> None:
    for delegate in DELEGATES.values():
        table = delegate.table
        assert table.delegate == delegate.name
        assert table.operators
        for rules in table.rules.values():
            assert all(rule.reason and rule.source for rule in rules)

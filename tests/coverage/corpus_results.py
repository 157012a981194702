"""Holds what the tables of rules say against what the delegates themselves say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring import Measured, measure

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.comparison import compare
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import delegate_at


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A node that the table judges wrongly. `claimed` is worse: it is called taken and refused."""

    node: str
    claimed: bool
    estimate: str
    measured: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """One file. `taken` are nodes that cost something when it runs; a crash takes none."""

    name: str
    nodes: int
    taken: int
    wrong: tuple[Wrong, ...] = ()
    crash: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All files on one delegate."""

    delegate: str
    results: tuple[Result, ...]

    @property
    def nodes(self) -> int:
        return sum(result.nodes for result in self.results)

    @property
    def taken(self) -> int:
        return sum(result.taken for result in self.results)

    @property
    def wrong(self) -> tuple[tuple[str, Wrong], ...]:
        return tuple((result.name, wrong) for result in self.results for wrong in result.wrong)

    @property
    def claimed(self) -> tuple[str, ...]:
        return tuple(f"{name}: {wrong.node}" for name, wrong in self.wrong if wrong.claimed)

    @property
    def agreement(self) -> float:
        """The share of nodes that the table judges as the delegate does, 0 to 1."""
        return 1 - len(self.wrong) / self.nodes

    @property
    def crashes(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.crash)

    @property
    def place(self) -> str:
        return next(result.place for result in self.results if result.place)


def hold(delegate: str, files: Mapping[str, Path]) -> Summary:
    """Ask a delegate about files, and its table too."""
    answers: Iterable[Measured] = measure(delegate, list(files.values()))
    return Summary(
        delegate=delegate,
        results=tuple(
            _result(delegate, name, path, measured)
            for (name, path), measured in zip(files.items(), answers, strict=True)
        ),
    )


def _result(delegate: str, name: str, path: Path, measured: Measured) -> Result:
    if measured.error:
        raise ValueError(f"{delegate} says of {name}: {measured.error}")
    graphs = read_graphs(path)
    estimates = [delegate_at(delegate).estimate(graph) for graph in graphs]
    nodes = sum(estimate.nodes for estimate in estimates)
    if measured.crash:
        wrong = _claimed_at_a_crash(graphs, estimates, measured.crash)
        return Result(name=name, nodes=nodes, taken=0, wrong=wrong, crash=measured.crash)
    return Result(
        name=name,
        nodes=nodes,
        taken=sum(coverage.nodes_taken for coverage in measured.coverages),
        wrong=tuple(_wrong(graphs, estimates, measured.coverages)),
        place=measured.coverages[0].place,
    )


def _claimed_at_a_crash(
    graphs: Sequence[OperatorGraph], estimates: Sequence[Coverage], crash: str
) -> tuple[Wrong, ...]:
    """A crash refuses the whole file, so that the table has to refuse a node of it at least."""
    if all(answer.taken for estimate in estimates for answer in estimate.answers):
        node = graphs[0].nodes[0].operator
        return (Wrong(node=node, claimed=True, estimate="taken", measured=crash),)
    return ()


def _wrong(
    graphs: Sequence[OperatorGraph], estimates: Sequence[Coverage], measured: Sequence[Coverage]
) -> Iterable[Wrong]:
    for graph, estimate, coverage in zip(graphs, estimates, measured, strict=True):
        for disagreement in compare(estimate, coverage):
            node = disagreement.node
            yield Wrong(
                node="the graph" if node is None else graph.nodes[node].operator,
                claimed=estimate.nodes_taken > coverage.nodes_taken
                if node is None
                else estimate.answers[node].taken,
                estimate=disagreement.estimate,
                measured=disagreement.measured,
            )

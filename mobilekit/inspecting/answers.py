"""Puts the answers about one graph together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mobilekit.inspecting.questions import Question
from mobilekit.inspecting.results import (
    AnswerWord,
    DelegateCoverage,
    Disagreement,
    FloatOperator,
    GraphCoverage,
    NewOperator,
    Refusal,
    Run,
)
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_delegates.coverage.comparison import compare
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.float_nodes import FloatNode, float_nodes
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.runtime_floor import newer_than

MOST_CROSSINGS = 20
"""How many crossing tensors a report lists; the largest ones come first."""


def graph_coverage(
    graph: OperatorGraph,
    asked: Iterable[Question],
    measured: Iterable[Coverage] = (),
    *,
    runtime: str = "",
    most_crossings: int | None = None,
) -> GraphCoverage:
    """Estimate what each delegate takes of a graph, beside what the delegates themselves said.

    Args:
        graph: of the format of every question.
        asked: the delegates.
        measured: their own answers, where they were asked themselves.
        runtime: the oldest TFLite runtime that apps have, such as `2.14`, where somebody asks.
        most_crossings: how many of the crossing tensors to list; all of them where None.

    Raises:
        ProjectError: the runtime is no version.
    """
    asked = tuple(asked)
    estimates = [(item, item.at.estimate(graph)) for item in asked if item.at is not None]
    real = {coverage.delegate: coverage for coverage in measured}
    pairs = [
        (question, estimate, real[question.delegate])
        for question, estimate in estimates
        if question.delegate in real and estimate.level == real[question.delegate].level
    ]
    by_delegate = {question.delegate: question for question in asked}
    return GraphCoverage(
        name=graph.name,
        operators=tuple(node.operator for node in graph.nodes),
        layers=tuple(node.name for node in graph.nodes),
        macs=tuple(macs(graph, node) for node in graph.nodes),
        free=tuple(index for index, node in enumerate(graph.nodes) if graph.is_free(node)),
        estimates=tuple(
            _delegate(graph, coverage, question, most_crossings) for question, coverage in estimates
        ),
        measured=tuple(
            _delegate(graph, coverage, by_delegate[coverage.delegate], most_crossings)
            for coverage in real.values()
        ),
        disagreements=tuple(
            Disagreement(
                delegate=question.name,
                node=item.node,
                estimate=item.estimate,
                measured=item.measured,
            )
            for question, estimate, answer in pairs
            for item in compare(estimate, answer)
        ),
        runtime=runtime if graph.format == "tflite" else "",
        newer=_newer(graph, runtime) if runtime and graph.format == "tflite" else (),
        floats=_floats(graph) if graph.format == "tflite" else (),
    )


def _newer(graph: OperatorGraph, runtime: str) -> tuple[NewOperator, ...]:
    found: dict[tuple[str, int, str], list[int]] = {}
    for item in newer_than(graph, runtime):
        found.setdefault((item.operator, item.version, item.first or ""), []).append(item.node)
    return tuple(
        NewOperator(operator=operator, version=version, runtime=first, nodes=tuple(nodes))
        for (operator, version, first), nodes in found.items()
    )


def _floats(graph: OperatorGraph) -> tuple[FloatOperator, ...]:
    found: dict[tuple[str, str], list[FloatNode]] = {}
    for item in float_nodes(graph):
        found.setdefault((item.operator, item.reason), []).append(item)
    return tuple(
        FloatOperator(
            operator=operator,
            reason=reason,
            nodes=tuple(item.node for item in items),
            conversions=len({other for item in items for other in item.conversions}),
        )
        for (operator, reason), items in found.items()
    )


def _delegate(
    graph: OperatorGraph, coverage: Coverage, question: Question, most_crossings: int | None
) -> DelegateCoverage:
    table = question.at.delegate.table if question.at is not None else None
    largest = sorted(coverage.crossings, key=lambda crossing: -crossing.bytes)
    return DelegateCoverage(
        delegate=coverage.delegate,
        level=coverage.level,
        level_name=table.level if table else "",
        title=table.title if table else question.delegate,
        basis=coverage.basis,
        place=table.source if table and coverage.basis == "estimate" else coverage.place,
        nodes=coverage.nodes,
        nodes_taken=coverage.nodes_taken,
        share=coverage.share,
        macs_share=coverage.macs_share,
        pieces=sum(
            part.taken and not all(coverage.answers[node].free for node in part.nodes)
            for part in coverage.partitions
        ),
        crossing_count=len(largest),
        crossing_bytes=sum(crossing.bytes for crossing in largest),
        crossings=tuple(largest[:most_crossings]),
        runs=_runs(coverage),
        refusals=_refusals(graph, coverage.answers),
        warnings=_warnings(graph, coverage.answers),
    )


def _runs(coverage: Coverage) -> tuple[Run, ...]:
    """Return runs of nodes with one answer, in one piece; free nodes interrupt none."""
    pieces = {node: index for index, part in enumerate(coverage.partitions) for node in part.nodes}
    runs: list[Run] = []
    for node, answer in enumerate(coverage.answers):
        if answer.free:
            continue
        word, piece = _word(answer), pieces[node]
        if runs and (runs[-1].answer, runs[-1].piece) == (word, piece):
            runs[-1] = replace(runs[-1], last=node, nodes=runs[-1].nodes + 1)
        else:
            runs.append(Run(answer=word, first=node, last=node, nodes=1, piece=piece))
    return tuple(runs)


def _word(answer: Answer) -> AnswerWord:
    return "taken" if answer.taken else "cut_off" if answer.cut_off else "refused"


def _refusals(graph: OperatorGraph, answers: Sequence[Answer]) -> tuple[Refusal, ...]:
    return _by_rule(
        graph,
        (
            (node, () if answer.taken else answer.objections or (_SILENT,))
            for node, answer in enumerate(answers)
        ),
    )


def _warnings(graph: OperatorGraph, answers: Sequence[Answer]) -> tuple[Refusal, ...]:
    return _by_rule(
        graph, ((node, answer.warnings) for node, answer in enumerate(answers) if answer.taken)
    )


def _by_rule(
    graph: OperatorGraph, nodes: Iterable[tuple[int, tuple[Objection, ...]]]
) -> tuple[Refusal, ...]:
    """Return the rules that nodes break, those that the most of them break first."""
    broken: dict[Objection, list[int]] = {}
    for node, objections in nodes:
        for objection in dict.fromkeys(objections):
            broken.setdefault(objection, []).append(node)
    rules = [
        Refusal(
            reason=objection.reason,
            source=objection.source,
            remedy=objection.remedy,
            adaptation=objection.adaptation,
            operators=_counts(graph.nodes[node].operator for node in breaking),
            nodes=tuple(breaking),
        )
        for objection, breaking in broken.items()
    ]
    return tuple(sorted(rules, key=lambda rule: -len(rule.nodes)))


_SILENT = Objection(reason="it gives no reason")


def _counts(names: Iterable[str]) -> dict[str, int]:
    """Count names, the most frequent first."""
    return dict(Counter(names).most_common())

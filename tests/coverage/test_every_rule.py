"""Every rule of every table for TFLite can be met, and can be broken.

A rule that nothing breaks, or that nothing meets, has a mistake in it: a name that its operators do
not have, as a rule. The graphs are those of the corpus, changed until one does what is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from changed_graphs import Single, changed, set_otherwise, single
from corpus import cases
from one_op import Op, T, write

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import DELEGATES, TABLES
from mobilekit_delegates.coverage.estimate import answer
from mobilekit_delegates.rules.expression import parse
from mobilekit_delegates.rules.table import OperatorEntry, Rule, Table, holds_at

NEVER = parse("1 == 2")
ALL_OPERATORS = "*"
CHANGED = 6
CHANGED_TWICE = 2
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "L2_POOL_2D": {"kind": "Pool2DOptions"},
    "LSTM": {"kind": "LSTMOptions", "fusedActivationFunction": 4, "kernelType": 1},
}
"""Where the schema's name or its first values do not do."""

TABLES_THERE = sorted(
    name
    for name, delegate in DELEGATES.items()
    if delegate.format == "tflite" and (TABLES / delegate.file).exists()
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Single]]:
    """The corpus' nodes by operator; of an operator that it lacks, one made of nothing special."""
    folder = tmp_path_factory.mktemp("corpus")
    found: dict[str, list[Single]] = {}
    for case in cases():
        (graph,) = read_graphs(case.write(folder))
        for node in graph.nodes:
            found.setdefault(node.operator, []).append(single(graph, node))
    for name in {name for table in TABLES_THERE for name in _operators(DELEGATES[table].table)}:
        if name not in found:
            found[name] = [plain(folder, name)]
    return found


def plain(folder: Path, operator: str) -> Single:
    """Make a node of any operator, with the options that the schema has for it."""
    kinds = [
        kind
        for kind in (*vars(schema.BuiltinOptions), *vars(schema.BuiltinOptions2))
        if kind.removesuffix("Options").upper() == operator.replace("_", "")
    ]
    options = OPTIONS.get(operator) or ({"kind": kinds[0]} if kinds else {})
    if kinds and hasattr(getattr(schema, f"{kinds[0]}T")(), "name"):
        options = {**options, "name": "any"}
    op = Op(name=operator, inputs=(0, 1, 2, 3, 4), outputs=(5, 6, 7, 8), options=dict(options))
    (graph,) = read_graphs(write(folder / f"{operator}.tflite", [T()] * 9, [op]))
    return single(graph, graph.nodes[0])


def _operators(table: Table) -> set[str]:
    return {*table.operators, *(name for name in table.rules if name != ALL_OPERATORS)}


@cache
def rules(name: str) -> tuple[Rule, ...]:
    """Return a table's rules, each once."""
    table = DELEGATES[name].table
    by_line = {rule.line: rule for group in table.rules.values() for rule in group}
    return tuple(by_line[line] for line in sorted(by_line))


def alone(rule: Rule, operator: str, table: Table) -> Table:
    """Return a table of nothing but a rule for an operator."""
    only = {operator: (replace(rule, whole=False),)}
    return replace(table, operators={operator: (OperatorEntry(name=operator),)}, rules=only)


def breaks(graph: OperatorGraph, table: Table, level: float) -> bool:
    """Say whether a graph's one node breaks a table's one rule."""
    said = answer(graph, graph.nodes[0], table, level)
    return not said.taken or bool(said.warnings)


def variants(bases: list[Single]) -> Iterator[OperatorGraph]:
    """Yield nodes as they are, with one change each, and some with two."""
    yield from (one.graph for one in bases)
    unlike = {tuple(item and item.dtype for item in one.inputs): one for one in reversed(bases)}
    for one in (*unlike.values(), *bases[:CHANGED]):
        yield from (other.graph for other in changed(one))
    richest = sorted(bases, key=lambda one: -len(one.node.attributes))[:CHANGED_TWICE]
    for change in (set_otherwise, changed):
        for one in richest:
            for other in set_otherwise(one):
                yield from (another.graph for another in change(other))


def examples(
    nodes: Mapping[str, list[Single]], rule: Rule, table: Table
) -> tuple[OperatorGraph | None, OperatorGraph | None]:
    """Return a graph that a rule concerns and that breaks it, and one that meets it."""
    level = next(level for level in reversed(table.levels) if holds_at(rule, level))
    operators = [name for name in rule.operators if name != ALL_OPERATORS] or ["ADD", "PAD"]
    found: dict[bool, OperatorGraph] = {}
    for operator in operators:
        itself = alone(rule, operator, table)
        concern = alone(replace(rule, require=NEVER), operator, table)
        for graph in variants(nodes[operator]):
            if breaks(graph, itself, level):
                found.setdefault(True, graph)
            elif False not in found and breaks(graph, concern, level):
                found[False] = graph
            if len(found) == 2:
                return found[True], found[False]
    return found.get(True), found.get(False)


@pytest.mark.parametrize("name", TABLES_THERE)
def test_every_rule_can_be_broken_and_met(name: str, nodes: Mapping[str, list[Single]]) -> None:
    table = DELEGATES[name].table
    assert rules(name)
    useless = []
    for rule in rules(name):
        broken, met = examples(nodes, rule, table)
        if broken is None:
            useless.append((f"line {rule.line} is never broken", rule.require.text))
        if met is None and rule.require.text != "False":
            useless.append((f"line {rule.line} is never met", rule.require.text))
    assert not useless


@pytest.mark.parametrize("name", TABLES_THERE)
def test_every_operator_of_a_table_is_one_of_the_schema(name: str) -> None:
    known = {*vars(schema.BuiltinOperator)}
    custom = {operator for operator in _operators(DELEGATES[name].table) if operator not in known}
    assert not {operator for operator in custom if operator.isupper()}


@pytest.mark.parametrize("name", TABLES_THERE)
def test_every_rule_says_why_and_where_that_stands(name: str) -> None:
    for rule in rules(name):
        where = f"{name}, line {rule.line}"
        assert rule.reason[-1] != ".", where
        assert any(digit.isdigit() for digit in rule.source), f"{where} names no version"
        assert any(holds_at(rule, level) for level in DELEGATES[name].table.levels), where

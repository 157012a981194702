"""Estimates what a delegate takes of a graph, from its table of rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mobilekit_converters.operator_graph import GraphNode, OperatorGraph
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.partitions import crossings, kept, partition
from mobilekit_delegates.rules.expression import FUNCTIONS, Expression
from mobilekit_delegates.rules.table import OperatorEntry, Rule, Table, holds_at


def estimate(graph: OperatorGraph, table: Table, level: float) -> Coverage:
    """Say which nodes a delegate takes at a level, as far as its table tells.

    Args:
        graph: of the table's format.
        table: the delegate's.
        level: one of the table's.
    """
    graph = _as_seen(graph, table, level)
    answers = [answer(graph, node, table, level) for node in graph.nodes]
    failure = _failure(graph, table, level)
    if failure is not None:
        answers = [_left(item, failure) for item in answers]
    parts = partition(graph, [item.taken or item.free for item in answers])
    if table.partitions is not None:
        inside = kept(parts, table.partitions)
        answers = [
            item if not item.taken or index in inside else _cut_off(item, table)
            for index, item in enumerate(answers)
        ]
        parts = partition(graph, [item.taken or item.free for item in answers])
    return Coverage(
        delegate=table.delegate,
        level=level,
        basis="estimate",
        place=table.title,
        answers=tuple(answers),
        macs=tuple(macs(graph, node) for node in graph.nodes),
        partitions=parts,
        crossings=crossings(graph, parts),
    )


def _as_seen(graph: OperatorGraph, table: Table, level: float) -> OperatorGraph:
    """Return a graph where what a delegate does not look through is computed when it runs.

    What it leaves to the CPU to unpack is to it a tensor like any other.
    """
    unpacks = table.unpacks
    if unpacks is None:
        return graph
    left = {
        output
        for node in graph.nodes
        if graph.is_free(node) and _objections(graph, node, table, level)
        for output in node.outputs
    }
    seen = list(graph.tensors)
    for index, tensor in enumerate(seen):
        if tensor.unpacked and tensor.unpacked not in unpacks:
            stored = "" if index in left else tensor.unpacked
            seen[index] = replace(tensor, looked_through=False, unpacked=stored)
    return replace(graph, tensors=tuple(seen))


def answer(graph: OperatorGraph, node: GraphNode, table: Table, level: float) -> Answer:
    """Say whether a delegate takes a node, and if not, why."""
    if graph.is_free(node):
        return Answer(taken=True, free=True)
    objections = _objections(graph, node, table, level)
    if objections:
        return Answer(taken=False, objections=objections)
    warnings = _broken(graph, node, table.warnings_for(node.operator), table, level)
    return Answer(taken=True, warnings=tuple(warnings))


def _objections(
    graph: OperatorGraph, node: GraphNode, table: Table, level: float
) -> tuple[Objection, ...]:
    broken = _broken(graph, node, table.rules_for(node.operator), table, level)
    return (*_entry_objections(node, table, level), *broken)


def _entry_objections(node: GraphNode, table: Table, level: float) -> Iterator[Objection]:
    """Say where the operator itself, or its version, is unknown to the delegate."""
    entries = table.operators.get(node.operator, ())
    now = [entry for entry in entries if holds_at(entry, level)]
    if not entries:
        yield Objection(reason=f"{table.title} has no {node.operator}", source=table.source)
    elif not now:
        yield Objection(
            reason=f"{node.operator} is there {_when(entries, table.level)}, not at {level:g}",
            source=_source(entries[0], table),
        )
    elif all(entry.version is not None and node.version > entry.version for entry in now):
        newest = max(entry.version or 0 for entry in now)
        yield Objection(
            reason=f"it is version {node.version} of {node.operator}, and {newest} is the newest "
            "that is taken",
            source=_source(now[0], table),
        )


def _when(entries: tuple[OperatorEntry, ...], level: str) -> str:
    return " and ".join(_bounds(entry, level) for entry in entries)


def _bounds(entry: OperatorEntry, level: str) -> str:
    if entry.since is None:
        return f"up to {level} {entry.until:g}"
    return f"from {level} {entry.since:g} {'on' if entry.until is None else f'to {entry.until:g}'}"


def _source(entry: OperatorEntry, table: Table) -> str:
    return entry.source or table.source


def _broken(
    graph: OperatorGraph, node: GraphNode, rules: tuple[Rule, ...], table: Table, level: float
) -> Iterator[Objection]:
    """Yield an objection for each rule that a node does not meet."""
    names = _Names(graph, node, table, level)
    for rule in rules:
        if _breaks(names, rule, level):
            yield _objection(rule)


def _breaks(names: _Names, rule: Rule, level: float) -> bool:
    concerned = holds_at(rule, level) and (rule.when is None or names.holds(rule.when))
    return concerned and not names.holds(rule.require)


def _objection(rule: Rule) -> Objection:
    return Objection(
        reason=rule.reason, source=rule.source, remedy=rule.remedy, adaptation=rule.adaptation
    )


def _failure(graph: OperatorGraph, table: Table, level: float) -> Objection | None:
    """Return the objection of the first node that leaves nothing of the graph to the delegate."""
    whole = {
        operator: tuple(rule for rule in rules if rule.whole)
        for operator, rules in table.rules.items()
    }
    if not any(whole.values()):
        return None
    for node in graph.nodes:
        if graph.is_free(node):
            continue
        names = _Names(graph, node, table, level)
        for rule in (*whole.get("*", ()), *whole.get(node.operator, ())):
            if _breaks(names, rule, level):
                return replace(
                    _objection(rule),
                    reason=f"it takes nothing of a graph where {rule.reason}, as at {node.name}",
                )
    return None


def _left(item: Answer, failure: Objection) -> Answer:
    if item.free or not item.taken:
        return item
    return replace(item, taken=False, cut_off=True, objections=(failure,))


class _Names(Mapping[str, Any]):
    """What an expression's names stand for at one node."""

    def __init__(self, graph: OperatorGraph, node: GraphNode, table: Table, level: float) -> None:
        self._inputs = graph.inputs_of(node)
        self._definitions = table.definitions
        self._own: dict[str, Any] = {
            **FUNCTIONS,
            "has": self._has,
            "inputs": self._inputs,
            "outputs": graph.outputs_of(node),
            "operator": node.operator,
            "version": node.version,
            "custom": node.custom,
            "level": level,
        }
        self._attributes = node.attributes

    def holds(self, expression: Expression) -> bool:
        """Say whether a condition holds. One about what the node lacks does not."""
        try:
            return bool(expression.value(self))
        except (TypeError, IndexError, AttributeError, ZeroDivisionError, ValueError, KeyError):
            return False

    def __getitem__(self, name: str) -> Any:
        if name in self._own:
            return self._own[name]
        if name in self._definitions:
            return self._definitions[name].value(self)
        return self._attributes.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter({*self._own, *self._definitions, *self._attributes})

    def __len__(self) -> int:
        return len({*self._own, *self._definitions, *self._attributes})

    def _has(self, index: int) -> bool:
        return index < len(self._inputs) and self._inputs[index] is not None


def _cut_off(item: Answer, table: Table) -> Answer:
    few = "one part" if table.partitions == 1 else f"{table.partitions} parts"
    reason = f"it lies outside of the {few} that {table.title} keeps of a graph"
    return replace(
        item,
        taken=False,
        cut_off=True,
        objections=(*item.objections, Objection(reason=reason, source=table.source)),
    )

"""`[coverage]` of the project file: the least share of nodes that delegates have to take.

[coverage]
gpu = 1.0                         # every .tflite artifact
neural_engine = 0.95              # every Core ML artifact
"nnapi@29" = 0.5                  # the delegate at one of its levels

[coverage.tflite-int16x8]         # one variant; over what stands above
gpu = 0

The share is that of the nodes which cost something when the graph runs, over all graphs of the
artifact. Where the delegate itself was asked, its answer decides, else the estimate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilekit.inspecting.results import Costly, DelegateCoverage, Floor, GraphCoverage
from mobilekit.report.formats import percent, plural
from mobilekit.results import Check
from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_converters.variants import VARIANTS, Format
from mobilekit_delegates.coverage.coverage import Basis
from mobilekit_delegates.coverage.delegates import DELEGATES, Delegate, delegate_at

_MOST_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class FloorRule:
    """A floor of one delegate, under its name with its level; for all variants where `variant` is
    empty.
    """

    variant: str
    delegate: str
    format: Format
    usual: bool
    least: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """How many nodes a delegate takes, of how many, and where that was told."""

    nodes_taken: int
    nodes: int
    place: str
    basis: Basis = "measured"


def floor_rules(
    table: Mapping[str, Any],
    *,
    place: str = "[coverage]",
    known: Mapping[str, Delegate] = DELEGATES,
    variant: str = "",
) -> tuple[FloorRule, ...]:
    """Return the floors of a table `[coverage]`, in its order.

    Args:
        table: as read from TOML.
        place: what errors name.
        known: the delegates that there are.
        variant: the one that the table is of.

    Raises:
        ProjectError: a name or a number is wrong.
    """
    found: list[FloorRule] = []
    for name, content in table.items():
        if name in VARIANTS and not variant:
            where = f"{place.removesuffix(']')}.{name}]"
            if not isinstance(content, Mapping):
                raise ProjectError(f"{where}: give floors by delegate, such as gpu = 1.0.")
            found += floor_rules(content, place=where, known=known, variant=name)
        elif isinstance(content, Mapping):
            raise ProjectError(
                f"{place} {name}: there is no such variant.{nearest(name, VARIANTS)} "
                f"Known: {', '.join(VARIANTS)}."
            )
        else:
            found.append(_rule(name, content, place, known, variant))
    return tuple(found)


def _rule(
    name: str, least: object, place: str, known: Mapping[str, Delegate], variant: str
) -> FloorRule:
    try:
        at = delegate_at(name, known)
    except ProjectError as error:
        raise ProjectError(f"{place} {name}: {error}") from None
    if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 1:
        raise ProjectError(
            f"{place} {name} = {least!r}: a floor is a share of operators, from 0 to 1, such as "
            "0.95."
        )
    if variant and VARIANTS[variant].format != at.delegate.format:
        raise ProjectError(f"{place} {name}: {at.delegate.name} never gets a {variant}.")
    return FloorRule(
        variant=variant,
        delegate=f"{at.delegate.name}@{at.level:g}",
        format=at.delegate.format,
        usual=at.level == at.delegate.table.default,
        least=float(least),
    )


def rules_for(rules: Iterable[FloorRule], variant: str, format: Format) -> tuple[FloorRule, ...]:
    """Return the floors that an artifact is held to; a variant's own goes before one for all."""
    fitting = [rule for rule in rules if rule.format == format and rule.variant in ("", variant)]
    fitting.sort(key=lambda rule: rule.variant != "")
    return tuple({rule.delegate: rule for rule in fitting}.values())


def check_floors(
    rules: Iterable[FloorRule],
    graphs: Sequence[GraphCoverage],
    told: Mapping[str, Told] | None = None,
) -> tuple[Floor, ...]:
    """Hold an artifact to its floors.

    Args:
        rules: those of `rules_for`.
        graphs: all of its graphs, each with an estimate for every delegate that has a floor.
        told: what delegates at their usual level said themselves, by their name without a level.
    """
    return tuple(_floor(rule, graphs, told or {}) for rule in rules)


def untold_floors(rules: Iterable[FloorRule], why: str) -> tuple[Floor, ...]:
    """Return the floors of an artifact of which nobody can say what delegates take: none is met."""
    return tuple(
        Floor(
            delegate=rule.delegate,
            least=rule.least,
            status="fail",
            share=0.0,
            decided_by="estimate",
            estimate=0.0,
            reason=f"What {rule.delegate} takes is not known: {why}",
        )
        for rule in rules
    )


def told_by(checks: Iterable[Check], graphs: Iterable[GraphCoverage]) -> dict[str, Told]:
    """Return what delegates said themselves while checks ran on them.

    The accelerator counts nodes that read constants alone as nodes, and as ones that it leaves
    where it leaves anything.
    """
    free = sum(len(graph.free) for graph in graphs)
    return {
        check.target: Told(
            nodes_taken=min(seen.nodes_taken, seen.nodes - free),
            nodes=seen.nodes - free,
            place=seen.place,
        )
        for check in checks
        if check.target in _ASKED_BY_CHECKS
        and (seen := check.execution).nodes is not None
        and seen.nodes_taken is not None
    }


def contradictions(
    graphs: Sequence[GraphCoverage], told: Mapping[str, Told]
) -> Iterator[tuple[str, Told, Told]]:
    """Return the delegates, with their levels, that took another number of nodes than estimated:
    what they said themselves, then the estimate.
    """
    names = dict.fromkeys(item.name for graph in graphs for item in graph.estimates)
    for delegate, said in told.items():
        # The usual level is asked about first.
        name = next((name for name in names if name.partition("@")[0] == delegate), None)
        guess = _pooled(c for graph in graphs for c in graph.estimates if c.name == name)
        if name is not None and guess.nodes_taken != said.nodes_taken:
            yield name, said, guess


_ASKED_BY_CHECKS = frozenset({"gpu"})
"""Targets that are called as the delegate which they run."""


def _floor(rule: FloorRule, graphs: Sequence[GraphCoverage], told: Mapping[str, Told]) -> Floor:
    estimates = [(g, c) for g in graphs for c in g.estimates if c.name == rule.delegate]
    measured = [(g, c) for g in graphs for c in g.measured if c.name == rule.delegate]
    guess = _pooled(coverage for _, coverage in estimates)
    whole = bool(measured) and len(measured) == len(graphs)
    real = _pooled(coverage for _, coverage in measured) if whole else None
    if real is None and rule.usual:
        real = told.get(rule.delegate.partition("@")[0])
    deciding = real or guess
    share = _share(deciding)
    enough = deciding.nodes > 0 and share >= rule.least
    costs = () if enough else tuple(_costs(measured if whole else estimates))
    return Floor(
        delegate=rule.delegate,
        least=rule.least,
        status="pass" if enough else "fail",
        share=share,
        decided_by=deciding.basis,
        estimate=_share(guess),
        reason="" if enough else _reason(rule, deciding, guess if real else None, costs),
        costs=costs,
    )


def _pooled(coverages: Iterable[DelegateCoverage]) -> Told:
    coverages = tuple(coverages)
    return Told(
        nodes_taken=sum(coverage.nodes_taken for coverage in coverages),
        nodes=sum(coverage.nodes for coverage in coverages),
        place=coverages[0].place if coverages else "",
        basis=coverages[0].basis if coverages else "estimate",
    )


def _share(told: Told) -> float:
    return told.nodes_taken / told.nodes if told.nodes else 0.0


def _costs(pairs: Iterable[tuple[GraphCoverage, DelegateCoverage]]) -> Iterator[Costly]:
    for graph, coverage in pairs:
        for refusal in coverage.refusals:
            yield Costly(
                operators=refusal.operators,
                layers=tuple(graph.layers[node] for node in refusal.nodes[:_MOST_LAYERS]),
                reason=refusal.reason,
                remedy=refusal.remedy,
            )


def _reason(rule: FloorRule, deciding: Told, guess: Told | None, costs: Sequence[Costly]) -> str:
    if deciding.nodes == 0:
        return f"{rule.delegate} has nothing to take: no operator costs anything when it runs."
    if guess is None:
        basis = "estimated"
    else:
        basis = f"{deciding.basis}, {deciding.place}; {percent(_share(guess))} estimated"
    sentence = (
        f"{rule.delegate} takes {deciding.nodes_taken} of {plural(deciding.nodes, 'operator')}, "
        f"{percent(_share(deciding))} ({basis}), and the floor is {percent(rule.least)}"
    )
    if not costs:
        return f"{sentence}."
    return f"{sentence}. What costs it: {'; '.join(map(_cost, costs))}."


def _cost(cost: Costly) -> str:
    kinds = ", ".join(f"{count} × {name}" for name, count in cost.operators.items())
    more = sum(cost.operators.values()) - len(cost.layers)
    layers = ", ".join(cost.layers) + (f" and {more} more" if more > 0 else "")
    return f"{kinds} ({layers}): {cost.reason}"

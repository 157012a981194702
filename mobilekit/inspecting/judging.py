"""What answers come to: delegates that take nothing, which never goes without saying."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mobilekit.inspecting.results import DelegateCoverage, GraphCoverage, InspectedArtifact
from mobilekit.inspecting.text import share_text


def deciding(graphs: Sequence[GraphCoverage]) -> Mapping[str, tuple[DelegateCoverage, ...]]:
    """Return what counts of an artifact's graphs, by delegate and level: its own answer if it gave
    one for each, else the estimate.
    """
    found: dict[str, tuple[DelegateCoverage, ...]] = {}
    for basis in ("estimates", "measured"):
        answers: dict[str, tuple[DelegateCoverage, ...]] = {}
        for graph in graphs:
            for coverage in getattr(graph, basis):
                answers[coverage.name] = (*answers.get(coverage.name, ()), coverage)
        found.update({name: all_ for name, all_ in answers.items() if len(all_) == len(graphs)})
    return found


def shares(graphs: Sequence[GraphCoverage]) -> str:
    """Return the share of operators that each delegate takes of an artifact, in a line."""
    parts = []
    for name, coverages in deciding(graphs).items():
        nodes = sum(coverage.nodes for coverage in coverages)
        taken = sum(coverage.nodes_taken for coverage in coverages)
        parts.append(f"{name} {share_text(taken, nodes)}")
    return ", ".join(parts)


def nothing_taken(graphs: Sequence[GraphCoverage]) -> Iterator[tuple[str, str]]:
    """Return each delegate, with its level, that takes nothing of an artifact, and a sentence."""
    for name, coverages in deciding(graphs).items():
        nodes = sum(coverage.nodes for coverage in coverages)
        if nodes == 0:
            yield name, f"{name} has nothing to take: no operator costs anything when it runs."
        elif not any(coverage.nodes_taken for coverage in coverages):
            told = coverages[0].basis != "estimate"
            basis = "it said so itself" if told else "an estimate"
            nothing = f"takes none of the {nodes} operators"
            if nodes == 1:
                nothing = "does not take the one operator"
            yield name, f"{name} {nothing} ({basis}).{_why(coverages)}"


def _why(coverages: Iterable[DelegateCoverage]) -> str:
    refusals = [refusal for coverage in coverages for refusal in coverage.refusals]
    if not refusals:
        return ""
    most = max(refusals, key=lambda refusal: len(refusal.nodes))
    return f" The rule that most of them break: {most.reason}."


def judge(
    artifacts: Iterable[InspectedArtifact], named: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return why an inspection is no success, and what must not go unseen.

    Args:
        artifacts: what was found.
        named: the delegates, with their levels, that somebody asked for by name.
    """
    reasons: list[str] = []
    warnings: list[str] = []
    for artifact in artifacts:
        for name, sentence in nothing_taken(artifact.graphs):
            # A delegate without a table is named without its level.
            expected = name in named or name.partition("@")[0] in named
            (reasons if expected else warnings).append(f"{artifact.file}: {sentence}")
        reasons += [f"{artifact.file}: {floor.reason}" for floor in artifact.floors if floor.reason]
        reasons += [
            f"{artifact.file}: {name} was asked and gave no answer: {why}"
            for name, why in artifact.silent.items()
        ]
    return tuple(reasons), tuple(warnings)

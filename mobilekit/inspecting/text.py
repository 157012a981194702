"""What was found, as a person reads it at a glance: a line a delegate, then what is refused."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mobilekit.inspecting.results import (
    DelegateCoverage,
    Floor,
    GraphCoverage,
    InspectedArtifact,
    Inspection,
    Refusal,
)
from mobilekit.report.formats import percent, plural, size
from mobilekit_converters.adaptations.table import ADAPTATIONS
from mobilekit_delegates.coverage.coverage import Basis

_MOST_LAYERS = 3
_WIDTH = 100


def inspection_text(inspection: Inspection) -> str:
    """Return all that was found, in lines."""
    return "\n\n".join("\n".join(_artifact(artifact)) for artifact in inspection.artifacts)


def kinds(operators: Mapping[str, int]) -> str:
    """Return counted operators in words, such as `3 × ADD, 1 × MEAN`."""
    return ", ".join(f"{count} × {name}" for name, count in operators.items())


def share_text(taken: int, nodes: int) -> str:
    """Return a share of operators in words."""
    if not nodes:
        return "nothing to take"
    return percent(taken / nodes) if taken else "nothing"


def some_layers(graph: GraphCoverage, nodes: Sequence[int], most: int = _MOST_LAYERS) -> str:
    """Return the layers of nodes in words, the first few by name."""
    more = len(nodes) - most
    names = ", ".join(graph.layers[node] for node in nodes[:most])
    return f"{names} and {more} more" if more > 0 else names


def how_to_adapt(rewrite: str, delegate: str) -> str:
    """Return the command that applies a remedy by itself, empty where no rewrite has that name.

    Args:
        rewrite: as a rule names it.
        delegate: whose rule it is.
    """
    row = ADAPTATIONS.get(rewrite)
    if row is None:
        return ""
    if not row.keeps_function:
        return f"mobilekit convert --change-function {rewrite}"
    wanted = delegate if delegate in row.delegates else ",".join(row.delegates)
    return f"mobilekit convert --adapt {wanted} ({rewrite}, where it fits)"


def macs_text(macs: int) -> str:
    """Return multiply-accumulates in words, such as `300.8 million MACs`."""
    return f"{macs / 1e6:,.1f} million MACs" if macs >= 1e5 else f"{macs:,} MACs"


def _artifact(artifact: InspectedArtifact) -> Iterator[str]:
    nodes = sum(len(graph.layers) - len(graph.free) for graph in artifact.graphs)
    macs = sum(sum(graph.macs) for graph in artifact.graphs)
    yield f"{artifact.file}: {size(artifact.bytes)}, {plural(nodes, 'operator')}, {macs_text(macs)}"
    if artifact.oldest_runtime:
        yield f"  All of its operators are there from TFLite {artifact.oldest_runtime} on."
    for graph in artifact.graphs:
        if len(artifact.graphs) > 1:
            yield ""
            yield f"Graph {graph.name}: {plural(len(graph.layers) - len(graph.free), 'operator')}"
        yield from _graph(graph)
    yield from _unanswered(artifact)
    yield from map(_floor, artifact.floors)


def _graph(graph: GraphCoverage) -> Iterator[str]:
    if graph.free:
        yield f"  {len(graph.free):,} more read constants alone and cost nothing."
    yield from _lines("Estimates, from tables of rules:", graph.estimates)
    for basis, heading in _HEADINGS.items():
        told = [coverage for coverage in graph.measured if coverage.basis == basis]
        yield from _lines(heading, told)
    yield from _disagreements(graph)
    for coverage in graph.estimates:
        yield from _refused(graph, coverage)
        yield from _warned(graph, coverage)
    yield from _newer(graph)
    yield from _floats(graph)


_HEADINGS: dict[Basis, str] = {
    "measured": "Measured, by asking the delegates themselves:",
    "compiled": "As the delegates' own compilers place them:",
    "planned": "As Core ML plans it on this Mac:",
}


def _disagreements(graph: GraphCoverage) -> Iterator[str]:
    """Say where delegates and estimates judge apart, like cases together."""
    cases: dict[tuple[str, str, str, str], list[int]] = {}
    for item in graph.disagreements:
        operator = "" if item.node is None else graph.operators[item.node]
        key = (item.delegate, operator, item.estimate, item.measured)
        cases.setdefault(key, []).extend([] if item.node is None else [item.node])
    for (name, operator, estimate, measured), nodes in cases.items():
        yield ""
        count = f" on {len(nodes)} × {operator}" if operator else ""
        yield f"  {name} DISAGREES with its estimate{count}:"
        yield from _wrapped("estimated", estimate)
        yield from _wrapped("measured", measured)
        yield from _wrapped("layers", some_layers(graph, nodes))


def _lines(heading: str, coverages: Sequence[DelegateCoverage]) -> Iterator[str]:
    if not coverages:
        return
    yield ""
    yield f"  {heading}"
    cells = [_cells(coverage) for coverage in coverages]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("    " + "  ".join(padded)).rstrip()


def _cells(coverage: DelegateCoverage) -> tuple[str, ...]:
    told = coverage.basis != "estimate"
    return (
        coverage.delegate,
        f"{coverage.nodes_taken} of {coverage.nodes}",
        share_text(coverage.nodes_taken, coverage.nodes).replace("nothing", "NOTHING"),
        "" if coverage.macs_share is None else f"{percent(coverage.macs_share)} of MACs",
        plural(coverage.pieces, "piece") if coverage.nodes_taken else "",
        f"{size(coverage.crossing_bytes)} cross" if coverage.crossing_count else "",
        coverage.place if told else f"{coverage.level_name} {coverage.level:g}",
    )


def _refused(graph: GraphCoverage, coverage: DelegateCoverage) -> Iterator[str]:
    if not coverage.refusals:
        return
    left = coverage.nodes - coverage.nodes_taken
    yield ""
    yield f"  {coverage.name} leaves {plural(left, 'operator')}:"
    for refusal in coverage.refusals:
        yield from _refusal(graph, refusal, coverage.delegate)
    for crossing in coverage.crossings[:_MOST_LAYERS]:
        yield f"    crosses: {size(crossing.bytes)} of {crossing.tensor.split(';')[0]}"


def _warned(graph: GraphCoverage, coverage: DelegateCoverage) -> Iterator[str]:
    if coverage.warnings:
        yield ""
        yield f"  {coverage.name} takes, with a warning:"
    for warning in coverage.warnings:
        yield from _refusal(graph, warning, coverage.delegate)


def _refusal(graph: GraphCoverage, refusal: Refusal, delegate: str) -> Iterator[str]:
    yield from _wrapped(kinds(refusal.operators), refusal.reason, indent=4)
    yield from _wrapped("layers", some_layers(graph, refusal.nodes))
    yield from _wrapped("remedy", refusal.remedy)
    yield from _wrapped("by itself", how_to_adapt(refusal.adaptation, delegate))
    yield from _wrapped("source", refusal.source)


def _wrapped(label: str, text: str, indent: int = 6) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        f"{label}: {text}",
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _newer(graph: GraphCoverage) -> Iterator[str]:
    if graph.newer:
        yield ""
        yield f"  Newer than TFLite {graph.runtime}, which cannot run the file:"
    for item in graph.newer:
        first = f"there from {item.runtime} on" if item.runtime else "in no runtime that is known"
        name = f"{len(item.nodes)} × {item.operator}, version {item.version}"
        yield from _wrapped(name, first, indent=4)
        yield from _wrapped("layers", some_layers(graph, item.nodes))


def _floats(graph: GraphCoverage) -> Iterator[str]:
    if graph.floats:
        yield ""
        yield "  Computed in floats, in a graph of integers:"
    for item in graph.floats:
        yield from _wrapped(f"{len(item.nodes)} × {item.operator}", item.reason, indent=4)
        yield from _wrapped("layers", some_layers(graph, item.nodes))
        if item.conversions:
            yield from _wrapped("around them", plural(item.conversions, "conversion"))


def _unanswered(artifact: InspectedArtifact) -> Iterator[str]:
    if artifact.unasked:
        yield ""
        yield "  Not asked themselves:"
    for name, why in artifact.unasked.items():
        yield from _wrapped(name, why, indent=4)


def _floor(floor: Floor) -> str:
    words = "kept" if floor.status == "pass" else "NOT KEPT"
    basis = "estimated" if floor.decided_by == "estimate" else floor.decided_by
    share = f"{percent(floor.share)} {basis}"
    return f"  Floor of {floor.delegate}, {percent(floor.least)}: {words}, {share}"


def closing_lines(reasons: Iterable[str]) -> str:
    """Return why an inspection is no success, in lines."""
    return "\n".join(f"FAILED: {reason}" for reason in reasons)

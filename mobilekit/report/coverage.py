"""Which operators delegates take: an overview, then each graph as a picture and its rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mobilekit.inspecting.floors import Told, told_by
from mobilekit.inspecting.judging import deciding
from mobilekit.inspecting.results import (
    DelegateCoverage,
    Floor,
    GraphCoverage,
    InspectedArtifact,
    Inspection,
    Refusal,
)
from mobilekit.inspecting.text import how_to_adapt, kinds, share_text, some_layers
from mobilekit.report.charts import Drawing
from mobilekit.report.coverage_chart import draw_coverage, row_name
from mobilekit.report.formats import percent, plural, size
from mobilekit.report.tables import NOT_MEASURED, Cell, Column, Row, Table
from mobilekit.results import VariantResult


@dataclass(frozen=True, kw_only=True)
class GraphView:
    """One graph of one artifact. There is no drawing where no operator costs anything."""

    title: str
    sentences: tuple[str, ...]
    drawing: Drawing | None
    caption: str
    table: Table
    differences: Table


@dataclass(frozen=True, kw_only=True)
class CoverageView:
    """Tables of shares, one for each format, and every graph."""

    overviews: tuple[Table, ...]
    graphs: tuple[GraphView, ...]


@dataclass(frozen=True, kw_only=True)
class InspectionView:
    """The page of `mobilekit inspect --out`."""

    title: str
    failed: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    coverage: CoverageView


@dataclass(frozen=True, kw_only=True)
class _Subject:
    name: str
    graphs: tuple[GraphCoverage, ...]
    floors: tuple[Floor, ...]
    told: Mapping[str, Told] = field(default_factory=dict)


def coverage_view(variants: Iterable[VariantResult]) -> CoverageView:
    """Return what a report shows of its variants' coverage."""
    return _view(
        [
            _Subject(
                name=variant.name,
                graphs=variant.coverage,
                floors=variant.floors,
                told=told_by(variant.checks, variant.coverage),
            )
            for variant in variants
        ]
    )


def inspection_view(inspection: Inspection, name: str) -> InspectionView:
    """Return the page of an inspection; `name` is that of what was inspected."""
    return InspectionView(
        title=name,
        failed=bool(inspection.reasons),
        reasons=inspection.reasons,
        warnings=inspection.warnings,
        coverage=_view([_subject(artifact) for artifact in inspection.artifacts]),
    )


def _subject(artifact: InspectedArtifact) -> _Subject:
    return _Subject(name=artifact.file, graphs=artifact.graphs, floors=artifact.floors)


def _view(subjects: Sequence[_Subject]) -> CoverageView:
    subjects = [subject for subject in subjects if subject.graphs]
    groups: dict[tuple[str, ...], list[_Subject]] = {}
    for subject in subjects:
        groups.setdefault(tuple(deciding(subject.graphs)), []).append(subject)
    return CoverageView(
        overviews=tuple(_overview(names, group) for names, group in groups.items() if names),
        graphs=tuple(
            _graph(titles, graph, id=f"coverage-{index}")
            for index, (titles, graph) in enumerate(_alike(subjects))
        ),
    )


def _alike(subjects: Iterable[_Subject]) -> Iterator[tuple[tuple[str, ...], GraphCoverage]]:
    """Return every graph with its titles; variants whose graphs get the same answers share one."""
    found: dict[tuple[object, ...], tuple[list[str], GraphCoverage]] = {}
    for subject in subjects:
        for graph in subject.graphs:
            title = subject.name if len(subject.graphs) == 1 else f"{subject.name}, {graph.name}"
            found.setdefault(_answers(graph), ([], graph))[0].append(title)
    for titles, graph in found.values():
        yield tuple(titles), graph


def _answers(graph: GraphCoverage) -> tuple[object, ...]:
    """Return all that is shown of a graph, whatever the nodes' numbers are."""
    free = set(graph.free)
    nodes = [node for node in range(len(graph.operators)) if node not in free]
    places = {node: place for place, node in enumerate(nodes)}
    return (
        tuple((graph.operators[node], graph.layers[node], graph.macs[node]) for node in nodes),
        tuple(
            (
                coverage.name,
                coverage.place,
                coverage.crossings,
                tuple((run.answer, places[run.first], run.nodes) for run in coverage.runs),
                tuple(
                    (refusal.reason, refusal.remedy, tuple(places[node] for node in refusal.nodes))
                    for refusal in (*coverage.refusals, *coverage.warnings)
                ),
            )
            for coverage in (*graph.estimates, *graph.measured)
        ),
        graph.disagreements,
        tuple((item.operator, item.version, item.runtime, len(item.nodes)) for item in graph.newer),
        tuple((item.operator, item.reason, len(item.nodes)) for item in graph.floats),
    )


def _overview(names: tuple[str, ...], subjects: Sequence[_Subject]) -> Table:
    return Table(
        caption="The share of operators that each delegate takes, of those that cost something; "
        "estimated from tables of rules unless it says measured",
        columns=(Column(label="Artifact"), *(Column(label=name) for name in names)),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=subject.name),
                    *(_share(subject, name) for name in names),
                ),
                failed=any(floor.status == "fail" for floor in subject.floors),
            )
            for subject in subjects
        ),
    )


def _share(subject: _Subject, name: str) -> Cell:
    coverages = deciding(subject.graphs)[name]
    nodes = sum(coverage.nodes for coverage in coverages)
    taken = sum(coverage.nodes_taken for coverage in coverages)
    floor = next((floor for floor in subject.floors if floor.delegate == name), None)
    if nodes == 0:
        return NOT_MEASURED
    share, basis = taken / nodes, coverages[0].basis
    if floor is not None:
        share, basis = floor.share, floor.decided_by
    notes = [f"{taken:,} of {nodes:,}"] if floor is None else [f"floor {percent(floor.least)}"]
    told = subject.told.get(name.partition("@")[0])
    if basis != "estimate":
        notes.append(basis)
    elif told is not None and name == _usual(subject, name):
        notes.append(f"{told.nodes_taken:,} of {told.nodes:,} measured")
    return Cell(
        text=percent(share) if share else share_text(taken, nodes),
        note=", ".join(notes),
        share=share,
        missed=floor is not None and floor.status == "fail",
    )


def _usual(subject: _Subject, name: str) -> str:
    """Return a delegate at its usual level, which is asked about first and which checks run."""
    delegate = name.partition("@")[0]
    return next(c.name for c in subject.graphs[0].estimates if c.delegate == delegate)


def _graph(titles: tuple[str, ...], graph: GraphCoverage, *, id: str) -> GraphView:
    title = ", ".join(titles)
    coverages = _drawn(graph)
    costs = len(graph.operators) > len(graph.free)
    return GraphView(
        title=title,
        sentences=tuple(_sentences(graph)),
        drawing=draw_coverage(
            graph, coverages, title=f"Which operators delegates take of {title}", id=id
        )
        if costs and any(coverage.runs for coverage in coverages)
        else None,
        caption=_caption(graph),
        table=_rules(title, graph),
        differences=_differences(title, graph),
    )


def _drawn(graph: GraphCoverage) -> tuple[DelegateCoverage, ...]:
    """Return a row for each estimate, and below it one for the delegate itself if that differs."""
    differing = {item.delegate for item in graph.disagreements}
    estimated = {coverage.name for coverage in graph.estimates}
    rows: list[DelegateCoverage] = []
    for coverage in graph.estimates:
        rows.append(coverage)
        rows += [
            item for item in graph.measured if item.name == coverage.name and item.name in differing
        ]
    return (*rows, *(item for item in graph.measured if item.name not in estimated))


def _sentences(graph: GraphCoverage) -> Iterator[str]:
    if len(graph.operators) == len(graph.free):
        yield "No operator of it costs anything when it runs: there is nothing to take."
    for coverage in graph.measured:
        yield (
            f"{coverage.name} was asked itself ({coverage.place}): it takes "
            f"{coverage.nodes_taken:,} of {plural(coverage.nodes, 'operator')}"
            f"{_agreement(graph, coverage)}."
        )
    for item in graph.newer:
        first = f"is there from {item.runtime} on" if item.runtime else "is in no runtime known"
        yield (
            f"TFLite {graph.runtime} cannot run it: {len(item.nodes)} × {item.operator}, version "
            f"{item.version}, {first}."
        )
    for floats in graph.floats:
        yield (
            f"{len(floats.nodes)} × {floats.operator} computed in floats, in a graph of integers: "
            f"{floats.reason} ({some_layers(graph, floats.nodes)})."
        )


def _agreement(graph: GraphCoverage, coverage: DelegateCoverage) -> str:
    """Say whether an estimate was right, where there is one of the same level."""
    if all(item.name != coverage.name for item in graph.estimates):
        return ""
    wrong = sum(item.delegate == coverage.name for item in graph.disagreements)
    return f", and the estimate is wrong on {wrong:,}" if wrong else ", each as estimated"


def _caption(graph: GraphCoverage) -> str:
    sentences = ["Point at a part to see its operators, and the rules that they break."]
    if graph.free:
        sentences.append(
            "Operators that read constants alone cost nothing when it runs, and are not drawn."
        )
    sentences += [
        f"{row_name(coverage)} runs it in {plural(coverage.pieces, 'piece')}; "
        f"{plural(coverage.crossing_count, 'tensor')} of {size(coverage.crossing_bytes)} in all "
        "go back and forth each time."
        for coverage in _drawn(graph)
        if coverage.crossing_count
    ]
    return " ".join(sentences)


def _rules(title: str, graph: GraphCoverage) -> Table:
    """Return every rule that is broken, and what delegates warn of; like ones share a row."""
    groups: dict[tuple[object, ...], tuple[Refusal, list[str]]] = {}
    for coverage in _explaining(graph):
        for rule in (*coverage.refusals, *coverage.warnings):
            warns = rule in coverage.warnings
            key = (warns, rule.reason, rule.source, rule.remedy, rule.adaptation, rule.nodes)
            name = f"{coverage.name} takes it, with a warning" if warns else coverage.name
            groups.setdefault(key, (rule, []))[1].append(name)
    return Table(
        caption=f"The rules that keep operators of {title} from delegates",
        columns=(
            Column(label="Delegate"),
            Column(label="Operators", wide=True),
            Column(label="Rule", wide=True),
            Column(label="Remedy", wide=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=", ".join(names)),
                    Cell(text=kinds(refusal.operators), note=some_layers(graph, refusal.nodes)),
                    Cell(text=refusal.reason, note=refusal.source),
                    _remedy(refusal, names[0].partition("@")[0]),
                )
            )
            for refusal, names in groups.values()
        ),
    )


def _explaining(graph: GraphCoverage) -> tuple[DelegateCoverage, ...]:
    """Return whose rules are told: the estimates', and those of delegates that have none."""
    estimated = {coverage.delegate for coverage in graph.estimates}
    others = (coverage for coverage in graph.measured if coverage.delegate not in estimated)
    return (*graph.estimates, *others)


def _remedy(refusal: Refusal, delegate: str) -> Cell:
    if not refusal.remedy:
        return NOT_MEASURED
    return Cell(text=refusal.remedy, note=how_to_adapt(refusal.adaptation, delegate))


def _differences(title: str, graph: GraphCoverage) -> Table:
    return Table(
        caption=f"Where delegates that were asked disagree with the estimate, in {title}",
        columns=(
            Column(label="Delegate"),
            Column(label="Operator"),
            Column(label="Estimated", wide=True),
            Column(label="Measured", wide=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=item.delegate),
                    Cell(text="all of them")
                    if item.node is None
                    else Cell(text=graph.operators[item.node], note=graph.layers[item.node]),
                    Cell(text=item.estimate),
                    Cell(text=item.measured),
                )
            )
            for item in graph.disagreements
        ),
    )

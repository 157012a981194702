"""What is known of artifacts on delegates, as data.

`mobilekit inspect --json` is an `Inspection`, written out; reports hold a `GraphCoverage` for each
graph of each variant. A node is named by its index in running order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mobilekit_converters.variants import Format
from mobilekit_delegates.coverage.coverage import Basis, Crossing

SCHEMA = "mobilekit/inspection/1"

AnswerWord = Literal["taken", "refused", "cut_off"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """Nodes `first` to `last` that have the same answer and lie in the same `piece` of the graph.

    `nodes` is how many of them cost something. Pieces are counted from 0; they run one after
    another, and a delegate runs every one that it takes in a go.
    """

    answer: AnswerWord
    first: int
    last: int
    nodes: int
    piece: int


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A rule that keeps nodes from a delegate, or that warns of them; `operators` counts them.

    `reason` is a clause, `source` says where the rule stands, `remedy` what would bring the nodes
    in, `adaptation` the rewrite that does so by itself.
    """

    reason: str
    source: str
    remedy: str
    adaptation: str
    operators: dict[str, int]
    nodes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class DelegateCoverage:
    """One graph on one delegate.

    `nodes` are those that cost something, `nodes_taken` those of them that the delegate takes,
    `share` (0 to 1) is their ratio and `macs_share` that of multiply-accumulates, None where the
    graph has none. `pieces` is in how many parts the delegate runs them; `crossings` are the
    largest tensors that go between these and the rest, `crossing_bytes` what all of them come to.
    `warnings` are of nodes that it takes. `basis` says whether this was read from a table of rules
    or asked of the delegate itself, which `place` then names. Where only numbers of nodes were
    told, `runs` is empty.
    """

    delegate: str
    level: float
    level_name: str
    title: str
    basis: Basis
    place: str
    nodes: int
    nodes_taken: int
    share: float
    macs_share: float | None
    pieces: int
    crossing_count: int
    crossing_bytes: int
    crossings: tuple[Crossing, ...] = ()
    runs: tuple[Run, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[Refusal, ...] = ()

    @property
    def name(self) -> str:
        """The delegate with its level, as options name it."""
        return f"{self.delegate}@{self.level:g}"


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """What the estimate and the delegate itself judge apart: a node, or all where it is None."""

    delegate: str
    node: int | None
    estimate: str
    measured: str


@dataclass(frozen=True, kw_only=True)
class NewOperator:
    """Nodes of an operator that the app's runtime may be too old for, and the one that has it."""

    operator: str
    version: int
    runtime: str
    nodes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FloatOperator:
    """Nodes that compute in floats in an integer graph, and why; `conversions` is how many nodes
    only turn values to floats and back around them.
    """

    operator: str
    reason: str
    nodes: tuple[int, ...]
    conversions: int


@dataclass(frozen=True, kw_only=True)
class GraphCoverage:
    """One graph of an artifact, and every delegate's answer.

    `operators`, `layers` and `macs` have an entry a node. `free` nodes cost nothing when the graph
    runs: they read constants alone. `newer` are operators that came after the oldest `runtime` that
    was asked about, which is empty where nobody asked. `floats` are those that compute in floats,
    where the graph is one of integers.
    """

    name: str
    operators: tuple[str, ...]
    layers: tuple[str, ...]
    macs: tuple[int, ...]
    free: tuple[int, ...]
    estimates: tuple[DelegateCoverage, ...]
    measured: tuple[DelegateCoverage, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    runtime: str = ""
    newer: tuple[NewOperator, ...] = ()
    floats: tuple[FloatOperator, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ArtifactCoverage:
    """All graphs of an artifact: the main one first."""

    graphs: tuple[GraphCoverage, ...]


@dataclass(frozen=True, kw_only=True)
class Costly:
    """Operators that keep a share below its floor: how many, of which kind, and why."""

    operators: dict[str, int]
    layers: tuple[str, ...]
    reason: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The least share of an artifact's nodes that a delegate has to take, and whether it does.

    `decided_by` is the basis of `share`; where that is no estimate, `estimate` is what the table of
    rules says. `costs` are the operators that are missing.
    """

    delegate: str
    least: float
    status: Literal["pass", "fail"]
    share: float
    decided_by: Basis
    estimate: float
    reason: str = ""
    costs: tuple[Costly, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InspectedArtifact:
    """One file or package.

    `oldest_runtime` is the first TFLite runtime that has all its operators, empty where none is
    known or the format has no such. `unasked` says of delegates why they could not be asked
    themselves, `silent` of those that were why they gave no answer.
    """

    file: str
    format: Format
    bytes: int
    graphs: tuple[GraphCoverage, ...]
    oldest_runtime: str = ""
    floors: tuple[Floor, ...] = ()
    unasked: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All answers. `reasons` say why the status is not 0, `warnings` what must not go unseen."""

    artifacts: tuple[InspectedArtifact, ...]
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: str = SCHEMA

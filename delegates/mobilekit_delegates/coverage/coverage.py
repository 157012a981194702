"""What is known of a graph on a delegate: an answer for each node, and the parts that they form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Basis = Literal["estimate", "measured", "compiled", "planned"]
"""An estimate is read from a table of rules. The others are the delegate's own word: measured where
it ran or was loaded, compiled where its compiler said so, planned where its runtime did.
"""


@dataclass(frozen=True, kw_only=True)
class Objection:
    """Why a delegate refuses a node: a clause, its source, and the remedy where there is one.

    `adaptation` names the rewrite that applies the remedy by itself.
    """

    reason: str
    source: str = ""
    remedy: str = ""
    adaptation: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a delegate takes a node, and if not, why.

    `free` nodes cost nothing when the graph runs, because their inputs are all constant: they are
    computed while it loads, whoever takes them. What is `cut_off` would be taken by itself, but the
    delegate leaves it to others: it keeps few parts of a graph, or another node spoils the graph.
    `warnings` are what is to be known of a node that is taken: where its numbers drift, or which
    devices leave it to others.
    """

    taken: bool
    objections: tuple[Objection, ...] = ()
    free: bool = False
    cut_off: bool = False
    warnings: tuple[Objection, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Nodes that run together, by index, in running order; `taken` are the delegate's own."""

    nodes: tuple[int, ...]
    taken: bool


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A tensor that goes from one partition to another each time that the graph runs."""

    tensor: str
    bytes: int
    producer: int
    consumer: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """A graph on a delegate at a level.

    `basis` says whether it was read from the table or told by the delegate itself, which `place`
    then names with its version. `answers` and `macs` have an entry for each node; `macs` are
    multiply-accumulates of one run. A measured answer may know how many nodes were taken, and not
    which: then `answers` is empty and `counted` has the numbers of nodes taken and left.
    """

    delegate: str
    level: float
    basis: Basis
    place: str
    answers: tuple[Answer, ...]
    macs: tuple[int, ...]
    partitions: tuple[Partition, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    counted: tuple[int, int] | None = None

    @property
    def nodes(self) -> int:
        """How many nodes cost something when the graph runs."""
        if self.counted is not None:
            return sum(self.counted)
        return sum(not answer.free for answer in self.answers)

    @property
    def nodes_taken(self) -> int:
        """How many of those the delegate takes."""
        if self.counted is not None:
            return self.counted[0]
        return sum(answer.taken and not answer.free for answer in self.answers)

    @property
    def share(self) -> float:
        """The share of nodes that it takes, 0 to 1; 0 where there is none."""
        return self.nodes_taken / self.nodes if self.nodes else 0.0

    @property
    def macs_share(self) -> float | None:
        """The share of multiply-accumulates that it takes; None where the graph has none."""
        total = sum(self.macs)
        if not total or not self.answers:
            return None
        taken = (m for m, answer in zip(self.macs, self.answers, strict=True) if answer.taken)
        return sum(taken) / total


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """What estimate and measurement judge apart: a node, or the whole graph where it is None."""

    node: int | None
    estimate: str
    measured: str


Coverages = Mapping[str, Coverage]
"""By delegate."""

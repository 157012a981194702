"""How many nodes of a file a delegate takes. It runs in a worker process: real ones may crash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mobilekit.results import NodesTaken


def nodes_taken(file: Path, variant: str, delegate: str) -> NodesTaken:
    """Ask a delegate about an artifact, itself where it is here, else its table of rules.

    Raises:
        SourceError: the artifact cannot be read.
    """
    from mobilekit_converters.artifacts import read_graphs
    from mobilekit_converters.errors import TargetError
    from mobilekit_delegates.coverage.asking import ASKERS
    from mobilekit_delegates.coverage.delegates import delegate_at

    asker = ASKERS.get(delegate)
    if asker is None:
        at = delegate_at(delegate)
        coverages = tuple(at.estimate(graph) for graph in read_graphs(file))
    else:
        nothing = NodesTaken(delegate=delegate, variant=variant, basis="measured")
        missing = asker.missing()
        if missing is not None:
            return replace(nothing, reason=str(missing))
        try:
            coverages = asker.ask(file)
        except TargetError as error:
            return replace(nothing, reason=str(error))
    return NodesTaken(
        delegate=delegate,
        variant=variant,
        basis=coverages[0].basis,
        taken=sum(coverage.nodes_taken for coverage in coverages),
        nodes=sum(coverage.nodes for coverage in coverages),
        place=coverages[0].place,
    )

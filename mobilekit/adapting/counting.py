"""How many nodes of a file a delegate takes. It runs in a worker process: real ones may crash."""

from __future__ import annotations

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

    if is_here(delegate):
        try:
            coverages = ASKERS[delegate].ask(file)
        except TargetError as error:
            return NodesTaken(
                delegate=delegate, variant=variant, basis="measured", reason=str(error)
            )
    else:
        at = delegate_at(delegate)
        coverages = tuple(at.estimate(graph) for graph in read_graphs(file))
    return NodesTaken(
        delegate=delegate,
        variant=variant,
        basis=coverages[0].basis,
        taken=sum(coverage.nodes_taken for coverage in coverages),
        nodes=sum(coverage.nodes for coverage in coverages),
        place=coverages[0].place,
    )


def is_here(delegate: str) -> bool:
    """Whether this machine has a delegate, so that it can be asked itself."""
    from mobilekit_delegates.coverage.asking import ASKERS

    return delegate in ASKERS and ASKERS[delegate].missing() is None

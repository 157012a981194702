"""Traces a Core ML package with the evaluator, which has every operation's output at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets import Target, UnsupportedError
from mobilekit_delegates.tracing import Intermediate


@runtime_checkable
class _Tracing(Protocol):
    """A session that can tell what its operations gave: name, operation, values."""

    def trace(
        self, inputs: Mapping[str, NDArray[np.generic]]
    ) -> list[tuple[str, str, NDArray[np.generic]]]: ...


def trace_coreml(
    artifact: Artifact, batches: Sequence[Mapping[str, NDArray[np.generic]]], place: Target
) -> list[Intermediate]:
    """Trace an `.mlpackage`; see `trace`."""
    with place.open(artifact) as session:
        if not isinstance(session, _Tracing):
            raise UnsupportedError(
                f"The target {place.info.name} does not tell what a package computes on the way. "
                "Look at it on the target coreml."
            )
        traced = [session.trace(batch) for batch in batches]
    outputs = {
        artifact.native_names.get(s.name, s.name): s.name for s in artifact.signature.outputs
    }
    return [
        Intermediate(
            name=name,
            operator=operation,
            values=np.stack([np.asarray(each[index][2], np.float32) for each in traced]),
            output=outputs.get(name, ""),
        )
        for index, (name, operation, values) in enumerate(traced[0])
        if np.issubdtype(values.dtype, np.floating) and values.size
    ]

"""Traces a Core ML package with the evaluator, which has every operation's output at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets import Target, UnsupportedError
from mobilekit_delegates.tracing import Intermediate

if TYPE_CHECKING:
    from mobilekit_delegates.coreml.evaluator import Traced


@runtime_checkable
class _Tracing(Protocol):
    """A session that can tell what its operations give."""

    def trace(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[Traced]:
        """Return every value that is computed on one batch, in running order."""


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
        runs = [session.trace(batch) for batch in batches]
    inputs, outputs = (
        {artifact.native_names.get(spec.name, spec.name): spec.name for spec in specs}
        for specs in (artifact.signature.inputs, artifact.signature.outputs)
    )
    return [
        Intermediate(
            name=first.name,
            operator=first.operator,
            values=np.stack([np.asarray(run[index].array, np.float32) for run in runs]),
            output=outputs.get(first.name, ""),
            input=inputs.get(first.name.removesuffix("_to_fp16"), ""),
        )
        for index, first in enumerate(runs[0])
        if _holds_reals(first.array)
    ]


def _holds_reals(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f" and bool(array.size)

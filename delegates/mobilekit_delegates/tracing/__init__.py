"""What an artifact computes on the way: the output of each of its operators, on a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets import target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Intermediate:
    """The output of one operator, for every batch.

    `name` is the artifact's own: TFLite joins the names of all source nodes that were fused, with
    semicolons. `output` is the signature's name where this is an output of the model. `values` has
    the shape (batches, *the tensor's own*) and is float32; quantised integers are dequantised.
    """

    name: str
    operator: str
    values: NDArray[np.float32]
    output: str = ""
    input: str = ""


def trace(
    artifact: Artifact, batches: Sequence[Mapping[str, NDArray[np.generic]]], target_name: str
) -> list[Intermediate]:
    """Run batches on a target and keep what every operator gave, in running order.

    A TFLite file is run with all its tensors made outputs, so that any target can be asked; what
    an accelerator fuses across operators it cannot fuse then. Tensors that hold no real numbers
    (indices, shapes, conditions) are left out, and so is what does not depend on the inputs.

    Raises:
        TargetError: the target could not load or run the artifact.
        UnsupportedError: the target does not know something in it, or cannot be traced.
        SourceError: the file is damaged.
    """
    if artifact.path.suffix == ".tflite":
        from mobilekit_delegates.tracing.tflite import trace_tflite

        return trace_tflite(artifact, batches, target(target_name))
    from mobilekit_delegates.tracing.coreml import trace_coreml

    return trace_coreml(artifact, batches, target(target_name))

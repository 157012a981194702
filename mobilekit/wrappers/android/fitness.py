"""What a model must be for a module of it: every refusal says what to change."""

from __future__ import annotations

from collections.abc import Iterator

from mobilekit.wrappers.android.names import require_package
from mobilekit.wrappers.android.runtimes import RUNTIMES
from mobilekit.wrappers.description import AndroidModule
from mobilekit.wrappers.fitness import require_model
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec

MOST_TENSORS = 200
"""How many inputs and outputs fit into one call: a Java method takes 255 arguments."""


def require_fitness(module: AndroidModule) -> None:
    """Check that a module can be made.

    Raises:
        ProjectError: it cannot; the message says why and what to change.
    """
    require_package(module.package)
    model = module.model
    tensors = [*(item.spec for item in model.inputs), *(item.spec for item in model.outputs)]
    if len(tensors) > MOST_TENSORS:
        raise ProjectError(
            f"The model has {len(tensors)} inputs and outputs, and a Kotlin function takes "
            f"{MOST_TENSORS} at most. Join some of them."
        )
    require_model(model, "Android module")
    for carried in module.artifacts:
        _require_readable(carried.artifact, module)


def require_no_state(module: AndroidModule) -> None:
    """Check that no artifact keeps values from run to run where the runtime cannot do that.

    Raises:
        ProjectError: one does.
        SourceError: an artifact's file is damaged.
    """
    from mobilekit_converters.tflite.flatbuffer import read_model

    runtime = RUNTIMES[module.runtime]
    if runtime.keeps_state:
        return
    others = [row.title for row in RUNTIMES.values() if row.keeps_state]
    for variant, path in module.files.items():
        tensors = (tensor for graph in read_model(path).subgraphs for tensor in graph.tensors)
        state = next((tensor.name for tensor in tensors if tensor.is_variable), None)
        if state is not None:
            raise ProjectError(
                f"{variant} keeps state from run to run in {state!r}, which {runtime.title} does "
                f"not support yet. Set [android] runtime to the other one, {others[0]}, or let the "
                "model take its state as an input."
            )


def _require_readable(artifact: Artifact, module: AndroidModule) -> None:
    """Check that a runtime reads what stands at an artifact's ends."""
    runtime = RUNTIMES[module.runtime]
    for what, spec in _ends(artifact):
        if spec.dtype not in runtime.dtypes:
            others = [name for name, row in RUNTIMES.items() if spec.dtype in row.dtypes]
            remedy = (
                f"Set [android] runtime = {others[0]!r}, which does, or let the model have float32 "
                "there"
                if others
                else "No runtime on Android does: let the model have float32 or int32 there"
            )
            raise ProjectError(
                f"{artifact.variant}: {what} {spec.name!r} is {spec.dtype}, which {runtime.title} "
                f"does not read. {remedy}."
            )
        quantisation = spec.quantisation
        if quantisation and (quantisation.axis is not None or len(quantisation.scales) != 1):
            raise ProjectError(
                f"{artifact.variant}: {what} {spec.name!r} has a scale for each channel, and the "
                "Android module takes one for all. Convert it with float32 ends ([android] io)."
            )
        if quantisation and not quantisation.scales[0] > 0:
            raise ProjectError(
                f"{artifact.variant}: {what} {spec.name!r} is quantised by steps of "
                f"{quantisation.scales[0]:g}, which stand for nothing. Convert the model again."
            )
        if quantisation and spec.dtype not in ("int8", "uint8", "int16"):
            raise ProjectError(
                f"{artifact.variant}: {what} {spec.name!r} is quantised to {spec.dtype}, and the "
                "Android module takes int8, uint8 and int16. Convert it with float32 ends."
            )


def _ends(artifact: Artifact) -> Iterator[tuple[str, TensorSpec]]:
    for spec in artifact.signature.inputs:
        yield "input", spec
    for spec in artifact.signature.outputs:
        yield "output", spec

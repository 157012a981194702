"""What a model must be for a Swift package of it: every refusal says what to change."""

from __future__ import annotations

import math

from mobilekit.parity.batches import sample_shape
from mobilekit.wrappers.description import IosPackage, ModelDescription
from mobilekit.wrappers.fitness import require_model
from mobilekit.wrappers.ios.systems import PLATFORMS
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec

MOST_TENSORS = 200
"""How many inputs and outputs one call takes: as many as on Android."""

SEEN_AS = {"float32": "float32", "float16": "float32", "int32": "int32"}
"""What Core ML stores at a package's ends, and what an app sees there."""


def require_system(minimum: str) -> None:
    """Check that a package can be made for a system.

    Raises:
        ProjectError: it is too old.
    """
    if minimum not in PLATFORMS:
        raise ProjectError(
            f"[ios] minimum = {minimum!r}: the Swift package needs {next(iter(PLATFORMS))} or "
            "newer, where Core ML can be held to the Neural Engine. Set it to one of "
            f"{', '.join(PLATFORMS)}."
        )


def require_readable(artifact: Artifact) -> None:
    """Check that Swift can read and write what stands at an artifact's ends.

    Raises:
        ProjectError: it cannot; the message says why and what to change.
    """
    signature = artifact.signature
    ends = [("input", spec) for spec in signature.inputs]
    ends += [("output", spec) for spec in signature.outputs]
    for what, spec in ends:
        place = f"{artifact.variant}: {what} {spec.name!r}"
        if spec.dtype == "uint8":
            raise ProjectError(
                f"{place} is an image of the system's, which the Swift package cannot pass on yet. "
                "Set [ios] image_inputs = false: the package then turns pixels into values itself."
            )
        if spec.dtype not in SEEN_AS:
            raise ProjectError(
                f"{place} is {spec.dtype}, and the Swift package takes "
                f"{', '.join(SEEN_AS)}. Let the model have one of them there, and convert it again."
            )


def require_fitness(package: IosPackage) -> None:
    """Check that a package can be made.

    Raises:
        ProjectError: it cannot; the message says why and what to change.
    """
    model = package.model
    count = len(model.inputs) + len(model.outputs)
    if count > MOST_TENSORS:
        raise ProjectError(
            f"The model has {count} inputs and outputs, and the Swift package takes "
            f"{MOST_TENSORS} at most. Join some of them."
        )
    require_model(model, "Swift package")
    _require_golden(model)


def _require_golden(model: ModelDescription) -> None:
    golden = model.golden
    tensors = [(item.spec, golden.inputs[item.spec.name].size) for item in model.inputs]
    tensors += [(item.spec, golden.outputs[item.spec.name].size) for item in model.outputs]
    for spec, size in tensors:
        _require_samples(spec, size, len(golden), model.batch)


def _require_samples(spec: TensorSpec, size: int, samples: int, batch: int) -> None:
    expected = samples * math.prod(sample_shape(spec, batch))
    if size != expected:
        raise ProjectError(
            f"The golden has {size} values for {spec}, and {samples} samples of it have "
            f"{expected}. Build the release again."
        )

"""From a project and its artifacts to the description of a Swift package, with every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mobilekit import __version__
from mobilekit.parity.budgets import budget_for
from mobilekit.parity.golden import Golden
from mobilekit.project import Project
from mobilekit.wrappers.description import (
    CarriedArtifact,
    InputDescription,
    IosPackage,
    ModelDescription,
    OutputDescription,
)
from mobilekit.wrappers.ios.facts import TARGET
from mobilekit.wrappers.ios.fitness import (
    SEEN_AS,
    require_fitness,
    require_readable,
    require_system,
)
from mobilekit.wrappers.ios.names import model_name_clash, require_model_name
from mobilekit.wrappers.ios.templates import reserved_words, suffixes
from mobilekit.wrappers.model import in_order, input_facts, output_facts
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_DERIVED_NAME = 50
"""How much of a long file name becomes a class's."""


def describe_ios(
    project: Project, *, artifacts: Sequence[Artifact], golden: Golden, source_sha256: str
) -> IosPackage:
    """Describe the Swift package of a model.

    Args:
        project: says what the model, its inputs and its outputs are, and the oldest system.
        artifacts: those that the package carries, one at least, with the paths of their folders.
        golden: the samples that go into the app, in the source's own values; its names are the
            model's, in its order, and its tasks tell what outputs are that the project leaves out.
        source_sha256: the trained model's.

    Raises:
        ProjectError: this model cannot be wrapped so; the message says what to change.
    """
    if not artifacts:
        raise ProjectError("The Swift package has no artifact to carry. Build a Core ML variant.")
    require_system(project.ios.minimum)
    for artifact in artifacts:
        require_readable(artifact)
    inputs = _real(in_order(golden.inputs, artifacts[0].signature.inputs))
    outputs = _real(in_order(golden.outputs, artifacts[0].signature.outputs))
    package = IosPackage(
        model=ModelDescription(
            name=class_name(project),
            inputs=tuple(
                InputDescription(spec=spec, facts=input_facts(project, spec.name))
                for spec in inputs
            ),
            outputs=tuple(
                OutputDescription(spec=spec, facts=output_facts(project, golden, spec.name))
                for spec in outputs
            ),
            golden=replace(
                golden,
                inputs=_real_values(inputs, golden.inputs),
                outputs=_real_values(outputs, golden.outputs),
            ),
            source_sha256=source_sha256,
            tool_version=__version__,
        ),
        minimum=project.ios.minimum,
        artifacts=tuple(
            CarriedArtifact(
                artifact=artifact,
                budgets={TARGET: budget_for(artifact.variant, TARGET, project.budgets)},
            )
            for artifact in artifacts
        ),
        files={artifact.variant: artifact.path for artifact in artifacts},
    )
    require_fitness(package)
    return package


def class_name(project: Project) -> str:
    """Return the name of the model's class: the project's, or a safe one where nobody gave any.

    Raises:
        ProjectError: a name was given that means something else in the package's code.
    """
    ends, words = suffixes(), reserved_words()
    name = project.name
    if project.model.name is None:
        name = name[:LONGEST_DERIVED_NAME]
        name = f"My{name}" if model_name_clash(name, ends, words) else name
    require_model_name(name, ends, words)
    return name


def _real(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """Return inputs or outputs as an app sees them: float16 as float32."""
    return tuple(replace(spec, dtype=SEEN_AS[spec.dtype]) for spec in specs)


def _real_values(
    specs: tuple[TensorSpec, ...], values: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic]]:
    return {spec.name: _as_seen(spec, values[spec.name]) for spec in specs}


def _as_seen(spec: TensorSpec, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return values in the dtype that an app sees: Core ML has no other whole numbers than int32.

    Raises:
        ProjectError: they do not fit.
    """
    import numpy as np

    if spec.dtype != "int32":
        return values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int32)
    if not np.array_equal(whole, values):
        raise ProjectError(
            f"The golden's values for {spec.name!r} are no int32, which Core ML has there. Give "
            "the input a range of whole numbers of 32 bits, and build the release again."
        )
    return whole

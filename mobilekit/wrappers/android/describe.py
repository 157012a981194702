"""From a project and its artifacts to the description of an Android module, with every check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mobilekit import __version__
from mobilekit.parity.budgets import budget_for
from mobilekit.parity.golden import Golden
from mobilekit.project import Project
from mobilekit.wrappers.android.fitness import require_fitness
from mobilekit.wrappers.android.names import model_name_clash, require_model_name
from mobilekit.wrappers.android.runtimes import RUNTIMES
from mobilekit.wrappers.android.templates import reserved_words, suffixes
from mobilekit.wrappers.description import (
    AndroidModule,
    CarriedArtifact,
    InputDescription,
    ModelDescription,
    OutputDescription,
)
from mobilekit.wrappers.model import in_order, input_facts, output_facts
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LONGEST_DERIVED_NAME = 50
"""How much of a long file name becomes a class's."""


def describe_android(
    project: Project, *, artifacts: Sequence[Artifact], golden: Golden, source_sha256: str
) -> AndroidModule:
    """Describe the Android module of a model.

    Args:
        project: says what the model, its inputs and its outputs are, and which runtime is called.
        artifacts: those that the module carries, one at least, with the paths of their files.
        golden: the samples that go into the app, in the source's own values; its names are the
            model's, in its order, and its tasks tell what outputs are that the project leaves out.
        source_sha256: the trained model's.

    Raises:
        ProjectError: this model cannot be wrapped so; the message says what to change.
    """
    if not artifacts:
        raise ProjectError("The Android module has no artifact to carry. Build a TFLite variant.")
    inputs = in_order(golden.inputs, artifacts[0].signature.inputs)
    outputs = in_order(golden.outputs, artifacts[0].signature.outputs)
    model = ModelDescription(
        name=class_name(project),
        inputs=tuple(
            InputDescription(spec=_real(spec), facts=input_facts(project, spec.name))
            for spec in inputs
        ),
        outputs=tuple(
            OutputDescription(spec=_real(spec), facts=output_facts(project, golden, spec.name))
            for spec in outputs
        ),
        golden=replace(
            golden,
            inputs={spec.name: _real_values(spec, golden.inputs[spec.name]) for spec in inputs},
            outputs={spec.name: _real_values(spec, golden.outputs[spec.name]) for spec in outputs},
        ),
        source_sha256=source_sha256,
        tool_version=__version__,
    )
    module = AndroidModule(
        model=model,
        package=project.android_package,
        runtime=project.android.runtime,
        artifacts=tuple(_carried(project, artifact) for artifact in artifacts),
        files={artifact.variant: artifact.path for artifact in artifacts},
    )
    require_fitness(module)
    return module


def class_name(project: Project) -> str:
    """Return the name of the model's class: the project's, or a safe one where nobody gave any.

    Raises:
        ProjectError: a name was given that means something else in the module's code.
    """
    runtime = project.android.runtime
    ends, words = suffixes(runtime), reserved_words(runtime)
    name = project.name
    if project.model.name is None:
        name = name[:LONGEST_DERIVED_NAME]
        name = f"My{name}" if model_name_clash(name, ends, words) else name
    require_model_name(name, ends, words)
    return name


def _real(spec: TensorSpec) -> TensorSpec:
    """Return an input or output as an app sees it: quantised integers as the floats they mean."""
    return replace(spec, dtype="float32", quantisation=None) if spec.quantisation else spec


def _real_values(spec: TensorSpec, values: NDArray[np.generic]) -> NDArray[np.generic]:
    from mobilekit_delegates.quantised_values import real_output

    return real_output(spec, values)


def _carried(project: Project, artifact: Artifact) -> CarriedArtifact:
    accelerators = RUNTIMES[project.android.runtime].accelerators
    return CarriedArtifact(
        artifact=artifact,
        budgets={
            name.lower(): budget_for(artifact.variant, target, project.budgets)
            for name, target in accelerators.items()
        },
    )

"""What a wrapper is generated from: one model as an app sees it, and the artifacts it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mobilekit.parity.batches import batch_size
from mobilekit.parity.budgets import Budget
from mobilekit.parity.golden import Golden, OutputFacts
from mobilekit.parity.inputs import InputFacts
from mobilekit.results import PlannedCandidate
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.signature import Signature, TensorSpec

AndroidRuntime = Literal["litert", "interpreter"]


@dataclass(frozen=True, kw_only=True)
class InputDescription:
    """An input in real units: `spec` without quantisation, floats where artifacts store integers.

    `facts` say what its values mean.
    """

    spec: TensorSpec
    facts: InputFacts


@dataclass(frozen=True, kw_only=True)
class OutputDescription:
    """An output in real units. `facts` say what its values mean."""

    spec: TensorSpec
    facts: OutputFacts


@dataclass(frozen=True, kw_only=True)
class CarriedArtifact:
    """An artifact that goes into an app.

    `budgets` has the bounds of its outputs by accelerator (`cpu`, `gpu`, `npu`, `nnapi`): those
    that a device has to keep to before the accelerator is used there.
    """

    artifact: Artifact
    budgets: Mapping[str, Budget]


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """One model as apps on any platform see it.

    `name` is the class's. `golden` holds the samples that go into the app, in real units.
    `source_sha256` is the trained model's, `tool_version` this product's.
    """

    name: str
    inputs: tuple[InputDescription, ...]
    outputs: tuple[OutputDescription, ...]
    golden: Golden
    source_sha256: str
    tool_version: str

    @property
    def batch(self) -> int:
        """How many samples one call takes."""
        return batch_size(Signature(inputs=tuple(item.spec for item in self.inputs), outputs=()))


@dataclass(frozen=True, kw_only=True)
class AndroidModule:
    """An Android library module: the model, its Kotlin package, the runtime, the artifacts.

    `files` has where each artifact's file is now, by variant. `order` says in which order apps try
    accelerators; where it is empty, as they are listed.
    """

    model: ModelDescription
    package: str
    runtime: AndroidRuntime
    artifacts: tuple[CarriedArtifact, ...]
    files: Mapping[str, Path]
    order: tuple[PlannedCandidate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IosPackage:
    """A Swift package: the model, the oldest system it is for, the artifacts.

    `minimum` is `iOS16` and the like. `budgets` of the artifacts have one row, `coreml`. `files`
    has where each artifact's package is now, by variant. `order` is as in `AndroidModule`.
    """

    model: ModelDescription
    minimum: str
    artifacts: tuple[CarriedArtifact, ...]
    files: Mapping[str, Path]
    order: tuple[PlannedCandidate, ...] = ()

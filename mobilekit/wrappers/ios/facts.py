"""The facts of a package: tensors as apps see them, as Core ML stores them, and the bounds.

All text and numbers are ready to be written into Swift.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mobilekit.parity.budgets import Budget
from mobilekit.wrappers.description import CarriedArtifact, IosPackage
from mobilekit.wrappers.ios import literals
from mobilekit.wrappers.ios.layout import fitted
from mobilekit_converters.signature import TensorSpec

TARGET = "coreml"
"""The target whose budget all compute units are held to."""

COMPUTE_UNITS = {
    "cpu": ("cpu",),
    "gpu": ("gpu",),
    # With all of them Core ML prefers the Neural Engine too.
    "neural_engine": ("neuralEngine", "all"),
}
"""By accelerator of a plan: what Swift calls the compute units that use it."""

HELD_METRICS = {"snr_db": "snrDb", "cosine": "cosine", "agreement": "agreement"}
"""The bounds that a device holds answers to, and what Swift calls them."""


@dataclass(frozen=True, kw_only=True)
class ArtifactFact:
    """An `ArtifactSpec` of Swift. `constant` names it; inputs and outputs are expressions."""

    constant: str
    variant: str
    resource: str
    sha256: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    budget: str


@dataclass(frozen=True, kw_only=True)
class ModelFact:
    """A `ModelSpec` of Swift. Inputs and outputs are expressions."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    artifacts: tuple[ArtifactFact, ...]
    samples: int
    golden_inputs: tuple[str, ...]
    golden_outputs: tuple[str, ...]
    order: tuple[str, ...]


def model_facts(package: IosPackage) -> ModelFact:
    """Return everything that Swift has to know of a package's model."""
    model = package.model
    inputs, outputs = golden_resources(package)
    return ModelFact(
        name=literals.string(model.name),
        inputs=tuple(_tensor(item.spec, classified=False) for item in model.inputs),
        outputs=tuple(
            _tensor(item.spec, classified=item.facts.kind == "classification")
            for item in model.outputs
        ),
        artifacts=tuple(_artifact(package, carried) for carried in package.artifacts),
        samples=len(model.golden),
        golden_inputs=tuple(map(literals.string, inputs)),
        golden_outputs=tuple(map(literals.string, outputs)),
        order=tuple(
            f"Candidate(unit: .{unit}, variant: {literals.string(item.variant)})"
            for item in package.order
            for unit in COMPUTE_UNITS[item.accelerator]
        ),
    )


def artifact_resource(variant: str) -> str:
    """Return where an artifact lies among a package's resources."""
    return f"{variant}.mlpackage"


def golden_resources(package: IosPackage) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return where the golden's inputs and outputs lie among a package's resources."""
    return (
        tuple(f"golden/input-{index}.bin" for index in range(len(package.model.inputs))),
        tuple(f"golden/output-{index}.bin" for index in range(len(package.model.outputs))),
    )


def _tensor(spec: TensorSpec, *, classified: bool) -> str:
    items = [
        f"name: {literals.string(spec.name)}",
        f"shape: {literals.array(spec.shape)}",
        f"dtype: .{spec.dtype}",
        *(["isClassified: true"] if classified else []),
    ]
    return fitted("TensorSpec(", items, ")", indent=12)


def _artifact(package: IosPackage, carried: CarriedArtifact) -> ArtifactFact:
    artifact = carried.artifact
    model = package.model

    def stored(specs: Iterable[TensorSpec]) -> tuple[str, ...]:
        names = (artifact.native_names.get(spec.name, spec.name) for spec in specs)
        return tuple(f"StoredTensor(name: {literals.string(name)})" for name in names)

    return ArtifactFact(
        constant=_constant(artifact.variant),
        variant=literals.string(artifact.variant),
        resource=literals.string(artifact_resource(artifact.variant)),
        sha256=literals.string(artifact.sha256),
        inputs=stored(item.spec for item in model.inputs),
        outputs=stored(item.spec for item in model.outputs),
        budget=_budget(carried.budgets[TARGET]),
    )


def _constant(variant: str) -> str:
    first, *others = variant.split("-")
    return first + "".join(word.capitalize() for word in others)


def _budget(budget: Budget) -> str:
    """Return the arguments of a Swift `Budget`."""
    return ", ".join(
        f"{swift}: {literals.double(budget.bounds[metric])}"
        for metric, swift in HELD_METRICS.items()
        if metric in budget.bounds
    )

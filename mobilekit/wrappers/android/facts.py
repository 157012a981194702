"""The facts of a module: tensors as apps see them, as files store them, and what answers must keep.

All text and numbers are ready to be written into Kotlin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mobilekit.parity.budgets import Budget
from mobilekit.wrappers.android import literals
from mobilekit.wrappers.android.runtimes import RUNTIMES
from mobilekit.wrappers.description import AndroidModule, CarriedArtifact
from mobilekit_converters.signature import TensorSpec

HELD_METRICS = {"snr_db": "snrDb", "cosine": "cosine", "agreement": "agreement"}
"""The bounds that a device holds answers to, and what Kotlin calls them."""


@dataclass(frozen=True, kw_only=True)
class TensorFact:
    """A `TensorSpec` of Kotlin."""

    name: str
    shape: str
    dtype: str
    classified: bool


@dataclass(frozen=True, kw_only=True)
class StoredFact:
    """A `StoredTensor` of Kotlin. `scale` is empty where it is not quantised."""

    name: str
    position: int
    dtype: str
    scale: str
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class ArtifactFact:
    """An `ArtifactSpec` of Kotlin. `function` names the function that makes it.

    `budgets` has the arguments of each accelerator's `Budget`.
    """

    function: str
    variant: str
    asset: str
    sha256: str
    bytes: int
    inputs: tuple[StoredFact, ...]
    outputs: tuple[StoredFact, ...]
    budgets: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GoldenFact:
    """A `GoldenSpec` of Kotlin."""

    samples: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CandidateFact:
    """A `Candidate` of Kotlin."""

    accelerator: str
    variant: str


@dataclass(frozen=True, kw_only=True)
class ModelFact:
    """A `ModelSpec` of Kotlin."""

    name: str
    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]
    artifacts: tuple[ArtifactFact, ...]
    golden: GoldenFact
    order: tuple[CandidateFact, ...]


def model_facts(module: AndroidModule) -> ModelFact:
    """Return everything that Kotlin has to know of a module's model."""
    model = module.model
    inputs, outputs = golden_assets(module)
    return ModelFact(
        name=literals.string(model.name),
        inputs=tuple(_tensor(item.spec, classified=False) for item in model.inputs),
        outputs=tuple(
            _tensor(item.spec, classified=item.facts.kind == "classification")
            for item in model.outputs
        ),
        artifacts=tuple(_artifact(module, carried) for carried in module.artifacts),
        golden=GoldenFact(
            samples=len(model.golden),
            inputs=tuple(map(literals.string, inputs)),
            outputs=tuple(map(literals.string, outputs)),
        ),
        order=tuple(
            CandidateFact(
                accelerator=item.accelerator.upper(), variant=literals.string(item.variant)
            )
            for item in module.order
        ),
    )


def artifact_asset(module: AndroidModule, variant: str) -> str:
    """Return where an artifact lies among a module's assets."""
    return f"{assets_folder(module)}/{variant}.tflite"


def golden_assets(module: AndroidModule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return where the golden's inputs and outputs lie among a module's assets."""
    folder = f"{assets_folder(module)}/golden"
    return (
        tuple(f"{folder}/input-{index}.bin" for index in range(len(module.model.inputs))),
        tuple(f"{folder}/output-{index}.bin" for index in range(len(module.model.outputs))),
    )


def labels_asset(module: AndroidModule, output: int) -> str:
    """Return where the labels of an output lie among a module's assets."""
    return f"{assets_folder(module)}/labels-{output}.txt"


def assets_folder(module: AndroidModule) -> str:
    """Return the folder of a module's own among all assets of an app."""
    return f"mobilekit/{module.model.name}"


def _tensor(spec: TensorSpec, *, classified: bool) -> TensorFact:
    return TensorFact(
        name=literals.string(spec.name),
        shape=literals.list_of(spec.shape) if spec.shape else "emptyList()",
        dtype=spec.dtype.upper(),
        classified=classified,
    )


def _artifact(module: AndroidModule, carried: CarriedArtifact) -> ArtifactFact:
    from mobilekit_converters.tflite import read_positions

    artifact = carried.artifact
    positions = read_positions(module.files[artifact.variant])
    signature = artifact.signature
    return ArtifactFact(
        function=_function_name(artifact.variant),
        variant=literals.string(artifact.variant),
        asset=literals.string(artifact_asset(module, artifact.variant)),
        sha256=literals.string(artifact.sha256),
        bytes=artifact.file_bytes,
        inputs=_stored(
            (item.spec for item in module.model.inputs), signature.inputs, positions.inputs
        ),
        outputs=_stored(
            (item.spec for item in module.model.outputs), signature.outputs, positions.outputs
        ),
        budgets={
            name: _budget(carried.budgets[name.lower()])
            for name in RUNTIMES[module.runtime].accelerators
        },
    )


def _function_name(variant: str) -> str:
    first, *others = variant.split("-")
    return first + "".join(word.capitalize() for word in others)


def _stored(
    wanted: Iterable[TensorSpec], found: Iterable[TensorSpec], positions: Mapping[str, int]
) -> tuple[StoredFact, ...]:
    """Return how a file stores tensors, in the order of the model."""
    by_name = {spec.name: spec for spec in found}

    def facts() -> Iterator[StoredFact]:
        for spec in wanted:
            stored = by_name[spec.name]
            quantisation = stored.quantisation
            yield StoredFact(
                name=literals.string(spec.name),
                position=positions[spec.name],
                dtype=stored.dtype.upper(),
                scale=literals.float32(quantisation.scales[0]) if quantisation else "",
                zero_point=quantisation.zero_points[0] if quantisation else 0,
            )

    return tuple(facts())


def _budget(budget: Budget) -> str:
    """Return the arguments of a Kotlin `Budget`."""
    return ", ".join(
        f"{kotlin} = {literals.double(budget.bounds[metric])}"
        for metric, kotlin in HELD_METRICS.items()
        if metric in budget.bounds
    )

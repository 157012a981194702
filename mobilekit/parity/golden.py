"""Goldens: fixed inputs, and the source's own outputs for them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.batches import batch_size, one_by_one, predict_samples, sample_shape
from mobilekit.parity.data import load_samples
from mobilekit.parity.guesses import (
    LEAST_LIVELINESS,
    is_classification,
    liveliest_range,
    liveliness,
    unknown,
    with_range,
)
from mobilekit.parity.inputs import InputFacts
from mobilekit.parity.synthetic import generate
from mobilekit.results import GoldenFacts
from mobilekit_converters.errors import DataError, SourceError
from mobilekit_converters.signature import Signature, TensorSpec

SCHEMA = "mobilekit/golden/1"
GOLDEN_FILE = "golden.json"

LEAST_SAMPLES = 32
"""Fewer samples say little: the interval of an agreement of 32 in 32 goes down to 0.89 already."""

MOST_LABELLED = 256
"""Labelled samples that checks use: enough to see a drop of 5 %, few enough for slow kernels."""

TRIED_SAMPLES = 8
"""How many samples tell in which range a model's outputs vary."""

STORED_BYTES = 2**20
"""How much a release may carry for later checks and tests on phones: the samples that fit."""

FEWEST_STORED = 4
MOST_STORED = LEAST_SAMPLES
"""Bounds of how many that are."""

OutputKind = Literal["tensor", "classification", "embedding", "mask"]


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """What one output means. `labels` names a classification's classes, where they are known."""

    kind: OutputKind = "tensor"
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GoldenRequest:
    """Which inputs to take. Without `evaluation` data they are generated from `seed`.

    `inputs` and `outputs` say what they mean, by name; those not named are plain tensors.
    """

    evaluation: Path | None = None
    inputs: Mapping[str, InputFacts] = field(default_factory=dict)
    outputs: Mapping[str, OutputFacts] = field(default_factory=dict)
    samples: int = LEAST_SAMPLES
    seed: int = 0


class Model(Protocol):
    """What makes the reference: a source."""

    @property
    def signature(self) -> Signature:
        """Names, shapes and dtypes."""

    def predict(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Inputs and the source's outputs by name, each of shape (samples, *shape without the batch).

    `labels` are the true classes, of shape (samples,). `tasks` says what each output means.
    `origin` says in a sentence where the inputs come from.
    """

    inputs: dict[str, NDArray[np.generic]]
    outputs: dict[str, NDArray[np.generic]]
    labels: NDArray[np.int64] | None = None
    tasks: dict[str, OutputKind] = field(default_factory=dict)
    origin: str

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def spread(self, count: int) -> Golden:
        """Return `count` samples, spread evenly from the first on, or all where there are fewer."""
        rows = spread_rows(len(self), count)
        return replace(
            self,
            inputs={name: array[rows] for name, array in self.inputs.items()},
            outputs={name: array[rows] for name, array in self.outputs.items()},
            labels=None if self.labels is None else self.labels[rows],
        )

    def save(self, path: Path) -> None:
        """Write all samples to one `.npz`, for other processes of the same build."""
        about = {
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "tasks": self.tasks,
            "origin": self.origin,
        }
        arrays: dict[str, NDArray[Any]] = {
            **{f"input_{index}": array for index, array in enumerate(self.inputs.values())},
            **{f"output_{index}": array for index, array in enumerate(self.outputs.values())},
            **({} if self.labels is None else {"labels": self.labels}),
            "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        }
        with path.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> Golden:
    """Read what `Golden.save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(stored["about"].tobytes())
        return Golden(
            inputs={name: stored[f"input_{i}"] for i, name in enumerate(about["inputs"])},
            outputs={name: stored[f"output_{i}"] for i, name in enumerate(about["outputs"])},
            labels=stored["labels"] if "labels" in stored.files else None,
            tasks=about["tasks"],
            origin=about["origin"],
        )


def make(source: Model, request: GoldenRequest) -> tuple[Golden, GoldenFacts]:
    """Choose or generate inputs and run the source on them.

    Evaluation data gives up to `request.samples` of its samples, spread evenly, and up to
    `MOST_LABELLED` where they are labelled, because accuracy needs more than drift does.

    Raises:
        DataError: the evaluation data does not fit, or has fewer than `LEAST_SAMPLES` samples.
        ProjectError: an input or output is named that the source does not have.
        SourceError: the source's own outputs hold NaN or Inf.
    """
    signature = source.signature
    _require_known("input", request.inputs, signature.inputs)
    _require_known("output", request.outputs, signature.outputs)
    _require_labels(signature, request)
    notes: list[str] = []
    if request.evaluation:
        chosen = _from_data(signature, request)
    else:
        request = _with_ranges(source, request, notes)
        chosen = _generated(signature, request)
    golden = replace(
        chosen, outputs=predict_samples(one_by_one(source.predict), signature, chosen.inputs)
    )
    for name, values in golden.outputs.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise SourceError(
                f"The source itself gives NaN or Inf in output {name!r} for {_plainly(golden)}. "
                "No artifact can be checked against that: mend the model, or give other data."
            )
    golden = _with_guessed_tasks(golden, request, notes)
    if len(golden) > 1 and liveliness(golden.outputs) < LEAST_LIVELINESS:
        notes.append(
            f"The trained model answers all {len(golden)} samples nearly alike, so the checks "
            "prove little. Give real inputs with [data] evaluation."
        )
    return golden, GoldenFacts(
        samples=len(golden),
        stored=min(_stored_samples(golden), len(golden)),
        origin=golden.origin,
        labelled=golden.labels is not None,
        notes=tuple(notes),
    )


def _with_ranges(source: Model, request: GoldenRequest, notes: list[str]) -> GoldenRequest:
    """Give the inputs whose range nobody gave the one in which the outputs vary most."""
    signature = source.signature
    names = unknown(signature.inputs, request.inputs)
    if not names:
        return request
    batch = batch_size(signature)
    shapes = {spec.name: sample_shape(spec, batch) for spec in signature.inputs}

    def ranged(bounds: tuple[float, float]) -> GoldenRequest:
        found = {
            name: with_range(request.inputs.get(name, InputFacts()), shapes[name], bounds)
            for name in names
        }
        return replace(request, inputs={**request.inputs, **found})

    def answer(bounds: tuple[float, float]) -> dict[str, NDArray[np.generic]]:
        few = _generated(signature, replace(ranged(bounds), samples=TRIED_SAMPLES))
        return predict_samples(one_by_one(source.predict), signature, few.inputs)

    low, high = liveliest_range(answer)
    notes.append(
        f"No range was given for {', '.join(names)}. Of the usual ones the trained model's outputs "
        f"vary most with {low:g} to {high:g}, which the generated inputs have. Give the right one "
        "with range or kind in [model.inputs.NAME], or real inputs with [data] evaluation."
    )
    return ranged((low, high))


def _with_guessed_tasks(golden: Golden, request: GoldenRequest, notes: list[str]) -> Golden:
    """Take outputs that nobody described, and that look like a classification, for one."""
    tasks = dict(golden.tasks)
    for name, values in golden.outputs.items():
        if name not in request.outputs and is_classification(values):
            tasks[name] = "classification"
            notes.append(
                f"Output {name!r} was taken for a classification, because its values add up to 1. "
                "Say what it is with kind in [model.outputs.NAME]."
            )
    return replace(golden, tasks=tasks)


def _plainly(golden: Golden) -> str:
    return golden.origin[:1].lower() + golden.origin[1:].rstrip(".")


def _tasks(signature: Signature, request: GoldenRequest) -> dict[str, OutputKind]:
    return {
        spec.name: request.outputs[spec.name].kind if spec.name in request.outputs else "tensor"
        for spec in signature.outputs
    }


def _require_known(what: str, facts: Mapping[str, object], specs: tuple[TensorSpec, ...]) -> None:
    from mobilekit_converters.errors import ProjectError, nearest

    names = [spec.name for spec in specs]
    for name in facts:
        if name not in names:
            raise ProjectError(
                f"[model.{what}s.{name}]: the model has no {what} {name!r}.{nearest(name, names)} "
                f"It has: {', '.join(names)}."
            )


def _require_labels(signature: Signature, request: GoldenRequest) -> None:
    """Refuse labels that are more or fewer than the classes that they name."""
    from mobilekit_converters.errors import ProjectError

    batch = batch_size(signature)
    for spec in signature.outputs:
        labels = request.outputs.get(spec.name, OutputFacts()).labels
        classes = max(math.prod(sample_shape(spec, batch)), 2)
        if labels and len(labels) != classes:
            raise ProjectError(
                f"[model.outputs.{spec.name}] labels names {len(labels)} classes, and the output "
                f"has {classes}. Put one class on each line, in the output's order."
            )


def _classes(signature: Signature, request: GoldenRequest) -> int | None:
    """How many classes the model tells apart, where one of its outputs is a classification."""
    shapes = [
        sample_shape(spec, batch_size(signature))
        for spec in signature.outputs
        if spec.name in request.outputs and request.outputs[spec.name].kind == "classification"
    ]
    if len(shapes) != 1:
        return None
    # One score stands for two classes: yes and no.
    return max(math.prod(shapes[0]), 2)


def _from_data(signature: Signature, request: GoldenRequest) -> Golden:
    path = request.evaluation
    assert path is not None
    data = load_samples(path, signature, request.inputs, classes=_classes(signature, request))
    if len(data) < LEAST_SAMPLES:
        raise DataError(
            f"{path} has {len(data)} samples, and checks need {LEAST_SAMPLES} or more. Add some, "
            "or leave [data] evaluation out to check with generated inputs."
        )
    most = request.samples if data.labels is None else max(MOST_LABELLED, request.samples)
    rows = spread_rows(len(data), most)
    which = f"all {len(rows)}" if len(rows) == len(data) else f"{len(rows)} of the {len(data)}"
    return Golden(
        inputs={name: array[rows] for name, array in data.inputs.items()},
        outputs={},
        labels=None if data.labels is None else data.labels[rows],
        tasks=_tasks(signature, request),
        origin=f"{which[:1].upper()}{which[1:]} samples of {path.name}"
        + ("." if len(rows) == len(data) else ", spread evenly."),
    )


def _generated(signature: Signature, request: GoldenRequest) -> Golden:
    batch = batch_size(signature)
    facts = {spec.name: request.inputs.get(spec.name, InputFacts()) for spec in signature.inputs}
    inputs = {
        spec.name: generate(
            facts[spec.name],
            sample_shape(spec, batch),
            spec.dtype,
            samples=request.samples,
            seed=request.seed + index,
        )
        for index, spec in enumerate(signature.inputs)
    }
    kinds = ", ".join(sorted({fact.kind for fact in facts.values()}))
    return Golden(
        inputs=inputs,
        outputs={},
        tasks=_tasks(signature, request),
        origin=f"{request.samples} samples generated from seed {request.seed} with the structure "
        f"and range of real data ({kinds}): no evaluation data was given.",
    )


def spread_rows(available: int, wanted: int) -> NDArray[np.intp]:
    """Return the rows of `wanted` samples spread evenly over those available, or all of them."""
    count = min(available, wanted)
    return np.arange(count, dtype=np.intp) * available // count


def _stored_samples(golden: Golden) -> int:
    arrays = (*golden.inputs.values(), *golden.outputs.values())
    sample_bytes = max(sum(array[:1].nbytes for array in arrays), 1)
    return min(max(STORED_BYTES // sample_bytes, FEWEST_STORED), MOST_STORED)


def write_golden(folder: Path, golden: Golden, count: int | None = None) -> None:
    """Write a few samples so that any language reads them: `golden.json` and plain `.bin` files.

    A `.bin` file is the array's values, little-endian, row-major, and nothing else; booleans are
    bytes of 0 and 1. `golden.json` gives each one's name, file, dtype and shape, whose first
    dimension counts samples.

    Args:
        folder: created if need be.
        golden: the whole.
        count: how many samples to store, spread evenly. By default those that `STORED_BYTES` hold.
    """
    few = golden.spread(_stored_samples(golden) if count is None else count)
    folder.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"schema": SCHEMA, "samples": len(few), "origin": few.origin}
    for kind, arrays in (("input", few.inputs), ("output", few.outputs)):
        document[f"{kind}s"] = [
            {"name": name, **_write_array(folder / f"{kind}-{index}.bin", array)}
            for index, (name, array) in enumerate(arrays.items())
        ]
    for entry in document["outputs"]:
        entry["kind"] = few.tasks.get(entry["name"], "tensor")
    if few.labels is not None:
        document["labels"] = _write_array(folder / "labels.bin", few.labels)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / GOLDEN_FILE).write_text(text, "utf-8")


def _write_array(path: Path, array: NDArray[np.generic]) -> dict[str, Any]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    path.write_bytes(little.tobytes())
    return {"file": path.name, "dtype": array.dtype.name, "shape": list(array.shape)}


def read_golden(folder: Path) -> Golden:
    """Read what `write_golden` wrote.

    Raises:
        DataError: something is missing, damaged, or not of the size that `golden.json` says.
    """
    path = folder / GOLDEN_FILE
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
        samples = int(document["samples"])
        golden = Golden(
            inputs={e["name"]: _read_array(folder, e, samples) for e in document["inputs"]},
            outputs={e["name"]: _read_array(folder, e, samples) for e in document["outputs"]},
            labels=_read_array(folder, document["labels"], samples).astype(np.int64)
            if "labels" in document
            else None,
            tasks={entry["name"]: entry["kind"] for entry in document["outputs"]},
            origin=str(document["origin"]),
        )
        if samples < 1 or not golden.inputs or not golden.outputs:
            raise ValueError("it holds no samples")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is no whole golden: {error or type(error).__name__}. Take the folder 'golden' "
            "of a release as it is."
        ) from error
    return golden


def _read_array(folder: Path, entry: Mapping[str, Any], samples: int) -> NDArray[np.generic]:
    name, shape = entry["file"], tuple(entry["shape"])
    if Path(name).name != name:
        raise ValueError(f"{name!r} lies outside of the folder")
    dtype = np.dtype(entry["dtype"])
    if dtype.kind not in "fiub" or any(not isinstance(d, int) or d < 0 for d in shape):
        raise ValueError(f"{name} is described as {entry['dtype']!r} {entry['shape']!r}")
    content = (folder / name).read_bytes()
    if shape[:1] != (samples,) or len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {len(content)} bytes, which is not {samples} samples {shape}")
    values = np.frombuffer(content, dtype=dtype.newbyteorder("<")).reshape(shape).astype(dtype)
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or Inf")
    return values

"""The trained models that faults are put into, with their goldens and their clean artifacts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mobilekit.parity.golden import Golden, GoldenRequest, OutputFacts, load, make
from mobilekit.parity.inputs import InputFacts
from mobilekit.parity.program.comparison import exact_variant
from mobilekit.parity.synthetic import generate
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.variants import VARIANTS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parents[2]
MODELS = ROOT.parent / "shared" / "models"
DIGITS = ROOT / "examples" / "digits"

UNUSABLE = {("keywords", "coreml-palette4"), ("resnet", "coreml-palette4")}
"""Artifacts that a budget rightly fails without any fault: 16 values for a layer's weights leave
these models about half of their classes."""


@dataclass
class Subject:
    """A trained model, frozen, with its golden and its calibration data."""

    name: str
    folder: Path
    _made: dict[str, Artifact] = field(default_factory=dict)

    @property
    def golden_file(self) -> Path:
        return self.folder / "golden.npz"

    def golden(self) -> Golden:
        return load(self.golden_file)

    def has(self, variant: str) -> bool:
        return (self.name, variant) not in UNUSABLE

    def artifact(self, variant: str) -> Artifact:
        if variant not in self._made:
            self._made[variant] = self._read_or_make(variant)
        return self._made[variant]

    def exact(self, variant: str) -> Artifact | None:
        name = exact_variant(variant)
        return None if name is None else self.artifact(name)

    def with_integer_input(self) -> Artifact:
        """The int8 variant as an app gets it that feeds bytes itself."""
        from mobilekit_converters import tflite

        path = self.folder / "int8-io.tflite"
        if path.exists():
            return tflite.read_artifact(path, "tflite-int8")
        return tflite.convert(
            VARIANTS["tflite-int8"],
            self.folder / "frozen",
            path,
            tflite.TFLiteOptions(io_dtype="int8"),
            self.folder / "calibration.npz",
        )

    def _read_or_make(self, name: str) -> Artifact:
        from mobilekit_converters import coreml, tflite

        row = VARIANTS[name]
        path = self.folder / row.file_name
        if path.exists():
            reader = tflite.read_artifact if row.format == "tflite" else coreml.read_artifact
            return reader(path, name)
        frozen = self.folder / "frozen"
        if row.format == "tflite":
            calibration = self.folder / "calibration.npz"
            return tflite.convert(row, frozen, path, tflite.TFLiteOptions(), calibration)
        parent = self.artifact(row.parent).path if row.parent else None
        return coreml.convert(row, frozen, path, coreml.CoreMLOptions(minimum="iOS16"), parent)


def _prepare(
    folder: Path, model: Path, calibration: Any, evaluation: Path | None, facts: InputFacts
) -> None:
    from mobilekit_converters.sources import SourceOptions, open_source

    source = open_source(model, SourceOptions())
    (tensor,), (output,) = source.signature.inputs, source.signature.outputs
    source.freeze(folder / "frozen")
    np.savez(folder / "calibration.npz", **{tensor.name: calibration})
    request = GoldenRequest(
        evaluation=evaluation,
        inputs={tensor.name: facts},
        outputs={output.name: OutputFacts(kind="classification")},
    )
    golden, _ = make(source, request)
    golden.save(folder / "golden.npz")


def _wake_word(folder: Path) -> None:
    place = MODELS / "streaming_wakeword"
    samples = np.load(place / "calibration_samples.npz")
    evaluation = folder / "evaluation.npz"
    np.savez(evaluation, input_1=samples["specs"], labels=samples["labels"])
    facts = InputFacts(low=0.0, high=1.0)
    _prepare(folder, place / "str_ww_ref_model.h5", samples["specs"][::2], evaluation, facts)


def _keywords(folder: Path) -> None:
    # The range in which the model's answers vary: with a wider one it says "unknown" to all.
    facts = InputFacts(low=-10.0, high=10.0)
    calibration = generate(facts, (49, 10, 1), "float32", samples=80, seed=5)
    _prepare(folder, MODELS / "keyword_spotting" / "kws_ref_model", calibration, None, facts)


def _resnet(folder: Path) -> None:
    facts = InputFacts(kind="image")
    calibration = generate(facts, (32, 32, 3), "float32", samples=100, seed=9)
    model = MODELS / "image_classification" / "pretrainedResnet.h5"
    _prepare(folder, model, calibration, None, facts)


def _digits(folder: Path) -> None:
    with np.load(DIGITS / "calibration.npz") as data:
        calibration = data["image"]
    facts = InputFacts(kind="image", color="grayscale", scale=1 / 255)
    _prepare(folder, DIGITS / "digits.keras", calibration, DIGITS / "evaluation.npz", facts)


SUBJECTS: dict[str, Callable[[Path], None]] = {
    "digits": _digits,
    "wake-word": _wake_word,
    "keywords": _keywords,
    "resnet": _resnet,
}


def prepare(name: str, folder: Path) -> Subject:
    """Return a subject whose files are in a folder of its own, made there if need be."""
    own = folder / name
    if not (own / "golden.npz").exists():
        own.mkdir(parents=True, exist_ok=True)
        SUBJECTS[name](own)
    return Subject(name=name, folder=own)


def variants() -> Iterator[str]:
    """Yield the variants that faults are put into."""
    yield from (
        f"tflite-{precision}" for precision in ("fp32", "fp16", "dynamic", "int8", "int16x8")
    )
    yield from (f"coreml-{precision}" for precision in ("fp32", "fp16", "w8", "palette4"))

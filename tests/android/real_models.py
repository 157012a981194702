"""The example and every shared model as Android modules: each variant, and each finished file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mobilekit.parity.golden import Golden, GoldenRequest, make
from mobilekit.project import Project, parse_project
from mobilekit.wrappers.android.describe import describe_android
from mobilekit.wrappers.description import AndroidModule, AndroidRuntime
from mobilekit_converters.artifact import Artifact

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"
SHARED = ROOT.parent / "shared" / "models"

PACKAGE = "com.example.models"
SAMPLES = 8

_FLOAT_PRECISIONS = ("fp32", "fp16", "dynamic", "int8")


@dataclass(frozen=True, kw_only=True)
class RealModel:
    """A trained model.

    `inputs` says what inputs mean, as a project file does. `precision` is a finished file's.
    """

    name: str
    source: Path
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    precision: str = ""


_IMAGE = {"kind": "image", "color": "grayscale", "scale": 1 / 255}

MODELS = (
    RealModel(name="Digits", source=DIGITS / "digits.keras", inputs={"image": _IMAGE}),
    RealModel(name="Resnet", source=SHARED / "image_classification" / "pretrainedResnet.h5"),
    RealModel(name="Keyword", source=SHARED / "keyword_spotting" / "kws_ref_model"),
    RealModel(name="WakeWord", source=SHARED / "streaming_wakeword" / "str_ww_ref_model.h5"),
)
"""Those that are converted, once with float and once with int8 ends."""

FINISHED = tuple(
    RealModel(name=name, source=SHARED / file, precision=precision)
    for name, file, precision in (
        ("ResnetFile", "image_classification/pretrainedResnet.tflite", "fp32"),
        ("ResnetInt8File", "image_classification/pretrainedResnet_quant.tflite", "int8"),
        ("KeywordFile", "keyword_spotting/kws_ref_model.tflite", "int8"),
        ("WakeWordFile", "streaming_wakeword/str_ww_ref_model.tflite", "int8"),
    )
)
"""Files that the shared models' authors converted."""


def describe_real_models(folder: Path, runtime: AndroidRuntime) -> Iterator[AndroidModule]:
    """Convert the models that are here and describe a module for each, all of one package.

    Args:
        folder: where the artifacts are written.
        runtime: what the modules call.
    """
    for model in MODELS:
        if model.source.exists():
            yield from _converted(model, folder / model.name, runtime)
    for model in FINISHED:
        if model.source.exists():
            yield _finished(model, folder / model.name, runtime)


def _converted(model: RealModel, folder: Path, runtime: AndroidRuntime) -> Iterator[AndroidModule]:
    """Yield the module with every variant, and the one whose int8 variant has int8 ends."""
    import numpy as np

    from mobilekit_converters.sources import open_source
    from mobilekit_converters.tflite import TFLiteOptions, convert
    from mobilekit_converters.variants import variant

    folder.mkdir(parents=True)
    project = _project(model, folder, runtime)
    source = open_source(model.source, project.source_options(trust=True))
    source.freeze(folder / "frozen")
    golden = _golden(project, source, samples=SAMPLES)
    calibration = folder / "calibration.npz"
    np.savez(calibration, **_golden(project, source, samples=32).inputs)  # type: ignore[arg-type]

    def made(precision: str, ends: Literal["float32", "int8"] = "float32") -> Artifact:
        return convert(
            variant(f"tflite-{precision}"),
            folder / "frozen",
            folder / f"{precision}-{ends}.tflite",
            TFLiteOptions(io_dtype=ends),
            calibration,
        )

    artifacts = [made(precision) for precision in _FLOAT_PRECISIONS]
    yield _module(project, artifacts, golden)
    int8 = project.model_copy(
        update={"model": project.model.model_copy(update={"name": f"{model.name}Int8"})}
    )
    yield _module(int8, [made("int8", "int8")], golden)


def _finished(model: RealModel, folder: Path, runtime: AndroidRuntime) -> AndroidModule:
    from mobilekit_converters.sources import open_source
    from mobilekit_converters.tflite import read_artifact

    folder.mkdir(parents=True)
    project = _project(model, folder, runtime)
    source = open_source(model.source, project.source_options(trust=True))
    artifact = read_artifact(model.source, f"tflite-{model.precision}")
    return _module(project, [artifact], _golden(project, source, samples=SAMPLES))


def _project(model: RealModel, folder: Path, runtime: AndroidRuntime) -> Project:
    document = {
        "model": {"name": model.name, "source": str(model.source), "inputs": model.inputs},
        "android": {"package": PACKAGE, "runtime": runtime},
    }
    return parse_project(document, folder=folder, origin=model.name)


def _golden(project: Project, source: Any, *, samples: int) -> Golden:
    facts = {name: table.facts() for name, table in project.model.inputs.items()}
    golden, _ = make(source, GoldenRequest(inputs=facts, samples=samples))
    return golden


def _module(project: Project, artifacts: list[Artifact], golden: Golden) -> AndroidModule:
    source = Path(project.model.source)
    digest = hashlib.sha256(source.read_bytes() if source.is_file() else b"").hexdigest()
    return describe_android(project, artifacts=artifacts, golden=golden, source_sha256=digest)

"""The trained networks that peers are compared on, each with a project and its data."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT.parent / "shared" / "models"

PROJECT = """\
[model]
name = "{name}"
source = "{source}"

[model.outputs."{output}"]
kind = "classification"

[data]
calibration = "calibration.npz"
evaluation = "evaluation.npz"

[android]
variants = ["fp32", "fp16", "w8", "dynamic", "int8", "int16x8"]

[ios]
variants = []

[verify]
targets = ["cpu"]
require = ["cpu"]
"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A project's folder, and how to say which data decide. `labelled` data have labels."""

    name: str
    project: Path
    labelled: bool


def networks(work: Path) -> list[Network]:
    """Return the networks whose models are here; those that are not are told."""
    found = []
    for name, labelled, source, make in _TABLE:
        if not source.exists():
            print(f"not here, so left out: {name} ({source.name})", file=sys.stderr)
            continue
        folder = work / "networks" / name.split(" ")[0]
        if not (folder / "mobilekit.toml").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(source, folder)
        found.append(Network(name=name, project=folder, labelled=labelled))
    return found


def _digits(source: Path, folder: Path) -> None:
    for file in ("digits.keras", "calibration.npz", "evaluation.npz"):
        shutil.copyfile(source / file, folder / file)
    _write_project(folder, name="Digits", source="digits.keras", output="scores")


def _wake_word(source: Path, folder: Path) -> None:
    """Calibrate on every second of the real samples, and judge on all of them."""
    shutil.copyfile(source / "str_ww_ref_model.h5", folder / "model.h5")
    with np.load(source / "calibration_samples.npz") as file:
        samples, labels = file["specs"].astype(np.float32), file["labels"].astype(np.int64)
    _write(folder, "WakeWord", samples[::2], samples, labels)


def _resnet_8(source: Path, folder: Path) -> None:
    """Crops of scikit-learn's photographs: real pixels, of no class that the network knows."""
    from sklearn.datasets import load_sample_images

    shutil.copyfile(source / "pretrainedResnet.h5", folder / "model.h5")
    generator = np.random.default_rng(0)
    photographs = load_sample_images().images

    def crops(count: int) -> NDArray[np.float32]:
        return np.stack([_crop(photographs, generator) for _ in range(count)])

    _write(folder, "ResNet8", crops(100), crops(200), None)


def _crop(
    photographs: list[NDArray[np.uint8]], generator: np.random.Generator
) -> NDArray[np.float32]:
    from PIL import Image

    photograph = photographs[generator.integers(len(photographs))]
    side = int(generator.integers(32, 256))
    top = int(generator.integers(photograph.shape[0] - side + 1))
    left = int(generator.integers(photograph.shape[1] - side + 1))
    crop = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(crop.resize((32, 32), Image.Resampling.BILINEAR), np.float32)


def _write(
    folder: Path,
    name: str,
    calibration: NDArray[np.float32],
    evaluation: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
) -> None:
    from mobilekit_converters.sources import SourceOptions, open_source

    signature = open_source(folder / "model.h5", SourceOptions()).signature
    (given,), (wanted,) = signature.inputs, signature.outputs
    np.savez(folder / "calibration.npz", **{given.name: calibration})
    more = {} if labels is None else {"labels": labels}
    np.savez(folder / "evaluation.npz", **{given.name: evaluation}, **more)
    _write_project(folder, name=name, source="model.h5", output=wanted.name)


def _write_project(folder: Path, *, name: str, source: str, output: str) -> None:
    text = PROJECT.format(name=name, source=source, output=output)
    (folder / "mobilekit.toml").write_text(text, encoding="utf-8")


_TABLE: tuple[tuple[str, bool, Path, Callable[[Path, Path], None]], ...] = (
    ("digits CNN", True, ROOT / "examples" / "digits", _digits),
    ("wake-word CNN (MLPerf Tiny)", True, MODELS / "streaming_wakeword", _wake_word),
    ("ResNet-8 (MLPerf Tiny)", False, MODELS / "image_classification", _resnet_8),
)

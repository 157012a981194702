"""Real models with their frozen form, their golden and their artifacts, each made once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from mobilekit.parity.budgets import budget_for
from mobilekit.parity.golden import GoldenRequest, make
from mobilekit.parity.locate import LocateRequest, locate
from mobilekit.results import Drift
from mobilekit_converters import coreml, tflite
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.variants import VARIANTS

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.keras"
SHARED = ROOT.parent / "shared" / "models"

SOURCES = {
    "digits": DIGITS,
    "resnet": SHARED / "image_classification" / "pretrainedResnet.h5",
    "wakeword": SHARED / "streaming_wakeword" / "str_ww_ref_model.h5",
    "keywords": SHARED / "keyword_spotting" / "kws_ref_model",
}


@dataclass
class Model:
    """A source, and what is made of it in `folder`."""

    source: Path
    folder: Path
    made: dict[str, Artifact] = field(default_factory=dict)

    @property
    def frozen(self) -> Path:
        return self.folder / "frozen"

    @property
    def golden(self) -> Path:
        return self.folder / "golden.npz"

    def artifact(self, variant: str) -> Artifact:
        """Convert, or return what was converted before."""
        if variant not in self.made:
            row = VARIANTS[variant]
            path = self.folder / row.file_name
            if row.format == "tflite":
                data = self.folder / "calibration.npz"
                options = tflite.TFLiteOptions()
                self.made[variant] = tflite.convert(row, self.frozen, path, options, data)
            else:
                parent = self.artifact(row.parent).path if row.parent else None
                options_ = coreml.CoreMLOptions()
                self.made[variant] = coreml.convert(row, self.frozen, path, options_, parent)
        return self.made[variant]

    def locate(self, artifact: Artifact, target: str = "", file: Path | None = None) -> Drift:
        """Look at an artifact, or at a changed file of it."""
        place = target or {"tflite": "cpu", "coreml": "coreml"}[artifact.variant.split("-")[0]]
        return locate(
            LocateRequest(
                artifact=replace(artifact, path=file or artifact.path),
                target=place,
                golden=self.golden,
                frozen=self.frozen,
                source=self.source,
                budget=budget_for(artifact.variant, place),
            )
        )


def prepare(name: str, folder: Path) -> Model:
    """Freeze a model, choose inputs, and calibrate with others of the same kind."""
    path = SOURCES[name]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine: the shared models are absent")
    source = open_source(path, SourceOptions())
    source.freeze(folder / "frozen")
    for seed, file, samples in ((0, "golden.npz", 32), (1, "calibration", 64)):
        golden, _ = make(source, GoldenRequest(seed=seed, samples=samples))
        if file == "golden.npz":
            golden.save(folder / file)
        else:
            np.savez(folder / "calibration.npz", **golden.inputs)
    return Model(source=path, folder=folder)

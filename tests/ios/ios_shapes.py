"""Small models of every shape that a Swift package can have, as descriptions of their packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from android.shapes import SHAPES as ANDROID_SHAPES
from android.shapes import Shape

from mobilekit.parity.golden import Golden, GoldenRequest, make
from mobilekit.project import Project, parse_project
from mobilekit.wrappers.description import IosPackage
from mobilekit.wrappers.ios import describe_ios
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml import CoreMLOptions, convert
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import TensorSpec
from mobilekit_converters.variants import variant


@dataclass(kw_only=True)
class IosShapes:
    """Makes the packages of the shapes; each model is converted once, into a folder."""

    folder: Path
    _made: dict[str, tuple[Project, list[Artifact], Golden]] = field(default_factory=dict)

    def package(self, name: str) -> IosPackage:
        """Return the package of a shape."""
        project, artifacts, golden = self.converted(name)
        return describe_ios(project, artifacts=artifacts, golden=golden, source_sha256="0" * 64)

    def converted(self, name: str) -> tuple[Project, list[Artifact], Golden]:
        """Return what a package is described from."""
        if name not in self._made:
            self._made[name] = _convert(SHAPES[name], self.folder / name)
        return self._made[name]


def _convert(shape: Shape, folder: Path) -> tuple[Project, list[Artifact], Golden]:
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(shape.labels) + "\n", encoding="utf-8")
    freeze(shape.call, shape.signature, folder / "frozen")
    document = {
        "model": {"source": "none", "name": shape.name, **shape.project},
        "ios": {"variants": list(shape.variants)},
    }
    project = parse_project(document, folder=folder, origin=shape.name)
    golden, _ = make(
        shape,
        GoldenRequest(
            inputs={name: table.facts() for name, table in project.model.inputs.items()},
            outputs={name: table.facts(folder) for name, table in project.model.outputs.items()},
        ),
    )
    made: dict[str, Artifact] = {}
    for precision in shape.variants:
        chosen = variant(f"coreml-{precision}")
        made[chosen.name] = convert(
            chosen,
            folder / "frozen",
            folder / chosen.file_name,
            CoreMLOptions(minimum=project.ios.minimum),
            made[chosen.parent].path if chosen.parent else None,
        )
    return project, list(made.values()), golden


def _spec(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def _mix(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    pixels = inputs["picture"]
    both = tf.concat([inputs["left"], inputs["right"]], axis=1)
    return {
        "loud": tf.nn.softmax(both[:, :3] * 4),
        "bright": tf.sigmoid(tf.reduce_mean(pixels, axis=(1, 2, 3))[:, None]),
        "shade": tf.reduce_mean(pixels, axis=1),
        "later": inputs["time"] + 1,
    }


_MIXER = Shape(
    name="Mixer",
    inputs=(
        _spec("picture", 1, 3, 10, 8),
        _spec("left", 1, 30),
        _spec("right", 1, 30),
        _spec("time", 1, 2, dtype="int32"),
    ),
    outputs=(
        _spec("loud", 1, 3),
        _spec("bright", 1, 1),
        _spec("shade", 1, 10, 8),
        _spec("later", 1, 2, dtype="int32"),
    ),
    call=_mix,
    project={
        "inputs": {
            "picture": {
                "kind": "image",
                "resize": "bilinear-antialias",
                "fit": "pad",
                "scale": 0.004,
            },
            "left": {"kind": "audio"},
            "right": {"kind": "audio", "scale": 0.5, "offset": 0.25},
            "time": {"range": [0, 1000]},
        },
        "outputs": {
            "loud": {"kind": "classification"},
            "bright": {"kind": "classification"},
            "shade": {"kind": "mask"},
        },
    },
    variants=("fp16",),
)
"""Everything at once: planes of pixels, sound twice, whole numbers, two sets of classes."""

_VARIANTS: Mapping[str, tuple[str, ...]] = {
    "FruitClassifier": ("fp16", "w8"),
    "WordSpotter": ("fp32",),
    "Hands": ("fp16",),
    "Int8Digits": ("fp16",),
    "Embedder": ("fp32", "fp16"),
    "Segmenter": ("fp16",),
    "TokenPredictor": ("fp16",),
    "BatchClassifier": ("fp16",),
}
"""Android's shapes as Core ML packages. Those with integers at the ends are floats here."""

SHAPES: Mapping[str, Shape] = {
    **{name: replace(ANDROID_SHAPES[name], variants=made) for name, made in _VARIANTS.items()},
    _MIXER.name: _MIXER,
}

"""Small models of every shape that an Android module can have, as descriptions of their modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.golden import Golden, GoldenRequest, make
from mobilekit.project import Project, parse_project
from mobilekit.wrappers.android import describe_android
from mobilekit.wrappers.description import AndroidModule, AndroidRuntime
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant

Arrays = Mapping[str, NDArray[np.generic]]

FRUIT = ("apple", "banana", '$5 "cherry"', "dâtte", "elderberry")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model: a TensorFlow function of random weights, what a project file says, its variants.

    A variant is a precision, or for integers at the ends a precision and their dtype.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    call: Callable[[dict[str, Any]], dict[str, Any]]
    project: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[str, ...] = ("fp32",)
    labels: tuple[str, ...] = ()
    runtimes: tuple[AndroidRuntime, ...] = ("litert", "interpreter")

    @property
    def signature(self) -> Signature:
        return Signature(inputs=self.inputs, outputs=self.outputs)

    def predict(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        import tensorflow as tf

        outputs = self.call({name: tf.constant(array) for name, array in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}


@dataclass(kw_only=True)
class Shapes:
    """Makes the modules of the shapes; each model is converted once, into a folder."""

    folder: Path
    _made: dict[str, tuple[Project, list[Artifact], Golden]] = field(default_factory=dict)

    def module(self, name: str, runtime: AndroidRuntime) -> AndroidModule:
        """Return the module of a shape for a runtime, its Kotlin package the shape's name."""
        project, artifacts, golden = self._converted(name)
        android = project.android.model_copy(update={"runtime": runtime})
        return describe_android(
            project.model_copy(update={"android": android}),
            artifacts=artifacts,
            golden=golden,
            source_sha256="0" * 64,
        )

    def _converted(self, name: str) -> tuple[Project, list[Artifact], Golden]:
        if name not in self._made:
            self._made[name] = _convert(SHAPES[name], self.folder / name)
        return self._made[name]


def _convert(shape: Shape, folder: Path) -> tuple[Project, list[Artifact], Golden]:
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(shape.labels) + "\n", encoding="utf-8")
    freeze(shape.call, shape.signature, folder / "frozen")
    precisions = [made.partition(" ")[0] for made in shape.variants]
    document = {
        "model": {"source": "none", "name": shape.name, **shape.project},
        "android": {"package": f"com.example.{shape.name.lower()}", "variants": precisions},
    }
    project = parse_project(document, folder=folder, origin=shape.name)
    golden, _ = make(
        shape,
        GoldenRequest(
            inputs={name: table.facts() for name, table in project.model.inputs.items()},
            outputs={name: table.facts(folder) for name, table in project.model.outputs.items()},
        ),
    )
    calibration = folder / "calibration.npz"
    np.savez(calibration, **golden.inputs)
    artifacts = []
    for made in shape.variants:
        precision, _, io = made.partition(" ")
        chosen = variant(f"tflite-{precision}")
        options = TFLiteOptions(io_dtype=io or "float32")  # type: ignore[arg-type]
        path = folder / chosen.file_name
        artifacts.append(convert(chosen, folder / "frozen", path, options, calibration))
    return project, artifacts, golden


def _weights(*shape: int) -> NDArray[np.float32]:
    """Weights that keep the size of what they are applied to; the same for the same shape."""
    random = np.random.default_rng(list(shape))
    return random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype("f4")


def _spec(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def _features(image: Any, channels: int) -> Any:
    """A convolution of 8 channels that halves an image's sides."""
    import tensorflow as tf

    return tf.nn.relu(tf.nn.conv2d(image, _weights(3, 3, channels, 8), 2, "SAME"))


def _scores(image: Any, channels: int, classes: int) -> Any:
    import tensorflow as tf

    pooled = tf.reduce_mean(_features(image, channels), axis=(1, 2))
    return tf.nn.softmax(8 * pooled @ _weights(8, classes))


def _classify_image(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"scores": _scores(inputs["image"], 3, len(FRUIT))}


def _spot_word(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    frames = tf.reshape(inputs["sound"], (1, 16, 25))
    heard = tf.reduce_mean(tf.nn.relu(frames @ _weights(25, 8)), axis=1)
    return {"heard": tf.sigmoid(4 * heard @ _weights(8, 1))}


def _two_and_two(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    left, right = inputs["left hand"], inputs["right/hand:0"]
    both = tf.concat([left, right], axis=1)
    return {"side": tf.nn.softmax(4 * both @ _weights(10, 3)), "sum": both @ _weights(10, 6)}


def _recognise_digit(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"scores": _scores(inputs["image"], 1, 10)}


def _embed(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return {"embedding": tf.nn.l2_normalize(inputs["features"] @ _weights(20, 16), axis=1)}


def _segment(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    features = tf.repeat(tf.repeat(_features(inputs["photo"], 3), 2, axis=1), 2, axis=2)
    return {"mask": tf.nn.softmax(8 * tf.nn.conv2d(features, _weights(1, 1, 8, 3), 1, "SAME"))}


def _predict_token(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    embedded = tf.gather(tf.constant(_weights(12, 6)), inputs["tokens"])
    logits = tf.reduce_mean(embedded, axis=1) @ _weights(6, 12)
    return {"logits": logits, "count": tf.reduce_sum(inputs["tokens"], axis=1)}


def _classify_batch(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"scores": _scores(inputs["images"], 1, 4)}


def _mix(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    left, right = inputs["left"], inputs["right"]
    pixels = tf.cast(inputs["picture"], tf.float32) / 255
    return {
        "loud": tf.nn.softmax(tf.concat([left, right], axis=1) @ _weights(60, 3)),
        "bright": tf.sigmoid(tf.reduce_mean(pixels, axis=(1, 2, 3))[:, None]),
        "shade": tf.reduce_mean(pixels, axis=1),
        "later": inputs["time"] + 1,
        "off": tf.logical_not(inputs["on"]),
    }


_ALL = (
    Shape(
        name="FruitClassifier",
        inputs=(_spec("image", 1, 24, 16, 3),),
        outputs=(_spec("scores", 1, len(FRUIT)),),
        call=_classify_image,
        project={
            "inputs": {"image": {"kind": "image", "scale": 1 / 127.5, "offset": -1}},
            "outputs": {"scores": {"kind": "classification", "labels": "labels.txt"}},
        },
        variants=("fp16", "dynamic"),
        labels=FRUIT,
    ),
    Shape(
        name="WordSpotter",
        inputs=(_spec("sound", 1, 400),),
        outputs=(_spec("heard", 1, 1),),
        call=_spot_word,
        project={
            "inputs": {"sound": {"kind": "audio"}},
            "outputs": {"heard": {"kind": "classification"}},
        },
    ),
    Shape(
        name="Hands",
        # The converter sorts names; the app keeps the model's own order.
        inputs=(_spec("right/hand:0", 1, 6), _spec("left hand", 1, 4)),
        outputs=(_spec("sum", 1, 6), _spec("side", 1, 3)),
        call=_two_and_two,
        project={"outputs": {"side": {"kind": "classification"}}},
    ),
    Shape(
        name="Int8Digits",
        inputs=(_spec("image", 1, 12, 12, 1),),
        outputs=(_spec("scores", 1, 10),),
        call=_recognise_digit,
        project={
            "inputs": {"image": {"kind": "image", "color": "grayscale", "scale": 1 / 255}},
            "outputs": {"scores": {"kind": "classification"}},
        },
        variants=("int8 int8",),
    ),
    Shape(
        name="Embedder",
        inputs=(_spec("features", 1, 20),),
        outputs=(_spec("embedding", 1, 16),),
        call=_embed,
        project={"outputs": {"embedding": {"kind": "embedding"}}},
    ),
    Shape(
        name="Segmenter",
        inputs=(_spec("photo", 1, 12, 8, 3),),
        outputs=(_spec("mask", 1, 12, 8, 3),),
        call=_segment,
        project={
            "inputs": {"photo": {"kind": "image", "color": "bgr", "scale": 1 / 255}},
            "outputs": {"mask": {"kind": "mask"}},
        },
    ),
    Shape(
        name="TokenPredictor",
        inputs=(_spec("tokens", 1, 7, dtype="int32"),),
        outputs=(_spec("logits", 1, 12), _spec("count", 1, dtype="int32")),
        call=_predict_token,
        project={"inputs": {"tokens": {"range": [0, 11]}}},
    ),
    Shape(
        name="BatchClassifier",
        inputs=(_spec("images", 3, 8, 8, 1),),
        outputs=(_spec("scores", 3, 4),),
        call=_classify_batch,
        project={
            "batch": 3,
            "inputs": {"images": {"kind": "image", "color": "grayscale", "scale": 1 / 255}},
            "outputs": {"scores": {"kind": "classification"}},
        },
    ),
    Shape(
        name="UInt8Digits",
        inputs=(_spec("image", 1, 12, 12, 1),),
        outputs=(_spec("scores", 1, 10),),
        call=_recognise_digit,
        project={
            "inputs": {"image": {"kind": "image", "color": "grayscale", "scale": 1 / 255}},
            "outputs": {"scores": {"kind": "classification"}},
        },
        variants=("int8 uint8",),
        runtimes=("interpreter",),
    ),
)

_MIXER = Shape(
    name="Mixer",
    inputs=(
        _spec("picture", 1, 3, 10, 8, dtype="uint8"),
        _spec("left", 1, 30),
        _spec("right", 1, 30),
        _spec("time", 1, 2, dtype="int64"),
        _spec("on", 1, 4, dtype="bool"),
    ),
    outputs=(
        _spec("loud", 1, 3),
        _spec("bright", 1, 1),
        _spec("shade", 1, 10, 8),
        _spec("later", 1, 2, dtype="int64"),
        _spec("off", 1, 4, dtype="bool"),
    ),
    call=_mix,
    project={
        "inputs": {
            "picture": {"kind": "image"},
            "left": {"kind": "audio"},
            "right": {"kind": "audio", "scale": 0.5, "offset": 0.25},
        },
        "outputs": {
            "loud": {"kind": "classification"},
            "bright": {"kind": "classification"},
            "shade": {"kind": "mask"},
        },
    },
    runtimes=("interpreter",),
)
"""Everything at once: planes of bytes, sound twice, whole numbers, truths, two sets of classes."""

SHAPES = {shape.name: shape for shape in (*_ALL, _MIXER)}

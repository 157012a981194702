"""The targets `coreml` and `coreml-fp32`: our own packages in the signature's terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit_converters import coreml
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

IMAGE, SCORES, WINNER = "image-in/x", "scores ü", "winner"
SIGNATURE = Signature(
    inputs=(TensorSpec(name=IMAGE, shape=(1, 16, 12, 3), dtype="float32"),),
    outputs=(
        TensorSpec(name=SCORES, shape=(1, 5), dtype="float32"),
        TensorSpec(name=WINNER, shape=(1,), dtype="int64"),
    ),
)
SCALE, OFFSET = (0.017, 0.0175, 0.0174), (-2.1, -2.0, -1.8)

Convert = Callable[..., Artifact]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A network whose channels differ, frozen, and a function that runs it."""
    import tensorflow as tf

    random = np.random.default_rng(4)
    kernel = tf.constant(random.normal(size=(3, 3, 3, 6), scale=0.3), tf.float32)
    matrix = tf.constant(random.normal(size=(6, 5)), tf.float32)

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        features = tf.nn.relu(tf.nn.conv2d(tensors[IMAGE], kernel, 2, "SAME"))
        scores = tf.nn.softmax(tf.reduce_mean(features, axis=(1, 2)) @ matrix)
        return {SCORES: scores, WINNER: tf.argmax(scores, axis=-1)}

    folder = tmp_path_factory.mktemp("frozen")
    freeze(call, SIGNATURE, folder)
    return folder, call


@pytest.fixture(scope="module")
def convert(model: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Convert:
    folder = tmp_path_factory.mktemp("packages")

    def make(precision: str, *images: coreml.ImageInput) -> Artifact:
        path = folder / f"{precision}-{len(images)}.mlpackage"
        options = coreml.CoreMLOptions(images=images)
        return coreml.convert(variant(f"coreml-{precision}"), model[0], path, options)

    return make


@pytest.fixture(scope="module")
def fp16(convert: Convert) -> Artifact:
    return convert("fp16")


@pytest.fixture(scope="module")
def image_package(convert: Convert) -> Artifact:
    return convert("fp16", coreml.ImageInput(name=IMAGE, color="rgb", scale=SCALE, offset=OFFSET))


def snr_db(output: np.ndarray, reference: np.ndarray) -> float:
    noise = np.sum(np.square(output - reference, dtype=np.float64))
    return float(10 * np.log10(np.sum(np.square(reference, dtype=np.float64)) / noise))


def expected(model: tuple[Path, Any], values: np.ndarray) -> dict[str, np.ndarray]:
    return {name: each.numpy() for name, each in model[1]({IMAGE: values}).items()}


PIXELS = np.random.default_rng(8).integers(0, 256, size=(1, 16, 12, 3)).astype(np.uint8)
VALUES = (PIXELS * np.array(SCALE) + np.array(OFFSET)).astype(np.float32)


@pytest.mark.parametrize("name", ["coreml", "coreml-fp32"])
def test_outputs_have_the_source_s_names_and_values(
    model: tuple[Path, Any], fp16: Artifact, name: str
) -> None:
    assert fp16.native_names[SCORES] != SCORES
    with target(name).open(fp16) as session:
        outputs = session.run({IMAGE: VALUES})
        reference = expected(model, VALUES)
        assert snr_db(outputs[SCORES], reference[SCORES]) > 50
        np.testing.assert_array_equal(outputs[WINNER], reference[WINNER])
        assert outputs[WINNER].dtype == np.int32
        assert session.execution.place.startswith("ONNX Runtime ")
        assert session.execution.nodes == sum(
            count for operator, count in fp16.operators.items() if operator != "const"
        )


def test_float16_rounds_and_float32_does_not(fp16: Artifact) -> None:
    outputs = {}
    for name in ("coreml", "coreml-fp32"):
        with target(name).open(fp16) as session:
            outputs[name] = session.run({IMAGE: VALUES})[SCORES]
    rounded = outputs["coreml"].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(outputs["coreml"], rounded)
    assert np.any(outputs["coreml-fp32"] != outputs["coreml"])


def test_a_float32_package_is_exact(model: tuple[Path, Any], convert: Convert) -> None:
    with target("coreml").open(convert("fp32")) as session:
        outputs = session.run({IMAGE: VALUES})
    assert snr_db(outputs[SCORES], expected(model, VALUES)[SCORES]) > 100


def test_an_image_takes_pixels_as_the_signature_has_them(
    model: tuple[Path, Any], image_package: Artifact
) -> None:
    (spec,) = image_package.signature.inputs
    assert (spec.dtype, spec.shape) == ("uint8", PIXELS.shape)
    with target("coreml").open(image_package) as session:
        outputs = session.run({IMAGE: PIXELS})
    assert snr_db(outputs[SCORES], expected(model, VALUES)[SCORES]) > 45


def test_an_image_takes_the_source_s_values_too(image_package: Artifact) -> None:
    """A golden holds what the source takes: `pixel * scale + offset`."""
    with target("coreml").open(image_package) as session:
        from_pixels = session.run({IMAGE: PIXELS})[SCORES]
        np.testing.assert_array_equal(session.run({IMAGE: VALUES})[SCORES], from_pixels)


def test_runs_do_not_depend_on_each_other(fp16: Artifact) -> None:
    with target("coreml").open(fp16) as session:
        first, _, again = session.run_all(
            [{IMAGE: VALUES}, {IMAGE: np.zeros_like(VALUES)}, {IMAGE: VALUES}]
        )
    np.testing.assert_array_equal(first[SCORES], again[SCORES])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "inputs are"),
        ({"other": VALUES}, "not \\['other'\\]"),
        ({IMAGE: VALUES[0]}, "is \\(1, 16, 12, 3\\)"),
        ({IMAGE: VALUES.astype(np.int32)}, "is float32, not int32"),
    ],
)
def test_inputs_that_are_not_the_signature_s(
    fp16: Artifact, inputs: dict[str, np.ndarray], message: str
) -> None:
    with target("coreml").open(fp16) as session, pytest.raises(DataError, match=message):
        session.run(inputs)


def test_the_trace_has_every_operation_in_running_order(fp16: Artifact) -> None:
    session = target("coreml").open(fp16)
    traced = session.trace({IMAGE: VALUES})  # type: ignore[attr-defined]
    operators = [each.operator for each in traced]
    assert operators.index("conv") < operators.index("relu") < operators.index("softmax")
    native = fp16.native_names[SCORES]
    assert native in [each.name for each in traced]


def test_what_the_target_is() -> None:
    assert target("coreml").info.meaning == "Proves the conversion, not Apple's hardware."
    assert target("coreml").missing() is None
    assert "onnxruntime" in target("coreml").version()

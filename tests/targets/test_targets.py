from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, ProjectError, TargetError
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert, precision_of, read_artifact
from mobilekit_converters.variants import variant
from mobilekit_delegates.quantised_values import dequantise, quantise
from mobilekit_delegates.targets import TARGETS, Target, target

MODELS = Path(__file__).parents[3] / "shared" / "models"
X = np.array([[0.5, -0.25, 1.0, 0.0]], "f4")


@pytest.fixture(params=["cpu", "cpu-reference"])
def place(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]


def test_the_table_has_every_target_under_its_own_name() -> None:
    assert all(row.info.name == name for name, row in TARGETS.items())
    assert all(row.info.description and row.info.meaning.endswith(".") for row in TARGETS.values())


def test_an_unknown_target_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match=r"'cpu-refrence'.*Did you mean 'cpu-reference'"):
        target("cpu-refrence")


def test_targets_of_litert_take_tflite_alone(place: Target) -> None:
    assert place.info.formats == ("tflite",)


def test_they_are_here(place: Target) -> None:
    assert place.missing() is None


def test_without_litert_they_say_how_to_get_it(
    place: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    assert "pip install ai-edge-litert" in str(place.missing())


def test_floats_go_in_and_come_out(place: Target, scale_fp32: Artifact) -> None:
    with place.open(scale_fp32) as session:
        first = session.run({"x": X})
        second = session.run({"x": X * 2})
        again = session.run({"x": X})
    assert first["y"].dtype == np.float32
    assert first["y"].shape == (1, 4)
    np.testing.assert_allclose(second["y"], 2 * first["y"], rtol=1e-6)
    np.testing.assert_array_equal(first["y"], again["y"])


def test_integer_artifacts_are_fed_and_read_as_floats(
    place: Target, scale_fp32: Artifact, scale_int8: Artifact
) -> None:
    with place.open(scale_fp32) as session:
        expected = session.run({"x": X})["y"]
    with place.open(scale_int8) as session:
        actual = session.run({"x": X})["y"]
    assert actual.dtype == np.float32
    assert np.abs(actual - expected).max() < 0.05


def test_stored_integers_are_taken_as_they_are(place: Target, scale_int8: Artifact) -> None:
    tensor = scale_int8.signature.inputs[0]
    assert tensor.quantisation is not None
    stored = quantise(X, tensor.quantisation, tensor.dtype)
    with place.open(scale_int8) as session:
        np.testing.assert_array_equal(session.run({"x": stored})["y"], session.run({"x": X})["y"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"inputs are \['x'\], not \[\]"),
        ({"x": X, "z": X}, r"not \['x', 'z'\]"),
        ({"x": X[0]}, r"'x' is \(1, 4\), not \(4,\)"),
        ({"x": X.astype("f8")}, "'x' is float32, not float64"),
        ({"x": X.astype("i4")}, "'x' is float32, not int32"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    place: Target, scale_fp32: Artifact, inputs: dict[str, Any], message: str
) -> None:
    with place.open(scale_fp32) as session, pytest.raises(DataError, match=message):
        session.run(inputs)


def test_a_file_that_cannot_be_loaded_is_that_targets_error(
    place: Target, scale_fp32: Artifact, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\0\0\0\0NOPE" + b"\0" * 100)
    with pytest.raises(TargetError, match=rf"{place.info.name} could not load broken\.tflite: "):
        place.open(replace(scale_fp32, path=broken))


def test_names_that_the_file_lacks_are_that_targets_error(
    place: Target, scale_fp32: Artifact
) -> None:
    other = Signature(
        inputs=(TensorSpec(name="w", shape=(1, 4), dtype="float32"),),
        outputs=scale_fp32.signature.outputs,
    )
    with pytest.raises(TargetError, match="no input or output named w"):
        place.open(replace(scale_fp32, signature=other))


def test_no_state_is_kept_between_runs(place: Target, tmp_path: Path) -> None:
    """A fused LSTM keeps its state in variables of the file, which live as long as the session."""
    import keras

    from mobilekit_converters.frozen import freeze

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 5, 3), dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=(1, 4), dtype="float32"),),
    )
    freeze(lambda i: {"y": model(i["x"], training=False)}, signature, tmp_path / "frozen")
    artifact = convert(
        variant("tflite-fp32"), tmp_path / "frozen", tmp_path / "m.tflite", TFLiteOptions(), None
    )
    x = np.random.default_rng(0).normal(size=(1, 5, 3)).astype("f4")
    with place.open(artifact) as session:
        runs = [session.run({"x": x})["y"] for _ in range(3)]
    np.testing.assert_array_equal(runs[0], runs[2])
    np.testing.assert_allclose(runs[0], model(x).numpy(), atol=1e-5)


@pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models of ../shared/models are not on this machine"
)
@pytest.mark.parametrize(
    "file",
    ["streaming_wakeword/str_ww_ref_model.tflite", "image_classification/pretrainedResnet.tflite"],
)
def test_files_without_a_signature_run(place: Target, file: str) -> None:
    artifact = read_artifact(MODELS / file, f"tflite-{precision_of(MODELS / file)}")
    (tensor,) = artifact.signature.inputs
    with place.open(artifact) as session:
        (output,) = session.run({tensor.name: np.ones(tensor.shape, "f4")}).values()
    assert output.dtype == np.float32
    assert float(output.sum()) == pytest.approx(1, abs=0.02)


def test_quantised_values_round_halves_away_from_zero_and_stop_at_the_ends() -> None:
    scale = Quantisation(scales=(0.5,), zero_points=(3,))
    values = np.array([0.0, 0.25, -0.25, 1.0, 1e9, -1e9])
    stored = quantise(values, scale, "int8")
    assert stored.tolist() == [3, 4, 2, 5, 127, -128]
    assert stored.dtype == np.int8
    assert dequantise(stored[:4], scale).tolist() == [0.0, 0.5, -0.5, 1.0]


def test_quantised_values_follow_their_axis() -> None:
    scales = Quantisation(scales=(1.0, 10.0), zero_points=(0, 1), axis=1)
    stored = quantise(np.array([[2.0, 20.0], [3.0, -30.0]]), scales, "int8")
    assert stored.tolist() == [[2, 3], [3, -2]]
    assert dequantise(stored, scales).tolist() == [[2.0, 20.0], [3.0, -30.0]]


def test_asking_for_targets_loads_no_runtime() -> None:
    import subprocess

    code = (
        "import sys; from mobilekit_delegates.targets import TARGETS; "
        "[t.missing() for t in TARGETS.values()]; "
        "print([m for m in ('ai_edge_litert', 'tensorflow', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

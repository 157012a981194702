"""What an artifact computes on the way, against what its operators are known to compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from located_models import SHARED, Model
from tools import require_target

from mobilekit.parity.golden import load
from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_converters.tflite import precision_of, read_artifact
from mobilekit_delegates.targets import UnsupportedError, target
from mobilekit_delegates.tracing import trace


def batches(model: Model, count: int = 2) -> list[dict[str, np.ndarray]]:
    golden = load(model.golden)
    return [{name: x[i][None] for name, x in golden.inputs.items()} for i in range(count)]


@pytest.mark.parametrize("variant", ["tflite-fp32", "tflite-int8", "coreml-fp16"])
def test_the_last_tensor_is_the_output(model: Callable[[str], Model], variant: str) -> None:
    digits = model("digits")
    artifact = digits.artifact(variant)
    place = "cpu" if variant.startswith("tflite") else "coreml"
    require_target(place)
    traced = trace(artifact, batches(digits), place)
    outputs = [tensor for tensor in traced if tensor.output == "scores"]
    with target(place).open(artifact) as session:
        expected = [session.run(batch)["scores"] for batch in batches(digits)]
    np.testing.assert_array_equal(outputs[-1].values, np.stack(expected))
    assert all(tensor.values.dtype == np.float32 for tensor in traced)
    assert all(len(tensor.values) == 2 for tensor in traced)


def test_quantised_tensors_come_in_real_units(model: Callable[[str], Model]) -> None:
    digits = model("digits")
    exact = trace(digits.artifact("tflite-fp32"), batches(digits), "cpu")
    rounded = trace(digits.artifact("tflite-int8"), batches(digits), "cpu")
    (stored,) = (tensor for tensor in rounded if tensor.input)
    image = np.stack([batch["image"] for batch in batches(digits)])
    assert stored.input == "image"
    np.testing.assert_allclose(stored.values, image, atol=1 / 250)
    by_name = {tensor.name: tensor for tensor in rounded}
    shared = [tensor for tensor in exact if tensor.name in by_name]
    assert len(shared) >= 9
    for tensor in shared:
        off = np.abs(by_name[tensor.name].values - tensor.values).max()
        assert off < 0.1 * np.abs(tensor.values).max()


def test_weights_that_are_unpacked_while_it_runs_are_no_layers(
    model: Callable[[str], Model],
) -> None:
    digits = model("digits")
    operators = [t.operator for t in trace(digits.artifact("tflite-fp16"), batches(digits), "cpu")]
    assert operators == [
        t.operator for t in trace(digits.artifact("tflite-fp32"), batches(digits), "cpu")
    ]


def test_the_artifact_is_left_as_it_was(model: Callable[[str], Model]) -> None:
    artifact = model("digits").artifact("tflite-int8")
    before = artifact.path.read_bytes()
    trace(artifact, batches(model("digits")), "cpu")
    assert artifact.path.read_bytes() == before


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared models are not on this machine")
def test_a_file_without_a_signature_is_traced() -> None:
    path = SHARED / "streaming_wakeword" / "str_ww_ref_model.tflite"
    artifact = read_artifact(path, f"tflite-{precision_of(path)}")
    (spec,) = artifact.signature.inputs
    traced = trace(artifact, [{spec.name: np.full(spec.shape, 0.5, "f4")}], "cpu")
    # Its input is quantised before it goes in.
    assert (traced[0].operator, traced[0].input) == ("QUANTIZE", spec.name)
    assert "DEPTHWISE_CONV_2D" in {tensor.operator for tensor in traced}
    assert traced[-1].operator == "SOFTMAX"
    assert float(traced[-1].values.sum()) == pytest.approx(1, abs=0.02)


def test_a_damaged_file_is_a_clear_error(model: Callable[[str], Model], tmp_path: Path) -> None:
    digits = model("digits")
    artifact = digits.artifact("tflite-fp32")
    half = tmp_path / "half.tflite"
    half.write_bytes(artifact.path.read_bytes()[:2000])
    with pytest.raises((SourceError, TargetError), match=r"half\.tflite"):
        trace(replace(artifact, path=half), batches(digits), "cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["half.tflite"]


def test_where_a_target_shows_nothing_cpu_is_looked_at_and_said(
    model: Callable[[str], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UnsupportedError("It takes no graph with so many outputs.")

    digits = model("digits")
    artifact = digits.artifact("tflite-fp32")
    monkeypatch.setattr(type(target("cpu-reference")), "open", refuse)
    drift = digits.locate(artifact, "cpu-reference")
    assert drift.sentence.startswith(
        "Looked at on cpu, because cpu-reference could not show its layers (It takes no graph with "
        "so many outputs). No layer leaves"
    )

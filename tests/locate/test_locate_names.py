"""Layers' names out of scopes, and tensors matched by name and layout."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from located_models import DIGITS, SOURCES

from mobilekit.parity.locate_match import aligned
from mobilekit.parity.locate_source import SourceGraph, _layers_of_scopes, layer_names
from mobilekit_converters.frozen import freeze, load_frozen
from mobilekit_converters.signature import Signature, TensorSpec

LAYERS = st.lists(
    st.sampled_from(["conv2d", "re_lu", "dense", "add", "block_1_add"]), min_size=1, max_size=12
)


@given(LAYERS)
def test_scopes_find_their_layers_whatever_number_tensorflow_adds(kinds: list[str]) -> None:
    """Keras numbers equal names, TensorFlow numbers the scopes once more."""
    seen: dict[str, int] = {}
    layers, scopes = [], []
    for kind in kinds:
        count = seen.get(kind, 0)
        seen[kind] = count + 1
        layers.append(f"{kind}_{count}" if count else kind)
        scopes.append(f"{layers[-1]}_2" if count == 1 else f"{layers[-1]}_1")
    found = _layers_of_scopes([("model_1", scope) for scope in scopes], layers)
    assert [found[scope] for scope in scopes] == layers


def test_the_digits_model_names_its_layers() -> None:
    names = layer_names(DIGITS)
    assert names[:4] == ("image", "conv2d", "batch_normalization", "re_lu")
    assert names[-1] == "scores"


def test_nested_models_name_their_layers_too(tmp_path: Path) -> None:
    inner = {"config": {"name": "inner", "layers": [{"config": {"name": "dense"}}]}}
    layers = [{"config": {"name": "first"}}, inner]
    outer = {"class_name": "Functional", "config": {"layers": layers}}
    path = tmp_path / "nested.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(outer))
        archive.writestr("model.weights.h5", "")
    assert layer_names(path) == ("first", "inner", "dense")


def test_a_tensor_is_computed_that_tensorflow_would_fuse_away(tmp_path: Path) -> None:
    import tensorflow as tf

    x = TensorSpec(name="x", shape=(1, 4, 4, 2), dtype="float32")
    signature = Signature(inputs=(x,), outputs=(replace(x, name="y"),))
    kernel = np.random.default_rng(1).normal(0, 1, (3, 3, 2, 2)).astype("f4")

    def swish(inputs: dict[str, Any]) -> dict[str, Any]:
        features = tf.nn.bias_add(tf.nn.conv2d(inputs["x"], kernel, 1, "SAME"), [1.0, 2.0])
        return {"y": features * tf.sigmoid(features)}

    freeze(swish, signature, tmp_path / "frozen")
    source = SourceGraph(load_frozen(tmp_path / "frozen"))
    names = [node.name for node in source.nodes.values() if node.operator in ("Sigmoid", "Mul")]
    image = np.random.default_rng(2).normal(0, 1, (1, 4, 4, 2)).astype("f4")
    share, product = source.values(names, [{"x": image}]).values()
    assert product == pytest.approx(np.log(share / (1 - share)) * share, abs=1e-3)


def test_other_sources_name_none(tmp_path: Path) -> None:
    assert layer_names(tmp_path) == ()
    (tmp_path / "x.tflite").write_bytes(b"TFL3" * 10)
    assert layer_names(tmp_path / "x.tflite") == ()


@pytest.mark.parametrize("name", ["resnet", "wakeword"])
def test_old_files_name_their_layers(name: str) -> None:
    if not SOURCES[name].exists():
        pytest.skip("the shared models are not on this machine")
    assert "conv2d" in layer_names(SOURCES[name])


VALUES = np.random.default_rng(0).normal(size=(2, 1, 4, 4, 3)).astype("f4")


def test_channels_first_become_channels_last() -> None:
    np.testing.assert_array_equal(aligned(VALUES.transpose(0, 1, 4, 2, 3), VALUES), VALUES)


def test_of_two_layouts_the_better_is_taken() -> None:
    square = VALUES[..., [0, 1, 2, 0]]
    np.testing.assert_array_equal(aligned(square.transpose(0, 1, 4, 2, 3), square), square)
    np.testing.assert_array_equal(aligned(square, square), square)


def test_dimensions_of_one_are_no_difference() -> None:
    flat = VALUES.reshape(2, 1, -1)
    np.testing.assert_array_equal(aligned(flat[:, :, None], flat), flat)

"""Models that no release may be made of: refused by the command, with nothing left behind."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Ended, left_in

Run = Callable[..., Ended]


def dense_model(*layers: Any, shape: tuple[int | None, ...] = (8,)) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, name="x"), *layers, keras.layers.Dense(3)])


def with_lambda(path: Path) -> None:
    import keras

    dense_model(keras.layers.Lambda(lambda x: x * 2.0, name="twice")).save(path)


def with_unregistered_layer(path: Path) -> None:
    import keras

    class Swirl(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x[..., ::-1]

    dense_model(Swirl(name="swirl")).save(path)


def with_weight(value: float) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        model = dense_model()
        kernel = np.zeros((8, 3), np.float32)
        kernel[5, 1] = value
        model.layers[-1].kernel.assign(kernel)
        model.save(path)

    return save


def with_unknown_dimension(path: Path) -> None:
    import keras

    model = dense_model(keras.layers.GlobalAveragePooling1D(), shape=(None, 8))
    model.save(path)


def bomb(path: Path) -> None:
    dense_model().save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros.bin", bytes(300 << 20))


CASES: list[tuple[str, Callable[[Path], None], tuple[str, ...]]] = [
    ("lambda", with_lambda, ("twice", "--trust-source")),
    ("unregistered layer", with_unregistered_layer, ("swirl",)),
    ("nan", with_weight(float("nan")), ("NaN",)),
    ("inf", with_weight(float("inf")), ("Inf",)),
    ("unknown dimension", with_unknown_dimension, ("[model.inputs.x]", "shape = ")),
    ("bomb", bomb, ("unpack",)),
]


@pytest.mark.parametrize(("make", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_bad_model_is_refused(
    run: Run, tmp_path: Path, make: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    path = tmp_path / "ein Modell.keras"
    make(path)
    ended = run("convert", path)
    assert ended.status == 2, ended.errors
    for word in words:
        assert word in ended.errors
    assert "ein Modell.keras" in ended.errors or "x" in ended.errors
    assert "Traceback" not in ended.errors
    assert left_in(tmp_path) == [path.name]


def test_the_key_that_the_error_names_fixes_the_dimension(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with_unknown_dimension(path)
    ended = run("convert", path, "--shape", "x=12,8", "--variant", "tflite-fp32", "--json")
    assert ended.status == 0, ended.errors
    assert ended.json()["model"]["signature"]["inputs"][0]["shape"] == [1, 12, 8]


def test_a_trusted_lambda_converts(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with_lambda(path)
    ended = run("convert", path, "--trust-source", "--variant", "tflite-fp32", "--json")
    assert ended.status == 0, ended.errors


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
def test_int8_takes_the_ends_that_the_project_asks_for(run: Run, tmp_path: Path, io: str) -> None:
    path = tmp_path / "model.keras"
    dense_model().save(path)
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(64, 8)))
    project = tmp_path / "mobilekit.toml"
    project.write_text(
        f"""
        [model]
        source = "model.keras"
        batch = 2
        [data]
        calibration = "data.npz"
        evaluation = "data.npz"
        [android]
        variants = ["int8"]
        io = "{io}"
        [ios]
        variants = []
        """
    )
    ended = run("convert", project, "--json")
    assert ended.status == 0, ended.errors
    (variant,) = ended.json()["variants"]
    (spec,) = variant["signature"]["inputs"]
    assert (spec["dtype"], spec["shape"]) == (io, [2, 8])

"""The committed example is what its README says: real data, split cleanly, really trained."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits"
Array = NDArray[Any]


def load_arrays(name: str, folder: Path = EXAMPLE) -> dict[str, Array]:
    with np.load(folder / name, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def keys(images: Array) -> list[bytes]:
    """Each image's 64 ink levels, 0 to 16, as one comparable value."""
    levels = np.rint(images * 16).astype(np.uint8)
    return [image.tobytes() for image in levels]


@pytest.fixture(scope="module")
def training() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_train", EXAMPLE / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published() -> dict[bytes, int]:
    """scikit-learn's digits: ink levels to label."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pairs = dict(zip(keys(digits.images / 16), digits.target.tolist(), strict=True))
    assert len(pairs) == 1797, "two digits are equal, so an image does not identify its sample"
    return pairs


@pytest.fixture(scope="module")
def model() -> Any:
    import keras

    return keras.models.load_model(EXAMPLE / "digits.keras")


@pytest.mark.parametrize("name", ["calibration.npz", "evaluation.npz"])
def test_images_are_scikit_learns_digits_on_an_8_bit_grid(
    name: str, published: dict[bytes, int]
) -> None:
    images = load_arrays(name)["image"]
    assert images.dtype == np.float32
    assert images.shape[1:] == (8, 8, 1)
    assert set(keys(images)) <= published.keys()
    grey = np.rint(images * 255)
    np.testing.assert_array_equal(images, (grey / 255).astype(np.float32))
    np.testing.assert_array_equal(grey, np.rint(np.rint(images * 16) * 255 / 16))


def test_evaluation_labels_are_the_published_ones(published: dict[bytes, int]) -> None:
    evaluation = load_arrays("evaluation.npz")
    expected = [published[key] for key in keys(evaluation["image"])]
    assert evaluation["labels"].tolist() == expected
    assert set(expected) == set(range(10))


def test_training_and_evaluation_share_no_digit(
    training: ModuleType, published: dict[bytes, int]
) -> None:
    digits = training.load_digits()
    train, held_out = set(keys(digits.train_images)), set(keys(digits.evaluation_images))
    assert train.isdisjoint(held_out)
    assert train | held_out == published.keys()
    assert set(keys(load_arrays("evaluation.npz")["image"])) == held_out
    assert set(keys(load_arrays("calibration.npz")["image"])) <= train


def test_the_model_has_the_names_that_the_project_file_uses(model: Any) -> None:
    assert [tensor.name for tensor in model.inputs] == ["image"]
    assert model.output_names == ["scores"]
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 10)


def test_the_model_scores_what_the_readme_says(model: Any) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    claim = re.search(r"held-out accuracy \| (\d+) of (\d+) digits", readme)
    assert claim is not None
    evaluation = load_arrays("evaluation.npz")
    predicted = model.predict(evaluation["image"], verbose=0).argmax(axis=1)
    correct = int((predicted == evaluation["labels"]).sum())
    assert (correct, len(predicted)) == (int(claim[1]), int(claim[2]))
    assert correct / len(predicted) >= 0.97
    parameters = re.search(r"([\d,]+) parameters", readme)
    assert parameters is not None
    assert int(parameters[1].replace(",", "")) == model.count_params()


def test_every_supported_keras_can_read_the_model() -> None:
    """Keras reads the files of older versions, so the oldest supported one has to write it."""
    with zipfile.ZipFile(EXAMPLE / "digits.keras") as archive:
        written_by = json.loads(archive.read("metadata.json"))["keras_version"]
    oldest = re.search(r'"keras>=([\d.]+),', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert oldest is not None
    assert written_by.startswith(oldest[1])


def test_labels_are_one_digit_a_line() -> None:
    assert (EXAMPLE / "labels.txt").read_text() == "".join(f"{digit}\n" for digit in range(10))


def test_the_example_stays_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLE.iterdir() if path.is_file()) < 1_000_000


@pytest.mark.slow
def test_training_again_gives_as_good_a_model(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE / "train.py"), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for name in ("calibration.npz", "evaluation.npz"):
        written, committed = load_arrays(name, tmp_path), load_arrays(name)
        assert written.keys() == committed.keys()
        for key, array in committed.items():
            np.testing.assert_array_equal(written[key], array)
    result = re.search(r"(\d+) of (\d+) held-out digits right", run.stdout)
    assert result is not None
    assert int(result[1]) / int(result[2]) >= 0.97
    assert (tmp_path / "digits.keras").is_file()

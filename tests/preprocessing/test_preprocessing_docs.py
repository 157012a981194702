"""What `docs/preprocessing.md` shows, run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from mobilekit.parity.inputs import InputFacts, Resize
from mobilekit.preprocessing import image_to_input
from mobilekit.project import load_project

PAGE = Path(__file__).parents[2] / "docs" / "preprocessing.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_makes_calibration_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = block("toml")
    Path("mobilekit.toml").write_text(f'[model]\nsource = "m.keras"\n{table}')
    Path("photographs").mkdir()
    for index, pixels in enumerate(load_sample_images().images):
        Image.fromarray(pixels).save(f"photographs/{index}.png")
    exec(compile(block("python"), PAGE.name, "exec"), {})
    with np.load("calibration.npz") as data:
        assert data["image"].shape == (2, 224, 224, 3)
        assert data["image"].min() >= -1
        assert 0.9 < data["image"].max() <= 1


def test_the_keys_that_are_shown_as_defaults_are(tmp_path: Path) -> None:
    table = block("toml")
    (tmp_path / "mobilekit.toml").write_text(f'[model]\nsource = "m.keras"\n{table}')
    shown = load_project(tmp_path / "mobilekit.toml").model.inputs["image"].facts()
    assert shown == InputFacts(kind="image", scale=shown.scale, offset=shown.offset)


@pytest.mark.parametrize(
    ("resize", "expected"),
    [("bilinear", [50, 120]), ("bilinear-antialias", [71.43, 117.14]), ("nearest", [100, 40])],
)
def test_the_worked_example(resize: Resize, expected: list[float]) -> None:
    pixels = np.array([[0, 100, 200, 40]], np.uint8)
    facts = InputFacts(kind="image", color="grayscale", resize=resize)
    found = image_to_input(pixels, facts, (1, 1, 2, 1)).ravel()
    np.testing.assert_allclose(found, expected, atol=0.005)
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"**{value}**" in text for value in expected)


def test_the_worked_example_padded() -> None:
    facts = InputFacts(kind="image", color="grayscale", fit="pad", pad=7)
    found = image_to_input(np.array([[0, 100, 200, 40]], np.uint8), facts, (1, 2, 2, 1))
    assert found.ravel().tolist() == [50, 120, 7, 7]

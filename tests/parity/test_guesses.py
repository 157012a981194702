from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilekit.parity.golden import GoldenRequest, OutputFacts, make
from mobilekit.parity.guesses import RANGES, is_classification, liveliness
from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.signature import Signature, TensorSpec


class Saturating:
    """A model that tells inputs of one range apart, and answers all others alike."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.signature = Signature(
            inputs=(TensorSpec(name="x", shape=(1, 16, 16, 3), dtype="float32"),),
            outputs=(TensorSpec(name="y", shape=(1, 2), dtype="float32"),),
        )

    def predict(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        logit = 8 * (float(inputs["x"].mean()) - middle) / half
        share = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
        return {"y": np.array([[share, 1 - share]], np.float32)}


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_the_range_is_the_one_in_which_outputs_vary(low: float, high: float) -> None:
    golden, facts = make(Saturating(low, high), GoldenRequest())
    pixels = golden.inputs["x"]
    assert low <= pixels.min() < pixels.max() <= high
    assert pixels.max() - pixels.min() > 0.5 * (high - low)
    assert any(f"{low:g} to {high:g}" in note for note in facts.notes)


def test_a_range_that_was_given_is_kept() -> None:
    request = GoldenRequest(inputs={"x": InputFacts(low=2.0, high=3.0)})
    golden, facts = make(Saturating(0, 255), request)
    assert golden.inputs["x"].min() >= 2
    assert not any("No range" in note for note in facts.notes)


def test_answers_that_are_all_alike_are_told() -> None:
    request = GoldenRequest(inputs={"x": InputFacts(low=900.0, high=901.0)})
    _, facts = make(Saturating(0, 1), request)
    assert any("nearly alike" in note for note in facts.notes)


def test_shares_are_taken_for_a_classification_unless_told_otherwise() -> None:
    golden, facts = make(Saturating(0, 1), GoldenRequest())
    assert golden.tasks == {"y": "classification"}
    assert any("taken for a classification" in note for note in facts.notes)
    told = GoldenRequest(outputs={"y": OutputFacts(kind="tensor")})
    assert make(Saturating(0, 1), told)[0].tasks == {"y": "tensor"}


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.5, 0.6]], np.float32),
        np.array([[1.5, -0.5]], np.float32),
        np.array([[1.0]], np.float32),
        np.array([[1, 0]], np.int32),
        np.ones((2, 1, 1), np.float32),
    ],
)
def test_what_is_no_classification(values: NDArray[Any]) -> None:
    assert not is_classification(values)


def test_liveliness() -> None:
    constant = np.ones((8, 4), np.float32)
    assert liveliness({"y": constant}) == 0
    assert liveliness({"y": np.zeros((8, 4), np.float32)}) == 0
    assert liveliness({"y": np.where(constant > 0, np.float32("nan"), 1)}) == 0
    assert liveliness({"y": np.eye(8, dtype=np.float32)}) > 0.9

"""The mutants themselves: an edit that changes nothing is no fault, and a fault is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mutants import ask, kinds, mutant
from subjects import Subject, prepare
from tflite_editing import Graph
from tflite_faults import pad_before

from mobilekit.parity.budgets import PROGRAM, budget_for
from mobilekit.parity.program.comparison import check_program
from mobilekit_converters.tflite import read_artifact


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return prepare("digits", tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("precision", ["fp16", "dynamic", "int8"])
def test_weights_that_are_stored_again_are_the_same_program(
    digits: Subject, precision: str, tmp_path: Path
) -> None:
    variant = f"tflite-{precision}"
    graph = Graph(digits.artifact(variant).path)
    for layer in graph.layers():
        layer.set_weights(layer.weights())
    graph.save(tmp_path / "m.tflite")
    again = read_artifact(tmp_path / "m.tflite", variant)
    exact = digits.artifact("tflite-fp32")
    check = check_program(again, exact, budget_for(variant, PROGRAM), digits.golden_file)
    assert check.status == "pass", check.reason


def test_packages_that_are_stored_again_are_the_same_program(
    digits: Subject, tmp_path: Path
) -> None:
    from coreml_editing import Package

    from mobilekit_converters import coreml

    for variant in ("coreml-w8", "coreml-palette4"):
        package = Package(digits.artifact(variant).path)
        for layer in package.layers():
            layer.set_weights(layer.weights())
        package.save(tmp_path / f"{variant}.mlpackage")
        again = coreml.read_artifact(tmp_path / f"{variant}.mlpackage", variant)
        check = check_program(again, digits.artifact("coreml-fp16"), budget_for(variant, PROGRAM))
        assert check.status == "pass", check.reason


def test_padding_by_an_operator_of_its_own_is_the_same_program(
    digits: Subject, tmp_path: Path
) -> None:
    """The digits' first layer pads by 1 on all sides."""
    graph = Graph(digits.artifact("tflite-int8").path)
    pad_before(graph, graph.layers()[0].operator, [(0, 0), (1, 1), (1, 1), (0, 0)])
    graph.save(tmp_path / "m.tflite")
    again = read_artifact(tmp_path / "m.tflite", "tflite-int8")
    exact = digits.artifact("tflite-fp32")
    check = check_program(again, exact, budget_for("tflite-int8", PROGRAM), digits.golden_file)
    assert check.status == "pass", check.reason


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("padding shifted by one", "has padding ((2, 0), (2, 0)), and ((1, 1), (1, 1)) in"),
        ("dilation doubled", "has dilationHFactor 2, and 1 in tflite-fp32"),
        ("pooling of another kind", "is a MEAN in tflite-fp32"),
        ("one channel zeroed, middle layer", "weight_error 1 is above 0.03, in the "),
        ("NaN in a weight", "scale is not finite"),
        ("an activation's range a quarter of what it needs", "is below 25, in the "),
    ],
)
def test_the_reason_says_what_is_wrong(
    kind: str, words: str, digits: Subject, tmp_path: Path
) -> None:
    made = mutant(kind, digits, "tflite-int8", tmp_path)
    assert made is not None
    verdict = ask(made, PROGRAM)
    assert verdict is not None
    assert verdict.caught
    assert words in verdict.reason


def test_every_kind_changes_an_artifact_or_what_it_is_fed(digits: Subject, tmp_path: Path) -> None:
    applied = set()
    for variant in ("tflite-fp32", "tflite-int8", "coreml-palette4"):
        for kind in kinds():
            folder = tmp_path / f"{variant} {len(applied)} {kinds().index(kind)}"
            folder.mkdir()
            if mutant(kind, digits, variant, folder) is not None:
                applied.add(kind)
    # Digits have no colours and no skip connections.
    assert set(kinds()) - applied == {
        "RGB as BGR, in the artifact",
        "RGB as BGR, in the input",
        "a skip connection left out",
    }


def test_what_is_fed_as_uint8_is_128_steps_off(digits: Subject) -> None:
    from input_faults import int8_as_uint8

    quantisation = digits.with_integer_input().signature.inputs[0].quantisation
    assert quantisation is not None
    (scale,) = quantisation.scales
    samples = np.linspace(0, 1, 12, dtype="f4").reshape(3, 2, 2, 1)
    off = np.abs(int8_as_uint8(samples, quantisation) - samples)
    np.testing.assert_allclose(off, 128 * scale, atol=scale)

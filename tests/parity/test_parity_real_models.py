"""Clean artifacts of trained models pass with the default budgets; broken ones fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.budgets import budget_for
from mobilekit.parity.checks import CheckRequest, run_check
from mobilekit.parity.golden import GoldenRequest, OutputFacts, make
from mobilekit.parity.inputs import InputFacts
from mobilekit.parity.synthetic import generate
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.tflite import TFLiteOptions, convert, read_artifact
from mobilekit_converters.variants import precisions, variant

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parents[2]
MODELS = ROOT.parent / "shared" / "models"
WAKE_WORD = MODELS / "streaming_wakeword"
DIGITS = ROOT / "examples" / "digits"
RESNET_IMAGES = InputFacts(kind="image")


@dataclass
class Prepared:
    """A source, frozen, with its golden and its calibration data."""

    folder: Path
    quantised: dict[str, Artifact]

    def artifact(self, precision: str) -> Artifact:
        if precision not in self.quantised:
            self.quantised[precision] = convert(
                variant(f"tflite-{precision}"),
                self.folder / "frozen",
                self.folder / f"{precision}.tflite",
                TFLiteOptions(),
                self.folder / "calibration.npz",
            )
        return self.quantised[precision]

    def check(self, artifact: Artifact, target: str) -> Check:
        return run_check(
            CheckRequest(
                artifact=artifact,
                target=target,
                golden=self.folder / "golden.npz",
                budget=budget_for(artifact.variant, target),
            )
        )


def _prepare(
    folder: Path, model: Path, calibration: Any, evaluation: Path | None, facts: InputFacts
) -> Prepared:
    source = open_source(model, SourceOptions())
    (tensor,), (output,) = source.signature.inputs, source.signature.outputs
    source.freeze(folder / "frozen")
    np.savez(folder / "calibration.npz", **{tensor.name: calibration})
    request = GoldenRequest(
        evaluation=evaluation,
        inputs={tensor.name: facts},
        outputs={output.name: OutputFacts(kind="classification")},
    )
    golden, _ = make(source, request)
    golden.save(folder / "golden.npz")
    return Prepared(folder=folder, quantised={})


def _wake_word(folder: Path) -> Prepared:
    samples = np.load(WAKE_WORD / "calibration_samples.npz")
    evaluation = folder / "evaluation.npz"
    np.savez(evaluation, input_1=samples["specs"], labels=samples["labels"])
    return _prepare(
        folder,
        WAKE_WORD / "str_ww_ref_model.h5",
        samples["specs"][::2],
        evaluation,
        InputFacts(low=0.0, high=1.0),
    )


def _keywords(folder: Path) -> Prepared:
    facts = InputFacts(low=-60.0, high=60.0)
    return _prepare(
        folder,
        MODELS / "keyword_spotting" / "kws_ref_model",
        generate(facts, (49, 10, 1), "float32", samples=80, seed=5),
        None,
        facts,
    )


def _resnet(folder: Path) -> Prepared:
    return _prepare(
        folder,
        MODELS / "image_classification" / "pretrainedResnet.h5",
        generate(RESNET_IMAGES, (32, 32, 3), "float32", samples=100, seed=9),
        None,
        RESNET_IMAGES,
    )


def _digits(folder: Path) -> Prepared:
    with np.load(DIGITS / "calibration.npz") as data:
        calibration = data["image"]
    facts = InputFacts(kind="image", color="grayscale", scale=1 / 255)
    return _prepare(folder, DIGITS / "digits.keras", calibration, DIGITS / "evaluation.npz", facts)


PREPARE: dict[str, Callable[[Path], Prepared]] = {
    "digits": _digits,
    "wake-word": _wake_word,
    "keywords": _keywords,
    "resnet": _resnet,
}


@pytest.fixture(scope="module", params=PREPARE)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    if request.param != "digits" and not MODELS.is_dir():
        pytest.skip("the real models of ../shared/models are not on this machine")
    return PREPARE[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def wake_word(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    if not MODELS.is_dir():
        pytest.skip("the real models of ../shared/models are not on this machine")
    return _wake_word(tmp_path_factory.mktemp("wake word"))


@pytest.mark.parametrize("target", ["cpu", "cpu-reference"])
@pytest.mark.parametrize("precision", precisions("tflite"))
def test_clean_artifacts_pass(prepared: Prepared, precision: str, target: str) -> None:
    check = prepared.check(prepared.artifact(precision), target)
    assert check.status == "pass", check.reason
    assert check.samples >= 32


def _zero(weights: Any) -> Any:
    return weights * 0


def _shuffle(weights: Any) -> Any:
    return np.random.default_rng(0).permutation(weights)


def _negate(weights: Any) -> Any:
    return -weights


@pytest.mark.parametrize("damage", [_zero, _shuffle, _negate])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_artifact_with_one_broken_layer_fails(
    prepared: Prepared, tmp_path: Path, precision: str, damage: Callable[[Any], Any]
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    path = tmp_path / "broken.tflite"
    content = bytearray(prepared.artifact(precision).path.read_bytes())
    model = schema.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    weighted = [
        operator.Inputs(1)
        for operator in map(graph.Operators, range(graph.OperatorsLength()))
        if operator.InputsLength() == 3
    ]
    tensor = graph.Tensors(weighted[len(weighted) // 2])
    dtype = {"fp32": np.float32, "int8": np.int8}[precision]
    weights = model.Buffers(tensor.Buffer()).DataAsNumpy().view(dtype)  # A view of `content`.
    weights[:] = damage(weights)
    path.write_bytes(bytes(content))

    check = prepared.check(read_artifact(path, f"tflite-{precision}"), "cpu")
    assert check.status == "fail"
    assert check.reason.startswith("Out of budget: ")


def test_int8_calibrated_on_the_wrong_scale_fails(wake_word: Prepared, tmp_path: Path) -> None:
    with np.load(wake_word.folder / "calibration.npz") as data:
        np.savez(tmp_path / "data.npz", **{name: data[name] / 10 for name in data.files})
    artifact = convert(
        variant("tflite-int8"),
        wake_word.folder / "frozen",
        tmp_path / "m.tflite",
        TFLiteOptions(),
        tmp_path / "data.npz",
    )
    assert wake_word.check(artifact, "cpu").status == "fail"


@pytest.mark.parametrize("target", ["cpu", "cpu-reference"])
def test_the_wake_words_int8_accuracy_is_the_published_one(
    wake_word: Prepared, target: str
) -> None:
    """41 of the 45 recordings, for the float model and for int8 alike."""
    check = wake_word.check(wake_word.artifact("int8"), target)
    if target == "cpu":
        assert check.samples == 45
        assert check.metrics["accuracy"] == pytest.approx(41 / 45)
        assert check.metrics["source_accuracy"] == pytest.approx(41 / 45)
    assert check.metrics["accuracy_drop"] == 0


def test_the_authors_own_int8_file_passes_against_the_source(
    wake_word: Prepared, tmp_path: Path
) -> None:
    shutil.copyfile(WAKE_WORD / "str_ww_ref_model.tflite", tmp_path / "theirs.tflite")
    theirs = read_artifact(tmp_path / "theirs.tflite", "tflite-int8")
    assert [tensor.dtype for tensor in theirs.signature] == ["int8", "int8"]
    check = wake_word.check(theirs, "cpu")
    assert check.status == "pass", check.reason

"""Whole builds of real trained models that nobody here made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import MODELS, Ended
from tools import require_target

pytestmark = pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models (../shared/models) are not on this machine"
)

Run = Callable[..., Ended]

RESNET = MODELS / "image_classification" / "pretrainedResnet.h5"

EXACT = [part for name in ("cpu", "cpu-reference", "coreml") for part in ("--target", name)]
"""Targets that compute every one of its variants rightly."""


def checks_of(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (variant["name"], check["target"]): check
        for variant in report["variants"]
        for check in variant["checks"]
    }


def write_project(folder: Path, source: Path, text: str) -> Path:
    path = folder / "mobilekit.toml"
    path.write_text(f'[model]\nsource = "{source.as_posix()}"\n{text}', "utf-8")
    return path


def test_the_wake_word_model_keeps_its_accuracy(run: Run, tmp_path: Path) -> None:
    samples = MODELS / "streaming_wakeword" / "calibration_samples.npz"
    with np.load(samples) as data:
        specs, labels = data["specs"], data["labels"]
    np.savez(tmp_path / "calibration.npz", input_1=specs[::2])
    np.savez(tmp_path / "evaluation.npz", input_1=specs, labels=labels)
    project = write_project(
        tmp_path,
        MODELS / "streaming_wakeword" / "str_ww_ref_model.h5",
        """
        [model.inputs.input_1]
        range = [0.0, 1.0]
        [model.outputs.dense]
        kind = "classification"
        [data]
        calibration = "calibration.npz"
        evaluation = "evaluation.npz"
        [android]
        variants = ["fp32", "fp16", "dynamic", "int8", "int16x8"]
        """,
    )
    ended = run("convert", project, "--json")
    assert ended.status == 0, ended.errors + ended.output
    report = ended.json()
    assert report["model"]["kind"] == "legacy-keras"
    checks = checks_of(report)
    # 41 of 45: the accuracy that the model's authors give for these samples.
    assert checks["tflite-fp32", "cpu"]["metrics"]["accuracy"] == pytest.approx(41 / 45)
    assert checks["tflite-int8", "cpu"]["metrics"]["accuracy"] == pytest.approx(41 / 45, abs=0.03)
    assert checks["coreml-fp16", "coreml"]["metrics"]["snr_db"] > 50


def test_resnet_from_a_bare_h5_file(run: Run) -> None:
    """No project file, no data: everything that needs neither is made and checked."""
    ended = run("convert", RESNET, "--json", *EXACT)
    assert ended.status == 0, ended.errors
    checks = checks_of(ended.json())
    assert checks["tflite-fp32", "cpu"]["metrics"]["snr_db"] > 90
    assert "generated" in ended.json()["golden"]["origin"]


def test_a_fault_of_an_accelerator_fails_the_build_and_is_located(run: Run) -> None:
    """LiteRT 2.3's GPU accelerator computes 1×1 convolutions of stride 2 wrongly in 8 bits."""
    require_target("gpu")
    ended = run("convert", RESNET, "--variant", "tflite-dynamic", "--target", "gpu", "--json")
    assert ended.status == 1
    check = checks_of(ended.json())["tflite-dynamic", "gpu"]
    assert check["status"] == "fail"
    assert check["metrics"]["snr_db"] < 10
    found = check["drift"]["layers"][check["drift"]["first"]]
    assert found["operator"] in ("CONV_2D", "ADD")


def test_the_keyword_spotter_from_a_saved_model(run: Run, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        MODELS / "keyword_spotting" / "kws_ref_model",
        """
        signature = "serving_default"
        [model.inputs.input_1]
        range = [-80.0, 80.0]
        """,
    )
    ended = run("convert", project, "--json")
    assert ended.status == 0, ended.errors
    report = ended.json()
    assert report["model"]["kind"] == "saved-model"
    assert report["model"]["signature"]["inputs"][0]["name"] == "input_1"


@pytest.mark.parametrize(
    ("file", "variant"),
    [
        ("streaming_wakeword/str_ww_ref_model.tflite", "tflite-int8"),
        ("keyword_spotting/kws_ref_model.tflite", "tflite-int8"),
        ("image_classification/pretrainedResnet.tflite", "tflite-fp32"),
        ("image_classification/pretrainedResnet_quant.tflite", "tflite-int8"),
    ],
)
def test_a_finished_tflite_file_is_checked_as_it_is(
    run: Run, tmp_path: Path, file: str, variant: str
) -> None:
    ended = run("convert", MODELS / file, "--out", tmp_path / "release", "--json")
    assert ended.status in (0, 1), ended.errors
    report = ended.json()
    assert [found["name"] for found in report["variants"]] == [variant]
    copy = tmp_path / "release" / report["variants"][0]["file"]
    assert copy.read_bytes() == (MODELS / file).read_bytes()
    statuses = {check["target"]: check["status"] for check in report["variants"][0]["checks"]}
    # The reference kernels make the reference here: a check on them would prove nothing.
    assert statuses["cpu-reference"] == "not_run"
    assert statuses["cpu"] == "pass", report["reasons"]


def test_other_variants_of_a_finished_file_are_refused(run: Run) -> None:
    file = MODELS / "image_classification" / "pretrainedResnet.tflite"
    ended = run("convert", file, "--variant", "tflite-int8")
    assert ended.status == 2
    assert "checked as it is" in ended.errors


def test_a_golden_of_a_real_model_reads_back(run: Run, tmp_path: Path) -> None:
    ended = run("convert", RESNET, "--out", tmp_path / "release", *EXACT)
    assert ended.status == 0, ended.errors
    golden = tmp_path / "release" / "golden"
    about = json.loads((golden / "golden.json").read_text("utf-8"))
    (entry,) = about["inputs"]
    pixels = np.fromfile(golden / entry["file"], dtype=f"<{np.dtype(entry['dtype']).str[1:]}")
    assert pixels.size == np.prod(entry["shape"])

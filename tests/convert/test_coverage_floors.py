"""Floors of a project file, through a whole build: the verdict, the report and junit.xml."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import DIGITS, Run, left_in
from tools import require_target


@pytest.fixture
def model(tmp_path: Path, digits_release: Path) -> Path:
    """The example's int8 artifact: XNNPACK leaves one of its operators."""
    return Path(shutil.copy(digits_release / "models" / "tflite-int8.tflite", tmp_path))


def project(model: Path, floors: str) -> Path:
    path = model.parent / "mobilekit.toml"
    path.write_text(
        f'[model]\nsource = "{model.name}"\n\n[verify]\ntargets = ["cpu", "gpu"]\n'
        f'require = ["cpu"]\n\n[coverage]\n{floors}\n',
        encoding="utf-8",
    )
    return path


def test_a_floor_that_is_not_kept_fails_the_release(run: Run, tmp_path: Path, model: Path) -> None:
    ended = run("convert", project(model, "xnnpack = 1.0\nneural_engine = 0.9"), "--out", "out")
    assert ended.status == 1
    assert "tflite-int8: xnnpack@2.3 takes 11 of 12 operators, 91.7 % (estimated)" in ended.output
    assert "The floor of neural_engine@" in ended.output
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "fail"
    (variant,) = report["variants"]
    (floor,) = variant["floors"]
    assert (floor["status"], floor["decided_by"]) == ("fail", "estimate")
    assert variant["coverage"][0]["estimates"]
    cases = ElementTree.parse(tmp_path / "out" / "junit.xml").iter("testcase")
    (case,) = [case for case in cases if case.get("name") == "coverage of xnnpack@2.3"]
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "coverage"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "What accelerators take" in page


def test_what_the_gpu_took_decides(run: Run, tmp_path: Path, model: Path) -> None:
    require_target("gpu")
    ended = run("convert", project(model, "gpu = 1.0\nxnnpack = 0.9"), "--out", "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    (variant,) = report["variants"]
    floors = {floor["delegate"].partition("@")[0]: floor for floor in variant["floors"]}
    assert floors["xnnpack"]["decided_by"] == "estimate"
    assert floors["gpu"]["decided_by"] == "measured"
    assert floors["gpu"]["share"] == 1.0
    assert {floor["status"] for floor in floors.values()} == {"pass"}
    assert ended.status == (0 if report["verdict"] == "pass" else 1)


def test_a_wrong_floor_is_refused_before_anything_is_done(
    run: Run, tmp_path: Path, model: Path
) -> None:
    ended = run("convert", project(model, "gup = 1.0"), "--out", "out")
    assert ended.status == 2
    assert "[coverage] gup: There is no delegate 'gup'. Did you mean 'gpu'?" in ended.errors
    assert left_in(tmp_path) == ["mobilekit.toml", model.name]


def test_the_examples_release_tells_what_delegates_take(digits_release: Path) -> None:
    assert DIGITS.exists()
    report = json.loads((digits_release / "report.json").read_text(encoding="utf-8"))
    by_name = {variant["name"]: variant for variant in report["variants"]}
    (graph,) = by_name["tflite-fp16"]["coverage"]
    shares = {item["delegate"]: item["share"] for item in graph["estimates"]}
    assert shares["gpu"] == shares["xnnpack"] == 1.0
    assert all(variant["coverage"] for variant in by_name.values())
    nothing = [note for note in report["notes"] if "takes none of the" in note]
    assert any(note.startswith("tflite-int16x8: gpu@") for note in nothing)


def test_inspect_tells_every_artifact_of_a_release(run: Run, digits_release: Path) -> None:
    ended = run("inspect", digits_release, "--json")
    assert ended.status == 0, ended.errors
    artifacts = {artifact["file"]: artifact for artifact in ended.json()["artifacts"]}
    models = {f"models/{path.name}" for path in (digits_release / "models").iterdir()}
    assert artifacts.keys() == models
    package = artifacts["models/coreml-fp16.mlpackage"]
    assert {item["delegate"] for item in package["graphs"][0]["estimates"]} == {
        "neural_engine",
        "coreml_gpu",
        "coreml_cpu",
    }
    assert "warning: models/tflite-int16x8.tflite: gpu@" in ended.errors
    apple = run("inspect", digits_release, "--delegate", "neural_engine", "--json")
    files = [artifact["file"] for artifact in apple.json()["artifacts"]]
    assert files == [name for name in artifacts if name.startswith("models/coreml-")]
    assert apple.status == 1
    assert "models/coreml-fp32.mlpackage: neural_engine@" in apple.errors

"""`mobilekit verify` as a user runs it: a release again, one file, and everything that is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import Run, left_in, tree

CPU = ("--target", "cpu")


@pytest.fixture
def release(digits_release: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be changed."""
    return Path(shutil.copytree(digits_release, tmp_path / "copy.release"))


def test_a_release_passes_again_and_stays_as_it_is(digits_release: Path, run: Run) -> None:
    before = tree(digits_release)
    ended = run("verify", digits_release, "--target", "cpu", "--target", "cpu-reference", "--json")
    assert ended.status == 0, ended.errors
    report = ended.json()
    assert (report["schema"], report["verdict"]) == ("mobilekit/report/1", "pass")
    checks = {
        (variant["name"], check["target"]): check
        for variant in report["variants"]
        for check in variant["checks"]
    }
    assert checks["tflite-int8", "cpu-reference"]["status"] == "pass"
    assert checks["tflite-int8", "cpu"]["samples"] == 32
    assert checks["tflite-int8", "cpu"]["required"]
    assert tree(digits_release) == before


def test_a_file_is_held_to_the_precision_that_it_shows(
    digits_release: Path, run: Run, tmp_path: Path
) -> None:
    artifact = tmp_path / "from somewhere.tflite"
    shutil.copyfile(digits_release / "models" / "tflite-int8.tflite", artifact)
    ended = run("verify", artifact, "--golden", digits_release / "golden", *CPU, "--json")
    assert ended.status == 0, ended.errors
    (variant,) = ended.json()["variants"]
    assert variant["name"] == "tflite-int8"
    assert [check["target"] for check in variant["checks"]] == ["cpu"]


def test_a_file_of_a_release_has_its_golden(digits_release: Path, run: Run) -> None:
    ended = run("verify", digits_release / "models" / "tflite-fp32.tflite", *CPU)
    assert ended.status == 0, ended.errors
    assert ended.output.startswith("tflite-fp32: PASS (1 passed, 0 failed, 0 not run)")


def test_reports_are_written_where_asked(digits_release: Path, run: Run, tmp_path: Path) -> None:
    artifact = digits_release / "models" / "tflite-fp32.tflite"
    assert run("verify", artifact, *CPU, "--out", tmp_path / "again").status == 0
    assert left_in(tmp_path / "again") == [
        "junit.xml", "report.html", "report.json", "summary.md",
    ]  # fmt: skip


def test_another_models_outputs_fail(release: Path, run: Run) -> None:
    golden = release / "golden"
    outputs = golden / json.loads((golden / "golden.json").read_text())["outputs"][0]["file"]
    outputs.write_bytes(bytes(outputs.stat().st_size))
    ended = run("verify", release, *CPU)
    assert ended.status == 1
    assert "FAIL" in ended.output
    assert "tflite-fp32 on cpu: Out of budget: " in ended.output


def test_an_artifact_that_is_not_the_one_that_was_built_fails(release: Path, run: Run) -> None:
    models = release / "models"
    shutil.copyfile(models / "tflite-fp32.tflite", models / "tflite-fp16.tflite")
    ended = run("verify", release, *CPU)
    assert ended.status == 1
    assert "tflite-fp16.tflite is not the file that was built" in ended.output


def test_a_damaged_artifact_fails_alone(release: Path, run: Run) -> None:
    damaged = release / "models" / "tflite-int8.tflite"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    ended = run("verify", release, *CPU, "--json")
    assert ended.status == 1
    statuses = {variant["name"]: variant["status"] for variant in ended.json()["variants"]}
    assert statuses["tflite-int8"] == "failed"
    assert statuses["tflite-fp32"] == "built"


def test_a_file_in_no_release_needs_a_golden(
    digits_release: Path, run: Run, tmp_path: Path
) -> None:
    artifact = tmp_path / "a.tflite"
    shutil.copyfile(digits_release / "models" / "tflite-fp32.tflite", artifact)
    ended = run("verify", artifact)
    assert ended.status == 2
    assert "--golden FOLDER" in ended.errors
    assert left_in(tmp_path) == ["a.tflite"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "picture"}, "the golden has the inputs"),
        ({"shape": [32, 16, 4, 1]}, "has the shape (16, 4, 1)"),
    ],
)
def test_another_models_golden_is_refused(
    release: Path, run: Run, change: dict[str, object], words: str
) -> None:
    path = release / "golden" / "golden.json"
    document = json.loads(path.read_text())
    document["inputs"][0].update(change)
    path.write_text(json.dumps(document))
    ended = run("verify", release, *CPU)
    assert ended.status == 2
    assert "The golden is another model's" in ended.errors
    assert words.removeprefix("the golden ") in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "golden" / "golden.json").unlink(), "is no whole golden"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
        (lambda folder: (folder / "report.json").write_text("{}"), "report.json"),
    ],
)
def test_a_damaged_release_is_refused(release: Path, run: Run, damage: object, words: str) -> None:
    assert callable(damage)
    damage(release)
    ended = run("verify", release, *CPU)
    assert ended.status == 2
    assert words in ended.errors
    assert "Traceback" not in ended.errors


def test_what_is_no_artifact_is_refused(digits_release: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    for path, words in (
        (tmp_path / "nowhere.tflite", "Name a release, a .tflite file or an .mlpackage"),
        (tmp_path / "notes.txt", "no whole TFLite model"),
    ):
        ended = run("verify", path, "--golden", digits_release, *CPU)
        assert ended.status == 2
        assert words in ended.errors


def test_a_target_that_is_named_and_not_there_is_status_3(digits_release: Path, run: Run) -> None:
    artifact = digits_release / "models" / "tflite-fp32.tflite"
    ended = run("verify", artifact, "--target", "tflite-floor")
    assert ended.status == 3
    assert "mobilekit doctor --install tflite-floor" in ended.errors
    assert ended.output == ""


def test_an_unknown_target_is_status_2(digits_release: Path, run: Run) -> None:
    ended = run("verify", digits_release, "--target", "cpuu")
    assert ended.status == 2
    assert "There is no target 'cpuu'. Did you mean 'cpu'?" in ended.errors


def test_a_build_that_requires_what_is_missing_writes_nothing(run: Run, tmp_path: Path) -> None:
    from command import DIGITS

    ended = run("convert", DIGITS, "--require", "tflite-floor", "--out", tmp_path / "out")
    assert ended.status == 3
    assert "mobilekit doctor --install tflite-floor" in ended.errors
    assert left_in(tmp_path) == []

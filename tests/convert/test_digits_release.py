"""The README's first command, from end to end."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import DIGITS, Ended, left_in, mobilekit, tree
from tools import require_target

from mobilekit.parity.program.comparison import exact_variant
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.variants import VARIANTS

MADE = set(VARIANTS) - {"coreml-w8a8"}
"""The example is for iOS 16, which cannot read quantised activations."""


def test_it_says_what_it_did(digits_build: Ended) -> None:
    assert digits_build.status == 0, digits_build.errors
    assert digits_build.output.startswith("DigitClassifier: PASS\n")
    # The cache is empty, and so holds no ARM64 sysroot.
    assert "Not run: arm64" in digits_build.output
    assert "mobilekit doctor --install arm64" in digits_build.errors
    for name in MADE:
        assert f"ok        {name}: " in digits_build.errors
    assert "Failed to load _MLModelProxy" not in digits_build.errors


def test_it_names_the_variants_that_a_target_did_not_run(digits_build: Ended) -> None:
    require_target("gpu")
    (line,) = [line for line in digits_build.output.splitlines() if "Not run: " in line]
    assert "gpu (tflite-int16x8)" in line


def test_the_release_is_whole(digits_release: Path) -> None:
    assert left_in(digits_release) == [
        "android",
        "golden",
        "ios",
        "junit.xml",
        "manifest.json",
        "models",
        "report.html",
        "report.json",
        "summary.md",
    ]
    assert set(left_in(digits_release / "models")) == {VARIANTS[name].file_name for name in MADE}
    assert left_in(digits_release.parent) == [digits_release.name]


def test_the_manifest_holds_every_file(digits_release: Path) -> None:
    manifest = json.loads((digits_release / "manifest.json").read_text("utf-8"))
    files = tree(digits_release)
    del files["manifest.json"]
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert manifest["source"]["sha256"] == sha256_of_path(DIGITS / "digits.keras")
    assert manifest["tools"]["tensorflow"].startswith("2.21")
    assert manifest["options"]["ios"]["minimum"] == "iOS16"


def test_the_report_tells_what_ran_and_what_did_not(digits_release: Path) -> None:
    report = json.loads((digits_release / "report.json").read_text("utf-8"))
    assert (report["schema"], report["verdict"]) == ("mobilekit/report/1", "pass")
    assert {variant["name"] for variant in report["variants"]} == MADE
    for variant in report["variants"]:
        assert variant["structure"]
        checks = {check["target"]: check for check in variant["checks"]}
        assert all(c["reason"] for c in checks.values() if c["status"] == "not_run")
        if variant["name"].startswith("tflite"):
            ran = {"cpu", "cpu-reference"}
            assert checks["arm64"]["status"] == "not_run"
        else:
            ran = {"coreml", "coreml-fp32"}
        for target in ran:
            assert checks[target]["status"] == "pass"
            assert checks[target]["metrics"]["accuracy"] >= 0.95
            assert checks[target]["samples"] >= 32
        exact = exact_variant(variant["name"])
        assert ("program" in checks) == (exact is not None)


def test_an_accelerator_is_named_with_what_it_took(digits_release: Path) -> None:
    require_target("gpu")
    report = json.loads((digits_release / "report.json").read_text("utf-8"))
    (fp32,) = [variant for variant in report["variants"] if variant["name"] == "tflite-fp32"]
    (gpu,) = [check for check in fp32["checks"] if check["target"] == "gpu"]
    assert gpu["status"] == "pass"
    assert "Vulkan" in gpu["execution"]["place"]
    assert gpu["execution"]["nodes_taken"] == gpu["execution"]["nodes"]


def test_the_golden_needs_no_library(digits_release: Path) -> None:
    golden = json.loads((digits_release / "golden" / "golden.json").read_text("utf-8"))
    assert "image" in json.dumps(golden)
    assert "scores" in json.dumps(golden)


def test_an_unchanged_rebuild_takes_all_from_the_cache(
    digits_release: Path, shared_cache: Path, tmp_path: Path
) -> None:
    ended = mobilekit("convert", DIGITS, "--json", cache=shared_cache, cwd=tmp_path)
    assert ended.status == 0
    assert all(variant["cached"] for variant in ended.json()["variants"])
    assert all("] unchanged " in line for line in ended.errors.splitlines())
    again = tmp_path / "DigitClassifier.release"
    for folder in ("models", "golden"):
        assert tree(again / folder) == tree(digits_release / folder)


@pytest.mark.parametrize("file", ["coreml-fp16.mlpackage/Manifest.json", "frozen/graph.pb"])
def test_a_damaged_cache_is_mended(tmp_path: Path, file: str) -> None:
    cache = tmp_path / "cache"
    options = ["--variant", "coreml-fp16", "--cache", cache]
    first = mobilekit(
        "convert", DIGITS, *options, "--out", tmp_path / "a", cache=cache, cwd=tmp_path
    )
    assert first.status == 0, first.errors
    (damaged,) = cache.glob(f"*/*/{file}")
    damaged.write_bytes(b"damaged")
    # Another variant needs the frozen model too.
    options += ["--variant", "coreml-w8"]
    second = mobilekit(
        "convert", DIGITS, *options, "--out", tmp_path / "b", cache=cache, cwd=tmp_path
    )
    assert second.status == 0, second.errors
    package = "models/coreml-fp16.mlpackage"
    assert tree(tmp_path / "a" / package) == tree(tmp_path / "b" / package)


@pytest.mark.slow
def test_a_build_from_nothing_gives_the_same_bytes(digits_release: Path, tmp_path: Path) -> None:
    ended = mobilekit("convert", DIGITS, cache=tmp_path / "empty", cwd=tmp_path)
    assert ended.status == 0
    for folder in ("models", "golden"):
        first, second = (
            tree(digits_release / folder),
            tree(tmp_path / "DigitClassifier.release" / folder),
        )
        assert first.keys() == second.keys()
        assert [name for name in first if first[name] != second[name]] == []


def test_new_calibration_data_rebuilds_the_calibrated_variants_alone(
    digits_release: Path, shared_cache: Path, tmp_path: Path
) -> None:
    assert digits_release.exists()
    project = tmp_path / "project"
    shutil.copytree(DIGITS, project)
    with np.load(DIGITS / "calibration.npz") as arrays:
        np.savez(project / "calibration.npz", image=arrays["image"][::2])
    ended = mobilekit("convert", project, "--json", cache=shared_cache, cwd=tmp_path)
    made = {variant["name"] for variant in ended.json()["variants"] if not variant["cached"]}
    assert made == {"tflite-int8", "tflite-int16x8"}


def test_a_budget_that_nothing_meets_fails_the_build(
    digits_release: Path, shared_cache: Path, tmp_path: Path
) -> None:
    assert digits_release.exists()
    project = tmp_path / "project"
    shutil.copytree(DIGITS, project)
    with (project / "mobilekit.toml").open("a") as file:
        file.write("\n[budgets.tflite-int8]\nsnr_db = 190\n")
    ended = mobilekit("convert", project, cache=shared_cache, cwd=tmp_path)
    assert ended.status == 1
    assert ended.output.startswith("DigitClassifier: FAIL\n")
    report = json.loads((tmp_path / "DigitClassifier.release" / "report.json").read_text())
    assert report["verdict"] == "fail"
    assert any("tflite-int8 on cpu" in reason for reason in report["reasons"])


def test_a_required_target_that_did_not_run_fails_the_build(
    shared_cache: Path, tmp_path: Path
) -> None:
    """The GPU is there, and takes nothing of a graph of 16-bit integers."""
    require_target("gpu")
    variant = ("--variant", "tflite-int16x8")
    ended = mobilekit(
        "convert", DIGITS, *variant, "--require", "gpu", cache=shared_cache, cwd=tmp_path
    )
    assert ended.status == 1
    assert "tflite-int16x8 on gpu is required and was not run" in ended.output
    assert "Tensor type(INT16) is not supported" in ended.output

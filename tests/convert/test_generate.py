"""The code for apps in releases, and `mobilekit generate`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import DIGITS, Run, left_in, tree

from mobilekit.bench.results import BenchReport, Recommendation
from mobilekit.modules import PLATFORMS, Android, safe_name, write_module
from mobilekit.parity.golden import read_golden
from mobilekit.project import load_project, project_for
from mobilekit.report.json_file import read_report, report_json

ASSETS = "src/main/assets/mobilekit/DigitClassifier"


@pytest.fixture
def release(digits_release: Path, tmp_path: Path) -> Path:
    """A release that a test may damage."""
    return shutil.copytree(digits_release, tmp_path / "digits.release")


def facts_of(release: Path, platform: str) -> dict[str, Any]:
    modules = json.loads((release / "report.json").read_text())["modules"]
    (facts,) = [module for module in modules if module["platform"] == platform]
    return dict(facts)


def test_a_release_brings_the_android_module(digits_release: Path) -> None:
    module = digits_release / "android"
    carried = (module / ASSETS / "tflite-fp16.tflite").read_bytes()
    assert carried == (digits_release / "models" / "tflite-fp16.tflite").read_bytes()
    assert (module / "src/main/kotlin/com/example/digits/DigitClassifier.kt").is_file()
    assert facts_of(digits_release, "Android") == {
        "platform": "Android",
        "language": "Kotlin",
        "status": "generated",
        "folder": "android",
        "package": "com.example.digits",
        "runtime": "litert",
        "variants": ["tflite-fp16"],
        "files": len(tree(module)),
        "reason": "",
    }


def test_a_release_brings_the_swift_package(digits_release: Path) -> None:
    package = digits_release / "ios"
    sources = package / "Sources" / "DigitClassifier"
    carried = sources / "Resources" / "coreml-fp16.mlpackage"
    assert tree(carried) == tree(digits_release / "models" / "coreml-fp16.mlpackage")
    assert (sources / "DigitClassifier.swift").is_file()
    assert facts_of(digits_release, "iOS") == {
        "platform": "iOS",
        "language": "Swift",
        "status": "generated",
        "folder": "ios",
        "package": "DigitClassifier",
        "runtime": "Core ML, iOS16",
        "variants": ["coreml-fp16"],
        "files": len(tree(package)),
        "reason": "",
    }


def test_the_report_says_that_nothing_of_it_was_compiled(digits_release: Path) -> None:
    page = (digits_release / "report.html").read_text()
    assert "com.example.digits" in page
    assert "not compiled by this build" in page
    assert "com.example.digits" in (digits_release / "summary.md").read_text()


def test_generating_again_gives_the_same_bytes(
    run: Run, digits_release: Path, tmp_path: Path
) -> None:
    folders = ("--android", "app/android", "--ios", "app/ios")
    ended = run("generate", DIGITS, "--release", digits_release, *folders)
    assert ended.status == 0, ended.errors
    for name in ("android", "ios"):
        assert tree(tmp_path / "app" / name) == tree(digits_release / name)
    assert left_in(tmp_path / "app") == ["android", "ios"]


def test_code_carries_what_the_releases_benchmark_recommends(
    run: Run, release: Path, tmp_path: Path
) -> None:
    report = read_report(release / "report.json")
    recommended = Recommendation(
        platform="android", variant="tflite-int8", target="cpu", reason="It is the fastest."
    )
    bench = BenchReport(
        model=report.model.name,
        source_sha256=report.model.sha256,
        verdict="pass",
        recommendations=(recommended,),
    )
    (release / "report.json").write_text(report_json(replace(report, bench=bench)))
    folders = ("--android", "app/android", "--ios", "app/ios")
    ended = run("generate", DIGITS, "--release", release, *folders)
    assert ended.status == 0, ended.errors
    assets = tmp_path / "app" / "android" / ASSETS
    assert [path.name for path in assets.glob("*.tflite")] == ["tflite-int8.tflite"]
    assert "with tflite-int8)" in ended.output
    # No iPhone was measured, so what Swift carries stays as it was.
    assert tree(tmp_path / "app" / "ios") == tree(release / "ios")


@pytest.mark.parametrize("name", ["android", "ios"])
def test_an_older_module_is_replaced(
    name: str, run: Run, digits_release: Path, tmp_path: Path
) -> None:
    module = shutil.copytree(digits_release / name, tmp_path / "module")
    (module / "Old.txt").write_text("of an older version")
    ended = run("generate", DIGITS, "--release", digits_release, f"--{name}", module)
    assert ended.status == 0, ended.errors
    assert tree(module) == tree(digits_release / name)


@pytest.mark.parametrize(
    ("name", "build_file"), [("android", "build.gradle.kts"), ("ios", "Package.swift")]
)
def test_somebodys_own_files_are_left_alone(
    name: str, build_file: str, run: Run, digits_release: Path, tmp_path: Path
) -> None:
    own = tmp_path / "app"
    own.mkdir()
    (own / build_file).write_text("plugins {}")
    before = tree(tmp_path)
    ended = run("generate", DIGITS, "--release", digits_release, f"--{name}", own)
    assert ended.status == 2
    assert f"{own} holds something that is no generated module" in ended.errors
    assert tree(tmp_path) == before


def test_it_asks_where_to(run: Run, tmp_path: Path) -> None:
    ended = run("generate", DIGITS)
    assert ended.status == 2
    assert "Say where the code goes: --android FOLDER or --ios FOLDER" in ended.errors
    assert left_in(tmp_path) == []


def test_without_a_release_it_says_so(run: Run, tmp_path: Path) -> None:
    ended = run("generate", DIGITS, "--android", "module")
    assert ended.status == 2
    assert "DigitClassifier.release" in ended.errors
    assert left_in(tmp_path) == []


def test_an_artifact_that_was_changed_is_refused(run: Run, release: Path, tmp_path: Path) -> None:
    models = release / "models"
    shutil.copyfile(models / "tflite-fp32.tflite", models / "tflite-fp16.tflite")
    ended = run("generate", DIGITS, "--release", release, "--android", "module")
    assert ended.status == 2
    assert "tflite-fp16.tflite is not the file that was built" in ended.errors
    assert left_in(tmp_path) == ["digits.release"]


def test_what_the_release_does_not_hold_cannot_be_carried(run: Run, tmp_path: Path) -> None:
    project = (DIGITS / "mobilekit.toml").read_text()
    for name in ("digits.keras", "labels.txt", "calibration.npz", "evaluation.npz"):
        project = project.replace(f'"{name}"', f'"{DIGITS / name}"')
    changed = tmp_path / "mobilekit.toml"
    changed.write_text(project.replace("[android]", '[android]\nbundle = ["fp32"]'))
    smaller = tmp_path / "smaller.release"
    built = run(
        *("convert", DIGITS, "--out", smaller, "--variant", "tflite-fp16"),
        *("--target", "cpu", "--require", "cpu"),
    )
    assert built.status == 0, built.errors
    ended = run("generate", changed, "--release", smaller, "--android", "module")
    assert ended.status == 2
    assert "It would carry tflite-fp32, which the release lacks." in ended.errors
    assert left_in(tmp_path) == ["mobilekit.toml", "smaller.release"]


def test_a_release_without_tflite_brings_no_module(run: Run, tmp_path: Path) -> None:
    built = run(
        *("convert", DIGITS, "--out", "apple.release", "--variant", "coreml-fp16"),
        *("--target", "coreml", "--require", "coreml"),
    )
    assert built.status == 0, built.errors
    assert not (tmp_path / "apple.release" / "android").exists()
    modules = json.loads((tmp_path / "apple.release" / "report.json").read_text())["modules"]
    assert [module["platform"] for module in modules] == ["iOS"]


def test_a_variant_that_failed_leaves_the_module_out_and_says_so(
    digits_release: Path, tmp_path: Path
) -> None:
    facts = write_module(
        Android(),
        load_project(DIGITS / "mobilekit.toml"),
        variants=["tflite-fp16"],
        artifacts={},
        golden=read_golden(digits_release / "golden"),
        source_sha256="0" * 64,
        folder=tmp_path / "android",
    )
    assert facts is not None
    assert facts.status == "missing"
    assert "tflite-fp16" in facts.reason
    assert left_in(tmp_path) == []


def uint8_file(run: Run, tmp_path: Path) -> Path:
    """A finished file with uint8 ends, which LiteRT 2 cannot read."""
    built = run(
        *("convert", ends_of(tmp_path, "uint8"), "--out", "uint8.release"),
        *("--variant", "tflite-int8", "--target", "cpu", "--require", "cpu"),
    )
    assert built.status == 0, built.errors
    return tmp_path / "uint8.release" / "models" / "tflite-int8.tflite"


def ends_of(folder: Path, dtype: str) -> Path:
    """Write the example's project file with another dtype of the int8 variant's ends."""
    text = (DIGITS / "mobilekit.toml").read_text()
    for name in ("digits.keras", "labels.txt", "calibration.npz", "evaluation.npz"):
        text = text.replace(f'"{name}"', f'"{DIGITS / name}"')
    path = folder / "ends.toml"
    text = text.replace('runtime = "litert"', f'runtime = "interpreter"\nio = "{dtype}"')
    path.write_text(text)
    return path


def test_a_module_that_nobody_asked_for_may_be_impossible(run: Run, tmp_path: Path) -> None:
    ended = run(
        *("convert", uint8_file(run, tmp_path), "--out", "again.release"),
        *("--target", "cpu", "--require", "cpu"),
    )
    assert ended.status == 0, ended.errors
    facts = facts_of(tmp_path / "again.release", "Android")
    assert facts["status"] == "missing"
    assert "uint8" in facts["reason"]
    assert "interpreter" in facts["reason"]
    assert not (tmp_path / "again.release" / "android").exists()


def test_naming_variants_asks_for_no_module(run: Run, tmp_path: Path) -> None:
    project = tmp_path / "mobilekit.toml"
    source = DIGITS / "digits.keras"
    project.write_text(f'[model]\nsource = "{source}"\n[android]\nio = "uint8"\n')
    ended = run(
        *("convert", project, "--out", "ends.release", "--variant", "tflite-int8"),
        *("--calibration", DIGITS / "calibration.npz"),
        *("--evaluation", DIGITS / "evaluation.npz", "--target", "cpu", "--require", "cpu"),
    )
    assert ended.status == 0, ended.errors
    facts = facts_of(tmp_path / "ends.release", "Android")
    assert facts["status"] == "missing"


def test_a_module_that_was_asked_for_must_be_possible(run: Run, tmp_path: Path) -> None:
    model = uint8_file(run, tmp_path)
    project = tmp_path / "mobilekit.toml"
    project.write_text(f'[model]\nsource = "{model}"\n[android]\nruntime = "litert"\n')
    ended = run("convert", project, "--out", "again.release", "--target", "cpu", "--require", "cpu")
    assert ended.status == 2
    assert "uint8" in ended.errors
    assert not (tmp_path / "again.release").exists()


def test_a_name_that_the_module_has_itself_is_refused_before_any_work(
    run: Run, tmp_path: Path
) -> None:
    project = tmp_path / "mobilekit.toml"
    project.write_text(f'[model]\nname = "Accelerator"\nsource = "{DIGITS / "digits.keras"}"\n')
    ended = run("convert", project)
    assert ended.status == 2
    assert "Accelerator" in ended.errors
    assert "ok" not in ended.output + ended.errors
    assert left_in(tmp_path) == ["mobilekit.toml"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("model.keras", "MyModel"),
        ("digit net.keras", "DigitNet"),
        ("engine.tflite", "MyEngine"),
        ("compute-unit.h5", "MyComputeUnit"),
    ],
)
def test_the_name_of_a_new_project_suits_every_platform(file: str, name: str) -> None:
    assert safe_name(Path(file)) == name
    named = project_for(Path(file), model={"name": name})
    assert [platform.class_name(named) for platform in PLATFORMS] == [name] * len(PLATFORMS)

"""The iOS demo: its package is what the generator writes now, its sources compile and hold."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import debian_swift
import numpy as np
import pytest
from numpy.typing import NDArray
from swift_toolchain import Swift, XCTestRun, swift_files, xctests

from mobilekit.parity.golden import Golden
from mobilekit.planning import make_plan, processor_first
from mobilekit.project import Project, load_project
from mobilekit.wrappers.ios import describe_ios, write_package
from mobilekit_converters.artifacts import read_finished
from mobilekit_converters.hashing import sha256_of_path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits"
DEMO = ROOT / "ios_demo"
PACKAGE = DEMO / "digits"
KIT = DEMO / "DigitsDemoKit"
APP = DEMO / "DigitsDemo.swiftpm"
RESOURCES = PACKAGE / "Sources" / "DigitClassifier" / "Resources"
DRAWINGS = Path("android_demo", "app", "src", "test", "resources", "drawings.txt")
"""The demos share them."""

BUILT = shutil.ignore_patterns(".build", ".swiftpm", "Package.resolved")
LINKED = ("-Xlinker", "--allow-shlib-undefined")
"""Swift 6.0's own library of observation for Linux lacks a function, which it calls to crash."""

REGENERATE = "ios_demo/README.md says how to generate it again."


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(EXAMPLE / "mobilekit.toml")


@pytest.fixture(scope="module")
def golden() -> Golden:
    """The samples that the package carries."""
    return Golden(
        inputs={"image": floats(RESOURCES / "golden" / "input-0.bin").reshape(-1, 8, 8, 1)},
        outputs={"scores": floats(RESOURCES / "golden" / "output-0.bin").reshape(-1, 10)},
        origin="The package's own.",
    )


def floats(path: Path) -> NDArray[np.float32]:
    return np.fromfile(path, "<f4").astype(np.float32)


# The package


def test_the_package_is_what_the_generator_writes(
    project: Project, golden: Golden, tmp_path: Path
) -> None:
    """Its model and golden are taken as they are: another machine makes other last bits."""
    artifacts = [read_finished(path) for path in sorted(RESOURCES.glob("*.mlpackage"))]
    package = describe_ios(
        project,
        artifacts=artifacts,
        golden=golden,
        source_sha256=sha256_of_path(EXAMPLE / "digits.keras"),
    )
    plan = make_plan("coreml", package.files)
    write_package(replace(package, order=processor_first(plan)), tmp_path / "package")
    written, committed = contents(tmp_path / "package"), contents(PACKAGE)
    names = sorted(written.keys() | committed.keys())
    differing = [name for name in names if written.get(name) != committed.get(name)]
    assert not differing, REGENERATE


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their paths, without what SwiftPM and Xcode make there."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    made = {".build", ".swiftpm", "Package.resolved"}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in files.items()
        if made.isdisjoint(name.parts)
    }


def test_the_golden_is_of_the_example(golden: Golden) -> None:
    evaluation = np.load(EXAMPLE / "evaluation.npz")["image"]
    known = {image.tobytes() for image in evaluation.astype(np.float32)}
    assert {image.tobytes() for image in golden.inputs["image"]} <= known


# The sources


@pytest.fixture(scope="module")
def kit_run(swift: Swift, tmp_path_factory: pytest.TempPathFactory) -> XCTestRun:
    """The kit's tests, with the generated package and the stand-in for Core ML."""
    folder = tmp_path_factory.mktemp("demo")
    for path in (PACKAGE, KIT):
        shutil.copytree(path, folder / path.relative_to(ROOT), ignore=BUILT)
    drawings = folder / DRAWINGS
    drawings.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / DRAWINGS, drawings)
    return swift.test(folder / KIT.relative_to(ROOT), options=LINKED, timeout=300)


@pytest.mark.parametrize("name", xctests(KIT / "Tests"))
def test_the_kits_tests_pass(name: str, kit_run: XCTestRun) -> None:
    kit_run.check(name)


def test_as_many_drawings_are_recognised_as_is_said(kit_run: XCTestRun) -> None:
    """The README's figure is the one that is seen, but for what a processor's last bits turn."""
    labels = [int(line[0]) for line in drawn()]
    assert np.bincount(labels).tolist() == [20] * 10
    seen = re.search(r"(\d+) of (\d+) drawings", kit_run.output)
    stated = re.search(r"(\d+) of (\d+) drawings", (DEMO / "README.md").read_text("utf-8"))
    assert seen is not None
    assert stated is not None
    assert int(seen[2]) == int(stated[2]) == len(labels)
    assert abs(int(seen[1]) - int(stated[1])) <= 1


def drawn() -> list[str]:
    lines = (ROOT / DRAWINGS).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def parse(path: Path) -> str:
    """Return what the compiler says against a file's syntax: SwiftUI itself is not here."""
    swiftc = f"{debian_swift.BIN}/swiftc"
    command = (swiftc, "-frontend", "-parse", "-swift-version", "6", str(path))
    ended = subprocess.run(
        debian_swift.inside(command), capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


@pytest.mark.usefixtures("swift")
def test_the_apps_sources_have_no_syntax_error(tmp_path: Path) -> None:
    wrong = tmp_path / "Wrong.swift"
    wrong.write_text("func wrong( {\n", encoding="utf-8")
    assert "error:" in parse(wrong)
    files = swift_files([APP])
    assert len(files) >= 4
    for file in files:
        assert not parse(file), file


def test_the_app_names_what_the_kit_and_the_package_have() -> None:
    """As far as text tells: the products and paths that the manifests name are there."""
    app = (APP / "Package.swift").read_text("utf-8")
    kit = (KIT / "Package.swift").read_text("utf-8")
    for manifest, folder in ((app, APP), (kit, KIT)):
        paths = re.findall(r'\.package\(path: "(.+?)"\)', manifest)
        assert paths
        products = {
            name
            for path in paths
            for name in re.findall(
                r'\.library\(name: "(\w+)"', (folder / path / "Package.swift").read_text("utf-8")
            )
        }
        named = re.findall(r'\.product\(name: "(\w+)", package: "(\w+)"\)', manifest)
        assert named
        for product, package in named:
            assert product in products
            assert package in {Path(path).name for path in paths}


@pytest.mark.parametrize("folder", [KIT, APP], ids=lambda folder: folder.name)
def test_lines_fit(folder: Path) -> None:
    for file in swift_files([folder]):
        for line in file.read_text("utf-8").splitlines():
            assert len(line) <= 100, f"{file}: {line}"

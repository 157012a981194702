"""The wheel and the source archive hold what they must, and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "mobilekit": ROOT / "mobilekit",
    "mobilekit_converters": ROOT / "converters" / "mobilekit_converters",
    "mobilekit_delegates": ROOT / "delegates" / "mobilekit_delegates",
}


def package_files() -> set[str]:
    """Every file of the three packages in the checkout, as the wheel names it."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_three_packages_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == package_files()


def test_the_wheel_is_typed_and_carries_its_templates(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert any(name.startswith("mobilekit/") and name.endswith(".j2") for name in names)


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "mobilekit = mobilekit.cli:main" in wheel.read(entry_points).decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_packages_of_the_wheel_import_on_their_own(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"import {', '.join(PACKAGES)}, mobilekit.cli\n"
        f"for package in ({', '.join(PACKAGES)}): print(package.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [str(tmp_path / name / "__init__.py") for name in PACKAGES]


def test_the_source_archive_can_be_built_from(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE"}
    sources = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/*.py")}
    roots = ("mobilekit/", "converters/", "delegates/")
    assert needed | {name for name in sources if name.startswith(roots)} <= names

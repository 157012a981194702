"""The choice of a compute unit in Swift, on fake engines that go wrong in every way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from swift_toolchain import Swift, SwiftError, XCTestRun, xctests

from mobilekit.parity.metrics import IncomparableError, agreement_metrics, tensor_metrics
from mobilekit.wrappers.ios.templates import environment
from mobilekit_converters.hashing import sha256_of_path

SOURCES = Path(__file__).parent / "swift" / "core"
CORE = (
    *("AnswerMetrics", "ArtifactFiles", "Candidate", "ChoiceMemory", "ComputeUnit"),
    *("ComputeUnitChoice", "ComputeUnitChooser", "ComputeUnitPolicy", "ComputeUnitTrial"),
    *("Decision", "Device", "Engine", "Exam", "Golden", "ModelError", "ModelResources"),
    *("ModelRunner", "ModelSpec", "SHA256", "TrialClock", "Turns", "Words"),
)

Array = NDArray[np.float32]
Case = tuple[Array, Array, bool]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core as a package has it, with the tests beside it."""
    folder = tmp_path_factory.mktemp("core")
    core = folder / "Sources" / "Core"
    core.mkdir(parents=True)
    for name in CORE:
        template = environment().get_template(f"common/{name}.swift.j2")
        source = template.render(header="// A core.")
        (core / f"{name}.swift").write_text(source, encoding="utf-8")
    shutil.copy(SOURCES / "Package.swift", folder)
    shutil.copytree(SOURCES / "Fakes", folder / "Sources" / "Fakes")
    shutil.copytree(SOURCES / "ChooseHere", folder / "Sources" / "ChooseHere")
    shutil.copytree(SOURCES / "CoreTests", folder / "Tests" / "CoreTests")
    return folder


@pytest.fixture(scope="module")
def run(swift: Swift, package: Path, tmp_path_factory: pytest.TempPathFactory) -> XCTestRun:
    numbers = tmp_path_factory.mktemp("python")
    write_cases(numbers / "cases.json")
    write_folders(numbers)
    return swift.test(package, stand_ins=False, environment={"AS_PYTHON": str(numbers)})


@pytest.mark.parametrize("name", xctests(SOURCES / "CoreTests"))
def test_core(run: XCTestRun, name: str) -> None:
    run.check(name)


def choose(swift: Swift, package: Path, folder: Path, driver: str) -> str:
    """Create the model in a process of its own; return what it says of the choice."""
    said = swift.run(package, "ChooseHere", [str(folder), driver], stand_ins=False)
    return said.decode().strip()


@pytest.mark.usefixtures("run")
def test_a_driver_that_ends_the_app_does_so_once(
    swift: Swift, package: Path, tmp_path: Path
) -> None:
    with pytest.raises(SwiftError, match="139"):
        choose(swift, package, tmp_path, "ends")
    passed_over = "cpu false the app ended while this was tried"
    assert choose(swift, package, tmp_path, "ends") == passed_over
    assert choose(swift, package, tmp_path, "ends") == passed_over.replace("false", "true")


@pytest.mark.usefixtures("run")
def test_a_choice_outlives_the_process(swift: Swift, package: Path, tmp_path: Path) -> None:
    found = "gpu false right in all of 56 runs, 0.00 ms each"
    assert choose(swift, package, tmp_path, "works") == found
    assert choose(swift, package, tmp_path, "works") == found.replace("false", "true")


@pytest.mark.usefixtures("run")
def test_the_cpu_cannot_be_forbidden(swift: Swift, package: Path, tmp_path: Path) -> None:
    with pytest.raises(SwiftError, match="cpu always remains"):
        choose(swift, package, tmp_path, "forbids")


def write_folders(folder: Path) -> None:
    """Write folders whose order of files is easily got wrong, and what Python hashes them to."""
    names = ("a/b", "a-b/c", "a.b", "B", "a b", "ä/ö", "Data/.hidden", "a/\U0001f600", "a/\uff5e")
    for name in names:
        file = folder / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 1000)
    (folder / "files" / "empty folder").mkdir()
    (folder / "nothing").mkdir()
    paths = ("files", "files/a", "files/B", "nothing")
    hashes = {path: sha256_of_path(folder / path) for path in paths}
    (folder / "sha256.json").write_text(json.dumps(hashes), encoding="utf-8")


def write_cases(file: Path) -> None:
    """Write answers, references and what Python makes of them."""
    items = []
    for answers, references, is_classified in all_cases():
        problem, metrics = None, {}
        try:
            metrics = tensor_metrics(answers, references)
            if is_classified:
                agreement = agreement_metrics(answers, references)
                metrics |= {name: agreement[name] for name in ("agreement", "agreement_high")}
        except IncomparableError:
            bad = int((~np.isfinite(answers) | ~np.isfinite(references)).sum())
            problem = f"{bad} values of {answers.size} are NaN or Inf" if bad else "it is empty"
        items.append(
            {
                "size": answers.shape[1],
                "isClassified": is_classified,
                "answers": answers.view(np.uint32).ravel().tolist(),
                "references": references.view(np.uint32).ravel().tolist(),
                "problem": problem,
                "metrics": metrics,
            }
        )
    file.write_text(json.dumps(items), encoding="utf-8")


def all_cases() -> list[Case]:
    """Random answers of every kind, and those that are most easily got wrong."""
    random = np.random.default_rng(7)

    def normal(*shape: int) -> Array:
        return random.normal(size=shape).astype(np.float32)

    cases: list[Case] = []
    for samples, size in ((1, 1), (1, 5), (4, 1), (8, 10), (32, 3), (5, 1000)):
        for scale in (0.0, 1e-7, 0.01, 0.3, 3.0, 1e30):
            references = normal(samples, size)
            answers = (references + scale * normal(samples, size)).astype(np.float32)
            cases.append((answers, references, True))
            cases.append((answers * np.float32(1e-30), references * np.float32(1e-30), False))
    zeros = np.zeros((4, 6), np.float32)
    ties = random.integers(0, 3, (16, 6)).astype(np.float32)
    shares = random.random((40, 1)).astype(np.float32)
    nearly = (ties + 1e-7 * normal(16, 6)).astype(np.float32)
    cases += [
        (zeros, zeros, True),
        (normal(4, 6), zeros, True),
        (zeros, normal(4, 6), True),
        (ties, ties[::-1].copy(), True),
        (nearly, ties, True),
        (ties, nearly, True),
        (shares, np.round(shares), True),
        (shares, 1 - shares, True),
        (np.full((2, 2), 0.5, np.float32), np.full((2, 2), 0.5, np.float32), True),
        (np.zeros((3, 0), np.float32), np.zeros((3, 0), np.float32), False),
        (np.full((2, 3), 3e38, np.float32), np.full((2, 3), -3e38, np.float32), False),
    ]
    for value in (np.nan, np.inf, -np.inf):
        spoiled = normal(3, 4)
        spoiled[1, 2] = value
        cases += [(spoiled, normal(3, 4), True), (normal(3, 4), spoiled, False)]
        cases.append((spoiled, spoiled, False))
    return cases

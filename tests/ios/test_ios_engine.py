"""Swift's engine for Core ML, on every model: its answers, its cache, and what goes wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from android.real_models import MODELS, SAMPLES, RealModel
from ios_shapes import SHAPES, IosShapes
from numpy.typing import NDArray
from swift_toolchain import Swift, XCTestRun, xctests
from test_ios_compiles import BUNDLE_MODULE, together

from mobilekit.parity.golden import GoldenRequest, make
from mobilekit.project import parse_project
from mobilekit.wrappers.description import IosPackage
from mobilekit.wrappers.ios import describe_ios, write_package
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml import CoreMLOptions, convert
from mobilekit_converters.sources import open_source
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

SOURCES = Path(__file__).parent / "swift" / "engine"
TESTS = SOURCES / "EngineTests"
PRECISIONS = ("fp16", "w8")

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of all Swift tests, and the folder of the answers that they wrote."""

    packages: tuple[IosPackage, ...]
    answers: Path
    tests: XCTestRun


def real_package(model: RealModel, folder: Path) -> IosPackage:
    """Convert a trained model and describe its package."""
    folder.mkdir(parents=True)
    document = {
        "model": {"name": model.name, "source": str(model.source), "inputs": model.inputs},
        "ios": {"variants": list(PRECISIONS)},
    }
    project = parse_project(document, folder=folder, origin=model.name)
    source = open_source(model.source, project.source_options(trust=True))
    source.freeze(folder / "frozen")
    facts = {name: table.facts() for name, table in project.model.inputs.items()}
    golden, _ = make(source, GoldenRequest(inputs=facts, samples=SAMPLES))
    made: dict[str, Artifact] = {}
    for precision in PRECISIONS:
        chosen = variant(f"coreml-{precision}")
        made[chosen.name] = convert(
            chosen,
            folder / "frozen",
            folder / chosen.file_name,
            CoreMLOptions(minimum=project.ios.minimum),
            made[chosen.parent].path if chosen.parent in made else None,
        )
    artifacts = list(made.values())
    return describe_ios(project, artifacts=artifacts, golden=golden, source_sha256="0" * 64)


@pytest.fixture(scope="module")
def run(swift: Swift, ios_shapes: IosShapes, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All packages' sources in one module, so that one build does for all of them."""
    folder = tmp_path_factory.mktemp("engine")
    packages = (
        *(real_package(m, folder / "made" / m.name) for m in MODELS if m.source.exists()),
        *(ios_shapes.package(name) for name in SHAPES),
    )
    written = folder / "packages"
    for package in packages:
        write_package(package, written / package.model.name)
    shutil.copytree(TESTS, folder / "swift" / "Tests" / "EngineTests")
    shutil.copy(SOURCES / "Package.swift", folder / "swift")
    sources = folder / "swift" / "Sources" / "Models"
    sources.mkdir(parents=True)
    for name, file in together(written / p.model.name for p in packages).items():
        shutil.copy(file, sources / name)
    (sources / "Module.swift").write_text(BUNDLE_MODULE, encoding="utf-8")
    specs = ", ".join(f"{package.model.name}Spec.model" for package in packages)
    (sources / "Models.swift").write_text(f"let models: [ModelSpec] = [{specs}]\n")
    answers = folder / "answers"
    answers.mkdir()
    environment = {"PACKAGES": str(written), "ANSWERS": str(answers)}
    tests = swift.test(folder / "swift", environment=environment, timeout=200)
    return Run(packages=packages, answers=answers, tests=tests)


@pytest.mark.parametrize("name", xctests(TESTS))
def test_swift(name: str, run: Run) -> None:
    run.tests.check(name)


def artifacts(run: Run) -> Iterator[tuple[IosPackage, Artifact]]:
    for package in run.packages:
        for carried in package.artifacts:
            yield package, carried.artifact


def python_answers(package: IosPackage, artifact: Artifact) -> list[Array]:
    """Return the target's answers to the golden, by output: run after run, as Swift asks."""
    golden = package.model.golden
    batch = package.model.batch
    runs: list[dict[str, Array]] = []
    with closing(target("coreml").open(artifact)) as session:
        for start in range(0, len(golden), batch):
            rows = [(start + row) % len(golden) for row in range(batch)]
            inputs = {
                spec.name: golden.inputs[spec.name][rows].reshape(spec.shape).astype(spec.dtype)
                for spec in artifact.signature.inputs
            }
            runs.append(dict(session.run(inputs)))
    return [
        np.concatenate([answers[output.spec.name].ravel() for answers in runs])
        for output in package.model.outputs
    ]


def test_swift_answers_as_python_bit_for_bit(run: Run) -> None:
    compared = 0
    for package, artifact in artifacts(run):
        for index, expected in enumerate(python_answers(package, artifact)):
            name = f"{package.model.name}.{artifact.variant}.{index}"
            dtype = "<i4" if package.model.outputs[index].spec.dtype == "int32" else "<f4"
            found = np.fromfile(run.answers / name, dtype)
            np.testing.assert_array_equal(found, expected.astype(dtype), name)
            compared += 1
    assert compared == len(list(run.answers.iterdir())) > 0


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_was_there(run: Run, model: RealModel) -> None:
    if not model.source.exists():
        pytest.skip(f"{model.source} is not on this machine")
    assert model.name in {package.model.name for package in run.packages}

"""The typed API of generated modules, on a stand-in for the runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shapes import SHAPES, Shapes
from toolchain import JUnitRun, Kotlin, junit_tests

from mobilekit.wrappers.android import write_module

PACKAGE = "com.example.api"
TESTS = Path(__file__).parent / "kotlin" / "api"
CLASSES = (
    *("NamedTensorsTest", "ClassificationTest", "MaskTest", "ThreadsTest", "BitmapsTest"),
    "CreateTest",
)
STAND_INS = [TESTS / "StandInEngine.kt", TESTS / "StandInLoader.kt"]


@pytest.fixture(scope="module")
def run(kotlin: Kotlin, shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> JUnitRun:
    """All models in one package, which share its other files, and the tests of them.

    The runtime's own files are left out; stand-ins are compiled in their place.
    """
    folder = tmp_path_factory.mktemp("api")
    for name in SHAPES:
        module = replace(shapes.module(name, "interpreter"), package=PACKAGE)
        write_module(module, folder / "module")
    main = folder / "module" / "src" / "main"
    sources = [path for path in main.rglob("*.kt") if not path.name.startswith("Interpreter")]
    classes = kotlin.compile([*sources, *STAND_INS], ["android", "coroutines"], folder / "classes")
    tests = kotlin.compile(
        [path for path in TESTS.glob("*.kt") if path not in STAND_INS],
        [classes, "robolectric", "android", "coroutines", "junit"],
        folder / "tests",
        friends=[classes],
    )
    return kotlin.run_junit(
        [tests, classes, "robolectric", "coroutines"],
        [f"{PACKAGE}.{name}" for name in CLASSES],
        assets=main / "assets",
    )


@pytest.mark.parametrize("name", junit_tests(TESTS))
def test_api(run: JUnitRun, name: str) -> None:
    run.check(name)

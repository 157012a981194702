"""The typed API of a generated package, in Swift, on an engine that answers what a test wants."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ios_shapes import IosShapes
from swift_toolchain import Swift, XCTestRun, xctests

from mobilekit.wrappers.ios import write_package

TESTS = Path(__file__).parent / "swift" / "api"
MODEL = "Mixer"


@pytest.fixture(scope="module")
def ran(swift: Swift, ios_shapes: IosShapes, tmp_path_factory: pytest.TempPathFactory) -> XCTestRun:
    package = tmp_path_factory.mktemp("api") / MODEL
    write_package(ios_shapes.package(MODEL), package)
    shutil.rmtree(package / "Tests", ignore_errors=True)
    shutil.copytree(TESTS, package / "Tests" / f"{MODEL}Tests")
    return swift.test(package)


@pytest.mark.parametrize("name", xctests(TESTS))
def test_api(ran: XCTestRun, name: str) -> None:
    ran.check(name)

"""Swift for the tests of generated Swift packages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ios_shapes import IosShapes
from swift_toolchain import Swift
from tools import without


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """Swift 6 with SwiftPM and XCTest, and what answers for Core ML, where Swift is here."""
    missing = Swift.missing()
    if missing is not None:
        without(missing)
    swift = Swift(folder=tmp_path_factory.mktemp("swift"))
    try:
        yield swift
    finally:
        swift.close()


@pytest.fixture(scope="session")
def ios_shapes(tmp_path_factory: pytest.TempPathFactory) -> IosShapes:
    """Small models of every shape, converted once."""
    return IosShapes(folder=tmp_path_factory.mktemp("ios_shapes"))

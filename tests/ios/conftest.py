"""Swift for the tests of generated Swift packages."""

from __future__ import annotations

import pytest
from swift_toolchain import Swift
from tools import without


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Swift:
    """Swift 6 with SwiftPM and XCTest, where it is here."""
    missing = Swift.missing()
    if missing is not None:
        without(missing)
    return Swift(folder=tmp_path_factory.mktemp("swift"))

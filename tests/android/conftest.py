"""Kotlin for the tests of generated Android modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shapes import Shapes
from toolchain import Kotlin, kotlin_in
from tools import without


@pytest.fixture(scope="session")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kotlin]:
    """Kotlin's compiler and a JVM, where they are here."""
    missing = Kotlin.missing()
    if missing is not None:
        without(missing)
    with kotlin_in(tmp_path_factory.mktemp("kotlin")) as kotlin:
        yield kotlin


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    """Small models of every shape, converted once."""
    return Shapes(folder=tmp_path_factory.mktemp("shapes"))

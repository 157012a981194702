from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import DIGITS, Ended, mobilekit


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests of this process share, so that each converts only what is new."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def digits_build(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Ended:
    """The README's first command, run in a folder of its own."""
    folder = tmp_path_factory.mktemp("digits")
    ended = mobilekit("convert", DIGITS, cache=shared_cache, cwd=folder)
    assert ended.status in (0, 1), ended.errors
    return ended


@pytest.fixture(scope="session")
def digits_release(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, digits_build: Ended
) -> Path:
    """The release of the digits example."""
    folder = tmp_path_factory.mktemp("digits release") / "Ziffern-größe.release"
    ended = mobilekit("convert", DIGITS, "--out", folder, cache=shared_cache, cwd=folder.parent)
    assert ended.status == 0, digits_build.errors + ended.errors
    return folder


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, shared_cache: Path) -> Run:
    """Run mobilekit in the test's own folder."""

    def command(*arguments: str | Path) -> Ended:
        return mobilekit(*arguments, cache=shared_cache, cwd=tmp_path)

    return command

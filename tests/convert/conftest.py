from __future__ import annotations

from pathlib import Path

import pytest
from command import DIGITS, Ended, Run, mobilekit


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests of this process share, so that each converts only what is new."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def digits_build(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The README's first command as a newcomer runs it: with an empty cache."""
    folder = tmp_path_factory.mktemp("digits")
    return mobilekit("convert", DIGITS, cache=folder / "cache", cwd=folder)


@pytest.fixture(scope="session")
def digits_release(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Path:
    """The release of the digits example."""
    folder = tmp_path_factory.mktemp("digits release") / "Ziffern-größe.release"
    ended = mobilekit("convert", DIGITS, "--out", folder, cache=shared_cache, cwd=folder.parent)
    assert ended.status == 0, ended.errors
    return folder


@pytest.fixture
def run(tmp_path: Path, shared_cache: Path) -> Run:
    """Run mobilekit in the test's own folder."""

    def command(*arguments: str | Path) -> Ended:
        return mobilekit(*arguments, cache=shared_cache, cwd=tmp_path)

    return command

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mobilekit_converters.hashing import bytes_of_path, sha256_of_path


def test_a_file_has_its_own_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert sha256_of_path(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    assert bytes_of_path(tmp_path / "a") == 3_000_000


def test_a_folder_has_the_hash_of_what_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "ü").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("a", b"1"), ("b/ü", b"2"))
    )
    assert sha256_of_path(tmp_path) == hashlib.sha256(lines.encode()).hexdigest()
    assert bytes_of_path(tmp_path) == 2


def test_a_moved_file_changes_the_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = sha256_of_path(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert sha256_of_path(tmp_path) != before


@pytest.mark.parametrize("measure", [sha256_of_path, bytes_of_path])
def test_nothing_there_is_an_error(measure: object, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        measure(tmp_path / "none")  # type: ignore[operator]

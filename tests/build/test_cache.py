from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from mobilekit.cache import Cache, key_of
from mobilekit_converters.signature import Signature, TensorSpec

VALUE = Signature(
    inputs=(TensorSpec(name="image/ä", shape=(1, 8, 8, 1), dtype="float32"),), outputs=()
)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(folder=tmp_path / "cache")


def add(cache: Cache, key: str) -> Path:
    with cache.workspace() as work:
        files = work / "files"
        files.mkdir()
        (files / "model.bin").write_bytes(b"weights")
        return cache.add(key, files, VALUE)


def test_a_value_and_its_files_come_back(cache: Cache) -> None:
    key = key_of(step="convert", source="abc")
    assert cache.value(key, Signature) is None
    entry = add(cache, key)
    assert cache.value(key, Signature) == VALUE
    assert (entry / "model.bin").read_bytes() == b"weights"


def test_adding_twice_keeps_one(cache: Cache) -> None:
    key = key_of(step="x")
    assert add(cache, key) == add(cache, key)
    assert cache.value(key, Signature) == VALUE


@pytest.mark.parametrize("damage", ["change", "remove", "entry", "gone"])
def test_a_damaged_entry_is_not_whole(cache: Cache, damage: str) -> None:
    key = key_of(step="x")
    assert not cache.is_whole(key)
    entry = add(cache, key)
    assert cache.is_whole(key)
    if damage == "change":
        (entry / "model.bin").write_bytes(b"weighty")
    elif damage == "remove":
        (entry / "model.bin").unlink()
    elif damage == "entry":
        (entry / "entry.json").write_text("{")
    else:
        shutil.rmtree(entry)
    assert not cache.is_whole(key)
    add(cache, key)
    assert cache.is_whole(key)


def test_a_value_of_another_type_counts_as_none(cache: Cache) -> None:
    key = key_of(step="x")
    (add(cache, key) / "entry.json").write_text('{"files": {}, "value": {"inputs": 3}}')
    assert cache.value(key, Signature) is None


def test_keys_depend_on_every_part() -> None:
    assert key_of(a=1, b=2) == key_of(b=2, a=1)
    assert len({key_of(a=1), key_of(a=2), key_of(b=1), key_of(a="1")}) == 4


def test_what_nobody_used_for_long_is_removed(cache: Cache) -> None:
    old, new = add(cache, key_of(n=1)), add(cache, key_of(n=2))
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    cache.prune()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_workspace_is_gone_afterwards(cache: Cache) -> None:
    def interrupted() -> None:
        with cache.workspace() as work:
            (work / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(cache.folder.iterdir()) == []

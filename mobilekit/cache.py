"""The cache of earlier builds' results, by a hash of everything that went into each.

An entry is a folder: the files that a job produced and `entry.json`, its value with the files'
hashes. It appears whole or not at all, and a damaged one is made again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mobilekit_converters.hashing import sha256_of_path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_ENTRY = "entry.json"
_UNUSED_SECONDS = 30 * 24 * 3600

T = TypeVar("T")


def default_cache() -> Path:
    """Return the user's cache folder for mobilekit."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mobilekit"))


def key_of(**parts: Any) -> str:
    """Return the key of a result: a hash of the named parts, which JSON can hold."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stored_value(entry: Path, kind: type[T]) -> T:
    """Return the value in an entry that is whole."""
    value: T = _adapter(cast(Hashable, kind)).validate_python(
        json.loads((entry / _ENTRY).read_bytes())["value"]
    )
    return value


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A folder of entries."""

    folder: Path

    def entry(self, key: str) -> Path:
        """Return the folder of a key's entry, which need not exist."""
        return self.folder / key[:2] / key

    def is_whole(self, key: str, only: str | None = None) -> bool:
        """Read a key's entry and say whether its files, or `only` one, are as they were added."""
        entry = self.entry(key)
        try:
            files = json.loads((entry / _ENTRY).read_bytes())["files"]
            names = files if only is None else [only]
            return all(sha256_of_path(entry / name) == files[name] for name in names)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # A missing or damaged entry is simply made again.
            return False

    def value(self, key: str, kind: type[T]) -> T | None:
        """Return a key's value, or None where there is none. Its files are not looked at."""
        entry = self.entry(key)
        try:
            value = stored_value(entry, kind)
            os.utime(entry)
        except (OSError, ValueError, KeyError, TypeError):
            # As above: pydantic's errors are ValueErrors.
            return None
        return value

    def add(self, key: str, files: Path, value: Any) -> Path:
        """Move a folder of produced files and their value into the cache; return the entry."""
        document = {
            "files": {item.name: sha256_of_path(item) for item in sorted(files.iterdir())},
            "value": _adapter(cast(Hashable, type(value))).dump_python(value, mode="json"),
        }
        (files / _ENTRY).write_text(json.dumps(document), encoding="utf-8")
        entry = self.entry(key)
        entry.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(entry, ignore_errors=True)
        try:
            files.rename(entry)
        except OSError:
            # Another build added the same entry in between: it holds the same.
            if not (entry / _ENTRY).exists():
                raise
        return entry

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """Give a folder beside the entries for work in progress; it is removed afterwards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.folder) as folder:
            yield Path(folder)

    def prune(self) -> None:
        """Remove what no build used for thirty days, interrupted work included."""
        limit = time.time() - _UNUSED_SECONDS
        for item in [*self.folder.glob("??/*"), *self.folder.glob("work-*")]:
            with contextlib.suppress(FileNotFoundError):
                if item.stat().st_mtime < limit:
                    shutil.rmtree(item)

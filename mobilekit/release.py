"""The release folder: it appears whole or not at all, and never in place of something not ours."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mobilekit import __version__
from mobilekit_converters.errors import DataError, OutputError
from mobilekit_converters.hashing import sha256_of_path

MANIFEST = "manifest.json"
SCHEMA = "mobilekit/release/1"


def check_output(folder: Path) -> None:
    """Make sure, before any work, that a release can be written to `folder`.

    Raises:
        OutputError: the folder holds something that is no release, or cannot be written.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} is not a folder. Choose another with --out.")
    if folder.exists() and any(folder.iterdir()) and not _is_release(folder):
        raise OutputError(
            f"{folder} holds something that is no mobilekit release; nothing was changed. "
            "Choose another folder with --out, or empty this one."
        )
    parent = _existing_parent(folder)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{parent} cannot be written. Choose another folder with --out.")


def _existing_parent(folder: Path) -> Path:
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{parent} is not a folder. Choose another with --out.")
    return parent


def _is_release(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` to fill; it takes the place of `folder` at the end.

    If the body raises, Ctrl-C included, what was there stays as it was and nothing is left.

    Raises:
        OutputError: the disk is full, or a file cannot be written.
    """
    folder = folder.absolute()
    with output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(
            tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent)
        )
        try:
            stage.chmod(0o777 & ~_umask())
            yield stage
            _replace(folder, stage)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _replace(folder: Path, stage: Path) -> None:
    """Put `stage` where `folder` is. The old release is moved aside first, and back on failure."""
    aside = stage.with_suffix(".old")
    if folder.exists():
        folder.rename(aside)
    try:
        stage.rename(folder)
    except OSError:
        if aside.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def output_errors(folder: Path) -> Iterator[None]:
    """Turn what the system says of writing `folder` into an error for the user."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder} cannot be written: {error.strerror}. Nothing was left "
            "behind; make room, or choose another folder with --out or --cache."
        ) from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises:
        DataError: it is missing, damaged, or of another schema.
    """
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_bytes())
        schema = document["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}. Build the release again.") from error
    if schema != SCHEMA:
        raise DataError(f"{path} has the schema {schema!r}; this version reads {SCHEMA!r}.")
    return dict(document)


def write_manifest(
    folder: Path, facts: Mapping[str, Any], *, known: Mapping[str, str] | None = None
) -> None:
    """Write `manifest.json`: the facts, this tool's version, and every file's sha256.

    `known` gives the sha256 of files that were read already, by their path in the folder.
    """
    known = known or {}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    document = {
        "schema": SCHEMA,
        "mobilekit": __version__,
        **facts,
        "files": {name: known.get(name) or sha256_of_path(path) for name, path in files.items()},
    }
    (folder / MANIFEST).write_text(
        json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )

"""The `.keras` file: a zip archive of `config.json`, `model.weights.h5` and assets."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources.hdf5 import check_hdf5, open_hdf5
from mobilekit_converters.sources.keras_config import Config, parse_config
from mobilekit_converters.sources.unpacking import refuse_expansion

MAGIC = b"PK\x03\x04"
"""How a zip archive with members starts (APPNOTE.TXT 4.3.7)."""

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 1 << 20


def is_archive(path: Path) -> bool:
    """Say whether a file is a zip archive, be it a damaged one, that can be Keras's."""
    if not path.is_file() or path.suffix.lower() in {".pt", ".pt2", ".pth"}:
        return False
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def check_archive(path: Path) -> None:
    """Refuse a damaged archive, an archive bomb, and members that lead elsewhere.

    Raises:
        SourceError: it is damaged, incomplete, or unpacks to far more than its size.
        UntrustedSourceError: a member's path leads out of the archive, or its weights elsewhere.
    """
    with _opened(path) as archive:
        members = archive.infolist()
        _check_names(path, [member.filename for member in members])
        refuse_expansion(path, path.stat().st_size, sum(m.file_size for m in members))
        for member in members:
            if member.compress_type not in _COMPRESSIONS:
                raise SourceError(
                    f"{path.name}: {member.filename} is compressed in a way that Keras never uses. "
                    "Save the model again."
                )
        weights = archive.read(_WEIGHTS)
    with open_hdf5(path, io.BytesIO(weights)) as file:
        check_hdf5(path, file, len(weights))


def read_archive_config(path: Path) -> Config:
    """Read the model's configuration.

    Raises:
        SourceError: the archive is damaged, or holds no model.
    """
    with _opened(path) as archive:
        return parse_config(path, archive.read(_CONFIG))


def archive_saved_by(path: Path) -> str:
    """Return the Keras version that saved it, or an empty string."""
    with _opened(path) as archive:
        try:
            metadata = json.loads(archive.read(_METADATA))
        except (KeyError, ValueError):
            return ""
    return str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""


def copy_archive(path: Path, config: Config, folder: Path) -> Path:
    """Copy an archive with another configuration, and return the copy's path."""
    copy = folder / "model.keras"
    with _opened(path) as archive, zipfile.ZipFile(copy, "w") as target:
        target.writestr(_CONFIG, json.dumps(config))
        for member in archive.infolist():
            if member.filename == _CONFIG or member.is_dir():
                continue
            with (
                archive.open(member) as stream,
                target.open(member.filename, "w", force_zip64=True) as out,
            ):
                while chunk := stream.read(_CHUNK):
                    out.write(chunk)
    return copy


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceError(
            f"{path.name} is damaged: it starts as a .keras archive and cannot be read to its end "
            f"({error}). Save or download it again."
        ) from error


def _check_names(path: Path, names: list[str]) -> None:
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise UntrustedSourceError(
                f"{path.name}: the archive's member {name!r} leads out of the archive. No flag "
                "allows this; save the model again."
            )
    if len(set(names)) != len(names):
        raise UntrustedSourceError(
            f"{path.name}: the archive holds two members of the same name. No flag allows this; "
            "save the model again."
        )
    for needed in (_CONFIG, _WEIGHTS):
        if needed not in names:
            raise SourceError(
                f"{path.name} is a zip archive without {needed}, so it is no Keras model. Save it "
                "with `model.save('NAME.keras')`."
            )

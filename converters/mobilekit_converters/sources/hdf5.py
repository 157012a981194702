"""HDF5 files, in which Keras keeps weights: refusing what reaches outside of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources.unpacking import refuse_expansion

MAGIC = b"\x89HDF\r\n\x1a\n"
"""How every HDF5 file starts (HDF5 File Format Specification, superblock)."""


def is_hdf5(path: Path) -> bool:
    """Say whether a file starts as HDF5 files do."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def open_hdf5(path: Path, stream: BinaryIO | Path) -> Any:
    """Open an HDF5 file for reading. `path` is the source, for messages.

    Returns:
        An `h5py.File`, to be closed by the caller.

    Raises:
        SourceError: it is damaged.
    """
    import h5py

    try:
        return h5py.File(stream, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{path.name} is damaged: HDF5 cannot read it ({error}). Save or download it again."
        ) from error


def check_hdf5(path: Path, file: Any, packed_bytes: int) -> None:
    """Refuse links and datasets that lead to other files, and data that unpacks to far too much.

    Args:
        path: the source, for messages.
        file: an open `h5py.File`.
        packed_bytes: the file's size.

    Raises:
        UntrustedSourceError: it leads to other files.
        SourceError: it is damaged or unpacks to far more than its size.
    """
    try:
        total = sum(_check_dataset(path, dataset) for dataset in _datasets(path, file))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise SourceError(
            f"{path.name} is damaged: HDF5 cannot read its weights ({error}). Save or download it "
            "again."
        ) from error
    refuse_expansion(path, packed_bytes, total)


def _datasets(path: Path, file: Any) -> Iterator[Any]:
    import h5py

    waiting = [file]
    visited = set()
    while waiting:
        group = waiting.pop()
        # A group may hold itself.
        if group.id in visited:
            continue
        visited.add(group.id)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise UntrustedSourceError(
                    f"{path.name}: {group.name}/{name} is a link to elsewhere "
                    f"({type(link).__name__}), which no weights file needs. Save the model again; "
                    "no flag allows this."
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item


def _check_dataset(path: Path, dataset: Any) -> int:
    """Return the bytes that a dataset unpacks to."""
    if dataset.is_virtual or dataset.external:
        raise UntrustedSourceError(
            f"{path.name}: the weights {dataset.name} lie in another file, which no weights file "
            "needs. Save the model again; no flag allows this."
        )
    return int(dataset.size or 0) * int(dataset.dtype.itemsize)

"""Calibration and evaluation data: `.npz` files, read without trusting them."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.batches import batch_size, sample_shape
from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.errors import DataError, nearest
from mobilekit_converters.signature import Signature, TensorSpec

LABELS = "labels"

MOST_BYTES = 4 << 30
"""The most that a file may unpack to, in bytes: above it a small file could fill the memory."""

SLACK = 0.1
"""How far values may lie outside of an input's range, as a share of it: resampling overshoots."""

LEAST_SPAN = 0.02
"""Images whose values span less of their range than this were scaled twice, or not at all."""

_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile and numpy raise on damaged, encrypted or strangely compressed archives."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Data that fits a model: inputs by name, of shape (samples, *shape without the batch)."""

    inputs: dict[str, NDArray[np.generic]]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


def load_samples(
    path: Path,
    signature: Signature,
    facts: Mapping[str, InputFacts] | None = None,
    *,
    classes: int | None = None,
    most_bytes: int = MOST_BYTES,
) -> Samples:
    """Read and check a data file.

    Floats of any width fit a float input, and so do integers that it can hold exactly; integers of
    any width fit an integer input that can hold their values. Nothing else is converted.

    Args:
        path: an `.npz` with an array per input, under the input's name, of shape
            (samples, *shape without the batch), and where the task has classes `labels`, whole
            numbers of shape (samples,).
        signature: the source's.
        facts: what inputs mean, by name; where a range is known, values are held against it.
        classes: how many classes `labels` may name, where that is known.
        most_bytes: the most that the file may unpack to.

    Raises:
        DataError: with the file, the array and what was expected of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = _read_arrays(path, archive, signature, most_bytes)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.") from error
    except _UNREADABLE as error:
        raise DataError(
            f"{path} cannot be read as an .npz file: {error}. Write it with numpy.savez, with one "
            "array per input and no Python objects."
        ) from error
    inputs = {
        spec.name: _checked_input(
            f"{path}: array {spec.name!r}",
            spec,
            arrays[spec.name],
            sample_shape(spec, batch_size(signature)),
            (facts or {}).get(spec.name, InputFacts()),
        )
        for spec in signature.inputs
    }
    labels = arrays.get(LABELS) if LABELS not in inputs else None
    _require_equal_counts(path, {**inputs, **({} if labels is None else {LABELS: labels})})
    return Samples(
        inputs=inputs,
        labels=None if labels is None else _checked_labels(path, labels, classes),
    )


def save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write an `.npz` whose arrays have any name; `numpy.savez` refuses one called `file`."""
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _read_arrays(
    path: Path, archive: zipfile.ZipFile, signature: Signature, most_bytes: int
) -> dict[str, NDArray[np.generic]]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    expected = [spec.name for spec in signature.inputs]
    for name in expected:
        if name not in members:
            raise DataError(
                f"{path} has no array {name!r}; it has {', '.join(members) or 'none'}."
                f"{nearest(name, members)} Store one array per input, under the input's name."
            )
    for name in members:
        if name not in (*expected, LABELS):
            raise DataError(
                f"{path} has an array {name!r}, which is no input of the model."
                f"{nearest(name, [*expected, LABELS])} Expected: {', '.join(expected)} and, where "
                f"there are classes, {LABELS}."
            )
    unpacked = sum(info.file_size for info in members.values())
    if unpacked > most_bytes:
        raise DataError(
            f"{path} unpacks to {unpacked:,} bytes, more than the {most_bytes:,} that a data file "
            "may take. Use fewer samples: a few hundred are enough."
        )
    arrays = {}
    for name, info in members.items():
        with archive.open(info) as member:
            arrays[name] = _read_array(f"{path}: array {name!r}", member, info.file_size)
    return arrays


def _read_array(place: str, member: IO[bytes], size: int) -> NDArray[np.generic]:
    """Read one array after holding its header against its size, before any memory is taken."""
    version = np.lib.format.read_magic(member)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise DataError(f"{place} is in version {version} of numpy's format. Save it with numpy 2.")
    shape, fortran_order, dtype = read_header(member)
    if dtype.hasobject or dtype.kind not in "fiub":
        raise DataError(
            f"{place} holds {dtype}, and data files hold real numbers. Python objects would run "
            "code when they are read; store plain arrays."
        )
    count = int(np.prod(shape, dtype=object))
    if member.tell() + count * dtype.itemsize != size:
        raise DataError(f"{place} says it has the shape {shape}, and its data has another size.")
    content = member.read()
    array: NDArray[np.generic] = np.frombuffer(content, dtype=dtype, count=count).reshape(
        shape, order="F" if fortran_order else "C"
    )
    return np.ascontiguousarray(array)


def _checked_input(
    place: str,
    spec: TensorSpec,
    array: NDArray[np.generic],
    expected: tuple[int, ...],
    facts: InputFacts,
) -> NDArray[np.generic]:
    if array.ndim == 0 or array.shape[1:] != expected:
        raise DataError(
            f"{place} has the shape {_shape(array.shape)}, and the input needs "
            f"{_shape(('samples', *expected))}: one row per sample, without the batch."
        )
    if len(array) == 0:
        raise DataError(f"{place} is empty. Give at least one sample.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise DataError(f"{place} has {bad} values that are NaN or Inf. Remove those samples.")
    values = _cast(place, array, spec)
    if values.dtype.kind != "b":
        _require_range(place, values, facts)
    return values


def _cast(place: str, array: NDArray[np.generic], spec: TensorSpec) -> NDArray[np.generic]:
    """Convert to the input's dtype, if that keeps the values' meaning."""
    target = np.dtype(spec.dtype)
    kinds = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}.get(target.kind, target.kind)
    if array.dtype.kind not in kinds:
        raise DataError(f"{place} is {array.dtype}, and the input is {spec.dtype}. Convert it.")
    if array.dtype == target:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        values = array.astype(target)
    kept = np.isfinite(values).all() if array.dtype.kind == "f" else np.array_equal(values, array)
    if not kept:
        raise DataError(f"{place} is {array.dtype} with values that {spec.dtype} cannot hold.")
    return values


def _require_range(place: str, values: NDArray[np.generic], facts: InputFacts) -> None:
    bounds = facts.bounds
    if bounds is None:
        return
    low, high = bounds
    span = high - low
    lowest, highest = float(values.min()), float(values.max())
    described = f"{place} has values from {lowest:g} to {highest:g}, and the input takes {low:g} to"
    if lowest < low - SLACK * span or highest > high + SLACK * span:
        raise DataError(f"{described} {high:g}. Scale the data as the app will, or fix the range.")
    if facts.kind == "image" and 0 < highest - lowest < LEAST_SPAN * span:
        raise DataError(f"{described} {high:g}: the images were scaled already, or are all blank.")


def _require_equal_counts(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise DataError(f"{path} has different numbers of samples ({listed}). Make them equal.")


def _checked_labels(
    path: Path, labels: NDArray[np.generic], classes: int | None
) -> NDArray[np.int64]:
    place = f"{path}: array {LABELS!r}"
    # Whole numbers stored as floats are labels too: that is how much of the world saves them.
    whole = labels.dtype.kind in "iu" or (
        labels.dtype.kind == "f" and bool(np.equal(labels, np.rint(labels)).all())
    )
    if labels.ndim != 1 or not whole:
        raise DataError(
            f"{place} is {labels.dtype} {_shape(labels.shape)}, and labels are whole numbers of "
            "shape (samples,): the index of each sample's class."
        )
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or (classes is not None and highest >= classes):
        raise DataError(
            f"{place} names classes {lowest} to {highest}, and the model has "
            f"{f'0 to {classes - 1}' if classes is not None else 'none below 0'}."
        )
    return labels.astype(np.int64)


def _shape(shape: tuple[object, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"

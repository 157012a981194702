"""Trained models as their teams saved them. A new kind is one new file and one row in the table.

Two steps, because files are untrusted and TensorFlow is slow to import: `examine` looks at a file
without loading it, in any process; `open_source` loads it, in a worker process.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from mobilekit_converters.errors import SourceError
from mobilekit_converters.hashing import bytes_of_path, sha256_of_path
from mobilekit_converters.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How to read a source.

    `trust` allows code from the file to run (`Lambda` layers and the like). `signature` chooses one
    of a SavedModel's or a TFLite file's signatures. `batch` fixes the first dimension; `shapes`
    fixes the others, by input name, without the batch.
    """

    trust: bool = False
    signature: str | None = None
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What can be said of a file without loading it: its kind, its sha256 and its size in bytes."""

    kind: str
    sha256: str
    bytes: int


class Source(Protocol):
    """A trained model, loaded."""

    @property
    def kind(self) -> str:
        """The kind of file, a key of `KINDS`."""

    @property
    def framework(self) -> str:
        """What runs it, with the version, such as `Keras 3.12.0`."""

    @property
    def signature(self) -> Signature:
        """Names, shapes (with the batch) and dtypes, all of them fixed."""

    @property
    def parameters(self) -> int | None:
        """How many trained numbers it holds, where the kind can say."""

    def predict(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run the source's own framework on one batch, in the signature's shapes and dtypes.

        Raises:
            DataError: the arrays are not the signature's inputs.
        """

    def freeze(self, folder: Path) -> None:
        """Write the model in the form that the converters read (`mobilekit_converters.frozen`).

        Raises:
            SourceError: the model cannot be frozen, or is a finished artifact already.
        """


class SourceModule(Protocol):
    """What the file of one kind offers. None of it imports TensorFlow but `open_source`."""

    def recognises(self, path: Path) -> bool:
        """Say whether the content of `path`, which exists, is of this kind."""

    def check(self, path: Path, options: SourceOptions) -> None:
        """Refuse what can be refused without loading the file.

        Raises:
            SourceError: it is damaged, or incomplete.
            UntrustedSourceError: it would run code of its own, and `options.trust` is not set.
        """

    def open_source(self, path: Path, options: SourceOptions) -> Source:
        """Load a file that `check` let through."""


KINDS: dict[str, str] = {
    "keras": "keras3",
    "legacy-keras": "legacy_keras",
    "saved-model": "saved_model",
    "tflite": "tflite",
}
"""Kind of file -> its module in this package, in the order in which they are asked."""

READABLE = (
    "It reads .keras files, whole Keras models in .h5 files, SavedModel folders and .tflite files."
)

_NOT_READ = {
    ".pt2": "PyTorch's exported programs are not supported yet.",
    ".pt": "PyTorch's pickled files are not supported: loading one runs code from the file.",
    ".pth": "PyTorch's pickled files are not supported: loading one runs code from the file.",
    ".onnx": "ONNX files are not supported.",
    ".pb": "A single .pb file is not supported: give the SavedModel folder that it belongs to.",
    ".mlpackage": "It is a finished Core ML package, not a trained model.",
}


def detect(path: Path) -> str:
    """Return the kind of a source, a key of `KINDS`, from its content.

    Raises:
        SourceError: it does not exist, or is of no kind that can be read.
    """
    if not path.exists():
        raise SourceError(f"There is no model {path}. Check the path (`[model] source`).")
    try:
        for kind in KINDS:
            if _module(kind).recognises(path):
                return kind
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    raise SourceError(f"{path} is no model that mobilekit can read. {_reason(path)} {READABLE}")


def examine(path: Path, options: SourceOptions) -> Examination:
    """Look at a source without loading it: find its kind, and refuse what is damaged or unsafe.

    This imports no TensorFlow. What only loading can show, `open_source` refuses.

    Raises:
        SourceError: it cannot be read.
        UntrustedSourceError: it would run code of its own, and `options.trust` is not set.
    """
    kind = detect(path)
    try:
        _module(kind).check(path, options)
        return Examination(kind=kind, sha256=sha256_of_path(path), bytes=bytes_of_path(path))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def open_source(path: Path, options: SourceOptions) -> Source:
    """Examine a source and load it, with all its shapes fixed. Slow; it imports its framework.

    Raises:
        SourceError: it cannot be read or loaded, its weights hold NaN or Inf, or a dimension is
            unknown.
        UntrustedSourceError: it would run code of its own, and `options.trust` is not set.
    """
    kind = detect(path)
    module = _module(kind)
    try:
        module.check(path, options)
        return module.open_source(path, options)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def _module(kind: str) -> SourceModule:
    return cast(SourceModule, importlib.import_module(f"{__name__}.{KINDS[kind]}"))


def _reason(path: Path) -> str:
    """Say in a sentence why nothing recognised it, as far as that can be seen."""
    if path.suffix.lower() in _NOT_READ:
        return _NOT_READ[path.suffix.lower()]
    if path.is_dir():
        return "The folder holds no saved_model.pb, so it is no SavedModel."
    with path.open("rb") as stream:
        start = stream.read(64)
    if not start:
        return "The file is empty."
    if start.startswith(b"version https://git-lfs"):
        return "The file is a Git LFS pointer: fetch the model itself with `git lfs pull`."
    if path.suffix:
        return f"Its content is not that of a {path.suffix} file: it is damaged or misnamed."
    return "Its content is not that of any of them."

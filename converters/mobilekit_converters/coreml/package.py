"""Opens a package on disk: its manifest, its model, its files. Reads untrusted packages safely.

A package is a folder, and names files of its own in two places: the manifest names its items, the
model its weight files. No name may lead out of the folder, by `..` or by a symbolic link.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.coreml.schema import model_messages
from mobilekit_converters.errors import ConversionError

_MODEL_PATH = "@model_path/"
"""What a model writes for the folder that it lies in."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """An opened package.

    `model` is the file with the model, and `spec` what is in it: a `Model_pb2.Model` of
    coremltools, which holds an ML program.
    """

    path: Path
    model: Path
    spec: Any

    def operations(self) -> list[Any]:
        """Return the operations of all functions, those inside loops and branches too."""
        functions = self.spec.mlProgram.functions
        return [operation for name in sorted(functions) for operation in _inside(functions[name])]

    def weight_file(self, name: str) -> Path:
        """Return a weight file by the name that the model has for it, `@model_path/…`.

        Raises:
            ConversionError: there is no such file in the package.
        """
        before, mark, relative = name.partition(_MODEL_PATH)
        if before or not mark or not relative:
            raise broken(self.path, f"its weights {name!r} are in no file of it")
        return _inner(self.path, self.model.parent / relative)


def open_package(path: Path) -> Package:
    """Open a package. No weights are read; `mobilekit_converters.coreml.weights` looks at them.

    Raises:
        ConversionError: its manifest or its model cannot be read or is damaged, an item is missing
            or outside of the package, or the model is not an ML program.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    model = _model(path)
    try:
        spec = model_messages().Model.FromString(model.read_bytes())
    except OSError as error:
        raise broken(path, f"its model cannot be read ({error.strerror})") from error
    except DecodeError as error:
        raise broken(path, f"its {model.name} is cut off or damaged") from error
    if spec.WhichOneof("Type") != "mlProgram":
        raise broken(path, f"its model is of type {spec.WhichOneof('Type')}, not an ML program")
    return Package(path=path, model=model, spec=spec)


def broken(path: Path, what: str) -> ConversionError:
    """Return the error that says why a package is not whole."""
    return ConversionError(
        f"{path} is not a whole Core ML package: {what}. Convert the model again."
    )


def _model(path: Path) -> Path:
    """Return the model's file. Every item has to be there: Core ML refuses a package otherwise."""
    file = _inner(path, path / "Manifest.json")
    try:
        manifest = json.loads(file.read_text("utf-8"))
        version = str(manifest["fileFormatVersion"])
        root = manifest["rootModelIdentifier"]
        items = {key: str(item["path"]) for key, item in manifest["itemInfoEntries"].items()}
        name = items[root]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise broken(path, f"its manifest cannot be read ({error})") from error
    if not re.fullmatch(r"1\.\d+\.\d+", version):
        raise broken(path, f"its manifest is of version {version[:20]!r}, and 1.0.0 is known")
    for item in items.values():
        _inner(path, path / "Data" / item, folder=True)
    return _inner(path, path / "Data" / name)


def _inner(path: Path, named: Path, *, folder: bool = False) -> Path:
    """Return a regular file, or also a folder, that is named in the package at `path`.

    Raises:
        ConversionError: it lies elsewhere, or is not there.
    """
    name = str(named)[len(str(path)) + 1 :][:200]
    try:
        root, place = Path(os.path.realpath(path)), Path(os.path.realpath(named))
        there = place.is_file() or (folder and place.is_dir())
    except (OSError, ValueError) as error:
        raise broken(path, f"no file can have the name {name!r}") from error
    if not place.is_relative_to(root):
        raise broken(path, f"{name!r} leads out of it, to {str(place)[:200]!r}")
    if not there:
        raise broken(path, f"its {name!r} is missing")
    return place


def _inside(function: Any) -> Iterator[Any]:
    waiting = list(function.block_specializations.values())
    while waiting:
        for operation in waiting.pop(0).operations:
            yield operation
            waiting.extend(operation.blocks)


def values_of(operation: Any) -> Iterator[tuple[str, Any]]:
    """Yield the constants that an operation holds itself, by attribute or input."""
    yield from operation.attributes.items()
    for name, argument in operation.inputs.items():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield name, binding.value

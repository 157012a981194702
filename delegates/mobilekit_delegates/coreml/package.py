"""Opens saved Core ML packages, which nobody vouches for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mobilekit_converters.coreml.schema import model_messages
from mobilekit_converters.errors import TargetError

WEIGHTS_PREFIX = "@model_path/weights/"
"""How a program names a file of weights; `@model_path` is the folder of the model's protobuf."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A model's protobuf (`coremltools.proto.Model_pb2.Model`) and the folder of its weights.

    `name` is for messages.
    """

    name: str
    spec: Any
    weights: Path | None


def open_package(path: Path) -> Package:
    """Open a saved `.mlpackage`; nothing in it is changed.

    Raises:
        TargetError: it is not a whole package of an ML Program.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        manifest = json.loads((path / "Manifest.json").read_text("utf-8"))
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        if not isinstance(item, str):
            raise TypeError(f"the path of its model is {item!r}")
        model = inside(path / "Data", item)
        spec = model_messages().Model.FromString(model.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise broken(path.name, f"its manifest or model cannot be read ({error})") from error
    except DecodeError as error:
        raise broken(path.name, "its model's protobuf is cut off or damaged") from error
    return _ml_program(Package(name=path.name, spec=spec, weights=model.parent / "weights"))


def package_of_model(model: Any) -> Package:
    """Return the package of a `coremltools.models.MLModel`, which need not be saved or loaded."""
    weights = Path(model.weights_dir) if model.weights_dir else None
    return _ml_program(Package(name="the model", spec=model.get_spec(), weights=weights))


def _ml_program(package: Package) -> Package:
    kind = package.spec.WhichOneof("Type")
    if kind != "mlProgram":
        raise broken(package.name, f"its model is of type {kind}, not an ML Program")
    return package


def inside(folder: Path, name: str) -> Path:
    """Return the file of a relative name in a folder.

    Raises:
        ValueError: the name leads out of the folder.
    """
    relative = PurePosixPath(name)
    file = folder / relative
    if relative.is_absolute() or not file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of the package")
    return file


def broken(name: str, what: str) -> TargetError:
    """Return the error of a package that is not whole."""
    return TargetError(f"{name} is not a whole Core ML package: {what}. Convert the model again.")

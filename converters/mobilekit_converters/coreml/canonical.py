"""Packages whose bytes depend on the model alone.

coremltools draws random identifiers for the manifest, stores the date of the conversion, and lets
protobuf write its maps in the order of the process's hash seed.
"""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

NAMES_KEY = "mobilekit.names"
"""User-defined metadata: a JSON object from the source's names to the package's."""

VARIANT_KEY = "mobilekit.variant"
"""User-defined metadata: the variant's full name."""

IMAGES_KEY = "mobilekit.images"
"""User-defined metadata: a JSON object from the source's names of inputs that take images to their
`scale` and `offset`; the source's value is `pixel * scale + offset`."""

_DATE_KEY = "com.github.apple.coremltools.conversion_date"
_AUTHOR = "com.apple.CoreML"
_MODEL = f"{_AUTHOR}/model.mlmodel"
_WEIGHTS = f"{_AUTHOR}/weights"


def save_package(model: Any, path: Path, metadata: dict[str, str]) -> None:
    """Write a `coremltools.models.MLModel` of an ML program as a package, replacing an older one.

    Args:
        model: the model.
        path: the `.mlpackage` folder to write.
        metadata: user-defined metadata to store in it.
    """
    spec = model.get_spec()
    defined = spec.description.metadata.userDefined
    defined.pop(_DATE_KEY, None)
    defined.update(metadata)

    shutil.rmtree(path, ignore_errors=True)
    data = path / "Data" / _AUTHOR
    (data / "weights").mkdir(parents=True)
    (data / "model.mlmodel").write_bytes(spec.SerializeToString(deterministic=True))
    for weights in sorted(Path(model.weights_dir).iterdir()) if model.weights_dir else []:
        shutil.copyfile(weights, data / "weights" / weights.name)
    # As coremltools writes it, the last newline too: it does so whenever it opens a package.
    manifest = json.dumps(_manifest(), indent=4, sort_keys=True) + "\n"
    (path / "Manifest.json").write_text(manifest, "utf-8")


def _manifest() -> dict[str, Any]:
    """Core ML's package manifest, version 1.0.0, with identifiers derived from the items' paths."""
    model, weights = (str(uuid.uuid5(uuid.NAMESPACE_URL, item)) for item in (_MODEL, _WEIGHTS))
    return {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            model: _item("CoreML Model Specification", _MODEL),
            weights: _item("CoreML Model Weights", _WEIGHTS),
        },
        "rootModelIdentifier": model,
    }


def _item(description: str, path: str) -> dict[str, str]:
    return {
        "author": _AUTHOR,
        "description": description,
        "name": path.rpartition("/")[2],
        "path": path,
    }

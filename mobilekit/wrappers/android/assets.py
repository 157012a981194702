"""What an app carries beside code: the artifacts, the golden in real units, the labels."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit.wrappers.android.api import describe_api
from mobilekit.wrappers.android.facts import artifact_asset, golden_assets
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.errors import OutputError
from mobilekit_converters.hashing import sha256_of_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_assets(module: AndroidModule, folder: Path) -> None:
    """Write all assets into a folder, which is made.

    Raises:
        OutputError: an artifact's file is not the one that was checked.
    """
    for carried in module.artifacts:
        artifact = carried.artifact
        target = folder / artifact_asset(module, artifact.variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module.files[artifact.variant], target)
        if sha256_of_path(target) != artifact.sha256:
            raise OutputError(
                f"{module.files[artifact.variant]} is not the file that was checked. Build again."
            )
    _write_golden(module, folder)
    for output in describe_api(module).classified:
        labels = module.model.outputs[output.index].facts.labels
        if labels:
            (folder / output.labels_file).write_bytes("\n".join(labels).encode("utf-8"))


def _write_golden(module: AndroidModule, folder: Path) -> None:
    golden = module.model.golden
    inputs, outputs = golden_assets(module)
    (folder / inputs[0]).parent.mkdir(parents=True, exist_ok=True)
    for asset, item in zip(inputs, module.model.inputs, strict=True):
        _write_samples(folder / asset, golden.inputs[item.spec.name], item.spec.dtype)
    for asset, output in zip(outputs, module.model.outputs, strict=True):
        _write_samples(folder / asset, golden.outputs[output.spec.name], output.spec.dtype)


def _write_samples(path: Path, samples: NDArray[np.generic], dtype: str) -> None:
    """Write samples one after another, little-endian, row by row; booleans as bytes."""
    import numpy as np

    little = np.dtype(dtype).newbyteorder("<")
    path.write_bytes(np.ascontiguousarray(samples, dtype=little).tobytes())

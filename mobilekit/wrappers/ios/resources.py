"""What an app carries beside code: the artifacts, the golden in real units, the labels."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit.wrappers.description import IosPackage
from mobilekit.wrappers.ios.api import labels_resource
from mobilekit.wrappers.ios.facts import artifact_resource, golden_resources
from mobilekit_converters.errors import OutputError
from mobilekit_converters.hashing import sha256_of_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def resources(package: IosPackage) -> tuple[str, ...]:
    """Return the files and folders that a package's manifest names, in order."""
    labelled = [index for index, output in enumerate(package.model.outputs) if output.facts.labels]
    return (
        *(artifact_resource(carried.artifact.variant) for carried in package.artifacts),
        "golden",
        *map(labels_resource, labelled),
    )


def write_resources(package: IosPackage, folder: Path) -> None:
    """Write all resources into a folder, which is made.

    Raises:
        OutputError: an artifact is not the one that was checked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for carried in package.artifacts:
        artifact = carried.artifact
        source = package.files[artifact.variant]
        target = folder / artifact_resource(artifact.variant)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(source, target, copy_function=shutil.copyfile)
        if sha256_of_path(target) != artifact.sha256:
            raise OutputError(f"{source} is not the package that was checked. Build again.")
    _write_golden(package, folder)
    for index, output in enumerate(package.model.outputs):
        if output.facts.labels:
            text = "\n".join(output.facts.labels)
            (folder / labels_resource(index)).write_bytes(text.encode("utf-8"))


def _write_golden(package: IosPackage, folder: Path) -> None:
    model = package.model
    inputs, outputs = golden_resources(package)
    (folder / "golden").mkdir(exist_ok=True)
    for path, item in zip(inputs, model.inputs, strict=True):
        _write_samples(folder / path, model.golden.inputs[item.spec.name], item.spec.dtype)
    for path, output in zip(outputs, model.outputs, strict=True):
        _write_samples(folder / path, model.golden.outputs[output.spec.name], output.spec.dtype)


def _write_samples(path: Path, samples: NDArray[np.generic], dtype: str) -> None:
    """Write samples one after another, little-endian, row by row."""
    import numpy as np

    little = np.dtype(dtype).newbyteorder("<")
    path.write_bytes(np.ascontiguousarray(samples, dtype=little).tobytes())

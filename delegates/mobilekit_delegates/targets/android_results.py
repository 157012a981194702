"""The files that go to a generated module's tests on a device, and those that they leave."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays, Outputs

_INPUTS_SCHEMA = "mobilekit/golden/1"
_OUTPUTS_SCHEMA = "mobilekit/outputs/1"


@dataclass(frozen=True, kw_only=True)
class DeviceCheck:
    """What the test on the device found, for the samples that the module carries."""

    status: str
    reason: str
    samples: int
    place: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DeviceResults:
    """The folder that the tests of a module left.

    `target` is the one that they ran on, `model` what the module is called.
    """

    folder: Path
    artifact: Artifact
    target: str
    model: str

    def has_report(self) -> bool:
        """Say whether any check came to its end."""
        return self._report.is_file()

    def has_outputs(self) -> bool:
        """Say whether the artifact answered, rightly or not."""
        return self._description.is_file()

    def check(self) -> DeviceCheck:
        """Return the check of the artifact on the target.

        Raises:
            TargetError: the report is damaged, or of something else.
        """
        report = _read_json(self._report, self.target)
        try:
            found = [
                check
                for variant in report["variants"]
                if variant["name"] == self.artifact.variant
                and variant["sha256"] == self.artifact.sha256
                for check in variant["checks"]
                if check["target"] == self.target
            ]
            if report["model"]["name"] != self.model or len(found) != 1:
                raise TargetError(
                    f"The report that {self.target} left is of another model, or not of "
                    f"{self.artifact.variant} there."
                )
            (check,) = found
            execution = check.get("execution", {})
            return DeviceCheck(
                status=str(check["status"]),
                reason=str(check["reason"]),
                samples=int(check.get("samples", 0)),
                place=str(execution.get("place", "")),
                notes=tuple(map(str, execution.get("notes", ()))),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TargetError(f"The report that {self.target} left is damaged: {error}.") from error

    def outputs(self, batches: int) -> list[Outputs]:
        """Return the outputs of every batch, in real values.

        Raises:
            TargetError: they are missing, damaged, or another run's.
        """
        if not self.has_outputs():
            raise TargetError(f"{self.target} left no outputs of {self.artifact.variant}.")
        description = _read_json(self._description, self.target)
        try:
            files = {entry["name"]: str(entry["file"]) for entry in description["outputs"]}
            whose = [description[key] for key in ("schema", "model", "sha256", "runs")]
        except (KeyError, TypeError) as error:
            raise TargetError(
                f"The outputs that {self.target} left are damaged: {error}."
            ) from error
        if whose != [_OUTPUTS_SCHEMA, self.model, self.artifact.sha256, batches]:
            raise TargetError(f"The outputs that {self.target} left are of another model or run.")
        stacks = {
            spec.name: self._stack(spec, files.get(spec.name, ""), batches)
            for spec in self.artifact.signature.outputs
        }
        return [{name: stack[row] for name, stack in stacks.items()} for row in range(batches)]

    @property
    def _report(self) -> Path:
        return self.folder / "report.json"

    @property
    def _description(self) -> Path:
        return self.folder / f"{self.artifact.variant}.{self.target.rpartition('/')[2]}.json"

    def _stack(self, spec: TensorSpec, file: str, batches: int) -> NDArray[np.generic]:
        """Return all batches of an output."""
        import numpy as np

        dtype, shape = _real_dtype(spec), (batches, *spec.shape)
        path = self.folder / Path(file).name
        data = path.read_bytes() if path.is_file() else b""
        expected = math.prod(shape) * dtype.itemsize
        if len(data) != expected:
            raise TargetError(
                f"{self.target} sent {len(data)} bytes for the output {spec.name!r}, not the "
                f"{expected} that its {batches} batches have."
            )
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def write_inputs(folder: Path, artifact: Artifact, batches: Sequence[Arrays]) -> None:
    """Write batches as the module's tests read them: a golden without outputs.

    Args:
        folder: where they go; it is made.
        artifact: the one that they are for.
        batches: arrays in real values, by input name.

    Raises:
        DataError: a batch does not fit the artifact's signature.
    """
    folder.mkdir(parents=True)
    specs = artifact.signature.inputs
    names = {spec.name for spec in specs}
    for batch in batches:
        if set(batch) != names:
            raise DataError(f"The artifact's inputs are {sorted(names)}, not {sorted(batch)}.")
    document = {
        "schema": _INPUTS_SCHEMA,
        "samples": len(batches),
        "origin": "The inputs of a check.",
        "inputs": [
            _write_input(
                folder / f"input-{index}.bin", spec, [batch[spec.name] for batch in batches]
            )
            for index, spec in enumerate(specs)
        ],
    }
    (folder / "golden.json").write_text(json.dumps(document), encoding="utf-8")


def _write_input(
    path: Path, spec: TensorSpec, arrays: Sequence[NDArray[np.generic]]
) -> dict[str, Any]:
    """Write an input of all batches; return its entry in the golden."""
    dtype = _real_dtype(spec)
    with path.open("wb") as stream:
        for array in arrays:
            if array.shape != spec.shape:
                raise DataError(
                    f"The input {spec.name!r} has the shape {array.shape}, not {spec.shape}."
                )
            stream.write(array.astype(dtype.newbyteorder("<")).tobytes())
    shape = [len(arrays), *spec.shape]
    return {"name": spec.name, "file": path.name, "dtype": dtype.name, "shape": shape}


def _real_dtype(spec: TensorSpec) -> np.dtype[Any]:
    """Return how the module shows a tensor: quantised ones as the floats that they mean."""
    import numpy as np

    return np.dtype("float32" if spec.quantisation else spec.dtype)


def _read_json(path: Path, target: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TargetError(f"{path.name}, which {target} left, is damaged: {error}.") from error
    return value if isinstance(value, dict) else {}

"""Jobs for `runner.py`: an artifact and its batches as a folder, and the folder's outputs back.

How the folder travels is the target's own: to an emulator it is only opened, to a device it is
pushed and pulled. All batches go in one journey.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, MobilekitError, TargetError, UnsupportedError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.quantised_values import real_output, stored_input
from mobilekit_delegates.runner import runner, timing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays, Outputs

RUNNER = Path(runner.__file__)
"""The file to send along and to start, with the folder as its argument."""

TIMING = Path(timing.__file__)
"""The file to send along with it where a job is timed."""

_JOB = "job.json"
RESULT = "result.json"
"""What a runner leaves, beside the outputs."""

_ARTIFACT = "model.tflite"
_LINES_OF_LOG = 5
_NOT_FOUND = 127  # a shell's: no such program

_DOES = {
    runner.BAD_JOB: "did not get {file} and its inputs whole",
    runner.REFUSED: "does not load {file}",
    runner.FAILED: "failed to run {file}",
    runner.NOT_WRITTEN: "had no room for the outputs of {file}",
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the runner's process ended: `status`, minus the signal's number where one ended it, and
    what the process said."""

    status: int
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came back: the outputs of every batch, in real values, and what the runner says.

    `runtime` is its name and version, `cpu` the processor's name as the system tells it (or empty),
    `seconds` each batch's time.
    """

    outputs: list[Outputs]
    runtime: str
    cpu: str
    load_seconds: float
    seconds: tuple[float, ...]


def write_job(
    folder: Path,
    artifact: Artifact,
    batches: Sequence[Arrays],
    *,
    kernels: str = "AUTO",
    threads: int = 1,
    timing: Mapping[str, Any] | None = None,
) -> None:
    """Write a job into a folder that is there.

    Args:
        folder: where to.
        artifact: the `.tflite` artifact.
        batches: inputs in real values, by name.
        kernels: a member of the runtime's `OpResolverType`.
        threads: how many the runtime may use.
        timing: where the runs are to be timed, what the runner has to know of that.

    Raises:
        DataError: a batch does not fit the artifact's signature.
    """
    signature = artifact.signature
    names = {spec.name for spec in signature.inputs}
    for batch in batches:
        if set(batch) != names:
            raise DataError(f"The artifact's inputs are {sorted(names)}, not {sorted(batch)}.")
    inputs = _items("input", signature.inputs)
    for spec, item in zip(signature.inputs, inputs, strict=True):
        with (folder / item["file"]).open("wb") as stream:
            for batch in batches:
                stream.write(_bytes(stored_input(spec, batch[spec.name])))
    shutil.copyfile(artifact.path, folder / _ARTIFACT)
    job = {
        "schema": runner.JOB_SCHEMA,
        "artifact": _ARTIFACT,
        "sha256": sha256_of_path(artifact.path),
        "kernels": kernels,
        "threads": threads,
        "batches": len(batches),
        "inputs": inputs,
        "outputs": _items("output", signature.outputs),
        **({"timing": dict(timing)} if timing is not None else {}),
    }
    (folder / _JOB).write_text(json.dumps(job), encoding="utf-8")


def output_files(artifact: Artifact) -> tuple[str, ...]:
    """Return the names of the files that a runner leaves in the folder of an artifact's job."""
    outputs = _items("output", artifact.signature.outputs)
    return (RESULT, *(item["file"] for item in outputs))


def read_result(folder: Path, artifact: Artifact, ended: Ended, *, target: str) -> Result:
    """Read what the runner left in a job's folder.

    Args:
        folder: the folder that `write_job` filled.
        artifact: the one that the job was written for.
        ended: how the runner's process ended.
        target: the target's name, for messages.

    Raises:
        TargetError: it did not run, and the artifact or the target is to blame.
        UnsupportedError: there is nothing there that could run it.
    """
    result = _read_success(folder, artifact, ended, target)
    job = _read_json(folder / _JOB)
    outputs = _items("output", artifact.signature.outputs)
    stacks = {
        spec.name: _stack(folder / item["file"], spec, job["batches"], target)
        for spec, item in zip(artifact.signature.outputs, outputs, strict=True)
    }
    return Result(
        outputs=[
            {
                spec.name: real_output(spec, stacks[spec.name][batch])
                for spec in artifact.signature.outputs
            }
            for batch in range(job["batches"])
        ],
        runtime=result["runtime"],
        cpu=result["cpu"],
        load_seconds=result["load_seconds"],
        seconds=tuple(result["seconds"]),
    )


def read_timing(
    folder: Path, artifact: Artifact, ended: Ended, *, target: str
) -> tuple[dict[str, Any], Result]:
    """Read what the runner left in the folder of a job that was timed.

    Returns:
        What `runner.py` calls `timing`, and the rest, without outputs.

    Raises:
        TargetError, UnsupportedError: see `read_result`.
    """
    result = _read_success(folder, artifact, ended, target)
    found = result.get("timing")
    if not isinstance(found, dict) or not found.get("run_ns"):
        raise TargetError(f"{target} left no times of {artifact.path.name}.")
    return found, Result(
        outputs=[],
        runtime=result["runtime"],
        cpu=result["cpu"],
        load_seconds=(found["load_ns"] + found["prepare_ns"]) / 1e9,
        seconds=(),
    )


def _read_success(folder: Path, artifact: Artifact, ended: Ended, target: str) -> dict[str, Any]:
    """Return the result of a job that went well."""
    result = _read_json(folder / RESULT)
    status = result.get("status", ended.status) or ended.status
    if status != runner.OK:
        raise _error(status, result, ended, artifact, target)
    if result.get("schema") != runner.RESULT_SCHEMA:
        raise TargetError(f"{target} left no result of {artifact.path.name}.")
    return result


def _items(kind: str, specs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    return [
        {
            "name": spec.name,
            "dtype": spec.dtype,
            "shape": list(spec.shape),
            "file": f"{kind}-{index}.bin",
        }
        for index, spec in enumerate(specs)
    ]


def _bytes(values: NDArray[np.generic]) -> bytes:
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def _stack(file: Path, spec: TensorSpec, batches: int, target: str) -> NDArray[np.generic]:
    """Return an output's arrays of all batches."""
    import numpy as np

    dtype = np.dtype(spec.dtype)
    shape = (batches, *spec.shape)
    data = file.read_bytes() if file.is_file() else b""
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise TargetError(
            f"{target} sent {len(data)} bytes for the output {spec.name!r}, not the "
            f"{math.prod(shape) * dtype.itemsize} that its {batches} batches have."
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _read_json(file: Path) -> dict[str, Any]:
    """Return a file's object; an empty one where the file is missing or damaged."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _error(
    status: int, result: dict[str, Any], ended: Ended, artifact: Artifact, target: str
) -> MobilekitError:
    """Return the error of a status that is not `OK`."""
    file = artifact.path.name
    said = _joined(result.get("error") or ended.log)
    by = f"{target} ({result['runtime']})" if result.get("runtime") else target
    if status == runner.NO_RUNTIME:
        return UnsupportedError(
            f"{target} has no TFLite runtime: {said}. Get it there: "
            "python3 -m pip install ai-edge-litert"
        )
    if status == _NOT_FOUND:
        return UnsupportedError(f"{target} has no Python 3 to run the artifact with: {said}.")
    if status == runner.REFUSED and (too_new := _too_new(result)):
        return TargetError(f"{by} does not load {file}: it is too old for {too_new}.")
    does = _DOES.get(status, f"ended with {exit_text(status)} at {{file}}").format(file=file)
    return TargetError(f"{by} {does}: {said or 'it said nothing'}.")


def _too_new(result: dict[str, Any]) -> str:
    """Name the operators, with their versions, that a runtime was too old for; or say nothing."""
    refused = result.get("refused", [])
    known = [f"{item['operator']} version {item['version']}" for item in refused]
    # Of an operator that it never heard of, it only has the number.
    unknown = re.search(r"builtin_code out of range: (\d+)", result.get("error", ""))
    return ", ".join([*known, *([_operator_name(int(unknown[1]))] if unknown else [])])


def _operator_name(number: int) -> str:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    known = vars(BuiltinOperator).items()
    names: dict[int, str] = {value: name for name, value in known if name.isupper()}
    return names.get(number, f"the operator of number {number}")


def exit_text(status: int) -> str:
    """Say how a process ended: by which signal, or with which status."""
    if status < 0:
        return f"{signal.Signals(-status).name} ({signal.strsignal(-status)})"
    return f"exit status {status}"


def _joined(text: str) -> str:
    """Return the last lines of a text as one."""
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-_LINES_OF_LOG:])

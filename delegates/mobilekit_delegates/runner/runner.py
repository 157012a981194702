"""Run a job: one TFLite file on many batches. This file is sent to where the file is to run.

    python3 runner.py FOLDER        run the job in FOLDER
    python3 runner.py --describe    say what would run it, as one line of JSON

It needs Python 3.8, numpy, and `ai_edge_litert` or `tflite_runtime`.

FOLDER holds the artifact, the inputs and `job.json`:

    {"schema": "mobilekit/job/1", "artifact": FILE, "sha256": TEXT, "kernels": "AUTO",
     "threads": 1, "batches": COUNT,
     "inputs": [{"name", "dtype", "shape", "file"}], "outputs": [the same]}

An input's file holds its arrays of all batches, one after another, little-endian and row-major; the
runner writes each output's file alike. Arrays are what the artifact stores: nothing is quantised
here. `kernels` is a member of the runtime's `OpResolverType`.

Last of all the runner writes `result.json`:

    {"schema": "mobilekit/result/1", "status": EXIT STATUS, "error": TEXT, "runtime": TEXT,
     "python": TEXT, "machine": TEXT, "cpu": TEXT, "load_seconds": NUMBER, "seconds": [NUMBER],
     "refused": [{"operator": TEXT, "version": NUMBER}]}

What the job did not come to is left out. `refused` are operators that are too new for the runtime.

A job with `"timing": {…}` is timed instead: no outputs are written. `timing.py` lies beside this
file then, and says what the object holds. The result has

    "timing": {"load_ns", "prepare_ns", …what `timing.take_turn` returns…, "bare_memory_bytes",
               "peak_memory_bytes", "conditions": [BEFORE, AFTER]}

The exit statuses, below, keep clear of those of Python (1, 2), `timeout` (124) and shells (126 up).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any

OK = 0
BAD_JOB = 10  # the folder is not as described above: damaged on its way, say
NO_RUNTIME = 11  # this Python has no TFLite runtime, or no numpy
REFUSED = 12  # the runtime does not load the artifact
FAILED = 13  # it failed to run the artifact, or to time it
NOT_WRITTEN = 14  # the outputs could not be written: the disk is full, say

JOB_SCHEMA = "mobilekit/job/1"
RESULT_SCHEMA = "mobilekit/result/1"

# What can be imported, and the distribution that it comes with.
RUNTIMES = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}

TOO_NEW = re.compile(r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'")


class JobError(Exception):
    """The job cannot go on. `status` is the exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return BAD_JOB
    if arguments == ["--describe"]:
        return describe()
    folder = Path(arguments[0])
    result: dict[str, Any] = {"schema": RESULT_SCHEMA, "status": OK, "error": "", **machine()}
    try:
        run_job(folder, result)
    except JobError as error:
        result.update(status=error.status, error=str(error))
        print(error, file=sys.stderr)
    try:
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    except OSError as error:
        print(f"The result could not be written: {error}.", file=sys.stderr)
        return int(result["status"]) or NOT_WRITTEN
    return int(result["status"])


def describe() -> int:
    """Print what would run a job here; return the exit status."""
    try:
        _, runtime = find_runtime()
    except JobError as error:
        print(error, file=sys.stderr)
        return error.status
    print(json.dumps({"runtime": runtime, **machine()}))
    return OK


def machine() -> dict[str, str]:
    """Return what is known of this machine."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpu": processor_name(),
    }


def processor_name() -> str:
    """Return the processor's name as Linux tells it, or an empty text."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    facts = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    # On ARM there may be numbers alone; the part says which core it is.
    return facts.get("model name") or facts.get("Model") or facts.get("CPU part") or ""


def run_job(folder: Path, result: dict[str, Any]) -> None:
    """Run the job in a folder; write its outputs and fill in the result."""
    job = read_job(folder)
    module, result["runtime"] = find_runtime()
    inputs = [read_batches(folder, item, job["batches"]) for item in job["inputs"]]
    if "timing" in job:
        time_job(module, folder, job, inputs, result)
        return
    started = time.perf_counter()
    interpreter = load(module, folder, job, result)
    prepare(interpreter, result)
    result["load_seconds"] = time.perf_counter() - started
    result["seconds"] = []
    for item in job["outputs"]:
        (folder / item["file"]).write_bytes(b"")
    for batch in range(job["batches"]):
        started = time.perf_counter()
        outputs = run(interpreter, job, [batches[batch] for batches in inputs])
        result["seconds"].append(time.perf_counter() - started)
        for item, output in zip(job["outputs"], outputs):  # noqa: B905 (3.10 and later)
            append(folder / item["file"], output)


def read_job(folder: Path) -> dict[str, Any]:
    """Return the job, if its artifact arrived whole."""
    try:
        job: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        if job["schema"] != JOB_SCHEMA:
            raise JobError(BAD_JOB, f"The job's schema is {job['schema']}, not {JOB_SCHEMA}.")
        arrived = hashlib.sha256((folder / job["artifact"]).read_bytes()).hexdigest()
        if arrived != job["sha256"]:
            raise JobError(BAD_JOB, f"{job['artifact']} is not the file that was sent.")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(BAD_JOB, f"The job cannot be read: {error!r}.") from error
    return job


def find_runtime() -> tuple[Any, str]:
    """Return the module with `Interpreter`, and the runtime's name and version."""
    tried = []
    for module, distribution in RUNTIMES.items():
        try:
            found = importlib.import_module(f"{module}.interpreter")
            return found, f"{distribution} {importlib.metadata.version(distribution)}"
        except ImportError as error:
            tried.append(f"{module}: {error}")
    raise JobError(NO_RUNTIME, f"{sys.executable} has no TFLite runtime ({'; '.join(tried)}).")


def read_batches(folder: Path, item: dict[str, Any], batches: int) -> Any:
    """Return an input's arrays of all batches, stacked."""
    import numpy as np

    try:
        values = np.frombuffer((folder / item["file"]).read_bytes(), little_endian(item["dtype"]))
        return values.reshape((batches, *item["shape"]))
    except (OSError, ValueError, TypeError) as error:
        raise JobError(BAD_JOB, f"The input {item['name']!r} cannot be read: {error}.") from error


def load(module: Any, folder: Path, job: dict[str, Any], result: dict[str, Any]) -> Any:
    """Return an interpreter that has read the job's artifact."""
    try:
        return module.Interpreter(
            model_path=str(folder / job["artifact"]),
            num_threads=job["threads"],
            experimental_op_resolver_type=module.OpResolverType[job["kernels"]],
        )
    except (RuntimeError, ValueError) as error:
        raise refusal(error, result) from error
    except (KeyError, TypeError) as error:
        raise JobError(BAD_JOB, f"The runtime does not know what is asked: {error!r}.") from error


def prepare(interpreter: Any, result: dict[str, Any]) -> None:
    """Make an interpreter ready to run: its delegate takes what it can, and memory is planned."""
    try:
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise refusal(error, result) from error


def refusal(error: Exception, result: dict[str, Any]) -> JobError:
    """Return the error of a runtime that does not load the artifact; note what is too new."""
    result["refused"] = [
        {"operator": operator, "version": int(version)}
        for operator, version in TOO_NEW.findall(str(error))
    ]
    return JobError(REFUSED, str(error))


def time_job(
    module: Any, folder: Path, job: dict[str, Any], inputs: list[Any], result: dict[str, Any]
) -> None:
    """Time the artifact, and fill in the result."""
    timing = load_timing()
    before = timing.condition()
    try:
        timing.pin(job["timing"]["affinity"])
    except OSError as error:
        cores = ", ".join(map(str, job["timing"]["affinity"]))
        raise JobError(FAILED, f"It cannot be kept on the cores {cores}: {error}") from error
    bare = timing.peak_memory()
    # Loading is two steps here, so that the delegate's share shows.
    started = time.perf_counter_ns()
    interpreter = load(module, folder, job, result)
    loaded = time.perf_counter_ns()
    prepare(interpreter, result)
    prepared = time.perf_counter_ns()
    try:
        indices = tensor_indices(interpreter)[0]
        names = [indices[item["name"]] for item in job["inputs"]]
    except KeyError as error:
        raise JobError(FAILED, f"The file has no input named {error}.") from error

    stored = [
        batches.astype(item["dtype"])
        for item, batches in zip(job["inputs"], inputs)  # noqa: B905 (3.10 and later)
    ]

    def set_inputs(batch: int) -> None:
        interpreter.reset_all_variables()
        for index, batches in zip(names, stored):  # noqa: B905 (3.10 and later)
            interpreter.set_tensor(index, batches[batch])

    def runs(count: int, first: int) -> Any:
        every = range(job["batches"])
        return timing.time_runs(set_inputs, interpreter.invoke, every, count, first)

    try:
        turn = timing.take_turn(runs, job["timing"])
    except (RuntimeError, ValueError, timing.ClockError) as error:
        raise JobError(FAILED, str(error)) from error
    result["timing"] = {
        "load_ns": loaded - started,
        "prepare_ns": prepared - loaded,
        **turn,
        "bare_memory_bytes": bare,
        "peak_memory_bytes": timing.peak_memory(),
        "conditions": [before, timing.condition()],
    }


def load_timing() -> Any:
    """Return the module in `timing.py`, which is not on the search path of every Python here."""
    path = Path(__file__).with_name("timing.py")
    spec = importlib.util.spec_from_file_location("timing", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise JobError(BAD_JOB, f"{path} did not arrive.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(interpreter: Any, job: dict[str, Any], batch: list[Any]) -> list[Any]:
    """Run one batch; return its outputs in the job's order."""
    try:
        inputs, outputs = tensor_indices(interpreter)
        # Recurrent layers keep their state in the file's variables from run to run.
        interpreter.reset_all_variables()
        for item, values in zip(job["inputs"], batch):  # noqa: B905 (3.10 and later)
            interpreter.set_tensor(inputs[item["name"]], values.astype(item["dtype"]))
        interpreter.invoke()
        arrays = [interpreter.get_tensor(outputs[item["name"]]) for item in job["outputs"]]
    except (RuntimeError, ValueError) as error:
        raise JobError(FAILED, str(error)) from error
    except KeyError as error:
        raise JobError(FAILED, f"The file has no input or output named {error}.") from error
    for item, array in zip(job["outputs"], arrays):  # noqa: B905 (3.10 and later)
        if (array.dtype.name, list(array.shape)) != (item["dtype"], item["shape"]):
            came, asked = (array.dtype.name, array.shape), (item["dtype"], tuple(item["shape"]))
            raise JobError(FAILED, f"The output {item['name']!r} came as {came}, not {asked}.")
    return arrays


def tensor_indices(interpreter: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Return the inputs' and the outputs' tensors by name, from the file's own signature.

    Where the file has none, tensors are known by their own names.
    """
    keys = list(interpreter.get_signature_list())
    if not keys:
        return (
            {item["name"]: item["index"] for item in interpreter.get_input_details()},
            {item["name"]: item["index"] for item in interpreter.get_output_details()},
        )
    key = "serving_default" if "serving_default" in keys else keys[0]
    runner = interpreter.get_signature_runner(key)
    return (
        {name: item["index"] for name, item in runner.get_input_details().items()},
        {name: item["index"] for name, item in runner.get_output_details().items()},
    )


def append(file: Path, array: Any) -> None:
    """Add an output's array to its file."""
    try:
        with file.open("ab") as stream:
            stream.write(array.astype(little_endian(array.dtype.name)).tobytes())
    except OSError as error:
        raise JobError(NOT_WRITTEN, f"The outputs could not be written: {error}.") from error


def little_endian(dtype: str) -> Any:
    """Return numpy's little-endian dtype of a name."""
    import numpy as np

    return np.dtype(dtype).newbyteorder("<")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

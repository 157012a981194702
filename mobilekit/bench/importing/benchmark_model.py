"""Google's prebuilt `benchmark_model`, run on an Android device over adb, and read.

The user brings the program, for the device's processor; it needs no installation. It runs twice:
for the times, and with its profiler, which slows it down, for the times of operators.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mobilekit.bench.importing import benchmark_result, benchmark_text
from mobilekit.bench.importing.content import Content, read_content
from mobilekit.bench.results import Benchmark, Condition
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError, UnsupportedError
from mobilekit_delegates.devices import adb
from mobilekit_delegates.devices.transport import Ended, Transport
from mobilekit_delegates.targets import target

RUN_SECONDS = 600.0
"""How long one run of the program may take: its own limit is 150 s for each of two phases."""

_ACCELERATORS: Mapping[str, str] = {
    "cpu": "--use_xnnpack=true",
    "gpu": "--use_gpu=true",
    "nnapi": "--use_nnapi=true",
}
"""What the program is told, by accelerator."""

_PROGRAM, _MODEL, _RESULT = "benchmark_model", "model.tflite", "result.pb"

# Android's own words: `dumpsys thermalservice` of Android 10 and newer, `dumpsys battery`.
_STATE = """
cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor 2>/dev/null
dumpsys thermalservice 2>/dev/null
dumpsys battery 2>/dev/null
:
"""
_HEAT = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""By `PowerManager.THERMAL_STATUS_…`."""


def run_benchmark_model(artifact: Artifact, name: str, program: Path, threads: int) -> Benchmark:
    """Time an artifact on a device with benchmark_model.

    Args:
        artifact: a `.tflite` file.
        name: the target, such as `adb:R5CT20/gpu`.
        program: the program on this machine, built for the device.
        threads: how many the program is asked to run on.

    Raises:
        DataError: what the program said is damaged, or of another version.
        TargetError: the device cannot be reached, or the program failed there.
        UnsupportedError: the program knows no such accelerator, or the delegate took nothing.
    """
    place = target(name)
    device, _, accelerator = name.rpartition("/")
    if accelerator not in _ACCELERATORS:
        raise UnsupportedError(
            f"benchmark_model knows no {accelerator}, but {', '.join(_ACCELERATORS)}."
        )
    transport = adb.shell(device.partition(":")[2])
    options = (f"--graph={_MODEL}", f"--num_threads={threads}", _ACCELERATORS[accelerator])
    with transport.folder() as folder, tempfile.TemporaryDirectory(prefix="parcel-") as local:
        parcel = Path(local)
        shutil.copyfile(artifact.path, parcel / _MODEL)
        shutil.copyfile(program, parcel / _PROGRAM)
        (parcel / _PROGRAM).chmod(0o755)
        transport.push(parcel, folder)
        before = _state(transport, folder)
        timed = _run(transport, folder, (*options, f"--result_file_path={_RESULT}"))
        after = _state(transport, folder)
        transport.pull(folder, [_RESULT], parcel)
        found = _read(timed, parcel / _RESULT, name)
        profiled = _run(transport, folder, (*options, "--enable_op_profiling=true"))
        operators = _text(profiled, name).operators
    return replace(
        found,
        variant=artifact.variant,
        target=name,
        file_sha256=artifact.sha256,
        file_bytes=artifact.file_bytes,
        place=place.version(),
        emulated=place.info.emulated,
        threads=threads,
        operators=operators,
        before=before,
        after=after,
        notes=(*found.notes, *(("Its times of operators are averages.",) if operators else ())),
    )


def _run(transport: Transport, folder: str, options: tuple[str, ...]) -> Ended:
    ended = transport.run((f"./{_PROGRAM}", *options), folder=folder, seconds=RUN_SECONDS)
    if ended.status != 0:
        lines = [line for line in (ended.errors or ended.output).splitlines() if line.strip()]
        raise TargetError(
            f"{_PROGRAM} failed on {transport.device} with the exit status {ended.status}: "
            f"{(lines or ['it said nothing'])[-1].strip()[:300]}"
        )
    return ended


def _read(ended: Ended, result: Path, name: str) -> Benchmark:
    """Return what the text says, with the result file's percentiles where the text has none."""
    found = _text(ended, name)
    if found.status != "measured":
        raise UnsupportedError(f"{name}: {found.reason}")
    lacks = found.latency is None or math.isnan(found.latency.median_ms)
    if lacks and result.is_file():
        (other,) = benchmark_result.read(read_content(result))
        return replace(found, latency=other.latency)
    return found


def _text(ended: Ended, name: str) -> Benchmark:
    content = Content(f"What {_PROGRAM} said on {name}", (ended.output + ended.errors).encode())
    if not benchmark_text.recognises(content):
        raise DataError(
            f"{content.name} is no output of a version that is known. It ends with: "
            f"{ended.output.strip()[-200:]!r}."
        )
    (found,) = benchmark_text.read(content)
    return found


def _state(transport: Transport, folder: str) -> Condition:
    said = transport.run(("sh", "-c", _STATE), folder=folder, seconds=60.0).output
    lines = [line.strip() for line in said.splitlines()]
    governors = []
    for line in lines:
        # They come first, a word each.
        if not re.fullmatch(r"[a-z_]+", line):
            break
        governors.append(line)
    heat = re.search(r"^\s*Thermal Status: (\d)", said, re.MULTILINE)
    tenths = re.search(r"^\s*temperature: (-?\d+)", said, re.MULTILINE)
    return Condition(
        governor=", ".join(dict.fromkeys(governors)),
        thermal=_HEAT[int(heat[1])] if heat and int(heat[1]) < len(_HEAT) else "",
        celsius=int(tenths[1]) / 10 if tenths else math.nan,
    )

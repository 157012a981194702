"""Times that an Android device takes itself: by the generated module's own benchmark there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mobilekit.bench.importing.content import read_content
from mobilekit.bench.importing.device_report import read
from mobilekit.bench.results import Benchmark
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError
from mobilekit_delegates.targets import target
from mobilekit_delegates.targets.adb import Adb

_REPORT = "benchmark.json"


def times_itself(name: str) -> bool:
    """Say whether a target is a device on which the generated module times itself. This asks it."""
    place = target(name)
    return isinstance(place, Adb) and place.app is not None


def benchmark_from_device(artifact: Artifact, name: str) -> Benchmark:
    """Have a device measure an artifact, and return what its tests wrote.

    Args:
        artifact: of a release whose module's test APK is built.
        name: the target, such as `adb:R5CT20/gpu`.

    Raises:
        DataError: what the device wrote is damaged.
        TargetError: the device cannot be reached, or its benchmark did not come to its end.
        UnsupportedError: there is no test APK that holds this artifact.
    """
    place = target(name)
    if not isinstance(place, Adb) or place.app is None:
        raise TargetError(f"{name} is no Android device, which would time the module itself.")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place.app.run_benchmark(artifact, Path(folder))
        report = Path(folder, _REPORT)
        if not report.is_file():
            raise TargetError(f"{name} left no times: its benchmark wrote no {_REPORT}.")
        found = [
            item
            for item in read(read_content(report))
            if item.target == name and item.file_sha256 == artifact.sha256
        ]
    if len(found) != 1:
        raise TargetError(
            f"{name} left times of other artifacts or places than {artifact.variant}."
        )
    return found[0]

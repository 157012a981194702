"""TFLite for Android 2.16 on this machine, asked what its delegates take.

Its library runs on Linux as in `tests/android`. Android's `libneuralnetworks.so` is a stand-in with
a driver that takes everything, so that NNAPI's delegate takes what it offers to drivers.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from android import maven
from android.engines.interpreter.android_library import adapt, build_libc
from tools import require_tool, without

from mobilekit_delegates.coverage.coverage import Coverage

HERE = Path(__file__).parent / "classic"
BEFORE_NNAPI = 26
TAKEN = re.compile(
    r"Replacing (\d+) out of \d+ node\(s\) with delegate \((?:TfLiteNnapi|TfLiteXNNPack)Delegate\) "
    r"node, yielding (\d+) partitions"
)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came of a file: how many nodes the delegate took, and how many parts there are then.

    What TFLite 2.16 has no operators for, or not for these types, is not `known`.
    """

    whole: bool
    known: bool = True
    nodes: int
    parts: int


def build(folder: Path) -> Path:
    """Fill a folder with TFLite's library for Android, and the stand-ins for Android's own."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        without("TFLite's Android libraries for x86-64 run on Linux on such a processor alone.")
    compiler = require_tool("gcc")
    if (missing := maven.missing()) is not None:
        without(missing)
    libc = build_libc(compiler, folder)
    for name in ("libneuralnetworks.so", "libandroid.so"):
        command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{name}"]
        source = HERE / "neural_networks.c"
        subprocess.run([*command, "-o", str(folder / name), str(source)], check=True)
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (folder / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    return folder


def load(
    folder: Path, paths: Sequence[Path], delegate: str = "nnapi", level: int = BEFORE_NNAPI
) -> Mapping[Path, Loaded]:
    """Load files with a delegate on an Android of an API level."""
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "delegated.py"), str(folder), delegate],
        input="\n".join(map(str, paths)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "ANDROID_API_LEVEL": str(level)},
        text=True,
        errors="replace",
        check=False,
    )
    pieces = re.split(r"^file (.*)$", done.stdout, flags=re.MULTILINE)[1:]
    assert done.returncode == 0, pieces[-1]
    return {Path(path): _read(log) for path, log in zip(pieces[::2], pieces[1::2], strict=True)}


def _read(log: str) -> Loaded:
    counts = TAKEN.search(log)
    whole = re.search(r"^loaded$", log, re.MULTILINE) is not None
    nodes, parts = map(int, counts.groups()) if counts and whole else (0, 0)
    known = "Registration failed" not in log and "failed to prepare" not in log
    return Loaded(whole=whole, known=known, nodes=nodes, parts=parts)


def agrees(estimate: Coverage, measured: Loaded) -> bool:
    """Say whether as many nodes are taken; free ones may be, or not."""
    free = sum(answer.free for answer in estimate.answers)
    return estimate.nodes_taken <= measured.nodes <= estimate.nodes_taken + free

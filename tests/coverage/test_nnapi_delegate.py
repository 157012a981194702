"""NNAPI's rules beside NNAPI's own delegate: the one of TFLite for Android, on this machine.

Its library runs on Linux as in `tests/android`. Android's `libneuralnetworks.so` is a stand-in with
a driver that takes everything: what the delegate then takes is what it offers, which is what the
rules tell. What a phone's driver makes of that, no test here can say.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from android import maven
from android.engines.interpreter.android_library import adapt, build_libc
from corpus import cases
from one_op import Op, T, write
from tools import require_tool, without

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at

HERE = Path(__file__).parent / "nnapi"
LEVELS = [int(level) for level in DELEGATES["nnapi"].table.levels]
BEFORE_NNAPI = 26
TAKEN = re.compile(
    r"Replacing (\d+) out of \d+ node\(s\) with delegate \(TfLiteNnapiDelegate\) node, "
    r"yielding (\d+) partitions"
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with TFLite's library for Android, and the stand-ins for Android's own."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        without("TFLite's Android libraries for x86-64 run on Linux on such a processor alone.")
    compiler = require_tool("gcc")
    if (missing := maven.missing()) is not None:
        without(missing)
    made = tmp_path_factory.mktemp("nnapi")
    libc = build_libc(compiler, made)
    for name in ("libneuralnetworks.so", "libandroid.so"):
        command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{name}"]
        source = HERE / "neural_networks.c"
        subprocess.run([*command, "-o", str(made / name), str(source)], check=True)
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (made / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    return made


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The corpus as files."""
    place = tmp_path_factory.mktemp("corpus")
    return [case.write(place) for case in cases()]


def load(folder: Path, level: int, paths: list[Path]) -> Mapping[Path, Loaded]:
    """Load files with the delegate on an Android of a level."""
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "delegated.py"), str(folder)],
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


@pytest.mark.parametrize("level", LEVELS)
def test_the_delegate_offers_what_the_rules_say(
    folder: Path, graphs: list[Path], level: int
) -> None:
    # Where it refuses a graph before there is an NNAPI, a shape is only known when the graph runs.
    known = [path for path, said in load(folder, BEFORE_NNAPI, graphs).items() if said.known]
    assert len(known) > 0.98 * len(graphs)
    said = load(folder, level, known)
    wrong = {
        path.stem: (estimate.nodes_taken, said[path])
        for path in known
        if not agrees(estimate := delegate_at(f"nnapi@{level}").estimate(_graph(path)), said[path])
    }
    assert not wrong
    assert sum(item.nodes for item in said.values()) > 100
    assert sum(not item.whole for item in said.values()) > 10


def _graph(path: Path) -> OperatorGraph:
    return read_graphs(path)[0]


def test_what_it_offers_and_fails_at_is_refused(folder: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path / "int4.tflite",
        [
            T(shape=(2, 8)),
            T(shape=(4, 8), dtype="int4", fill=1, scales=(0.1,)),
            T(shape=(4,), fill=0),
            T(shape=(2, 4)),
        ],
        [
            Op(
                name="FULLY_CONNECTED",
                inputs=(0, 1, 2),
                outputs=(3,),
                options={"kind": "FullyConnectedOptions"},
            )
        ],
    )
    assert load(folder, BEFORE_NNAPI, [path])[path].whole
    assert not load(folder, 34, [path])[path].whole
    (answer,) = delegate_at("nnapi").estimate(_graph(path)).answers
    assert not answer.taken
    assert "then fails to load the file" in answer.objections[0].reason


def test_of_many_parts_it_keeps_three(folder: Path, tmp_path: Path) -> None:
    parts = (["ABS"], ["TANH", "EXP"], ["TANH", "EXP", "ABS"], ["ABS"], ["TANH", "ABS"])
    names = [name for part in parts for name in (*part, "SIGN")]
    path = write(
        tmp_path / "parts.tflite",
        [T() for _ in range(len(names) + 1)],
        [Op(name=name, inputs=(i,), outputs=(i + 1,)) for i, name in enumerate(names)],
    )
    measured, estimate = load(folder, 34, [path])[path], delegate_at("nnapi").estimate(_graph(path))
    assert measured == Loaded(whole=True, nodes=7, parts=7)
    assert estimate.nodes_taken == 7
    assert len(estimate.partitions) == 7
    assert [index for index, answer in enumerate(estimate.answers) if answer.cut_off] == [0, 9]

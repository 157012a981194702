"""NNAPI's rules beside NNAPI's own delegate, that of TFLite for Android.

What it offers to drivers is what the rules tell. What a phone's driver makes of that, no test here
can say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from classic_tflite import Loaded, agrees, build, load
from corpus import cases
from one_op import Op, T, write

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at

LEVELS = [int(level) for level in DELEGATES["nnapi"].table.levels]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nnapi"))


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The corpus as files."""
    place = tmp_path_factory.mktemp("corpus")
    return [case.write(place) for case in cases()]


@pytest.mark.parametrize("level", LEVELS)
def test_the_delegate_offers_what_the_rules_say(
    folder: Path, graphs: list[Path], level: int
) -> None:
    # Where it refuses a graph before there is an NNAPI, a shape is only known when the graph runs.
    known = [path for path, said in load(folder, graphs).items() if said.known]
    assert len(known) > 0.98 * len(graphs)
    said = load(folder, known, level=level)
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
    assert load(folder, [path])[path].whole
    assert not load(folder, [path], level=34)[path].whole
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
    measured, estimate = (
        load(folder, [path], level=34)[path],
        delegate_at("nnapi").estimate(_graph(path)),
    )
    assert measured == Loaded(whole=True, nodes=7, parts=7)
    assert estimate.nodes_taken == 7
    assert len(estimate.partitions) == 7
    assert [index for index, answer in enumerate(estimate.answers) if answer.cut_off] == [0, 9]

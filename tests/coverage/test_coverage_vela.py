"""Vela, asked which nodes it compiles for Ethos-U, beside the tables made from its own report."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from corpus import cases
from one_op import Op, T, write
from tools import without

from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.asking.vela import MACS, VelaAsker, compile_with_vela
from mobilekit_delegates.coverage.comparison import compare
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at

NAMES = ("ethos_u55", "ethos_u65", "ethos_u85")
INT8 = {"dtype": "int8", "scales": (0.1,)}
RESNET = (
    Path(__file__).parents[3] / "shared/models/image_classification/pretrainedResnet_quant.tflite"
)


@pytest.fixture(autouse=True)
def vela() -> None:
    if importlib.util.find_spec("ethosu") is None:
        without("Vela is not installed: pip install 'mobilekit[ethos-u]'.")


def asked(delegate: str, path: Path) -> Coverage:
    (coverage,) = ASKERS[delegate].ask(path)
    return coverage


def chain(path: Path, *operators: str, **tensor: object) -> Path:
    """Operators of one input in a row."""
    return write(
        path,
        [T(**tensor) for _ in range(len(operators) + 1)],  # type: ignore[arg-type]
        [
            Op(name=name, inputs=(index,), outputs=(index + 1,))
            for index, name in enumerate(operators)
        ],
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_int8_graph_is_compiled(name: str, tmp_path: Path) -> None:
    coverage = asked(name, chain(tmp_path / "m.tflite", "RELU", "TANH", **INT8))
    assert (coverage.nodes_taken, coverage.nodes) == (2, 2)
    assert coverage.basis == "compiled"
    assert coverage.level == DELEGATES[name].table.default
    assert "Vela 5" in coverage.place
    assert "by its own estimate" in coverage.place
    assert "cycles" in coverage.place
    assert len(coverage.partitions) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_float_graph_gets_nothing_and_says_why(name: str, tmp_path: Path) -> None:
    coverage = asked(name, chain(tmp_path / "m.tflite", "RELU", "TANH"))
    assert (coverage.nodes_taken, coverage.nodes, coverage.share) == (0, 2, 0.0)
    for answer in coverage.answers:
        (objection,) = answer.objections
        assert "unsupported DataType Float32" in objection.reason
        assert "g0t" not in objection.reason
        assert "tflite-int8" in objection.remedy
    assert "estimate" not in coverage.place


def test_what_is_left_lies_between_what_is_taken(tmp_path: Path) -> None:
    path = chain(tmp_path / "m.tflite", "RELU", "COS", "RELU", **INT8)
    coverage = asked("ethos_u55", path)
    assert [answer.taken for answer in coverage.answers] == [True, False, True]
    assert [part.taken for part in coverage.partitions] == [True, False, True]
    assert [crossing.bytes for crossing in coverage.crossings] == [256, 256]
    assert "Unsupported opType" in coverage.answers[1].objections[0].reason


def test_a_custom_operator_is_left(tmp_path: Path) -> None:
    coverage = asked("ethos_u55", chain(tmp_path / "m.tflite", "RELU", "MyThing", **INT8))
    assert [answer.taken for answer in coverage.answers] == [True, False]


def test_a_batch_that_is_open_is_compiled_for_its_first_size_with_a_warning(
    tmp_path: Path,
) -> None:
    path = chain(tmp_path / "m.tflite", "RELU", open=(0,), **INT8)
    (answer,) = asked("ethos_u55", path).answers
    assert answer.taken
    assert "only known when it runs" in answer.warnings[0].reason


@pytest.mark.parametrize(
    ("delegate", "macs"), [(name, macs) for name, known in MACS.items() for macs in known]
)
def test_every_size_of_the_npus_can_be_asked(delegate: str, macs: int, tmp_path: Path) -> None:
    assert macs in DELEGATES[delegate].table.levels
    path = chain(tmp_path / "m.tflite", "RELU", **INT8)
    (coverage,) = VelaAsker(delegate, macs).ask(path)
    assert (coverage.level, coverage.nodes_taken) == (macs, 1)
    assert f"{delegate.replace('_', '-')}-{macs}" in coverage.place


def test_a_larger_npu_needs_fewer_cycles(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.tflite",
        [
            T(shape=(1, 32, 32, 32), **INT8),  # type: ignore[arg-type]
            T(shape=(64, 3, 3, 32), fill=1, **INT8),  # type: ignore[arg-type]
            T(shape=(64,), dtype="int32", fill=1, scales=(0.01,)),
            T(shape=(1, 32, 32, 64), **INT8),  # type: ignore[arg-type]
        ],
        [
            Op(
                name="CONV_2D",
                inputs=(0, 1, 2),
                outputs=(3,),
                options={"kind": "Conv2DOptions", "strideW": 1, "strideH": 1},
            )
        ],
    )
    small = compile_with_vela(path, "ethos-u55-32").estimate
    large = compile_with_vela(path, "ethos-u55-256").estimate
    assert small is not None
    assert large is not None
    assert small.cycles > 2 * large.cycles > 0
    assert large.memory["SRAM"] > 0


def test_a_damaged_file_is_no_matter_for_vela(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"TFL3" * 20)
    with pytest.raises(SourceError):
        ASKERS["ethos_u55"].ask(path)


def test_where_vela_fails_it_says_so(tmp_path: Path) -> None:
    """Vela 5.2 stops at truth values that an Ethos-U55 has no place for."""
    path = write(
        tmp_path / "m.tflite",
        [T(**INT8), T(**INT8), T(dtype="bool")],  # type: ignore[arg-type]
        [Op(name="EQUAL", inputs=(0, 1), outputs=(2,))],
    )
    with pytest.raises(TargetError, match=r"Vela cannot compile m\.tflite for ethos-u55-256"):
        ASKERS["ethos_u55"].ask(path)


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    path = chain(tmp_path / "m.tflite", "RELU", **INT8)
    before = path.read_bytes()
    asked("ethos_u55", path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_whole_network_runs_on_the_npu() -> None:
    if not RESNET.exists():
        pytest.skip("The reference models are not beside the checkout: ../shared/models.")
    for name in NAMES:
        coverage = asked(name, RESNET)
        assert coverage.share == 1.0
        assert coverage.macs_share == 1.0
        assert not compare(delegate_at(name).estimate(read_graphs(RESNET)[0]), coverage)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "first"), [("ethos_u55", 2), ("ethos_u85", 11)])
def test_the_tables_agree_with_vela(name: str, first: int, tmp_path: Path) -> None:
    """An even sample of the corpus; graphs that Vela fails on have no answer to agree with."""
    found = []
    answered = 0
    for case in cases()[first::60]:
        path = case.write(tmp_path)
        try:
            said = asked(name, path)
        except TargetError:
            continue
        answered += said.nodes
        found += [(case.name, *pair) for pair in compare_words(name, path, said)]
    assert answered > 10
    assert found == []


def compare_words(name: str, path: Path, said: Coverage) -> list[tuple[str, str]]:
    disagreements = compare(delegate_at(name).estimate(read_graphs(path)[0]), said)
    return [(item.estimate, item.measured) for item in disagreements]

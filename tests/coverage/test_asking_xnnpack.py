"""XNNPACK itself, asked which nodes it takes, beside the estimate from its rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_op import Op, T, write

from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.comparison import compare
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import delegate_at

MODELS = Path(__file__).parents[3] / "shared/models"
ADD = {"kind": "AddOptions"}
INTEGER = T(dtype="int8", scales=(0.1,), zero_points=(0,))


def measured(path: Path) -> Coverage:
    return ASKERS["xnnpack"].ask(path)[0]


def estimated(path: Path) -> Coverage:
    return delegate_at("xnnpack").estimate(read_graphs(path)[0])


def chain(path: Path, *names: str) -> Path:
    """Write operators of one input each, one behind the other."""
    return write(
        path,
        [T() for _ in range(len(names) + 1)],
        [Op(name=name, inputs=(i,), outputs=(i + 1,)) for i, name in enumerate(names)],
    )


def test_it_says_which_nodes_it_takes_and_in_which_parts(tmp_path: Path) -> None:
    path = chain(tmp_path / "chain.tflite", "TANH", "SIGN", "ABS", "EXP", "SIGN")
    said = measured(path)
    assert [answer.taken for answer in said.answers] == [True, False, True, True, False]
    assert [(part.nodes, part.taken) for part in said.partitions] == [
        ((0,), True),
        ((1,), False),
        ((2, 3), True),
        ((4,), False),
    ]
    assert [(item.tensor, item.bytes) for item in said.crossings] == [
        ("t1", 1024),
        ("t2", 1024),
        ("t4", 1024),
    ]
    assert (said.basis, said.level, said.delegate) == ("measured", 2.3, "xnnpack")
    assert said.place.startswith("XNNPACK in LiteRT 2.3")


def test_a_graph_of_which_it_takes_nothing(tmp_path: Path) -> None:
    said = measured(chain(tmp_path / "sign.tflite", "SIGN"))
    assert (said.nodes_taken, said.nodes, said.share) == (0, 1, 0.0)


def test_weights_that_are_unpacked_are_free(tmp_path: Path) -> None:
    path = write(
        tmp_path / "fp16.tflite",
        [
            T(shape=(2, 8)),
            T(shape=(4, 8), dtype="float16", fill=1),
            T(shape=(4, 8)),
            T(shape=(4,), fill=0),
            T(shape=(2, 4)),
        ],
        [
            Op(
                name="DEQUANTIZE",
                inputs=(1,),
                outputs=(2,),
                options={"kind": "DequantizeOptions"},
                version=3,
            ),
            Op(
                name="FULLY_CONNECTED",
                inputs=(0, 2, 3),
                outputs=(4,),
                options={"kind": "FullyConnectedOptions"},
            ),
        ],
    )
    for coverage in (measured(path), estimated(path)):
        assert [(item.taken, item.free) for item in coverage.answers] == [
            (True, True),
            (True, False),
        ]
        assert (coverage.nodes_taken, coverage.nodes, coverage.macs_share) == (1, 1, 1.0)


def test_a_node_that_it_takes_and_fails_at_is_refused(tmp_path: Path) -> None:
    deep, shallow = T(shape=(1, 1, 2, 1, 2, 1, 2)), T(shape=(1, 2, 1, 2, 1, 2))
    path = write(
        tmp_path / "deep.tflite",
        [deep, T(shape=(1,), dtype="int32", values=[1]), shallow, shallow],
        [
            Op(name="SUM", inputs=(0, 1), outputs=(2,), options={"kind": "ReducerOptions"}),
            Op(name="ABS", inputs=(2,), outputs=(3,), options={"kind": "AbsOptions"}),
        ],
    )
    said = measured(path)
    assert [answer.taken for answer in said.answers] == [False, True]
    assert (
        said.answers[0]
        .objections[0]
        .reason.startswith(
            "XNNPACK takes it and fails to make it ready, so that the file does not load: "
            "failed to delegate SUM node #0"
        )
    )
    assert not compare(estimated(path), said)


def test_a_file_that_litert_refuses_is_an_error(tmp_path: Path) -> None:
    unknown = write(
        tmp_path / "mine.tflite", [T(), T()], [Op(name="Mine", inputs=(0,), outputs=(1,))]
    )
    with pytest.raises(TargetError, match=r"LiteRT refuses mine\.tflite itself: .*Mine"):
        measured(unknown)
    newer = write(
        tmp_path / "newer.tflite",
        [T(), T(), T()],
        [Op(name="ADD", inputs=(0, 1), outputs=(2,), options=ADD, version=99)],
    )
    with pytest.raises(TargetError, match=r"LiteRT refuses newer\.tflite itself: "):
        measured(newer)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(newer.read_bytes()[:60])
    with pytest.raises(SourceError, match=r"damaged\.tflite is no whole TFLite model"):
        measured(damaged)


def test_a_fixed_node_beside_a_variable_is_judged_alike(tmp_path: Path) -> None:
    path = write(
        tmp_path / "variable.tflite",
        [T(dtype="resource", shape=()), T(), T(), T()],
        [
            Op(name="VAR_HANDLE", inputs=(), outputs=(0,), options={"kind": "VarHandleOptions"}),
            Op(name="ABS", inputs=(1,), outputs=(2,), options={"kind": "AbsOptions"}),
            Op(
                name="ASSIGN_VARIABLE",
                inputs=(0, 2),
                outputs=(),
                options={"kind": "AssignVariableOptions"},
            ),
            Op(
                name="READ_VARIABLE",
                inputs=(0,),
                outputs=(3,),
                options={"kind": "ReadVariableOptions"},
            ),
        ],
        outputs=[3],
    )
    assert [answer.taken for answer in measured(path).answers] == [True] * 4
    assert not compare(estimated(path), measured(path))


@pytest.mark.parametrize(
    "name",
    [
        "image_classification/pretrainedResnet.tflite",
        "image_classification/pretrainedResnet_quant.tflite",
        "keyword_spotting/kws_ref_model.tflite",
        "streaming_wakeword/str_ww_ref_model.tflite",
    ],
)
def test_whole_networks_are_estimated_as_measured(name: str) -> None:
    if not MODELS.exists():
        pytest.skip(f"The reference models are not at {MODELS}.")
    guess, said = estimated(MODELS / name), measured(MODELS / name)
    assert not compare(guess, said)
    assert guess.partitions == said.partitions
    assert guess.crossings == said.crossings
    assert guess.macs_share == said.macs_share

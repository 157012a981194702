"""The compilers of phones' NPUs: what is said without their SDKs, and how answers are read."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from one_op import Op, T, write

from mobilekit_converters.errors import TargetError, ToolMissingError
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.asking.npu import VENDORS, compile_for_npu, coverages
from mobilekit_delegates.coverage.delegates import DELEGATES, delegate_at


def model(folder: Path) -> Path:
    tensor = T(dtype="int8", scales=(0.1,))
    return write(
        folder / "m.tflite", [tensor, tensor], [Op(name="RELU", inputs=(0,), outputs=(1,))]
    )


def without_sdk(name: str) -> None:
    sdk = VENDORS[name].sdk
    if sdk and importlib.util.find_spec(sdk) is not None:
        pytest.skip(f"{sdk} is installed here.")


@pytest.mark.parametrize("name", VENDORS)
def test_without_the_sdk_it_says_what_is_missing(name: str) -> None:
    without_sdk(name)
    missing = ASKERS[name].missing()
    assert missing is not None
    assert VENDORS[name].title in missing.reason
    assert missing.command.startswith("pip install") == bool(VENDORS[name].sdk)


@pytest.mark.parametrize("name", VENDORS)
def test_there_is_no_estimate_to_be_taken_for_an_answer(name: str) -> None:
    without_sdk(name)
    assert name not in DELEGATES
    with pytest.raises(ToolMissingError, match=f"{name} was not run, and there is no estimate"):
        delegate_at(name)


@pytest.mark.parametrize("name", VENDORS)
def test_litert_is_run_up_to_where_it_misses_the_sdk(name: str, tmp_path: Path) -> None:
    without_sdk(name)
    if not sys.platform.startswith("linux"):
        pytest.skip("LiteRT has the plug-ins for Linux alone.")
    with pytest.raises(TargetError, match=r"compiler fails on m\.tflite") as error:
        compile_for_npu(model(tmp_path), name)
    assert ".error" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


@pytest.mark.parametrize("name", VENDORS)
def test_the_chips_are_known_to_litert(name: str) -> None:
    module = importlib.import_module(f"ai_edge_litert.aot.vendors.{name}.target")
    assert module.SocModel(VENDORS[name].chip)


def test_an_answer_is_numbers_for_each_graph(tmp_path: Path) -> None:
    """The numbers stand in for a compiler's: none was ever run."""
    (coverage,) = coverages("qualcomm", read_graphs(model(tmp_path)), {0: (3, 2)})
    assert (coverage.nodes_taken, coverage.nodes, coverage.basis) == (3, 5, "compiled")
    assert "Qualcomm's compiler for SM8750" in coverage.place


def test_a_graph_without_a_word_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="says nothing of the graph"):
        coverages("mediatek", read_graphs(model(tmp_path)), {})

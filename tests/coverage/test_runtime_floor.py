"""Operators newer than a runtime: by the table, and as the runtimes themselves say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from one_op import Op, T, write
from tools import require_target

from mobilekit_converters.errors import ProjectError
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.runtime_floor import (
    VERSIONS,
    first_runtime,
    newer_than,
    oldest_runtime,
)
from mobilekit_delegates.installing.floor_environment import environment, python_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOADING = """
import json, sys
try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    from ai_edge_litert.interpreter import Interpreter
refused = []
for path in sys.stdin.read().splitlines():
    try:
        Interpreter(path)
    except (RuntimeError, ValueError) as error:
        known = "Didn't find op" not in str(error) and "out of range" not in str(error)
        if not known:
            refused.append(path)
json.dump(refused, sys.stdout)
"""


def graph(folder: Path, *ops: tuple[str, int]) -> OperatorGraph:
    tensors = [T() for _ in range(len(ops) + 1)]
    nodes = [
        Op(name=name, inputs=(index,), outputs=(index + 1,), version=version)
        for index, (name, version) in enumerate(ops)
    ]
    return read_graphs(write(folder / "graph.tflite", tensors, nodes))[0]


def test_what_is_newer_is_named_with_the_first_runtime_that_has_it(tmp_path: Path) -> None:
    found = newer_than(
        graph(tmp_path, ("ADD", 5), ("FULLY_CONNECTED", 12), ("ADD", 99), ("Mine", 1)), "2.14"
    )
    assert [(item.node, item.operator, item.version, item.first) for item in found] == [
        (1, "FULLY_CONNECTED", 12, "2.17"),
        (2, "ADD", 99, None),
    ]
    assert list(map(str, found)) == [
        "FULLY_CONNECTED version 12 is there from 2.17 on",
        "ADD version 99 is there in no runtime that is known",
    ]
    assert found[0].name == "t2"


def test_a_floor_counts_by_its_numbers(tmp_path: Path) -> None:
    net = graph(tmp_path, ("FULLY_CONNECTED", 9))
    assert newer_than(net, "2.3") == newer_than(net, "2.3.0") == newer_than(net, "2.10.1") == ()
    assert len(newer_than(net, "2.2.9")) == 1


@pytest.mark.parametrize("floor", ["", "2", "two", "2.14.0.1", "v2.14", "2.14 "])
def test_what_is_no_version_is_refused(tmp_path: Path, floor: str) -> None:
    with pytest.raises(
        ProjectError, match=r"is no version of a TFLite runtime\. Write it as 2\.14"
    ):
        newer_than(graph(tmp_path, ("ADD", 1)), floor)


def test_the_oldest_runtime_is_that_of_the_newest_operator(tmp_path: Path) -> None:
    assert oldest_runtime([graph(tmp_path, ("ADD", 1), ("GELU", 1), ("CONV_2D", 5))]) == "2.9"
    assert oldest_runtime([graph(tmp_path, ("ADD", 1))]) == "1.5"
    assert oldest_runtime([graph(tmp_path, ("ADD", 1), ("Mine", 7))]) == "1.5"
    assert oldest_runtime([graph(tmp_path, ("ADD", 1), ("STABLEHLO_SORT", 1))]) is None
    assert first_runtime("BROADCAST_TO", 1) is None
    assert first_runtime("ADD", 0) is None


@pytest.mark.parametrize(("dtype", "first"), [("int8", "1.14"), ("int16", "2.4")])
def test_quantised_int16_counts_whatever_the_file_says(
    tmp_path: Path, dtype: str, first: str
) -> None:
    tensors = [T(dtype=dtype, scales=(0.5,), zero_points=(0,)) for _ in range(3)]
    ops = [
        Op(name="SOFTMAX", inputs=(0,), outputs=(1,), version=2),
        Op(name="MEAN", inputs=(1, -1), outputs=(2,), version=2),
    ]
    (net,) = read_graphs(write(tmp_path / "m.tflite", tensors, ops))
    assert oldest_runtime([net]) == first
    late = [(item.operator, item.version, item.first) for item in newer_than(net, "2.2")]
    assert late == ([("SOFTMAX", 3, "2.3"), ("MEAN", 3, "2.4")] if dtype == "int16" else [])


@pytest.mark.parametrize(("scales", "first"), [((0.5,), "1.14"), ((0.5,) * 8, "2.7")])
def test_a_scale_for_each_channel_counts_whatever_the_file_says(
    tmp_path: Path, scales: tuple[float, ...], first: str
) -> None:
    tensors = [T(shape=(8, 3), dtype="int8", fill=1, scales=scales), T(shape=(8, 3))]
    ops = [Op(name="DEQUANTIZE", inputs=(0,), outputs=(1,), version=2)]
    (net,) = read_graphs(write(tmp_path / "m.tflite", tensors, ops))
    assert oldest_runtime([net]) == first


@pytest.mark.parametrize("section", ["int16", "per_channel"])
def test_no_version_is_named_that_no_runtime_has(section: str) -> None:
    versions = tomllib.loads(VERSIONS.read_text(encoding="utf-8"))[section]
    assert versions
    assert all(first_runtime(operator, version) for operator, version in versions.items())


def every_version(folder: Path) -> dict[str, OperatorGraph]:
    """Write a file for each version of each operator, and for two beyond the last one."""
    names = [
        name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
    ]
    found = {}
    for name in names:
        version, unknown = 1, 0
        while name != "CUSTOM" and unknown < 3:
            path = folder / f"{name}-{version}.tflite"
            op = Op(name=name, inputs=(0,), outputs=(1,), version=version)
            found[str(path)] = read_graphs(write(path, [T(), T()], [op]))[0]
            unknown = unknown + 1 if first_runtime(name, version) is None else 0
            version += 1
    return found


def refused(python: str, paths: list[str]) -> set[str]:
    done = subprocess.run(
        [python, "-I", "-c", LOADING],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_tflite_runtime_2_14_refuses_what_the_table_says(tmp_path: Path) -> None:
    require_target("tflite-floor")
    graphs = every_version(tmp_path)
    assert len(graphs) > 800
    expected = {path for path, net in graphs.items() if newer_than(net, "2.14")}
    assert refused(str(python_of(environment())), [*graphs]) == expected


def test_litert_has_all_of_the_table_but_one_operator(tmp_path: Path) -> None:
    graphs = every_version(tmp_path)
    known = {path for path, net in graphs.items() if oldest_runtime([net]) is not None}
    assert refused(sys.executable, [*graphs]) & known == {str(tmp_path / "STABLEHLO_CBRT-1.tflite")}
    assert known - refused(sys.executable, [*graphs])
